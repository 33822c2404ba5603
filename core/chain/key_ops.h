/* SPDX-License-Identifier: MIT
 *
 * key_ops.h: operations on one key in one tier.
 */
#ifndef PXT_KEY_OPS_H
#define PXT_KEY_OPS_H

#include "chain/victim.h"
#include "entry/entry_layout.h"

/* Whether an entry of a private tier is older than what was written since. A private durable tier has copies of its own
 * only where no tier is shared. */
static inline bool pxt_chain_stale(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry)
{
    return !(tier->flags & PXT_TIER_SHARED) &&
           atomic_load_explicit(&entry->generation, memory_order_relaxed) !=
               pxt_generation(&chain->page, entry->hash) &&
           (chain->page.fd >= 0 || !pxt_tier_durable(tier));
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
/* Reads an entry from one tier, completes it, and adds the hits that are noted for the tier and not yet written to it;
 * `*noted` (may be NULL) says how many, if there is an entry. */
pxt_status pxt_chain_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          pxt_entry **out, uint64_t *noted, struct pxt_error *error);
/* The same for many keys. The caller makes room for the answers: an element of each array for a key. */
struct pxt_reading {
    pxt_entry **entry;
    pxt_status *status;
    uint64_t *noted;
};
/* Of so many keys at a time: what is needed for them stands on the stack (READING); or in memory that is allocated for it, some
 * 300 bytes for a key, where each call of a tier on another machine costs a round trip (WRITING). */
enum { PXT_READING_MAX = 256, PXT_WRITING_MAX = 4096 };
void pxt_chain_read_many(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *const *keys, size_t n,
                         unsigned flags, const struct pxt_reading *reading, struct pxt_error *error);
/* A write replaces all copies by what it makes of the copy in tier `found` (PXT_CHAIN_MAX: none): the hits noted for the
 * others go with them. pxt_chain_read() has done that for `found`. */
void pxt_chain_include_hits(struct pxt_chain *chain, const struct pxt_key *key, unsigned found);
/* Stores an entry in one tier. If the tier is full, its victim is added to `victims` first. With `victims` NULL the
 * capacity is not looked at. PXT_ENOTSUP, and nothing has changed: the tier stores nothing, or its policy keeps the
 * entry out, which victims->may_refuse allows. The hits that are noted for the key stay noted. */
pxt_status pxt_chain_insert(struct pxt_tier *tier, pxt_entry *entry, struct pxt_victims *victims,
                            struct pxt_error *error);
/* Removes an entry that was read from a tier, because of which there was no change: from a remote one only if no other host has
 * changed it since. */
pxt_status pxt_chain_evict(struct pxt_tier *tier, const struct pxt_key *key, const pxt_entry *entry,
                           enum pxt_removal why, struct pxt_error *error);

#endif
