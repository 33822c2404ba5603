/* SPDX-License-Identifier: MIT
 *
 * read_sqlite.c: the tables of an SQLite tier.
 */
#include "reader.h"
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum pxt_field_type type[PXT_FIELD_COUNT] = {
#define X(id, name, type, def, flags, since, help) PXT_TYPE_##type,
    PXT_FIELDS(X)
#undef X
};

static bool has_table(sqlite3 *db, const char *table)
{
    sqlite3_stmt *statement = NULL;
    bool found = sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1", -1, &statement,
                                    NULL) == SQLITE_OK &&
                 sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return found;
}

static void set_bytes(struct copy *copy, unsigned id, const unsigned char *bytes, size_t n)
{
    char *text = room(NULL, 2 * n + 1);
    text[0] = '\0';
    if (type[id] == PXT_TYPE_SECRET)
        for (size_t i = 0; i < n; i++)
            sprintf(text + 2 * i, "%02x", bytes[i]);
    else
        snprintf(text, n + 1, "%.*s", (int)n, (const char *)bytes);
    field_set(copy, id, text);
    free(text);
}

/* Seven bits a byte, the lowest first. */
static uint64_t packed_number(const unsigned char **at, const unsigned char *end)
{
    uint64_t number = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        number |= (uint64_t)(**at & 127) << shift;
        if (*(*at)++ < 128)
            return number;
    }
    differs("unreadable: packed fields end in a number");
    *at = end;
    return 0;
}

/* The column of packed fields, as proxtier.yaml(5) has it. */
static void set_packed(struct copy *copy, const unsigned char *at, size_t length)
{
    const unsigned char *end = at + length;
    while (at < end) {
        const uint64_t tag = packed_number(&at, end), value = packed_number(&at, end);
        const unsigned id = (unsigned)(tag >> 1);
        if (id >= PXT_FIELD_COUNT || (tag & 1 && value > (uint64_t)(end - at))) {
            differs("unreadable: packed field %u", id);
            return;
        }
        if (tag & 1) {
            set_bytes(copy, id, at, (size_t)value);
            at += value;
        } else {
            field_set_number(copy, id, (long long)(value >> 1 ^ (0 - (value & 1))));
        }
    }
}

static void set_column(struct copy *copy, unsigned id, sqlite3_stmt *row, int column)
{
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return;
    if (type[id] == PXT_TYPE_TIME) {
        field_set_number(copy, id, llround(sqlite3_column_double(row, column) * 1e6));
    } else if (type[id] == PXT_TYPE_SECRET) {
        set_bytes(copy, id, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    } else {
        field_set(copy, id, (const char *)sqlite3_column_text(row, column));
    }
}

/* The field of a column; PXT_FIELD_COUNT if it has none. */
static unsigned field_of(const char *column)
{
    char name[READER_TEXT];
    unsigned id = 0;
    for (; id < PXT_FIELD_COUNT; id++) {
        field_column(id, name);
        if (!strcmp(name, column))
            break;
    }
    return id;
}

static void add_row(struct copies *copies, sqlite3_stmt *row, unsigned tier)
{
    const unsigned char *key = sqlite3_column_text(row, 0);
    struct copy *copy = copies_add(copies, key ? (const char *)key : "", tier);
    for (int column = 0; column < sqlite3_column_count(row); column++) {
        unsigned id = field_of(sqlite3_column_name(row, column));
        if (id < PXT_FIELD_COUNT && !copy->field[id])
            set_column(copy, id, row, column);
        else if (!strcmp(sqlite3_column_name(row, column), "packed"))
            set_packed(copy, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    }
}

static void add_tombstone(struct copies *copies, sqlite3_stmt *row, unsigned tier)
{
    const unsigned char *key = sqlite3_column_text(row, 0);
    struct copy *copy = copies_add(copies, key ? (const char *)key : "", tier);
    copy->version = (uint64_t)sqlite3_column_int64(row, 1);
    copy->removed = true;
}

static void check_whole(struct copies *copies, sqlite3_stmt *row, unsigned tier)
{
    const char *answer = (const char *)sqlite3_column_text(row, 0);
    (void)copies;
    if (!answer || strcmp(answer, "ok") != 0)
        differs("unreadable: tier %u: %s", tier, answer ? answer : "?");
}

typedef void row_fn(struct copies *copies, sqlite3_stmt *row, unsigned tier);

static void each_row(struct copies *copies, sqlite3 *db, const char *sql, row_fn *fn, unsigned tier)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        fn(copies, statement, tier);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE)
        differs("unreadable: tier %u: %s", tier, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
}

void read_sqlite(struct copies *copies, const char *path, const char *table, const char *extra, unsigned tier)
{
    char sql[400];
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        differs("unreadable: %s: %s", path, sqlite3_errmsg(db));
    } else {
        each_row(copies, db, "PRAGMA integrity_check", check_whole, tier);
        snprintf(sql, sizeof sql, "SELECT * FROM %s m", table);
        if (has_table(db, extra))
            snprintf(
                sql, sizeof sql,
                "SELECT m.*, x.* FROM %s m LEFT JOIN %s x ON x.key=m.key AND coalesce(x.entry_rowid,m.rowid)=m.rowid",
                table, extra);
        if (has_table(db, table))
            each_row(copies, db, sql, add_row, tier);
        if (has_table(db, "proxtier_tombstones"))
            each_row(copies, db, "SELECT key, version FROM proxtier_tombstones", add_tombstone, tier);
    }
    sqlite3_close(db);
}
