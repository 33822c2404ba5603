/* SPDX-License-Identifier: MIT
 *
 * toml.c: reads the keys of a TOML document. Strings, integers and booleans are handed on; other values are passed over, but
 * where they end has to be known.
 */
#include "toml.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toml {
    const char *at;
    const char *problem;
    struct toml_item item;
};

static bool wrong(struct toml *toml, const char *problem)
{
    if (!toml->problem)
        toml->problem = problem;
    return false;
}

static void skip_blanks(struct toml *toml)
{
    while (*toml->at == ' ' || *toml->at == '\t')
        toml->at++;
}

/* Blanks, comments and line ends. */
static void skip_lines(struct toml *toml)
{
    for (;; toml->at++) {
        if (*toml->at == '#')
            toml->at += strcspn(toml->at, "\n");
        if (*toml->at == '\n')
            toml->item.line++;
        else if (*toml->at != ' ' && *toml->at != '\t' && *toml->at != '\r')
            return;
    }
}

static bool append(struct toml *toml, char *out, size_t size, size_t *n, char c)
{
    if (*n + 1 >= size)
        return wrong(toml, "a name or text is too long");
    out[(*n)++] = c;
    out[*n] = '\0';
    return true;
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static bool append_code(struct toml *toml, char *out, size_t size, size_t *n, uint32_t code)
{
    if (!code || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return wrong(toml, "an escape is no character");
    if (code < 0x80)
        return append(toml, out, size, n, (char)code);
    unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    bool good = append(toml, out, size, n, (char)(lead[more] | code >> (6 * more)));
    while (good && more--)
        good = append(toml, out, size, n, (char)(0x80 | (code >> (6 * more) & 0x3f)));
    return good;
}

static bool read_escape(struct toml *toml, char *out, size_t size, size_t *n)
{
    static const char letter[] = "btnfre\"\\", plain[] = "\b\t\n\f\r\033\"\\";
    char c = *toml->at;
    const char *found = c ? strchr(letter, c) : NULL;
    if (found) {
        toml->at++;
        return append(toml, out, size, n, plain[found - letter]);
    }
    size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    char hex[9] = "";
    if (!digits || strspn(toml->at + 1, "0123456789abcdefABCDEF") < digits)
        return wrong(toml, "an unknown escape");
    memcpy(hex, toml->at + 1, digits);
    toml->at += 1 + digits;
    return append_code(toml, out, size, n, (uint32_t)strtoul(hex, NULL, 16));
}

/* A backslash at the end of a line of a """text""" takes the line end and the blanks behind it away. */
static bool skip_folded_end(struct toml *toml)
{
    size_t blanks = strspn(toml->at, " \t\r");
    if (toml->at[blanks] != '\n')
        return false;
    for (; *toml->at && strchr(" \t\r\n", *toml->at); toml->at++)
        toml->item.line += *toml->at == '\n';
    return true;
}

/* A string in " or ', of one line or, with three quotes, of several. */
static bool read_string(struct toml *toml, char *out, size_t size)
{
    char quote = *toml->at;
    bool multi = toml->at[1] == quote && toml->at[2] == quote;
    size_t n = 0;
    out[0] = '\0';
    toml->at += multi ? 3 : 1;
    if (multi && toml->at[toml->at[0] == '\r'] == '\n') {
        toml->at += 1 + (toml->at[0] == '\r');
        toml->item.line++;
    }
    for (;;) {
        char c = *toml->at;
        if (!c || (c == '\n' && !multi))
            return wrong(toml, "a text has no end");
        if (c == quote && (!multi || (toml->at[1] == quote && toml->at[2] == quote && toml->at[3] != quote))) {
            toml->at += multi ? 3 : 1;
            return true;
        }
        toml->at++;
        toml->item.line += c == '\n';
        if (c == '\\' && quote == '"') {
            if (!(multi && skip_folded_end(toml)) && !read_escape(toml, out, size, &n))
                return false;
        } else if (!append(toml, out, size, &n, c)) {
            return false;
        }
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool skip_value(struct toml *toml, unsigned depth);
static bool read_key(struct toml *toml, char *out);

/* [value, ...] or {key = value, ...}, over several lines. */
static bool skip_nested(struct toml *toml, unsigned depth)
{
    char close = *toml->at == '[' ? ']' : '}', name[TOML_NAME_MAX];
    if (depth == TOML_DEPTH_MAX)
        return wrong(toml, "nesting is too deep");
    toml->at++;
    for (;;) {
        skip_lines(toml);
        if (*toml->at == close) {
            toml->at++;
            return true;
        }
        if (close == '}' && (!read_key(toml, name) || *toml->at++ != '='))
            return wrong(toml, "key = value is expected");
        skip_blanks(toml);
        if (!skip_value(toml, depth + 1))
            return false;
        skip_lines(toml);
        if (*toml->at == ',')
            toml->at++;
        else if (*toml->at != close)
            return wrong(toml, "a comma or a closing bracket is expected");
    }
}

/* An integer, true or false; else OTHER: a float or a date. */
static bool read_bare(struct toml *toml)
{
    struct toml_item *item = &toml->item;
    size_t length = strcspn(toml->at, " \t\r\n,]}#"), n = 0;
    item->text[0] = '\0';
    item->type = TOML_OTHER;
    if (!length)
        return wrong(toml, "a value is expected");
    if ((length == 4 && !memcmp(toml->at, "true", 4)) || (length == 5 && !memcmp(toml->at, "false", 5)))
        item->type = TOML_BOOL;
    else if (strspn(toml->at, "+-0123456789_") == length && length < 40 && !memchr(toml->at + 1, '-', length - 1))
        item->type = TOML_INTEGER;
    for (size_t i = 0; i < length && item->type != TOML_OTHER; i++)
        if (toml->at[i] != '_' && toml->at[i] != '+')
            append(toml, item->text, sizeof item->text, &n, toml->at[i]);
    toml->at += length;
    return !toml->problem;
}

/* The value of a key of the document. */
static bool read_value(struct toml *toml)
{
    char c = *toml->at;
    if (c == '"' || c == '\'') {
        toml->item.type = TOML_STRING;
        return read_string(toml, toml->item.text, sizeof toml->item.text);
    }
    if (c != '[' && c != '{')
        return read_bare(toml);
    bool good = skip_nested(toml, 0);
    toml->item.type = TOML_OTHER;
    toml->item.text[0] = '\0';
    return good;
}

static bool skip_value(struct toml *toml, unsigned depth)
{
    char c = *toml->at;
    if (c == '"' || c == '\'')
        return read_string(toml, toml->item.text, sizeof toml->item.text);
    return c == '[' || c == '{' ? skip_nested(toml, depth) : read_bare(toml);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* A dotted key, and the blanks behind it. `out` has TOML_NAME_MAX bytes. */
static bool read_key(struct toml *toml, char *out)
{
    static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        skip_blanks(toml);
        size_t length = strspn(toml->at, bare);
        if (*toml->at == '"' || *toml->at == '\'') {
            if (!read_string(toml, out + n, TOML_NAME_MAX - n))
                return false;
            n += strlen(out + n);
        } else if (!length) {
            return wrong(toml, "a key is expected");
        }
        for (size_t i = 0; i < length; i++)
            if (!append(toml, out, TOML_NAME_MAX, &n, *toml->at++))
                return false;
        skip_blanks(toml);
        if (*toml->at != '.')
            return true;
        toml->at++;
        if (!append(toml, out, TOML_NAME_MAX, &n, '.'))
            return false;
    }
}

/* [table] or [[table]] */
static bool read_header(struct toml *toml)
{
    unsigned brackets = toml->at[1] == '[' ? 2 : 1;
    toml->at += brackets;
    if (!read_key(toml, toml->item.table))
        return false;
    for (; brackets; brackets--)
        if (*toml->at++ != ']')
            return wrong(toml, "the bracket of a table is not closed");
    return true;
}

static bool at_line_end(struct toml *toml)
{
    skip_blanks(toml);
    return !*toml->at || strchr("#\r\n", *toml->at) || wrong(toml, "something follows the value");
}

const char *toml_read(const char *text, toml_fn *fn, void *arg, unsigned *line)
{
    struct toml *toml = calloc(1, sizeof *toml);
    if (!toml)
        return "out of memory";
    toml->at = strncmp(text, "\xef\xbb\xbf", 3) ? text : text + 3;
    toml->item.line = 1;
    for (;;) {
        skip_lines(toml);
        if (!*toml->at)
            break;
        if (*toml->at == '[') {
            if (!read_header(toml) || !at_line_end(toml))
                break;
            continue;
        }
        unsigned start = toml->item.line;
        if (!read_key(toml, toml->item.key))
            break;
        if (*toml->at++ != '=') {
            wrong(toml, "key = value is expected");
            break;
        }
        skip_blanks(toml);
        if (!read_value(toml) || !at_line_end(toml))
            break;
        unsigned end = toml->item.line;
        toml->item.line = start;
        if (!fn(arg, &toml->item))
            break;
        toml->item.line = end;
    }
    const char *problem = toml->problem;
    *line = toml->item.line;
    free(toml);
    return problem;
}
