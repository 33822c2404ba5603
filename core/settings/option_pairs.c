/* SPDX-License-Identifier: MIT
 *
 * option_pairs.c: splits options on one line, `name=value,name=value`, into names and values.
 */
#include "settings/option_pairs.h"
#include "base/fail.h"
#include <string.h>

static const char blanks[] = " \t\n";

void pxt_option_pair_free(struct pxt_option_pair *pair)
{
    pxt_free(pair->name);
    pxt_free(pair->value);
    pair->name = pair->value = NULL;
}

static size_t without_trailing_blanks(const char *text, size_t length)
{
    while (length && strchr(blanks, text[length - 1]))
        length--;
    return length;
}

/* The value that begins at `text`: its length in `*length`. Returns what stands behind it, or NULL where a quote is not
 * closed or something other than a comma follows. */
static const char *value_end(const char **text, size_t *length, bool *quoted)
{
    *quoted = **text == '\'' || **text == '"';
    if (!*quoted) {
        size_t all = strcspn(*text, ",");
        *length = without_trailing_blanks(*text, all);
        return *text + all;
    }
    const char *end = strchr(*text + 1, **text);
    if (!end)
        return NULL;
    ++*text;
    *length = (size_t)(end - *text);
    end += 1 + strspn(end + 1, blanks);
    return !*end || *end == ',' ? end : NULL;
}

pxt_status pxt_option_pair_next(const char **at, struct pxt_option_pair *pair, struct pxt_error *error)
{
    const char *name = *at + strspn(*at, blanks);
    *pair = (struct pxt_option_pair){NULL, NULL, false};
    if (!*name)
        return PXT_NOT_FOUND;
    size_t before = strcspn(name, "=,"), value_length, name_length = without_trailing_blanks(name, before);
    if (name[before] != '=' || !name_length)
        return pxt_fail(error, PXT_ECONFIG, 0, "options: NAME=VALUE is expected at \"%.40s\"", name);
    const char *value = name + before + 1;
    value += strspn(value, blanks);
    const char *end = value_end(&value, &value_length, &pair->quoted);
    if (!end)
        return pxt_fail(error, PXT_ECONFIG, 0, "options: the quote of %.*s is not closed before the next comma",
                        (int)name_length, name);
    pair->name = pxt_strndup(name, name_length);
    pair->value = pxt_strndup(value, value_length);
    *at = end + (*end == ',');
    if (pair->name && pair->value)
        return PXT_OK;
    pxt_option_pair_free(pair);
    return pxt_fail_memory(error, "options");
}
