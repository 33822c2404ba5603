/* SPDX-License-Identifier: MIT
 *
 * stats.h: what a cache counts. Each counter stands once, in the tables below; the struct, the text, JSON and metrics
 * outputs and the manual are made from them.
 */
#ifndef PROXTIER_STATS_H
#define PROXTIER_STATS_H

#include <proxtier/error.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counters of one tier, since open: X(name, help). */
#define PXT_TIER_COUNTERS(X)                                                                                           \
    X(hits, "gets that this tier answered")                                                                            \
    X(misses, "gets that this tier was asked and could not answer")                                                    \
    X(evictions_policy, "entries that left because the tier was full")                                                 \
    X(evictions_ttl, "entries that left because their time to live ended")                                             \
    X(evictions_health, "entries that left because they failed too often")                                             \
    X(evictions_corruption, "entries that were found damaged")                                                         \
    X(promotions, "entries copied into this tier after a hit in a slower one")                                         \
    X(demotions, "entries handed down from this tier by an eviction")                                                  \
    X(repairs, "entries and tombstones that a repair wrote to this tier")                                              \
    X(failures, "operations that failed")                                                                              \
    X(skipped, "operations not tried because the tier was off")                                                        \
    X(notices, "notices of changes that other hosts have made")                                                        \
    X(conflicts, "writes that another host came before, and that were made again")

enum pxt_tier_state {
    PXT_TIER_ON,
    PXT_TIER_OFF,     /* failed too often: skipped until its back-off ends */
    PXT_TIER_PROBING, /* its back-off ended: the next call is let through */
    PXT_TIER_ABSENT   /* could not be opened, and is not required */
};

struct pxt_tier_stats {
    const char *name;   /* of the tier: "l1" */
    const char *plugin; /* "l1_memory" */
    enum pxt_tier_state state;
    char reason[256];   /* why it is not on, or is in doubt; "" otherwise */
    uint64_t doubted;   /* groups of keys, of 32 768, for which another tier may have a newer version */
    uint64_t size;      /* entries now */
    int64_t tombstones; /* removals that it remembers now; -1: it does not tell, or is not on */
    uint64_t capacity;  /* 0: unlimited */
#define X(name, help) uint64_t name;
    PXT_TIER_COUNTERS(X)
#undef X
};

#define PXT_CHAIN_MAX 8 /* tiers in a chain */

/* All tiers, fastest first, and the whole. gets = hits + misses, exactly. */
struct pxt_stats {
    uint32_t size; /* of this struct, set by the caller before pxt_cache_stats() */
    uint32_t tier_count;
    uint64_t gets, hits, misses; /* of the cache as a whole */
    uint64_t promotions, demotions;
    uint64_t total_size; /* sum of the tiers' sizes */
    struct pxt_tier_stats tier[PXT_CHAIN_MAX];
    uint64_t missing;   /* members of the pool that the configuration of this cache does not have */
    int64_t checkpoint; /* microseconds since 1970: all members agree on all changes up to then; 0: none is known */
    uint64_t skewed;    /* changes of entries whose version was more than `max_skew` ahead of the clock, since open */
};

/* hits / (hits + misses) of a tier; 0 where nothing was asked. */
static inline double pxt_tier_hit_rate(const struct pxt_tier_stats *tier)
{
    uint64_t asked = tier->hits + tier->misses;
    return asked ? (double)tier->hits / (double)asked : 0.0;
}
/* All hits / (all hits + the largest of the tiers' misses), as ProxyWhirl defines it. */
static inline double pxt_overall_hit_rate(const struct pxt_stats *stats)
{
    uint64_t hits = 0, misses = 0;
    for (uint32_t i = 0; i < stats->tier_count; i++) {
        hits += stats->tier[i].hits;
        if (stats->tier[i].misses > misses)
            misses = stats->tier[i].misses;
    }
    return hits + misses ? (double)hits / (double)(hits + misses) : 0.0;
}
static inline uint64_t pxt_tier_evictions(const struct pxt_tier_stats *tier)
{
    return tier->evictions_policy + tier->evictions_ttl + tier->evictions_health + tier->evictions_corruption;
}

enum pxt_stats_format {
    PXT_STATS_TEXT,       /* for people */
    PXT_STATS_JSON,       /* {"schema":1,...} */
    PXT_STATS_FLAT,       /* `cache.l1.hit_rate 0.85`, one a line, ProxyWhirl's names */
    PXT_STATS_OPENMETRICS /* ends with `# EOF` */
};
/* Writes statistics as text. `*out` is malloc()ed, for free(). PXT_EINVAL, PXT_ENOMEM. Thread-safe. */
PXT_API pxt_status pxt_stats_format(const struct pxt_stats *stats, enum pxt_stats_format format, char **out,
                                    struct pxt_error *error);

#ifdef __cplusplus
}
#endif
#endif
