/* SPDX-License-Identifier: MIT
 *
 * lease.c: leases of keys, in a table of our own.
 *
 * A lease ends by the clock of this host, so no process has to end it. Its row stays until the next lease is taken, which
 * removes all rows of ended leases. A commit survives kill -9 without a sync. A loss of power ends the holders too, so that a
 * lease need not survive that.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>

static void bind_text(sqlite3_stmt *statement, int at, const char *text, size_t length)
{
    sqlite3_bind_text(statement, at, text, (int)length, SQLITE_STATIC);
}

static double seconds_now(const struct store *store)
{
    return sqlite_seconds_of(store->host->now(store->host));
}

/* The end of a lease that has `ttl` left. */
static double seconds_at_end(const struct store *store, int64_t ttl)
{
    pxt_time now = store->host->now(store->host), end;
    return sqlite_seconds_of(__builtin_add_overflow(now, ttl, &end) ? INT64_MAX : end);
}

/* ---- taking ---- */

/* Reads whether one more lease of the key may be held. */
static pxt_status has_room(struct store *store, struct connection *connection, const struct pxt_lease *lease,
                           bool *room, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, SQL_LEASE_ROOM, &statement, error);
    if (status)
        return status;
    bind_text(statement, 1, lease->key.text, lease->key.length);
    sqlite3_bind_double(statement, 2, seconds_now(store));
    sqlite3_bind_int64(statement, 3, lease->max);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *room = sqlite3_column_int(statement, 0);
    else
        status = sqlite_fail(store, connection->db, rc, error, "count leases");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

/* A worker that finds all proxies taken makes many such calls. They need not wait for the lock of the writers. */
static pxt_status look(struct store *store, const struct pxt_lease *lease, bool *room, struct pxt_error *error)
{
    struct connection *connection;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = has_room(store, connection, lease, room, error);
    sqlite_pool_release(store, connection);
    return status;
}

static pxt_status remove_ended(struct store *store, struct connection *connection, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, SQL_LEASE_PRUNE, &statement, error);
    if (status)
        return status;
    sqlite3_bind_double(statement, 1, seconds_now(store));
    return sqlite_statement_run(store, connection, statement, error, "remove ended leases");
}

static pxt_status insert(struct store *store, struct connection *connection, const struct pxt_lease *lease,
                         struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, SQL_LEASE_ADD, &statement, error);
    if (status)
        return status;
    bind_text(statement, 1, lease->key.text, lease->key.length);
    bind_text(statement, 2, lease->id, strlen(lease->id));
    bind_text(statement, 3, lease->holder, strlen(lease->holder));
    sqlite3_bind_int64(statement, 4, lease->max);
    sqlite3_bind_double(statement, 5, seconds_at_end(store, lease->ttl));
    status = sqlite_statement_run(store, connection, statement, error, "take a lease");
    sqlite3_clear_bindings(statement);
    return status;
}

/* The lock of the writers is held from the count to the commit. */
static pxt_status take_once(struct store *store, const struct pxt_lease *lease, bool *taken, struct pxt_error *error)
{
    struct connection *connection;
    bool room = false;
    *taken = false;
    pxt_status status = look(store, lease, &room, error);
    if (status || !room)
        return status;
    status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = remove_ended(store, connection, error);
    if (!status)
        status = has_room(store, connection, lease, &room, error);
    if (!status && room)
        status = insert(store, connection, lease, error);
    status = sqlite_txn_end(store, connection, status, error);
    *taken = !status && room;
    return status;
}

pxt_status sqlite_store_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = take_once(self, lease, taken, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

/* ---- renewing and ending ---- */

/* Runs a statement on a held lease. `end`: its new end, or below 0. */
static pxt_status change_once(struct store *store, const struct pxt_lease *lease, enum sqlite_statement which,
                              double end, struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, which, &statement, error);
    if (!status) {
        bind_text(statement, 1, lease->key.text, lease->key.length);
        bind_text(statement, 2, lease->id, strlen(lease->id));
        sqlite3_bind_double(statement, 3, seconds_now(store));
        if (end >= 0)
            sqlite3_bind_double(statement, 4, end);
        status = sqlite_statement_run(store, connection, statement, error, "change a lease");
        sqlite3_clear_bindings(statement);
    }
    if (!status && !sqlite3_changes(connection->db))
        status = PXT_NOT_FOUND;
    return sqlite_txn_end(store, connection, status, error);
}

pxt_status sqlite_store_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = change_once(self, lease, SQL_LEASE_RENEW, seconds_at_end(self, lease->ttl), error);
    while (sqlite_try_again(status, &tries));
    return status;
}

pxt_status sqlite_store_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    unsigned tries = 0;
    pxt_status status;
    do
        status = change_once(self, lease, SQL_LEASE_END, -1, error);
    while (sqlite_try_again(status, &tries));
    return status;
}

/* ---- listing ---- */

/* A lease with its texts behind it. */
struct held {
    struct held *next;
    struct pxt_lease lease;
    char text[];
};

static void free_list(struct held *first)
{
    while (first) {
        struct held *held = first;
        first = held->next;
        free(held);
    }
}

/* False: the column has no text. `*size` counts the final NUL. */
static bool text_of(sqlite3_stmt *statement, int column, const char **text, size_t *size)
{
    *text = (const char *)sqlite3_column_text(statement, column);
    *size = *text ? strlen(*text) + 1 : 0;
    return *text != NULL;
}

/* PXT_NOT_FOUND: another program has written something that is no lease. */
static pxt_status held_of(struct store *store, sqlite3_stmt *statement, struct held **out, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *key, *id, *holder;
    size_t key_size, id_size, holder_size;
    if (!text_of(statement, 0, &key, &key_size) || !text_of(statement, 1, &id, &id_size) ||
        !text_of(statement, 2, &holder, &holder_size) || key_size < 2 || key_size > PXT_KEY_MAX + 1)
        return PXT_NOT_FOUND;
    struct held *held = calloc(1, sizeof *held + key_size + id_size + holder_size);
    if (!held)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a list of leases");
    held->lease = (struct pxt_lease){.size = sizeof held->lease,
                                     .max = (uint32_t)sqlite3_column_int64(statement, 3),
                                     .id = memcpy(held->text, id, id_size),
                                     .holder = memcpy(held->text + id_size, holder, holder_size),
                                     .until = sqlite_time_of(sqlite3_column_double(statement, 4))};
    host->key_init(&held->lease.key, memcpy(held->text + id_size + holder_size, key, key_size), key_size - 1);
    *out = held;
    return PXT_OK;
}

static pxt_status read_list(struct store *store, const struct pxt_key *key, struct held **first,
                            struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    struct held **end = first;
    int rc;
    *first = NULL;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_LEASE_EACH, &statement, error);
    if (!status) {
        sqlite3_bind_double(statement, 1, seconds_now(store));
        if (key)
            bind_text(statement, 2, key->text, key->length);
        while (!status && (rc = sqlite3_step(statement)) != SQLITE_DONE) {
            status = rc == SQLITE_ROW ? held_of(store, statement, end, error)
                                      : sqlite_fail(store, connection->db, rc, error, "list leases");
            if (!status)
                end = &(*end)->next;
            else if (status == PXT_NOT_FOUND)
                status = PXT_OK;
        }
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    sqlite_pool_release(store, connection);
    return status;
}

/* Reads all before the first call of `fn`, so that no lock is held then. */
pxt_status sqlite_store_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                                   struct pxt_error *error)
{
    struct held *first = NULL;
    unsigned tries = 0;
    pxt_status status;
    do {
        free_list(first);
        status = read_list(self, key, &first, error);
    } while (sqlite_try_again(status, &tries));
    bool more = !status;
    for (const struct held *held = first; held && more; held = held->next)
        more = fn(arg, &held->lease);
    free_list(first);
    return status;
}
