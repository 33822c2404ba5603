/* SPDX-License-Identifier: MIT
 *
 * stacked_tier.h: opening a tier, for a link of the chain or for a tier that stands on it.
 */
#ifndef PXT_LOWER_TIER_H
#define PXT_LOWER_TIER_H

#include "base/log.h"
#include <proxtier/tier.h>

/* See pxt_host.tier_open. `folders` NULL: those of no configuration. */
pxt_status pxt_lower_tier_open(char *const *folders, const struct pxt_logger *logger, const char *plugin,
                               const char *options, const struct pxt_tier_setup *setup,
                               const struct pxt_host *lower_host, struct pxt_lower_tier **out, struct pxt_error *error);
void pxt_lower_tier_close(struct pxt_lower_tier *lower);

/* Whether a tier with these operations applies the policy itself. */
bool pxt_tier_applies_policy(const struct pxt_tier_ops *ops, const struct pxt_eviction_ops *policy);
/* After open: the operations of the instance, in the core's size, copied to `room` where they are its own. PXT_EPLUGIN
 * where they lack a required one. */
pxt_status pxt_tier_instance_ops(const struct pxt_tier_ops *declared, void *self, const char *plugin,
                                 struct pxt_tier_ops *room, const struct pxt_tier_ops **out, struct pxt_error *error);

#endif
