/* SPDX-License-Identifier: MIT
 *
 * promote_late.h: makes use of an answer that a get did not wait for.
 */
#ifndef PXT_PROMOTE_LATE_H
#define PXT_PROMOTE_LATE_H

#include "chain/soft_read.h"

/* Copies an entry that a tier had into the faster ones, if the tier has the newest version, the key has not changed since the tier
 * was asked, and its lock is free. A pxt_late_fn. */
void pxt_promote_late(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *key, pxt_entry *entry);

#endif
