/* SPDX-License-Identifier: MIT
 *
 * Random sequences of operations on chains of one to four tiers, compared after each step with a model that knows nothing
 * of the core's code: arrays, and the rules of the chain as they are written down.
 *
 *   model_test                     20 000 sequences (PXT_LONG: a hundred times as many; PXT_SLOW: a tenth)
 *   model_test --sequence N        one, told step by step: how a failure is looked at
 *   model_test --sequences FROM N  N of them, from FROM on
 *
 * Two kinds of chains alternate. Exact: tiers in memory, where the model says in which tier each entry is, which one
 * answers, who leaves, and every counter. Durable: files and databases below, opened anew now and then, where the model
 * says what each get, walk and count must give.
 */
#include "../lib/tap.h"
#include "model.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-model-XXXXXX";
static bool told;
static pxt_time now;
static uint64_t dice_state;
static int64_t version;
static struct pxt_error error;

static pxt_time model_clock(void *arg)
{
    (void)arg;
    return now;
}

/* splitmix64 (G. Steele, D. Lea, C. Flood, 2014): a sequence is its number. */
static unsigned dice(unsigned sides)
{
    uint64_t z = (dice_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % sides);
}

/* ---- chains ----------------------------------------------------------------------------------------------------- */

static const char *const policy_names[] = {"lru", "lfu", "fifo", "sieve", "s3fifo"};

static void roll_link(struct model *model, unsigned i, char *yaml, size_t size)
{
    static const char *const durable[] = {"l2_jsonl", "l2_sqlite", "l3_sqlite", "folder"};
    struct model_link *link = &model->link[i];
    bool last = i + 1 == model->count;
    char place[150] = "", capacity[40] = "unlimited";
    unsigned kind = dice(4);
    link->policy = (enum model_policy)dice(model->exact ? 4 : 5);
    link->capacity = last && (!model->exact || dice(2)) ? MODEL_UNLIMITED : dice(4) == 0 ? dice(2) : 2 + dice(5);
    const char *plugin = dice(3) ? "l1_memory" : "table";
    if (!model->exact && (last || i > 0)) {
        plugin = durable[kind];
        const char *option = kind < 2 ? "dir" : kind == 2 ? "path" : "dir";
        snprintf(place, sizeof place, ", %s: %s/%u%s", option, folder, i, kind == 2 ? ".db" : "");
        /* Databases keep an order, which these two have none of. */
        if (kind == 1 || kind == 2)
            link->policy = (enum model_policy)dice(3);
    }
    if (link->capacity != MODEL_UNLIMITED)
        snprintf(capacity, sizeof capacity, "%u, eviction: %s", link->capacity, policy_names[link->policy]);
    if (!model->exact && last && dice(2)) {
        strcat(place, ", write_behind: true");
        model->written_behind = true;
    }
    size_t at = strlen(yaml);
    snprintf(yaml + at, size - at, "%s{plugin: %s, max_entries: %s%s%s}", i ? ", " : "", plugin, capacity, place,
             strcmp(plugin, "l1_memory") ? "" : ", shards: 1");
}

static void roll_chain(struct model *model, uint64_t sequence, char *yaml, size_t size)
{
    *model = (struct model){.exact = sequence % 20 != 0, .count = 1 + dice(4), .threshold = 1 + dice(3)};
    snprintf(yaml, size,
             "plugin_dirs: [%s]\nencryptor: {plugin: plain}\nhealth: {failure_threshold: %u, invalidate: %s}\ntiers: [",
             getenv("PROXTIER_REFUSED_PLUGINS"), model->threshold, (model->invalidate = dice(4)) ? "true" : "false");
    for (unsigned i = 0; i < model->count; i++)
        model->link[i].hand = -1;
    for (unsigned i = 0; i < model->count; i++)
        roll_link(model, i, yaml, size);
    strcat(yaml, "]");
}

static pxt_cache *open_chain(const char *yaml)
{
    pxt_cache *cache = NULL;
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = model_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n# %s\n", error.message, yaml);
        exit(1);
    }
    return cache;
}

/* ---- one step of both ------------------------------------------------------------------------------------------- */

/* What went wrong; "" while nothing has. */
static char wrong[300];
#define EXPECT(got, want, what)                                                                                        \
    do {                                                                                                               \
        long long got_ = (long long)(got), want_ = (long long)(want);                                                  \
        if (got_ != want_ && !*wrong)                                                                                  \
            snprintf(wrong, sizeof wrong, "%s is %lld, the model says %lld", what, got_, want_);                       \
    } while (0)
#define TELL(...) (told ? (void)(printf("# " __VA_ARGS__), printf("\n")) : (void)0)

static void name_key(unsigned key, char text[20])
{
    snprintf(text, 20, "key%u", key);
}

/* The source carries it: nothing changes that but a put. */
static int64_t version_of(const pxt_entry *entry)
{
    return atoll(pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL) + 1);
}

/* Where a tier is written behind, a few hits that come while it gets an entry may count twice, or not. */
static bool hits_differ(const struct model *model, int64_t hits, int64_t expected)
{
    int64_t off = hits > expected ? hits - expected : expected - hits;
    return off > (model->written_behind ? 2 : 0);
}

/* An expired entry may have been removed already, by whoever came across it: then the put has begun anew. */
static void settle_doubt(pxt_cache *cache, struct model *model, unsigned key)
{
    const struct model_entry *expected = &model->entry[key];
    char text[20];
    pxt_entry *entry = NULL;
    name_key(key, text);
    if (!expected->unsure || expected->expires <= now || pxt_cache_settle(cache, &error) ||
        pxt_cache_peek(cache, text, &entry, &error))
        return;
    int64_t failures = pxt_entry_number(entry, PXT_FIELD_FAILURE_COUNT);
    int64_t hits = pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    if (failures || hits) {
        EXPECT(failures, expected->failures, "failures that were kept over an expiry");
        if (hits_differ(model, hits, expected->hits))
            EXPECT(hits, expected->hits, "hits that were kept over an expiry");
    }
    model_learn(model, key, failures, hits);
    pxt_entry_release(entry);
}

static void step_put(pxt_cache *cache, struct model *model, unsigned key)
{
    static const int64_t ttls[] = {-1, -1, -1, 0, 1, 3, 100};
    struct pxt_draft draft;
    char text[20], source[20];
    int64_t ttl = ttls[dice(7)];
    name_key(key, text);
    TELL("put %s ttl %lld", text, (long long)ttl);
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, text, strlen(text));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    int length = snprintf(source, sizeof source, "v%lld", (long long)++version);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, source, (size_t)length);
    if (ttl >= 0)
        pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, ttl);
    EXPECT(pxt_cache_put(cache, &draft, NULL, &error),
           model_put(model, key, version, now + (ttl < 0 ? 3600 : ttl) * PXT_SECOND, now), "put");
    settle_doubt(cache, model, key);
}

/* A get does not wait for a tier that is written behind: a victim that this tier lacks stays, until the next change. */
static void change_something_else(pxt_cache *cache, const struct model *model)
{
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = -1};
    if (model->written_behind)
        EXPECT(pxt_cache_report(cache, "nobody", &report, NULL, NULL, &error), PXT_NOT_FOUND, "report of no entry");
}

static void step_get(pxt_cache *cache, struct model *model, unsigned key)
{
    char text[20];
    unsigned tier = 0, expected_tier = 0;
    pxt_entry *entry = NULL;
    struct model_entry expected;
    name_key(key, text);
    pxt_status status = pxt_cache_get_from(cache, text, &entry, &tier, &error);
    pxt_status should = model_get(model, key, now, &expected, &expected_tier);
    TELL("get %s: %s from %u", text, pxt_status_name(status), tier);
    change_something_else(cache, model);
    EXPECT(status, should, "get");
    if (status || should)
        return;
    EXPECT(version_of(entry), expected.version, "the version that get gave");
    EXPECT(pxt_entry_number(entry, PXT_FIELD_FAILURE_COUNT), expected.failures, "its failures");
    if (model->exact)
        EXPECT(tier, expected_tier, "the tier that answered");
    pxt_entry_release(entry);
}

static void step_peek(pxt_cache *cache, struct model *model, unsigned key)
{
    char text[20];
    pxt_entry *entry = NULL;
    struct model_entry expected;
    name_key(key, text);
    TELL("peek %s", text);
    EXPECT(pxt_cache_settle(cache, &error), PXT_OK, "settle");
    pxt_status status = pxt_cache_peek(cache, text, &entry, &error), should = model_peek(model, key, now, &expected);
    EXPECT(status, should, "peek");
    if (status || should)
        return;
    EXPECT(version_of(entry), expected.version, "the version that peek gave");
    int64_t hits = pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    if (hits_differ(model, hits, expected.hits))
        EXPECT(hits, expected.hits, "access_count");
    pxt_entry_release(entry);
}

static void step_delete(pxt_cache *cache, struct model *model, unsigned key)
{
    char text[20];
    bool expired = model->entry[key].there && model->entry[key].expires <= now;
    name_key(key, text);
    TELL("delete %s", text);
    pxt_status status = pxt_cache_delete(cache, text, &error), should = model_delete(model, key);
    /* An expired one may have been removed already, by whoever came across it. */
    if (model->exact || !expired)
        EXPECT(status, should, "delete");
}

static void step_report(pxt_cache *cache, struct model *model, unsigned key)
{
    char text[20];
    bool good = dice(3) == 0, evicted = false, expected_evicted = false;
    struct pxt_report report = {.size = sizeof report, .ok = good, .latency_ms = -1};
    name_key(key, text);
    TELL("report %s %s", text, good ? "ok" : "fail");
    EXPECT(pxt_cache_report(cache, text, &report, NULL, &evicted, &error),
           model_report(model, key, good, now, &expected_evicted), "report");
    EXPECT(evicted, expected_evicted, "whether it was evicted");
}

struct walked {
    struct model *model;
    unsigned count;
};

static bool walk_one(void *arg, pxt_entry *entry)
{
    struct walked *walked = arg;
    struct model_entry expected;
    unsigned key = (unsigned)atoi(pxt_entry_key(entry) + 3);
    walked->count++;
    EXPECT(model_peek(walked->model, key, now, &expected), PXT_OK, "an entry that a walk gave");
    if (!*wrong)
        EXPECT(version_of(entry), expected.version, "its version");
    return true;
}

static void step_walk(pxt_cache *cache, struct model *model)
{
    struct walked walked = {model, 0};
    TELL("walk");
    EXPECT(pxt_cache_each(cache, walk_one, &walked, &error), PXT_OK, "walk");
    EXPECT(walked.count, model_live(model, now), "the number of entries that a walk gave");
}

static void step_tick(pxt_cache *cache, struct model *model)
{
    uint64_t expired = 0;
    TELL("tick");
    EXPECT(pxt_cache_tick(cache, &expired, &error), PXT_OK, "tick");
    unsigned should = model_tick(model, now);
    if (model->exact)
        EXPECT(expired, should, "the number of expired entries");
}

static void step_clear(pxt_cache *cache, struct model *model)
{
    uint64_t removed = 0;
    TELL("clear");
    unsigned should = model_live(model, now);
    EXPECT(pxt_cache_clear(cache, &removed, &error), PXT_OK, "clear");
    EXPECT(removed, should, "the number of cleared entries");
    model_clear(model);
}

static void compare_statistics(pxt_cache *cache, const struct model *model)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    EXPECT(pxt_cache_stats(cache, &stats, &error), PXT_OK, "statistics");
    EXPECT(stats.gets, stats.hits + stats.misses, "the number of gets");
    for (unsigned i = 0; i < model->count && !*wrong; i++) {
        const struct pxt_tier_stats *tier = &stats.tier[i];
        const struct model_link *link = &model->link[i];
        char what[60];
#define SAME(counter)                                                                                                  \
    snprintf(what, sizeof what, "%s of tier %u", #counter, i);                                                         \
    EXPECT(tier->counter, link->counter, what)
        if (link->capacity != MODEL_UNLIMITED && tier->size > link->capacity)
            snprintf(wrong, sizeof wrong, "tier %u has %u entries, its capacity is %u", i, (unsigned)tier->size,
                     link->capacity);
        if (!model->exact)
            continue;
        SAME(size);
        SAME(hits);
        SAME(misses);
        SAME(promotions);
        SAME(demotions);
        SAME(evictions_policy);
        SAME(evictions_ttl);
        SAME(evictions_health);
#undef SAME
    }
}

static void step(pxt_cache **cache, struct model *model, const char *yaml)
{
    unsigned key = dice(MODEL_KEYS);
    now += 1 + dice(1000);
    switch (dice(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
        step_put(*cache, model, key);
        break;
    case 4:
        step_delete(*cache, model, key);
        break;
    case 5:
        step_report(*cache, model, key);
        break;
    case 6:
        step_peek(*cache, model, key);
        break;
    case 7:
        now += dice(3) * PXT_SECOND;
        TELL("the clock goes on");
        break;
    case 8:
        if (dice(3) == 0)
            step_tick(*cache, model);
        else
            step_walk(*cache, model);
        break;
    case 9:
        if (dice(8) == 0) {
            step_clear(*cache, model);
        } else if (!model->exact && dice(4) == 0) {
            TELL("closed and opened again");
            pxt_cache_close(*cache);
            *cache = open_chain(yaml);
            model_reopen(model);
        }
        break;
    default:
        step_get(*cache, model, key);
    }
    compare_statistics(*cache, model);
}

/* ---- sequences -------------------------------------------------------------------------------------------------- */

static bool run_sequence(uint64_t sequence)
{
    char yaml[2000], command[100];
    struct model model;
    dice_state = sequence * 0x2545f4914f6cdd1du + 1;
    now = INT64_C(1767225600000000);
    version = 0;
    *wrong = '\0';
    roll_chain(&model, sequence, yaml, sizeof yaml);
    TELL("%s", strchr(yaml, '\n') + 1);
    pxt_cache *cache = open_chain(yaml);
    unsigned steps = 20 + dice(60);
    for (unsigned i = 0; i < steps && !*wrong; i++)
        step(&cache, &model, yaml);
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (!model.exact && system(command))
        diag("cannot clean up");
    if (*wrong)
        diag("sequence %llu: %s; look at it with: t/chain/model_test --sequence %llu", (unsigned long long)sequence,
             wrong, (unsigned long long)sequence);
    return !*wrong;
}

static unsigned run_sequences(uint64_t from, uint64_t count)
{
    unsigned failed = 0;
    for (uint64_t i = from; i < from + count && failed < 5; i++)
        failed += !run_sequence(i);
    return failed;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, count = (uint64_t)tap_amount(20000);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && !strcmp(argv[1], "--sequence")) {
        told = true;
        from = strtoull(argv[2], NULL, 10);
        count = 1;
    } else if (argc == 4 && !strcmp(argv[1], "--sequences")) {
        from = strtoull(argv[2], NULL, 10);
        count = strtoull(argv[3], NULL, 10);
    } else if (argc > 1) {
        fprintf(stderr, "usage: model_test [--sequence N | --sequences FROM N]\n");
        return 64;
    }
    if (!getenv("PROXTIER_REFUSED_PLUGINS") || !mkdtemp(folder))
        return 1;
    is_int(run_sequences(from, count), 0, "%llu random sequences go as the model says", (unsigned long long)count);
    rmdir(folder);
    return tap_done();
}
