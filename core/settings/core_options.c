/* SPDX-License-Identifier: MIT
 *
 * core_options.c: the core's own options with their types, defaults and bounds: those of the whole configuration and
 * those of a tier. The configuration is read, checked and shown by these tables.
 */
#include "settings/settings.h"
#include <proxtier/admin.h>

#define SECONDS(n) ((n)*PXT_SECOND)
#define YEARS_100 SECONDS(INT64_C(3153600000))

const struct pxt_option *pxt_options_global(void)
{
    static const struct pxt_option table[] = {
        {"default_ttl", PXT_OPTION_DURATION, "1h", SECONDS(60), YEARS_100, NULL,
         "time to live of entries that come without one"},
        {"mode", PXT_OPTION_CHOICE, "private", 0, 0, "private|group",
         "group: all members of the group of its folders use the pool, and can read its credentials"},
        {"cleanup.background", PXT_OPTION_BOOL, "true", 0, 0, NULL,
         "whether a background thread removes expired entries at intervals"},
        {"cleanup.interval", PXT_OPTION_DURATION, "60s", SECONDS(5), SECONDS(86400), NULL,
         "how often expired entries are removed, access counts written down and files compacted"},
        {"cleanup.batch", PXT_OPTION_INTEGER, "4000", 1, 1000000, NULL,
         "expired entries removed in one step; readers wait for no more than one step"},
        {"health.invalidate", PXT_OPTION_BOOL, "true", 0, 0, NULL,
         "whether an entry is evicted when it failed too often"},
        {"health.failure_threshold", PXT_OPTION_INTEGER, "3", 1, 1000000, NULL,
         "failures in a row after which an entry is unhealthy"},
        {"health.history", PXT_OPTION_INTEGER, "100", 0, 1000000, NULL, "checks that are kept of an entry; 0: all"},
        {"health.check_interval", PXT_OPTION_DURATION, "5m", SECONDS(1), YEARS_100, NULL,
         "time to the next check of a proxy that works"},
        {"health.check_interval_max", PXT_OPTION_DURATION, "1h", SECONDS(1), YEARS_100, NULL,
         "longest time to the next check; each failure in a row doubles it up to this"},
        {"health.dead_for", PXT_OPTION_DURATION, "24h", 0, YEARS_100, NULL,
         "how long a proxy that failed too often is known as dead: no list brings it back; 0: not at all"},
        {"health.dead_max", PXT_OPTION_INTEGER, "100000", 0, 100000000, NULL,
         "of so many proxies; those that fail while there are as many are forgotten at once"},
        {"degrade.threshold", PXT_OPTION_INTEGER, "3", 1, 1000000, NULL,
         "failures in a row after which a tier is turned off"},
        {"degrade.backoff", PXT_OPTION_DURATION, "1s", 1000, SECONDS(86400), NULL,
         "how long a tier stays off before it is tried again; doubles with each failed trial"},
        {"degrade.backoff_max", PXT_OPTION_DURATION, "1m", 1000, SECONDS(86400), NULL, "longest such time"},
        /* Of keys; l2_jsonl has an option of this name for the locks of its files. */
        {"lock_timeout", PXT_OPTION_DURATION, "5s", 0, SECONDS(3600), NULL,
         "how long to wait for another process that is changing the same entry"},
        {"max_skew", PXT_OPTION_DURATION, "24h", SECONDS(1), YEARS_100, NULL,
         "how far the version of a stored entry may be ahead of the clock; later versions do not follow one further "
         "ahead"},
        {"clock_tolerance", PXT_OPTION_DURATION, "5m", 0, SECONDS(86400), NULL,
         "by how much the clocks of hosts that share a tier may differ"},
        {"tombstone_keep", PXT_OPTION_DURATION, "168h", SECONDS(60), YEARS_100, NULL,
         "how long a tier that hosts share keeps what says that an entry was removed, for hosts that are away"},
        {"fail_safe", PXT_OPTION_BOOL, "false", 0, 0, NULL,
         "whether a get that no tier can decide serves the newest copy that is there, marked as stale"},
        {"fail_safe_max", PXT_OPTION_DURATION, "24h", 0, YEARS_100, NULL,
         "how long after the end of its time to live such a copy may be served"},
        {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};
    return table;
}

const struct pxt_option *pxt_options_tier(void)
{
    static const struct pxt_option table[] = {
        {"name", PXT_OPTION_TEXT, NULL, 0, 0, NULL,
         "name of the tier in messages and statistics; l1, l2 ... by default"},
        {"plugin", PXT_OPTION_TEXT, NULL, 0, 0, NULL, "the tier's plugin, by name, or by path where it has a slash"},
        {"max_entries", PXT_OPTION_INTEGER, "unlimited", 0, 0, "unlimited", "its capacity: a number, or unlimited"},
        {"eviction", PXT_OPTION_TEXT, "lru", 0, 0, NULL,
         "the eviction policy: its plugin, or {plugin: NAME, ...its options}"},
        {"write_behind", PXT_OPTION_BOOL, "false", 0, 0, NULL,
         "true: puts are acknowledged when a faster durable tier has them, and written here later, in batches"},
        {"timeout", PXT_OPTION_DURATION, "none", 1000, SECONDS(3600), "none",
         "how long a call of the tier for a key may take, or none; the tier is told, and calls that overrun are "
         "counted"},
        {"soft_timeout", PXT_OPTION_DURATION, "none", 1000, SECONDS(3600), "none",
         "of a tier on another machine: how long a get waits for it before it goes on with what other tiers have, or "
         "none; "
         "the call goes on in the background"},
        {"max_waiting", PXT_OPTION_INTEGER, "unlimited", 1, 100000, "unlimited",
         "how many calls for a key may be in the tier at once; more are refused at once, as by a tier that does not "
         "answer"},
        {"max_staleness", PXT_OPTION_DURATION, "1s", 1000, SECONDS(3600), NULL,
         "of a tier on another machine: how long an entry in memory may be old if a notice of a change is lost"},
        {"enabled", PXT_OPTION_BOOL, "true", 0, 0, NULL, "false: the chain goes without this tier"},
        {"required", PXT_OPTION_BOOL, "true", 0, 0, NULL,
         "false: the cache opens without this tier if the tier cannot be opened"},
        {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};
    return table;
}

static const struct pxt_option *row(const struct pxt_option *table, size_t index)
{
    for (; table->name && index; index--)
        table++;
    return table->name ? table : NULL;
}

const struct pxt_option *pxt_option_global(size_t index)
{
    return row(pxt_options_global(), index);
}

const struct pxt_option *pxt_option_tier(size_t index)
{
    return row(pxt_options_tier(), index);
}
