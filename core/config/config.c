/* SPDX-License-Identifier: MIT
 *
 * config.c: from a YAML tree to a checked configuration with its plugins loaded.
 */
#include "base/fail.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
#include <string.h>

pxt_status pxt_config_load(const struct pxt_cache_options *options, const struct pxt_logger *logger,
                           struct pxt_config **out, struct pxt_error *error)
{
    struct pxt_error local;
    struct pxt_yaml_node *tree = NULL;
    struct pxt_config *config = pxt_alloc(sizeof *config);
    if (!config)
        return pxt_fail_memory(error, "the configuration");
    struct pxt_config_loading loading = {.logger = logger, .config = config, .error = error ? error : &local};
    pxt_status status = pxt_config_read_tree(options, config, &tree, loading.error);
    if (!status && tree->kind != PXT_YAML_MAP)
        status = pxt_yaml_fail(loading.error, tree, "options are expected as NAME: VALUE");
    if (!status)
        status = pxt_config_read_global(&loading, tree);
    if (!status)
        status = pxt_config_read_source_ttl(&loading, pxt_yaml_member(tree, "source_ttl"));
    if (!status)
        status = pxt_config_read_plugin_dirs(&loading, pxt_yaml_member(tree, "plugin_dirs"));
    if (!status)
        status = pxt_config_choose_plugin(&loading, pxt_yaml_member(tree, "encryptor"), "fernet", "encryptor",
                                          PXT_KIND_ENCRYPTOR, &config->encryptor, &config->encryptor_origin);
    if (!status)
        status = pxt_config_read_tiers(&loading, tree);
    if (!status)
        status = pxt_config_read_compatible(&loading, tree);
    pxt_yaml_free(tree);
    if (status)
        pxt_config_free(config);
    else
        *out = config;
    return status;
}

static void chosen_free(struct pxt_chosen *chosen)
{
    pxt_settings_free(chosen->settings);
    pxt_loader_close(chosen->module);
}

void pxt_config_tier_free(struct pxt_tier_config *tier)
{
    chosen_free(&tier->tier);
    chosen_free(&tier->eviction);
    pxt_settings_free(tier->settings);
    pxt_free(tier->name);
    pxt_free(tier->plugin);
    pxt_free(tier->problem);
    *tier = (struct pxt_tier_config){.name = NULL};
}

void pxt_config_free(struct pxt_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->tier_count; i++)
        pxt_config_tier_free(&config->tier[i]);
    chosen_free(&config->encryptor);
    for (size_t i = 0; i < config->source_ttl_count; i++)
        pxt_free(config->source_ttl[i].source);
    pxt_free(config->source_ttl);
    pxt_settings_free(config->settings);
    pxt_loader_folders_free(config->plugin_folders);
    pxt_free(config->folder_origin);
    pxt_loader_folders_free(config->drop_ins);
    pxt_free(config->path);
    pxt_free(config);
}

/* The caller may know fewer options than this library, or more. */
static struct pxt_logger logger_of(const struct pxt_cache_options *given)
{
    struct pxt_cache_options options = {.size = sizeof options};
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    return (struct pxt_logger){options.log, options.log_arg, options.log_level};
}

pxt_status pxt_config_check(const struct pxt_cache_options *options, struct pxt_error *error)
{
    struct pxt_config *config = NULL;
    const struct pxt_logger logger = logger_of(options);
    pxt_status status = pxt_config_load(options, &logger, &config, error);
    if (!status)
        pxt_config_advise(config, &logger);
    pxt_config_free(config);
    return status;
}
