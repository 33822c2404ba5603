/* SPDX-License-Identifier: MIT
 *
 * option_pairs.h: splits options on one line, `name=value,name=value`, into names and values.
 */
#ifndef PXT_OPTION_PAIRS_H
#define PXT_OPTION_PAIRS_H

#include <proxtier/error.h>
#include <stdbool.h>

struct pxt_option_pair {
    char *name, *value;
    bool quoted; /* the value was in quotes */
};
/*
 * Takes the next pair off `*at` and moves `*at` behind it. A value ends at the next comma; one in single or double
 * quotes ends at the closing quote, so that it may have commas. Blanks around names and values are dropped.
 * PXT_NOT_FOUND at the end; PXT_ECONFIG where a `=`, a name or a closing quote is missing; PXT_ENOMEM.
 */
pxt_status pxt_option_pair_next(const char **at, struct pxt_option_pair *pair, struct pxt_error *error);
void pxt_option_pair_free(struct pxt_option_pair *pair);

#endif
