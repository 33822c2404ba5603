/* SPDX-License-Identifier: MIT
 *
 * salvage.c: copies the readable entries of a damaged database into a new one: entries that are in no other tier would
 * be lost otherwise. Rows are read by rowid; a page that cannot be read costs its own rows and no more. Rows keep their
 * rowids, so that a walk goes on where it was. The health history is not copied; it stays in the damaged file.
 */
#include "store.h"
#include <stdio.h>
#include <stdlib.h>

enum { BLIND_STEPS = 4096, STEPS_BEHIND = 64 };

struct rowids {
    int64_t *at;
    size_t count, size;
    bool failed; /* out of memory */
};

struct salvage {
    struct store *store;
    struct connection *fresh;
    sqlite3 *db; /* the damaged one */
    struct rowids kept, indexed;
    bool index_whole;
};

static void rowids_add(struct rowids *rowids, int64_t rowid)
{
    if (rowids->count == rowids->size) {
        size_t size = 2 * rowids->size + 256;
        int64_t *grown = realloc(rowids->at, size * sizeof *grown);
        rowids->failed |= !grown;
        if (!grown)
            return;
        rowids->at = grown;
        rowids->size = size;
    }
    rowids->at[rowids->count++] = rowid;
}

static int by_rowid(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static bool unreadable(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_ERROR;
}

/* ---- which rows there should be ---- */

/* Collects rowids from the index on the keys. Returns an SQLite code. */
static int read_index(struct salvage *salvage, const char *direction)
{
    const char *table = salvage->store->schema.layout->table;
    sqlite3_stmt *list = NULL;
    char *text = sqlite3_mprintf("SELECT rowid FROM %s INDEXED BY sqlite_autoindex_%s_1 ORDER BY key %s", table, table,
                                 direction);
    int rc = text ? sqlite3_prepare_v2(salvage->db, text, -1, &list, NULL) : SQLITE_NOMEM;
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        rowids_add(&salvage->indexed, sqlite3_column_int64(list, 0));
        rc = SQLITE_OK;
    }
    sqlite3_finalize(list);
    sqlite3_free(text);
    return rc;
}

static void list_indexed(struct salvage *salvage)
{
    struct rowids *indexed = &salvage->indexed;
    salvage->index_whole = read_index(salvage, "ASC") == SQLITE_DONE;
    if (!salvage->index_whole)
        read_index(salvage, "DESC");
    if (indexed->count)
        qsort(indexed->at, indexed->count, sizeof *indexed->at, by_rowid);
}

static uint64_t count_lost(const struct salvage *salvage)
{
    const struct rowids *kept = &salvage->kept, *indexed = &salvage->indexed;
    uint64_t lost = 0;
    size_t k = 0;
    for (size_t i = 0; i < indexed->count; i++) {
        if (i && indexed->at[i] == indexed->at[i - 1])
            continue;
        while (k < kept->count && kept->at[k] < indexed->at[i])
            k++;
        lost += k == kept->count || kept->at[k] != indexed->at[i];
    }
    return lost;
}

/* ---- the rows ---- */

/* The row select of the schema, from a rowid on. The table of our own is not read: the damage may be there. */
static int prepare_walk(struct salvage *salvage, sqlite3_stmt **walk)
{
    const struct store *store = salvage->store;
    struct sqlite_text text = {0};
    char column[SQLITE_COLUMN_MAX];
    sqlite_text_add(&text, "SELECT ");
    for (size_t id = 0; id < store->schema.field_count; id++) {
        sqlite_column_of(&store->host->fields[id], column);
        sqlite_text_add(&text, store->schema.extra[id] ? "NULL," : "m.%s,", column);
    }
    sqlite_text_add(&text, "m.rowid,1 FROM %s m NOT INDEXED WHERE m.rowid>=?1 ORDER BY m.rowid",
                    store->schema.layout->table);
    int rc = text.failed ? SQLITE_NOMEM : sqlite3_prepare_v2(salvage->db, text.data, -1, walk, NULL);
    free(text.data);
    return rc;
}

static pxt_status keep_rowid(struct salvage *salvage, int64_t rowid, struct pxt_error *error)
{
    sqlite3 *db = salvage->fresh->db;
    int64_t given = sqlite3_last_insert_rowid(db);
    if (!given || given == rowid)
        return PXT_OK;
    char *text = sqlite3_mprintf("UPDATE %s SET rowid=%lld WHERE rowid=%lld", salvage->store->schema.layout->table,
                                 (long long)rowid, (long long)given);
    int rc = text ? sqlite3_exec(db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return rc == SQLITE_OK ? PXT_OK : sqlite_fail(salvage->store, db, rc, error, "copy its entries");
}

static pxt_status keep_row(struct salvage *salvage, sqlite3_stmt *walk, int64_t rowid, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = sqlite_row_read(salvage->store, walk, &entry, error);
    if (status && status != PXT_ENOTSUP)
        return status == PXT_ENOMEM ? status : PXT_OK;
    status = status ? sqlite_rows_copy(salvage->store, salvage->fresh, walk, error)
                    : sqlite_rows_put(salvage->store, salvage->fresh, entry, error);
    salvage->store->host->entry_release(entry);
    if (!status)
        status = keep_rowid(salvage, rowid, error);
    rowids_add(&salvage->kept, rowid);
    return status;
}

/* The rowid after which to try again, when the page that `next` would be on is unreadable: one after the other while
 * rows are expected, then in growing steps. False: there are no more. */
static bool step_over(const struct salvage *salvage, int64_t *next, int64_t *steps, int64_t *width)
{
    const struct rowids *indexed = &salvage->indexed;
    int64_t last = indexed->count ? indexed->at[indexed->count - 1] + STEPS_BEHIND : 0;
    if (*next < 1) {
        *next = 1; /* SQLite gives rowids from 1 */
        return true;
    }
    if (*next > last && ++*steps > (last ? STEPS_BEHIND : BLIND_STEPS))
        *width = *width > INT64_MAX / 2 ? INT64_MAX : 2 * *width;
    if (*next > INT64_MAX - *width)
        return false;
    *next += *width;
    return true;
}

/* Errors of the damaged file end a run of rows; errors of the new one end the salvage. */
static pxt_status copy_rows(struct salvage *salvage, sqlite3_stmt *walk, struct pxt_error *error)
{
    int64_t next = INT64_MIN, steps = 0, width = 1;
    const int rowid_column = (int)salvage->store->schema.field_count;
    pxt_status status = PXT_OK;
    int rc;
    do {
        sqlite3_bind_int64(walk, 1, next);
        while (!status && (rc = sqlite3_step(walk)) == SQLITE_ROW) {
            int64_t rowid = sqlite3_column_int64(walk, rowid_column);
            if (rowid < next) {
                rc = SQLITE_CORRUPT; /* damaged pointers lead back */
                break;
            }
            status = keep_row(salvage, walk, rowid, error);
            next = rowid < INT64_MAX ? rowid + 1 : rowid;
            steps = 0;
            width = 1;
        }
        sqlite3_reset(walk);
        if (!status && rc != SQLITE_DONE && !unreadable(rc))
            status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    } while (!status && rc != SQLITE_DONE && step_over(salvage, &next, &steps, &width));
    return status;
}

/* ---- the whole ---- */

/* Without the schema check SQLite also reads a file that is shorter than its header says; hence no defensive flag. */
static int open_damaged(struct salvage *salvage)
{
    int rc = sqlite3_open_v2(salvage->store->path, &salvage->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(salvage->db, 1);
    sqlite3_busy_timeout(salvage->db, salvage->store->busy_ms);
    sqlite3_db_config(salvage->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(salvage->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(salvage->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    rc = sqlite3_exec(salvage->db, "PRAGMA writable_schema=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK || unreadable(rc))
        rc = sqlite3_exec(salvage->db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
    return rc;
}

static pxt_status copy(struct salvage *salvage, struct pxt_error *error)
{
    sqlite3_stmt *walk = NULL;
    pxt_status status = PXT_OK;
    int rc = open_damaged(salvage);
    if (rc == SQLITE_OK)
        rc = prepare_walk(salvage, &walk);
    if (unreadable(rc))
        rc = sqlite_repair_schema(&salvage->store->schema, salvage->db) == SQLITE_OK ? prepare_walk(salvage, &walk)
                                                                                     : SQLITE_CORRUPT;
    if (rc == SQLITE_OK) {
        list_indexed(salvage);
        status = copy_rows(salvage, walk, error);
    } else if (!unreadable(rc)) {
        status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    }
    sqlite3_finalize(walk);
    return status;
}

pxt_status sqlite_salvage(struct store *store, struct connection *fresh, struct sqlite_salvaged *result,
                          struct pxt_error *error)
{
    struct salvage salvage = {.store = store, .fresh = fresh};
    int rc = sqlite3_exec(fresh->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    pxt_status status = rc == SQLITE_OK ? copy(&salvage, error) : sqlite_fail(store, fresh->db, rc, error, "begin");
    if (!status && (salvage.kept.failed || salvage.indexed.failed))
        status =
            store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for the entries of a damaged file");
    if (!status && (rc = sqlite3_exec(fresh->db, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        status = sqlite_fail(store, fresh->db, rc, error, "copy its entries");
    if (!sqlite3_get_autocommit(fresh->db))
        sqlite3_exec(fresh->db, "ROLLBACK", NULL, NULL, NULL);
    *result = (struct sqlite_salvaged){
        .kept = salvage.kept.count, .lost = count_lost(&salvage), .lost_exact = salvage.index_whole};
    sqlite3_close(salvage.db);
    free(salvage.kept.at);
    free(salvage.indexed.at);
    return status;
}
