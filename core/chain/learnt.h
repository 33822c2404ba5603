/* SPDX-License-Identifier: MIT
 *
 * learnt.h: what a put keeps of the entry that it replaces: the fields with PXT_FIELD_LEARNT.
 */
#ifndef PXT_LEARNT_H
#define PXT_LEARNT_H

#include "chain/chain_layout.h"

/* The entry that a put replaces, from the read to the end of the write. */
struct pxt_replaced {
    pxt_entry *entry; /* held; NULL: the key is new */
    int64_t hits;     /* its access_count when it was read */
};

/* Reads the entry that stands in the chain, expired or not, and gives its learnt fields to `*entry`, which no tier has
 * yet: it may be replaced by another object. The key's lock is held. A tier that is off is left out: if no other has the
 * key, it counts as new. Fails for lack of memory, and if a tier that may have the key cannot be read and stays on. */
pxt_status pxt_learnt_inherit(struct pxt_chain *chain, pxt_entry **entry, struct pxt_replaced *replaced,
                              struct pxt_error *error);
/* After the write: gives `entry` the hits that a memory tier has counted for the replaced entry since it was read, and
 * lets go of that. */
void pxt_learnt_finish(pxt_entry *entry, struct pxt_replaced *replaced);

#endif
