/* SPDX-License-Identifier: MIT
 *
 * list_format.c: tells the format of a list, and calls its reader.
 */
#include "lists/list.h"
#include <string.h>

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), wanted = strlen(end);
    return length > wanted && !strcasecmp(path + length - wanted, end);
}

/* By extension, else by the first byte that is not blank. */
static enum pxt_list_format tell_format(struct pxt_list *list)
{
    if (ends_with(list->path, ".json"))
        return PXT_LIST_JSON;
    if (ends_with(list->path, ".jsonl") || ends_with(list->path, ".ndjson"))
        return PXT_LIST_JSONL;
    if (ends_with(list->path, ".csv") || ends_with(list->path, ".tsv"))
        return PXT_LIST_CSV;
    if (ends_with(list->path, ".txt"))
        return PXT_LIST_TEXT;
    /* Skip a byte order mark and blanks, then push all back, so that line numbers stay right. C promises one byte of
     * pushback; glibc and musl take at least 8. */
    unsigned char seen[8];
    size_t n = 0;
    int c;
    while ((c = getc(list->stream)) != EOF) {
        seen[n++] = (unsigned char)c;
        if (!strchr(" \t\r\n\xEF\xBB\xBF", c) || n == sizeof seen)
            break;
    }
    while (n)
        ungetc(seen[--n], list->stream);
    return c == '[' ? PXT_LIST_JSON : c == '{' ? PXT_LIST_JSONL : PXT_LIST_TEXT;
}

pxt_status pxt_list_read(struct pxt_list *list, enum pxt_list_format format)
{
    switch (format == PXT_LIST_AUTO ? tell_format(list) : format) {
    case PXT_LIST_JSON:
        return pxt_list_read_json(list);
    case PXT_LIST_JSONL:
        return pxt_list_read_jsonl(list);
    case PXT_LIST_CSV:
        return pxt_list_read_csv(list);
    default:
        return pxt_list_read_text(list);
    }
}
