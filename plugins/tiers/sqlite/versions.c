/* SPDX-License-Identifier: MIT
 *
 * versions.c: which keys have a version above another; and the text that the core keeps beside the entries.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>

/* ---- versions ----
 *
 * In pages, so that no statement is open while a caller's function runs. There is no index on the version, which every
 * put would have to keep: a page is a number of rows, of which some are told. */

enum { PAGE = 512 };
struct listed {
    uint64_t version;
    uint32_t length;
    char key[PXT_KEY_MAX + 1];
};
struct page {
    bool tombstones, last;
    int64_t rowid;             /* the last one seen */
    char key[PXT_KEY_MAX + 1]; /* of the last tombstone seen */
    uint64_t above;
    unsigned count;
    struct listed listed[PAGE];
};

/* Adds a row if it is to be told. False: its key cannot be one of an entry. */
static bool add_row(struct page *page, sqlite3_stmt *statement, int column)
{
    struct listed *listed = &page->listed[page->count];
    const char *key = (const char *)sqlite3_column_text(statement, column);
    int length = sqlite3_column_bytes(statement, column);
    int64_t version = sqlite3_column_int64(statement, column + 1);
    if (sqlite3_column_type(statement, column) != SQLITE_TEXT || !key || length <= 0 || length > PXT_KEY_MAX ||
        memchr(key, '\0', (size_t)length))
        return false;
    listed->version = version > 0 ? (uint64_t)version : 0;
    listed->length = (uint32_t)length;
    memcpy(listed->key, key, (size_t)length);
    listed->key[length] = '\0';
    page->count += !listed->version || listed->version > page->above;
    return true;
}

/* Goes on behind the row that the statement stands on. SQLITE_CORRUPT: the rows are not in order: the walk would not end. */
static int step_on(struct page *page, sqlite3_stmt *statement)
{
    if (page->tombstones) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        if (!key || strlen(key) > PXT_KEY_MAX || strcmp(key, page->key) <= 0)
            return SQLITE_CORRUPT;
        strcpy(page->key, key);
        add_row(page, statement, 0);
        return SQLITE_OK;
    }
    int64_t rowid = sqlite3_column_int64(statement, 0);
    if (rowid <= page->rowid)
        return SQLITE_CORRUPT;
    page->rowid = rowid;
    add_row(page, statement, 1);
    return SQLITE_OK;
}

static pxt_status fill(struct store *store, struct connection *connection, struct page *page, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    unsigned rows = 0;
    pxt_status status = sqlite_statement_get(store, connection, page->tombstones ? SQL_TOMBSTONE_PAGE : SQL_VERSIONS,
                                             &statement, error);
    if (status)
        return status;
    if (page->tombstones)
        sqlite3_bind_text(statement, 1, page->key, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_int64(statement, 1, page->rowid);
    sqlite3_bind_int64(statement, 2, PAGE);
    int rc;
    for (; (rc = sqlite3_step(statement)) == SQLITE_ROW; rows++)
        if ((rc = step_on(page, statement)) != SQLITE_OK)
            break;
    page->last = rows < PAGE;
    if (rc != SQLITE_DONE)
        status = sqlite_fail(store, connection->db, rc, error, "read its versions");
    sqlite3_reset(statement);
    return status;
}

static pxt_status read_page(struct store *store, struct page *page, struct pxt_error *error)
{
    struct connection *connection;
    const int64_t rowid = page->rowid;
    char key[PXT_KEY_MAX + 1];
    strcpy(key, page->key);
    page->count = 0;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = fill(store, connection, page, error);
    sqlite_pool_release(store, connection);
    if (status) {
        page->rowid = rowid;
        strcpy(page->key, key);
    }
    return status;
}

static pxt_status walk(struct store *store, struct page *page, pxt_version_fn *fn, void *arg, bool *more,
                       struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    page->last = false;
    while (!status && *more && !page->last) {
        unsigned tries = 0;
        do
            status = read_page(store, page, error);
        while (sqlite_try_again(status, &tries));
        for (unsigned i = 0; i < page->count && !status && *more; i++) {
            struct pxt_key key;
            store->host->key_init(&key, page->listed[i].key, page->listed[i].length);
            *more = fn(arg, &key, page->listed[i].version);
        }
    }
    return status;
}

/* Entries first: one that is removed meanwhile is seen by its tombstone at the latest. */
pxt_status sqlite_store_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    struct store *store = self;
    bool more = true;
    struct page *page = calloc(1, sizeof *page);
    if (!page)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory to list versions");
    page->above = above;
    page->rowid = INT64_MIN;
    pxt_status status = walk(store, page, fn, arg, &more, error);
    page->tombstones = true;
    if (!status && more)
        status = walk(store, page, fn, arg, &more, error);
    free(page);
    return status;
}

/* ---- the record ---- */

static pxt_status record_get_once(struct store *store, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_RECORD_GET, &statement, error);
    if (!status) {
        int rc = sqlite3_step(statement);
        const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        int length = found ? sqlite3_column_bytes(statement, 0) : 0;
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            status = sqlite_fail(store, connection->db, rc, error, "read its record");
        else if (!found || length > PXT_RECORD_MAX)
            status = PXT_NOT_FOUND; /* a longer one is not the core's */
        else
            memcpy(text, found, (size_t)length + 1);
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    return status;
}

pxt_status sqlite_store_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = record_get_once(self, text, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

static pxt_status record_put_once(struct store *store, const char *text, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_RECORD_PUT, &statement, error);
    if (!status) {
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
        status = sqlite_statement_run(store, connection, statement, error, "store its record");
        sqlite3_clear_bindings(statement);
    }
    return sqlite_txn_end(store, connection, status, error);
}

/* A commit alone need not survive loss of power: with synchronous=NORMAL the log is synced at a checkpoint only. */
pxt_status sqlite_store_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct store *store = self;
    unsigned tries = 0;
    pxt_status status;
    if (strlen(text) > PXT_RECORD_MAX)
        return store->host->fail(store->host, error, PXT_EINVAL, 0, "%s: a record is longer than %d bytes", store->path,
                                 PXT_RECORD_MAX);
    do
        status = record_put_once(store, text, error);
    while (sqlite_try_again(status, &tries));
    return status ? status : sqlite_store_sync(store, error);
}
