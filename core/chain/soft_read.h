/* SPDX-License-Identifier: MIT
 *
 * soft_read.h: reads from a tier with a `soft_timeout`: by a thread of a pool, for which a get does not wait any longer. What the
 * tier answers afterwards is made use of without the get. doc/versions.md, rule 38.
 */
#ifndef PXT_SOFT_READ_H
#define PXT_SOFT_READ_H

#include "chain/key_ops.h"

/* What a key was when the read began. */
struct pxt_soft_key {
    const struct pxt_key *key;
    uint64_t word;
    uint32_t generation;
    uint32_t answers; /* see struct pxt_decision */
    uint64_t noted;   /* for a pxt_late_fn: the hits noted for the tier, which the entry has in its count */
};
/* Makes use of what a tier has answered too late; no lock is held. */
typedef void pxt_late_fn(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *key,
                         pxt_entry *entry);
/* Gets `n` keys from a tier, as pxt_chain_read_many(); if the tier only exchanges copies, as
 * pxt_tier_get_many(). If the tier does not answer in time, all have PXT_EBUSY. */
void pxt_soft_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *keys, size_t n,
                   unsigned flags, pxt_late_fn *late, const struct pxt_reading *reading, struct pxt_error *error);
/* Whether a read of a tier is made so. */
static inline bool pxt_reads_softly(const struct pxt_tier *tier, unsigned flags)
{
    return tier->workers && !(flags & PXT_TIER_GET_FOR_WRITE);
}
/* Prepares a tier that has the option. PXT_ENOMEM. */
pxt_status pxt_soft_open(struct pxt_tier *tier, struct pxt_error *error);
/* Waits for the calls that go on. From here on reads wait for the tier. */
void pxt_soft_close(struct pxt_chain *chain);

#endif
