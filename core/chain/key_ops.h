/* SPDX-License-Identifier: MIT
 *
 * key_ops.h: operations on one key whose lock is held, in one tier or across the tiers.
 */
#ifndef PXT_KEY_OPS_H
#define PXT_KEY_OPS_H

#include "chain/victim.h"
#include "entry/entry_layout.h"

/* Whether an entry of a private tier is older than what another process has written. */
static inline bool pxt_chain_stale(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry)
{
    return !(tier->flags & PXT_TIER_SHARED) && atomic_load_explicit(&entry->generation, memory_order_relaxed) !=
                                                   pxt_generation(&chain->coherence, entry->hash);
}

/* Whether the time to live of an entry has ended. Asks the exact clock only close to the end. */
static inline bool pxt_chain_expired(const struct pxt_chain *chain, const pxt_entry *entry)
{
    return !pxt_clock_surely_before(&chain->clock, entry->expires_at) &&
           pxt_entry_expired(entry, pxt_clock_now(&chain->clock));
}

/* complete.c: puts in the place of `*entry`, which was read from `tier`, one with the fields that only slower tiers have
 * a place for. Does nothing if it lacks none, or if they lack the entry. */
pxt_status pxt_chain_complete(struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key,
                              pxt_entry **entry, struct pxt_error *error);
/* Reads an entry from one tier, completes it, and adds the hits that are noted for the tier and not yet written to it. */
pxt_status pxt_chain_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          pxt_entry **out, struct pxt_error *error);
/* Returns the first valid copy, from the fastest tier on, without tier `except` (PXT_CHAIN_MAX: none). The copy may have
 * expired. Counts no hit. `flags`: 0, or if a write of the key follows, PXT_TIER_GET_FOR_WRITE or
 * PXT_CHAIN_FIND_REPLACED. If no tier had the key, fails
 * with the error of the first tier that failed. */
pxt_status pxt_chain_find(struct pxt_chain *chain, const struct pxt_key *key, unsigned except, unsigned flags,
                          pxt_entry **out, struct pxt_error *error);
/* Beside PXT_TIER_GET_FOR_WRITE: the read is for a put of the key. Only the error of a tier counts that the put will write
 * to and that may alone have the key: not if it is off, waits for a full resync, or cannot hold the key. */
#define PXT_CHAIN_FIND_REPLACED (0x40000000u | PXT_TIER_GET_FOR_WRITE)
/* Stores an entry in one tier. If the tier is full, its victim is added to `victims` first. With `victims` NULL the
 * capacity is not looked at. The hits that are noted for the key stay noted. */
pxt_status pxt_chain_insert(struct pxt_tier *tier, pxt_entry *entry, struct pxt_victims *victims,
                            struct pxt_error *error);

/* Remembers which tiers had a hint for a key before a write. If no tier accepts the write, the hints that it added are
 * removed. */
struct pxt_hinted_before {
    bool tier[PXT_CHAIN_MAX];
};
void pxt_hinted_before_note(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_hinted_before *before);
void pxt_hinted_before_restore(struct pxt_chain *chain, const struct pxt_key *key,
                               const struct pxt_hinted_before *before);

/* Removes a key from all tiers. PXT_NOT_FOUND if no tier had it. */
pxt_status pxt_chain_remove(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error);

#endif
