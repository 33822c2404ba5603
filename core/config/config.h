/* SPDX-License-Identifier: MIT
 *
 * config.h: the configuration of a cache: YAML, checked, with its plugins loaded.
 */
#ifndef PXT_CONFIG_H
#define PXT_CONFIG_H

#include "plugin/loader.h"
#include "settings/settings.h"
#include <proxtier/cache.h>
#include <proxtier/eviction.h>

/* A plugin chosen by the YAML, with its checked settings. `module` is NULL where the plugin could not be loaded and
 * the tier is not required. */
struct pxt_chosen {
    struct pxt_module *module;
    struct pxt_settings *settings;
};
struct pxt_tier_config {
    char *name;
    char *plugin; /* its name as written */
    struct pxt_chosen tier, eviction;
    bool write_behind;    /* default false: a put waits for this tier */
    bool required;        /* default true: the cache does not open without it */
    uint64_t max_entries; /* capacity; UINT64_MAX: unlimited; 0: stores nothing */
    char *problem;        /* why module is NULL */
};
struct pxt_source_ttl {
    char *source;
    int64_t seconds;
};
struct pxt_config {
    char *path;                    /* of the file, or "built-in" */
    struct pxt_settings *settings; /* of pxt_options_global(); sections flattened: "health.failure_threshold" */
    size_t source_ttl_count;
    struct pxt_source_ttl *source_ttl;
    struct pxt_chosen encryptor;
    size_t tier_count; /* 1..PXT_CHAIN_MAX */
    struct pxt_tier_config tier[PXT_CHAIN_MAX];
    char **plugin_folders;
};
/* Finds, reads and checks the configuration, and loads the plugins that it names. */
pxt_status pxt_config_load(const struct pxt_cache_options *options, const struct pxt_logger *logger,
                           struct pxt_config **out, struct pxt_error *error);
void pxt_config_free(struct pxt_config *config);

/*
 * Global options, flattened (all in pxt_options_global()):
 *   default_ttl 1h (>= 60s), cleanup.background true, cleanup.interval 60s (>= 5s), cleanup.batch 4000,
 *   health.invalidate true, health.failure_threshold 3 (>= 1), health.history 100,
 *   health.check_interval 300s, health.check_interval_max 1h,
 *   degrade.threshold 3, degrade.backoff 1s, degrade.backoff_max 60s, degrade.hints_max 10000,
 *   lock_timeout 5s.
 * Tier options (pxt_options_tier()): name, plugin, max_entries (a number, or `unlimited`), eviction (a name, or a map
 *   {plugin: lru, ...its options}), required (true). All other members of a tier belong to its plugin.
 */

#endif
