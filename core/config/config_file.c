/* SPDX-License-Identifier: MIT
 *
 * config_file.c: which files are the configuration, and the configuration that is built in.
 */
#include "base/fail.h"
#include "base/paths.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char built_in[] = "encryptor: {plugin: fernet}\n"
                               "tiers:\n"
                               "  - {name: l1, plugin: l1_memory, max_entries: 1000, eviction: lru}\n"
                               "  - {name: l2, plugin: l2_jsonl, max_entries: 5000, eviction: fifo, dir: '${cache}'}\n"
                               "  - {name: l3, plugin: l3_sqlite, path: '${state}/proxtier.db'}\n";

/* What is read: a file, or NULL, and the drop-ins, or NULL. Neither: what is built in. */
struct found {
    char *file;
    char **drop_ins;
};

/* Takes ownership of `folder`. */
static pxt_status look_in(char *folder, struct found *found, struct pxt_error *error)
{
    char *path = folder ? pxt_asprintf("%s/proxtier.yaml", folder) : NULL;
    pxt_status status = path ? PXT_OK : pxt_fail_memory(error, "a path");
    if (!status && !access(path, F_OK)) {
        found->file = path;
        path = NULL;
    }
    if (!status)
        status = pxt_config_list_drop_ins(folder, &found->drop_ins, error);
    pxt_free(path);
    pxt_free(folder);
    return status;
}

static void found_free(struct found *found)
{
    pxt_free(found->file);
    pxt_loader_folders_free(found->drop_ins);
}

/* A file that is named is read alone: beside /tmp/mine.yaml any user may make a conf.d. */
static pxt_status find(const struct pxt_cache_options *options, struct found *found, struct pxt_error *error)
{
    const char *given = options && options->config_file ? options->config_file : secure_getenv("PROXTIER_CONFIG");
    char *folder = NULL;
    *found = (struct found){NULL, NULL};
    if (given && *given)
        return pxt_path_expand(given, &found->file, error);
    pxt_status status = pxt_path_expand("${config}", &folder, error);
    if (!status)
        status = look_in(folder, found, error);
    if (!status && !found->file && !found->drop_ins && !secure_getenv("PROXTIER_CONFIG_DIR"))
        status = look_in(pxt_path_system_config(""), found, error);
    if (status)
        found_free(found);
    return status;
}

pxt_status pxt_config_path(const struct pxt_cache_options *options, char **out, struct pxt_error *error)
{
    struct found found = {NULL, NULL};
    if (!out)
        return pxt_fail(error, PXT_EINVAL, 0, "out must not be NULL");
    pxt_status status = options && options->config_text ? PXT_OK : find(options, &found, error);
    if (status)
        return status;
    *out = strdup(found.file                        ? found.file
                  : found.drop_ins                  ? found.drop_ins[0]
                  : options && options->config_text ? "(text)"
                                                    : "built-in");
    found_free(&found);
    return *out ? PXT_OK : pxt_fail_memory(error, "a path");
}

pxt_status pxt_config_read_tree(const struct pxt_cache_options *options, struct pxt_config *config,
                                struct pxt_yaml_node **tree, struct pxt_error *error)
{
    struct found found = {NULL, NULL};
    const char *text = options ? options->config_text : NULL;
    pxt_status status = text ? PXT_OK : find(options, &found, error);
    if (status)
        return status;
    config->path = found.file ? found.file : pxt_strdup(text ? "(text)" : found.drop_ins ? "conf.d" : "built-in");
    config->drop_ins = found.drop_ins;
    if (!config->path)
        return pxt_fail_memory(error, "a path");
    if (found.file)
        status = pxt_yaml_read_file(config->path, tree, error);
    else if (text || !found.drop_ins)
        status = pxt_yaml_read_text(text ? text : built_in, strlen(text ? text : built_in), config->path, tree, error);
    else
        status = pxt_yaml_read_text("", 0, config->path, tree, error);
    return status ? status : pxt_config_merge_drop_ins(config->drop_ins, *tree, error);
}

pxt_status pxt_config_read_built_in(struct pxt_yaml_node **tree, struct pxt_error *error)
{
    return pxt_yaml_read_text(built_in, strlen(built_in), "built-in", tree, error);
}
