/* SPDX-License-Identifier: MIT
 *
 * Built with a header that is newer than the core's: its structs are longer, its ABI minor is higher. It must load.
 */
#include <proxtier/tier.h>
#undef PXT_PLUGIN
#define PXT_PLUGIN(kind, name, version, licence, summary, options, ops) /* the example's own is left out */            \
    static const void *const ops_of_the_example __attribute__((unused)) = ops
#include "../../../examples/forgetful.c"
struct longer_ops {
    struct pxt_tier_ops known;
    void (*unknown_to_the_core[8])(void);
};
static const struct longer_ops longer = {.known = {.size = sizeof longer,
                                                   .open = forgetful_open,
                                                   .close = forgetful_close,
                                                   .get = forgetful_get,
                                                   .put = forgetful_put,
                                                   .del = forgetful_del,
                                                   .each = forgetful_each,
                                                   .count = forgetful_count}};
struct longer_plugin {
    struct pxt_plugin known;
    const void *unknown_to_the_core[4];
};
extern PXT_API const struct longer_plugin pxt_plugin;
const struct longer_plugin pxt_plugin = {.known = {.magic = {'p', 'r', 'o', 'x', 't', 'i', 'e', 'r'},
                                                   .struct_size = sizeof(struct longer_plugin),
                                                   .abi_major = PXT_ABI_MAJOR,
                                                   .abi_minor = PXT_ABI_MINOR + 3,
                                                   .option_size = sizeof(struct pxt_option),
                                                   .candidate = PXT_ABI_CANDIDATE,
                                                   .kind = PXT_KIND_TIER,
                                                   .name = "long_struct",
                                                   .version = "1.0",
                                                   .licence = "MIT",
                                                   .summary = "from the future",
                                                   .ops = &longer}};
