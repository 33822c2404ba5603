/* SPDX-License-Identifier: MIT
 *
 * history.c: health checks, in ProxyWhirl's table health_history. They go with their entry (ON DELETE CASCADE),
 * and stay when it is updated.
 */
#include "store.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const health_names[] = {
#define X(id, name) name,
    PXT_HEALTHS(X)
#undef X
};

static void bind_check(sqlite3_stmt *statement, const struct pxt_check *check)
{
    bool known = (unsigned)check->status < PXT_HEALTH_COUNT;
    sqlite3_bind_text(statement, 1, check->key.text, (int)check->key.length, SQLITE_STATIC);
    sqlite3_bind_double(statement, 2, sqlite_seconds_of(check->time));
    sqlite3_bind_text(statement, 3, health_names[known ? check->status : PXT_HEALTH_UNKNOWN], -1, SQLITE_STATIC);
    if (check->response_time_ms >= 0)
        sqlite3_bind_double(statement, 4, check->response_time_ms);
    else
        sqlite3_bind_null(statement, 4);
    if (check->error_message)
        sqlite3_bind_text(statement, 5, check->error_message, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, 5);
    sqlite3_bind_text(statement, 6, check->check_url ? check->check_url : "", -1, SQLITE_STATIC);
}

pxt_status sqlite_store_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    struct store *store = self;
    struct connection *connection;
    sqlite3_stmt *add, *prune;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_CHECK_ADD, &add, error);
    if (!status) {
        bind_check(add, check);
        status = sqlite_statement_run(store, connection, add, error, "add to the history");
        sqlite3_clear_bindings(add);
    }
    if (!status && !sqlite3_changes(connection->db))
        status = PXT_NOT_FOUND; /* a history needs an entry */
    if (!status && keep) {
        status = sqlite_statement_get(store, connection, SQL_CHECK_PRUNE, &prune, error);
        if (!status) {
            sqlite3_bind_text(prune, 1, check->key.text, (int)check->key.length, SQLITE_STATIC);
            sqlite3_bind_int64(prune, 2, keep < INT64_MAX ? (int64_t)keep : INT64_MAX);
            status = sqlite_statement_run(store, connection, prune, error, "shorten the history");
            sqlite3_clear_bindings(prune);
        }
    }
    return sqlite_txn_end(store, connection, status, error);
}

/* ---- reading ---- */

/* A check with its texts behind it. */
struct record {
    struct record *next;
    struct pxt_check check;
    char text[];
};

static const char *column_text(sqlite3_stmt *statement, int at, size_t *size)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    *size = text ? strlen(text) + 1 : 0;
    return text;
}

static struct record *record_of(sqlite3_stmt *statement, const struct pxt_key *key)
{
    size_t status_size, error_size, url_size;
    const char *status = column_text(statement, 1, &status_size);
    const char *message = column_text(statement, 3, &error_size);
    const char *url = column_text(statement, 4, &url_size);
    struct record *record = calloc(1, sizeof *record + error_size + url_size + 1);
    if (!record)
        return NULL;
    record->check = (struct pxt_check){.size = sizeof record->check,
                                       .key = *key,
                                       .time = sqlite_time_of(sqlite3_column_double(statement, 0)),
                                       .status = PXT_HEALTH_UNKNOWN,
                                       .response_time_ms = -1};
    for (int i = 0; status && i < PXT_HEALTH_COUNT; i++)
        if (!strcmp(status, health_names[i]))
            record->check.status = (enum pxt_health)i;
    if (sqlite3_column_type(statement, 2) != SQLITE_NULL)
        record->check.response_time_ms = sqlite3_column_double(statement, 2);
    if (message)
        record->check.error_message = memcpy(record->text, message, error_size);
    record->check.check_url = url ? memcpy(record->text + error_size, url, url_size) : record->text + error_size;
    return record;
}

static pxt_status read_history(struct store *store, const struct pxt_key *key, struct record **first,
                               struct pxt_error *error)
{
    struct connection *connection;
    sqlite3_stmt *statement;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    status = sqlite_statement_get(store, connection, SQL_CHECK_EACH, &statement, error);
    if (!status) {
        int rc;
        sqlite3_bind_text(statement, 1, key->text, (int)key->length, SQLITE_STATIC);
        while (!status && (rc = sqlite3_step(statement)) != SQLITE_DONE) {
            if (rc != SQLITE_ROW)
                status = sqlite_fail(store, connection->db, rc, error, "read the history");
            else if (!(*first = record_of(statement, key)))
                status = store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for the history");
            else
                first = &(*first)->next;
        }
        sqlite3_reset(statement);
    }
    sqlite_pool_release(store, connection);
    return status;
}

/* Read as a whole first, so that no lock is held while `fn` runs. */
pxt_status sqlite_store_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                                   struct pxt_error *error)
{
    struct record *first = NULL;
    pxt_status status = read_history(self, key, &first, error);
    bool more = !status;
    while (first) {
        struct record *record = first;
        first = record->next;
        more = more && fn(arg, &record->check);
        free(record);
    }
    return status;
}
