/* SPDX-License-Identifier: MIT
 *
 * demote.h: demotes the victims that victim.h has chosen.
 */
#ifndef PXT_DEMOTE_H
#define PXT_DEMOTE_H

#include "chain/victim.h"

/* Demotes one entry of `tier` and removes it from there, with its key's lock held. The victims that it pushes out of
 * slower tiers are added to `victims`. False if it stays, because no slower tier has it. */
bool pxt_demote_victim(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                       struct pxt_victims *victims);
/* Demotes one entry under its key's lock, if that is free. False if it stays: then the tier is trimmed later. */
bool pxt_demote_if_free(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *victim, struct pxt_victims *victims);
/* Demotes all `victims`, then those that they push out of slower tiers, and so on. No lock may be held. Every operation
 * that has held a key's lock ends with this call, also with an empty list: the call also trims tiers that another thread
 * left over capacity. */
void pxt_demote_victims(struct pxt_chain *chain, struct pxt_victims *victims);

#endif
