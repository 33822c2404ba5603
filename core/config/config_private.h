/* SPDX-License-Identifier: MIT
 *
 * config_private.h: the steps of pxt_config_load(), one file each. All fill `loading->error` when they fail.
 */
#ifndef PXT_CONFIG_PRIVATE_H
#define PXT_CONFIG_PRIVATE_H

#include "config/config.h"

struct pxt_config_loading {
    const struct pxt_logger *logger;
    struct pxt_config *config; /* what is filled */
    struct pxt_error *error;   /* never NULL */
};

/* config_file.c: finds the file, or takes the text of the options or what is built in, and reads its YAML. */
pxt_status pxt_config_read_tree(const struct pxt_cache_options *options, struct pxt_config *config,
                                struct pxt_yaml_node **tree, struct pxt_error *error);
pxt_status pxt_config_read_built_in(struct pxt_yaml_node **tree, struct pxt_error *error);

/* config_drop_ins.c: the files conf.d/NAME.yaml of a folder by name, NULL-ended, for pxt_loader_folders_free(); NULL where
 * there is none. */
pxt_status pxt_config_list_drop_ins(const char *folder, char ***out, struct pxt_error *error);
/* Reads each file and merges it into the tree, by the rules in proxtier.yaml(5). The nodes borrow the names of the files.
 * `files` may be NULL. */
pxt_status pxt_config_merge_drop_ins(char *const *files, struct pxt_yaml_node *tree, struct pxt_error *error);

/* config_environment.c: values of the core's table from PROXTIER_NAME variables, and a warning for each variable whose
 * name is nearly one of them. */
pxt_status pxt_config_apply_environment(struct pxt_config_loading *loading);

/* config_global.c: whether the members of this map are options of the core's table, NAME.MEMBER. */
bool pxt_config_is_section(const char *name);
/* The options of the whole; the environment overrides those of the core's table. `map` and `list` may
 * be NULL. */
pxt_status pxt_config_read_global(struct pxt_config_loading *loading, const struct pxt_yaml_node *tree);
pxt_status pxt_config_read_source_ttl(struct pxt_config_loading *loading, const struct pxt_yaml_node *map);
pxt_status pxt_config_read_plugin_dirs(struct pxt_config_loading *loading, const struct pxt_yaml_node *list);

/* config_tiers.c: loads the plugin that `node` names, a NAME or {plugin: NAME, ...its options}, or without a node
 * `fallback`, and reads its options. `what` stands in messages;
 * `origin` receives where the name was given. */
pxt_status pxt_config_choose_plugin(struct pxt_config_loading *loading, const struct pxt_yaml_node *node,
                                    const char *fallback, const char *what, enum pxt_plugin_kind kind,
                                    struct pxt_chosen *chosen, struct pxt_origin *origin);
/* Reads the list of tiers; tiers that are not enabled are left out of the configuration. */
pxt_status pxt_config_read_tiers(struct pxt_config_loading *loading, const struct pxt_yaml_node *tree);

/* config_together.c: finds out whether the chain is shared with ProxyWhirl, and refuses what then cannot go together. */
pxt_status pxt_config_read_compatible(struct pxt_config_loading *loading, const struct pxt_yaml_node *tree);
/* Tells of what is allowed, and perhaps not meant. */
void pxt_config_advise(const struct pxt_config *config, const struct pxt_logger *logger);

/* config.c: frees what the configuration of a tier has, and zeroes it. */
void pxt_config_tier_free(struct pxt_tier_config *tier);

#endif
