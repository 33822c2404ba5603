/* SPDX-License-Identifier: MIT
 *
 * A put or a warm of a key that is stored takes over what the list says, and keeps what was learnt: health, checks and
 * hits. Deleting the key first starts anew.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-learnt-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;
static pxt_time now = INT64_C(1767225600000000);
static char key[PXT_KEY_MAX + 1];

static pxt_time test_clock(void *arg)
{
    (void)arg;
    return now;
}

static void open_chain_degraded(const char *degrade, const char *tiers)
{
    char yaml[1000], with_folder[800];
    snprintf(with_folder, sizeof with_folder, tiers, folder, folder);
    snprintf(
        yaml, sizeof yaml,
        "encryptor: {plugin: plain}\nhealth: {failure_threshold: 2, invalidate: false}\ndegrade: {%s}\ntiers: [%s]",
        degrade, with_folder);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = test_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void open_chain(const char *tiers)
{
    open_chain_degraded("threshold: 3", tiers);
}

static void empty_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static void report(bool good)
{
    struct pxt_report outcome = {
        .size = sizeof outcome, .ok = good, .latency_ms = 1, .reason = good ? NULL : "timeout"};
    now += PXT_SECOND;
    if (pxt_cache_report(cache, key, &outcome, NULL, NULL, &error))
        diag("report: %s", error.message);
}

static void hit(int times)
{
    for (int i = 0; i < times; i++) {
        pxt_entry *entry = NULL;
        now += PXT_SECOND;
        if (pxt_cache_get(cache, key, &entry, &error))
            diag("get: %s", error.message);
        pxt_entry_release(entry);
    }
}

static void make_draft(struct pxt_draft *draft, const char *source)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(draft, PXT_FIELD_SOURCE, source, strlen(source));
    pxt_draft_set_text(draft, PXT_FIELD_PASSWORD, source, strlen(source));
}

static pxt_status put_status; /* of the last put or batch */

static void put(const char *source)
{
    struct pxt_draft draft;
    make_draft(&draft, source);
    put_status = pxt_cache_put(cache, &draft, key, &error);
}

static void put_batch(const char *source)
{
    struct pxt_draft drafts[2];
    make_draft(&drafts[0], source);
    make_draft(&drafts[1], source);
    pxt_draft_set_text(&drafts[1], PXT_FIELD_PROXY_URL, "http://192.0.2.2:80", 19);
    put_status = pxt_cache_put_many(cache, drafts, 2, NULL, NULL, &error);
}

static void warm(const char *source)
{
    char path[60];
    struct pxt_warm_options options = PXT_WARM_OPTIONS_INIT;
    snprintf(path, sizeof path, "%s/list.txt", folder);
    FILE *list = fopen(path, "w");
    if (!list || fprintf(list, "http://:%s@192.0.2.1:80\n", source) < 0 || fclose(list))
        diag("cannot write %s", path);
    options.source = source;
    if (pxt_cache_warm(cache, path, &options, NULL, &error))
        diag("warm: %s", error.message);
}

static const enum pxt_field_id learnt[] = {PXT_FIELD_LAST_ACCESSED,
                                           PXT_FIELD_ACCESS_COUNT,
                                           PXT_FIELD_HEALTH_STATUS,
                                           PXT_FIELD_FAILURE_COUNT,
                                           PXT_FIELD_LAST_HEALTH_CHECK,
                                           PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES,
                                           PXT_FIELD_CONSECUTIVE_HEALTH_SUCCESSES,
                                           PXT_FIELD_RECOVERY_ATTEMPT,
                                           PXT_FIELD_NEXT_CHECK_TIME,
                                           PXT_FIELD_TOTAL_HEALTH_CHECKS,
                                           PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES};
enum { LEARNT = sizeof learnt / sizeof *learnt };

static void read_learnt(int64_t out[LEARNT], char reason[20])
{
    pxt_entry *entry = NULL;
    pxt_cache_settle(cache, &error);
    reason[0] = '\0';
    for (int i = 0; i < LEARNT; i++)
        out[i] = -1;
    if (pxt_cache_peek(cache, key, &entry, &error))
        return;
    for (int i = 0; i < LEARNT; i++)
        out[i] = pxt_entry_number(entry, learnt[i]);
    const char *text = pxt_entry_text(entry, PXT_FIELD_LAST_HEALTH_ERROR, NULL);
    snprintf(reason, 20, "%s", text ? text : "");
    pxt_entry_release(entry);
}

/* Names the first learnt field in which the entry differs from what it had before. */
static const char *differs(const int64_t before[LEARNT], const char *reason)
{
    int64_t after[LEARNT];
    char reason_after[20];
    size_t count;
    read_learnt(after, reason_after);
    for (int i = 0; i < LEARNT; i++)
        if (after[i] != before[i])
            return pxt_fields(&count)[learnt[i]]->name;
    return strcmp(reason, reason_after) ? "last_health_error" : "";
}

static const char *source_of_entry(char text[20])
{
    pxt_entry *entry = NULL;
    pxt_secret *secret = NULL;
    snprintf(text, 20, "none");
    if (pxt_cache_peek(cache, key, &entry, &error))
        return text;
    const char *source = pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL);
    if (!pxt_cache_open_secret(cache, entry, PXT_FIELD_PASSWORD, &secret, &error))
        snprintf(text, 20, "%s/%s", source, pxt_secret_text(secret, NULL));
    pxt_secret_free(secret);
    pxt_entry_release(entry);
    return text;
}

static bool count_check(void *arg, const struct pxt_history_item *item)
{
    (void)item;
    ++*(int *)arg;
    return true;
}

/* A chain of two tiers: memory in front, or a file alone. */
static const struct {
    const char *name, *tiers;
    bool history;
} chains[] = {
    {"memory", "{plugin: l1_memory}", false},
    {"memory over memory", "{name: a, plugin: l1_memory, shards: 1, max_entries: 1}, {name: b, plugin: l1_memory}",
     false},
    {"files", "{plugin: l2_jsonl, dir: %s/l2}", false},
    {"memory, files, database",
     "{plugin: l1_memory}, {plugin: l2_jsonl, dir: %s/l2, max_entries: 10}, {plugin: l3_sqlite, path: %s/l3.db}", true},
    {"database", "{plugin: l3_sqlite, path: %s/l3.db}", true},
    {"written behind", "{plugin: l2_jsonl, dir: %s/l2}, {plugin: l3_sqlite, path: %s/l3.db, write_behind: true}",
     false}};
static const struct {
    const char *name;
    void (*store)(const char *source);
} ways[] = {{"put", put}, {"put_many", put_batch}, {"warm", warm}};

static void what_was_learnt_stays(unsigned chain, unsigned way)
{
    int64_t before[LEARNT];
    char reason[20], source[20];
    const char *name = chains[chain].name, *how = ways[way].name;
    empty_folder();
    open_chain(chains[chain].tiers);
    put("first");
    report(true);
    for (int i = 0; i < 5; i++)
        report(false);
    hit(3);
    read_learnt(before, reason);
    now += PXT_SECOND;
    ways[way].store("second");
    is_str(differs(before, reason), "", "%s, %s: keeps what was learnt of a dead proxy", name, how);
    is_str(source_of_entry(source), "second/second", "%s, %s: takes what the list says", name, how);
    report(true);
    hit(2);
    read_learnt(before, reason);
    is_str(reason, "", "%s, %s: a good report ends the reason", name, how);
    ways[way].store("third");
    is_str(differs(before, reason), "", "%s, %s: and of one that recovers", name, how);
    now += 2 * 3600 * PXT_SECOND;
    ways[way].store("fourth");
    is_str(differs(before, reason), "", "%s, %s: and of one that has expired and still stands there", name, how);
    if (chains[chain].history) {
        int checks = 0;
        pxt_cache_history(cache, key, count_check, &checks, &error);
        is_int(checks, 7, "%s, %s: its history stays too", name, how);
    }
    pxt_cache_close(cache);
    if (chain == 3) {
        open_chain(chains[chain].tiers);
        ways[way].store("fifth");
        is_str(differs(before, reason), "", "%s, %s: also by another process", name, how);
        pxt_cache_close(cache);
    }
}

/* The entry in memory has them not yet when the put reads it. */
static void hits_that_are_not_yet_settled_stay(unsigned chain, unsigned way)
{
    int64_t after[LEARNT];
    char reason[20];
    const char *name = chains[chain].name, *how = ways[way].name;
    empty_folder();
    open_chain(chains[chain].tiers);
    put("first");
    hit(3);
    ways[way].store("second");
    read_learnt(after, reason);
    is_int(after[1], 3, "%s, %s: hits that are not settled stay", name, how);
    hit(2);
    pxt_time last = now;
    ways[way].store("third");
    now += PXT_SECOND;
    read_learnt(after, reason);
    is_int(after[1], 5, "%s, %s: once more", name, how);
    is_int(after[0], last, "%s, %s: and the time of the last one", name, how);
    pxt_cache_close(cache);
}

static void deleting_first_starts_anew(void)
{
    int64_t after[LEARNT];
    char reason[20];
    empty_folder();
    open_chain(chains[3].tiers);
    put("first");
    report(false);
    hit(1);
    pxt_cache_delete(cache, key, &error);
    put("second");
    read_learnt(after, reason);
    is_int(after[1], 0, "deleted and put: no hit");
    is_int(after[2], PXT_HEALTH_UNKNOWN, "... health is unknown");
    is_str(reason, "", "... no reason");
    pxt_cache_close(cache);
}

static const struct pxt_draft *given; /* what put_given() and put_given_batch() store */

static void put_given(void)
{
    pxt_cache_put(cache, given, key, &error);
}

static void put_given_batch(void)
{
    pxt_cache_put_many(cache, given, 1, NULL, NULL, &error);
}

/* A new key, and one that is stored without a check or a hit; not a key that has learnt something. */
static void what_a_draft_says_counts_while_nothing_is_learnt(void (*store)(void), const char *how)
{
    struct pxt_draft draft;
    int64_t after[LEARNT];
    char reason[20];
    empty_folder();
    open_chain(chains[3].tiers);
    for (int stored = 0; stored < 2; stored++) {
        const char *what = stored ? "a stored key that has learnt nothing" : "a new key";
        make_draft(&draft, "backup");
        pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, 41);
        pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, now - 7);
        pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, PXT_HEALTH_DEAD);
        pxt_draft_set_text(&draft, PXT_FIELD_LAST_HEALTH_ERROR, "refused", 7);
        given = &draft;
        if (stored) {
            pxt_cache_delete(cache, key, &error);
            put("list");
            now += PXT_SECOND;
            put("list again");
        }
        store();
        read_learnt(after, reason);
        is_int(after[0], now - (stored ? PXT_SECOND : 0) - 7, "%s, %s: the draft's last hit", how, what);
        is_int(after[1], 41, "%s, %s: the draft's hits", how, what);
        is_int(after[2], PXT_HEALTH_DEAD, "%s, %s: its health", how, what);
        is_str(reason, "refused", "%s, %s: and its reason", how, what);
    }
    report(true);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, 7);
    store();
    read_learnt(after, reason);
    is_int(after[1], 41, "%s, a key that has learnt: its own hits", how);
    is_int(after[2], PXT_HEALTH_DEGRADED, "... its own health");
    is_str(reason, "", "... and no reason, as it has none");
    pxt_cache_close(cache);
}

/* Each field that is learnt, of itself, makes the stored entry count. */
static void one_learnt_field_is_enough(void)
{
    static const char *const reason_of_draft = "of the draft";
    size_t count;
    const struct pxt_field *const *field = pxt_fields(&count);
    open_chain(chains[0].tiers);
    for (int i = 1; i < LEARNT; i++) { /* not last_accessed: every entry has one */
        struct pxt_draft draft;
        int64_t after[LEARNT];
        char reason[20];
        make_draft(&draft, "stored");
        pxt_draft_set_number(&draft, learnt[i], learnt[i] == PXT_FIELD_HEALTH_STATUS ? PXT_HEALTH_DEGRADED : 3);
        pxt_cache_put(cache, &draft, key, &error);
        make_draft(&draft, "draft");
        pxt_draft_set_text(&draft, PXT_FIELD_LAST_HEALTH_ERROR, reason_of_draft, strlen(reason_of_draft));
        pxt_cache_put(cache, &draft, key, &error);
        read_learnt(after, reason);
        is_str(reason, "", "an entry with only %s keeps what it has", field[learnt[i]]->name);
        pxt_cache_delete(cache, key, &error);
    }
    pxt_cache_close(cache);
}

/* A list may have a proxy twice: the batch does what two puts do. */
static void a_key_twice_in_a_batch(void)
{
    struct pxt_draft drafts[3];
    int64_t after[LEARNT];
    char reason[20], source[20];
    bool replaced[3];
    empty_folder();
    open_chain(chains[3].tiers);
    make_draft(&drafts[0], "first");
    make_draft(&drafts[1], "second");
    make_draft(&drafts[2], "third");
    pxt_draft_set_number(&drafts[1], PXT_FIELD_ACCESS_COUNT, 5);
    pxt_draft_set_number(&drafts[1], PXT_FIELD_HEALTH_STATUS, PXT_HEALTH_DEAD);
    pxt_draft_set_text(&drafts[1], PXT_FIELD_LAST_HEALTH_ERROR, "refused", 7);
    pxt_draft_set_number(&drafts[2], PXT_FIELD_ACCESS_COUNT, 9);
    is_int(pxt_cache_put_many(cache, drafts, 3, NULL, replaced, &error), PXT_OK, "a key three times in a batch");
    read_learnt(after, reason);
    is_str(source_of_entry(source), "third/third", "... the last one says where the proxy is");
    is_int(after[1], 5, "... the first that has learnt something says what was learnt");
    is_int(after[2], PXT_HEALTH_DEAD, "... its health");
    is_str(reason, "refused", "... its reason");
    pxt_cache_close(cache);
}

/* The database alone has the key; then it stands below other tiers, and its reads fail as `faults` says. */
/* The first get is of the repair that a new member, l2, brings with it. */
static void open_failing(const char *degrade, const char *faults)
{
    char tiers[600];
    empty_folder();
    open_chain(chains[4].tiers);
    put("first");
    report(false);
    hit(2);
    pxt_cache_close(cache);
    snprintf(tiers, sizeof tiers,
             "{plugin: l1_memory, max_entries: 3}, {plugin: l2_jsonl, dir: %%s/l2, max_entries: 2}, {plugin: fault, "
             "tier: l3_sqlite, tier_options: 'path=%%s/l3.db', faults: '%s'}",
             faults);
    open_chain_degraded(degrade, tiers);
}

/* A batch asks the tier for all its keys at once, and singly if that fails. */
static const char *faults_of(unsigned way, const char *of_get, const char *of_get_many)
{
    return ways[way].store == put_batch ? of_get_many : of_get;
}

static void a_tier_that_fails_to_read(unsigned way)
{
    int64_t before[LEARNT], after[LEARNT];
    char reason[20], source[20];
    const char *how = ways[way].name;
    open_failing("threshold: 3", faults_of(way, "get 3 fail EIO", "get_many 1 fail EIO"));
    read_learnt(before, reason);
    ways[way].store("second");
    is_int(put_status, PXT_OK, "%s: one read fails", how);
    is_str(differs(before, reason), "", "%s: what was learnt stays", how);
    is_str(source_of_entry(source), "second/second", "%s: and the list's part is taken over", how);
    pxt_cache_close(cache);

    open_failing("threshold: 3, backoff: 1h", "get 1- fail EIO; get_many 1- fail EIO");
    ways[way].store("second");
    is_int(put_status, PXT_OK, "%s: all reads fail: the tier is turned off, the put goes on", how);
    is_str(source_of_entry(source), "second/second", "%s: in the other tiers", how);
    pxt_cache_close(cache);

    open_failing("threshold: 1", faults_of(way, "get 3 fail ENOMEM", "get_many 1 fail ENOMEM"));
    read_learnt(before, reason);
    ways[way].store("second");
    is_int(put_status, PXT_ENOMEM, "%s: no memory for the read", how);
    is_str(source_of_entry(source), "first/first", "%s: nothing is stored", how);
    ways[way].store("second");
    is_str(differs(before, reason), "", "%s: once more: what was learnt stays", how);
    pxt_cache_close(cache);

    open_failing("threshold: 1", faults_of(way, "get 2 fail EINVAL", "get 2 fail EINVAL; get_many 1 fail EINVAL"));
    ways[way].store("second");
    is_int(put_status, PXT_OK, "%s: a tier that cannot hold the key has nothing to say", how);
    read_learnt(after, reason);
    is_int(after[2], PXT_HEALTH_UNKNOWN, "%s: the key is new", how);
    pxt_cache_close(cache);
}

static void the_only_tier_fails_to_read(unsigned way)
{
    int64_t before[LEARNT];
    char reason[20], source[20];
    const char *how = ways[way].name;
    empty_folder();
    char tier[300];
    snprintf(tier, sizeof tier, "{plugin: fault, tier: l2_jsonl, tier_options: 'dir=%%s/l2', faults: '%s'}",
             faults_of(way, "get 4 fail EIO", "get_many 1 fail EIO"));
    open_chain(tier);
    put("first");
    report(false);
    read_learnt(before, reason);
    ways[way].store("second");
    is_int(put_status, PXT_EIO, "%s: the only tier fails to read: the put fails", how);
    is_str(source_of_entry(source), "first/first", "%s: nothing is stored", how);
    ways[way].store("second");
    is_str(differs(before, reason), "", "%s: the next put keeps what was learnt", how);
    is_str(source_of_entry(source), "second/second", "%s: and is stored", how);
    pxt_cache_close(cache);
}

static void a_memory_tier_that_fails_to_read(void)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    empty_folder();
    open_chain("{plugin: fault, tier: l1_memory, faults: 'get 1 fail EIO'}, {plugin: l2_jsonl, dir: %s/l2}");
    put("first");
    pxt_cache_stats(cache, &stats, &error);
    is_int(put_status, PXT_OK, "a memory tier fails to read over a file");
    is_int((long long)stats.tier[0].failures, 1, "... it is not asked again: the file has all entries");
    pxt_cache_close(cache);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    for (unsigned chain = 0; chain < sizeof chains / sizeof *chains; chain++)
        for (unsigned way = 0; way < 3; way++) {
            what_was_learnt_stays(chain, way);
            hits_that_are_not_yet_settled_stay(chain, way);
        }
    for (unsigned way = 0; way < 2; way++) {
        a_tier_that_fails_to_read(way);
        the_only_tier_fails_to_read(way);
    }
    a_memory_tier_that_fails_to_read();
    deleting_first_starts_anew();
    what_a_draft_says_counts_while_nothing_is_learnt(put_given, "put");
    what_a_draft_says_counts_while_nothing_is_learnt(put_given_batch, "put_many");
    one_learnt_field_is_enough();
    a_key_twice_in_a_batch();
    empty_folder();
    rmdir(folder);
    return tap_done();
}
