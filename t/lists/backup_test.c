/* SPDX-License-Identifier: MIT
 *
 * A backup while four processes write: each entry in it is whole, each entry that was stored all the time is in it, and none
 * that never was. Processes put, report, delete and get in chains whose faster tiers evict all the time.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 4, STABLE = 400, MOVING = 200 };
static char folder[] = "/tmp/proxtier-backup-XXXXXX";
static struct pxt_error error;

static pxt_cache *open_pool(const char *name)
{
    char yaml[600];
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\n"
             "health: {invalidate: false}\n"
             "tiers:\n"
             "  - {plugin: l1_memory, max_entries: 100}\n"
             "  - {plugin: l2_jsonl, max_entries: 300, dir: %s/%s, shards: 4}\n"
             "  - {plugin: l3_sqlite, path: %s/%s.db, sync: none}\n",
             folder, name, folder, name);
    struct pxt_cache_options options = {.size = sizeof options, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static pxt_time round_to_second(pxt_time time)
{
    return time - time % PXT_SECOND;
}

/* An entry whose fields all say the same number, so that one of two halves would be seen. */
static pxt_status put(pxt_cache *cache, const char *kind, unsigned i, unsigned number)
{
    char key[40], url[60], text[40], name[40];
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, (size_t)snprintf(key, sizeof key, "%s%u", kind, i));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url,
                       (size_t)snprintf(url, sizeof url, "http://192.0.2.1:%u", 1 + number % 60000));
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, text, (size_t)snprintf(text, sizeof text, "%u", number % 60000));
    pxt_draft_set_text(&draft, PXT_FIELD_COUNTRY, text, strlen(text));
    pxt_draft_set_text(&draft, PXT_FIELD_USERNAME, name, (size_t)snprintf(name, sizeof name, "u%u", number % 60000));
    pxt_draft_set_number(&draft, PXT_FIELD_FETCH_TIME, round_to_second(pxt_cache_now(cache)));
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, 86400);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

/* ---- the writers ------------------------------------------------------------------------------------------------- */

static void change_one(pxt_cache *cache, unsigned *seed, unsigned number)
{
    char key[40];
    unsigned what = (unsigned)rand_r(seed) % 6, i = (unsigned)rand_r(seed);
    struct pxt_report report = {.size = sizeof report, .ok = what & 1, .latency_ms = 5};
    pxt_entry *entry = NULL;
    if (what == 0) {
        put(cache, "stable", i % STABLE, number);
    } else if (what == 1) {
        put(cache, "moving", i % MOVING, number);
    } else if (what == 2) {
        snprintf(key, sizeof key, "moving%u", i % MOVING);
        pxt_cache_delete(cache, key, NULL);
    } else {
        snprintf(key, sizeof key, "stable%u", i % STABLE);
        if (what == 3 && !pxt_cache_get(cache, key, &entry, NULL))
            pxt_entry_release(entry);
        else
            pxt_cache_report(cache, key, &report, NULL, NULL, NULL);
    }
}

static pid_t start_writer(unsigned seed)
{
    pid_t child = fork();
    if (child)
        return child;
    alarm(600); /* in case that the test does not get to the end */
    pxt_cache *cache = open_pool("pool");
    for (unsigned number = seed;; number += WRITERS)
        change_one(cache, &seed, number);
}

/* ---- what is in a backup ----------------------------------------------------------------------------------------- */

struct found {
    pxt_cache *cache;
    int stable, moving, torn;
};

static bool look(void *arg, pxt_entry *entry)
{
    struct found *found = arg;
    char wanted[40];
    const char *source = pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL), *key = pxt_entry_key(entry);
    const char *country = pxt_entry_text(entry, PXT_FIELD_COUNTRY, NULL);
    pxt_secret *user = NULL;
    snprintf(wanted, sizeof wanted, "http://192.0.2.1:%d", 1 + atoi(source));
    bool whole = !strcmp(pxt_entry_url(entry), wanted) && country && !strcmp(country, source) &&
                 !pxt_cache_open_secret(found->cache, entry, PXT_FIELD_USERNAME, &user, &error) &&
                 !strcmp(pxt_secret_text(user, NULL) + 1, source);
    int64_t checks = pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS);
    whole = whole && pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES) <= checks &&
            (checks > 0) == pxt_entry_has(entry, PXT_FIELD_LAST_HEALTH_CHECK);
    pxt_secret_free(user);
    found->torn += !whole;
    found->stable += !strncmp(key, "stable", 6);
    found->moving += !strncmp(key, "moving", 6);
    return true;
}

/* Restores the backup into an empty pool, and looks at that. */
static struct found restore(FILE *file, int round)
{
    char name[30];
    struct pxt_backup_counts counts = {.size = sizeof counts};
    snprintf(name, sizeof name, "copy%d", round);
    struct found found = {.cache = open_pool(name)};
    rewind(file);
    pxt_status status = pxt_cache_restore(found.cache, file, NULL, &counts, &error);
    is_int(status, PXT_OK, "backup %d is restored", round);
    if (status)
        diag("%s", error.message);
    pxt_cache_each(found.cache, look, &found, &error);
    pxt_cache_close(found.cache);
    return found;
}

static void back_up(pxt_cache *cache, int round)
{
    struct pxt_backup_counts counts = {.size = sizeof counts};
    FILE *file = tmpfile();
    pxt_status status = file ? pxt_cache_backup(cache, file, &counts, &error) : PXT_EIO;
    if (status)
        diag("%s", error.message);
    is_int(status, PXT_OK, "backup %d, while four processes write", round);
    if (!file)
        return;
    struct found found = restore(file, round);
    is_int(found.stable, STABLE, "... has each entry that was there all the time");
    ok(found.moving <= MOVING, "... of the others, those that were there for a while: %d", found.moving);
    is_int(found.torn, 0, "... all entries are whole");
    is_int((long long)counts.entries, found.stable + found.moving, "... and no key twice");
    fclose(file);
}

int main(void)
{
    pid_t writer[WRITERS];
    if (!mkdtemp(folder))
        return 1;
    pxt_cache *cache = open_pool("pool");
    int stored = 0;
    for (unsigned i = 0; i < STABLE; i++)
        stored += !put(cache, "stable", i, i);
    is_int(stored, STABLE, "%d entries are stored", STABLE);
    pxt_cache_close(cache);
    for (unsigned i = 0; i < WRITERS; i++)
        writer[i] = start_writer(i + 1);
    cache = open_pool("pool");
    for (int round = 0; round < tap_amount(10); round++)
        back_up(cache, round);
    pxt_cache_close(cache);
    int alive = 0;
    for (unsigned i = 0; i < WRITERS; i++) {
        alive += waitpid(writer[i], NULL, WNOHANG) == 0;
        kill(writer[i], SIGKILL);
        waitpid(writer[i], NULL, 0);
    }
    is_int(alive, WRITERS, "the writers wrote to the end");
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ok(!system(command), "the folder is removed");
    return tap_done();
}
