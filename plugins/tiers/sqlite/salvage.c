/* SPDX-License-Identifier: MIT
 *
 * salvage.c: copies the readable entries of a damaged database into a new one, with their health and their history:
 * what is in no other tier would be lost otherwise. Entries keep their rowids, so that a walk goes on where it was.
 */
#include "salvage.h"
#include <stdlib.h>
#include <string.h>

struct salvage {
    struct store *store;
    struct connection *fresh;
    sqlite3 *db; /* the damaged one */
    /* One entry with the fields in the table of our own; ?1 rowid. NULL: there is no such table, or it is unreadable. */
    sqlite3_stmt *whole;
    struct damaged_table entries, checks;
    char key_index[SQLITE_COLUMN_MAX];
    uint64_t without_health;
    struct sqlite_schema schema; /* of the damaged one */
    unsigned without;            /* WITHOUT_ADDED: it is of before versions, or was shared with ProxyWhirl */
    bool tombstones_lost;
};

/* ---- entries ---- */

/* Fields from a rowid on. The table of our own is not read: the damage may be there. */
static int prepare_entries(struct salvage *salvage)
{
    char *text = sqlite_schema_select(&salvage->schema, salvage->store->host, salvage->without | WITHOUT_EXTRA,
                                      "NOT INDEXED WHERE m.rowid>=?1 ORDER BY m.rowid");
    int rc = text ? sqlite3_prepare_v2(salvage->db, text, -1, &salvage->entries.walk, NULL) : SQLITE_NOMEM;
    free(text);
    return rc;
}

/* Finds out which form the file has: that of the store, or one of before. */
static int prepare_either(struct salvage *salvage)
{
    static const struct {
        enum sqlite_form form;
        unsigned without;
    } forms[] = {{FORM_PACKED, 0}, {FORM_COLUMNS, 0}, {FORM_COLUMNS, WITHOUT_ADDED}, {FORM_SHARED, 0}};
    const struct sqlite_schema *ours = &salvage->store->schema;
    int rc = SQLITE_ERROR;
    for (size_t i = 0; i < sizeof forms / sizeof *forms && damaged_here(rc); i++) {
        if ((forms[i].form == FORM_SHARED) != ours->shared)
            continue;
        sqlite_schema_free(&salvage->schema);
        salvage->without = forms[i].without;
        rc = sqlite_schema_make(&salvage->schema, ours->layout, forms[i].form, salvage->store->host, NULL, NULL)
                 ? SQLITE_NOMEM
                 : prepare_entries(salvage);
    }
    return rc;
}

/* `*added`: the entry is a new row. */
static pxt_status keep_rowid(struct salvage *salvage, int64_t rowid, bool *added, struct pxt_error *error)
{
    sqlite3 *db = salvage->fresh->db;
    int64_t given = sqlite3_last_insert_rowid(db);
    *added = given != 0;
    if (!given || given == rowid)
        return PXT_OK;
    const struct sqlite_schema *schema = &salvage->store->schema;
    const char *table = schema->layout->table;
    /* Where a damaged rowid is that of another entry the row keeps the new one. */
    char *text = sqlite3_mprintf("UPDATE OR IGNORE %s SET rowid=%lld WHERE rowid=%lld;", table, (long long)rowid,
                                 (long long)given);
    if (text && schema->any_extra)
        text =
            sqlite3_mprintf("%zUPDATE %s SET entry_rowid=%lld WHERE entry_rowid=%lld AND NOT EXISTS (SELECT 1 FROM "
                            "%s WHERE rowid=%lld)",
                            text, schema->layout->extra, (long long)rowid, (long long)given, table, (long long)given);
    int rc = text ? sqlite3_exec(db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return rc == SQLITE_OK ? PXT_OK : sqlite_fail(salvage->store, db, rc, error, "copy its entries");
}

static bool same_key(sqlite3_stmt *left, sqlite3_stmt *right)
{
    const void *a = sqlite3_column_text(left, PXT_FIELD_KEY), *b = sqlite3_column_text(right, PXT_FIELD_KEY);
    int length = sqlite3_column_bytes(left, PXT_FIELD_KEY);
    return a && b && length == sqlite3_column_bytes(right, PXT_FIELD_KEY) && !memcmp(a, b, (size_t)length);
}

/* Reads the entry that the walk stands on with the fields in the table of our own. PXT_EINVAL: they are unreadable. */
static pxt_status read_whole(struct salvage *salvage, sqlite3_stmt *walk, int64_t rowid, pxt_entry **entry,
                             struct pxt_error *error)
{
    pxt_status status = PXT_EINVAL;
    if (!salvage->whole)
        return status;
    sqlite3_bind_int64(salvage->whole, 1, rowid);
    int rc = sqlite3_step(salvage->whole);
    /* A damaged rowid leads to another row. */
    if (rc == SQLITE_ROW && same_key(salvage->whole, walk))
        status = sqlite_row_read(salvage->store, &salvage->schema, salvage->whole, entry, error);
    else if (rc != SQLITE_ROW && rc != SQLITE_DONE && !damaged_here(rc))
        status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    sqlite3_reset(salvage->whole);
    return status;
}

static pxt_status keep_entry(void *arg, sqlite3_stmt *walk, int64_t rowid, bool again, enum damaged_row *row,
                             struct pxt_error *error)
{
    struct salvage *salvage = arg;
    struct store *store = salvage->store;
    pxt_entry *entry = NULL;
    bool whole = true, added = false;
    (void)again; /* the key tells */
    pxt_status status = salvage->schema.any_extra ? read_whole(salvage, walk, rowid, &entry, error) : PXT_EINVAL;
    if (status == PXT_EINVAL) {
        status = sqlite_row_read(store, &salvage->schema, walk, &entry, error);
        whole = !salvage->schema.any_extra;
        if (status && status != PXT_ENOMEM && status != PXT_ENOTSUP)
            return PXT_OK; /* damaged, or never an entry */
    }
    if (status == PXT_ENOTSUP) {
        status = sqlite_rows_copy(store, salvage->fresh, &salvage->schema, walk, error);
        if (status == PXT_EINVAL)
            return PXT_OK; /* it only looked like another program's */
    } else if (!status)
        status = sqlite_rows_put(store, salvage->fresh, entry, error);
    store->host->entry_release(entry);
    if (status == PXT_ESTALE) {
        *row = DAMAGED_ROW_UPDATED; /* another row of its key, which was copied, is newer */
        return PXT_OK;
    }
    if (!status)
        status = keep_rowid(salvage, rowid, &added, error);
    if (!status)
        *row = added ? DAMAGED_ROW_COPIED : DAMAGED_ROW_UPDATED;
    salvage->without_health += added && !whole;
    return status;
}

static pxt_status copy_entries(struct salvage *salvage, struct pxt_error *error)
{
    const struct sqlite_schema *schema = &salvage->schema;
    sqlite3_snprintf(sizeof salvage->key_index, salvage->key_index, "sqlite_autoindex_%s_1", schema->layout->table);
    salvage->entries.name = schema->layout->table;
    salvage->entries.index = salvage->key_index;
    salvage->entries.index_column = "key";
    salvage->entries.rowid_column = schema->column_count;
    if (schema->any_extra) {
        char *text = sqlite_schema_select(schema, salvage->store->host, salvage->without, "WHERE m.rowid=?1");
        int rc = text ? sqlite3_prepare_v2(salvage->db, text, -1, &salvage->whole, NULL) : SQLITE_NOMEM;
        free(text);
        if (rc != SQLITE_OK && !damaged_here(rc))
            return sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    }
    return sqlite_damaged_table_walk(&salvage->entries, keep_entry, salvage, error);
}

/* ---- the history of the entries ---- */

enum { CHECK_COLUMNS = 6 };

/* SQLite allows any type in any column. */
static bool is_check(sqlite3_stmt *walk)
{
    static const struct {
        int type;
        bool optional;
    } wanted[CHECK_COLUMNS] = {{SQLITE_TEXT, false}, {SQLITE_FLOAT, false}, {SQLITE_TEXT, false},
                               {SQLITE_FLOAT, true}, {SQLITE_TEXT, true},   {SQLITE_TEXT, false}};
    for (int i = 0; i < CHECK_COLUMNS; i++) {
        int type = sqlite3_column_type(walk, i);
        if (type == SQLITE_INTEGER)
            type = SQLITE_FLOAT;
        if (type != wanted[i].type && !(type == SQLITE_NULL && wanted[i].optional))
            return false;
    }
    return sqlite_time_of(sqlite3_column_double(walk, 1)) != PXT_TIME_NONE;
}

/* A check whose entry is lost is lost with it. */
static pxt_status keep_check(void *arg, sqlite3_stmt *walk, int64_t rowid, bool again, enum damaged_row *row,
                             struct pxt_error *error)
{
    struct salvage *salvage = arg;
    sqlite3_stmt *add;
    (void)rowid;
    if (again || !is_check(walk))
        return PXT_OK;
    pxt_status status = sqlite_statement_get(salvage->store, salvage->fresh, SQL_CHECK_ADD, &add, error);
    if (status)
        return status;
    for (int i = 0; i < CHECK_COLUMNS; i++)
        sqlite3_bind_value(add, i + 1, sqlite3_column_value(walk, i));
    status = sqlite_statement_run(salvage->store, salvage->fresh, add, error, "copy its history");
    sqlite3_clear_bindings(add);
    if (!status && sqlite3_changes(salvage->fresh->db) > 0)
        *row = DAMAGED_ROW_COPIED;
    return status;
}

static pxt_status copy_checks(struct salvage *salvage, struct pxt_error *error)
{
    /* The columns are the parameters of SQL_CHECK_ADD. */
    static const char text[] = "SELECT proxy_key,check_time,status,response_time_ms,error_message,check_url,id "
                               "FROM health_history NOT INDEXED WHERE id>=?1 ORDER BY id";
    struct damaged_table *checks = &salvage->checks;
    checks->name = "health_history";
    checks->index = "idx_health_history_proxy";
    checks->index_column = "proxy_key";
    checks->rowid_column = CHECK_COLUMNS;
    int rc = sqlite3_prepare_v2(salvage->db, text, -1, &checks->walk, NULL);
    if (damaged_here(rc))
        return PXT_OK;
    if (rc != SQLITE_OK)
        return sqlite_fail(salvage->store, salvage->db, rc, error, "read its history");
    return sqlite_damaged_table_walk(checks, keep_check, salvage, error);
}

/* ---- tombstones ---- */

/* A file of before versions has no such table. */
static bool has_tombstones(sqlite3 *db)
{
    return sqlite3_table_column_metadata(db, "main", "proxtier_tombstones", "key", NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

static bool is_tombstone(sqlite3_stmt *row)
{
    int length = sqlite3_column_bytes(row, 0);
    return sqlite3_column_type(row, 0) == SQLITE_TEXT && length > 0 && length <= PXT_KEY_MAX &&
           sqlite3_column_type(row, 1) == SQLITE_INTEGER && sqlite3_column_int64(row, 1) >= 0 &&
           sqlite3_column_type(row, 2) == SQLITE_INTEGER;
}

/* Copies them in one direction, up to the first unreadable page. Returns an SQLite code; `*status`: of writing. */
static int copy_tombstones_to(struct salvage *salvage, sqlite3_stmt *add, const char *direction, pxt_status *status,
                              struct pxt_error *error)
{
    sqlite3_stmt *list = NULL;
    char text[100];
    sqlite3_snprintf(sizeof text, text, "SELECT key,version,why,at FROM proxtier_tombstones ORDER BY key %s",
                     direction);
    int rc = sqlite3_prepare_v2(salvage->db, text, -1, &list, NULL);
    while (rc == SQLITE_OK && !*status && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (!is_tombstone(list)) {
            salvage->tombstones_lost = true;
            continue;
        }
        for (int i = 0; i < 4; i++)
            sqlite3_bind_value(add, i + 1, sqlite3_column_value(list, i));
        *status = sqlite_statement_run(salvage->store, salvage->fresh, add, error, "copy its tombstones");
    }
    sqlite3_finalize(list);
    return rc;
}

/* From both ends: what lies between two unreadable pages is lost. The record of the core is not copied: what it says is no
 * longer true of a store that may have lost something. */
static pxt_status copy_tombstones(struct salvage *salvage, struct pxt_error *error)
{
    sqlite3_stmt *add = NULL;
    pxt_status status = PXT_OK;
    char *text =
        sqlite3_mprintf("INSERT OR IGNORE INTO proxtier_tombstones(key,version,why,at) SELECT ?1,?2,?3,?4 WHERE "
                        "NOT EXISTS(SELECT 1 FROM %s WHERE key=?1)",
                        salvage->store->schema.layout->table);
    int rc = text ? sqlite3_prepare_v2(salvage->fresh->db, text, -1, &add, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (rc != SQLITE_OK)
        status = sqlite_fail(salvage->store, salvage->fresh->db, rc, error, "copy its tombstones");
    else if (has_tombstones(salvage->db)) {
        rc = copy_tombstones_to(salvage, add, "ASC", &status, error);
        if (!status && damaged_here(rc)) {
            salvage->tombstones_lost = true;
            rc = copy_tombstones_to(salvage, add, "DESC", &status, error);
        }
        if (!status && rc != SQLITE_DONE && rc != SQLITE_OK && !damaged_here(rc))
            status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its tombstones");
    }
    sqlite3_finalize(add);
    return status;
}

/* ---- the whole ---- */

/* Without the schema check SQLite also reads a file that is shorter than its header says; hence no defensive flag. */
static int set_up_damaged(struct store *store, sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, store->busy_ms);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    int rc = sqlite3_exec(db, "PRAGMA writable_schema=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK || damaged_here(rc))
        rc = sqlite3_exec(db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK || damaged_here(rc))
        rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        /* Where there is no write-ahead log: the new database must not find a journal beside it. */
        sqlite3_exec(db, "PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
    return damaged_here(rc) ? SQLITE_OK : rc; /* its header is unreadable: so is all that others write to it */
}

pxt_status sqlite_salvage_open(struct store *store, sqlite3 **damaged, struct pxt_error *error)
{
    int rc = sqlite3_open_v2(store->path, damaged, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = set_up_damaged(store, *damaged);
    if (rc == SQLITE_OK)
        return PXT_OK;
    pxt_status status = sqlite_fail(store, *damaged, rc, error, "read its entries");
    sqlite3_close(*damaged);
    *damaged = NULL;
    return status;
}

static pxt_status copy(struct salvage *salvage, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    int rc = prepare_either(salvage);
    if (damaged_here(rc))
        rc = sqlite_repair_schema(&salvage->store->schema, salvage->db) == SQLITE_OK ? prepare_either(salvage)
                                                                                     : SQLITE_CORRUPT;
    if (rc == SQLITE_OK) {
        status = copy_entries(salvage, error);
        if (!status && salvage->store->schema.layout->history)
            status = copy_checks(salvage, error);
        if (!status)
            status = copy_tombstones(salvage, error);
    } else if (!damaged_here(rc)) {
        status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    }
    return status;
}

static void sum_up(const struct salvage *salvage, struct sqlite_salvaged *result)
{
    *result = (struct sqlite_salvaged){.entries = {.kept = salvage->entries.kept,
                                                   .lost = sqlite_damaged_table_lost(&salvage->entries),
                                                   .lost_exact = salvage->entries.index_whole},
                                       .checks = {.kept = salvage->checks.kept,
                                                  .lost = sqlite_damaged_table_lost(&salvage->checks),
                                                  .lost_exact = salvage->checks.index_whole},
                                       .tombstones_lost = salvage->tombstones_lost,
                                       .without_health = salvage->without_health};
}

pxt_status sqlite_salvage(struct store *store, sqlite3 *damaged, struct connection *fresh,
                          struct sqlite_salvaged *result, struct pxt_error *error)
{
    struct salvage salvage = {.store = store,
                              .fresh = fresh,
                              .db = damaged,
                              .entries = {.store = store, .db = damaged},
                              .checks = {.store = store, .db = damaged}};
    int rc = sqlite3_exec(fresh->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    pxt_status status = rc == SQLITE_OK ? copy(&salvage, error) : sqlite_fail(store, fresh->db, rc, error, "begin");
    if (!status && (rc = sqlite3_exec(fresh->db, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        status = sqlite_fail(store, fresh->db, rc, error, "copy its entries");
    if (!sqlite3_get_autocommit(fresh->db))
        sqlite3_exec(fresh->db, "ROLLBACK", NULL, NULL, NULL);
    sum_up(&salvage, result);
    sqlite3_finalize(salvage.whole);
    sqlite_schema_free(&salvage.schema);
    sqlite_damaged_table_free(&salvage.entries);
    sqlite_damaged_table_free(&salvage.checks);
    return status;
}
