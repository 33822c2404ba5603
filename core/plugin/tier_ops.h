/* SPDX-License-Identifier: MIT
 *
 * tier_ops.h: checks and copies of the table of operations of a plugin, above all of a tier.
 */
#ifndef PXT_TIER_OPS_H
#define PXT_TIER_OPS_H

#include <proxtier/tier.h>

/* Copies the table of operations of a plugin of any kind to `copy`, which has `size` bytes. Operations that the table does
 * not have are NULL. The copy says its own size, which a stacking plugin may rely on, if the table is longer. */
void pxt_ops_copy(void *copy, size_t size, const void *ops);

/* The flags of such a table, of a plugin of that kind, which must be understood and are not known here; 0: none. */
uint32_t pxt_unknown_flags(uint32_t kind, const void *ops);

/* Returns the name of a required operation that the table lacks, or what contradicts its flags; NULL if the table is
 * complete. */
const char *pxt_tier_missing(const struct pxt_tier_ops *ops);
/* Returns whether a tier with these operations applies the policy itself. */
bool pxt_tier_applies_policy(const struct pxt_tier_ops *ops, const struct pxt_eviction_ops *policy);
/* Finds the operations of an instance, after its open. `*out` is `declared`, or `copy` if the instance has a table of
 * its own. PXT_EPLUGIN if that table lacks a required operation, or has a flag that must be understood and
 * is not known. */
pxt_status pxt_tier_instance_ops(const struct pxt_tier_ops *declared, void *self, const char *plugin,
                                 struct pxt_tier_ops *copy, const struct pxt_tier_ops **out, struct pxt_error *error);

#endif
