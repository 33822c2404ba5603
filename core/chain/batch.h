/* SPDX-License-Identifier: MIT
 *
 * batch.h: a write of many keys, of entries (batch.c) or of tombstones (remove_many.c), each in one call of a tier.
 */
#ifndef PXT_BATCH_H
#define PXT_BATCH_H

#include "chain/learnt.h"
#include "chain/store.h"
#include "chain/stripes.h"

/* What a batch needs while it is under way. */
struct pxt_batch {
    struct pxt_write write; /* first: what its into() is called with */
    pxt_entry **entries;
    pxt_entry **given;             /* held: copies of them, before they inherited anything; NULL: none is made again */
    uint64_t *hash;                /* of the keys */
    struct pxt_replaced *replaced; /* of each entry */
    struct pxt_locked_keys locked;
    bool removes; /* the entries are tombstones */
};
/* Makes room for `hash` and `replaced` of `n` entries. On failure the batch is to be freed all the same, with the same `n`. */
pxt_status pxt_batch_make(struct pxt_batch *batch, size_t n, struct pxt_error *error);
void pxt_batch_free(struct pxt_batch *batch, size_t n);

/* Gives the entries of a write their versions, above what each replaces, and writes them to the tiers that decide; again, with
 * greater versions, while a tier has a newer one of a key. The changes have begun. */
pxt_status pxt_batch_write(struct pxt_write *write, struct pxt_replaced *replaced, struct pxt_error *error);

/* Evicts from a limited tier as many entries as the batch has new keys for it. The victims are demoted at once. */
void pxt_batch_evict(struct pxt_write *write, struct pxt_tier *tier, pxt_entry *const *entries, size_t n);

/* batch_authority.c: writes the batch to the authority, each entry in place of what was seen there. What another host has
 * changed meanwhile is read again, and made anew. If the authority takes some of the entries, others are left for a
 * repair. */
pxt_status pxt_batch_into_authority(struct pxt_batch *batch, struct pxt_tier *tier, struct pxt_error *error);

#endif
