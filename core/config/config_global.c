/* SPDX-License-Identifier: MIT
 *
 * config_global.c: the options of the whole configuration: those of the core's table, source_ttl and plugin_dirs.
 */
#include "base/fail.h"
#include "base/paths.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sections[] = {"cleanup", "health", "degrade", NULL};
static const char *const top_members[] = {"source_ttl", "encryptor", "tiers", "plugin_dirs", NULL};

bool pxt_config_is_section(const char *name)
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
        if (pxt_config_is_section(tree->name[i]->scalar)) {
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
        if (!pxt_config_is_section(tree->name[i]->scalar)) {
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

pxt_status pxt_config_read_global(struct pxt_config_loading *loading, const struct pxt_yaml_node *tree)
{
    struct pxt_yaml_node *flat = NULL;
    pxt_status status = flatten(tree, &flat, loading->error);
    if (!status)
        status = pxt_settings_read(pxt_options_global(), flat, top_members, "the configuration",
                                   &loading->config->settings, loading->error);
    free_flat(flat);
    return status ? status : pxt_config_apply_environment(loading);
}

static int by_source(const void *a, const void *b)
{
    return strcmp(((const struct pxt_source_ttl *)a)->source, ((const struct pxt_source_ttl *)b)->source);
}

pxt_status pxt_config_read_source_ttl(struct pxt_config_loading *loading, const struct pxt_yaml_node *map)
{
    struct pxt_config *config = loading->config;
    if (!map)
        return PXT_OK;
    if (map->kind != PXT_YAML_MAP)
        return pxt_yaml_fail(loading->error, map, "source_ttl: SOURCE: TIME is expected, such as premium: 2h");
    config->source_ttl = pxt_alloc_array(map->count + 1, sizeof(*config->source_ttl));
    if (!config->source_ttl)
        return pxt_fail_memory(loading->error, "source_ttl");
    for (size_t i = 0; i < map->count; i++) {
        int64_t microseconds;
        const struct pxt_yaml_node *value = map->child[i];
        if (value->kind != PXT_YAML_SCALAR ||
            !pxt_settings_read_quantity(value->scalar, PXT_OPTION_DURATION, &microseconds) ||
            microseconds < 60 * PXT_SECOND)
            return pxt_yaml_fail(loading->error, value,
                                 "source_ttl of %s: a time of at least 60s is expected, such as 2h",
                                 map->name[i]->scalar);
        struct pxt_source_ttl *rule = &config->source_ttl[i];
        rule->seconds = microseconds / PXT_SECOND;
        rule->origin = (struct pxt_origin){value->file, value->line};
        rule->source = pxt_strdup(map->name[i]->scalar);
        if (!rule->source)
            return pxt_fail_memory(loading->error, "source_ttl");
        config->source_ttl_count++;
    }
    qsort(config->source_ttl, config->source_ttl_count, sizeof(*config->source_ttl), by_source);
    return PXT_OK;
}

int64_t pxt_config_source_ttl(const struct pxt_config *config, const char *source, size_t length)
{
    size_t low = 0, high = config->source_ttl_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pxt_source_ttl *rule = &config->source_ttl[middle];
        int order = strncmp(rule->source, source, length);
        if (!order && !rule->source[length])
            return rule->seconds;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* The folders of the configuration come first, each once; the last one was compiled in. */
static pxt_status note_origins(struct pxt_config_loading *loading, const struct pxt_yaml_node *list)
{
    struct pxt_config *config = loading->config;
    size_t count = 0, given = list ? list->count : 0;
    while (config->plugin_folders[count])
        count++;
    config->folder_origin = pxt_alloc_array(count + 1, sizeof(*config->folder_origin));
    if (!config->folder_origin)
        return pxt_fail_memory(loading->error, "plugin_dirs");
    for (size_t i = 0; i + 1 < count; i++)
        config->folder_origin[i] = i < given ? (struct pxt_origin){list->child[i]->file, list->child[i]->line}
                                             : (struct pxt_origin){"PROXTIER_PLUGIN_PATH", 0};
    return PXT_OK;
}

pxt_status pxt_config_read_plugin_dirs(struct pxt_config_loading *loading, const struct pxt_yaml_node *list)
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
    if (!status)
        status = note_origins(loading, list);
    for (size_t i = 0; expanded && i < count; i++)
        pxt_free(expanded[i]);
    pxt_free(expanded);
    pxt_free(folders);
    return status;
}
