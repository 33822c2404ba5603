/* SPDX-License-Identifier: MIT
 *
 * quarantine.c: moves rows that are not entries (changed by another program, or damaged) to the table
 * proxtier_quarantine, unchanged and with the reason, so that they are neither lost nor in the way.
 */
#include "store.h"

static pxt_status move_row(struct store *store, struct connection *connection, int64_t rowid, const char *reason,
                           struct pxt_error *error)
{
    static const enum sqlite_statement steps[] = {SQL_QUARANTINE, SQL_REMOVE_ROW};
    int rc = sqlite3_exec(connection->db, store->schema.quarantine_table, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(store, connection->db, rc, error, "make the table for unreadable rows");
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement;
        pxt_status status = sqlite_statement_get(store, connection, steps[i], &statement, error);
        if (status)
            return status;
        sqlite3_bind_int64(statement, 1, rowid);
        if (steps[i] == SQL_QUARANTINE) {
            sqlite3_bind_double(statement, 2, sqlite_seconds_of(store->host->now(store->host)));
            sqlite3_bind_text(statement, 3, reason, -1, SQLITE_STATIC);
        }
        status = sqlite_statement_run(store, connection, statement, error, "move an unreadable row");
        sqlite3_clear_bindings(statement);
        if (status)
            return status;
    }
    store->count_change -= sqlite3_changes(connection->db);
    return PXT_OK;
}

static pxt_status quarantine_once(struct store *store, int64_t rowid, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement = NULL;
    struct pxt_error reason;
    pxt_entry *entry = NULL;
    int64_t same;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_ROW, &statement, error);
    if (!status) {
        /* Once more, under the lock: another connection may have written a good row meanwhile. */
        sqlite3_bind_int64(statement, 1, rowid);
        status = sqlite_row_next(store, connection, statement, &entry, &same, &reason);
        sqlite3_reset(statement);
        if (status && status != PXT_EINVAL && status != PXT_NOT_FOUND && status != PXT_ENOTSUP && error)
            *error = reason;
    }
    store->host->entry_release(entry);
    bool unreadable = status == PXT_EINVAL;
    if (unreadable)
        status = move_row(store, connection, rowid, reason.message, error);
    else if (status == PXT_NOT_FOUND || status == PXT_ENOTSUP)
        status = PXT_OK;
    status = sqlite_txn_end(store, connection, status, error);
    if (unreadable && !status) {
        atomic_fetch_add(&store->corruptions, 1);
        store->host->log(store->host, PXT_LOG_WARNING,
                         "%s: a row of %s is unreadable (%s): moved to proxtier_quarantine", store->path,
                         store->schema.layout->table, reason.message);
    }
    return status;
}

pxt_status sqlite_quarantine(struct store *store, int64_t rowid, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = quarantine_once(store, rowid, error);
    while (sqlite_try_again(status, &tries));
    return status;
}
