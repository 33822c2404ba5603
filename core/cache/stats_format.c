/* SPDX-License-Identifier: MIT
 *
 * stats_format.c: statistics as text, JSON, flat metrics and OpenMetrics, by walking the tables of <proxtier/stats.h>.
 */
#include "base/fail.h"
#include "cache/stats_copy.h"
#include "entry/json.h"
#include <proxtier/stats.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Text that grows; `failed` once memory was short. */
struct text {
    char *bytes;
    size_t length, capacity;
    bool failed;
};

static void say(struct text *text, const char *format, ...) PXT_PRINTF(2, 3);
static void say(struct text *text, const char *format, ...)
{
    char line[600];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (text->failed)
        return;
    if (text->length + length + 1 > text->capacity) {
        size_t wanted = (text->capacity + length + 1) * 2;
        char *grown = realloc(text->bytes, wanted); /* handed to the caller, who frees it */
        if (!grown) {
            text->failed = true;
            return;
        }
        text->bytes = grown;
        text->capacity = wanted;
    }
    memcpy(text->bytes + text->length, line, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static const char *state_name(enum pxt_tier_state state)
{
    static const char *const names[] = {"on", "off", "probing", "absent"};
    return (unsigned)state < 4 ? names[state] : "?";
}

/* A rate with four digits whatever the locale's decimal point is. */
static void say_rate(struct text *text, double rate)
{
    unsigned parts = (unsigned)(rate * 10000 + 0.5);
    say(text, "%u.%04u", parts / 10000, parts % 10000);
}

/* ISO 8601, UTC, between two texts. */
static void say_time(struct text *text, const char *before, int64_t time, const char *after)
{
    time_t seconds = (time_t)(time / 1000000);
    struct tm utc;
    char date[32];
    if (gmtime_r(&seconds, &utc) && strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc))
        say(text, "%s%s.%06dZ%s", before, date, (int)(time % 1000000), after);
    else
        say(text, "%s%lld%s", before, (long long)time, after);
}

struct counter {
    const char *name;
    const char *help;
    size_t offset;
};
static const struct counter counters[] = {
#define X(name, help) {#name, help, offsetof(struct pxt_tier_stats, name)},
    PXT_TIER_COUNTERS(X)
#undef X
};

/* How many of them the program's struct has. */
static size_t counters_in(const struct pxt_stats *stats)
{
    size_t n = 0;
    while (n < sizeof counters / sizeof *counters && counters[n].offset + sizeof(uint64_t) <= stats->tier_size)
        n++;
    return n;
}

static unsigned long long value_of(const struct pxt_tier_stats *tier, const struct counter *counter)
{
    uint64_t value;
    memcpy(&value, (const char *)tier + counter->offset, sizeof value);
    return value;
}

static void as_text(struct text *text, const struct pxt_stats *stats)
{
    /* Without ProxyWhirl's hit rate, which counts the misses of a tier too: it looks wrong beside these. */
    say(text, "gets %llu, hits %llu, misses %llu\n", (unsigned long long)stats->gets, (unsigned long long)stats->hits,
        (unsigned long long)stats->misses);
    if (stats->since)
        say_time(text, "counted since ", stats->since, "\n");
    if (stats->checkpoint)
        say_time(text, "all members of the pool agree on all changes up to ", stats->checkpoint, "\n");
    if (stats->missing)
        say(text, "members of the pool that are not in this configuration: %llu; see `proxtier status`\n",
            (unsigned long long)stats->missing);
    if (stats->joined)
        say(text, "gets that waited for another one of the same key: %llu\n", (unsigned long long)stats->joined);
    if (stats->skewed)
        say(text, "changes of entries too far ahead of the clock: %llu; set the clocks, see max_skew\n",
            (unsigned long long)stats->skewed);
    if (stats->known_dead)
        say(text, "known as dead: %llu\n", (unsigned long long)stats->known_dead);
    for (uint32_t i = 0; i < stats->tier_count; i++) {
        const struct pxt_tier_stats *tier = &stats->tier[i];
        say(text, "%s (%s): %s, %llu entries", tier->name, tier->plugin, state_name(tier->state),
            (unsigned long long)tier->size);
        if (tier->capacity)
            say(text, " of %llu", (unsigned long long)tier->capacity);
        if (tier->reason[0])
            say(text, " (%s)", tier->reason);
        say(text, "\n    %-22s %llu\n", "doubted", (unsigned long long)tier->doubted);
        if (tier->tombstones >= 0)
            say(text, "    %-22s %lld\n", "tombstones", (long long)tier->tombstones);
        for (size_t c = 0; c < counters_in(stats); c++)
            say(text, "    %-22s %llu\n", counters[c].name, value_of(tier, &counters[c]));
    }
}

static void say_json_string(struct text *text, const char *string)
{
    char quoted[2048];
    size_t length = pxt_json_string(quoted, sizeof quoted, 0, string, strlen(string));
    say(text, "%.*s", (int)(length < sizeof quoted ? length : 0), quoted);
}

static void say_json_time(struct text *text, const char *name, int64_t time)
{
    say(text, ", \"%s\": ", name);
    if (time)
        say_time(text, "\"", time, "\"");
    else
        say(text, "null");
}

static void as_json(struct text *text, const struct pxt_stats *stats)
{
    say(text, "{\"schema\": 1, \"gets\": %llu, \"hits\": %llu, \"misses\": %llu, \"hit_rate\": ",
        (unsigned long long)stats->gets, (unsigned long long)stats->hits, (unsigned long long)stats->misses);
    say_rate(text, pxt_overall_hit_rate(stats));
    say(text,
        ", \"promotions\": %llu, \"demotions\": %llu, \"total_size\": %llu, \"missing_members\": %llu, \"skewed\": "
        "%llu, \"joined\": %llu",
        (unsigned long long)stats->promotions, (unsigned long long)stats->demotions,
        (unsigned long long)stats->total_size, (unsigned long long)stats->missing, (unsigned long long)stats->skewed,
        (unsigned long long)stats->joined);
    say_json_time(text, "checkpoint", stats->checkpoint);
    say_json_time(text, "since", stats->since);
    say(text, ", \"known_dead\": %llu", (unsigned long long)stats->known_dead);
    say(text, ", \"tiers\": [");
    for (uint32_t i = 0; i < stats->tier_count; i++) {
        const struct pxt_tier_stats *tier = &stats->tier[i];
        say(text, "%s{\"name\": ", i ? ", " : "");
        say_json_string(text, tier->name);
        say(text, ", \"plugin\": ");
        say_json_string(text, tier->plugin);
        say(text, ", \"state\": \"%s\", \"degraded\": %s, \"reason\": ", state_name(tier->state),
            tier->state == PXT_TIER_ON ? "false" : "true");
        say_json_string(text, tier->reason);
        say(text, ", \"size\": %llu, \"capacity\": ", (unsigned long long)tier->size);
        if (tier->capacity)
            say(text, "%llu", (unsigned long long)tier->capacity);
        else
            say(text, "null");
        say(text, ", \"doubted\": %llu, \"tombstones\": ", (unsigned long long)tier->doubted);
        if (tier->tombstones >= 0)
            say(text, "%lld", (long long)tier->tombstones);
        else
            say(text, "null");
        for (size_t c = 0; c < counters_in(stats); c++)
            say(text, ", \"%s\": %llu", counters[c].name, value_of(tier, &counters[c]));
        say(text, ", \"hit_rate\": ");
        say_rate(text, pxt_tier_hit_rate(tier));
        say(text, "}");
    }
    say(text, "]}\n");
}

static void as_flat(struct text *text, const struct pxt_stats *stats)
{
    for (uint32_t i = 0; i < stats->tier_count; i++) {
        const struct pxt_tier_stats *tier = &stats->tier[i];
        say(text, "cache.%s.hit_rate ", tier->name);
        say_rate(text, pxt_tier_hit_rate(tier));
        say(text, "\ncache.%s.size %llu\ncache.%s.degraded %d\n", tier->name, (unsigned long long)tier->size,
            tier->name, tier->state != PXT_TIER_ON);
        say(text, "cache.%s.doubted %llu\n", tier->name, (unsigned long long)tier->doubted);
        if (tier->tombstones >= 0)
            say(text, "cache.%s.tombstones %lld\n", tier->name, (long long)tier->tombstones);
        for (size_t c = 0; c < counters_in(stats); c++)
            say(text, "cache.%s.%s %llu\n", tier->name, counters[c].name, value_of(tier, &counters[c]));
    }
    say(text, "cache.overall.hit_rate ");
    say_rate(text, pxt_overall_hit_rate(stats));
    say(text, "\ncache.total_size %llu\ncache.promotions %llu\ncache.demotions %llu\n",
        (unsigned long long)stats->total_size, (unsigned long long)stats->promotions,
        (unsigned long long)stats->demotions);
    say(text,
        "cache.missing_members %llu\ncache.skewed %llu\ncache.joined %llu\ncache.checkpoint %lld\ncache.since %lld\n"
        "cache.known_dead %llu\n",
        (unsigned long long)stats->missing, (unsigned long long)stats->skewed, (unsigned long long)stats->joined,
        (long long)(stats->checkpoint / 1000000), (long long)(stats->since / 1000000),
        (unsigned long long)stats->known_dead);
}

static const char *labels_of(const struct pxt_tier_stats *tier, char *out, size_t size)
{
    snprintf(out, size, "{tier=\"%s\",backend=\"%s\"}", tier->name, tier->plugin);
    return out;
}

/* A gauge; below 0: unknown. */
typedef long long gauge_fn(const struct pxt_tier_stats *tier);

static long long entries_of(const struct pxt_tier_stats *tier)
{
    return (long long)tier->size;
}
static long long degraded_of(const struct pxt_tier_stats *tier)
{
    return tier->state != PXT_TIER_ON;
}
static long long doubted_of(const struct pxt_tier_stats *tier)
{
    return (long long)tier->doubted;
}
static long long tombstones_of(const struct pxt_tier_stats *tier)
{
    return tier->tombstones;
}

static void say_gauge(struct text *text, const struct pxt_stats *stats, const char *name, const char *help,
                      gauge_fn *value)
{
    char labels[256];
    say(text, "# TYPE proxtier_tier_%s gauge\n# HELP proxtier_tier_%s %s\n", name, name, help);
    for (uint32_t i = 0; i < stats->tier_count; i++) {
        long long number = value(&stats->tier[i]);
        if (number < 0)
            continue;
        say(text, "proxtier_tier_%s%s %lld\n", name, labels_of(&stats->tier[i], labels, sizeof labels), number);
    }
}

/* A time in seconds, as OpenMetrics have it. */
static void say_seconds(struct text *text, int64_t time)
{
    say(text, " %lld.%06d\n", (long long)(time / 1000000), (int)(time % 1000000));
}

/* A sample of a counter. That of when it was 0 tells a collector of counters that began anew. */
static void say_counter(struct text *text, const char *name, const char *labels, uint64_t value, int64_t since)
{
    say(text, "proxtier_%s_total%s %llu\n", name, labels, (unsigned long long)value);
    if (!since)
        return;
    say(text, "proxtier_%s_created%s", name, labels);
    say_seconds(text, since);
}

static void say_pool_counters(struct text *text, const struct pxt_stats *stats)
{
    say(text,
        "# TYPE proxtier_pool_skewed counter\n"
        "# HELP proxtier_pool_skewed changes of entries whose version was more than max_skew ahead of the clock\n");
    say_counter(text, "pool_skewed", "", stats->skewed, stats->since);
    say(text, "# TYPE proxtier_gets_joined counter\n"
              "# HELP proxtier_gets_joined gets that waited for another thread's get of the same key\n");
    say_counter(text, "gets_joined", "", stats->joined, stats->since);
    say(text, "# TYPE proxtier_gets counter\n# HELP proxtier_gets gets by outcome\n");
    say_counter(text, "gets", "{outcome=\"hit\"}", stats->hits, stats->since);
    say_counter(text, "gets", "{outcome=\"miss\"}", stats->misses, stats->since);
}

static void as_openmetrics(struct text *text, const struct pxt_stats *stats)
{
    char name[64], labels[256];
    for (size_t c = 0; c < counters_in(stats); c++) {
        say(text, "# TYPE proxtier_tier_%s counter\n# HELP proxtier_tier_%s %s\n", counters[c].name, counters[c].name,
            counters[c].help);
        snprintf(name, sizeof name, "tier_%s", counters[c].name);
        for (uint32_t i = 0; i < stats->tier_count; i++)
            say_counter(text, name, labels_of(&stats->tier[i], labels, sizeof labels),
                        value_of(&stats->tier[i], &counters[c]), stats->since);
    }
    say_gauge(text, stats, "entries", "entries now", entries_of);
    say_gauge(text, stats, "degraded", "1 where the tier is not on", degraded_of);
    say_gauge(text, stats, "doubted", "groups of keys, of 32768, for which another tier may have a newer version",
              doubted_of);
    say_gauge(text, stats, "tombstones", "removals that the tier remembers now", tombstones_of);
    say(text,
        "# TYPE proxtier_pool_missing_members gauge\n"
        "# HELP proxtier_pool_missing_members members of the pool that are not in this configuration\n"
        "proxtier_pool_missing_members %llu\n",
        (unsigned long long)stats->missing);
    say(text,
        "# TYPE proxtier_pool_known_dead gauge\n"
        "# HELP proxtier_pool_known_dead proxies that failed too often and are not brought back by lists\n"
        "proxtier_pool_known_dead %llu\n",
        (unsigned long long)stats->known_dead);
    if (stats->checkpoint) {
        say(text, "# TYPE proxtier_pool_checkpoint_timestamp_seconds gauge\n"
                  "# UNIT proxtier_pool_checkpoint_timestamp_seconds seconds\n"
                  "# HELP proxtier_pool_checkpoint_timestamp_seconds all members agree on all changes up to this time\n"
                  "proxtier_pool_checkpoint_timestamp_seconds");
        say_seconds(text, stats->checkpoint);
    }
    say_pool_counters(text, stats);
    say(text, "# EOF\n");
}

pxt_status pxt_stats_format(const struct pxt_stats *stats, enum pxt_stats_format format, char **out,
                            struct pxt_error *error)
{
    static void (*const writers[])(struct text *, const struct pxt_stats *) = {as_text, as_json, as_flat,
                                                                               as_openmetrics};
    struct text text = {0};
    struct pxt_stats own;
    if (!stats || !out || !pxt_stats_has_sizes(stats) || (unsigned)format > PXT_STATS_OPENMETRICS)
        return pxt_fail(error, PXT_EINVAL, 0, "stats must be filled, and format one of pxt_stats_format");
    pxt_stats_init(&own);
    pxt_stats_copy(&own, stats);
    if (stats->tier_size < own.tier_size)
        own.tier_size = stats->tier_size; /* from here on: what is known of a tier */
    writers[format](&text, &own);
    if (text.failed) {
        free(text.bytes);
        return pxt_fail_memory(error, "statistics");
    }
    *out = text.bytes;
    return PXT_OK;
}
