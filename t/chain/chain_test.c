/* SPDX-License-Identifier: MIT
 *
 * The rules of the chain through the public interface: promotion, demotion, expiry, health, statistics, degraded tiers.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-chain-XXXXXX";
static pxt_time now = INT64_C(1767225600000000);
static struct pxt_error error;
static pxt_cache *cache;
static char text[2000];

static pxt_time test_clock(void *arg)
{
    (void)arg;
    return now;
}

static void open_chain(const char *format, ...) PXT_PRINTF(1, 2);
static void open_chain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text, .clock = test_clock};
    cache = NULL;
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void close_chain(void)
{
    pxt_cache_close(cache);
    char command[100];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s/*", folder, folder);
    if (system(command))
        diag("cannot clean up");
}

static pxt_status put(const char *key, int64_t ttl)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    if (ttl >= 0)
        pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, ttl);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

/* The index of the tier that answered, or -status. */
static int got_from(const char *key)
{
    pxt_entry *entry;
    unsigned tier;
    pxt_status status = pxt_cache_get_from(cache, key, &entry, &tier, &error);
    if (status)
        return -(int)status;
    pxt_entry_release(entry);
    return (int)tier;
}

static int64_t field_of(const char *key, enum pxt_field_id field)
{
    pxt_entry *entry;
    if (pxt_cache_peek(cache, key, &entry, &error))
        return -1;
    int64_t number = pxt_entry_number(entry, field);
    pxt_entry_release(entry);
    return number;
}

static struct pxt_stats stats(void)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return stats;
}

#define THREE                                                                                                          \
    "tiers: [{plugin: l1_memory, max_entries: 2, shards: 1}, {plugin: l2_jsonl, max_entries: 4, eviction: fifo, dir: " \
    "%s/l2}, {plugin: l3_sqlite, path: %s/l3.db}]"

static void a_hit_below_comes_up(void)
{
    open_chain(THREE, folder, folder);
    for (const char *key = "a\0b\0c\0d\0e\0f\0"; *key; key += 2)
        put(key, -1);
    struct pxt_stats s = stats();
    ok(s.tier[0].size == 2 && s.tier[1].size == 4 && s.tier[2].size == 6, "capacities hold: 2, 4, all");
    is_int(s.tier[0].evictions_policy, 4, "evictions of the first tier are counted");
    is_int(s.tier[0].demotions, 4, "... and are demotions");
    is_int(got_from("f"), 0, "the newest is in memory");
    is_int(got_from("c"), 1, "an older one in files");
    is_int(got_from("c"), 0, "... and after that in memory");
    is_int(got_from("a"), 2, "the oldest in the database");
    is_int(got_from("a"), 0, "... and after that in memory");
    s = stats();
    is_int(s.tier[0].promotions, 2, "promotions into the first tier");
    is_int(s.tier[1].promotions, 1, "promotions into the second");
    ok(s.tier[0].size == 2 && s.tier[1].size == 4, "promotions evict as puts do");
    is_int(got_from("zzz"), -PXT_NOT_FOUND, "what is in none is not found");
    s = stats();
    is_int(s.gets, s.hits + s.misses, "gets are hits and misses");
    is_int(s.gets, 6, "all of them");
    pxt_cache_tick(cache, NULL, &error);
    is_int(field_of("d", PXT_FIELD_EVICTED_FROM_L1), 1, "who was dropped by the first tier is marked");
    close_chain();
}

static void an_expired_entry_is_a_miss_everywhere(void)
{
    uint64_t expired;
    open_chain("tiers: [{plugin: l1_memory}, {plugin: l2_jsonl, dir: %s/l2}, {plugin: l3_sqlite, path: %s/l3.db}]",
               folder, folder);
    put("short", 10);
    put("long", 1000);
    put("zero", 0);
    is_int(got_from("zero"), -PXT_NOT_FOUND, "a time to live of 0 ends at once");
    now += 10 * PXT_SECOND - 1;
    is_int(got_from("short"), 0, "a microsecond before its end");
    now += 1;
    is_int(got_from("short"), -PXT_NOT_FOUND, "at its end");
    is_int(pxt_cache_tick(cache, &expired, &error), PXT_OK, "the next sweep");
    struct pxt_stats s = stats();
    uint64_t ttl = s.tier[0].evictions_ttl + s.tier[1].evictions_ttl + s.tier[2].evictions_ttl;
    is_int(ttl, 2, "each counts once as evicted by its time");
    ok(s.tier[0].size == 1 && s.tier[1].size == 1 && s.tier[2].size == 1, "and is gone from every tier");
    is_int(put("big", INT64_C(9007199254740991)), PXT_OK, "the longest time to live");
    is_int(field_of("big", PXT_FIELD_EXPIRES_AT), PXT_TIME_MAX, "ends with the year 9999");
    is_int(put("default", -1), PXT_OK, "none given: the default");
    now += 2000 * PXT_SECOND;
    is_int(pxt_cache_tick(cache, &expired, &error), PXT_OK, "a sweep");
    is_int(expired, 1, "counts who expired once");
    is_int(stats().tier[2].size, 2, "and leaves the others");
    now -= 2000 * PXT_SECOND;
    is_int(got_from("big"), 0, "a clock that is set back hides nothing");
    close_chain();
}

static void deleting_is_final(void)
{
    open_chain(THREE, folder, folder);
    put("x", -1);
    is_int(pxt_cache_delete(cache, "x", &error), PXT_OK, "deleted");
    is_int(got_from("x"), -PXT_NOT_FOUND, "gone");
    is_int(pxt_cache_delete(cache, "x", &error), PXT_NOT_FOUND, "deleted twice");
    for (const char *key = "a\0b\0c\0d\0e\0f\0"; *key; key += 2)
        put(key, -1);
    uint64_t removed;
    is_int(pxt_cache_clear(cache, &removed, &error), PXT_OK, "cleared");
    is_int(removed, 6, "distinct entries are counted");
    is_int(stats().total_size, 0, "all tiers are empty");
    close_chain();
}

static void accesses_are_counted_and_written_down(void)
{
    open_chain(THREE, folder, folder);
    put("a", -1);
    for (int i = 0; i < 5; i++)
        got_from("a");
    pxt_cache_settle(cache, &error);
    is_int(field_of("a", PXT_FIELD_ACCESS_COUNT), 5, "hits in memory are counted exactly");
    snprintf(text, sizeof text, THREE, folder, folder);
    char again[1000];
    strcpy(again, text);
    pxt_cache_close(cache);
    open_chain("%s", again);
    is_int(field_of("a", PXT_FIELD_ACCESS_COUNT), 5, "... and written down on close");
    is_int(got_from("a"), 1, "found in files by the next process");
    is_int(field_of("a", PXT_FIELD_ACCESS_COUNT), 6, "... which counts on");
    close_chain();
}

static void one_tier_alone_and_capacity_zero(void)
{
    static const char *const chains[] = {"{plugin: l1_memory}", "{plugin: l2_jsonl, dir: %s/x}",
                                         "{plugin: l2_sqlite, dir: %s/x}", "{plugin: l3_sqlite, path: %s/x.db}"};
    for (int i = 0; i < 4; i++) {
        char tier[200];
        snprintf(tier, sizeof tier, chains[i], folder);
        open_chain("tiers: [%s]", tier);
        ok(put("k", -1) == PXT_OK && got_from("k") == 0, "%s alone", tier);
        close_chain();
    }
    open_chain("tiers: [{plugin: l1_memory, max_entries: 0}, {plugin: l3_sqlite, path: %s/x.db}]", folder);
    put("k", -1);
    is_int(got_from("k"), 1, "a tier of capacity 0 passes on");
    is_int(stats().tier[0].size, 0, "... and stores nothing");
    close_chain();
    open_chain("tiers: [{plugin: l3_sqlite, path: %s/x.db, max_entries: 1}]", folder);
    put("a", -1);
    put("b", -1);
    ok(got_from("a") == -PXT_NOT_FOUND && got_from("b") == 0, "the last tier drops when it has a capacity");
    close_chain();
}

static void health_goes_through_its_states(void)
{
    enum pxt_health health;
    bool evicted;
    struct pxt_report good = {.size = sizeof good, .ok = true, .latency_ms = 12.5, .url = "http://example.test/"};
    struct pxt_report bad = {.size = sizeof bad, .ok = false, .latency_ms = -1, .reason = "connection refused"};
    open_chain("health: {invalidate: false, failure_threshold: 2}\n" THREE, folder, folder);
    put("p", -1);
    is_int(field_of("p", PXT_FIELD_HEALTH_STATUS), PXT_HEALTH_UNKNOWN, "at first its health is unknown");
    pxt_cache_report(cache, "p", &good, &health, &evicted, &error);
    is_int(health, PXT_HEALTH_HEALTHY, "a success makes it healthy");
    pxt_cache_report(cache, "p", &bad, &health, &evicted, &error);
    is_int(health, PXT_HEALTH_DEGRADED, "a failure degrades it");
    pxt_cache_report(cache, "p", &bad, &health, &evicted, &error);
    is_int(health, PXT_HEALTH_UNHEALTHY, "at the threshold it is unhealthy");
    ok(!evicted, "and stays, for invalidation is off");
    int64_t due = field_of("p", PXT_FIELD_NEXT_CHECK_TIME) - now;
    ok(due >= 4 * 225 * PXT_SECOND && due <= 4 * 375 * PXT_SECOND,
       "two failures: four times the interval, with jitter");
    pxt_cache_report(cache, "p", &bad, &health, &evicted, &error);
    pxt_cache_report(cache, "p", &bad, &health, &evicted, &error);
    is_int(health, PXT_HEALTH_DEAD, "at twice the threshold it is dead");
    is_int(field_of("p", PXT_FIELD_TOTAL_HEALTH_CHECKS), 5, "checks are counted");
    is_int(field_of("p", PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES), 4, "failures too");
    pxt_cache_report(cache, "p", &good, &health, &evicted, &error);
    is_int(health, PXT_HEALTH_DEGRADED, "a first success brings it back half way");
    is_int(field_of("p", PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES), 0, "and ends the run of failures");
    is_int(pxt_cache_report(cache, "nobody", &bad, NULL, NULL, &error), PXT_NOT_FOUND, "an unknown key");
    now += 4000 * PXT_SECOND;
    is_int(pxt_cache_invalidate(cache, "p", &error), PXT_NOT_FOUND, "an expired entry is not invalidated");
    close_chain();
    open_chain("health: {failure_threshold: 3}\n" THREE, folder, folder);
    put("p", -1);
    for (int i = 0; i < 3; i++)
        pxt_cache_invalidate(cache, "p", &error);
    is_int(got_from("p"), -PXT_NOT_FOUND, "with invalidation on, three failures evict it everywhere");
    for (unsigned i = 0; i < 3; i++)
        is_int(stats().tier[i].evictions_health, 1, "counted as that in tier %u, which had it", i);
    close_chain();
}

struct outcomes {
    unsigned count;
    char health[200];
};

static bool note_outcome(void *arg, const struct pxt_history_item *item)
{
    struct outcomes *outcomes = arg;
    outcomes->count++;
    strcat(outcomes->health, item->error_message ? "-" : "+");
    return true;
}

static void the_history_of_a_proxy_is_kept_up_to_a_limit(void)
{
    struct pxt_report report = {.size = sizeof report, .latency_ms = 20, .url = "http://example.test/"};
    struct outcomes outcomes = {0};
    open_chain("health: {history: 5, invalidate: false}\n" THREE, folder, folder);
    put("p", -1);
    for (int i = 0; i < 8; i++) {
        report.ok = i % 2;
        report.reason = "no route";
        now += PXT_SECOND;
        pxt_cache_report(cache, "p", &report, NULL, NULL, &error);
    }
    is_int(pxt_cache_history(cache, "p", note_outcome, &outcomes, &error), PXT_OK, "the history");
    is_int(outcomes.count, 5, "has as many outcomes as health.history says");
    is_str(outcomes.health, "+-+-+", "newest first");
    is_int(pxt_cache_history(cache, "nobody", note_outcome, &outcomes, &error), PXT_OK, "one without a history");
    is_int(outcomes.count, 5, "has none");
    close_chain();
    open_chain("tiers: [{plugin: l1_memory}]");
    is_int(pxt_cache_history(cache, "p", note_outcome, &outcomes, &error), PXT_ENOTSUP,
           "a chain that keeps none says so");
    close_chain();
}

static void credentials_are_split_off_and_sealed(void)
{
    struct pxt_draft draft;
    pxt_entry *entry;
    pxt_secret *secret;
    char key[PXT_KEY_MAX + 1], command[200];
    const char url[] = "http://user:hunter2@192.0.2.1:80";
    open_chain("encryptor: {plugin: fernet, auto_key_file: %s/k/fernet.key}\n" THREE, folder, folder, folder);
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url, strlen(url));
    is_int(pxt_cache_put(cache, &draft, key, &error), PXT_OK, "a URL with credentials");
    is_int(pxt_cache_get(cache, key, &entry, &error), PXT_OK, "is found by its key");
    is_str(pxt_entry_url(entry), "http://192.0.2.1:80", "the URL bears none of them");
    is_int(pxt_cache_open_secret(cache, entry, PXT_FIELD_PASSWORD, &secret, &error), PXT_OK, "the password opens");
    is_str(pxt_secret_text(secret, NULL), "hunter2", "and is the one");
    pxt_secret_free(secret);
    is_int(pxt_cache_open_secret(cache, entry, PXT_FIELD_SOURCE, &secret, &error), PXT_EINVAL, "a source is no secret");
    pxt_entry_release(entry);
    pxt_cache_sync(cache, &error);
    snprintf(command, sizeof command, "grep -rqa hunter2 %s", folder);
    ok(system(command) != 0, "no file has it in the clear");
    close_chain();
}

static void bad_arguments_change_nothing(void)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    char long_key[400];
    memset(long_key, 'k', sizeof long_key);
    long_key[sizeof long_key - 1] = '\0';
    open_chain("tiers: [{plugin: l1_memory}]");
    pxt_draft_init(&draft);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_EINVAL, "a draft without URL");
    is_int(pxt_cache_put(cache, NULL, NULL, &error), PXT_EINVAL, "no draft");
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1", 16);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_EINVAL, "a URL without port");
    ok(strstr(error.message, "port is missing"), "... says so");
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, -1);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_EINVAL, "a negative time to live");
    pxt_draft_unset(&draft, PXT_FIELD_TTL_SECONDS);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "a\0b", 3);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_EINVAL, "a NUL in a key");
    is_int(pxt_cache_get(cache, NULL, &entry, &error), PXT_EINVAL, "a key that is NULL");
    is_int(pxt_cache_get(cache, "", &entry, &error), PXT_EINVAL, "an empty key");
    is_int(pxt_cache_get(cache, long_key, &entry, &error), PXT_EINVAL, "an over-long key");
    is_int(pxt_cache_get(NULL, "k", &entry, &error), PXT_EINVAL, "no cache");
    is_int(pxt_cache_delete(cache, "", &error), PXT_EINVAL, "deleting an empty key");
    is_int(pxt_cache_report(cache, "k", NULL, NULL, NULL, &error), PXT_EINVAL, "no report");
    is_int(pxt_cache_each(cache, NULL, NULL, &error), PXT_EINVAL, "no function");
    struct pxt_report unsized = {.ok = true};
    struct pxt_stats unsized_stats = {0};
    const struct pxt_cache_options newer = {.size = sizeof newer, .flags = 0x10000};
    pxt_cache *none;
    pxt_status results[1];
    is_int(pxt_cache_report(cache, "k", &unsized, NULL, NULL, &error), PXT_EINVAL, "a report without its size");
    is_int(pxt_cache_stats(cache, &unsized_stats, &error), PXT_EINVAL, "statistics without their size");
    is_int(pxt_cache_stats(cache, NULL, &error), PXT_EINVAL, "no statistics");
    is_int(pxt_cache_open(&newer, &none, &error), PXT_EINVAL, "options with a flag that must be understood");
    is_int(pxt_cache_peek(cache, "", &entry, &error), PXT_EINVAL, "peeking for an empty key");
    is_int(pxt_cache_peek(cache, "k", NULL, &error), PXT_EINVAL, "peeking into nothing");
    is_int(pxt_cache_get_from(cache, long_key, &entry, NULL, &error), PXT_EINVAL, "an over-long key, with tier");
    is_int(pxt_cache_delete(NULL, "k", &error), PXT_EINVAL, "deleting from no cache");
    is_int(pxt_cache_delete(cache, long_key, &error), PXT_EINVAL, "deleting an over-long key");
    is_int(pxt_cache_invalidate(cache, NULL, &error), PXT_EINVAL, "invalidating nothing");
    is_int(pxt_cache_history(cache, "k", NULL, NULL, &error), PXT_EINVAL, "a history for no one");
    is_int(pxt_cache_put_many(cache, NULL, 1, results, NULL, &error), PXT_EINVAL, "many drafts that are none");
    is_int(pxt_cache_warm(cache, NULL, NULL, NULL, &error), PXT_EINVAL, "no list");
    is_int(pxt_cache_warm(cache, "/nonexistent", NULL, NULL, &error), PXT_ENOINPUT, "a list that is not there");
    is_int(pxt_cache_export(cache, NULL, false, NULL, &error), PXT_EINVAL, "an export to nowhere");
    is_int(pxt_cache_open_secret(cache, NULL, PXT_FIELD_PASSWORD, NULL, &error), PXT_EINVAL, "the secret of nothing");
    is_int(pxt_cache_clear(NULL, NULL, &error), PXT_EINVAL, "clearing no cache");
    is_int(pxt_cache_tick(NULL, NULL, &error), PXT_EINVAL, "a tick of no cache");
    is_int(pxt_cache_settle(NULL, &error), PXT_EINVAL, "settling no cache");
    is_int(pxt_cache_sync(NULL, &error), PXT_EINVAL, "syncing no cache");
    is_int(pxt_key_of_url(NULL, NULL, long_key, &error), PXT_EINVAL, "the key of nothing");
    is_int(pxt_key_of_url("nonsense", NULL, long_key, &error), PXT_EINVAL, "the key of nonsense");
    ok(*error.message != '\0', "each has a text");
    pxt_cache_close(NULL);
    pxt_entry_release(NULL);
    pxt_secret_free(NULL);
    is_int(stats().total_size, 0, "nothing was stored by any of this");
    close_chain();
}

/* The log's place is taken by a folder for a while: root cannot write there either. */
static void a_tier_that_fails_is_left_out_and_catches_up(void)
{
    char command[120];
    open_chain("degrade: {threshold: 3, backoff: 50ms, backoff_max: 100ms}\n"
               "tiers: [{plugin: l1_memory, max_entries: 2, shards: 1}, {plugin: l2_jsonl, dir: %s/l2, shards: 1}, "
               "{plugin: l3_sqlite, path: %s/l3.db}]",
               folder, folder);
    put("before", -1);
    put("deleted", -1);
    put("changed", -1);
    snprintf(command, sizeof command, "cd %s/l2 && mv shard_00.jsonl kept && mkdir shard_00.jsonl", folder);
    ok(!system(command), "the log's place is taken by a folder");
    for (const char *key = "1\0002\0003\0004\0"; *key; key += 2)
        is_int(put(key, -1), PXT_OK, "puts go on with the tiers that work");
    is_int(stats().tier[1].state, PXT_TIER_OFF, "three failures in a row turn a tier off");
    ok(stats().tier[1].reason[0], "and the reason is told");
    is_int(pxt_cache_delete(cache, "deleted", &error), PXT_OK, "a delete meanwhile");
    is_int(put("changed", 7200), PXT_OK, "a change meanwhile");
    snprintf(command, sizeof command, "cd %s/l2 && rmdir shard_00.jsonl && mv kept shard_00.jsonl", folder);
    ok(!system(command), "the log is back");
    usleep(150000);
    got_from("1");
    pxt_cache_tick(cache, NULL, &error);
    struct pxt_stats s = stats();
    is_int(s.tier[1].state, PXT_TIER_ON, "after its back-off the tier is on again: %s", s.tier[1].reason);
    is_int(s.tier[1].size, 6, "with what it missed, and without what was deleted");
    pxt_cache_close(cache);
    open_chain("tiers: [{plugin: l2_jsonl, dir: %s/l2, shards: 1}]", folder);
    is_int(got_from("deleted"), -PXT_NOT_FOUND, "the deleted entry does not come back");
    is_int(field_of("changed", PXT_FIELD_TTL_SECONDS), 7200, "the changed one is as changed");
    is_int(got_from("4"), 0, "the new ones are there");
    close_chain();
}

static void a_tier_that_is_not_required_may_be_missing(void)
{
    open_chain("tiers: [{plugin: l1_memory}, {plugin: no_such_plugin, required: false}, {plugin: l3_sqlite, path: "
               "%s/x.db}]",
               folder);
    is_int(stats().tier[1].state, PXT_TIER_ABSENT, "a missing plugin leaves its tier absent");
    ok(strstr(stats().tier[1].reason, "no_such_plugin"), "with the reason");
    put("k", -1);
    is_int(got_from("k"), 0, "the others work");
    close_chain();
}

static void a_simple_tier_gets_capacity_and_policy_from_the_core(void)
{
    char *out = NULL;
    open_chain("plugin_dirs: [%s]\ntiers: [{plugin: forgetful, max_entries: 3, eviction: lru}, {plugin: l1_memory}]",
               getenv("PROXTIER_REFUSED_PLUGINS"));
    put("a", -1);
    is_int(got_from("a"), 1, "a tier of 50 lines stands in a chain");
    struct pxt_stats s = stats();
    for (int format = PXT_STATS_TEXT; format <= PXT_STATS_OPENMETRICS; format++) {
        is_int(pxt_stats_format(&s, (enum pxt_stats_format)format, &out, &error), PXT_OK, "statistics in format %d",
               format);
        ok(strlen(out) > 100, "... have a text");
        free(out);
    }
    close_chain();
}

struct emptying {
    pxt_cache *cache;
    int deleted;
};

static bool delete_it(void *arg, pxt_entry *entry)
{
    struct emptying *emptying = arg;
    emptying->deleted += pxt_cache_delete(emptying->cache, pxt_entry_key(entry), NULL) == PXT_OK;
    return true;
}

static void a_walk_may_call_the_cache(void)
{
    static const char *const chains[] = {
        "plugin_dirs: [%s]\ntiers: [{plugin: table}]",
        "plugin_dirs: [%s]\ntiers: [{plugin: l1_memory}, {plugin: folder, dir: %s/walk}]",
        ("plugin_dirs: [%s]\ntiers: [{plugin: l1_memory}, {plugin: l2_jsonl, dir: %s/walk-l2}, {plugin: l3_sqlite, "
         "path: %s/walk.db}]")};
    for (size_t i = 0; i < 3; i++) {
        char key[20];
        open_chain(chains[i], getenv("PROXTIER_REFUSED_PLUGINS"), folder, folder);
        struct emptying emptying = {cache, 0};
        for (int n = 0; n < 20; n++) {
            snprintf(key, sizeof key, "walk%d", n);
            put(key, -1);
        }
        is_int(pxt_cache_each(cache, delete_it, &emptying, &error), PXT_OK, "chain %zu: a walk that deletes", i);
        is_int(emptying.deleted, 20, "... sees each once");
        is_int(stats().total_size, 0, "... and leaves nothing");
        close_chain();
    }
}

/* table and folder offer the required operations only. */
static void a_tier_with_seven_operations_has_all_the_rest_from_the_core(void)
{
    static const char chain[] = "plugin_dirs: [%s]\ntiers: [{plugin: table, max_entries: 2, eviction: fifo}, {plugin: "
                                "folder, dir: %s/seven, max_entries: 3, eviction: lru}]";
    const char *plugins = getenv("PROXTIER_REFUSED_PLUGINS");
    open_chain(chain, plugins, folder);
    put("a", -1);
    put("b", -1);
    put("c", 60);
    is_int(stats().tier[0].size, 2, "capacity holds in the first");
    is_int(got_from("a"), 1, "who had to leave is in the second");
    put("d", -1);
    is_int(stats().tier[1].size, 3, "capacity holds in the second");
    pxt_cache_tick(cache, NULL, &error);
    now += 61 * PXT_SECOND;
    uint64_t expired = 0;
    is_int(pxt_cache_tick(cache, &expired, &error), PXT_OK, "a tick");
    ok(expired >= 1, "... removes what expired");
    is_int(got_from("c"), -PXT_NOT_FOUND, "it is gone");
    pxt_cache_close(cache);
    open_chain(chain, plugins, folder);
    is_int(got_from("a"), 1, "what stayed is there after a restart");
    pxt_entry *entry;
    pxt_cache_peek(cache, "a", &entry, &error);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), 2, "with its accesses");
    pxt_entry_release(entry);
    close_chain();
}

static void memory_serves_alone_where_the_durable_tier_could_not_be_opened(void)
{
    open_chain("tiers: [{plugin: l1_memory}, {plugin: l3_sqlite, path: /proc/nowhere/x.db, required: false}]");
    is_int(stats().tier[1].state, PXT_TIER_ABSENT, "a database that cannot be made leaves its tier absent");
    put("k", -1);
    is_int(got_from("k"), 0, "memory takes entries");
    is_int(pxt_cache_delete(cache, "k", &error), PXT_OK, "and lets them go");
    is_int(pxt_cache_delete(cache, "k", &error), PXT_NOT_FOUND, "once");
    close_chain();
}

/* As a compaction by another process replaces it, here with a backup that has linked the old one: same size, same links. */
static void a_log_that_was_replaced_is_noticed(void)
{
    char command[400];
    open_chain("encryptor: {plugin: plain}\ntiers: [{plugin: l2_jsonl, shards: 1, dir: %s/replaced}]", folder);
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "before", 6);
    pxt_cache_put(cache, &draft, NULL, &error);
    got_from("k");
    got_from("k");
    usleep(20000); /* a tick of the file system's clock */
    snprintf(command, sizeof command,
             "cd %s/replaced && ln shard_00.jsonl backup && sed -e s/before/after_/ -e s/crc32/other/ shard_00.jsonl "
             ">new && chmod 600 new && "
             "mv new shard_00.jsonl",
             folder);
    is_int(system(command), 0, "the log is linked elsewhere, and replaced");
    pxt_entry *entry = NULL;
    is_int(pxt_cache_get(cache, "k", &entry, &error), PXT_OK, "a get");
    is_str(entry ? pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL) : "", "after_", "... reads the new one");
    pxt_entry_release(entry);
    close_chain();
}

static void a_plugin_of_two_links_is_two_tiers(void)
{
    open_chain(
        "encryptor: {plugin: plain}\ntiers: [{name: small, plugin: l1_memory, shards: 1, max_entries: 2, eviction: "
        "lru}, {name: large, plugin: l1_memory, max_entries: 8, eviction: lru}]");
    for (int i = 0; i < 5; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        put(key, 60);
    }
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    is_int((long long)stats.tier[0].size, 2, "the first instance has its own capacity");
    is_int((long long)stats.tier[1].size, 5, "the second its own entries");
    is_int(got_from("a"), 1, "what left the one is in the other");
    close_chain();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    a_hit_below_comes_up();
    an_expired_entry_is_a_miss_everywhere();
    deleting_is_final();
    accesses_are_counted_and_written_down();
    one_tier_alone_and_capacity_zero();
    a_plugin_of_two_links_is_two_tiers();
    a_log_that_was_replaced_is_noticed();
    health_goes_through_its_states();
    the_history_of_a_proxy_is_kept_up_to_a_limit();
    credentials_are_split_off_and_sealed();
    bad_arguments_change_nothing();
    a_tier_that_fails_is_left_out_and_catches_up();
    a_tier_that_is_not_required_may_be_missing();
    a_simple_tier_gets_capacity_and_policy_from_the_core();
    a_walk_may_call_the_cache();
    a_tier_with_seven_operations_has_all_the_rest_from_the_core();
    memory_serves_alone_where_the_durable_tier_could_not_be_opened();
    rmdir(folder);
    return tap_done();
}
