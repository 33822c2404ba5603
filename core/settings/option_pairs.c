/* SPDX-License-Identifier: MIT
 *
 * option_pairs.c: options on one line, `name=value,name=value`: the values go the way that those of a file go.
 */
#include "base/fail.h"
#include "settings/settings.h"
#include <string.h>

/* "k=v,k=v" as YAML: the values go the way that those of a file go. */
static char *yaml_of(const char *options)
{
    char *yaml = pxt_asprintf("{%s}", options ? options : "");
    for (char *c = yaml; c && *c; c++)
        if (*c == '=') { /* the first of each member; a value may have more */
            *c = ':';
            char *rest = c + 1, *wide = pxt_asprintf("%.*s %s", (int)(rest - yaml), yaml, rest);
            size_t at = (size_t)(rest - yaml);
            pxt_free(yaml);
            yaml = wide;
            if (!yaml)
                return NULL;
            c = yaml + at + strcspn(yaml + at, ",}");
        }
    return yaml;
}

pxt_status pxt_settings_read_pairs(const struct pxt_option *table, const char *pairs, const char *whose,
                                   struct pxt_settings **out, struct pxt_error *error)
{
    struct pxt_yaml_node *tree = NULL;
    char *yaml = yaml_of(pairs);
    pxt_status status = yaml ? PXT_OK : pxt_fail_memory(error, "options");
    if (!status)
        status = pxt_yaml_read_text(yaml, strlen(yaml), "options", &tree, error);
    if (!status)
        status = pxt_settings_read(table, tree, NULL, whose, out, error);
    pxt_yaml_free(tree);
    pxt_free(yaml);
    return status;
}
