/* SPDX-License-Identifier: MIT
 *
 * counts.c: gets are counted by each thread for itself, and summed when someone asks. So sums are exact, and a hit
 * writes no cache line that another thread uses.
 */
#include "base/fail.h"
#include "chain/chain.h"
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

static void fill_tier(struct pxt_link *link, struct pxt_tier_stats *tier)
{
    tier->name = link->name;
    tier->plugin = link->plugin;
    tier->state = (enum pxt_tier_state)atomic_load(&link->guard.state);
    pxt_guard_reason(&link->guard, tier->reason, sizeof tier->reason);
    tier->capacity = link->limited ? link->max_entries : 0;
#define X(name, help) tier->name = atomic_load_explicit(&link->counter.name, memory_order_relaxed);
    PXT_TIER_COUNTERS(X)
#undef X
    if (!pxt_link_on(link))
        return;
    if (pxt_link_has_missed(link))
        snprintf(tier->reason, sizeof tier->reason, "it has yet to catch up with what it missed");
    if (pxt_link_count(link, &tier->size, NULL) != PXT_OK)
        tier->size = 0;
    if (link->ops->corruptions)
        tier->evictions_corruption += link->ops->corruptions(link->self);
}

void pxt_chain_stats(struct pxt_chain *chain, struct pxt_stats *stats)
{
    stats->tier_count = chain->count;
    for (unsigned i = 0; i < chain->count; i++)
        fill_tier(&chain->link[i], &stats->tier[i]);
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
        stats->total_size += stats->tier[i].size;
    }
    stats->gets = stats->hits + stats->misses;
}
