/* SPDX-License-Identifier: MIT
 *
 * columns.h: how get and list print an entry: as its URL, as JSON, or as the values of --show.
 */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include "command.h"

/* Rows of commands.c. */
#define SHOW_ROW                                                                                                       \
    {                                                                                                                  \
        "show", 0, "FIELD,...",                                                                                        \
            "values of these fields, separated by tabs: key, url, source, ... as `show` names them"                    \
    }

enum { COLUMNS_MAX = 64, COLUMN_URL = -1 };
struct columns {
    bool json, reveal;
    int count;               /* 0: the URL alone */
    int column[COLUMNS_MAX]; /* a field, or COLUMN_URL */
};
/* Reads --show, --json and --reveal. False with a message if one is wrong. */
bool read_columns(const struct invocation *invocation, struct columns *columns, int *exit_code);
/* Prints an entry, without the end of the line. After an error nothing of it is printed. */
pxt_status print_columns(FILE *out, const struct columns *columns, pxt_cache *cache, pxt_entry *entry,
                         struct pxt_error *error);

#endif
