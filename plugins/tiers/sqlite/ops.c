/* SPDX-License-Identifier: MIT
 *
 * ops.c: the operations on single entries, and the walk over all. No lock or statement is held while a caller's
 * function runs.
 */
#include "store.h"
#include <string.h>

static pxt_status get_once(struct store *store, const struct pxt_key *key, pxt_entry **out, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    int64_t rowid = 0;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_GET, &statement, error);
    if (!status) {
        sqlite3_bind_text(statement, 1, key->text, (int)key->length, SQLITE_STATIC);
        status = sqlite_row_next(store, connection, statement, out, &rowid, error);
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    if (status != PXT_EINVAL)
        return status == PXT_ENOTSUP ? PXT_NOT_FOUND : status;
    status = sqlite_quarantine(store, rowid, error);
    return status ? status : PXT_NOT_FOUND;
}

pxt_status sqlite_store_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                            struct pxt_error *error)
{
    (void)flags; /* hits are counted by the core, and come back as touches */
    unsigned tries = 0;
    pxt_status status;
    do
        status = get_once(self, key, out, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

/* Gets the entries on one connection. `*damaged` is the index of a damaged row, after which it stops; `n`: none. */
static pxt_status get_many_once(struct store *store, const struct pxt_key *const *keys, size_t n, pxt_entry **out,
                                size_t *damaged, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    int64_t rowid;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    *damaged = n;
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_GET, &statement, error);
    for (size_t i = 0; i < n && !status; i++) {
        sqlite3_bind_text(statement, 1, keys[i]->text, (int)keys[i]->length, SQLITE_STATIC);
        status = sqlite_row_next(store, connection, statement, &out[i], &rowid, error);
        sqlite3_reset(statement);
        if (status == PXT_EINVAL)
            *damaged = i;
        else if (status == PXT_NOT_FOUND || status == PXT_ENOTSUP)
            status = PXT_OK;
    }
    sqlite_pool_release(store, connection);
    return status == PXT_EINVAL ? PXT_OK : status;
}

pxt_status sqlite_store_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags,
                                 pxt_entry **out, struct pxt_error *error)
{
    struct store *store = self;
    pxt_status status = PXT_OK;
    memset(out, 0, n * sizeof *out);
    for (size_t done = 0; done < n && !status;) {
        unsigned tries = 0;
        size_t damaged = 0;
        do {
            for (size_t i = done; i < n; i++) {
                store->host->entry_release(out[i]);
                out[i] = NULL;
            }
            status = get_many_once(store, keys + done, n - done, out + done, &damaged, error);
        } while (sqlite_try_again(status, &tries));
        done += damaged;
        if (!status && done < n) { /* a single get moves the damaged row aside */
            status = sqlite_store_get(self, keys[done], flags, &out[done], error);
            status = status == PXT_NOT_FOUND ? PXT_OK : status;
            done++;
        }
    }
    for (size_t i = 0; i < n && status; i++) {
        store->host->entry_release(out[i]);
        out[i] = NULL;
    }
    return status;
}

static pxt_status contains_once(struct store *store, const struct pxt_key *key, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_CONTAINS, &statement, error);
    if (!status) {
        sqlite3_bind_text(statement, 1, key->text, (int)key->length, SQLITE_STATIC);
        int rc = sqlite3_step(statement);
        if (rc == SQLITE_DONE)
            status = PXT_NOT_FOUND;
        else if (rc != SQLITE_ROW)
            status = sqlite_fail(store, connection->db, rc, error, "look for a key");
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    return status;
}

pxt_status sqlite_store_contains(void *self, const struct pxt_key *key, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = contains_once(self, key, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

static pxt_status put_many_once(struct store *store, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct connection *connection;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    for (size_t i = 0; i < n && !status; i++)
        status = sqlite_rows_put(store, connection, entries[i], error);
    return sqlite_txn_end(store, connection, status, error);
}

pxt_status sqlite_store_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = put_many_once(self, entries, n, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

pxt_status sqlite_store_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    return sqlite_store_put_many(self, &entry, 1, error);
}

/* PXT_OK also where a tombstone was removed, and no entry. */
static pxt_status del_once(struct store *store, const struct pxt_key *key, bool *removed, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_DEL, &statement, error);
    if (!status) {
        sqlite3_bind_text(statement, 1, key->text, (int)key->length, SQLITE_STATIC);
        status = sqlite_statement_run(store, connection, statement, error, "remove an entry");
        sqlite3_clear_bindings(statement);
    }
    if (!status) {
        *removed = sqlite3_changes(connection->db) > 0;
        store->count_change = -(int64_t)*removed;
        status = sqlite_tombstone_del(store, connection, key, error);
        if (*removed && status == PXT_NOT_FOUND)
            status = PXT_OK;
    }
    return sqlite_txn_end(store, connection, status, error);
}

pxt_status sqlite_store_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    (void)why;
    unsigned tries = 0;
    bool removed = false;
    pxt_status status;
    do
        status = del_once(self, key, &removed, error);
    while (sqlite_try_again(status, &tries));
    return status || removed ? status : PXT_NOT_FOUND;
}

static pxt_status clear_once(struct store *store, uint64_t *removed, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    int64_t changes = 0;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_CLEAR, &statement, error);
    if (!status)
        status = sqlite_statement_run(store, connection, statement, error, "remove all entries");
    if (!status)
        changes = sqlite3_changes(connection->db);
    if (!status)
        status = sqlite_tombstone_clear(store, connection, error);
    store->count_change = -changes;
    status = sqlite_txn_end(store, connection, status, error);
    *removed = status ? 0 : (uint64_t)changes;
    return status;
}

pxt_status sqlite_store_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = clear_once(self, removed, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

/* ---- the number of rows ---- */

static pxt_status read_number(struct store *store, struct connection *connection, enum sqlite_statement which,
                              int64_t *out, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, which, &statement, error);
    if (status)
        return status;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else
        status = sqlite_fail(store, connection->db, rc, error, "count entries");
    sqlite3_reset(statement);
    return status;
}

/* All writes of this process go through the writer, which keeps count; data_version changes with those of others. */
static pxt_status count_once(struct store *store, uint64_t *out, struct pxt_error *error)
{
    struct connection *connection;
    int64_t version = 0;
    pxt_status status = sqlite_pool_write(store, &connection, error);
    if (status)
        return status;
    status = read_number(store, connection, SQL_VERSION, &version, error);
    if (!status && (!store->counted || version != store->version)) {
        status = read_number(store, connection, SQL_COUNT, &store->count, error);
        store->counted = !status;
        store->version = version;
    }
    if (!status)
        *out = (uint64_t)store->count;
    sqlite_pool_release(store, connection);
    return status;
}

pxt_status sqlite_store_count(void *self, uint64_t *out, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = count_once(self, out, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

static pxt_status count_tombstones(struct store *store, uint64_t *out, struct pxt_error *error)
{
    struct connection *connection;
    int64_t count = 0;
    pxt_status status = sqlite_pool_write(store, &connection, error);
    if (status)
        return status;
    status = read_number(store, connection, SQL_TOMBSTONE_COUNT, &count, error);
    *out = (uint64_t)count;
    sqlite_pool_release(store, connection);
    return status;
}

pxt_status sqlite_store_tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = count_tombstones(self, out, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

static pxt_status count_dead(struct store *store, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_pool_write(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_KNOWN_DEAD, &statement, error);
    if (!status) {
        sqlite3_bind_double(statement, 1, sqlite_seconds_of(now));
        int rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
            *out = (uint64_t)sqlite3_column_int64(statement, 0);
        else
            status = sqlite_fail(store, connection->db, rc, error, "count what is known as dead");
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    return status;
}

pxt_status sqlite_store_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = count_dead(self, now, out, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

/* ---- the walk ---- */

enum { PAGE = 256 };
struct page {
    unsigned count, bad_count, passed_over;
    bool last;
    int64_t rowid; /* of the last row seen */
    pxt_entry *entry[PAGE];
    int64_t bad[PAGE];
};

/* Reads the next row into the page. PXT_ECORRUPT: its rowid is not above the last one: the walk would not end. */
static pxt_status read_next(struct store *store, struct connection *connection, sqlite3_stmt *statement,
                            struct page *page, struct pxt_error *error)
{
    const int64_t last = page->rowid;
    pxt_entry **entry = &page->entry[page->count];
    *entry = NULL;
    pxt_status status = sqlite_row_next(store, connection, statement, entry, &page->rowid, error);
    if ((!status || status == PXT_EINVAL || status == PXT_ENOTSUP) && page->rowid <= last) {
        store->host->entry_release(*entry);
        return sqlite_fail(store, connection->db, SQLITE_CORRUPT, error, "read its entries in order");
    }
    if (status == PXT_ENOTSUP)
        page->passed_over++;
    else if (status == PXT_EINVAL)
        page->bad[page->bad_count++] = page->rowid;
    else if (!status)
        page->count++;
    return status == PXT_EINVAL || status == PXT_ENOTSUP ? PXT_OK : status;
}

static pxt_status read_page(struct store *store, struct page *page, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    const int64_t before = page->rowid;
    page->count = page->bad_count = page->passed_over = 0;
    status = sqlite_statement_get(store, connection, SQL_PAGE, &statement, error);
    if (!status) {
        sqlite3_bind_int64(statement, 1, page->rowid);
        sqlite3_bind_int64(statement, 2, PAGE);
        while (!status && page->count + page->bad_count + page->passed_over < PAGE)
            status = read_next(store, connection, statement, page, error);
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    page->last = status == PXT_NOT_FOUND;
    if (!status || page->last)
        return PXT_OK;
    while (page->count)
        store->host->entry_release(page->entry[--page->count]);
    page->bad_count = 0;
    page->rowid = before;
    return status;
}

pxt_status sqlite_store_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct store *store = self;
    struct page page = {.rowid = INT64_MIN};
    pxt_status status = PXT_OK;
    bool more = true;
    while (!status && more && !page.last) {
        unsigned tries = 0;
        do
            status = read_page(store, &page, error);
        while (sqlite_try_again(status, &tries));
        for (unsigned i = 0; i < page.count; i++) {
            more = more && !status && fn(arg, page.entry[i]);
            store->host->entry_release(page.entry[i]);
        }
        for (unsigned i = 0; i < page.bad_count && !status; i++)
            status = sqlite_quarantine(store, page.bad[i], error);
    }
    return status;
}
