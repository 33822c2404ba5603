/* SPDX-License-Identifier: MIT
 *
 * list_text.c: one proxy a line, in any form that proxyline.c knows. A comment such as `# SOCKS5 Proxies (28)` says
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
        list->read++;
        if (c == '\n')
            break;
        if (*length < PXT_LIST_LINE_MAX)
            buffer[(*length)++] = (char)c;
        else
            *length = PXT_LIST_LINE_MAX + 1;
        if (*length > PXT_LIST_LINE_MAX) {
            while ((c = getc_unlocked(list->stream)) != EOF && c != '\n')
                list->read++;
            break;
        }
    }
    funlockfile(list->stream);
    if (*length <= PXT_LIST_LINE_MAX) {
        if (*length && buffer[*length - 1] == '\r')
            --*length;
        buffer[*length] = '\0';
    }
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
    struct pxt_record record = {.line = number, .column = 1, .url = line, .url_length = length, .scheme = scheme};
    pxt_draft_init(&record.draft);
    return list->take(list->arg, &record);
}

pxt_status pxt_list_read_text(struct pxt_list *list)
{
    char *line = pxt_alloc(PXT_LIST_LINE_MAX + 1);
    const char *scheme = NULL;
    size_t length;
    pxt_status status = line ? PXT_OK : pxt_fail_memory(list->error, "a line");
    for (uint64_t number = 1; !status && pxt_list_line(list, line, &length); number++) {
        if (length > PXT_LIST_LINE_MAX) {
            list->refuse(list->arg, number, 1, "the line is longer than 64 KiB");
            continue;
        }
        char *start = line;
        if (number == 1 && length >= 3 && !memcmp(line, "\xef\xbb\xbf", 3))
            start += 3;
        size_t left = length - (size_t)(start - line), blank = strspn(start, " \t");
        if (blank >= left)
            continue;
        if (start[blank] == '#') {
            const char *named = section_scheme(start + blank);
            scheme = named ? named : scheme;
            continue;
        }
        status = take_line(list, start, left, number, scheme);
    }
    if (line)
        explicit_bzero(line, PXT_LIST_LINE_MAX);
    pxt_free(line);
    return status;
}
