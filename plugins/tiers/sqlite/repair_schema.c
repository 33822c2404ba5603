/* SPDX-License-Identifier: MIT
 *
 * repair_schema.c: makes the rows of a damaged database readable when the damage is in the text of its schema. The row
 * of our table is found, given the text that it should have, and all other objects but the tables of its health and history
 * are dropped; all of this in a transaction that is never committed, so that the file stays as it is.
 */
#include "schema.h"
#include <stdlib.h>
#include <string.h>

enum { FLIPS_MAX = 8 }; /* bytes by which a damaged text may differ */

bool sqlite_schema_text_is_close(sqlite3_stmt *row, int column, const char *wanted)
{
    /* A damaged text may have a NUL in it. */
    const char *text = (const char *)sqlite3_column_text(row, column);
    size_t length = strlen(wanted);
    unsigned differing = 0;
    if (!text || (size_t)sqlite3_column_bytes(row, column) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        differing += text[i] != wanted[i];
    return differing <= FLIPS_MAX;
}

static bool equal(const unsigned char *text, const char *wanted)
{
    return text && !strcmp((const char *)text, wanted);
}

enum { TEXTS = FORMS }; /* that the table may have */

/* The row of sqlite_schema that is most probably our table's; `*close`: the one of `wanted` that its text is close to. 0:
 * none. */
static int find_row(const struct sqlite_layout *layout, char *const wanted[TEXTS], sqlite3 *db, int64_t *row,
                    const char **close)
{
    sqlite3_stmt *list = NULL;
    int best = 1;
    int rc = sqlite3_prepare_v2(db, "SELECT rowid,type,name,tbl_name,sql FROM sqlite_schema WHERE rootpage>0", -1,
                                &list, NULL);
    *row = 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        const char *near = NULL;
        for (int i = 0; i < TEXTS && !near; i++)
            near = sqlite_schema_text_is_close(list, 4, wanted[i]) ? wanted[i] : NULL;
        bool table = equal(sqlite3_column_text(list, 1), "table");
        int score = 3 * (near != NULL) + (table && equal(sqlite3_column_text(list, 2), layout->table)) +
                    (table && equal(sqlite3_column_text(list, 3), layout->table));
        if (score > best) {
            best = score;
            *row = sqlite3_column_int64(list, 0);
            *close = near;
        }
        rc = SQLITE_OK;
    }
    sqlite3_finalize(list);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_repair_schema(const struct sqlite_schema *schema, sqlite3 *db)
{
    const struct sqlite_layout *layout = schema->layout;
    char *wanted[TEXTS], *text = NULL;
    int64_t row = 0;
    const char *close = NULL;
    int rc = SQLITE_OK;
    for (int i = 0; i < TEXTS; i++)
        if (!(wanted[i] = sqlite_tables_text(layout, (enum sqlite_form)i)))
            rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK && find_row(layout, wanted, db, &row, &close) != SQLITE_OK)
        rc = find_row(layout, wanted, db, &row, &close); /* SQLite has read all that it can of the schema by now */
    if (rc == SQLITE_OK && !row)
        rc = SQLITE_CORRUPT;
    if (rc == SQLITE_OK)
        text = sqlite3_mprintf(
            "SAVEPOINT repair;DELETE FROM sqlite_schema WHERE rowid<>%lld AND name<>'sqlite_autoindex_%q_1'"
            " AND tbl_name NOT IN (%Q,'health_history','proxtier_tombstones');"
            "UPDATE sqlite_schema SET type='table',name=%Q,tbl_name=%Q,sql=%s%Q WHERE rowid=%lld;"
            "PRAGMA writable_schema=RESET;PRAGMA writable_schema=ON",
            (long long)row, layout->table, layout->extra, layout->table, layout->table, close ? "" : "sql||",
            close ? close : "", (long long)row);
    if (rc == SQLITE_OK)
        rc = text ? sqlite3_exec(db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    for (int i = 0; i < TEXTS; i++)
        free(wanted[i]);
    return rc;
}
