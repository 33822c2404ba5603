/* SPDX-License-Identifier: MIT
 *
 * accesses.h: hits of entries, on their way to the durable tiers.
 */
#ifndef PXT_ACCESSES_H
#define PXT_ACCESSES_H

#include "chain/chain_layout.h"

/* Returns `now`; if that is not later than the last time returned, a slightly later time. So hits stay in order. */
pxt_time pxt_chain_stamp(struct pxt_chain *chain, pxt_time now);

/* Notes hits of a key for every durable tier. The key's lock need not be held. */
void pxt_access_note(struct pxt_chain *chain, const struct pxt_key *key, uint64_t hits, pxt_time last, bool evicted);
/* Adds the hits that are noted for this tier to an entry that was read from it, and returns how many. With `for_write` (the key's lock is held)
 * also does what pxt_access_include() does, in one step. */
uint64_t pxt_access_add(struct pxt_tier *tier, const struct pxt_key *key, bool for_write, pxt_entry *entry);
/* A write begins: the entry that it makes has the hits that are noted for the key so far. The key's lock is held. */
void pxt_access_include(struct pxt_tier *tier, const struct pxt_key *key);
/* The write is done: drops the hits that were noted before it began, and keeps those that have come since. */
void pxt_access_forget_included(struct pxt_tier *tier, const struct pxt_key *key);
/* `tier` has got a copy of what was read from tier `from`, with `noted` hits that are noted for that one: drops these, and
 * keeps those that have come since. */
void pxt_access_copied(struct pxt_tier *tier, struct pxt_tier *from, const struct pxt_key *key, uint64_t noted);
/* Drops the hits that are noted for a key: in one tier, in all tiers; for all keys in all tiers. */
void pxt_access_forget_in(struct pxt_tier *tier, const struct pxt_key *key);
void pxt_access_forget(struct pxt_chain *chain, const struct pxt_key *key);
void pxt_access_forget_all(struct pxt_chain *chain);
/* Writes the noted hits to a tier that offers `touch`. Any lock may be held. */
pxt_status pxt_access_write(struct pxt_tier *tier, struct pxt_error *error);
/* The same for all tiers for which many keys are noted. */
void pxt_access_write_many(struct pxt_chain *chain);

/* Has all tiers apply the hits that they have buffered, so that the counters of their entries are exact. */
pxt_status pxt_chain_settle(struct pxt_chain *chain, struct pxt_error *error);
/* Gathers the hits of all memory tiers and writes them to all durable tiers. No lock may be held. */
pxt_status pxt_chain_write_accesses(struct pxt_chain *chain, struct pxt_error *error);

#endif
