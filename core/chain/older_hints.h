/* SPDX-License-Identifier: MIT
 *
 * older_hints.h: what programs before versions noted that tiers missed.
 */
#ifndef PXT_OLDER_HINTS_H
#define PXT_OLDER_HINTS_H

#include "chain/chain_layout.h"

/* Whether there is a file of such notes. */
bool pxt_older_hints_exist(const struct pxt_chain *chain);
/* Reads the notes; takes the keys out of the tiers that missed their removal, if these are taken over now (`is_new`, by the
 * index of the tier); puts all members in doubt; and leaves in the file only what it tells of tiers that are not on, or
 * removes it. All keys are locked, and the members have joined. */
pxt_status pxt_older_hints_take(struct pxt_chain *chain, const bool *is_new, struct pxt_error *error);

#endif
