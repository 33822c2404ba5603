/* SPDX-License-Identifier: MIT
 *
 * get_counts.c: sums the gets that each thread has counted, and fills in the statistics of the tiers. The sums are
 * exact, and a hit writes no cache line that another thread uses.
 */
#include "chain/get_counts.h"
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/change.h"
#include <stdio.h>

struct pxt_thread_counts *pxt_chain_make_counts(struct pxt_chain *chain, unsigned thread)
{
    struct pxt_thread_counts *counts = thread < PXT_THREAD_MAX ? pxt_alloc_line(sizeof *counts) : NULL;
    if (!counts)
        return &chain->shared_counts;
    atomic_store_explicit(&chain->counts[thread], counts, memory_order_release);
    return counts;
}

static void add(struct pxt_stats *stats, const struct pxt_thread_counts *counts)
{
    for (unsigned i = 0; i < stats->tier_count; i++) {
        stats->tier[i].hits += atomic_load_explicit(&counts->hits[i], memory_order_relaxed);
        stats->tier[i].misses += atomic_load_explicit(&counts->misses[i], memory_order_relaxed);
    }
    stats->misses += atomic_load_explicit(&counts->nowhere, memory_order_relaxed);
}

/* What costs nothing: the counters, and the names that they go with. */
static void count_tier(const struct pxt_tier *tier, struct pxt_tier_stats *out)
{
    out->name = tier->name;
    out->plugin = tier->plugin;
#define X(name, help) out->name = atomic_load_explicit(&tier->counter.name, memory_order_relaxed);
    PXT_TIER_COUNTERS(X)
#undef X
    if (pxt_tier_on(tier) && tier->ops->corruptions)
        out->evictions_corruption += tier->ops->corruptions(tier->self);
}

static void fill_tier(const struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_tier_stats *out)
{
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    unsigned doubted = 0;
    if (bit)
        pxt_words_doubted(&chain->page, bit, &doubted);
    out->doubted = doubted;
    out->state = (enum pxt_tier_state)atomic_load(&tier->breaker.state);
    pxt_breaker_reason(&tier->breaker, out->reason, sizeof out->reason);
    out->capacity = tier->limited ? tier->max_entries : 0;
    out->tombstones = -1;
    if (!pxt_tier_on(tier))
        return;
    uint64_t tombstones;
    if (pxt_tier_tombstones(tier, &tombstones, NULL) == PXT_OK)
        out->tombstones = (int64_t)tombstones;
    if (doubted)
        snprintf(out->reason, sizeof out->reason, "it is in doubt for %u of %d groups of keys: a repair is due",
                 doubted, PXT_WORDS);
    if (pxt_tier_count(tier, &out->size, NULL) != PXT_OK)
        out->size = 0;
}

void pxt_chain_counters(const struct pxt_chain *chain, struct pxt_stats *stats)
{
    stats->tier_count = chain->count;
    stats->since = chain->opened;
    stats->joined = atomic_load_explicit(&chain->flights.joined, memory_order_relaxed);
    stats->skewed = atomic_load_explicit(&chain->skewed, memory_order_relaxed);
    for (unsigned i = 0; i < chain->count; i++)
        count_tier(&chain->tier[i], &stats->tier[i]);
    add(stats, &chain->shared_counts);
    for (unsigned i = 0; i < PXT_THREAD_MAX; i++) {
        const struct pxt_thread_counts *counts = atomic_load_explicit(&chain->counts[i], memory_order_acquire);
        if (counts)
            add(stats, counts);
    }
    for (unsigned i = 0; i < chain->count; i++) {
        stats->hits += stats->tier[i].hits;
        stats->promotions += stats->tier[i].promotions;
        stats->demotions += stats->tier[i].demotions;
    }
    stats->gets = stats->hits + stats->misses;
}

void pxt_chain_stats(struct pxt_chain *chain, struct pxt_stats *stats)
{
    for (unsigned i = 0; i < chain->count; i++)
        fill_tier(chain, &chain->tier[i], &stats->tier[i]);
    pxt_chain_counters(chain, stats); /* last: to look at a tier may count */
    for (unsigned i = 0; i < chain->count; i++)
        stats->total_size += stats->tier[i].size;
}
