/* SPDX-License-Identifier: MIT
 *
 * config.c: from a YAML tree to a checked configuration with its plugins loaded.
 */
#include "base/fail.h"
#include "base/paths.h"
#include "config/config.h"
#include <errno.h>
#include <proxtier/admin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PXT_SYSCONFDIR
#define PXT_SYSCONFDIR "/etc"
#endif

static const char built_in[] = "encryptor: {plugin: fernet}\n"
                               "tiers:\n"
                               "  - {name: l1, plugin: l1_memory, max_entries: 1000, eviction: lru}\n"
                               "  - {name: l2, plugin: l2_jsonl, max_entries: 5000, eviction: fifo, dir: '${cache}'}\n"
                               "  - {name: l3, plugin: l3_sqlite, path: '${state}/proxtier.db'}\n";

static const char *const sections[] = {"cleanup", "health", "degrade", NULL};
static const char *const top_members[] = {"source_ttl", "encryptor", "tiers", "plugin_dirs", NULL};

struct loading {
    const struct pxt_logger *logger;
    struct pxt_config *config;
    struct pxt_error *error;
};

/* ---- where the configuration is ------------------------------------------------------------------------------- */

static pxt_status user_file(char **out, struct pxt_error *error)
{
    char *path = NULL;
    pxt_status status = pxt_path_expand("${config}/proxtier.yaml", &path, error);
    if (status)
        return status;
    if (access(path, F_OK)) {
        pxt_free(path);
        path = NULL;
    }
    *out = path;
    return PXT_OK;
}

static pxt_status system_file(char **out, struct pxt_error *error)
{
    const char *folder = secure_getenv("PROXTIER_SYSCONFDIR");
    char *path = pxt_asprintf("%s/proxtier/proxtier.yaml", folder && *folder ? folder : PXT_SYSCONFDIR);
    if (!path)
        return pxt_fail_memory(error, "a path");
    if (access(path, F_OK)) {
        pxt_free(path);
        path = NULL;
    }
    *out = path;
    return PXT_OK;
}

/* `*out` NULL: the built-in chain. */
static pxt_status find_file(const struct pxt_cache_options *options, char **out, struct pxt_error *error)
{
    const char *given = options && options->config_file ? options->config_file : secure_getenv("PROXTIER_CONFIG");
    *out = NULL;
    if (given && *given)
        return pxt_path_expand(given, out, error);
    pxt_status status = user_file(out, error);
    return status || *out ? status : system_file(out, error);
}

pxt_status pxt_config_path(const struct pxt_cache_options *options, char **out, struct pxt_error *error)
{
    char *path = NULL;
    if (!out)
        return pxt_fail(error, PXT_EINVAL, 0, "out must not be NULL");
    pxt_status status = options && options->config_text ? PXT_OK : find_file(options, &path, error);
    if (status)
        return status;
    *out = strdup(path ? path : options && options->config_text ? "(text)" : "built-in");
    pxt_free(path);
    return *out ? PXT_OK : pxt_fail_memory(error, "a path");
}

static pxt_status read_tree(const struct pxt_cache_options *options, struct pxt_config *config,
                            struct pxt_yaml_node **tree, struct pxt_error *error)
{
    char *path = NULL;
    if (options && options->config_text) {
        config->path = pxt_strdup("(text)");
        return config->path
                   ? pxt_yaml_read_text(options->config_text, strlen(options->config_text), config->path, tree, error)
                   : pxt_fail_memory(error, "a path");
    }
    pxt_status status = find_file(options, &path, error);
    if (status)
        return status;
    config->path = path ? path : pxt_strdup("built-in");
    if (!config->path)
        return pxt_fail_memory(error, "a path");
    return path ? pxt_yaml_read_file(path, tree, error)
                : pxt_yaml_read_text(built_in, strlen(built_in), config->path, tree, error);
}

/* ---- the core's own options ------------------------------------------------------------------------------------- */

static bool is_section(const char *name)
{
    for (const char *const *section = sections; *section; section++)
        if (!strcmp(name, *section))
            return true;
    return false;
}

static void free_flat(struct pxt_yaml_node *flat)
{
    if (!flat)
        return;
    for (size_t i = 0; i < flat->count; i++)
        if (flat->name[i]) {
            pxt_free(flat->name[i]->scalar);
            pxt_free(flat->name[i]);
        }
    pxt_free(flat->name);
    pxt_free(flat->child);
    pxt_free(flat);
}

static bool flat_add(struct pxt_yaml_node *flat, const char *section, const struct pxt_yaml_node *name,
                     struct pxt_yaml_node *child)
{
    struct pxt_yaml_node *copy = pxt_alloc(sizeof *copy);
    if (!copy)
        return false;
    *copy = *name;
    copy->scalar = section ? pxt_asprintf("%s.%s", section, name->scalar) : pxt_strdup(name->scalar);
    flat->name[flat->count] = copy;
    flat->child[flat->count++] = child;
    return copy->scalar != NULL;
}

/* The tree with `health: {history: 5}` as `health.history: 5`: as the table has it. Children are borrowed. */
static pxt_status flatten(const struct pxt_yaml_node *tree, struct pxt_yaml_node **out, struct pxt_error *error)
{
    size_t count = tree->count;
    for (size_t i = 0; i < tree->count; i++)
        if (is_section(tree->name[i]->scalar)) {
            if (tree->child[i]->kind != PXT_YAML_MAP)
                return pxt_yaml_fail(error, tree->child[i], "%s: its options are expected as NAME: VALUE",
                                     tree->name[i]->scalar);
            count += tree->child[i]->count;
        }
    struct pxt_yaml_node *flat = pxt_alloc(sizeof *flat);
    bool good = flat != NULL;
    if (good) {
        flat->kind = PXT_YAML_MAP;
        flat->file = tree->file;
        flat->name = pxt_alloc_array(count, sizeof(*flat->name));
        flat->child = pxt_alloc_array(count, sizeof(*flat->child));
        good = flat->name && flat->child;
    }
    for (size_t i = 0; good && i < tree->count; i++) {
        if (!is_section(tree->name[i]->scalar)) {
            good = flat_add(flat, NULL, tree->name[i], tree->child[i]);
            continue;
        }
        const struct pxt_yaml_node *section = tree->child[i];
        for (size_t j = 0; good && j < section->count; j++)
            good = flat_add(flat, tree->name[i]->scalar, section->name[j], section->child[j]);
    }
    if (!good) {
        free_flat(flat);
        return pxt_fail_memory(error, "the configuration");
    }
    *out = flat;
    return PXT_OK;
}

/* PROXTIER_DEFAULT_TTL and so on. */
static pxt_status apply_environment(struct pxt_settings *settings, struct pxt_error *error)
{
    for (const struct pxt_option *option = pxt_options_global(); option->name; option++) {
        char variable[80];
        size_t length = (size_t)snprintf(variable, sizeof variable, "PROXTIER_%s", option->name);
        for (size_t i = 0; i < length; i++)
            variable[i] = variable[i] == '.'                         ? '_'
                          : variable[i] >= 'a' && variable[i] <= 'z' ? (char)(variable[i] - 'a' + 'A')
                                                                     : variable[i];
        const char *value = secure_getenv(variable);
        if (!value)
            continue;
        pxt_status status = pxt_settings_override(settings, option->name, value, "the environment", error);
        if (status) {
            pxt_error_prefix(error, "%s", variable);
            return status;
        }
    }
    return PXT_OK;
}

static pxt_status read_global(struct loading *loading, const struct pxt_yaml_node *tree)
{
    struct pxt_yaml_node *flat = NULL;
    pxt_status status = flatten(tree, &flat, loading->error);
    if (!status)
        status = pxt_settings_read(pxt_options_global(), flat, top_members, "the configuration",
                                   &loading->config->settings, loading->error);
    free_flat(flat);
    return status ? status : apply_environment(loading->config->settings, loading->error);
}

static pxt_status read_source_ttl(struct loading *loading, const struct pxt_yaml_node *map)
{
    struct pxt_config *config = loading->config;
    if (!map)
        return PXT_OK;
    if (map->kind != PXT_YAML_MAP)
        return pxt_yaml_fail(loading->error, map, "source_ttl: SOURCE: TIME is expected, such as premium: 2h");
    config->source_ttl = pxt_alloc_array(map->count, sizeof(*config->source_ttl));
    if (!config->source_ttl)
        return pxt_fail_memory(loading->error, "source_ttl");
    for (size_t i = 0; i < map->count; i++) {
        int64_t microseconds;
        const struct pxt_yaml_node *value = map->child[i];
        if (value->kind != PXT_YAML_SCALAR || !pxt_read_quantity(value->scalar, PXT_OPTION_DURATION, &microseconds) ||
            microseconds < 60 * PXT_SECOND)
            return pxt_yaml_fail(loading->error, value,
                                 "source_ttl of %s: a time of at least 60s is expected, such as 2h",
                                 map->name[i]->scalar);
        config->source_ttl[i].seconds = microseconds / PXT_SECOND;
        config->source_ttl[i].source = pxt_strdup(map->name[i]->scalar);
        if (!config->source_ttl[i].source)
            return pxt_fail_memory(loading->error, "source_ttl");
        config->source_ttl_count++;
    }
    return PXT_OK;
}

static pxt_status read_plugin_dirs(struct loading *loading, const struct pxt_yaml_node *list)
{
    const char **folders = NULL;
    char **expanded = NULL;
    pxt_status status = PXT_OK;
    if (list && list->kind != PXT_YAML_LIST)
        return pxt_yaml_fail(loading->error, list, "plugin_dirs: a list of absolute paths is expected");
    size_t count = list ? list->count : 0;
    folders = pxt_alloc_array(count + 1, sizeof(*folders));
    expanded = pxt_alloc_array(count + 1, sizeof(*expanded));
    if (!folders || !expanded)
        status = pxt_fail_memory(loading->error, "plugin_dirs");
    for (size_t i = 0; i < count && !status; i++) {
        const struct pxt_yaml_node *node = list->child[i];
        if (node->kind != PXT_YAML_SCALAR || !strchr("/~$", node->scalar[0] ? node->scalar[0] : 'x'))
            status = pxt_yaml_fail(loading->error, node, "plugin_dirs: an absolute path is expected");
        else
            status = pxt_path_expand(node->scalar, &expanded[i], loading->error);
        folders[i] = expanded[i];
    }
    if (!status)
        status = pxt_loader_folders(folders, &loading->config->plugin_folders, loading->error);
    for (size_t i = 0; expanded && i < count; i++)
        pxt_free(expanded[i]);
    pxt_free(expanded);
    pxt_free(folders);
    return status;
}

/* ---- plugins chosen by name or by {plugin: NAME, ...} ----------------------------------------------------------- */

/* Loads the plugin of `node`, or of `fallback` where there is no node, and reads its options. */
static pxt_status choose(struct loading *loading, const struct pxt_yaml_node *node, const char *fallback,
                         const char *what, enum pxt_plugin_kind kind, struct pxt_chosen *chosen)
{
    static const char *const known[] = {"plugin", NULL};
    const char *name = fallback;
    const struct pxt_yaml_node *map = NULL;
    if (node && node->kind == PXT_YAML_SCALAR) {
        name = node->scalar;
    } else if (node) {
        const struct pxt_yaml_node *plugin = pxt_yaml_member(node, "plugin");
        if (!plugin || plugin->kind != PXT_YAML_SCALAR)
            return pxt_yaml_fail(loading->error, node, "%s: a name or {plugin: NAME} is expected, such as %s", what,
                                 fallback);
        name = plugin->scalar;
        map = node;
    }
    pxt_status status =
        pxt_loader_open(loading->config->plugin_folders, name, kind, loading->logger, &chosen->module, loading->error);
    if (status) {
        if (node)
            pxt_error_prefix(loading->error, "%s:%u:%u", node->file, node->line, node->column);
        return status;
    }
    return pxt_settings_read(chosen->module->plugin.options, map, known, name, &chosen->settings, loading->error);
}

static void chosen_free(struct pxt_chosen *chosen)
{
    pxt_settings_free(chosen->settings);
    pxt_loader_close(chosen->module);
}

/* ---- tiers ------------------------------------------------------------------------------------------------------ */

static pxt_status read_capacity(struct loading *loading, const struct pxt_yaml_node *node, uint64_t *out)
{
    int64_t number;
    *out = UINT64_MAX;
    if (!node || (node->kind == PXT_YAML_SCALAR && !strcmp(node->scalar, "unlimited")))
        return PXT_OK;
    if (node->kind != PXT_YAML_SCALAR || !pxt_read_quantity(node->scalar, PXT_OPTION_INTEGER, &number) || number < 0)
        return pxt_yaml_fail(loading->error, node, "max_entries: a number or unlimited is expected");
    *out = (uint64_t)number;
    return PXT_OK;
}

enum { TIER_MEMBERS_MAX = 16 };

static void names_of_core_members(const char *known[TIER_MEMBERS_MAX])
{
    size_t n = 0;
    for (const struct pxt_option *option = pxt_options_tier(); option->name && n < TIER_MEMBERS_MAX - 1; option++)
        known[n++] = option->name;
    known[n] = NULL;
}

/* The tier's own members: everything that is not the core's. */
static pxt_status read_tier_settings(struct loading *loading, const struct pxt_yaml_node *map,
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

static pxt_status name_tier(struct loading *loading, const struct pxt_yaml_node *map, struct pxt_tier_config *tier,
                            size_t index)
{
    const struct pxt_yaml_node *name = pxt_yaml_member(map, "name");
    if (name && name->kind == PXT_YAML_SCALAR) {
        size_t length = strlen(name->scalar);
        if (!length || length > 32 ||
            strspn(name->scalar, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != length)
            return pxt_yaml_fail(loading->error, name, "name: 1 to 32 letters, digits, - or _ are expected");
    }
    tier->name = name && name->kind == PXT_YAML_SCALAR ? pxt_strdup(name->scalar) : pxt_asprintf("l%zu", index + 1);
    if (!tier->name)
        return pxt_fail_memory(loading->error, "a name");
    for (size_t i = 0; i < index; i++)
        if (!strcmp(loading->config->tier[i].name, tier->name))
            return pxt_yaml_fail(loading->error, name ? name : map, "two tiers are named \"%s\"", tier->name);
    return PXT_OK;
}

/* A member of a tier that is true or false. */
static pxt_status read_flag(struct loading *loading, const struct pxt_yaml_node *map, const char *name, bool usual,
                            bool *out)
{
    const struct pxt_yaml_node *node = pxt_yaml_member(map, name);
    bool scalar = node && node->kind == PXT_YAML_SCALAR;
    *out = scalar ? !strcmp(node->scalar, "true") : usual;
    if (node && !(scalar && (*out || !strcmp(node->scalar, "false"))))
        return pxt_yaml_fail(loading->error, node, "%s: true or false is expected", name);
    return PXT_OK;
}

static pxt_status read_tier(struct loading *loading, const struct pxt_yaml_node *map, size_t index)
{
    struct pxt_tier_config *tier = &loading->config->tier[index];
    if (map->kind != PXT_YAML_MAP)
        return pxt_yaml_fail(loading->error, map, "a tier is expected as {plugin: NAME, ...}");
    const struct pxt_yaml_node *plugin = pxt_yaml_member(map, "plugin");
    const struct pxt_yaml_node *eviction = pxt_yaml_member(map, "eviction");
    if (!plugin || plugin->kind != PXT_YAML_SCALAR || !*plugin->scalar)
        return pxt_yaml_fail(loading->error, plugin ? plugin : map, "a tier needs plugin: NAME, such as l1_memory");
    tier->plugin = pxt_strdup(plugin->scalar);
    if (!tier->plugin)
        return pxt_fail_memory(loading->error, "a name");
    pxt_status status = read_flag(loading, map, "required", true, &tier->required);
    if (!status)
        status = read_flag(loading, map, "write_behind", false, &tier->write_behind);
    if (!status)
        status = name_tier(loading, map, tier, index);
    if (!status)
        status = read_capacity(loading, pxt_yaml_member(map, "max_entries"), &tier->max_entries);
    if (!status)
        status = read_tier_settings(loading, map, tier);
    if (!status)
        status = choose(loading, eviction, "lru", "eviction", PXT_KIND_EVICTION, &tier->eviction);
    return status;
}

static pxt_status read_tiers(struct loading *loading, const struct pxt_yaml_node *tree)
{
    const struct pxt_yaml_node *list = pxt_yaml_member(tree, "tiers");
    struct pxt_yaml_node *own = NULL;
    pxt_status status = PXT_OK;
    if (!list) {
        status = pxt_yaml_read_text(built_in, strlen(built_in), "built-in", &own, loading->error);
        list = status ? NULL : pxt_yaml_member(own, "tiers");
    }
    if (!status && (list->kind != PXT_YAML_LIST || !list->count || list->count > PXT_CHAIN_MAX))
        status = pxt_yaml_fail(loading->error, list, "tiers: a list of 1 to %d tiers is expected", PXT_CHAIN_MAX);
    for (size_t i = 0; !status && i < list->count; i++) {
        loading->config->tier_count = i + 1;
        status = read_tier(loading, list->child[i], i);
    }
    pxt_yaml_free(own);
    return status;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

pxt_status pxt_config_load(const struct pxt_cache_options *options, const struct pxt_logger *logger,
                           struct pxt_config **out, struct pxt_error *error)
{
    struct pxt_error local;
    struct pxt_yaml_node *tree = NULL;
    struct pxt_config *config = pxt_alloc(sizeof *config);
    if (!config)
        return pxt_fail_memory(error, "the configuration");
    struct loading loading = {.logger = logger, .config = config, .error = error ? error : &local};
    pxt_status status = read_tree(options, config, &tree, loading.error);
    if (!status && tree->kind != PXT_YAML_MAP)
        status = pxt_yaml_fail(loading.error, tree, "options are expected as NAME: VALUE");
    if (!status)
        status = read_global(&loading, tree);
    if (!status)
        status = read_source_ttl(&loading, pxt_yaml_member(tree, "source_ttl"));
    if (!status)
        status = read_plugin_dirs(&loading, pxt_yaml_member(tree, "plugin_dirs"));
    if (!status)
        status = choose(&loading, pxt_yaml_member(tree, "encryptor"), "fernet", "encryptor", PXT_KIND_ENCRYPTOR,
                        &config->encryptor);
    if (!status)
        status = read_tiers(&loading, tree);
    pxt_yaml_free(tree);
    if (status)
        pxt_config_free(config);
    else
        *out = config;
    return status;
}

void pxt_config_free(struct pxt_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->tier_count; i++) {
        struct pxt_tier_config *tier = &config->tier[i];
        chosen_free(&tier->tier);
        chosen_free(&tier->eviction);
        pxt_free(tier->name);
        pxt_free(tier->plugin);
        pxt_free(tier->problem);
    }
    chosen_free(&config->encryptor);
    for (size_t i = 0; i < config->source_ttl_count; i++)
        pxt_free(config->source_ttl[i].source);
    pxt_free(config->source_ttl);
    pxt_settings_free(config->settings);
    pxt_loader_folders_free(config->plugin_folders);
    pxt_free(config->path);
    pxt_free(config);
}

pxt_status pxt_config_check(const struct pxt_cache_options *options, struct pxt_error *error)
{
    struct pxt_config *config = NULL;
    pxt_status status = pxt_config_load(options, NULL, &config, error);
    pxt_config_free(config);
    return status;
}
