/* SPDX-License-Identifier: MIT
 *
 * recover.c: opens the writer on a sound file. A damaged file is moved aside, a new one is started, and salvage.c
 * copies the readable rows into it.
 */
#include "store.h"
#include <stdlib.h>
#include <unistd.h>

/* Makes the tables that the file lacks, and switches it to a write-ahead log. An existing file is switched only after
 * its tables were found to be ours; a new one at once, for its tables are made faster so. */
static pxt_status make_tables(struct store *store, struct connection *connection, bool empty, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *column = NULL;
    int rc = sqlite_connection_set_up(store, connection, false);
    if (rc == SQLITE_OK && empty)
        rc = sqlite_connection_use_log(store, connection);
    if (rc == SQLITE_OK)
        rc = sqlite_tables_make(&store->schema, host, connection->db, &column);
    if (rc == SQLITE_MISMATCH && column)
        return host->fail(host, error, PXT_ECONFIG, 0,
                          "%s: table %s has no column %s, so it is not a cache of proxies: give another path",
                          store->path, store->schema.layout->table, column);
    if (rc == SQLITE_OK && !empty)
        rc = sqlite_connection_use_log(store, connection);
    return rc == SQLITE_OK ? PXT_OK : sqlite_fail(store, connection->db, rc, error, "make its tables");
}

static pxt_status open_once(struct store *store, struct pxt_error *error)
{
    bool empty = false;
    pxt_status status = sqlite_file_prepare(store, error);
    if (!status)
        status = sqlite_connection_open(store, store->path, &store->writer, error);
    if (status)
        return status;
    /* Until the file is known to be ours, closing must not bring its log into it. */
    sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    status = sqlite_owner_check(store, store->writer.db, &empty, error);
    if (!status)
        status = make_tables(store, &store->writer, empty, error);
    if (!status)
        status = sqlite_file_close_to_others(store, error);
    if (status)
        sqlite_connection_close(&store->writer);
    else
        sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return status;
}

static pxt_status replace_file(struct store *store, char **aside, struct pxt_error *error)
{
    pxt_status status = sqlite_file_move_aside(store, aside, error);
    if (status)
        return status;
    atomic_fetch_add(&store->corruptions, 1);
    store->host->log(store->host, PXT_LOG_WARNING, "%s was damaged: moved aside to %s, a new one is started",
                     store->path, *aside);
    return PXT_OK;
}

pxt_status sqlite_writer_open(struct store *store, bool damaged, struct pxt_error *error)
{
    char *aside = NULL;
    int lock = -1;
    store->counted = false;
    pxt_status status = sqlite_file_lock(store, &lock, error);
    if (status)
        return status;
    /* Another process may have repaired it while we waited for the lock. */
    if (damaged && sqlite_file_is_ours(store))
        status = replace_file(store, &aside, error);
    if (!status)
        status = open_once(store, error);
    if (status == PXT_ECORRUPT && !aside) {
        status = replace_file(store, &aside, error);
        if (!status)
            status = open_once(store, error);
    }
    if (!status) {
        sqlite_file_remember(store);
        atomic_store(&store->trouble, TROUBLE_NONE);
    }
    if (!status && aside)
        sqlite_salvage(store, aside);
    free(aside);
    if (lock >= 0)
        close(lock);
    return status;
}
