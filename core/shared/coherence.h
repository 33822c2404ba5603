/* SPDX-License-Identifier: MIT
 *
 * coherence.h: the file PATH.coherence beside a shared store: generation counters, and locks among the processes that
 * share it.
 */
#ifndef PXT_COHERENCE_H
#define PXT_COHERENCE_H

#include <proxtier/plugin.h>
#include <pthread.h>
#include <stdatomic.h>

/* A batch takes all stripes at once, and a tier under it its own locks; thread sanitizers follow 64 of a thread at
 * most. */
enum { PXT_STRIPES = 32, PXT_GENERATIONS = 32768 };

/* If no tier is shared, `page` points to one counter that never changes and `mask` is 0, so that a hit compares without a
 * branch. */
struct pxt_coherence {
    _Atomic uint32_t *page;
    size_t mask;
    int fd; /* -1: nothing is shared. The number stays the same when the file is opened again. */
    int64_t timeout_ms;
    char *path;
    _Atomic uint32_t none;
    /* What this process adds to each counter. It changes when the file is opened again, so that no entry in memory looks
     * current by chance. */
    _Atomic uint32_t base;
    pthread_mutex_t reopen_lock; /* a leaf */
    _Atomic unsigned reopened;   /* odd while the file is being opened again */
    /* Until this time a stripe whose lock timed out is not waited for again: a stopped process delays the others once,
     * not with each call. */
    _Atomic int64_t stuck_until_ms[PXT_STRIPES + 1];
};
/* Words of the page behind the generations. */
enum pxt_word { PXT_WORD_HINTS_EPOCH, PXT_WORD_HINTS_RESETS, PXT_WORDS = 16 };
/* `shared_path` as tier.h defines it, or NULL. */
pxt_status pxt_coherence_open(struct pxt_coherence *coherence, const char *shared_path, int64_t timeout_ms,
                              struct pxt_error *error);
void pxt_coherence_close(struct pxt_coherence *coherence);

static inline uint32_t pxt_generation(const struct pxt_coherence *coherence, uint64_t hash)
{
    return atomic_load_explicit(&coherence->base, memory_order_relaxed) +
           atomic_load_explicit(&coherence->page[hash & coherence->mask], memory_order_acquire);
}
/* After a write and before it is acknowledged: entries of this stripe that other processes hold in memory are old. */
static inline void pxt_generation_bump(struct pxt_coherence *coherence, uint64_t hash)
{
    if (coherence->fd >= 0)
        atomic_fetch_add_explicit(&coherence->page[hash & coherence->mask], 1, memory_order_acq_rel);
}
static inline uint32_t pxt_coherence_word(const struct pxt_coherence *coherence, enum pxt_word word)
{
    return coherence->fd < 0 ? 0
                             : atomic_load_explicit(&coherence->base, memory_order_relaxed) +
                                   atomic_load_explicit(&coherence->page[PXT_GENERATIONS + word], memory_order_acquire);
}
/* Returns the new value. */
static inline uint32_t pxt_coherence_raise(struct pxt_coherence *coherence, enum pxt_word word)
{
    return atomic_load_explicit(&coherence->base, memory_order_relaxed) +
           atomic_fetch_add_explicit(&coherence->page[PXT_GENERATIONS + word], 1, memory_order_acq_rel) + 1;
}
void pxt_generation_bump_all(struct pxt_coherence *coherence);

static inline unsigned pxt_stripe(uint64_t hash)
{
    return (unsigned)(hash >> 24) % PXT_STRIPES;
}
/* Locks `n` stripes from `first` among processes; the caller holds the chain's own locks of these stripes. Stripe
 * PXT_STRIPES is that of the hint log. PXT_EBUSY after the timeout. */
pxt_status pxt_coherence_lock(struct pxt_coherence *coherence, unsigned first, unsigned n, struct pxt_error *error);
void pxt_coherence_unlock(struct pxt_coherence *coherence, unsigned first, unsigned n);
/* Opens the file again if the path no longer names the open one, and doubts all that this process has in memory. Each
 * lock does the same for a file that was removed or replaced; only this notices one that was moved away. */
pxt_status pxt_coherence_check(struct pxt_coherence *coherence, struct pxt_error *error);

#endif
