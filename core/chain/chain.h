/* SPDX-License-Identifier: MIT
 *
 * chain.h: the operations of a chain of tiers, for core/cache. README.md has the floors of this folder.
 */
#ifndef PXT_CHAIN_H
#define PXT_CHAIN_H

#include "chain/accesses.h"
#include "chain/chain_layout.h"
#include "chain/members.h"
#include "chain/repair.h"
#include "config/config.h"

/* chain.c. `seal`: see struct pxt_host_instance. */
pxt_status pxt_chain_open(struct pxt_chain *chain, const struct pxt_config *config, const struct pxt_logger *logger,
                          const struct pxt_clock *clock, pxt_seal_fn *seal, void *seal_arg, struct pxt_error *error);
void pxt_chain_close(struct pxt_chain *chain);

/* get.c: as pxt_cache_get_from() and pxt_cache_peek() in cache.h. */
pxt_status pxt_chain_get(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *tier,
                         struct pxt_error *error);
/* The same for a key that a choice has found: no durable tier with a capacity gets a copy, unless there is an authority. */
pxt_status pxt_chain_get_chosen(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *tier,
                                struct pxt_error *error);
/* get.c: as pxt_cache_get_many(). */
pxt_status pxt_chain_get_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, pxt_entry **out,
                              unsigned *found_in, pxt_status *result, struct pxt_error *error);
pxt_status pxt_chain_peek(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, struct pxt_error *error);

/* put.c: as the functions of cache.h. `*entry`, which no tier has yet, gets the learnt fields of the entry that it
 * replaces: it may be replaced by another object. */
pxt_status pxt_chain_put(struct pxt_chain *chain, pxt_entry **entry, struct pxt_error *error);
pxt_status pxt_chain_delete(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error);
pxt_status pxt_chain_clear(struct pxt_chain *chain, uint64_t *removed, struct pxt_error *error);
/* remove_many.c: deletes distinct keys, each as pxt_chain_delete(): `results[i]` is that of keys[i]. `error` is that of the last
 * that failed. Another return than PXT_OK: nothing was deleted. */
pxt_status pxt_chain_delete_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, enum pxt_removal why,
                                 pxt_status *results, struct pxt_error *error);
/* Makes the entry that replaces `entry`. Leaves `*out` NULL to have it removed from all tiers. */
typedef pxt_status pxt_change_fn(void *arg, pxt_entry *entry, pxt_entry **out, struct pxt_error *error);
/* Reads an entry as `get` would, and stores what `change` makes of it, as one step under the key's lock. `why` is the
 * reason of a removal. PXT_NOT_FOUND also if the entry has expired. */
pxt_status pxt_chain_change(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                            enum pxt_removal why, struct pxt_error *error);

/* batch.c: the same for entries of distinct keys. `replaced` (may be NULL) receives which keys were stored before. If `dead`
 * is not NULL, entries that are known as dead are not stored, and `dead` receives which. */
pxt_status pxt_chain_put_many(struct pxt_chain *chain, pxt_entry **entries, size_t n, bool *replaced, bool *dead,
                              struct pxt_error *error);

/* bring.c: stores an entry of another chain, which only the caller has, with what it has learnt. If this chain has the key,
 * it stores what the two say together, or nothing if this chain's says it all (pxt_entry_merge()): `*brought` is false. */
pxt_status pxt_chain_bring(struct pxt_chain *chain, pxt_entry *entry, bool *brought, struct pxt_error *error);

/* each.c: calls `fn` once for every unexpired entry that can be read. PXT_EUNAVAILABLE, after all calls, if a tier could
 * not be asked, and may have entries or newer versions that no other tier has. No lock may be held. */
pxt_status pxt_chain_each(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
/* The same, but PXT_OK in that case. Any lock may be held. */
pxt_status pxt_chain_each_reachable(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error);

/* Tells whether a tier that cannot be asked may have entries that no other tier has. */
bool pxt_chain_tier_may_have_more(const struct pxt_chain *chain, const struct pxt_tier *tier);

/* get_counts.c: fills in what this process knows and has counted; the second one only counters and names of tiers. */
void pxt_chain_stats(struct pxt_chain *chain, struct pxt_stats *stats);
void pxt_chain_counters(const struct pxt_chain *chain, struct pxt_stats *stats);

/* totals.c: adds what this process has counted to the file that all processes of the pool add to. Failures are logged. */
void pxt_chain_add_totals(struct pxt_chain *chain);
/* Replaces the counters of `stats` by those of all processes. Without a file they stay. */
void pxt_chain_total_stats(struct pxt_chain *chain, struct pxt_stats *stats);

/* maintain.c: removes expired entries from all tiers. */
pxt_status pxt_chain_expire(struct pxt_chain *chain, uint64_t *expired, struct pxt_error *error);
/* What is to be done before a close: writes the hits, repairs and maintains the tiers, and stores the checkpoint, so that
 * the next start of the machine compares nothing. No lock may be held. */
void pxt_chain_leave(struct pxt_chain *chain);
/* Probes, repairs and maintains all tiers. No lock may be held. */
void pxt_chain_maintain(struct pxt_chain *chain);

#endif
