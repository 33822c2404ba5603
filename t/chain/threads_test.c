/* SPDX-License-Identifier: MIT
 *
 * Sixteen threads on one cache: no update is lost, nothing deleted comes back, every get is counted.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 16, KEYS = 64, TTL = 100000 };
static char folder[] = "/tmp/proxtier-threads-XXXXXX";
static pxt_cache *cache;
static struct pxt_error error;
static _Atomic uint64_t gets, wrong;

static void open_chain(const char *format, const char *a, const char *b)
{
    char text[1000];
    snprintf(text, sizeof text, format, a, b);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void close_chain(void)
{
    char command[100];
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static pxt_status put(const char *key, int64_t version)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, TTL + version); /* a put takes it over */
    return pxt_cache_put(cache, &draft, NULL, NULL);
}

/* -1: not there; -2: failed. */
static int64_t version_of(const char *key)
{
    pxt_entry *entry;
    pxt_status status = pxt_cache_get(cache, key, &entry, NULL);
    atomic_fetch_add(&gets, 1);
    if (status)
        return status == PXT_NOT_FOUND ? -1 : -2;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return version;
}

/* Each thread owns some keys: what it wrote last is what it reads, though all others churn the tiers. */
static void *own_keys(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg, seed = me + 1;
    int64_t written[KEYS / THREADS];
    for (int i = 0; i < KEYS / THREADS; i++)
        written[i] = -1;
    for (int64_t round = 0; round < tap_amount(400); round++) {
        char key[20];
        seed = seed * 1664525u + 1013904223u;
        unsigned which = (seed >> 16) % (KEYS / THREADS);
        snprintf(key, sizeof key, "t%u-%u", me, which);
        if ((seed >> 8) % 8 == 0) {
            if (pxt_cache_delete(cache, key, NULL) == (written[which] >= 0 ? PXT_NOT_FOUND : PXT_OK))
                atomic_fetch_add(&wrong, 1);
            written[which] = -1;
        } else if ((seed >> 8) % 8 < 3) {
            if (put(key, round))
                atomic_fetch_add(&wrong, 1);
            written[which] = round;
        }
        if (version_of(key) != written[which])
            atomic_fetch_add(&wrong, 1);
        snprintf(key, sizeof key, "t%u-%u", (seed >> 20) % THREADS, which);
        version_of(key); /* another's: promotes it */
        if (me == 0 && round % 50 == 0)
            pxt_cache_tick(cache, NULL, NULL);
    }
    return NULL;
}

static void run(void *(*work)(void *))
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

static void nobody_loses_what_he_wrote(const char *what, const char *format)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    atomic_store(&gets, 0);
    atomic_store(&wrong, 0);
    open_chain(format, folder, folder);
    run(own_keys);
    is_int(wrong, 0, "%s: every thread reads what it wrote, and nothing that it deleted", what);
    pxt_cache_stats(cache, &stats, &error);
    is_int(stats.gets, gets, "%s: every get is counted", what);
    is_int(stats.hits + stats.misses, gets, "%s: as a hit or a miss", what);
    for (unsigned i = 0; i < stats.tier_count; i++)
        ok(!stats.tier[i].capacity || stats.tier[i].size <= stats.tier[i].capacity, "%s: capacity of %s holds", what,
           stats.tier[i].name);
    close_chain();
}

/* All threads write one key upwards: versions are never seen to go back by a reader that saw a later one. */
static _Atomic int64_t highest;
static _Atomic int64_t hits; /* of "h", which no one puts meanwhile */
static void *one_key(void *arg)
{
    for (int i = 0; i < tap_amount(400); i++) {
        if ((uintptr_t)arg == 0) {
            put("one", i);
            atomic_store(&highest, i);
        } else {
            int64_t floor = atomic_load(&highest), seen = version_of("one");
            if (seen < floor)
                atomic_fetch_add(&wrong, 1);
            if (version_of("h") == 1)
                atomic_fetch_add(&hits, 1);
        }
    }
    return NULL;
}

/* One thread puts the key again and again that the others hit. Memory over files may count a hit twice: of a copy that
 * the put has just made stale, and of the one that get() then goes on to. */
static void *hit_or_put(void *arg)
{
    for (int i = 0; i < tap_amount(400); i++)
        if ((uintptr_t)arg == 0)
            put("h", i);
        else if (version_of("h") >= 0)
            atomic_fetch_add(&hits, 1);
    return NULL;
}

static void hits_are_kept_while_the_key_is_put(const char *what, bool exact, const char *format)
{
    pxt_entry *entry;
    open_chain(format, folder, folder);
    put("h", 1);
    atomic_store(&hits, 0);
    run(hit_or_put);
    is_int(hits, 15 * tap_amount(400), "%s: fifteen threads hit an entry that one puts", what);
    pxt_cache_settle(cache, &error);
    pxt_cache_peek(cache, "h", &entry, &error);
    int64_t counted = pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    if (exact)
        is_int(counted, (int64_t)hits, "%s: each of their hits is counted once", what);
    else
        ok(counted >= hits && counted < hits + tap_amount(400), "%s: no hit is lost: %lld of %lld", what,
           (long long)counted, (long long)hits);
    pxt_entry_release(entry);
    close_chain();
}

static void hits_are_counted_exactly(void)
{
    pxt_entry *entry;
    open_chain("tiers: [{plugin: l1_memory, max_entries: 10}]", "", "");
    put("h", 1);
    atomic_store(&gets, 0);
    atomic_store(&highest, -1);
    atomic_store(&wrong, 0);
    atomic_store(&hits, 0);
    run(one_key); /* 15 readers, "one" is put by thread 0 */
    is_int(wrong, 0, "a put that returned is what the next get sees");
    pxt_cache_settle(cache, &error);
    pxt_cache_peek(cache, "one", &entry, &error);
    ok(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT) <= (int64_t)gets, "no hit is counted twice");
    pxt_entry_release(entry);
    pxt_cache_peek(cache, "h", &entry, &error);
    is_int(hits, 15 * tap_amount(400), "fifteen threads hit an entry");
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), (int64_t)hits, "each of their hits is counted once");
    pxt_entry_release(entry);
    for (int i = 0; i < 1000; i++)
        version_of("h");
    pxt_cache_settle(cache, &error);
    pxt_cache_peek(cache, "h", &entry, &error);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), (int64_t)hits + 1000, "1000 more hits are 1000 more");
    pxt_entry_release(entry);
    close_chain();
}

/* New entries without end, singly and in batches. */
static void *press_in(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < 60; i++) {
        char key[20], batch_key[8][48];
        struct pxt_draft drafts[8];
        snprintf(key, sizeof key, "p%u-%d", me, i);
        put(key, i);
        if (me % 4)
            continue;
        for (int j = 0; j < 8; j++) {
            snprintf(batch_key[j], sizeof batch_key[j], "b%u-%d-%d", me, i, j);
            pxt_draft_init(&drafts[j]);
            pxt_draft_set_text(&drafts[j], PXT_FIELD_KEY, batch_key[j], strlen(batch_key[j]));
            pxt_draft_set_text(&drafts[j], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        }
        pxt_cache_put_many(cache, drafts, 8, NULL, NULL, NULL);
    }
    return NULL;
}

static void no_tier_stays_over_its_capacity(void)
{
    int over = 0;
    for (int round = 0; round < 10; round++) {
        open_chain("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 50, eviction: lru}, {plugin: "
                   "l2_jsonl, shards: 2, max_entries: 80, dir: %s/over}, {plugin: l3_sqlite, path: %s/over.db}]",
                   folder, folder);
        run(press_in);
        struct pxt_stats stats;
        pxt_stats_init(&stats);
        pxt_cache_stats(cache, &stats, &error);
        over += stats.tier[0].size > 50 || stats.tier[1].size > 80;
        close_chain();
    }
    is_int(over, 0, "when sixteen threads have put, no tier has more than its capacity");
}

static void *put_once(void *arg)
{
    char key[20];
    snprintf(key, sizeof key, "first%u", (unsigned)(uintptr_t)arg);
    if (put(key, 1))
        atomic_fetch_add(&wrong, 1);
    return NULL;
}

/* libgcrypt, which hashes keys for the files, is not initialised by two threads at once: each child is a first time. */
static void the_first_calls_of_a_process_may_come_together(void)
{
    int state, good = 0, children = tap_amount(20);
    for (int i = 0; i < children; i++) {
        pid_t child = fork();
        if (!child) {
            open_chain("tiers: [{plugin: l2_jsonl, dir: %s/first}]", folder, "");
            run(put_once);
            _exit(wrong != 0);
        }
        good += waitpid(child, &state, 0) == child && state == 0;
    }
    is_int(good, children, "16 threads make their first call at once, in each of %d processes", children);
}

static void *get_when_cancelled(void *arg)
{
    int *calls = arg;
    pthread_cancel(pthread_self()); /* takes effect at the next cancellation point */
    *calls += version_of("cancelled") == 1;
    pthread_testcancel();
    *calls += 10;
    return NULL;
}

static void a_thread_is_not_cancelled_inside_a_tier(const char *what, const char *tiers)
{
    int calls = 0;
    pthread_t thread;
    void *result = NULL;
    open_chain(tiers, folder, "");
    put("cancelled", 1);
    if (pthread_create(&thread, NULL, get_when_cancelled, &calls) || pthread_join(thread, &result))
        diag("no thread");
    is_int(calls, 1, "%s: a get ends before its thread is cancelled", what);
    ok(result == PTHREAD_CANCELED && !put("cancelled", 2) && version_of("cancelled") == 2,
       "%s: the thread is cancelled then, and has left no lock behind", what);
    close_chain();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    the_first_calls_of_a_process_may_come_together();
    no_tier_stays_over_its_capacity();
    hits_are_counted_exactly();
    a_thread_is_not_cancelled_inside_a_tier("files", "tiers: [{plugin: l2_jsonl, dir: %s/l2}]");
    a_thread_is_not_cancelled_inside_a_tier("a database", "tiers: [{plugin: l3_sqlite, path: %s/l3.db}]");
    hits_are_kept_while_the_key_is_put("memory", true, "tiers: [{plugin: l1_memory}]");
    hits_are_kept_while_the_key_is_put("files", true, "tiers: [{plugin: l2_jsonl, dir: %s/l2}]");
    hits_are_kept_while_the_key_is_put("memory and files", false,
                                       "tiers: [{plugin: l1_memory}, {plugin: l2_jsonl, dir: %s/l2}]");
    hits_are_kept_while_the_key_is_put("files and database", true,
                                       "tiers: [{plugin: l2_jsonl, dir: %s/l2}, {plugin: l3_sqlite, path: %s/l3.db}]");
    nobody_loses_what_he_wrote("memory over memory",
                               "tiers: [{plugin: l1_memory, max_entries: 8}, {plugin: l1_memory}]");
    nobody_loses_what_he_wrote(
        "memory, files, database",
        "tiers: [{plugin: l1_memory, max_entries: 8, shards: 2}, {plugin: l2_jsonl, max_entries: "
        "24, eviction: fifo, dir: %s/l2}, {plugin: l3_sqlite, path: %s/l3.db}]");
    nobody_loses_what_he_wrote("memory, database, database",
                               "tiers: [{plugin: l1_memory, max_entries: 8, eviction: sieve}, {plugin: l2_sqlite, "
                               "max_entries: 24, dir: %s/l2}, {plugin: l3_sqlite, path: %s/l3.db}]");
    char tiers[300];
    snprintf(tiers, sizeof tiers,
             "plugin_dirs: [%s]\ntiers: [{plugin: table, max_entries: 8}, {plugin: folder, dir: %%s/folder}]",
             getenv("PROXTIER_REFUSED_PLUGINS"));
    nobody_loses_what_he_wrote("tiers with the seven required operations", tiers);
    rmdir(folder);
    return tap_done();
}
