/* SPDX-License-Identifier: MIT
 *
 * connect.c: opens and closes connections: settings, tables, and what happens to a file that is damaged.
 */
#include "store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int set_up(struct store *store, sqlite3 *db, bool reader)
{
    char text[400];
    bool wal = true;
    int rc = SQLITE_OK;
    if (!reader)
        rc = sqlite3_exec(db, "PRAGMA journal_mode=WAL", log_mode, &wal, NULL);
    if (!wal)
        store->host->log(store->host, PXT_LOG_WARNING,
                         "%s: this file system offers no write-ahead log; readers and writers will wait for each other",
                         store->path);
    snprintf(text, sizeof text,
             "PRAGMA synchronous=%s;PRAGMA mmap_size=%lld;PRAGMA temp_store=MEMORY;PRAGMA cell_size_check=ON;"
             "PRAGMA secure_delete=FAST;PRAGMA journal_size_limit=8388608;PRAGMA analysis_limit=200;%s",
             store->synchronous, (long long)store->mmap_size, reader ? "PRAGMA query_only=ON" : "");
    return rc == SQLITE_OK ? sqlite3_exec(db, text, NULL, NULL, NULL) : rc;
}

pxt_status connection_open(struct store *store, struct connection *connection, bool reader, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    int rc = sqlite3_open_v2(store->path, &connection->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    pxt_status status = PXT_OK;
    if (rc == SQLITE_OK) {
        configure(store, connection->db);
        rc = set_up(store, connection->db, reader);
    }
    if (rc != SQLITE_OK)
        status = store_fail(store, connection->db, rc, error, "open it");
    else if (sqlite3_db_readonly(connection->db, "main") == 1)
        status = host->fail(host, error, PXT_EACCES, 0, "%s cannot be written: chmod u+w %s", store->path, store->path);
    if (status)
        connection_close(connection);
    return status;
}

void connection_close(struct connection *connection)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(connection->statement[i]);
        connection->statement[i] = NULL;
    }
    sqlite3_close(connection->db);
    connection->db = NULL;
    connection->uses = 0;
}

bool connection_moved(const struct connection *connection)
{
    int moved = 0;
    return sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

static pxt_status open_once(struct store *store, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *column = NULL;
    pxt_status status = file_prepare(store, error);
    if (!status)
        status = connection_open(store, &store->writer, false, error);
    if (status)
        return status;
    int rc = sqlite_tables_make(&store->schema, host, store->writer.db, &column);
    if (rc == SQLITE_MISMATCH && column)
        status = host->fail(host, error, PXT_ECONFIG, 0,
                            "%s: table %s has no column %s, so it is not a cache of proxies: give another path",
                            store->path, store->schema.layout->table, column);
    else if (rc != SQLITE_OK)
        status = store_fail(store, store->writer.db, rc, error, "make its tables");
    if (status)
        connection_close(&store->writer);
    return status;
}

static pxt_status replace_file(struct store *store, char **aside, struct pxt_error *error)
{
    pxt_status status = file_move_aside(store, aside, error);
    if (status)
        return status;
    atomic_fetch_add(&store->corruptions, 1);
    store->host->log(store->host, PXT_LOG_WARNING, "%s was damaged: moved aside to %s, a new one is started",
                     store->path, *aside);
    return PXT_OK;
}

pxt_status writer_open(struct store *store, bool damaged, struct pxt_error *error)
{
    char *aside = NULL;
    int lock = -1;
    store->counted = false;
    pxt_status status = file_lock(store, &lock, error);
    if (status)
        return status;
    /* Another process may have mended it while we waited for the lock. */
    if (damaged && file_is_ours(store))
        status = replace_file(store, &aside, error);
    if (!status)
        status = open_once(store, error);
    if (status == PXT_ECORRUPT && !aside) {
        status = replace_file(store, &aside, error);
        if (!status)
            status = open_once(store, error);
    }
    if (!status) {
        file_remember(store);
        atomic_store(&store->trouble, TROUBLE_NONE);
    }
    if (!status && aside)
        salvage(store, aside);
    free(aside);
    if (lock >= 0)
        close(lock);
    return status;
}
