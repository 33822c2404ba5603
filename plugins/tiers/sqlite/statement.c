/* SPDX-License-Identifier: MIT
 *
 * statement.c: the prepared statements that a connection keeps.
 */
#include "store.h"

pxt_status sqlite_statement_get(struct store *store, struct connection *connection, enum sqlite_statement which,
                                sqlite3_stmt **out, struct pxt_error *error)
{
    if (!connection->statement[which]) {
        int rc = sqlite3_prepare_v3(connection->db, store->schema.sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                    &connection->statement[which], NULL);
        if (rc != SQLITE_OK)
            return sqlite_fail(store, connection->db, rc, error, "prepare a statement");
    }
    *out = connection->statement[which];
    return PXT_OK;
}

pxt_status sqlite_statement_run(struct store *store, struct connection *connection, sqlite3_stmt *statement,
                                struct pxt_error *error, const char *doing)
{
    int rc = sqlite3_step(statement);
    pxt_status status =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? PXT_OK : sqlite_fail(store, connection->db, rc, error, doing);
    sqlite3_reset(statement);
    return status;
}
