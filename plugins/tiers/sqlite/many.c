/* SPDX-License-Identifier: MIT
 *
 * many.c: operations on many entries at a time: accesses, victims, expiry, maintenance.
 */
#include "store.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pxt_status touch_one(struct store *store, struct connection *connection, sqlite3_stmt *statement,
                            const struct pxt_touch *touch, struct pxt_error *error)
{
    uint64_t hits = touch->hits < (uint64_t)PXT_COUNT_MAX ? touch->hits : (uint64_t)PXT_COUNT_MAX;
    sqlite3_bind_text(statement, 1, touch->key.text, (int)touch->key.length, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (int64_t)hits);
    if (touch->last_accessed == PXT_TIME_NONE)
        sqlite3_bind_null(statement, 3);
    else
        sqlite3_bind_double(statement, 3, sqlite_seconds_of(touch->last_accessed));
    sqlite3_bind_int(statement, 4, touch->evicted_from_l1 != 0);
    if (store->schema.stamps)
        sqlite3_bind_double(statement, 5, sqlite_seconds_of(store->host->now(store->host)));
    return sqlite_statement_run(store, connection, statement, error, "count accesses");
}

static pxt_status touch_once(struct store *store, const struct pxt_touch *const *touches, size_t n,
                             struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    if (!n)
        return PXT_OK;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    store->only_hits = true;
    status = sqlite_statement_get(store, connection, SQL_TOUCH, &statement, error);
    for (size_t i = 0; i < n && !status; i++)
        status = touch_one(store, connection, statement, touches[i], error);
    return sqlite_txn_end(store, connection, status, error);
}

pxt_status sqlite_store_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = touch_once(self, touches, n, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

static pxt_status first_in_order(struct store *store, pxt_entry **out, int64_t *rowid, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_VICTIM, &statement, error);
    if (!status) {
        status = sqlite_row_next(store, connection, statement, out, rowid, error);
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    return status;
}

static pxt_status victim_once(struct store *store, pxt_entry **out, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    if (!store->order)
        return host->fail(host, error, PXT_ENOTSUP, 0, "%s: the policy names no order to choose by", store->path);
    for (;;) {
        int64_t rowid = 0;
        pxt_status status = first_in_order(store, out, &rowid, error);
        if (status != PXT_EINVAL)
            return status == PXT_ENOTSUP ? PXT_NOT_FOUND : status;
        status = sqlite_quarantine(store, rowid, error);
        if (status)
            return status;
    }
}

pxt_status sqlite_store_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    (void)incoming;
    unsigned tries = 0;
    pxt_status status;
    do
        status = victim_once(self, out, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

/* ---- expiry ---- */

enum { EXPIRE_BATCH = 4000 };

/* Keys of removed rows, each followed by NUL. */
struct removed {
    char *text;
    size_t length, size, count;
    uint64_t tombstones;
};

static bool remember_key(struct removed *removed, sqlite3_stmt *statement)
{
    const char *key = (const char *)sqlite3_column_text(statement, 0);
    size_t length = (size_t)sqlite3_column_bytes(statement, 0);
    removed->count++;
    if (!key || !length || length > PXT_KEY_MAX || memchr(key, '\0', length))
        return sqlite3_column_type(statement, 0) != SQLITE_TEXT || key; /* not a valid key: no caller knows it */
    if (removed->length + length + 1 > removed->size) {
        size_t size = 2 * removed->size + PXT_KEY_MAX + 1;
        char *grown = realloc(removed->text, size);
        if (!grown)
            return false;
        removed->text = grown;
        removed->size = size;
    }
    memcpy(removed->text + removed->length, key, length);
    removed->length += length;
    removed->text[removed->length++] = '\0';
    return true;
}

/* Removes up to `limit` in one transaction. */
static pxt_status expire_batch(struct store *store, pxt_time now, uint64_t up_to, size_t limit, struct removed *removed,
                               struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_EXPIRE, &statement, error);
    if (!status) {
        int rc;
        sqlite3_bind_double(statement, 1, sqlite_seconds_of(now));
        sqlite3_bind_int64(statement, 2, (int64_t)limit);
        sqlite3_bind_int64(statement, 3, up_to < INT64_MAX ? (int64_t)up_to : INT64_MAX);
        while (!status && (rc = sqlite3_step(statement)) != SQLITE_DONE) {
            if (rc != SQLITE_ROW)
                status = sqlite_fail(store, connection->db, rc, error, "remove expired entries");
            else if (!remember_key(removed, statement))
                status = store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for expired keys");
        }
        sqlite3_reset(statement);
    }
    store->count_change = -(int64_t)removed->count;
    if (!status && removed->count < limit)
        status =
            sqlite_tombstone_expire(store, connection, now, up_to, limit - removed->count, &removed->tombstones, error);
    return sqlite_txn_end(store, connection, status, error);
}

pxt_status sqlite_store_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                               uint64_t *removed, struct pxt_error *error)
{
    struct store *store = self;
    pxt_status status = PXT_OK;
    bool more = true;
    *removed = 0;
    while (!status && more && *removed < limit) {
        struct removed batch = {0};
        size_t left = limit - (size_t)*removed, want = left < EXPIRE_BATCH ? left : EXPIRE_BATCH;
        unsigned tries = 0;
        do {
            batch.length = batch.count = 0;
            batch.tombstones = 0;
            status = expire_batch(store, now, up_to, want, &batch, error);
        } while (sqlite_try_again(status, &tries));
        if (!status) {
            *removed += batch.count + batch.tombstones;
            more = batch.count + batch.tombstones == want;
            for (size_t at = 0; at < batch.length;) {
                struct pxt_key key;
                store->host->key_init(&key, batch.text + at, strlen(batch.text + at));
                fn(arg, &key);
                at += key.length + 1;
            }
        }
        free(batch.text);
    }
    return status;
}

/* ---- maintenance ---- */

enum { LOG_IS_LONG = 1 << 20 };

/* A checkpoint forces the disk to write; a short log is not worth it. */
static bool log_is_long(const struct store *store)
{
    char path[PATH_MAX];
    struct stat file;
    int length = snprintf(path, sizeof path, "%s-wal", store->path);
    return length > 0 && (size_t)length < sizeof path && !stat(path, &file) && file.st_size >= LOG_IS_LONG;
}

static pxt_status maintain_once(struct store *store, struct pxt_error *error)
{
    struct connection *connection;
    pxt_status status = sqlite_pool_write(store, &connection, error);
    if (status)
        return status;
    int rc = SQLITE_OK;
    if (log_is_long(store))
        rc = sqlite_checkpoint(store, connection);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(connection->db, "PRAGMA optimize", NULL, NULL, NULL);
    /* If other processes are busy with the file, the next maintenance does it. */
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)
        status = sqlite_fail(store, connection->db, rc, error, "tidy up");
    sqlite_pool_release(store, connection);
    return status ? status : sqlite_index_check(store, error);
}

pxt_status sqlite_store_maintain(void *self, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = maintain_once(self, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

static int sync_file(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db, "main", which, &file);
    if (rc != SQLITE_OK || !file || !file->pMethods)
        return rc; /* no log yet: nothing was written through this connection */
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/* Syncs the log, then the database: pages that a checkpoint moves out of the log meanwhile are in the database by then.
 * This is cheaper than a checkpoint, and no reader can delay it. Without a log a transaction ends with the removal of its
 * journal, which only a sync of the folder brings to the disk. */
static pxt_status sync_once(struct store *store, struct pxt_error *error)
{
    struct connection *connection;
    pxt_status status = sqlite_pool_write(store, &connection, error);
    if (status)
        return status;
    int rc = sync_file(connection->db, SQLITE_FCNTL_JOURNAL_POINTER);
    if (rc == SQLITE_OK)
        rc = sync_file(connection->db, SQLITE_FCNTL_FILE_POINTER);
    if (rc != SQLITE_OK)
        status = sqlite_fail(store, connection->db, rc, error, "bring everything to the disk");
    else if (store->compatible)
        status = sqlite_file_sync_folder(store, error);
    sqlite_pool_release(store, connection);
    return status;
}

pxt_status sqlite_store_sync(void *self, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = sync_once(self, error);
    while (sqlite_try_again(status, &tries));
    return status;
}
