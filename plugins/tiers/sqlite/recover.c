/* SPDX-License-Identifier: MIT
 *
 * recover.c: opens the writer on a sound file. A damaged file is moved aside, a new one is started, and salvage.c
 * copies the readable rows into it.
 */
#include "store.h"
#include <stdlib.h>
#include <unistd.h>

static pxt_status open_once(struct store *store, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *column = NULL;
    pxt_status status = sqlite_file_prepare(store, error);
    if (!status)
        status = sqlite_connection_open(store, &store->writer, false, error);
    if (status)
        return status;
    int rc = sqlite_tables_make(&store->schema, host, store->writer.db, &column);
    if (rc == SQLITE_MISMATCH && column)
        status = host->fail(host, error, PXT_ECONFIG, 0,
                            "%s: table %s has no column %s, so it is not a cache of proxies: give another path",
                            store->path, store->schema.layout->table, column);
    else if (rc != SQLITE_OK)
        status = sqlite_fail(store, store->writer.db, rc, error, "make its tables");
    if (status)
        sqlite_connection_close(&store->writer);
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
