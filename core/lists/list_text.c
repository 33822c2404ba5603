/* SPDX-License-Identifier: MIT
 *
 * list_text.c: one proxy a line, in any form that proxyline.c knows; the list in a proxychains.conf is such lines too. A comment such as `# SOCKS5 Proxies (28)` says
 * what scheme the lines after it have that name none.
 */
#include "base/fail.h"
#include "lists/list.h"
#include <string.h>

bool pxt_list_line(struct pxt_list *list, char *buffer, size_t *length)
{
    int c;
    *length = 0;
    flockfile(list->stream);
    while ((c = getc_unlocked(list->stream)) != EOF) {
        if (c == '\n')
            break;
        if (*length < PXT_LIST_LINE_MAX)
            buffer[(*length)++] = (char)c;
        else
            *length = PXT_LIST_LINE_MAX + 1;
        if (*length > PXT_LIST_LINE_MAX) {
            while ((c = getc_unlocked(list->stream)) != EOF && c != '\n')
                continue;
            break;
        }
    }
    funlockfile(list->stream);
    if (*length <= PXT_LIST_LINE_MAX)
        buffer[*length] = '\0';
    return c != EOF || *length;
}

/* The scheme that a section's comment names, or NULL. */
static const char *section_scheme(const char *line)
{
    static const char *const known[] = {"socks5h", "socks5", "socks4a", "socks4", "https", "http"};
    while (*line == '#' || *line == ' ' || *line == '\t')
        line++;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i]);
        if (!strncasecmp(line, known[i], length) && (line[length] == ' ' || !line[length] || line[length] == ':') &&
            (!line[length] || strcasestr(line, "prox")))
            return known[i];
    }
    return NULL;
}

static pxt_status take_line(struct pxt_list *list, const char *line, size_t length, uint64_t number, const char *scheme)
{
    struct pxt_list_record record = {.line = number, .column = 1, .url = line, .url_length = length, .scheme = scheme};
    pxt_draft_init(&record.draft);
    return list->take(list->arg, &record);
}

/* Reads lines up to the end. `in_list`: addresses begin at once; else behind the heading [ProxyList]. */
static pxt_status read_lines(struct pxt_list *list, bool in_list)
{
    char *line = pxt_alloc(PXT_LIST_LINE_MAX + 1);
    const char *scheme = NULL;
    size_t length;
    pxt_status status = line ? PXT_OK : pxt_fail_memory(list->error, "a line");
    for (uint64_t number = 1; !status && pxt_list_line(list, line, &length); number++) {
        if (length > PXT_LIST_LINE_MAX) {
            list->refuse(list->arg, number, 1, "the line is longer than 128 KiB");
            continue;
        }
        size_t blank = strspn(line, " \t");
        if (list->format == PXT_LIST_PROXYCHAINS && pxt_list_is_proxychains(line, length)) {
            in_list = true;
        } else if (blank < length && line[blank] == '#') {
            const char *named = section_scheme(line + blank);
            scheme = named ? named : scheme;
        } else if (blank < length && in_list) {
            status = take_line(list, line, length, number, scheme);
        }
    }
    if (line)
        explicit_bzero(line, PXT_LIST_LINE_MAX);
    pxt_free(line);
    return status;
}

pxt_status pxt_list_read_text(struct pxt_list *list)
{
    return read_lines(list, true);
}

pxt_status pxt_list_read_proxychains(struct pxt_list *list)
{
    return read_lines(list, false);
}
