/* SPDX-License-Identifier: MIT
 *
 * Has a flag that the core has to understand and does not know, and one that it may ignore.
 */
#include <proxtier/tier.h>
#undef PXT_PLUGIN
#define PXT_PLUGIN(kind, name, version, licence, summary, options, ops) /* the example's own is left out */            \
    static const void *const ops_of_the_example __attribute__((unused)) = ops
#include "../../../examples/forgetful.c"
#undef PXT_PLUGIN
static const struct pxt_tier_ops unknown = {.size = sizeof unknown,
                                            .flags = 0x80000000u | 0x8000u,
                                            .open = forgetful_open,
                                            .close = forgetful_close,
                                            .get = forgetful_get,
                                            .put = forgetful_put,
                                            .del = forgetful_del,
                                            .each = forgetful_each,
                                            .count = forgetful_count};
extern PXT_API const struct pxt_plugin pxt_plugin;
const struct pxt_plugin pxt_plugin = {.magic = {'p', 'r', 'o', 'x', 't', 'i', 'e', 'r'},
                                      .struct_size = sizeof(struct pxt_plugin),
                                      .abi_major = PXT_ABI_MAJOR,
                                      .abi_minor = PXT_ABI_MINOR,
                                      .candidate = PXT_ABI_CANDIDATE,
                                      .kind = PXT_KIND_TIER,
                                      .name = "unknown_flag",
                                      .version = "1.0",
                                      .licence = "MIT",
                                      .summary = "from the future",
                                      .ops = &unknown};
