/* SPDX-License-Identifier: MIT
 *
 * connect.c: opens and closes one connection, with its settings.
 */
#include "packed.h"
#include "select.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Data in the file must not be able to run anything: no functions out of the schema, no changes of the schema by hand.
 */
static void configure(struct store *store, sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, store->busy_ms);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
}

static int log_mode(void *arg, int columns, char **values, char **names)
{
    (void)names;
    if (columns == 1 && values[0])
        *(bool *)arg = !strcmp(values[0], "wal");
    return 0;
}

pxt_status sqlite_connection_open(struct store *store, const char *path, struct connection *connection,
                                  struct pxt_error *error)
{
    int rc = sqlite3_open_v2(path, &connection->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    pxt_status status = PXT_OK;
    if (rc == SQLITE_OK) {
        configure(store, connection->db);
        sqlite_checkpoint_prepare(connection);
        rc = sqlite_packed_register(connection->db, store->host);
    }
    if (rc != SQLITE_OK)
        status = sqlite_fail(store, connection->db, rc, error, "open it");
    else if (sqlite3_db_readonly(connection->db, "main") == 1)
        status = store->host->fail(store->host, error, PXT_EACCES, 0, "%s cannot be written: chmod u+w %s", path, path);
    if (status)
        sqlite_connection_close(connection);
    return status;
}

int sqlite_connection_set_up(struct store *store, struct connection *connection, bool reader)
{
    char text[400];
    /* The writer looks at all cells of a page when it reads the page, so that it writes nothing where there is damage. In
     * a reader that would be most of the work of a get: a page that is mapped is read anew by each. */
    snprintf(text, sizeof text,
             "PRAGMA synchronous=%s;PRAGMA mmap_size=%lld;PRAGMA temp_store=MEMORY;PRAGMA %s=ON;"
             "PRAGMA secure_delete=FAST;PRAGMA journal_size_limit=8388608;PRAGMA analysis_limit=200",
             store->synchronous, (long long)store->mmap_size, reader ? "query_only" : "cell_size_check");
    return sqlite3_exec(connection->db, text, NULL, NULL, NULL);
}

int sqlite_connection_use_log(struct store *store, struct connection *connection)
{
    bool wal = true;
    if (store->compatible)
        return SQLITE_OK;
    int rc = sqlite3_exec(connection->db, "PRAGMA journal_mode=WAL", log_mode, &wal, NULL);
    if (!wal)
        store->host->log(store->host, PXT_LOG_WARNING,
                         "%s: this file system offers no write-ahead log; readers and writers will wait for each other",
                         store->path);
    return rc;
}

void sqlite_connection_close(struct connection *connection)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(connection->statement[i]);
        connection->statement[i] = NULL;
    }
    while (connection->selects) {
        struct select_statement *kept = connection->selects;
        connection->selects = kept->next;
        sqlite3_finalize(kept->statement);
        free(kept);
    }
    sqlite3_close(connection->db);
    connection->db = NULL;
    connection->uses = connection->placed_version = 0;
}

bool sqlite_connection_moved(const struct connection *connection)
{
    int moved = 0;
    return sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}
