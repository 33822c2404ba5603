/* SPDX-License-Identifier: MIT
 *
 * A tier that says that several hosts write to its store, and cannot put their changes in order.
 */
#include <proxtier/tier.h>
static pxt_status open_(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                        struct pxt_error *error)
{
    (void)host, (void)setup, (void)self, (void)error;
    return PXT_OK;
}
static void close_(void *self)
{
    (void)self;
}
static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_VERSIONS |
                                                 PXT_TIER_REMOTE,
                                        .open = open_,
                                        .close = close_};
PXT_PLUGIN(PXT_KIND_TIER, "far_without_order", "1.0", "MIT", "has no order", NULL, &ops);
