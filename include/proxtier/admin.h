/* SPDX-License-Identifier: MIT
 *
 * admin.h: what the command shows of configuration and plugins, for programs that do the same.
 */
#ifndef PROXTIER_ADMIN_H
#define PROXTIER_ADMIN_H

#include <proxtier/cache.h>
#include <proxtier/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads and checks the configuration that pxt_cache_open() with the same options would use, plugins and their
 * options included, without opening any tier. What is allowed and perhaps not meant is told to options->log.
 * PXT_ECONFIG with file:line:column, PXT_EPLUGIN. */
PXT_API pxt_status pxt_config_check(const struct pxt_cache_options *options, struct pxt_error *error);
/* The effective configuration as YAML; with `origin`, each value is followed by `# file:line` or `# default`.
 * `*out` is malloc()ed, for free(). */
PXT_API pxt_status pxt_config_show(const struct pxt_cache_options *options, bool origin, char **out,
                                   struct pxt_error *error);
/* A value that is in effect. Valid during the call. */
struct pxt_config_value {
    uint32_t size;
    uint32_t line;       /* in the file; 0: the value is of no file */
    const char *section; /* "health", "encryptor", "tiers", "tiers.eviction" ...; NULL: none */
    const char *tier;    /* of "tiers": the name of the tier; else NULL */
    const char *name, *value;
    const char *origin; /* a file, a variable of the environment, an option; NULL: the default */
};
typedef void pxt_config_value_fn(void *arg, const struct pxt_config_value *value);
/* The same value by value, in the same order. A list, such as plugin_dirs, is a value for each element. */
PXT_API pxt_status pxt_config_each(const struct pxt_cache_options *options, pxt_config_value_fn *fn, void *arg,
                                   struct pxt_error *error);
/* Path of the file that would be read, or "built-in"; `*out` is malloc()ed. */
PXT_API pxt_status pxt_config_path(const struct pxt_cache_options *options, char **out, struct pxt_error *error);

/* A plugin as found. Valid during the call. */
struct pxt_plugin_info {
    uint32_t size;
    uint32_t reserved;
    const char *path;                /* of the file; only its name where it cannot be loaded */
    const struct pxt_plugin *plugin; /* NULL where it cannot be loaded */
    const char *problem;             /* why not; NULL where it can */
};
typedef bool pxt_plugin_fn(void *arg, const struct pxt_plugin_info *info);
/* Calls `fn` for each plugin in the plugin folders of the configuration, by name. */
PXT_API pxt_status pxt_plugin_each(const struct pxt_cache_options *options, pxt_plugin_fn *fn, void *arg,
                                   struct pxt_error *error);
/* The same for one, by name or path. PXT_EPLUGIN where it is missing or refused. */
PXT_API pxt_status pxt_plugin_find(const struct pxt_cache_options *options, const char *name, pxt_plugin_fn *fn,
                                   void *arg, struct pxt_error *error);

/*
 * A plugin by itself, opened and checked as the core does it, with a host of its own: for tests of plugins, which
 * call its operations directly (`proxtier plugin test` is one). `name` as for pxt_plugin_find(); `settings` gives
 * its options as "name=value,name=value" (NULL: defaults); of `options` only log and clock are used (NULL: silent,
 * the system's). `*out` must be closed; what the other functions give lives until then. PXT_EPLUGIN; PXT_ECONFIG for
 * wrong options.
 */
typedef struct pxt_trial pxt_trial;
PXT_API pxt_status pxt_trial_open(const struct pxt_cache_options *options, const char *name, const char *settings,
                                  pxt_trial **out, struct pxt_error *error);
PXT_API void pxt_trial_close(pxt_trial *trial);
PXT_API const struct pxt_plugin *pxt_trial_plugin(const pxt_trial *trial);
PXT_API const struct pxt_host *pxt_trial_host(const pxt_trial *trial);
PXT_API const struct pxt_settings *pxt_trial_settings(const pxt_trial *trial);

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

/* A member of a pool: a durable tier whose copies are compared with those of the others. Valid during the call. */
struct pxt_member {
    uint32_t size;
    int32_t tier;     /* its index in this cache; -1: the configuration of this cache does not have it */
    const char *name; /* of the tier; for one that this cache does not have, as the others called it */
    uint64_t doubted; /* groups of keys, of 32 768, for which another member may have a newer version */
    uint64_t alone;   /* such groups for which each other member is in doubt and this one is not: it alone is sure */
    uint64_t ahead;   /* entries and tombstones whose version is more than `max_skew` ahead of the clock */
};
/* Returns false to stop. It may call the cache. */
typedef bool pxt_member_fn(void *arg, const struct pxt_member *member);
/* Calls `fn` for each member of the pool, after it has looked for versions ahead of the clock in those that are on.
 * A pool of one durable tier has none. */
PXT_API pxt_status pxt_cache_members(pxt_cache *cache, pxt_member_fn *fn, void *arg, struct pxt_error *error);
/* Path of the file by which the processes of a pool know of each other's changes; NULL where no tier is shared. Valid
 * until the cache is closed. */
PXT_API const char *pxt_cache_page(const pxt_cache *cache);
/* Ends the membership of a tier that the configuration no longer has: nothing waits for it any more, and entries
 * that it alone has are given up. A process that still has the tier lets it join again with its next change.
 * PXT_NOT_FOUND where no member has that name; PXT_EINVAL if the cache has it. */
PXT_API pxt_status pxt_cache_forget_tier(pxt_cache *cache, const char *name, struct pxt_error *error);

/*
 * Copies all unexpired entries of another cache into `to`, with what was learnt of them; credentials are sealed anew
 * by the encryptor of `to`. Where `to` has the key too, the newer put and the newer report count, so that a second
 * call copies nothing. The history of checks is not copied. `from` keeps its entries. `brought` (may be NULL)
 * receives how many entries were stored. Stops at the first entry that cannot be stored, or whose credentials cannot
 * be opened (PXT_EDECRYPT); PXT_EUNAVAILABLE, after all that can be read, as pxt_cache_each().
 */
PXT_API pxt_status pxt_cache_migrate(pxt_cache *to, pxt_cache *from, uint64_t *brought, struct pxt_error *error);

/* A new key for the fernet encryptor: base64url of 32 random bytes. */
PXT_API pxt_status pxt_fernet_key(pxt_secret **out, struct pxt_error *error);

/* The core's own options (of the file, and of a tier) by index, from 0; NULL behind the last one. For help and
 * manuals. */
PXT_API const struct pxt_option *pxt_option_global(size_t index);
PXT_API const struct pxt_option *pxt_option_tier(size_t index);

/* Whether `word` is near enough to `known` to be offered as what was meant. `*distance` receives how many
 * insertions, deletions, changes and swaps of neighbours lead from one to the other. */
PXT_API bool pxt_word_near(const char *word, const char *known, unsigned *distance);

#ifdef __cplusplus
}
#endif
#endif
