/* SPDX-License-Identifier: MIT
 *
 * store.h: writes an entry, or a batch of entries, to all tiers.
 */
#ifndef PXT_STORE_H
#define PXT_STORE_H

#include "chain/victim.h"

/* One write on its way through the tiers. The locks of all its keys are held. */
struct pxt_write {
    struct pxt_chain *chain;
    pxt_entry *const *entries;
    size_t count;
    /* Writes the entries to one tier. */
    pxt_status (*into)(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error);
    struct pxt_victims *victims; /* NULL: `into` demotes them itself */
    bool may_defer;              /* leave the write to repair.c for tiers that are off or written behind */
    bool below;                  /* a slower tier has taken all entries, and has room for them all */
    bool taken;                  /* a tier has taken the entries */
    pxt_status first;            /* what the first tier that failed returned */
    struct pxt_error *error;
};
/* Writes to the durable tiers from the slowest on, then to the others. Fails if no durable tier (in a chain without one:
 * no tier) takes the entries. */
pxt_status pxt_write_all_tiers(struct pxt_write *write);

/* Writes one entry to all tiers. If no tier takes it, nothing has changed. */
pxt_status pxt_chain_store(struct pxt_chain *chain, pxt_entry *entry, struct pxt_victims *victims,
                           struct pxt_error *error);

#endif
