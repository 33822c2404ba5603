/* SPDX-License-Identifier: MIT
 *
 * A tier that calls a function which nothing defines.
 */
#include <proxtier/tier.h>
extern pxt_status defined_nowhere(void *self);
static void close_(void *self)
{
    defined_nowhere(self);
}
static const struct pxt_tier_ops ops = {.size = sizeof ops, .close = close_};
PXT_PLUGIN(PXT_KIND_TIER, "unresolved", "1.0", "MIT", "cannot be linked", NULL, &ops);
