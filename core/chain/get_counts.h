/* SPDX-License-Identifier: MIT
 *
 * get_counts.h: counts the gets of each thread by itself. All other counters of a tier: PXT_TIER_COUNTERS in
 * <proxtier/stats.h>, raised by PXT_COUNT() in tier/tier.h.
 */
#ifndef PXT_COUNTS_H
#define PXT_COUNTS_H

#include "chain/chain_layout.h"

struct pxt_thread_counts *pxt_chain_make_counts(struct pxt_chain *chain, unsigned thread)
    __attribute__((cold, noinline));
/* Returns the counters of the calling thread. */
static inline struct pxt_thread_counts *pxt_chain_counts(struct pxt_chain *chain)
{
    unsigned thread = pxt_thread_self();
    struct pxt_thread_counts *counts =
        thread < PXT_THREAD_MAX ? atomic_load_explicit(&chain->counts[thread], memory_order_relaxed) : NULL;
    return __builtin_expect(counts != NULL, 1) ? counts : pxt_chain_make_counts(chain, thread);
}

/* Adds 1 to one of `counts`. The counts of a thread need no atomic addition, because only that thread writes them; the
 * shared counts do. */
static inline void pxt_count_raise(struct pxt_chain *chain, const struct pxt_thread_counts *counts,
                                   _Atomic uint64_t *count)
{
    if (__builtin_expect(counts == &chain->shared_counts, 0))
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    else
        atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

#endif
