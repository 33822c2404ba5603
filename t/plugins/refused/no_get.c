/* SPDX-License-Identifier: MIT
 *
 * A tier that lacks a required operation.
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
static const struct pxt_tier_ops ops = {.size = sizeof ops, .open = open_, .close = close_};
PXT_PLUGIN(PXT_KIND_TIER, "no_get", "1.0", "MIT", "cannot be read", NULL, &ops);
