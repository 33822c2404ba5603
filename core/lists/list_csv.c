/* SPDX-License-Identifier: MIT
 *
 * list_csv.c: tables with a header (RFC 4180), through libcsv; tabs or semicolons separate where the header has them.
 */
#include "base/fail.h"
#include "lists/members.h"
#include <csv.h>
#include <string.h>

enum { COLUMNS = 128, CHUNK = 65536, ROOM = 2 * PXT_LIST_LINE_MAX };

struct column {
    struct pxt_list_name known;
    char name[64]; /* for messages; cut off if it is longer */
};
struct table {
    struct pxt_list *list;
    struct column column[COLUMNS];
    size_t columns, at;
    bool header_done;
    uint64_t line, row_line;
    struct pxt_members members;
    char *start; /* of the room for the row's values: libcsv reuses its own */
    bool refused;
    pxt_status status;
};

static void start_row(struct table *table)
{
    table->at = 0;
    table->refused = false;
    pxt_members_start(&table->members, 0, 1, NULL, (struct pxt_list_room){table->start, table->start + ROOM});
}

static void take_header(struct table *table, const char *text, size_t length)
{
    if (table->columns == COLUMNS)
        return;
    struct column *column = &table->column[table->columns++];
    column->known = pxt_list_name(text, length);
    snprintf(column->name, sizeof column->name, "%.*s", (int)(length < 60 ? length : 60), text);
}

/* Blanks around a value are no part of it, but in credentials. */
static void trim(const struct table *table, const struct column *column, const char **text, size_t *length)
{
    if (column->known.kind == PXT_NAME_FIELD ||
        (column->known.kind == PXT_NAME_COUNTRY && pxt_members_is_export(&table->members)))
        return;
    while (*length && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*length;
    }
    while (*length && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t'))
        --*length;
}

static void take_value(struct table *table, const char *text, size_t length)
{
    const struct column *column = &table->column[table->at];
    struct pxt_members *members = &table->members;
    trim(table, column, &text, &length);
    if (!length || column->known.kind == PXT_NAME_OTHER || table->refused)
        return;
    const char *kept = pxt_members_keep(&table->members, text, length);
    if (!kept)
        snprintf(members->problem, sizeof members->problem, "the row is longer than 256 KiB");
    table->refused = !kept || !pxt_members_set(members, &column->known, column->name, kept, length, false);
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
        if (table->column[i].known.kind == PXT_NAME_URL || table->column[i].known.kind == PXT_NAME_HOST)
            return true;
    return false;
}

static void on_row(int end, void *arg)
{
    (void)end;
    struct table *table = arg;
    struct pxt_members *members = &table->members;
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
        members->record.line = table->row_line;
        if (table->refused || !pxt_members_finish(members))
            table->list->refuse(table->list->arg, table->row_line, 1, members->problem);
        else
            table->status = table->list->take(table->list->arg, &members->record);
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

static pxt_status read_rows(struct pxt_list *list, struct table *table, struct csv_parser *parser, char *chunk)
{
    size_t n;
    bool first = true, good = true;
    while (good && !table->status && (n = fread(chunk, 1, CHUNK, list->stream))) {
        if (first)
            csv_set_delim(parser, (unsigned char)pxt_list_separator(chunk, n));
        first = false;
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
