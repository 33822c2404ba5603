/* SPDX-License-Identifier: MIT
 *
 * config.h: the configuration of a cache: YAML, checked, with its plugins loaded.
 */
#ifndef PXT_CONFIG_H
#define PXT_CONFIG_H

#include "base/paths.h"
#include "plugin/loader.h"
#include "settings/settings.h"
#include <proxtier/cache.h>
#include <proxtier/eviction.h>

struct pxt_tier_config {
    struct pxt_settings *settings; /* of pxt_options_tier(); the members below are taken from it */
    char *name;
    char *plugin;                     /* its name as written */
    struct pxt_chosen tier, eviction; /* tier.module is NULL where the plugin could not be loaded and is not required */
    struct pxt_origin eviction_origin; /* of its name */
    bool write_behind;
    bool required;
    int64_t soft_timeout; /* microseconds; 0: none */
    unsigned max_waiting; /* 0: any number */
    int64_t timeout;      /* of a call for a key, in microseconds; 0: none */
    uint64_t max_entries; /* capacity; UINT64_MAX: unlimited; 0: stores nothing */
    char *problem;        /* why tier.module is NULL */
};
struct pxt_source_ttl {
    char *source;
    int64_t seconds;
    struct pxt_origin origin;
};
struct pxt_config {
    char *path;                    /* of the file, or "built-in"; "conf.d" where there are only drop-ins */
    char **drop_ins;               /* the files that were merged into it, in order; NULL: none */
    struct pxt_settings *settings; /* of pxt_options_global(); sections flattened: "health.failure_threshold" */
    size_t source_ttl_count;
    struct pxt_source_ttl *source_ttl; /* sorted by source */
    struct pxt_chosen encryptor;
    struct pxt_origin encryptor_origin; /* of its name */
    enum pxt_sharing sharing;           /* of folders and files */
    bool with_proxywhirl; /* the durable tiers have `compatible: proxywhirl`: keys and files are as ProxyWhirl's */
    size_t tier_count;    /* 1..PXT_CHAIN_MAX */
    struct pxt_tier_config tier[PXT_CHAIN_MAX];
    char **plugin_folders;
    struct pxt_origin *folder_origin; /* one each */
};
/* Finds, reads and checks the configuration, and loads the plugins that it names. */
pxt_status pxt_config_load(const struct pxt_cache_options *options, const struct pxt_logger *logger,
                           struct pxt_config **out, struct pxt_error *error);
void pxt_config_free(struct pxt_config *config);
/* Seconds to live of entries of a source by source_ttl; -1 if that does not name it. */
int64_t pxt_config_source_ttl(const struct pxt_config *config, const char *source, size_t length);

#endif
