/* SPDX-License-Identifier: MIT
 *
 * list_detect.c: tells the format of a list by its beginning, and where that says nothing, by its name. The rules are
 * those of proxtier-import(5), in the same order.
 */
#include "base/fail.h"
#include "lists/list.h"
#include <string.h>

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), wanted = strlen(end);
    if (length > 3 && !strcasecmp(path + length - 3, ".gz"))
        length -= 3;
    return length > wanted && !strncasecmp(path + length - wanted, end, wanted);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(const struct pxt_list_sample *sample, size_t at)
{
    while (at < sample->length && is_space(sample->text[at]))
        at++;
    return at;
}

/* The line at `*at`, of which it moves to the next one. False at the end. */
static bool next_line(const struct pxt_list_sample *sample, size_t *at, const char **line, size_t *length)
{
    if (*at >= sample->length)
        return false;
    *line = sample->text + *at;
    const char *end = memchr(*line, '\n', sample->length - *at);
    *length = end ? (size_t)(end - *line) : sample->length - *at;
    *at += *length + (end != NULL);
    while (*length && is_space((*line)[*length - 1]))
        --*length;
    return true;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* Where the object that begins at `at` ends, or the end of the sample; strings are passed over. */
static size_t object_end(const struct pxt_list_sample *sample, size_t at, bool *in_line)
{
    bool quoted = false;
    unsigned depth = 0;
    *in_line = true;
    for (; at < sample->length; at++) {
        char c = sample->text[at];
        if (c == '\n')
            *in_line = false;
        if (quoted && c == '\\')
            at++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth && !--depth)
            return at + 1;
    }
    return sample->length;
}

/* Whether a whole object stands in the first line, and something in another one. */
static bool is_jsonl(const struct pxt_list_sample *sample, size_t at)
{
    bool in_line;
    size_t end = object_end(sample, at, &in_line), next = skip_space(sample, end);
    return in_line && next < sample->length && memchr(sample->text + end, '\n', next - end);
}

/* An IPv6 address and a section's name have brackets too. */
static bool is_json_array(const struct pxt_list_sample *sample, size_t at)
{
    size_t next = skip_space(sample, at + 1);
    return next == sample->length || memchr("[]{\"", sample->text[next], 4);
}

/* ---- tables, YAML, proxychains ----------------------------------------------------------------------------------- */

char pxt_list_separator(const char *text, size_t length)
{
    const char *end = memchr(text, '\n', length);
    length = end ? (size_t)(end - text) : length;
    return memchr(text, '\t', length) ? '\t' : memchr(text, ';', length) && !memchr(text, ',', length) ? ';' : ',';
}

static bool names_a_proxy(const char *cell, size_t length)
{
    while (length && (is_space(*cell) || *cell == '"')) {
        cell++;
        length--;
    }
    while (length && (is_space(cell[length - 1]) || cell[length - 1] == '"'))
        length--;
    enum pxt_list_kind kind = pxt_list_name(cell, length).kind;
    return kind == PXT_NAME_URL || kind == PXT_NAME_HOST;
}

static bool is_header(const char *line, size_t length)
{
    char separator = pxt_list_separator(line, length);
    while (length) {
        const char *end = memchr(line, separator, length);
        size_t cell = end ? (size_t)(end - line) : length;
        if (names_a_proxy(line, cell))
            return true;
        line += cell + (end != NULL);
        length -= cell + (end != NULL);
    }
    return false;
}

static bool is_yaml(const char *line, size_t length)
{
    static const char *const keys[] = {"proxies:", "Proxy:", NULL};
    for (const char *const *key = keys; *key; key++)
        if (length >= strlen(*key) && !memcmp(line, *key, strlen(*key)) &&
            (length == strlen(*key) || is_space(line[strlen(*key)])))
            return true;
    return length > 2 && !memcmp(line, "- ", 2) && memmem(line, length, "server:", 7);
}

bool pxt_list_is_proxychains(const char *line, size_t length)
{
    static const char heading[] = "[ProxyList]";
    while (length && is_space(*line)) {
        line++;
        length--;
    }
    while (length && is_space(line[length - 1]))
        length--;
    return length == sizeof heading - 1 && !strncasecmp(line, heading, length);
}

/* By lines that other formats do not have. */
static enum pxt_list_format by_lines(const struct pxt_list_sample *sample)
{
    size_t at = 0, length;
    const char *line;
    while (next_line(sample, &at, &line, &length)) {
        if (pxt_list_is_proxychains(line, length))
            return PXT_LIST_PROXYCHAINS;
        if (is_yaml(line, length))
            return PXT_LIST_YAML;
    }
    at = skip_space(sample, 0);
    return next_line(sample, &at, &line, &length) && is_header(line, length) ? PXT_LIST_CSV : PXT_LIST_AUTO;
}

static enum pxt_list_format by_name(const struct pxt_list_sample *sample, const char *path)
{
    size_t at = skip_space(sample, 0), length;
    const char *line;
    bool table = ends_with(path, ".csv") || ends_with(path, ".tsv");
    if (table && next_line(sample, &at, &line, &length) && memchr(line, pxt_list_separator(line, length), length))
        return PXT_LIST_CSV;
    if (ends_with(path, ".json"))
        return PXT_LIST_JSON;
    if (ends_with(path, ".jsonl") || ends_with(path, ".ndjson"))
        return PXT_LIST_JSONL;
    return ends_with(path, ".yaml") || ends_with(path, ".yml") ? PXT_LIST_YAML : PXT_LIST_TEXT;
}

pxt_status pxt_list_detect(const struct pxt_list_sample *sample, const char *path, enum pxt_list_format *format,
                           struct pxt_error *error)
{
    size_t at = skip_space(sample, 0);
    char c = at < sample->length ? sample->text[at] : '\0';
    bool named_jsonl = ends_with(path, ".jsonl") || ends_with(path, ".ndjson");
    if (c == '<')
        return pxt_fail(error, PXT_EINVAL, 0, "%s:1:1: this is HTML or XML, not a list of proxies", path);
    if (sample->length - at > 100 && !memcmp(sample->text + at, "gAAAA", 5) && !memchr(sample->text + at, ':', 100))
        return pxt_fail(error, PXT_EINVAL, 0, "%s:1:1: this is sealed by Fernet as a whole: open it first", path);
    if (c == '{') {
        *format = named_jsonl || is_jsonl(sample, at) ? PXT_LIST_JSONL : PXT_LIST_JSON;
    } else if (c == '[' && is_json_array(sample, at)) {
        *format = PXT_LIST_JSON;
    } else {
        enum pxt_list_format found = by_lines(sample);
        *format = found != PXT_LIST_AUTO ? found : by_name(sample, path);
    }
    return PXT_OK;
}

/* ---- the scheme of a name ---------------------------------------------------------------------------------------- */

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *scheme_of_word(const char *word, size_t length)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL};
    for (const char *const *scheme = schemes; *scheme; scheme++)
        if (strlen(*scheme) == length && !strncasecmp(word, *scheme, length))
            return *scheme;
    return NULL;
}

const char *pxt_list_scheme_of_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *found = NULL;
    for (const char *at = slash ? slash + 1 : path; *at;) {
        const char *end = at;
        while (is_word_char(*end))
            end++;
        const char *scheme = end > at ? scheme_of_word(at, (size_t)(end - at)) : NULL;
        if (scheme && found)
            return NULL;
        found = scheme ? scheme : found;
        at = *end && end == at ? at + 1 : end;
    }
    return found;
}
