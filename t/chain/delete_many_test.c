/* SPDX-License-Identifier: MIT
 *
 * Many deletes at once: each key is gone as after a single delete, in one write of a tier that takes many. The tier `fault` delays
 * its calls; the nanosleep() of this program, which it calls, counts them.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 300, MISSING = 20, COUNTED_SECONDS = 900 };
static char folder[] = "/tmp/proxtier-delete-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;
static _Atomic unsigned calls;

/* A delay of COUNTED_SECONDS and more is counted; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < COUNTED_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    atomic_fetch_add(&calls, 1);
    return 0;
}

static const char counted[] = "get all delay 900s; get_many all delay 900s; put all delay 900s; put_many all delay "
                              "900s; del all delay 900s; contains all delay 900s; expire all delay 900s";

/* A chain of memory, files of `l2` entries and a database, with the options `l3` and the faults of that. */
static void open_chain(unsigned l2, const char *l3, const char *faults)
{
    char yaml[2000], files[300] = "";
    if (l2)
        snprintf(files, sizeof files, "  - {plugin: l2_jsonl, dir: %s/l2, max_entries: %u}\n", folder, l2);
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\n"
             "degrade: {threshold: 1, backoff: 1ms, backoff_max: 1ms}\n"
             "tiers:\n"
             "  - {plugin: l1_memory, max_entries: 100}\n"
             "%s"
             "  - {plugin: fault, name: l3, tier: l3_sqlite, tier_options: 'path=%s/l3.db', faults: '%s'%s}\n",
             files, folder, faults, l3);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    calls = 0;
}

static void close_chain(void)
{
    char command[100];
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static char text[KEYS + MISSING][20];
static const char *keys[KEYS + MISSING];
static pxt_status results[KEYS + MISSING];

static pxt_status put_all(int64_t ttl)
{
    static struct pxt_draft drafts[KEYS];
    for (int i = 0; i < KEYS + MISSING; i++) {
        snprintf(text[i], sizeof text[i], "k%d", i);
        keys[i] = text[i];
    }
    for (int i = 0; i < KEYS; i++) {
        pxt_draft_init(&drafts[i]);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, text[i], strlen(text[i]));
        pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        if (ttl)
            pxt_draft_set_number(&drafts[i], PXT_FIELD_TTL_SECONDS, ttl);
    }
    return pxt_cache_put_many(cache, drafts, KEYS, NULL, NULL, &error);
}

static pxt_status delete_all(void)
{
    return pxt_cache_delete_many(cache, keys, KEYS + MISSING, results, &error);
}

/* How many of the results from `from` to before `to` are `status`. */
static int count_results(int from, int to, pxt_status status)
{
    int count = 0;
    for (int i = from; i < to; i++)
        count += results[i] == status;
    return count;
}

static int count_found(void)
{
    int count = 0;
    for (int i = 0; i < KEYS; i++) {
        pxt_entry *entry = NULL;
        count += pxt_cache_get(cache, keys[i], &entry, NULL) == PXT_OK;
        pxt_entry_release(entry);
    }
    return count;
}

static void each_key_is_gone(unsigned l2, const char *l3, const char *what)
{
    open_chain(l2, l3, "");
    is_int(put_all(0), PXT_OK, "%s: a batch is stored", what);
    is_int(delete_all(), PXT_OK, "%s: and deleted, with some keys that are not there", what);
    is_int(count_results(0, KEYS, PXT_OK), KEYS, "%s: each key that was there has PXT_OK", what);
    is_int(count_results(KEYS, KEYS + MISSING, PXT_NOT_FOUND), MISSING, "%s: each other PXT_NOT_FOUND", what);
    is_int(count_found(), 0, "%s: none is found", what);
    is_int(delete_all(), PXT_OK, "%s: once more", what);
    is_int(count_results(0, KEYS, PXT_NOT_FOUND), KEYS, "%s: there is none any longer", what);
    pxt_cache_tick(cache, NULL, NULL);
    pxt_cache_close(cache);
    open_chain(l2, l3, "");
    is_int(count_found(), 0, "%s: nor after the cache was opened anew", what);
    is_int(put_all(0), PXT_OK, "%s: the keys can be stored again", what);
    is_int(count_found(), KEYS, "%s: and are found", what);
    close_chain();
}

static void a_tier_that_takes_many_is_called_once(unsigned l2, const char *what)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    open_chain(l2, "", counted);
    put_all(0);
    calls = 0;
    delete_all();
    ok(calls <= 4, "%s, %d keys: %u calls read and write the database", what, KEYS + MISSING, (unsigned)calls);
    is_int(count_results(0, KEYS, PXT_OK), KEYS, "%s: each is deleted", what);
    pxt_cache_stats(cache, &stats, &error);
    if (!l2)
        is_int((int64_t)stats.tier[1].tombstones, 0, "%s: no tombstone is left", what);
    close_chain();
}

static void keys_that_stand_twice_or_are_none(void)
{
    const char *some[] = {"k1", "k2", "k1", "", "k2", "k3"};
    open_chain(5000, "", "");
    put_all(0);
    is_int(pxt_cache_delete_many(cache, some, 6, results, &error), PXT_EINVAL, "an empty key is refused");
    ok(results[0] == PXT_OK && results[1] == PXT_OK && results[5] == PXT_OK, "the others are deleted");
    ok(results[2] == PXT_NOT_FOUND && results[4] == PXT_NOT_FOUND, "a key that stands twice is deleted once");
    is_int(results[3], PXT_EINVAL, "the result of the empty key says so");
    is_int(count_found(), KEYS - 3, "no other is gone");
    is_int(pxt_cache_delete_many(cache, some, 2, NULL, &error), PXT_OK, "nobody has to want the results");
    is_int(pxt_cache_delete_many(cache, NULL, 0, NULL, &error), PXT_OK, "no key at all is no mistake");
    is_int(pxt_cache_delete_many(cache, NULL, 1, NULL, &error), PXT_EINVAL, "no list of keys is one");
    close_chain();
}

static pxt_time ahead; /* of the clock */

static pxt_time clock_ahead(void *arg)
{
    (void)arg;
    return pxt_cache_now(NULL) + ahead;
}

/* An expired entry that stands in a tier is deleted as one alone is. */
static void expired_entries_of_one_durable_tier(void)
{
    char yaml[1000];
    ahead = 0;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory}, {plugin: l3_sqlite, path: %s/l3.db}]", folder);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = clock_ahead};
    if (pxt_cache_open(&options, &cache, &error))
        exit(1);
    put_all(60);
    ahead = 100 * PXT_SECOND;
    pxt_status alone = pxt_cache_delete(cache, keys[0], &error);
    delete_all();
    is_int(count_results(1, KEYS, alone), KEYS - 1, "one durable tier: what has expired counts as in a single delete");
    is_int(results[0], PXT_NOT_FOUND, "what was deleted before is not there");
    ahead = 0;
    is_int(count_found(), 0, "nothing is left");
    put_all(60);
    is_int(pxt_cache_delete_many(cache, keys, 2, results, &error), PXT_OK, "two of them are put and deleted");
    ahead = 100 * PXT_SECOND;
    uint64_t expired = 0;
    pxt_cache_tick(cache, &expired, &error);
    is_int((int64_t)expired, KEYS - 2, "the others are left to expire");
    ahead = 0;
    close_chain();
}

static void tombstones_that_stay_are_no_entries(void)
{
    struct pxt_stats stats;
    uint64_t expired = 99, more = 99;
    pxt_stats_init(&stats);
    open_chain(0, "", "expire 1 fail EIO");
    put_all(0);
    is_int(delete_all(), PXT_OK, "one durable tier, which fails before it drops the tombstones: all is deleted");
    is_int(count_found(), 0, "none is found");
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* its back-off of a millisecond ends */
    pxt_cache_tick(cache, &expired, NULL); /* if the tier is still off, it is on again from here on */
    is_int(pxt_cache_tick(cache, &more, NULL), PXT_OK, "an expiry follows");
    is_int((int64_t)(expired + more), 0, "it has no entry to remove");
    pxt_cache_stats(cache, &stats, &error);
    ok(!stats.tier[1].tombstones && !stats.tier[1].evictions_ttl, "no tombstone stays, and none counts as expired");
    is_int(put_all(0), PXT_OK, "the keys can be stored again");
    is_int(count_found(), KEYS, "and are found");
    close_chain();
}

static void expired_entries_count_as_none(void)
{
    char yaml[1000];
    ahead = 0;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory}, {plugin: l2_jsonl, dir: %s/l2}, {plugin: "
             "l3_sqlite, path: %s/l3.db}]",
             folder, folder);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = clock_ahead};
    if (pxt_cache_open(&options, &cache, &error))
        exit(1);
    put_all(60);
    ahead = 100 * PXT_SECOND;
    delete_all();
    is_int(count_results(0, KEYS, PXT_NOT_FOUND), KEYS, "what has expired counts as none");
    ahead = 0;
    is_int(count_found(), 0, "and is deleted all the same");
    close_chain();
}

static void a_tier_that_is_off_follows(void)
{
    open_chain(5000, "", "put_many 2-3 fail EIO");
    put_all(0);
    is_int(delete_all(), PXT_OK, "the database fails: the files take the deletes");
    is_int(count_results(0, KEYS, PXT_OK), KEYS, "each is acknowledged");
    is_int(count_found(), 0, "none is found");
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* its back-off of a millisecond ends */
    pxt_cache_tick(cache, NULL, NULL);
    pxt_cache_close(cache);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/l2", folder);
    ok(system(command) == 0, "when the database is on again, the files are lost");
    open_chain(5000, "", "");
    is_int(count_found(), 0, "the database has followed: nothing comes back");
    close_chain();
}

static void what_no_tier_takes_is_not_deleted(void)
{
    open_chain(0, "", "");
    put_all(0);
    pxt_cache_close(cache);
    open_chain(0, "", "del all fail EIO; put all fail EIO; put_many all fail EIO");
    ok(delete_all() != PXT_OK, "the only tier fails: the call says so");
    ok(count_results(0, KEYS, PXT_OK) == 0, "no key counts as deleted");
    pxt_cache_close(cache);
    open_chain(0, "", "");
    is_int(count_found(), KEYS, "all are there");
    close_chain();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    each_key_is_gone(5000, "", "two tiers without lack of room");
    each_key_is_gone(50, "", "files of 50 entries");
    each_key_is_gone(0, "", "one durable tier");
    each_key_is_gone(5000, ", write_behind: true", "written behind");
    a_tier_that_takes_many_is_called_once(5000, "two durable tiers");
    a_tier_that_takes_many_is_called_once(0, "one durable tier");
    keys_that_stand_twice_or_are_none();
    expired_entries_count_as_none();
    expired_entries_of_one_durable_tier();
    tombstones_that_stay_are_no_entries();
    a_tier_that_is_off_follows();
    what_no_tier_takes_is_not_deleted();
    rmdir(folder);
    return tap_done();
}
