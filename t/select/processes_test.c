/* SPDX-License-Identifier: MIT
 *
 * Eight processes put, delete and report in one pool, and each chooses in every way, takes leases, and lists. Whatever they do
 * to each other: what is chosen or listed matches, no key comes twice in one answer, the entries that nobody deletes are in
 * each list, and no entry has more leases than its limit.
 */
#include "select_kit.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum { PROCESSES = 8, STEADY = 24, PASSING = 40, SECONDS = 3, WAYS = PXT_CHOICE_COUNT };

/* What all processes share. */
static struct common {
    atomic_int held[STEADY + PASSING]; /* leases that their holders believe to have */
    atomic_uint rounds, listed, chosen[WAYS], leased;
    atomic_uint foreign, twice, missing, crowded, failed;
    char message[300]; /* of the last failure */
} * common;

static char tiers[500];

static void note_failure(const char *what)
{
    atomic_fetch_add(&common->failed, 1);
    snprintf(common->message, sizeof common->message, "%s: %.250s", what, error.message);
}

static pxt_cache *open_shared(void)
{
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = tiers};
    pxt_cache *cache = NULL;
    if (pxt_cache_open(&options, &cache, &error))
        note_failure("open");
    return cache;
}

/* Steady entries have the first numbers and the source "steady". */
static unsigned number_of(const pxt_entry *entry)
{
    return (unsigned)atoi(pxt_entry_key(entry) + 1);
}

static void name_key(char key[20], unsigned number)
{
    snprintf(key, 20, "k%u", number);
}

static void put_number(pxt_cache *cache, unsigned number)
{
    char key[20], url[40];
    name_key(key, number);
    snprintf(url, sizeof url, "http://192.0.2.1:%u", 1000 + number);
    put(cache, key, url, number < STEADY ? "steady" : "passing");
}

/* ---- what each process does -------------------------------------------------------------------------------------- */

static void disturb(pxt_cache *cache, unsigned random)
{
    char key[20];
    unsigned passing = STEADY + random / 8 % PASSING;
    struct pxt_report outcome = {.size = sizeof outcome, .ok = random % 3 != 0, .latency_ms = random % 50};
    name_key(key, passing);
    if (random % 4 == 0) {
        put_number(cache, passing);
    } else if (random % 4 == 1) {
        pxt_status status = pxt_cache_delete(cache, key, &error);
        if (status && status != PXT_NOT_FOUND)
            note_failure("delete");
    }
    name_key(key, random / 16 % STEADY);
    if (pxt_cache_report(cache, key, &outcome, NULL, NULL, &error))
        note_failure("report");
}

/* Looks at the entries of an answer, which they leave. */
static void judge(pxt_entry **entries, size_t n)
{
    bool seen[STEADY + PASSING] = {false};
    for (size_t i = 0; i < n; i++) {
        unsigned number = number_of(entries[i]);
        if (strcmp(pxt_entry_text(entries[i], PXT_FIELD_SOURCE, NULL), "steady") != 0 || number >= STEADY)
            atomic_fetch_add(&common->foreign, 1);
        else if (seen[number])
            atomic_fetch_add(&common->twice, 1);
        else
            seen[number] = true;
        pxt_entry_release(entries[i]);
    }
}

static void choose_some(pxt_cache *cache, const struct pxt_selection *selection, unsigned way)
{
    enum { WANTED = 5 };
    pxt_entry *entries[WANTED];
    size_t found = 0;
    struct pxt_select_options options = {.size = sizeof options, .choice = (enum pxt_choice)way, .session = "s"};
    if (pxt_cache_select(cache, selection, &options, WANTED, entries, &found, &error))
        note_failure("select");
    atomic_fetch_add(&common->chosen[way], (unsigned)found);
    judge(entries, found);
}

struct list {
    bool seen[STEADY];
};

static bool note_listed(void *arg, pxt_entry *entry)
{
    struct list *list = arg;
    unsigned number = number_of(entry);
    if (number >= STEADY)
        atomic_fetch_add(&common->foreign, 1);
    else if (list->seen[number])
        atomic_fetch_add(&common->twice, 1);
    else
        list->seen[number] = true;
    return true;
}

/* As export does it. */
static void list_all(pxt_cache *cache, const struct pxt_selection *selection)
{
    struct list list = {.seen = {false}};
    if (pxt_cache_each_selected(cache, selection, note_listed, &list, &error))
        note_failure("list");
    for (unsigned i = 0; i < STEADY; i++)
        atomic_fetch_add(&common->missing, !list.seen[i]);
    atomic_fetch_add(&common->listed, 1);
}

static void lease_one(pxt_cache *cache, const struct pxt_selection *selection)
{
    enum { LIMIT = 2 };
    struct pxt_lease_options options = {.size = sizeof options, .ttl = 60, .max_concurrent = LIMIT};
    char id[PXT_LEASE_ID_MAX + 1];
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_lease(cache, selection, NULL, &options, &entry, id, &error);
    if (status) {
        if (status != PXT_NOT_FOUND && status != PXT_EBUSY)
            note_failure("lease");
        return;
    }
    atomic_int *held = &common->held[number_of(entry)];
    atomic_fetch_add(&common->crowded, atomic_fetch_add(held, 1) >= LIMIT);
    atomic_fetch_add(&common->leased, 1);
    atomic_fetch_sub(held, 1);
    if (pxt_cache_release(cache, id, NULL, NULL, NULL, &error))
        note_failure("release");
    pxt_entry_release(entry);
}

static void work(unsigned process)
{
    struct pxt_selection selection;
    pxt_cache *cache = open_shared();
    unsigned random = process * 2654435761u + 1;
    pxt_selection_init(&selection);
    selection.source = "steady";
    time_t end = time(NULL) + SECONDS;
    for (unsigned i = 0; cache && (time(NULL) < end || i < WAYS); i++) {
        random = random * 1664525 + 1013904223;
        disturb(cache, random >> 8);
        choose_some(cache, &selection, (i + process) % WAYS);
        lease_one(cache, &selection);
        if (i % 4 == 0)
            list_all(cache, &selection);
        atomic_fetch_add(&common->rounds, 1);
    }
    if (cache)
        pxt_cache_close(cache);
}

static void all_work(const char *folder, const char *files)
{
    int bad = 0;
    memset(common, 0, sizeof *common);
    snprintf(tiers, sizeof tiers,
             "encryptor: {plugin: plain}\nhealth: {invalidate: false}\nlock_timeout: 60s\n"
             "tiers: [{plugin: l1_memory, max_entries: 16}, %s{plugin: l3_sqlite, path: %s/l3.db, busy_timeout: 60s}]",
             files, folder);
    pxt_cache *cache = open_shared();
    for (unsigned i = 0; cache && i < STEADY + PASSING; i++)
        put_number(cache, i);
    if (cache)
        pxt_cache_close(cache);
    fflush(stdout);
    for (unsigned i = 0; i < PROCESSES; i++)
        if (!fork()) {
            work(i);
            _exit(0);
        }
    for (int state; wait(&state) > 0;)
        bad += state != 0;
    unsigned least = 1000000;
    for (unsigned i = 0; i < WAYS; i++)
        least = atomic_load(&common->chosen[i]) < least ? atomic_load(&common->chosen[i]) : least;
    diag("%u rounds, %u lists, %u leases, %u entries of the way that was least used", atomic_load(&common->rounds),
         atomic_load(&common->listed), atomic_load(&common->leased), least);
    is_int(bad, 0, "%u processes end well", PROCESSES);
    if (!ok(!atomic_load(&common->failed), "and no call fails"))
        diag("%s", common->message);
    ok(least > 0, "each way chooses");
    ok(atomic_load(&common->leased) > 0, "leases are taken");
    is_int(atomic_load(&common->foreign), 0, "what is chosen or listed matches");
    is_int(atomic_load(&common->twice), 0, "nothing comes twice in one answer");
    is_int(atomic_load(&common->missing), 0, "each list has what nobody deletes");
    is_int(atomic_load(&common->crowded), 0, "no entry has more leases than its limit");
}

int main(void)
{
    char folder[] = "/tmp/proxtier-choosing-XXXXXX", files[100], removal[60];
    common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED || !mkdtemp(folder))
        return 1;
    all_work(folder, "");
    snprintf(removal, sizeof removal, "rm -r %s/*", folder);
    ok(!system(removal), "the pool is removed");
    snprintf(files, sizeof files, "{plugin: l2_jsonl, dir: %s/l2, max_entries: 30, lock_timeout: 60s}, ", folder);
    all_work(folder, files);
    snprintf(removal, sizeof removal, "rm -r %s", folder);
    ok(!system(removal), "the folder is removed");
    return tap_done();
}
