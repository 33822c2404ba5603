/* SPDX-License-Identifier: MIT
 *
 * descriptor.c: checks the descriptor of a plugin, and copies its tables into structs of the core's size.
 */
#include "plugin/descriptor.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "plugin/tier_ops.h"
#include <proxtier/encryptor.h>
#include <string.h>

static size_t core_ops_size(uint32_t kind)
{
    switch (kind) {
    case PXT_KIND_TIER:
        return sizeof(struct pxt_tier_ops);
    case PXT_KIND_EVICTION:
        return sizeof(struct pxt_eviction_ops);
    case PXT_KIND_ENCRYPTOR:
        return sizeof(struct pxt_encryptor_ops);
    default:
        return 0;
    }
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"a plugin of no known kind", "a tier", "an eviction policy", "an encryptor"};
    return names[kind <= PXT_KIND_ENCRYPTOR ? kind : 0];
}

/* The name of a required operation that is missing, or what is contradictory; NULL where all is well. */
static const char *missing_in(uint32_t kind, const void *ops)
{
    if (kind == PXT_KIND_TIER)
        return pxt_tier_missing(ops);
    if (kind == PXT_KIND_EVICTION) {
        const struct pxt_eviction_ops *policy = ops;
        return !policy->open              ? "open"
               : !policy->close           ? "close"
               : !policy->inserted        ? "inserted"
               : !policy->accessed        ? "accessed"
               : !policy->removed         ? "removed"
               : !policy->victim          ? "victim"
               : policy->state_size > 256 ? "state_size of at most 256"
                                          : NULL;
    }
    const struct pxt_encryptor_ops *encryptor = ops;
    return !encryptor->open         ? "open"
           : !encryptor->close      ? "close"
           : !encryptor->token_size ? "token_size"
           : !encryptor->seal       ? "seal"
           : !encryptor->open_token ? "open_token"
                                    : NULL;
}

/* Copies the table of options, of which each element is as long as it was for the plugin. */
static pxt_status copy_options(struct pxt_module *module, struct pxt_error *error)
{
    struct pxt_plugin *plugin = &module->plugin;
    size_t count = 0, stride = plugin->option_size;
    const size_t least = offsetof(struct pxt_option, help) + sizeof plugin->options->help;
    if (!plugin->options)
        return PXT_OK;
    if (stride < least)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s has options of %zu bytes: too short for ABI 1.0",
                        module->path, stride);
    while (pxt_plugin_option(plugin, count))
        count++;
    module->options = pxt_alloc((count + 1) * sizeof *module->options);
    if (!module->options)
        return pxt_fail_memory(error, "the options of a plugin");
    for (size_t i = 0; i < count; i++)
        memcpy(&module->options[i], pxt_plugin_option(plugin, i),
               stride < sizeof *module->options ? stride : sizeof *module->options);
    plugin->options = module->options;
    plugin->option_size = sizeof *module->options;
    return PXT_OK;
}

/* Refuses flags that must be understood and are not known here. */
static pxt_status check_flags(const struct pxt_module *module, struct pxt_error *error)
{
    uint32_t flags = pxt_unknown_flags(module->plugin.kind, module->ops);
    if (!flags)
        return PXT_OK;
    return pxt_fail(
        error, PXT_EPLUGIN, 0,
        "plugin %s has the flags 0x%x, which proxtier must understand and this one (plugin ABI %s) does not: "
        "install a newer proxtier",
        module->path, flags, PXT_ABI_TEXT);
}

static pxt_status copy_ops(struct pxt_module *module, struct pxt_error *error)
{
    size_t core_size = core_ops_size(module->plugin.kind);
    void *ops = pxt_alloc(core_size);
    if (!ops)
        return pxt_fail_memory(error, "a plugin");
    pxt_ops_copy(ops, core_size, module->plugin.ops);
    module->ops = ops;
    const char *missing = missing_in(module->plugin.kind, ops);
    if (missing)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s lacks %s, which %s must have", module->path, missing,
                        kind_name(module->plugin.kind));
    return check_flags(module, error);
}

pxt_status pxt_descriptor_check(struct pxt_module *module, const struct pxt_plugin *found, enum pxt_plugin_kind kind,
                                const char *name, struct pxt_error *error)
{
    const char *path = module->path;
    if (memcmp(found->magic, PXT_PLUGIN_MAGIC, sizeof found->magic))
        return pxt_fail(error, PXT_EPLUGIN, 0, "%s is not a plugin of proxtier: its pxt_plugin has no magic", path);
    if (found->abi_major != PXT_ABI_MAJOR)
        return pxt_fail(error, PXT_EPLUGIN, 0,
                        "plugin %s was built for plugin ABI %u.%u, this proxtier has %u.%u: rebuild it, or install the "
                        "proxtier that it was built for",
                        path, found->abi_major, found->abi_minor, PXT_ABI_MAJOR, PXT_ABI_MINOR);
    if (found->candidate != PXT_ABI_CANDIDATE)
        return pxt_fail(error, PXT_EPLUGIN, 0,
                        "plugin %s was built for %s %u of plugin ABI %u.%u, this proxtier has %s: rebuild it", path,
                        found->candidate ? "candidate" : "the release, not candidate", found->candidate,
                        found->abi_major, found->abi_minor, PXT_ABI_TEXT);
    if (found->struct_size < offsetof(struct pxt_plugin, ops) + sizeof(void *))
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s has a descriptor of %u bytes: too short for ABI 1.0", path,
                        (unsigned)found->struct_size);
    memcpy(&module->plugin, found, found->struct_size < sizeof *found ? found->struct_size : sizeof *found);
    if (found->struct_size > sizeof *found)
        module->plugin.struct_size = sizeof *found; /* as much as was copied */
    if (!core_ops_size(found->kind) || !found->ops || !found->name || !found->version || !found->summary)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s has an incomplete descriptor", path);
    if (kind && found->kind != (uint32_t)kind)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s is %s, not %s", path, kind_name(found->kind),
                        kind_name(kind));
    if (strcmp(found->name, name))
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s calls itself \"%s\": rename the file to %s.so", path,
                        found->name, found->name);
    pxt_status status = copy_options(module, error);
    return status ? status : copy_ops(module, error);
}
