/* SPDX-License-Identifier: MIT
 *
 * txn.c: write transactions on the pool's writer, and what they keep: the exact number of rows, and whether there is a
 * tombstone.
 */
#include "store.h"

static pxt_status run_plain(struct store *store, struct connection *connection, enum sqlite_statement which,
                            struct pxt_error *error, const char *doing)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, which, &statement, error);
    return status ? status : sqlite_statement_run(store, connection, statement, error, doing);
}

unsigned sqlite_data_version(struct connection *connection)
{
    unsigned version = 0;
    return sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_DATA_VERSION, &version) == SQLITE_OK ? version : 0;
}

/* `*moved`: a salvage replaced the file while we waited for its lock: a commit would go to the damaged one. */
static pxt_status begin_once(struct store *store, struct connection **out, bool *moved, struct pxt_error *error)
{
    pxt_status status = sqlite_pool_write(store, out, error);
    if (status)
        return status;
    store->count_change = 0;
    store->only_hits = false;
    status = run_plain(store, *out, SQL_BEGIN, error, "begin to write");
    *moved = !status && sqlite_connection_moved(*out);
    if (!status && !*moved && store->no_tombstones)
        store->no_tombstones = sqlite_data_version(*out) == store->data_version;
    if (*moved)
        sqlite_connection_close(*out);
    if (status || *moved)
        sqlite_pool_release(store, *out);
    return status;
}

pxt_status sqlite_txn_begin(struct store *store, struct connection **out, struct pxt_error *error)
{
    bool moved = false;
    pxt_status status;
    do
        status = begin_once(store, out, &moved, error);
    while (!status && moved);
    return status;
}

pxt_status sqlite_txn_end(struct store *store, struct connection *connection, pxt_status status,
                          struct pxt_error *error)
{
    pxt_status committed = status;
    if (!status)
        committed = run_plain(store, connection, SQL_COMMIT, error, "write");
    if (committed) {
        /* SQLite may have rolled back by itself. Where that fails too the connection is of no more use. */
        if (!sqlite3_get_autocommit(connection->db) &&
            run_plain(store, connection, SQL_ROLLBACK, NULL, "roll back") != PXT_OK)
            sqlite_connection_close(connection);
        store->counted = store->counted && (status == PXT_NOT_FOUND || status == PXT_ESTALE);
        store->no_tombstones = false;
    } else {
        store->count += store->count_change;
        store->changed = store->changed || !store->only_hits;
        if (store->no_tombstones)
            store->data_version = sqlite_data_version(connection);
        sqlite_checkpoint_if_due(store, connection);
    }
    sqlite_pool_release(store, connection);
    return committed;
}
