/* SPDX-License-Identifier: MIT
 *
 * config_tiers.c: the list of tiers: each tier's core options, its plugin with its options, its eviction policy.
 */
#include "base/fail.h"
#include "base/paths.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
#include <string.h>

pxt_status pxt_config_choose_plugin(struct pxt_config_loading *loading, const struct pxt_yaml_node *node,
                                    const char *fallback, const char *what, enum pxt_plugin_kind kind,
                                    struct pxt_chosen *chosen, struct pxt_origin *origin)
{
    static const char *const known[] = {"plugin", NULL};
    const char *name = fallback;
    const struct pxt_yaml_node *map = NULL, *named = node;
    if (node && node->kind == PXT_YAML_SCALAR) {
        name = node->scalar;
    } else if (node) {
        const struct pxt_yaml_node *plugin = pxt_yaml_member(node, "plugin");
        if (!plugin || plugin->kind != PXT_YAML_SCALAR)
            return pxt_yaml_fail(loading->error, node, "%s: a name or {plugin: NAME} is expected, such as %s", what,
                                 fallback);
        name = plugin->scalar;
        map = node;
        named = plugin;
    }
    if (named)
        *origin = (struct pxt_origin){named->file, named->line};
    pxt_status status =
        pxt_loader_open(loading->config->plugin_folders, name, kind, loading->logger, &chosen->module, loading->error);
    if (status) {
        if (node)
            pxt_error_prefix(loading->error, "%s:%u:%u", node->file, node->line, node->column);
        return status;
    }
    return pxt_settings_read(chosen->module->plugin.options, map, known, name, &chosen->settings, loading->error);
}

enum { TIER_MEMBERS_MAX = 16 };

static void names_of_core_members(const char *known[TIER_MEMBERS_MAX])
{
    size_t n = 0;
    for (const struct pxt_option *option = pxt_options_tier(); option->name && n < TIER_MEMBERS_MAX - 1; option++)
        known[n++] = option->name;
    known[n] = NULL;
}

/* Loads the tier's plugin, and reads its options: all members that are not the core's. */
static pxt_status read_plugin_options(struct pxt_config_loading *loading, const struct pxt_yaml_node *map,
                                      struct pxt_tier_config *tier)
{
    const char *known[TIER_MEMBERS_MAX];
    names_of_core_members(known);
    pxt_status status = pxt_loader_open(loading->config->plugin_folders, tier->plugin, PXT_KIND_TIER, loading->logger,
                                        &tier->tier.module, loading->error);
    if (!status)
        return pxt_settings_read(tier->tier.module->plugin.options, map, known, tier->tier.module->plugin.name,
                                 &tier->tier.settings, loading->error);
    const struct pxt_yaml_node *at = pxt_yaml_member(map, "plugin");
    pxt_error_prefix(loading->error, "%s:%u:%u", at->file, at->line, at->column);
    if (tier->required || status != PXT_EPLUGIN)
        return status;
    tier->problem = pxt_strdup(loading->error ? loading->error->message : "its plugin is missing");
    pxt_log(loading->logger, PXT_MESSAGE_WARNING, "config", "going on without tier %s: %s", tier->name,
            tier->problem ? tier->problem : "");
    return PXT_OK;
}

static pxt_status name_tier(struct pxt_config_loading *loading, const struct pxt_yaml_node *map,
                            struct pxt_tier_config *tier, size_t place)
{
    const struct pxt_yaml_node *node = pxt_yaml_member(map, "name");
    const char *name = pxt_settings_text(tier->settings, "name");
    if (name) {
        size_t length = strlen(name);
        if (!length || length > 32 ||
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != length)
            return pxt_yaml_fail(loading->error, node, "name: 1 to 32 letters, digits, - or _ are expected");
    }
    tier->name = name ? pxt_strdup(name) : pxt_asprintf("l%zu", place + 1);
    if (!tier->name)
        return pxt_fail_memory(loading->error, "a name");
    for (const struct pxt_tier_config *earlier = loading->config->tier; earlier < tier; earlier++)
        if (!strcmp(earlier->name, tier->name))
            return pxt_yaml_fail(loading->error, name ? node : map, "two tiers are named \"%s\"", tier->name);
    return PXT_OK;
}

/* The core's options of a tier. The options of its plugin, and those of an eviction policy, are read after them. */
static pxt_status read_core_options(struct pxt_config_loading *loading, const struct pxt_yaml_node *map,
                                    struct pxt_tier_config *tier)
{
    static const char *const may_be_a_map[] = {"eviction", NULL};
    pxt_status status =
        pxt_settings_read_partly(pxt_options_tier(), map, may_be_a_map, "a tier", &tier->settings, loading->error);
    if (status)
        return status;
    const struct pxt_yaml_node *plugin = pxt_yaml_member(map, "plugin");
    const char *name = pxt_settings_text(tier->settings, "plugin");
    if (!name || !*name)
        return pxt_yaml_fail(loading->error, plugin ? plugin : map, "a tier needs plugin: NAME, such as l1_memory");
    tier->plugin = pxt_strdup(name);
    if (!tier->plugin)
        return pxt_fail_memory(loading->error, "a name");
    tier->required = pxt_settings_number(tier->settings, "required");
    tier->write_behind = pxt_settings_number(tier->settings, "write_behind");
    int64_t timeout = pxt_settings_number(tier->settings, "timeout");
    tier->timeout = timeout < 0 ? 0 : timeout;
    int64_t soft = pxt_settings_number(tier->settings, "soft_timeout");
    tier->soft_timeout = soft < 0 ? 0 : soft;
    int64_t waiting = pxt_settings_number(tier->settings, "max_waiting");
    tier->max_waiting = waiting < 0 ? 0 : (unsigned)waiting;
    int64_t capacity = pxt_settings_number(tier->settings, "max_entries");
    tier->max_entries = capacity < 0 ? UINT64_MAX : (uint64_t)capacity;
    return PXT_OK;
}

/* Whether two tiers of one plugin name the same place: all their paths lead to the same places. */
static bool same_store(const struct pxt_chosen *one, const struct pxt_chosen *other, const char **place)
{
    *place = NULL;
    if (!one->module || !other->module || strcmp(one->module->path, other->module->path))
        return false;
    const struct pxt_option *option = one->module->plugin.options;
    for (; option && option->name; option++) {
        const char *a = pxt_settings_text(one->settings, option->name);
        const char *b = pxt_settings_text(other->settings, option->name);
        if (option->type != PXT_OPTION_PATH || (!a && !b))
            continue;
        if (!a || !b || !pxt_path_same(a, b))
            return false;
        *place = a;
    }
    return *place != NULL;
}

/* Two tiers on one store would each remove what the other one has. */
static pxt_status check_store(struct pxt_config_loading *loading, const struct pxt_yaml_node *map,
                              const struct pxt_tier_config *tier)
{
    const char *store;
    for (const struct pxt_tier_config *earlier = loading->config->tier; earlier < tier; earlier++)
        if (same_store(&earlier->tier, &tier->tier, &store))
            return pxt_yaml_fail(loading->error, map, "tiers %s and %s have the same store, %s: give each its own",
                                 earlier->name, tier->name, store);
    return PXT_OK;
}

/* `place` is that in the list, from 0. A tier that is switched off keeps its place, so that the names of others stay. */
static pxt_status read_tier(struct pxt_config_loading *loading, const struct pxt_yaml_node *map, size_t place)
{
    struct pxt_tier_config *tier = &loading->config->tier[loading->config->tier_count++];
    if (map->kind != PXT_YAML_MAP)
        return pxt_yaml_fail(loading->error, map, "a tier is expected as {plugin: NAME, ...}");
    pxt_status status = read_core_options(loading, map, tier);
    if (!status)
        status = name_tier(loading, map, tier, place);
    if (!status && !pxt_settings_number(tier->settings, "enabled")) {
        pxt_log(loading->logger, PXT_MESSAGE_INFO, "config", "tier %s is switched off", tier->name);
        pxt_config_tier_free(tier);
        loading->config->tier_count--;
        return PXT_OK;
    }
    if (!status)
        status = read_plugin_options(loading, map, tier);
    if (!status)
        status = pxt_config_choose_plugin(loading, pxt_yaml_member(map, "eviction"),
                                          pxt_settings_text(tier->settings, "eviction"), "eviction", PXT_KIND_EVICTION,
                                          &tier->eviction, &tier->eviction_origin);
    if (!status)
        status = check_store(loading, map, tier);
    return status;
}

pxt_status pxt_config_read_tiers(struct pxt_config_loading *loading, const struct pxt_yaml_node *tree)
{
    const struct pxt_yaml_node *list = pxt_yaml_member(tree, "tiers");
    struct pxt_yaml_node *own = NULL;
    pxt_status status = PXT_OK;
    if (!list) {
        status = pxt_config_read_built_in(&own, loading->error);
        list = status ? NULL : pxt_yaml_member(own, "tiers");
    }
    if (!status && (list->kind != PXT_YAML_LIST || !list->count || list->count > PXT_CHAIN_MAX))
        status = pxt_yaml_fail(loading->error, list, "tiers: a list of 1 to %d tiers is expected", PXT_CHAIN_MAX);
    for (size_t i = 0; !status && i < list->count; i++)
        status = read_tier(loading, list->child[i], i);
    if (!status && !loading->config->tier_count)
        status = pxt_yaml_fail(loading->error, list, "tiers: all are switched off: one has to be enabled");
    pxt_yaml_free(own);
    return status;
}
