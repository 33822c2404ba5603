/* SPDX-License-Identifier: MIT
 *
 * stacked_tier.h: opens the lower tier of a tier that wraps another one (a stacked tier).
 */
#ifndef PXT_STACKED_TIER_H
#define PXT_STACKED_TIER_H

#include "base/log.h"
#include <proxtier/tier.h>

/* See pxt_host.tier_open. `folders` NULL: those of no configuration. */
pxt_status pxt_lower_tier_open(char *const *folders, const struct pxt_logger *logger, const char *plugin,
                               const struct pxt_option_value *options, const struct pxt_tier_setup *setup,
                               const struct pxt_host *lower_host, struct pxt_lower_tier **out, struct pxt_error *error);
void pxt_lower_tier_close(struct pxt_lower_tier *lower);

#endif
