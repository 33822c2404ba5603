/* SPDX-License-Identifier: MIT
 *
 * owner.c: decides whether the file at the path is a cache of proxies, before anything of it is changed.
 *
 * A database is ours if it has one of our tables with its columns, or no table at all. A file that SQLite cannot read is
 * ours, and damaged, if one of these marks is found: a row of our schema in one of its pages, or in its log; or, if it has
 * the header or the size of a database, the core's PATH.page beside it, or the name l2_cache.db, which the tier itself
 * gave.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LAYOUTS = 2, CHUNK = 65536, OVERLAP = 64, HEADER = 16, HEADER_EQUAL = 12, SECTOR = 512 };
static const struct sqlite_layout *const layouts[LAYOUTS] = {&sqlite_layout_l2, &sqlite_layout_l3};

/* ---- a file that SQLite can read ---- */

static bool is_required(const struct sqlite_column *column)
{
    return strstr(column->declaration, "NOT NULL") || strstr(column->declaration, "PRIMARY KEY");
}

/* Whether the table has most of the columns without which it would not be that of the layout: a damaged schema may lack
 * some. `*no_memory`: it could not be read. */
static bool has_columns(sqlite3 *db, const struct sqlite_layout *layout, bool *no_memory)
{
    int wanted = 0, there = 0;
    sqlite3_stmt *list = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info(?1)", -1, &list, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(list, 1, layout->table, -1, SQLITE_STATIC);
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        const char *name = (const char *)sqlite3_column_text(list, 0);
        *no_memory |= !name;
        for (const struct sqlite_column *column = layout->columns; name && column->name; column++)
            there += is_required(column) && !strcmp(name, column->name);
    }
    sqlite3_finalize(list);
    *no_memory |= (rc & 0xff) == SQLITE_NOMEM;
    for (const struct sqlite_column *column = layout->columns; column->name; column++)
        wanted += is_required(column);
    return 2 * there > wanted;
}

static bool text_is_ours(sqlite3_stmt *row, const struct sqlite_layout *layout, enum sqlite_form form, bool *no_memory)
{
    char *text = sqlite_tables_text(layout, form);
    *no_memory |= !text;
    bool ours = text && sqlite_schema_text_is_close(row, 1, text);
    free(text);
    return ours;
}

/* Whether a row of the schema, its name and its text, is a table of ours. */
static bool is_ours(sqlite3 *db, sqlite3_stmt *row, bool *no_memory)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    bool ours = false;
    *no_memory |= !name && sqlite3_column_type(row, 0) != SQLITE_NULL;
    for (int i = 0; i < LAYOUTS && !ours; i++) {
        ours = name && !strcmp(name, layouts[i]->table) && has_columns(db, layouts[i], no_memory);
        for (int form = 0; form < FORMS && !ours; form++)
            ours = text_is_ours(row, layouts[i], (enum sqlite_form)form, no_memory);
    }
    return ours;
}

static int read_tables(sqlite3 *db, bool *ours, bool *empty, char *other, int other_size)
{
    sqlite3_stmt *list = NULL;
    bool no_memory = false;
    int rc =
        sqlite3_prepare_v2(db, "SELECT name,sql FROM sqlite_schema WHERE type IN ('table','view')", -1, &list, NULL);
    *ours = false;
    *empty = true;
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(list, 0);
        *empty = false;
        if (name && !*other)
            sqlite3_snprintf(other_size, other, "%s", name);
        *ours = *ours || is_ours(db, list, &no_memory);
        rc = SQLITE_OK;
    }
    int end = sqlite3_finalize(list);
    if (rc == SQLITE_DONE && !end && !*ours && no_memory) /* it may be ours */
        return SQLITE_NOMEM;
    return rc == SQLITE_DONE ? end : rc;
}

/* ---- a file that it cannot read ---- */

/* Rows of sqlite_schema as they stand in a page: type, name and table in a row. A dump as text does not have them. */
static const char *const schema_rows[] = {"tablel2_cachel2_cache",
                                          "indexidx_l2_expires_atl2_cache",
                                          "tablecache_entriescache_entries",
                                          "tablehealth_historyhealth_history",
                                          "indexidx_last_accessedcache_entries",
                                          "tableproxtier_tombstonesproxtier_tombstones"};

static bool text_has_mark(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof schema_rows / sizeof *schema_rows; i++) {
        const char *row = schema_rows[i], *end = text + length;
        for (const char *at = text; (at = memchr(at, *row, (size_t)(end - at))) != NULL; at++)
            if ((size_t)(end - at) >= strlen(row) && !memcmp(at, row, strlen(row)))
                return true;
    }
    return false;
}

/* Reads through SQLite's handle: opening and closing the file here would drop the locks that this process has on it. */
static bool file_has_mark(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    char *chunk = malloc(CHUNK);
    bool found = false;
    if (chunk && sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file && file->pMethods &&
        file->pMethods->xFileSize(file, &size) == SQLITE_OK)
        for (sqlite3_int64 at = 0; !found && at < size; at += CHUNK - OVERLAP) {
            int length = size - at < CHUNK ? (int)(size - at) : CHUNK;
            if (file->pMethods->xRead(file, chunk, length, at) != SQLITE_OK)
                break;
            found = text_has_mark(chunk, (size_t)length);
        }
    free(chunk);
    return found;
}

static bool has_mark_beside(const struct store *store)
{
    const char *slash = strrchr(store->path, '/');
    /* The second of before versions. */
    static const char *const marks[] = {"page", "coherence"};
    struct stat file;
    bool found = false;
    for (int i = 0; i < 2 && !found; i++) {
        char *mark = sqlite3_mprintf("%s.%s", store->path, marks[i]);
        found = mark && !lstat(mark, &file);
        sqlite3_free(mark);
    }
    return found || !strcmp(slash ? slash + 1 : store->path, "l2_cache.db");
}

/* Whether the file begins as a database does, but for a few bytes, or has the size of one. */
static bool looks_like_database(sqlite3 *db)
{
    static const char header[HEADER] = "SQLite format 3";
    char begin[HEADER];
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int equal = 0;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file || !file->pMethods ||
        file->pMethods->xFileSize(file, &size) != SQLITE_OK)
        return false;
    if (size % SECTOR == 0)
        return true;
    int length = size < HEADER ? (int)size : HEADER;
    if (file->pMethods->xRead(file, begin, length, 0) != SQLITE_OK)
        return false;
    for (int i = 0; i < length; i++)
        equal += begin[i] == header[i];
    return equal == length || equal >= HEADER_EQUAL;
}

static pxt_status refuse(struct store *store, struct pxt_error *error, const char *other)
{
    return store->host->fail(store->host, error, PXT_ECONFIG, 0,
                             "%s is %s%s%s, not a cache of proxies; it was left as it is: give another path, or move "
                             "the file away",
                             store->path, *other ? "a database of another program (it has the table or view " : "",
                             *other ? other : "neither a database nor known to be a damaged one of proxtier",
                             *other ? ")" : "");
}

pxt_status sqlite_owner_check(struct store *store, sqlite3 *db, bool *empty, struct pxt_error *error)
{
    bool ours = false;
    char other[80] = "";
    *empty = false;
    int rc = read_tables(db, &ours, empty, other, (int)sizeof other);
    if (rc == SQLITE_OK)
        return ours || *empty ? PXT_OK : refuse(store, error, other);
    if ((rc & 0xff) != SQLITE_CORRUPT && (rc & 0xff) != SQLITE_NOTADB && rc != SQLITE_ERROR)
        return sqlite_fail(store, db, rc, error, "read its tables");
    if ((has_mark_beside(store) && looks_like_database(db)) || file_has_mark(db, SQLITE_FCNTL_FILE_POINTER) ||
        file_has_mark(db, SQLITE_FCNTL_JOURNAL_POINTER))
        return sqlite_fail(store, db, SQLITE_CORRUPT, error, "read its tables");
    return refuse(store, error, "");
}
