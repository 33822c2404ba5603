/* SPDX-License-Identifier: MIT
 *
 * repair.h: gives tiers what they lack. No lock may be held.
 */
#ifndef PXT_REPAIR_H
#define PXT_REPAIR_H

#include "chain/chain_layout.h"

/* Probes the tiers that are off and whose back-off is over, and lets them back in once they are repaired. */
void pxt_chain_probe_down_tiers(struct pxt_chain *chain);
/* Repairs the tiers that are on and lack keys: after single failed writes, after another process ran without the tier, or
 * after damage. */
void pxt_chain_repair_hinted(struct pxt_chain *chain);
/* Writes to the write-behind tiers for which enough has gathered. */
void pxt_chain_flush(struct pxt_chain *chain);

#endif
