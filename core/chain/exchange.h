/* SPDX-License-Identifier: MIT
 *
 * exchange.h: tiers that other hosts use too and that keep nothing for certain, beside durable tiers. Such a tier holds no truth: it is
 * asked for newer copies before this host's own tiers decide, and is given what is stored here. doc/versions.md, rules 33 to 35.
 */
#ifndef PXT_EXCHANGE_H
#define PXT_EXCHANGE_H

#include "chain/chain_layout.h"

/* Finds out which tiers only exchange copies. All tiers are open, or absent. In a chain without durable tiers the slowest remote one
 * counts as durable, also if it turns out only later that it does not say so. PXT_ECONFIG. */
pxt_status pxt_exchange_open(struct pxt_chain *chain, struct pxt_error *error);
/* Tells of a tier that is open, if it counts as durable and does not say so. */
void pxt_exchange_tell_lone(const struct pxt_chain *chain, const struct pxt_tier *tier);

/* Takes over what such a tier has that is newer than what the members of this host have. No lock may be held. If not `wait`, a key
 * whose lock is not free stays as it is: it is older, and nobody was told of the newer one. */
void pxt_exchange_take(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, bool wait);
/* The same, waiting, for the keys of entries. */
void pxt_exchange_take_for(struct pxt_chain *chain, pxt_entry *const *entries, size_t n);

/* Gives such tiers what was stored. May fail: they hold no truth. */
void pxt_exchange_give(struct pxt_chain *chain, pxt_entry *const *entries, size_t n);

#endif
