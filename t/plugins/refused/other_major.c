/* SPDX-License-Identifier: MIT
 *
 * Says that it was built for another plugin ABI.
 */
#include <proxtier/tier.h>
#undef PXT_ABI_MAJOR
#define PXT_ABI_MAJOR 7
static const struct pxt_tier_ops ops = {.size = sizeof ops};
PXT_PLUGIN(PXT_KIND_TIER, "other_major", "1.0", "MIT", "of another ABI", NULL, &ops);
