/* SPDX-License-Identifier: MIT
 *
 * tier_call.h: the way into a tier and out of it, for tier_ops.c.
 */
#ifndef PXT_TIER_CALL_H
#define PXT_TIER_CALL_H

#include "tier/tier.h"

/* False where the tier is off; otherwise leave with pxt_tier_leave(). With `probing` the breaker is passed by. */
bool pxt_tier_enter(struct pxt_tier *tier, bool probing, struct pxt_error *error);
pxt_status pxt_tier_leave(struct pxt_tier *tier, pxt_status status, struct pxt_error *local, struct pxt_error *error);

#endif
