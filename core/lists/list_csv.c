/* SPDX-License-Identifier: MIT
 *
 * list_csv.c: tables with a header (RFC 4180), through libcsv; tabs or semicolons separate where the header has them.
 */
#include "base/fail.h"
#include "lists/list.h"
#include <csv.h>
#include <string.h>

enum { COLUMNS = 128, CHUNK = 65536, ROOM = 4 * PXT_LIST_LINE_MAX };

struct column {
    enum pxt_list_name kind;
    enum pxt_field_id field;
};
struct table {
    struct pxt_list *list;
    struct column column[COLUMNS];
    size_t columns, at;
    bool header_done;
    uint64_t line, row_line;
    struct pxt_record record;
    char address[600], host[300], port[24], scheme[16];
    char *start; /* of the room for the row's values: libcsv reuses its own */
    struct pxt_list_room room;
    const char *problem;
    pxt_status status;
};

static void copy(char *out, size_t size, const char *text, size_t length)
{
    snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), text);
}

static void start_row(struct table *table)
{
    table->at = 0;
    table->room = (struct pxt_list_room){table->start, table->start + ROOM};
    table->problem = NULL;
    table->host[0] = table->port[0] = table->scheme[0] = '\0';
    table->record = (struct pxt_record){.line = 0};
    pxt_draft_init(&table->record.draft);
}

static const char *keep(struct table *table, const char *text, size_t length)
{
    char *kept = table->room.at;
    if ((size_t)(table->room.end - kept) < length + 1)
        return NULL;
    memcpy(kept, text, length);
    kept[length] = '\0';
    table->room.at += length + 1;
    return kept;
}

static void take_header(struct table *table, const char *text, size_t length)
{
    if (table->columns == COLUMNS)
        return;
    if (!table->columns && length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        length -= 3;
    }
    struct column *column = &table->column[table->columns++];
    column->kind = pxt_list_name(text, length, &column->field);
}

static void take_value(struct table *table, const char *text, size_t length)
{
    const struct column *column = &table->column[table->at];
    const char *kept = keep(table, text, length);
    if (!kept) {
        table->problem = "the row is longer than 256 KiB";
        return;
    }
    switch (column->kind) {
    case PXT_NAME_URL:
        table->record.url = kept;
        table->record.url_length = length;
        break;
    case PXT_NAME_HOST:
        copy(table->host, sizeof table->host, text, length);
        break;
    case PXT_NAME_PORT:
        copy(table->port, sizeof table->port, text, length);
        break;
    case PXT_NAME_SCHEME:
        copy(table->scheme, sizeof table->scheme, text, length);
        break;
    case PXT_NAME_OTHER:
        break;
    default:
        if (!pxt_list_set(&table->record.draft, column->field, column->kind, kept, length, &table->room))
            table->problem = "a value is not what its column holds";
    }
}

static void on_field(void *bytes, size_t length, void *arg)
{
    struct table *table = arg;
    if (!table->header_done)
        take_header(table, bytes, length);
    else if (table->at < table->columns && length)
        take_value(table, bytes, length);
    table->at++;
}

static bool header_names_a_proxy(const struct table *table)
{
    for (size_t i = 0; i < table->columns; i++)
        if (table->column[i].kind == PXT_NAME_URL || table->column[i].kind == PXT_NAME_HOST)
            return true;
    return false;
}

static void on_row(int end, void *arg)
{
    (void)end;
    struct table *table = arg;
    struct pxt_record *record = &table->record;
    if (table->status)
        return;
    if (!table->header_done) {
        table->header_done = true;
        if (!header_names_a_proxy(table))
            table->status = pxt_fail(table->list->error, PXT_EINVAL, 0,
                                     "%s:1:1: the header names neither proxy_url nor host: give --format text if this "
                                     "is no table",
                                     table->list->path);
    } else {
        record->line = table->row_line;
        record->column = 1;
        record->scheme = table->scheme[0] ? table->scheme : NULL;
        record->scheme_is_own = record->scheme != NULL;
        if (!record->url && table->host[0]) {
            bool v6 = strchr(table->host, ':') && table->host[0] != '[';
            snprintf(table->address, sizeof table->address, v6 ? "[%s]:%s" : "%s:%s", table->host, table->port);
            record->url = table->address;
            record->url_length = strlen(table->address);
        }
        if (!table->problem && !record->url)
            table->problem = "it names no proxy";
        if (table->problem)
            table->list->refuse(table->list->arg, table->row_line, 1, table->problem);
        else
            table->status = table->list->take(table->list->arg, record);
    }
    start_row(table);
}

/* libcsv does not count lines: it is fed up to each line's end. */
static bool feed(struct csv_parser *parser, struct table *table, const char *chunk, size_t n)
{
    for (size_t from = 0; from < n && !table->status;) {
        const char *newline = memchr(chunk + from, '\n', n - from);
        size_t length = newline ? (size_t)(newline - chunk) - from + 1 : n - from;
        if (!table->at)
            table->row_line = table->line;
        if (csv_parse(parser, chunk + from, length, on_field, on_row, table) != length)
            return false;
        table->line += newline != NULL;
        from += length;
    }
    return true;
}

static char separator_of(const char *chunk, size_t n)
{
    const char *end = memchr(chunk, '\n', n);
    size_t length = end ? (size_t)(end - chunk) : n;
    return memchr(chunk, '\t', length) ? '\t' : memchr(chunk, ';', length) && !memchr(chunk, ',', length) ? ';' : ',';
}

static pxt_status read_rows(struct pxt_list *list, struct table *table, struct csv_parser *parser, char *chunk)
{
    size_t n;
    bool first = true, good = true;
    while (good && !table->status && (n = fread(chunk, 1, CHUNK, list->stream))) {
        if (first)
            csv_set_delim(parser, (unsigned char)separator_of(chunk, n));
        first = false;
        list->read += n;
        good = feed(parser, table, chunk, n);
    }
    if (good && !table->status)
        good = !csv_fini(parser, on_field, on_row, table);
    if (!good && !table->status)
        table->status = pxt_fail(list->error, PXT_EINVAL, 0, "%s:%llu:1: malformed CSV: %s", list->path,
                                 (unsigned long long)table->row_line, csv_strerror(csv_error(parser)));
    return table->status;
}

pxt_status pxt_list_read_csv(struct pxt_list *list)
{
    struct csv_parser parser;
    struct table *table = pxt_alloc(sizeof *table);
    char *chunk = pxt_alloc(CHUNK), *room = pxt_alloc(ROOM);
    pxt_status status = PXT_OK;
    if (!table || !chunk || !room || csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL)) {
        status = pxt_fail_memory(list->error, "a table");
    } else {
        table->list = list;
        table->start = room;
        table->line = table->row_line = 1;
        start_row(table);
        status = read_rows(list, table, &parser, chunk);
        csv_free(&parser);
    }
    if (chunk)
        explicit_bzero(chunk, CHUNK);
    if (room)
        explicit_bzero(room, ROOM);
    pxt_free(table);
    pxt_free(chunk);
    pxt_free(room);
    return status;
}
