/* SPDX-License-Identifier: MIT
 *
 * tier_call.h: the way into a tier and out of it, for link_ops.c.
 */
#ifndef PXT_LINK_CALL_H
#define PXT_LINK_CALL_H

#include "tier/tier.h"

/* False where the tier is off; otherwise leave with pxt_link_leave(). With `probing` the guard is passed by. */
bool pxt_link_enter(struct pxt_link *link, bool probing, struct pxt_error *error);
pxt_status pxt_link_leave(struct pxt_link *link, pxt_status status, struct pxt_error *local, struct pxt_error *error);

#endif
