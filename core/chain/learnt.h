/* SPDX-License-Identifier: MIT
 *
 * learnt.h: what a put keeps of the entry that it replaces: the fields with PXT_FIELD_LEARNT.
 */
#ifndef PXT_LEARNT_H
#define PXT_LEARNT_H

#include "chain/store.h"

/* The entry that a put replaces, from the read to the end of the write. */
struct pxt_replaced {
    pxt_entry *entry;       /* held; NULL: the key is new */
    int64_t hits;           /* its access_count when it was read */
    struct pxt_stamp stamp; /* for the new entry */
    bool known_dead;        /* there is none, for the proxy failed too often */
};

/* Reads the entry that stands in the chain, expired or not, and gives its learnt fields to `*entry`, which no tier has
 * yet: it may be replaced by another object. The key's lock is held. If a member that may have a newer one does not answer,
 * the put goes on: what that member has learnt is merged in by a repair. In a pool with one member the error of that tier
 * is returned, unless it is off. */
pxt_status pxt_learnt_inherit(struct pxt_chain *chain, pxt_entry **entry, struct pxt_replaced *replaced,
                              struct pxt_error *error);
/* The same for many, whose `replaced` are zero; tiers that offer it are asked for all keys in one call. */
pxt_status pxt_learnt_inherit_many(struct pxt_chain *chain, pxt_entry **entries, size_t n,
                                   struct pxt_replaced *replaced, struct pxt_error *error);
/* After the write: gives `entry` the hits that a memory tier has counted for the replaced entry since it was read, and
 * lets go of that. */
void pxt_learnt_finish(pxt_entry *entry, struct pxt_replaced *replaced);

#endif
