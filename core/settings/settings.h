/* SPDX-License-Identifier: MIT
 *
 * settings.h: declared options, and the values that YAML gives them.
 */
#ifndef PXT_SETTINGS_H
#define PXT_SETTINGS_H

#include "settings/yaml_tree.h"
#include <proxtier/plugin.h>

/* The core's own options (of the file, and of a tier), as tables that end with a NULL name. */
const struct pxt_option *pxt_options_global(void);
const struct pxt_option *pxt_options_tier(void);

/* Checked values, one for each row of a table. */
struct pxt_settings;

/*
 * Types the members of a YAML mapping by a table, and gives the other options of the table their defaults. `map` may be
 * NULL (defaults only). Members named in `known` (a NULL-ended list, may be NULL) are left to the caller; one that the
 * table has too is left to the caller only if it is a list or map. `whose` stands in messages: "l1_memory".
 * PXT_ECONFIG as file:line:column: message, with did-you-mean for unknown names.
 */
pxt_status pxt_settings_read(const struct pxt_option *table, const struct pxt_yaml_node *map, const char *const *known,
                             const char *whose, struct pxt_settings **out, struct pxt_error *error);
/* The same, but all members that the table does not have are left to the caller. */
pxt_status pxt_settings_read_partly(const struct pxt_option *table, const struct pxt_yaml_node *map,
                                    const char *const *known, const char *whose, struct pxt_settings **out,
                                    struct pxt_error *error);
/* The same as pxt_settings_read() from `name=value,name=value`; NULL: defaults only. See option_pairs.h. */
pxt_status pxt_settings_read_pairs(const struct pxt_option *table, const char *pairs, const char *whose,
                                   struct pxt_settings **out, struct pxt_error *error);
/* The same from a table that ends with a NULL name; NULL: defaults only. */
pxt_status pxt_settings_read_values(const struct pxt_option *table, const struct pxt_option_value *values,
                                    const char *whose, struct pxt_settings **out, struct pxt_error *error);
/* Reads the secrets of the options from where their values say, unless they are read already. To be called before a plugin
 * is opened: a configuration that is only looked at runs no command and opens no file. `whose` stands in messages. */
pxt_status pxt_settings_read_secrets(struct pxt_settings *settings, const char *whose, struct pxt_error *error);
/* Frees the settings, and wipes their secrets. */
void pxt_settings_free(struct pxt_settings *settings);
/* Of an option for a secret: where it comes from. */
const char *pxt_settings_text(const struct pxt_settings *settings, const char *name);
/* 0 where absent; -1 where a number's option has one of its `choices` instead. */
int64_t pxt_settings_number(const struct pxt_settings *settings, const char *name);
/* NULL where absent, or not yet read. `length` may be NULL. */
const char *pxt_settings_secret(const struct pxt_settings *settings, const char *name, size_t *length);
bool pxt_settings_given(const struct pxt_settings *settings, const char *name); /* by YAML, not by default */
/* Where a value was given. `file` is NULL for a default; `line` is 0 if it was not in a file. */
struct pxt_origin {
    const char *file;
    unsigned line;
};
struct pxt_origin pxt_settings_origin(const struct pxt_settings *settings, const char *name);
/* Gives an option another value than YAML did; `origin` must outlive the settings. */
pxt_status pxt_settings_override(struct pxt_settings *settings, const char *name, const char *text, const char *origin,
                                 struct pxt_error *error);
/* `90`, `15m`, `64KiB` to a number, and back in the largest unit that fits. */
bool pxt_settings_read_quantity(const char *text, enum pxt_option_type type, int64_t *out);
void pxt_settings_write_quantity(int64_t number, enum pxt_option_type type, char *out, size_t size);

#endif
