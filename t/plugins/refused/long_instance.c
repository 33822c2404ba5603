/* SPDX-License-Identifier: MIT
 *
 * Built with a header that is newer than the core's: the table of its instance is longer. It must load.
 */
#include <proxtier/tier.h>
#undef PXT_PLUGIN
#define PXT_PLUGIN(kind, name, version, licence, summary, options, ops) /* the example's own is left out */            \
    static const void *const ops_of_the_example __attribute__((unused)) = ops
#include "../../../examples/forgetful.c"
#undef PXT_PLUGIN
struct longer_ops {
    struct pxt_tier_ops known;
    void (*unknown_to_the_core[8])(void);
};
static const struct longer_ops instance = {.known = {.size = sizeof instance,
                                                     .open = forgetful_open,
                                                     .close = forgetful_close,
                                                     .get = forgetful_get,
                                                     .put = forgetful_put,
                                                     .del = forgetful_del,
                                                     .each = forgetful_each,
                                                     .count = forgetful_count}};

static const struct pxt_tier_ops *instance_ops(void *self)
{
    (void)self;
    return &instance.known;
}

static const struct longer_ops declared = {.known = {.size = sizeof declared,
                                                     .open = forgetful_open,
                                                     .close = forgetful_close,
                                                     .get = forgetful_get,
                                                     .put = forgetful_put,
                                                     .del = forgetful_del,
                                                     .each = forgetful_each,
                                                     .count = forgetful_count,
                                                     .instance_ops = instance_ops}};
extern PXT_API const struct pxt_plugin pxt_plugin;
const struct pxt_plugin pxt_plugin = {.magic = {'p', 'r', 'o', 'x', 't', 'i', 'e', 'r'},
                                      .struct_size = sizeof(struct pxt_plugin),
                                      .abi_major = PXT_ABI_MAJOR,
                                      .abi_minor = PXT_ABI_MINOR + 3,
                                      .option_size = sizeof(struct pxt_option),
                                      .candidate = PXT_ABI_CANDIDATE,
                                      .kind = PXT_KIND_TIER,
                                      .name = "long_instance",
                                      .version = "1.0",
                                      .licence = "MIT",
                                      .summary = "from the future",
                                      .ops = &declared};
