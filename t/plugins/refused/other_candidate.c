/* SPDX-License-Identifier: MIT
 *
 * Says that it was built for another candidate of this plugin ABI.
 */
#include <proxtier/tier.h>
#undef PXT_ABI_CANDIDATE
#define PXT_ABI_CANDIDATE 77
static const struct pxt_tier_ops ops = {.size = sizeof ops};
PXT_PLUGIN(PXT_KIND_TIER, "other_candidate", "1.0", "MIT", "of another candidate", NULL, &ops);
