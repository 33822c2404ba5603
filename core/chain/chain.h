/* SPDX-License-Identifier: MIT
 *
 * chain.h: get, put and delete across the tiers.
 *
 * Lock order, the only one in the core; each may be taken while those before it are held, never the other way round:
 *   1. a stripe of `stripe_lock`: all that changes a key in more than one tier. One at a time, or all in ascending
 *      order (batches).
 *   2. the same stripes among processes (coherence.h)
 *   3. tier->serial: one call inside a tier that does not lock itself
 *   4. locks of tiers and policies
 *   5. leaves: group, breaker, missed, accessed, tracker, holds
 * A hit in the first tier takes none of 1 to 3.
 */
#ifndef PXT_CHAIN_H
#define PXT_CHAIN_H

#include "entry/hazard.h"
#include "shared/coherence.h"
#include "tier/tier.h"
#include <pthread.h>

/* Gets of one thread: written by it alone, summed by whoever asks. */
struct pxt_thread_counts {
    _Alignas(64) _Atomic uint64_t hits[PXT_CHAIN_MAX], misses[PXT_CHAIN_MAX];
    _Atomic uint64_t nowhere;
};

struct pxt_chain {
    unsigned count;
    struct pxt_tier tier[PXT_CHAIN_MAX];
    struct pxt_coherence coherence;
    struct pxt_hint_log hint_log;
    struct pxt_clock clock;
    const struct pxt_logger *logger;
    bool any_durable;
    struct pxt_tier *shared; /* the slowest that is shared: it has the files by which processes agree; NULL: none */
    size_t expire_batch;
    pthread_mutex_t stripe_lock[PXT_STRIPES];
    _Atomic(struct pxt_thread_counts *) counts[PXT_THREAD_MAX];
    struct pxt_thread_counts shared_counts; /* of threads without a number */
    _Atomic pxt_time last_stamp;
    _Atomic bool over; /* a tier is over capacity, since a victim's lock was another thread's */
};

pxt_status pxt_chain_open(struct pxt_chain *chain, const struct pxt_config *config, const struct pxt_logger *logger,
                          const struct pxt_clock *clock, struct pxt_error *error);
void pxt_chain_close(struct pxt_chain *chain);

/* chain.c: see cache.h for what each does. */
pxt_status pxt_chain_get(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *tier,
                         struct pxt_error *error);
pxt_status pxt_chain_peek(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, struct pxt_error *error);
pxt_status pxt_chain_put(struct pxt_chain *chain, pxt_entry *entry, struct pxt_error *error);
pxt_status pxt_chain_delete(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error);
pxt_status pxt_chain_clear(struct pxt_chain *chain, uint64_t *removed, struct pxt_error *error);
/* Under the key's lock: reads the entry as `get` would, lets `change` make another of it (or NULL: evict it
 * everywhere), and stores that. */
typedef pxt_status pxt_change_fn(void *arg, pxt_entry *entry, pxt_entry **out, struct pxt_error *error);
pxt_status pxt_chain_change(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                            enum pxt_removal why, struct pxt_error *error);
/* batch.c: entries of distinct keys; `replaced` says which were stored before. */
pxt_status pxt_chain_put_many(struct pxt_chain *chain, pxt_entry *const *entries, size_t n, bool *replaced,
                              struct pxt_error *error);
/* walk.c */
pxt_status pxt_chain_each(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
/* `now`, or a time later than any given before. */
pxt_time pxt_chain_stamp(struct pxt_chain *chain, pxt_time now);

/* counts.c */
struct pxt_thread_counts *pxt_chain_make_counts(struct pxt_chain *chain, unsigned thread)
    __attribute__((cold, noinline));
/* Those of the calling thread. */
static inline struct pxt_thread_counts *pxt_chain_counts(struct pxt_chain *chain)
{
    unsigned thread = pxt_thread_self();
    struct pxt_thread_counts *counts =
        thread < PXT_THREAD_MAX ? atomic_load_explicit(&chain->counts[thread], memory_order_relaxed) : NULL;
    return __builtin_expect(counts != NULL, 1) ? counts : pxt_chain_make_counts(chain, thread);
}
void pxt_chain_stats(struct pxt_chain *chain, struct pxt_stats *stats);

/* tick.c, catch_up.c: what the janitor does. */
pxt_status pxt_chain_expire(struct pxt_chain *chain, uint64_t *expired, struct pxt_error *error);
pxt_status pxt_chain_write_accesses(struct pxt_chain *chain, struct pxt_error *error);
void pxt_chain_probe_down_tiers(struct pxt_chain *chain);
/* Tiers that are on may have missed single writes, or been absent from another process. */
void pxt_chain_repair_hinted(struct pxt_chain *chain);
/* Writes to tiers that are written behind, where enough has gathered. */
void pxt_chain_flush(struct pxt_chain *chain);
void pxt_chain_maintain(struct pxt_chain *chain);
pxt_status pxt_chain_settle(struct pxt_chain *chain, struct pxt_error *error);

/* ---- between the files of the chain -------------------------------------------------------------------------- */

/* evict.c: entries chosen by a policy that have yet to be handed down. */
struct pxt_victims {
    unsigned count;
    struct {
        unsigned tier;
        pxt_entry *entry;
    } item[2 * PXT_CHAIN_MAX];
};
/* Before an insertion: has the policy say who leaves, where the tier is full. */
void pxt_evict_choose(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *incoming,
                      struct pxt_victims *victims);
/* Ordered stores choose by fields on disk: what was noted has to stand there first. */
void pxt_evict_prepare(struct pxt_chain *chain, struct pxt_tier *tier);
/* Without any lock held: demotes and removes them, and whoever has to leave for it in turn. */
void pxt_evict_finish(struct pxt_chain *chain, struct pxt_victims *victims);
/* With the key's lock held: hands `entry` of `tier` down and removes it. */
void pxt_evict_one(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                   struct pxt_victims *victims);

/* access_log.c */
void pxt_access_note(struct pxt_chain *chain, const struct pxt_key *key, uint64_t hits, pxt_time last, bool evicted);
void pxt_access_forget(struct pxt_chain *chain, const struct pxt_key *key);
/* Adds what is noted for this tier to an entry that was read from it. */
void pxt_access_add(struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry);
void pxt_access_forget_in(struct pxt_tier *tier, const struct pxt_key *key);
void pxt_access_forget_all(struct pxt_chain *chain);
/* Writes down what is noted for a tier that offers `touch`; any lock may be held. */
pxt_status pxt_access_write(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_error *error);
/* Writes down what is noted to every durable tier. No lock may be held. */
pxt_status pxt_access_write_all(struct pxt_chain *chain, struct pxt_error *error);

pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, bool shared, struct pxt_error *error);
/* Among threads at once or not at all. */
bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key);
void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key, bool shared);
/* All keys at once. */
pxt_status pxt_chain_lock_all(struct pxt_chain *chain, struct pxt_error *error);
void pxt_chain_unlock_all(struct pxt_chain *chain);
/* Whether its time to live has ended. */
bool pxt_chain_expired(const struct pxt_chain *chain, const pxt_entry *entry);
/* Whether what a private tier has for the key is older than what another process wrote. */
bool pxt_chain_stale(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry);
/* Reads an entry from one tier, with the accesses that are noted but not yet written down to where it stands. */
pxt_status pxt_chain_read(struct pxt_tier *tier, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                          struct pxt_error *error);
/* Stores in one tier, evicting before. The key's lock is held. */
pxt_status pxt_chain_insert(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *entry,
                            struct pxt_victims *victims, struct pxt_error *error);
/* Removes a key from all tiers. The key's lock is held. PXT_NOT_FOUND where none had it. */
pxt_status pxt_chain_remove(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error);
/* Writes to all tiers, slowest first. The key's lock is held. */
pxt_status pxt_chain_store(struct pxt_chain *chain, pxt_entry *entry, struct pxt_victims *victims,
                           struct pxt_error *error);
/* Finds the newest copy in the tiers from `from` on; not a hit. The key's lock is held. */
pxt_status pxt_chain_find(struct pxt_chain *chain, const struct pxt_key *key, unsigned except, pxt_entry **out,
                          struct pxt_error *error);

#endif
