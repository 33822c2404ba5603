/* SPDX-License-Identifier: MIT
 *
 * salvage.c: what can still be read of a damaged database is brought into the new one: entries that stand in no
 * other tier would be lost otherwise. Rows are read by rowid from both ends, so that one bad page in the middle costs
 * what is on it and no more. The health history is not brought over; it stays in the file that was moved aside.
 */
#include "store.h"
#include <stdio.h>
#include <stdlib.h>

/* The row select of the schema, with another end. */
static sqlite3_stmt *prepare_walk(struct store *store, sqlite3 *db, bool backwards)
{
    sqlite3_stmt *walk = NULL;
    struct sqlite_text text = {0};
    char column[SQLITE_COLUMN_MAX];
    sqlite_text_add(&text, "SELECT ");
    for (size_t id = 0; id < store->schema.field_count; id++) {
        sqlite_column_of(&store->host->fields[id], column);
        /* The table of our own is not looked at: the damage may be there. */
        sqlite_text_add(&text, "%s,", store->schema.extra[id] ? "NULL" : column);
    }
    sqlite_text_add(&text, "rowid FROM %s NOT INDEXED ORDER BY rowid %s", store->schema.layout->table,
                    backwards ? "DESC" : "ASC");
    if (text.failed || sqlite3_prepare_v2(db, text.data, -1, &walk, NULL) != SQLITE_OK)
        walk = NULL;
    free(text.data);
    return walk;
}

/* Stores what it reads until the first unreadable page. True where the end was reached. */
static bool walk_rows(struct store *store, sqlite3 *db, bool backwards, uint64_t *saved)
{
    sqlite3_stmt *walk = prepare_walk(store, db, backwards);
    int rc = SQLITE_ERROR;
    pxt_status stored = PXT_OK;
    while (walk && !stored && (rc = sqlite3_step(walk)) == SQLITE_ROW) {
        pxt_entry *entry = NULL;
        if (sqlite_row_read(store, walk, &entry, NULL) != PXT_OK)
            continue;
        stored = sqlite_rows_put(store, &store->writer, entry, NULL);
        *saved += !stored;
        store->host->entry_release(entry);
    }
    sqlite3_finalize(walk);
    return stored || rc == SQLITE_DONE;
}

void sqlite_salvage(struct store *store, const char *damaged)
{
    sqlite3 *db = NULL;
    uint64_t saved = 0;
    bool whole = false;
    if (sqlite3_open_v2(damaged, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_exec(db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
        if (sqlite3_exec(store->writer.db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
            whole = walk_rows(store, db, false, &saved) || walk_rows(store, db, true, &saved);
            if (sqlite3_exec(store->writer.db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
                sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
                saved = 0;
            }
        }
    }
    sqlite3_close(db);
    store->counted = false;
    if (saved)
        store->host->log(store->host, PXT_LOG_NOTICE,
                         "%s: %llu entries could be read in the damaged file and were kept%s", store->path,
                         (unsigned long long)saved, whole ? "" : "; others are lost");
}
