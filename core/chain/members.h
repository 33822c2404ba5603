/* SPDX-License-Identifier: MIT
 *
 * members.h: which durable tiers belong to the pool, and what each stores of that; the checkpoint. doc/versions.md, rules
 * 16 to 19.
 */
#ifndef PXT_MEMBERS_H
#define PXT_MEMBERS_H

#include "chain/chain_layout.h"

/* Opens the page of the pool, and joins the durable tiers that are present. PXT_ECONFIG: a store has a format that this
 * program does not know. */
pxt_status pxt_members_open(struct pxt_chain *chain, int64_t lock_timeout_ms, struct pxt_error *error);
/* Joins again if the page was made anew under this process, and renews the mark that each member stores. */
pxt_status pxt_members_check(struct pxt_chain *chain, struct pxt_error *error);
/* If nothing is in doubt and all members are on: syncs all, and stores in each that all agree on the versions so far. With
 * `drop` the dead versions so far may be dropped afterwards. PXT_EUNAVAILABLE if that cannot be said now. No lock may be
 * held. */
pxt_status pxt_members_checkpoint(struct pxt_chain *chain, bool drop, struct pxt_error *error);
/* Stores the checkpoint in the record of one member. */
pxt_status pxt_member_store_checkpoint(struct pxt_tier *tier, uint64_t checkpoint, uint64_t dropped,
                                       struct pxt_error *error);

/* told.c */
/* Called by a tier that has found damage, before its answer counts. */
void pxt_member_damaged(struct pxt_tier *tier);
/* Called by a tier of which a sync has failed. */
void pxt_member_unsynced(struct pxt_tier *tier);

/* forget.c */
/* Ends the membership of the tier of this name that this chain does not have: nothing waits for it any more. PXT_NOT_FOUND,
 * PXT_EINVAL if the chain has it. */
pxt_status pxt_members_forget(struct pxt_chain *chain, const char *name, struct pxt_error *error);
/* Finds the members that this chain does not have. Returns the slot of the next one after slot `after` (-1: the first) and
 * its name; -1: no more. */
int pxt_members_missing(const struct pxt_chain *chain, int after, char name[64]);

#endif
