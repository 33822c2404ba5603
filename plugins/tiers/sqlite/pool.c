/* SPDX-License-Identifier: MIT
 *
 * pool.c: one connection that writes, and as many that read as are needed at once, up to a limit; each opened at
 * its first use and kept with its statements. The first reads go through the writer, where it is free: a process that reads
 * a few entries opens one connection. After them readers come first, because they read faster (connect.c).
 *
 * When the file turned out to be damaged, or another one stands in its place, the next call waits until no connection
 * is in use, closes all, and opens the file anew.
 */
#include "store.h"
#include <stdlib.h>

enum {
    MOVED_CHECK_EVERY = 32, /* reads of a connection between two checks that the file is still there */
    READS_BY_WRITER = 64    /* reads through the writer before a reader is opened */
};

static void close_idle(struct store *store)
{
    while (store->idle) {
        struct connection *connection = store->idle;
        store->idle = connection->next;
        store->reader_count--;
        sqlite_connection_close(connection);
        free(connection);
    }
}

/* Waits until no connection reads, and keeps readers out until `reopening` ends. write_lock is held. */
static void hold_readers(struct store *store)
{
    pthread_mutex_lock(&store->pool_lock);
    store->reopening = true;
    while (store->reader_busy)
        pthread_cond_wait(&store->pool_changed, &store->pool_lock);
    close_idle(store);
    pthread_mutex_unlock(&store->pool_lock);
}

static void let_readers_go(struct store *store)
{
    pthread_mutex_lock(&store->pool_lock);
    store->reopening = false;
    pthread_cond_broadcast(&store->pool_changed);
    pthread_mutex_unlock(&store->pool_lock);
}

static pxt_status reopen(struct store *store, struct pxt_error *error)
{
    bool damaged = atomic_load(&store->trouble) == TROUBLE_DAMAGED;
    hold_readers(store);
    if (store->writer.db)
        sqlite_connection_close(&store->writer);
    pxt_status status = sqlite_writer_open(store, damaged, error);
    let_readers_go(store);
    return status;
}

/* Makes sure that the writer is open and on the right file. write_lock is held. */
static pxt_status ready_writer(struct store *store, bool look, struct pxt_error *error)
{
    if (store->writer.db && !atomic_load(&store->trouble) && !(look && sqlite_connection_moved(&store->writer)))
        return PXT_OK;
    return reopen(store, error);
}

pxt_status sqlite_pool_write(struct store *store, struct connection **out, struct pxt_error *error)
{
    pthread_mutex_lock(&store->write_lock);
    pxt_status status = ready_writer(store, true, error);
    if (status) {
        pthread_mutex_unlock(&store->write_lock);
        return status;
    }
    *out = &store->writer;
    return PXT_OK;
}

static bool due_for_a_look(struct connection *connection)
{
    return ++connection->uses % MOVED_CHECK_EVERY == 0;
}

/* Under pool_lock: an idle reader, or room for a new one in `*fresh`. */
static struct connection *take_reader(struct store *store, bool *fresh)
{
    struct connection *connection = store->idle;
    *fresh = false;
    if (connection) {
        store->idle = connection->next;
    } else if (store->reader_count < store->reader_max) {
        connection = calloc(1, sizeof *connection);
        if (!connection)
            return NULL;
        store->reader_count++;
        *fresh = true;
    }
    if (connection)
        store->reader_busy++;
    return connection;
}

/* Under pool_lock: locks the writer, if it is free. */
static bool take_writer(struct store *store)
{
    bool taken = !pthread_mutex_trylock(&store->write_lock);
    store->writer_reads += taken;
    return taken;
}

/* Where a reader cannot be opened, the writer reads for a while before the next try. */
static void drop_reader(struct store *store, struct connection *connection)
{
    sqlite_connection_close(connection);
    free(connection);
    pthread_mutex_lock(&store->pool_lock);
    store->writer_reads = 0;
    store->reader_busy--;
    store->reader_count--;
    pthread_cond_broadcast(&store->pool_changed);
    pthread_mutex_unlock(&store->pool_lock);
}

static bool open_reader(struct store *store, struct connection *connection)
{
    return sqlite_connection_open(store, store->path, connection, NULL) == PXT_OK &&
           sqlite_connection_set_up(store, connection, true) == SQLITE_OK;
}

/* Returns a reader, without waiting for the writer. NULL: the writer has to serve; `*writer` says that it is locked. */
static struct connection *find_reader(struct store *store, bool *writer)
{
    bool fresh = false;
    struct connection *connection = NULL;
    *writer = false;
    pthread_mutex_lock(&store->pool_lock);
    while (store->reopening)
        pthread_cond_wait(&store->pool_changed, &store->pool_lock);
    if (!store->idle && store->writer_reads < READS_BY_WRITER)
        *writer = take_writer(store);
    if (!*writer)
        connection = take_reader(store, &fresh);
    if (!*writer && !connection)
        *writer = take_writer(store);
    pthread_mutex_unlock(&store->pool_lock);
    if (!connection)
        return NULL;
    if ((fresh && !open_reader(store, connection)) ||
        (due_for_a_look(connection) && sqlite_connection_moved(connection))) {
        drop_reader(store, connection);
        return NULL;
    }
    return connection;
}

pxt_status sqlite_pool_read(struct store *store, struct connection **out, struct pxt_error *error)
{
    bool writer = false;
    struct connection *reader = NULL;
    if (!atomic_load(&store->trouble))
        reader = find_reader(store, &writer);
    if (reader) {
        *out = reader;
        return PXT_OK;
    }
    if (!writer)
        return sqlite_pool_write(store, out,
                                 error); /* all readers are taken, or the file needs a repair, which the writer makes */
    pxt_status status = ready_writer(store, due_for_a_look(&store->writer), error);
    if (status)
        pthread_mutex_unlock(&store->write_lock);
    else
        *out = &store->writer;
    return status;
}

void sqlite_pool_release(struct store *store, struct connection *connection)
{
    if (connection == &store->writer) {
        pthread_mutex_unlock(&store->write_lock);
        return;
    }
    pthread_mutex_lock(&store->pool_lock);
    connection->next = store->idle;
    store->idle = connection;
    store->reader_busy--;
    if (store->reopening)
        pthread_cond_broadcast(&store->pool_changed);
    pthread_mutex_unlock(&store->pool_lock);
}

void sqlite_pool_close(struct store *store)
{
    sqlite_checkpoint_at_close(store);
    close_idle(store);
    sqlite_connection_close(&store->writer);
}
