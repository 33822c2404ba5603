/* SPDX-License-Identifier: MIT
 *
 * The fault tier: rules decide which calls of the tier below fail, are torn or take long; and what the chain does with
 * each: an answer is never old, never torn, and never lost.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <time.h>

enum { TTL = 100000 };
static char folder[] = "/tmp/proxtier-fault-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;

/* Memory (`memory` entries), a JSONL log under faults, a database under others. */
static pxt_status open_chain(int memory, const char *second, const char *third)
{
    char yaml[2000], command[200];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ndegrade: {threshold: 3, backoff: 50ms}\ntiers:\n"
             "  - {plugin: l1_memory, max_entries: %d}\n"
             "  - {plugin: fault, tier: l2_jsonl, tier_options: 'dir=%s/l2,shards=2', faults: \"%s\"}\n"
             "  - {plugin: fault, tier: l3_sqlite, tier_options: 'path=%s/l3.db', faults: \"%s\"}\n",
             memory, folder, second, folder, third);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    return pxt_cache_open(&options, &cache, &error);
}

static void must_open(int memory, const char *second, const char *third)
{
    if (open_chain(memory, second, third)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void name_key(int i, char key[20])
{
    snprintf(key, 20, "key%d", i);
}

static void fill_draft(struct pxt_draft *draft, const char *key, int64_t version)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, TTL + version); /* a put takes it over */
}

static pxt_status put(int i, int64_t version)
{
    struct pxt_draft draft;
    char key[20];
    name_key(i, key);
    fill_draft(&draft, key, version);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

/* The version, or the status with its sign changed. */
static int64_t version_of(int i)
{
    pxt_entry *entry = NULL;
    char key[20];
    name_key(i, key);
    pxt_status status = pxt_cache_get(cache, key, &entry, &error);
    if (status)
        return -(int64_t)status;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return version;
}

static int wrong_versions(int n, int64_t version)
{
    int wrong = 0;
    for (int i = 0; i < n; i++)
        wrong += version_of(i) != version;
    return wrong;
}

static uint64_t failures(unsigned tier)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return stats.tier[tier].failures;
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void says(const char *want)
{
    if (!ok(strstr(error.message, want), "... and says: %s", want))
        diag("got: %s", error.message);
}

static void a_put_fails(void)
{
    must_open(0, "put 3 fail ENOSPC", "");
    int failed = 0;
    for (int i = 0; i < 6; i++)
        failed += put(i, 1) != PXT_OK;
    is_int(failed, 0, "one tier's third put fails: no put of the cache does");
    is_int((long long)failures(1), 1, "it is counted, once");
    is_int(wrong_versions(6, 1), 0, "every entry is read");
    pxt_cache_close(cache);
}

static void a_put_is_torn(void)
{
    must_open(0, "put 2 tear", "");
    put(1, 1);
    is_int(put(1, 2), PXT_OK, "a put that one tier stored, but called failed, is acknowledged by the other");
    is_int(version_of(1), 2, "... and read");
    is_int(put(1, 3), PXT_OK, "the next one is stored by both");
    is_int(version_of(1), 3, "... and read");
    pxt_cache_close(cache);
}

static void a_delete_fails(void)
{
    must_open(0, "del 1 fail", "");
    put(1, 1);
    pxt_cache_delete(cache, "key1", &error);
    is_int(version_of(1), -PXT_NOT_FOUND, "what one tier could not delete is not read from it");
    pxt_cache_close(cache);
}

static void every_tier_fails(void)
{
    must_open(10, "put 2 fail ENOSPC", "put 2 fail EBUSY");
    put(1, 1);
    pxt_status status = put(1, 2);
    ok(status == PXT_EBUSY || status == PXT_ENOSPC, "a put that no durable tier took fails: %s", error.message);
    says("as the option `faults` says");
    is_int(version_of(1), 1, "the entry is what it was before, from memory too");
    pxt_cache_close(cache);
}

static void a_batch_is_torn(void)
{
    struct pxt_draft drafts[100];
    pxt_status results[100];
    static char keys[100][20];
    int bad = 0;
    must_open(0, "put_many 1 tear", "");
    for (int i = 0; i < 100; i++) {
        name_key(i, keys[i]);
        fill_draft(&drafts[i], keys[i], 5);
    }
    is_int(pxt_cache_put_many(cache, drafts, 100, results, NULL, &error), PXT_OK,
           "a batch of which one tier stored half is acknowledged by the other");
    for (int i = 0; i < 100; i++)
        bad += results[i] != PXT_OK;
    is_int(bad, 0, "... each of it");
    is_int(wrong_versions(100, 5), 0, "... and read");
    pxt_cache_close(cache);
}

static void a_tier_that_is_on_tells_of_its_doubts(void)
{
    must_open(0, "put 2 fail", "");
    for (int i = 0; i < 3; i++)
        put(i, 1);
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    is_int(stats.tier[1].state, PXT_TIER_ON, "after one failure the tier is on");
    ok(strstr(stats.tier[1].reason, "in doubt"), "... and tells of its doubts: %s", stats.tier[1].reason);
    pxt_cache_close(cache);
}

static struct pxt_tier_stats stats_of(unsigned i)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return stats.tier[i];
}

/* The system tells a failed sync once, and drops what it could not write. */
static void what_a_failed_sync_may_have_lost_is_written_again(void)
{
    must_open(0, "", "sync 1 fail");
    for (int i = 0; i < 3; i++)
        put(i, 1);
    is_int(pxt_cache_sync(cache, &error), PXT_EIO, "a sync fails");
    is_int((long long)stats_of(2).doubted, 32768, "... and leaves the tier in doubt for all keys");
    pxt_cache_tick(cache, NULL, &error);
    is_int((long long)stats_of(2).repairs, 3,
           "the next maintenance writes all entries again, though the tier has them");
    is_int((long long)stats_of(2).doubted, 0, "... and then the tier is not in doubt");
    is_int((long long)stats_of(1).repairs, 0, "the other tier is not written to");
    is_int(pxt_cache_sync(cache, &error), PXT_OK, "the next sync succeeds");
    put(3, 1);
    pxt_cache_tick(cache, NULL, &error);
    is_int((long long)stats_of(2).repairs, 3, "then nothing is written twice any more");
    pxt_cache_close(cache);
}

/* Returns how many removals the log has. */
static int removals(void)
{
    char command[200];
    int count = -1;
    snprintf(command, sizeof command, "cat %s/l2/*.jsonl | grep -c '^{.deleted'", folder);
    FILE *out = popen(command, "r");
    if (out && fscanf(out, "%d", &count) != 1)
        count = -1;
    if (out)
        pclose(out);
    return count;
}

/* A log that loses its end has the removed entry again. */
static void a_removal_that_a_failed_sync_may_have_lost_is_made_again(void)
{
    must_open(0, "sync 1 fail\", max_entries: 2, write_behind: false, eviction: \"fifo", "");
    for (int i = 0; i < 3; i++)
        put(i, 1);
    is_int((long long)stats_of(1).size, 2, "a tier has let go of an entry");
    is_int(pxt_cache_sync(cache, &error), PXT_EIO, "a sync of the tier fails");
    is_int(removals(), 1, "its log has one removal");
    pxt_cache_tick(cache, NULL, &error);
    is_int((long long)stats_of(1).doubted, 0, "after the next maintenance it is not in doubt");
    is_int((long long)stats_of(1).size, 2, "... and has what it had before");
    is_int(removals(), 2, "... and its log the removal again");
    pxt_cache_close(cache);
}

static void a_tier_is_turned_off_and_comes_back(void)
{
    must_open(0, "put 2-4 fail", "");
    for (int i = 0; i < 8; i++)
        put(i, 1);
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    is_int(stats.tier[1].state, PXT_TIER_OFF, "after three failures in a row the tier is off");
    put(0, 2);
    wait_ms(80);
    pxt_cache_tick(cache, NULL, &error);
    pxt_cache_stats(cache, &stats, &error);
    is_int(stats.tier[1].state, PXT_TIER_ON, "after its back-off it is on again");
    is_int(version_of(0), 2, "it does not answer with what was replaced meanwhile");
    is_int(version_of(7), 1, "what it missed is read from the other, or was made good");
    pxt_cache_close(cache);
}

/* Where no tier that keeps entries safe is on, nothing is acknowledged. */
static void the_only_tier_is_off(const char *before)
{
    char yaml[600];
    int acknowledged = 0;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ndegrade: {threshold: 3, backoff: 10s}\ntiers: [%s{plugin: fault, tier: "
             "l3_sqlite, tier_options: 'path=%s/only.db', faults: put 1- fail EBUSY; put_many 1- fail EBUSY}]",
             before, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    for (int i = 0; i < 8; i++)
        acknowledged += put(i, 1) == PXT_OK;
    is_int(acknowledged, 0, "[%s...] failing, then off, acknowledges no put", before);
    is_int(version_of(7), -PXT_EUNAVAILABLE, "... and the entry is not there");
    pxt_cache_close(cache);
}

static void reads_fail(void)
{
    must_open(0, "get all fail", "");
    for (int i = 0; i < 5; i++)
        put(i, 1);
    is_int(wrong_versions(5, 1), 0, "a tier that cannot be read is passed over");
    pxt_cache_close(cache);
}

static bool count_one(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return true;
}

static void a_walk_is_torn(void)
{
    int seen = 0;
    must_open(0, "each 1 tear", "each 1 tear");
    for (int i = 0; i < 10; i++)
        put(i, 1);
    is_int(pxt_cache_each(cache, count_one, &seen, &error), PXT_EIO, "a walk over half of the entries is no success");
    seen = 0;
    is_int(pxt_cache_each(cache, count_one, &seen, &error), PXT_OK, "the next one is");
    is_int(seen, 10, "... over all of them");
    pxt_cache_close(cache);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_call_takes_long(void)
{
    must_open(0, "", "put every 2 delay 60ms");
    double start = seconds_now();
    put(1, 1);
    put(2, 1);
    put(3, 1);
    put(4, 1);
    ok(seconds_now() - start >= 0.12, "of four puts two are delayed by 60 ms");
    is_int(wrong_versions(1, -PXT_NOT_FOUND), 0, "nothing else changes");
    pxt_cache_close(cache);
}

static void refuses(const char *faults, const char *want)
{
    is_int(open_chain(1, faults, ""), PXT_ECONFIG, "refused: %s", faults);
    says(want);
}

static void wrong_rules_are_named(void)
{
    refuses("put 1 fail; got 2 fail", "rule 2: there is no such operation");
    refuses("put fail", "say which calls");
    refuses("put 5-3 fail", "say which calls");
    refuses("put 0 fail", "say which calls");
    refuses("put every fail", "`every` wants a number");
    refuses("put 1", "say what happens");
    refuses("put 1 fail EPERM", "the error must be EIO");
    refuses("put 1 delay 5", "delay wants a time");
    refuses("put 1 fail EIO now", "something behind the error");
    is_int(open_chain(1, " ; put 1-2 fail EBUSY ;; any 7 delay 1us; get 3- tear ", ""), PXT_OK, "empty rules are none");
    pxt_cache_close(cache);
}

static void what_it_stands_on_is_checked(void)
{
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR};
    options.config_text = "tiers: [{plugin: fault}]";
    is_int(pxt_cache_open(&options, &cache, &error), PXT_ECONFIG, "a fault tier on nothing");
    says("`tier` must name");
    options.config_text = "tiers: [{plugin: fault, tier: l9_paper}]";
    is_int(pxt_cache_open(&options, &cache, &error), PXT_EPLUGIN, "on a plugin that is not there");
    says("l9_paper");
    options.config_text = "tiers: [{plugin: fault, tier: lru}]";
    is_int(pxt_cache_open(&options, &cache, &error), PXT_EPLUGIN, "on a policy");
    options.config_text = "tiers: [{plugin: fault, tier: l1_memory, tier_options: 'shreds=3'}]";
    is_int(pxt_cache_open(&options, &cache, &error), PXT_ECONFIG, "with an option that the lower tier has not");
    says("shreds");
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    a_put_fails();
    a_put_is_torn();
    a_delete_fails();
    every_tier_fails();
    a_batch_is_torn();
    a_tier_that_is_on_tells_of_its_doubts();
    what_a_failed_sync_may_have_lost_is_written_again();
    a_removal_that_a_failed_sync_may_have_lost_is_made_again();
    a_tier_is_turned_off_and_comes_back();
    the_only_tier_is_off("");
    the_only_tier_is_off("{plugin: l1_memory}, ");
    reads_fail();
    a_walk_is_torn();
    a_call_takes_long();
    wrong_rules_are_named();
    what_it_stands_on_is_checked();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
