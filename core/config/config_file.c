/* SPDX-License-Identifier: MIT
 *
 * config_file.c: which file is the configuration, and the configuration that is built in.
 */
#include "base/fail.h"
#include "base/paths.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
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

pxt_status pxt_config_read_tree(const struct pxt_cache_options *options, struct pxt_config *config,
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

pxt_status pxt_config_read_built_in(struct pxt_yaml_node **tree, struct pxt_error *error)
{
    return pxt_yaml_read_text(built_in, strlen(built_in), "built-in", tree, error);
}
