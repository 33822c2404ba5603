/* SPDX-License-Identifier: MIT
 *
 * stripes.h: the locks of keys, among threads and among processes. chain_layout.h has the order of all locks.
 */
#ifndef PXT_STRIPES_H
#define PXT_STRIPES_H

#include "chain/chain_layout.h"

/* Whether the tiers of this chain have the slots in the page that they had when they joined: the page is the same, no
 * member has come or gone, and no remote store may have become another one. */
static inline bool pxt_chain_has_joined(const struct pxt_chain *chain)
{
    return !chain->join_again || (atomic_load(&chain->page.reopened) == atomic_load(&chain->joined_page) &&
                                  pxt_page_epoch(&chain->page) == atomic_load(&chain->joined_epoch) &&
                                  atomic_load(&chain->restarts) == atomic_load(&chain->joined_restarts));
}
/* If not, has them join again. No lock may be held. */
pxt_status pxt_chain_stay_joined(struct pxt_chain *chain, struct pxt_error *error);

/* Locks a key, with all keys of its word, among threads and processes; the members have joined. On failure nothing is
 * locked. */
pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_error *error);
/* Locks a key likewise, but does not wait. False if it is not locked. */
bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key);
void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key);

/* Locks a key among the threads of this process only: its durable tiers may be read, not changed. The members have joined,
 * if that is possible now. */
void pxt_chain_lock_in_process(struct pxt_chain *chain, const struct pxt_key *key);
bool pxt_chain_trylock_in_process(struct pxt_chain *chain, const struct pxt_key *key);
void pxt_chain_unlock_in_process(struct pxt_chain *chain, const struct pxt_key *key);
/* The same, for a caller that knows only now whether other processes matter. */
static inline bool pxt_chain_trylock_for(struct pxt_chain *chain, const struct pxt_key *key, bool processes)
{
    return processes ? pxt_chain_trylock(chain, key) : pxt_chain_trylock_in_process(chain, key);
}
static inline void pxt_chain_unlock_for(struct pxt_chain *chain, const struct pxt_key *key, bool processes)
{
    if (processes)
        pxt_chain_unlock(chain, key);
    else
        pxt_chain_unlock_in_process(chain, key);
}

/* Keys that a batch has locked. */
struct pxt_locked_keys {
    unsigned *number; /* of their locks, in ascending order; NULL: all */
    size_t count;
};
/* Locks the keys with `n` hashes; if they are many, all keys. Otherwise like pxt_chain_lock(). PXT_ENOMEM. */
pxt_status pxt_chain_lock_keys(struct pxt_chain *chain, const uint64_t *hash, size_t n, struct pxt_locked_keys *locked,
                               struct pxt_error *error);
bool pxt_chain_has_locked(const struct pxt_locked_keys *locked, const struct pxt_key *key);
void pxt_chain_unlock_keys(struct pxt_chain *chain, struct pxt_locked_keys *locked);

/* Locks all keys of a stripe, like pxt_chain_lock(). */
pxt_status pxt_chain_lock_stripe(struct pxt_chain *chain, unsigned stripe, struct pxt_error *error);
void pxt_chain_unlock_stripe(struct pxt_chain *chain, unsigned stripe);

/* Locks all keys at once, among threads and processes; the members have joined. On failure nothing is locked. */
pxt_status pxt_chain_lock_all_joined(struct pxt_chain *chain, struct pxt_error *error);
/* The same, for joining. */
pxt_status pxt_chain_lock_all(struct pxt_chain *chain, struct pxt_error *error);
void pxt_chain_unlock_all(struct pxt_chain *chain);

#endif
