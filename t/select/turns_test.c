/* SPDX-License-Identifier: MIT
 *
 * Round-robin gives each entry its turn: also keys that were made to have one hash, and with several processes at once.
 */
#include "select_kit.h"
#include <sys/mman.h>

enum { ENTRIES = 24, COLLIDING = 7, PROCESSES = 8 };
static char folder[] = "/tmp/proxtier-turns-XXXXXX";

static const char *const pools[][2] = {
    {"{plugin: l3_sqlite, path: %1$s/db}", "SQLite"},
    {"{plugin: l2_jsonl, dir: %1$s/l2}", "JSONL"},
    {"{plugin: l1_memory}, {plugin: l2_jsonl, dir: %1$s/l2, max_entries: 9}, {plugin: l3_sqlite, path: %1$s/db}",
     "a chain of three"},
    {"{plugin: l1_memory}", "memory"},
    {"{plugin: searching}", "search"},
};

static pxt_cache *open_in_folder(const char *tiers)
{
    char text[1000];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, tiers, folder);
#pragma GCC diagnostic pop
    return open_pool(text);
}

static void empty_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

/* Whatever the eight digits are, the hash of such a key is 0: the text behind them is what the function multiplies with what
 * it has by then, taken from itself. */
static void make_key(int number, char key[40])
{
    if (number < COLLIDING)
        snprintf(key, 40, "collides00248850%08dTD7wZGi3.", number);
    else
        snprintf(key, 40, "key%02d", number);
}

static int number_of(const char *key)
{
    return strlen(key) > 30 ? atoi(key + 16) : atoi(key + 3);
}

static void fill(pxt_cache *cache)
{
    char key[40], url[60];
    for (int i = 0; i < ENTRIES; i++) {
        make_key(i, key);
        snprintf(url, sizeof url, "http://192.0.2.%d:80", i);
        put(cache, key, url, "s");
    }
}

/* How many of the entries from `first` on have not had `turns` turns. */
static int wrong(const int *count, int first, int turns)
{
    int n = 0;
    for (int i = first; i < ENTRIES; i++) {
        n += count[i] != turns;
        if (count[i] != turns)
            diag("entry %d had %d turns", i, count[i]);
    }
    return n;
}

static void keys_of_one_hash(const char *tiers, const char *name)
{
    int count[ENTRIES] = {0};
    char key[40];
    empty_folder();
    pxt_cache *cache = open_in_folder(tiers);
    fill(cache);
    for (int i = 0; i < 3 * ENTRIES; i++)
        count[number_of(choose(cache, NULL, PXT_CHOOSE_ROUND_ROBIN, NULL))]++;
    is_int(wrong(count, 0, 3), 0, "%s: in three rounds each has three turns, whatever its hash", name);
    memset(count, 0, sizeof count);
    for (int i = 0; i < 3; i++) { /* those that left have no turn, and take none from others */
        make_key(i, key);
        pxt_cache_delete(cache, key, NULL);
    }
    for (int i = 0; i < ENTRIES - 3; i++)
        choose(cache, NULL, PXT_CHOOSE_ROUND_ROBIN, NULL);
    for (int i = 0; i < 2 * (ENTRIES - 3); i++)
        count[number_of(choose(cache, NULL, PXT_CHOOSE_ROUND_ROBIN, NULL))]++;
    is_int(wrong(count, 3, 2), 0, "%s: some of them leave: the others have their turns", name);
    pxt_cache_close(cache);
}

static void several_at_once(const char *tiers, const char *name)
{
    struct pxt_select_options options = {.size = sizeof options, .choice = PXT_CHOOSE_ROUND_ROBIN};
    pxt_entry *entries[ENTRIES];
    bool seen[ENTRIES] = {false};
    size_t found;
    int repeated = 0;
    empty_folder();
    pxt_cache *cache = open_in_folder(tiers);
    fill(cache);
    for (int i = 0; i < 3; i++)
        choose(cache, NULL, PXT_CHOOSE_ROUND_ROBIN, NULL); /* in the middle of those of one hash */
    is_int(pxt_cache_select(cache, NULL, &options, ENTRIES, entries, &found, &error), PXT_OK, "%s: all in one call",
           name);
    for (size_t i = 0; i < found; i++) {
        int number = number_of(pxt_entry_key(entries[i]));
        repeated += seen[number];
        seen[number] = true;
        pxt_entry_release(entries[i]);
    }
    ok(found == ENTRIES && !repeated, "%s: each once", name);
    pxt_cache_close(cache);
}

/* A choice moves the circle behind what it chooses in one step, whoever else does. So while no entry comes or goes, as many
 * choices as R rounds have give each entry R turns exactly. */
static void processes(const char *tiers, const char *name)
{
    const int rounds = PROCESSES * tap_amount(10);
    int failed = 0;
    _Atomic int *count = mmap(NULL, ENTRIES * sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[PROCESSES];
    empty_folder();
    pxt_cache *cache = open_in_folder(tiers);
    fill(cache);
    pxt_cache_close(cache);
    for (int p = 0; p < PROCESSES; p++) {
        child[p] = fork();
        if (child[p])
            continue;
        cache = open_in_folder(tiers);
        for (int i = 0; i < rounds / PROCESSES * ENTRIES; i++) {
            const char *key = choose(cache, NULL, PXT_CHOOSE_ROUND_ROBIN, NULL);
            if (!*key)
                _exit(1);
            count[number_of(key)]++;
        }
        pxt_cache_close(cache);
        _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int how = -1;
        failed += waitpid(child[p], &how, 0) != child[p] || how;
    }
    int turns[ENTRIES];
    for (int i = 0; i < ENTRIES; i++)
        turns[i] = count[i];
    is_int(failed, 0, "%s: %d processes choose at once", name, PROCESSES);
    is_int(wrong(turns, 0, rounds), 0, "%s: in %d rounds each has as many turns", name, rounds);
    munmap((void *)(uintptr_t)count, ENTRIES * sizeof *count);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        keys_of_one_hash(pools[i][0], pools[i][1]);
        several_at_once(pools[i][0], pools[i][1]);
        if (i < 3) /* the others are of one process */
            processes(pools[i][0], pools[i][1]);
    }
    empty_folder();
    rmdir(folder);
    return tap_done();
}
