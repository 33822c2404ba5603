/* SPDX-License-Identifier: MIT
 *
 * quarantine.c: rows that are no entry (a foreign hand, a damaged page) go to the table proxtier_quarantine, as
 * they are and with the reason, so that they are neither lost nor in the way.
 */
#include "store.h"

static pxt_status move_row(struct store *store, struct connection *connection, int64_t rowid, const char *reason,
                           struct pxt_error *error)
{
    static const enum sqlite_statement steps[] = {SQL_QUARANTINE, SQL_REMOVE_ROW};
    int rc = sqlite3_exec(connection->db, store->schema.quarantine_table, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return store_fail(store, connection->db, rc, error, "make the table for unreadable rows");
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement;
        pxt_status status = pool_statement(store, connection, steps[i], &statement, error);
        if (status)
            return status;
        sqlite3_bind_int64(statement, 1, rowid);
        if (steps[i] == SQL_QUARANTINE) {
            sqlite3_bind_double(statement, 2, seconds_of(store->host->now(store->host)));
            sqlite3_bind_text(statement, 3, reason, -1, SQLITE_STATIC);
        }
        status = run(store, connection, statement, error, "move an unreadable row");
        sqlite3_clear_bindings(statement);
        if (status)
            return status;
    }
    store->count_change -= sqlite3_changes(connection->db);
    return PXT_OK;
}

pxt_status quarantine(struct store *store, int64_t rowid, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement = NULL;
    struct pxt_error reason;
    pxt_entry *entry = NULL;
    int64_t same;
    pxt_status status = txn_begin(store, &connection, error);
    if (status)
        return status;
    status = pool_statement(store, connection, SQL_ROW, &statement, error);
    if (!status) {
        /* Once more, under the lock: somebody may have written a good one meanwhile. */
        sqlite3_bind_int64(statement, 1, rowid);
        status = row_next(store, connection, statement, &entry, &same, &reason);
        sqlite3_reset(statement);
        if (status && status != PXT_EINVAL && status != PXT_NOT_FOUND && error)
            *error = reason;
    }
    store->host->entry_release(entry);
    bool unreadable = status == PXT_EINVAL;
    if (unreadable)
        status = move_row(store, connection, rowid, reason.message, error);
    else if (status == PXT_NOT_FOUND)
        status = PXT_OK;
    status = txn_end(store, connection, status, error);
    if (unreadable && !status) {
        atomic_fetch_add(&store->corruptions, 1);
        store->host->log(store->host, PXT_LOG_WARNING,
                         "%s: a row of %s is unreadable (%s): moved to proxtier_quarantine", store->path,
                         store->schema.layout->table, reason.message);
    }
    return status;
}
