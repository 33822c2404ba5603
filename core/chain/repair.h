/* SPDX-License-Identifier: MIT
 *
 * repair.h: makes the members of a pool equal, and clears their doubts. doc/versions.md, rules 14 to 16.
 */
#ifndef PXT_REPAIR_H
#define PXT_REPAIR_H

#include "chain/decide.h"

/* Probes tiers that are off and due for it. One that answers is on again: what it lacks is in doubt, until it is
 * repaired. No lock may be held. */
void pxt_chain_probe_down_tiers(struct pxt_chain *chain);
/* The same, for a get: where a janitor runs, that does it, and the get does not wait. */
void pxt_chain_have_down_tiers_probed(struct pxt_chain *chain);
/* reopen.c: whether an absent tier can be opened later; opens it again, if its back-off is over. */
bool pxt_chain_can_reopen(const struct pxt_tier *tier);
void pxt_chain_reopen(struct pxt_chain *chain, struct pxt_tier *tier);
/* Repairs all words with doubts, a range at a time, if all members are on. No lock may be held. */
pxt_status pxt_chain_repair(struct pxt_chain *chain, struct pxt_error *error);
/* Repairs now, if the pool is small; a large one serves at once, and is repaired in the background. For open. */
void pxt_chain_repair_small(struct pxt_chain *chain);
/* Repairs if a tier is written behind and lacks many writes. No lock may be held. */
void pxt_chain_flush(struct pxt_chain *chain);
/* Makes the members equal for one key, and at level `power` syncs them; its doubts stay, and there are no others. The key's lock is held.
 * `*newest` (NULL is allowed) is held: what they have in common; NULL: nothing. */
pxt_status pxt_repair_key(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **newest,
                          struct pxt_error *error);
/* At level `power` syncs the members that do not sync each write: before their doubts are cleared. */
pxt_status pxt_repair_sync_members(struct pxt_chain *chain, struct pxt_error *error);

#endif
