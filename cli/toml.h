/* SPDX-License-Identifier: MIT
 *
 * toml.h: reads the keys of a TOML document (TOML 1.0) one by one.
 */
#ifndef CLI_TOML_H
#define CLI_TOML_H

#include <stdbool.h>
#include <stddef.h>

enum toml_type {
    TOML_STRING,
    TOML_INTEGER,
    TOML_BOOL,
    TOML_OTHER /* a float, a date, an array, an inline table: `text` is empty */
};
enum { TOML_NAME_MAX = 256, TOML_TEXT_MAX = 4096, TOML_DEPTH_MAX = 32 };
struct toml_item {
    unsigned line;
    char table[TOML_NAME_MAX]; /* "tool.proxywhirl"; "" before the first header */
    char key[TOML_NAME_MAX];   /* "a.b" for a dotted key */
    enum toml_type type;
    char text[TOML_TEXT_MAX]; /* a string decoded, an integer without underscores, true or false */
};
/* Returns false to stop. */
typedef bool toml_fn(void *arg, const struct toml_item *item);
/* Calls `fn` for each key. NULL, or what is wrong in `*line`; `text` ends in NUL. */
const char *toml_read(const char *text, toml_fn *fn, void *arg, unsigned *line);

#endif
