/* SPDX-License-Identifier: MIT
 *
 * salvage.c: copies the readable entries of a damaged database into a new one, with their health and their history:
 * what is in no other tier would be lost otherwise. Entries keep their rowids, so that a walk goes on where it was.
 */
#include "salvage.h"
#include <stdlib.h>

struct salvage {
    struct store *store;
    struct connection *fresh;
    sqlite3 *db; /* the damaged one */
    /* One entry with the fields in the table of our own; ?1 rowid. NULL: there is no such table, or it is unreadable. */
    sqlite3_stmt *whole;
    struct damaged_table entries, checks;
    char key_index[SQLITE_COLUMN_MAX];
    uint64_t without_health;
};

/* ---- entries ---- */

/* The row select of the schema, from a rowid on. The table of our own is not read: the damage may be there. */
static int prepare_entries(struct salvage *salvage)
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
    int rc = text.failed ? SQLITE_NOMEM : sqlite3_prepare_v2(salvage->db, text.data, -1, &salvage->entries.walk, NULL);
    free(text.data);
    return rc;
}

static pxt_status keep_rowid(struct salvage *salvage, int64_t rowid, struct pxt_error *error)
{
    sqlite3 *db = salvage->fresh->db;
    int64_t given = sqlite3_last_insert_rowid(db);
    if (!given || given == rowid)
        return PXT_OK;
    const struct sqlite_schema *schema = &salvage->store->schema;
    char *text = sqlite3_mprintf("UPDATE %s SET rowid=%lld WHERE rowid=%lld;", schema->layout->table, (long long)rowid,
                                 (long long)given);
    if (text && schema->any_extra)
        text = sqlite3_mprintf("%zUPDATE %s SET entry_rowid=%lld WHERE entry_rowid=%lld", text, schema->layout->extra,
                               (long long)rowid, (long long)given);
    int rc = text ? sqlite3_exec(db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return rc == SQLITE_OK ? PXT_OK : sqlite_fail(salvage->store, db, rc, error, "copy its entries");
}

/* Reads an entry with the fields in the table of our own. PXT_EINVAL: they are unreadable. */
static pxt_status read_whole(struct salvage *salvage, int64_t rowid, pxt_entry **entry, struct pxt_error *error)
{
    pxt_status status = PXT_EINVAL;
    if (!salvage->whole)
        return status;
    sqlite3_bind_int64(salvage->whole, 1, rowid);
    int rc = sqlite3_step(salvage->whole);
    if (rc == SQLITE_ROW)
        status = sqlite_row_read(salvage->store, salvage->whole, entry, error);
    else if (rc != SQLITE_DONE && !damaged_here(rc))
        status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    sqlite3_reset(salvage->whole);
    return status;
}

static pxt_status keep_entry(void *arg, sqlite3_stmt *walk, int64_t rowid, bool *kept, struct pxt_error *error)
{
    struct salvage *salvage = arg;
    struct store *store = salvage->store;
    pxt_entry *entry = NULL;
    bool whole = true;
    pxt_status status = store->schema.any_extra ? read_whole(salvage, rowid, &entry, error) : PXT_EINVAL;
    if (status == PXT_EINVAL) {
        status = sqlite_row_read(store, walk, &entry, error);
        whole = !store->schema.any_extra;
        if (status && status != PXT_ENOMEM && status != PXT_ENOTSUP)
            return PXT_OK; /* damaged, or never an entry */
    }
    if (status == PXT_ENOTSUP)
        status = sqlite_rows_copy(store, salvage->fresh, walk, error);
    else if (!status)
        status = sqlite_rows_put(store, salvage->fresh, entry, error);
    store->host->entry_release(entry);
    if (!status)
        status = keep_rowid(salvage, rowid, error);
    *kept = !status;
    salvage->without_health += !status && !whole;
    return status;
}

static pxt_status copy_entries(struct salvage *salvage, struct pxt_error *error)
{
    const struct sqlite_schema *schema = &salvage->store->schema;
    sqlite3_snprintf(sizeof salvage->key_index, salvage->key_index, "sqlite_autoindex_%s_1", schema->layout->table);
    salvage->entries.name = schema->layout->table;
    salvage->entries.index = salvage->key_index;
    salvage->entries.index_column = "key";
    salvage->entries.rowid_column = (int)schema->field_count;
    if (schema->any_extra) {
        int rc = sqlite3_prepare_v2(salvage->db, schema->sql[SQL_ROW], -1, &salvage->whole, NULL);
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
static pxt_status keep_check(void *arg, sqlite3_stmt *walk, int64_t rowid, bool *kept, struct pxt_error *error)
{
    struct salvage *salvage = arg;
    sqlite3_stmt *add;
    (void)rowid;
    if (!is_check(walk))
        return PXT_OK;
    pxt_status status = sqlite_statement_get(salvage->store, salvage->fresh, SQL_CHECK_ADD, &add, error);
    if (status)
        return status;
    for (int i = 0; i < CHECK_COLUMNS; i++)
        sqlite3_bind_value(add, i + 1, sqlite3_column_value(walk, i));
    status = sqlite_statement_run(salvage->store, salvage->fresh, add, error, "copy its history");
    sqlite3_clear_bindings(add);
    *kept = !status && sqlite3_changes(salvage->fresh->db) > 0;
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
    if (rc == SQLITE_OK || damaged_here(rc))
        rc = sqlite3_exec(salvage->db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
    return rc;
}

static pxt_status copy(struct salvage *salvage, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    int rc = open_damaged(salvage);
    salvage->entries.db = salvage->checks.db = salvage->db;
    salvage->entries.store = salvage->checks.store = salvage->store;
    if (rc == SQLITE_OK)
        rc = prepare_entries(salvage);
    if (damaged_here(rc))
        rc = sqlite_repair_schema(&salvage->store->schema, salvage->db) == SQLITE_OK ? prepare_entries(salvage)
                                                                                     : SQLITE_CORRUPT;
    if (rc == SQLITE_OK) {
        status = copy_entries(salvage, error);
        if (!status && salvage->store->schema.layout->history)
            status = copy_checks(salvage, error);
    } else if (!damaged_here(rc)) {
        status = sqlite_fail(salvage->store, salvage->db, rc, error, "read its entries");
    }
    return status;
}

static void sum_up(const struct salvage *salvage, struct sqlite_salvaged *result)
{
    *result = (struct sqlite_salvaged){.entries = {.kept = salvage->entries.kept.count,
                                                   .lost = sqlite_damaged_table_lost(&salvage->entries),
                                                   .lost_exact = salvage->entries.index_whole},
                                       .checks = {.kept = salvage->checks.kept.count,
                                                  .lost = sqlite_damaged_table_lost(&salvage->checks),
                                                  .lost_exact = salvage->checks.index_whole},
                                       .without_health = salvage->without_health};
}

pxt_status sqlite_salvage(struct store *store, struct connection *fresh, struct sqlite_salvaged *result,
                          struct pxt_error *error)
{
    struct salvage salvage = {.store = store, .fresh = fresh};
    int rc = sqlite3_exec(fresh->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    pxt_status status = rc == SQLITE_OK ? copy(&salvage, error) : sqlite_fail(store, fresh->db, rc, error, "begin");
    if (!status && (rc = sqlite3_exec(fresh->db, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        status = sqlite_fail(store, fresh->db, rc, error, "copy its entries");
    if (!sqlite3_get_autocommit(fresh->db))
        sqlite3_exec(fresh->db, "ROLLBACK", NULL, NULL, NULL);
    sum_up(&salvage, result);
    sqlite3_finalize(salvage.whole);
    sqlite_damaged_table_free(&salvage.entries);
    sqlite_damaged_table_free(&salvage.checks);
    sqlite3_close(salvage.db);
    return status;
}
