/* SPDX-License-Identifier: MIT
 *
 * select_call.c: asks a tier for the keys of a selection.
 */
#include "tier/tier_call.h"

pxt_status pxt_tier_select(struct pxt_tier *tier, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                           struct pxt_error *error)
{
    struct call call;
    if (!pxt_tier_selects(tier))
        return PXT_ENOTSUP;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->select(tier->self, select, fn, arg, &call.error), &call, error);
}
