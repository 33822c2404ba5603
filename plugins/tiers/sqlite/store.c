/* SPDX-License-Identifier: MIT
 *
 * store.c: opens and closes a store.
 *
 * One file, in WAL mode: readers never wait for the writer, a transaction survives the end of the process,
 * and several processes may have it open. Files of ProxyWhirl are used as they are, tables and columns included.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>

static pxt_status prepare_folder(struct store *store, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *slash = strrchr(store->path, '/');
    if (!slash || !slash[1])
        return host->fail(host, error, PXT_ECONFIG, 0, "%s is not the absolute path of a file", store->path);
    store->folder = slash == store->path ? strdup("/") : strndup(store->path, (size_t)(slash - store->path));
    if (!store->folder)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a path");
    return host->prepare_folder(host, store->folder, error);
}

enum { SMALL_MMAP = 128 << 20 };

static void read_settings(struct store *store, const struct pxt_settings *settings)
{
    const struct pxt_host *host = store->host;
    const char *sync = host->setting_text(settings, "sync");
    bool none = sync && !strcmp(sync, "none"), full = sync && !strcmp(sync, "full");
    store->busy_ms = (int)(host->setting_number(settings, "busy_timeout") / 1000);
    store->check_time = host->setting_number(settings, "check_time");
    store->mmap_size = host->setting_number(settings, "mmap");
    if (sizeof(void *) < 8 && store->mmap_size > SMALL_MMAP) /* each connection has its own part of few addresses */
        store->mmap_size = SMALL_MMAP;
    const char *compatible = host->setting_text(settings, "compatible");
    store->compatible = compatible && !strcmp(compatible, "proxywhirl");
    store->synced = full;
    /* Without a write-ahead log a transaction ends with the removal of its journal, which FULL does not sync. */
    store->synchronous = none ? "OFF" : !full ? "NORMAL" : store->compatible ? "EXTRA" : "FULL";
    int64_t connections = host->setting_number(settings, "connections");
    store->reader_max = connections > 0 ? (unsigned)connections : 1;
}

pxt_status sqlite_store_open(const struct pxt_host *host, const struct pxt_tier_setup *setup,
                             const struct sqlite_layout *layout, char *path, void **self, struct pxt_error *error)
{
    if (!sqlite3_threadsafe()) {
        free(path);
        return host->fail(host, error, PXT_ENOTSUP, 0, "this SQLite was built without threads: install another one");
    }
    struct store *store = path ? calloc(1, sizeof *store) : NULL;
    if (!store) {
        free(path);
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a database");
    }
    store->host = host;
    store->path = path;
    atomic_store(&store->check_from, INT64_MIN);
    atomic_store(&store->checked_at, host->now(host));
    store->order = setup->max_entries && setup->policy ? setup->policy->order : NULL;
    pthread_mutex_init(&store->write_lock, NULL);
    pthread_mutex_init(&store->pool_lock, NULL);
    pthread_cond_init(&store->pool_changed, NULL);
    read_settings(store, setup->settings);
    pxt_status status = sqlite_schema_make(&store->schema, layout, store->compatible ? FORM_SHARED : FORM_PACKED, host,
                                           store->order, error);
    if (!status)
        status = prepare_folder(store, error);
    if (!status)
        status = sqlite_writer_open(store, false, error);
    if (status)
        sqlite_store_close(store);
    else
        *self = store;
    return status;
}

void sqlite_store_close(void *self)
{
    struct store *store = self;
    sqlite_pool_close(store);
    pthread_cond_destroy(&store->pool_changed);
    pthread_mutex_destroy(&store->pool_lock);
    pthread_mutex_destroy(&store->write_lock);
    sqlite_schema_free(&store->schema);
    free(store->folder);
    free(store->path);
    free(store);
}

bool sqlite_store_is_synced(const void *self)
{
    const struct store *store = self;
    return store->synced;
}

bool sqlite_store_keeps_leases(const void *self)
{
    const struct store *store = self;
    return !store->compatible;
}

const char *sqlite_store_shared_path(void *self)
{
    const struct store *store = self;
    return store->path;
}

uint64_t sqlite_store_corruptions(void *self)
{
    struct store *store = self;
    return atomic_load(&store->corruptions);
}
