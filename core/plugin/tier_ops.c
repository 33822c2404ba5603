/* SPDX-License-Identifier: MIT
 *
 * tier_ops.c: checks and copies of a tier's table of operations.
 */
#include "plugin/tier_ops.h"
#include "base/fail.h"
#include <proxtier/encryptor.h>
#include <string.h>

void pxt_ops_copy(void *copy, size_t size, const void *ops)
{
    uint32_t has;
    memcpy(&has, ops, sizeof has); /* the first member of each table */
    if (has > size)
        has = (uint32_t)size;
    memset(copy, 0, size);
    memcpy(copy, ops, has);
    memcpy(copy, &has, sizeof has);
}

uint32_t pxt_unknown_flags(uint32_t kind, const void *ops)
{
    uint32_t known = kind == PXT_KIND_TIER ? PXT_TIER_REMOTE | PXT_TIER_EXPIRES : 0;
    return ((const struct pxt_tier_ops *)ops)->flags & PXT_FLAGS_MUST & ~known;
}

_Static_assert(offsetof(struct pxt_tier_ops, flags) == offsetof(struct pxt_eviction_ops, flags) &&
                   offsetof(struct pxt_tier_ops, flags) == offsetof(struct pxt_encryptor_ops, flags),
               "every table of operations begins with its size and its flags");

/* Without these no order of the changes of several hosts can be had. */
static const char *missing_of_remote(const struct pxt_tier_ops *tier)
{
    return !(tier->flags & PXT_TIER_SHARED)     ? "the flag PXT_TIER_SHARED, and has PXT_TIER_REMOTE"
           : !(tier->flags & PXT_TIER_VERSIONS) ? "the flag PXT_TIER_VERSIONS, and has PXT_TIER_REMOTE"
           : !tier->put_if                      ? "put_if, and has PXT_TIER_REMOTE"
           : !tier->del_if                      ? "del_if, and has PXT_TIER_REMOTE"
                                                : NULL;
}

/* A lease that cannot be ended, or renewed, is of no use. */
static const char *missing_of_leases(const struct pxt_tier_ops *tier)
{
    if (!tier->lease_take && !tier->lease_renew && !tier->lease_end && !tier->lease_each)
        return NULL;
    return !tier->lease_take    ? "lease_take, and has another operation of leases"
           : !tier->lease_renew ? "lease_renew, and has another operation of leases"
           : !tier->lease_end   ? "lease_end, and has another operation of leases"
           : !tier->lease_each  ? "lease_each, and has another operation of leases"
                                : NULL;
}

const char *pxt_tier_missing(const struct pxt_tier_ops *tier)
{
    if (tier->flags & PXT_TIER_REMOTE && missing_of_remote(tier))
        return missing_of_remote(tier);
    if (missing_of_leases(tier))
        return missing_of_leases(tier);
    return !tier->open                                                                        ? "open"
           : !tier->close                                                                     ? "close"
           : !tier->get                                                                       ? "get"
           : !tier->put                                                                       ? "put"
           : !tier->del                                                                       ? "del"
           : !tier->each                                                                      ? "each"
           : !tier->count                                                                     ? "count"
           : (tier->flags & (PXT_TIER_POLICY_STATE | PXT_TIER_POLICY_ORDER)) && !tier->victim ? "victim"
           : (tier->flags & (PXT_TIER_SHARED | PXT_TIER_REMOTE)) == PXT_TIER_SHARED && !tier->shared_path
               ? "shared_path"
               : NULL;
}

bool pxt_tier_applies_policy(const struct pxt_tier_ops *ops, const struct pxt_eviction_ops *policy)
{
    if (ops->flags & PXT_TIER_POLICY_STATE)
        return true;
    return (ops->flags & PXT_TIER_POLICY_ORDER) && policy->order;
}

pxt_status pxt_tier_instance_ops(const struct pxt_tier_ops *declared, void *self, const char *plugin,
                                 struct pxt_tier_ops *copy, const struct pxt_tier_ops **out, struct pxt_error *error)
{
    const struct pxt_tier_ops *own = declared->instance_ops ? declared->instance_ops(self) : NULL;
    *out = declared;
    if (!own)
        return PXT_OK;
    pxt_ops_copy(copy, sizeof *copy, own);
    const char *missing = pxt_tier_missing(copy);
    if (missing)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s: an instance lacks %s, which every tier must have", plugin,
                        missing);
    uint32_t unknown = pxt_unknown_flags(PXT_KIND_TIER, copy);
    if (unknown)
        return pxt_fail(
            error, PXT_EPLUGIN, 0,
            "plugin %s: an instance has the flags 0x%x, which proxtier must understand and this one (plugin "
            "ABI %s) does not: install a newer proxtier",
            plugin, unknown, PXT_ABI_TEXT);
    *out = copy;
    return PXT_OK;
}
