/* SPDX-License-Identifier: MIT
 *
 * lease_calls.c: the operations of a tier for leases. A tier without them has no default: see pxt_tier_keeps_leases().
 */
#include "tier/tier_call.h"

bool pxt_tier_keeps_leases(const struct pxt_tier *tier)
{
    if (pxt_tier_present(tier))
        return (tier->flags & PXT_TIER_SHARED) && tier->ops->lease_take;
    const struct pxt_module *module = tier->config->tier.module;
    return !module || ((const struct pxt_tier_ops *)module->ops)->lease_take;
}

pxt_status pxt_tier_lease_take(struct pxt_tier *tier, const struct pxt_lease *lease, bool *taken,
                               struct pxt_error *error)
{
    struct call call;
    *taken = false;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->lease_take(tier->self, lease, taken, &call.error), &call, error);
}

pxt_status pxt_tier_lease_renew(struct pxt_tier *tier, const struct pxt_lease *lease, struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->lease_renew(tier->self, lease, &call.error), &call, error);
}

pxt_status pxt_tier_lease_end(struct pxt_tier *tier, const struct pxt_lease *lease, struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->lease_end(tier->self, lease, &call.error), &call, error);
}

pxt_status pxt_tier_lease_each(struct pxt_tier *tier, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                               struct pxt_error *error)
{
    struct call call;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->lease_each(tier->self, key, fn, arg, &call.error), &call, error);
}
