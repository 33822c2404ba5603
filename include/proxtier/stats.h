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

/* Counters of one tier: X(name, help). New ones come at the end: files have them by their places. */
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
    X(overruns, "calls that took longer than the tier's timeout")                                                      \
    X(refusals, "new entries that the policy kept out")                                                                \
    X(notices, "notices of changes that other hosts have made")                                                        \
    X(conflicts, "writes that another host came before, and that were made again")                                     \
    X(stale, "gets that no tier could decide, and that an old copy of this tier was served for")                       \
    X(slow, "gets that went on without this tier after its `soft_timeout`")                                            \
    X(turned_away, "calls refused at once because `max_waiting` calls were in the tier")                               \
    X(probes, "trials of this tier while it was off")

/* Counters of the cache as a whole. They outlive the tiers that they were counted in. */
#define PXT_CACHE_COUNTERS(X)                                                                                          \
    X(hits, "gets that a tier answered")                                                                               \
    X(misses, "gets that no tier could answer")                                                                        \
    X(promotions, "entries copied into a tier after a hit in a slower one")                                            \
    X(demotions, "entries handed down by an eviction")                                                                 \
    X(skewed, "changes of entries whose version was more than `max_skew` ahead of the clock")                          \
    X(joined, "gets that waited for another thread's get of the same key")

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

/*
 * All tiers, fastest first, and the whole. gets = hits + misses, exactly. The first three members, set by
 * pxt_stats_init() before pxt_cache_stats(), say what the program was compiled with: a library of another age fills
 * in what both know, and leaves the rest 0. New totals come before `tier`, new counters at the end of struct
 * pxt_tier_stats.
 */
struct pxt_stats {
    uint32_t size;        /* of this struct */
    uint32_t tier_size;   /* of an element of `tier` */
    uint32_t tier_offset; /* of `tier` in this struct */
    uint32_t tier_count;
    uint64_t gets, hits, misses; /* of the cache as a whole */
    uint64_t promotions, demotions;
    uint64_t total_size; /* sum of the tiers' sizes */
    uint64_t missing;    /* members of the pool that the configuration of this cache does not have */
    int64_t checkpoint;  /* microseconds since 1970: all members agree on all changes up to then; 0: none is known */
    uint64_t skewed;     /* changes of entries whose version was more than `max_skew` ahead of the clock */
    uint64_t joined;     /* gets that waited for another thread's get of the same key */
    int64_t since;       /* when all counters were 0: microseconds since 1970 */
    uint64_t known_dead; /* proxies that are known as dead, and not stored: see health.dead_for in proxtier.yaml(5) */
    struct pxt_tier_stats tier[PXT_CHAIN_MAX];
};

static inline void pxt_stats_init(struct pxt_stats *stats)
{
    stats->size = (uint32_t)sizeof *stats;
    stats->tier_size = (uint32_t)sizeof stats->tier[0];
    stats->tier_offset = (uint32_t)offsetof(struct pxt_stats, tier);
    stats->tier_count = 0;
}

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
/* Writes statistics as text, but for counters that the program's struct has no place for. `*out` is malloc()ed, for
 * free(). PXT_EINVAL, PXT_ENOMEM. Thread-safe. */
PXT_API pxt_status pxt_stats_format(const struct pxt_stats *stats, enum pxt_stats_format format, char **out,
                                    struct pxt_error *error);

#ifdef __cplusplus
}
#endif
#endif
