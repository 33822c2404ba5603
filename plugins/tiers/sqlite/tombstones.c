/* SPDX-License-Identifier: MIT
 *
 * tombstones.c: which keys were removed, and by which version: in a table of our own, so that no other program meets rows
 * that are no entries. A key has an entry or a tombstone. All functions are called inside a write transaction.
 */
#include "store.h"

pxt_status sqlite_fail_stale(struct store *store, struct pxt_error *error)
{
    return store->host->fail(store->host, error, PXT_ESTALE, 0,
                             "%s: what is stored is newer than what was to be written: read it again", store->path);
}

static pxt_status get_for_key(struct store *store, struct connection *connection, enum sqlite_statement which,
                              const struct pxt_key *key, sqlite3_stmt **out, struct pxt_error *error)
{
    pxt_status status = sqlite_statement_get(store, connection, which, out, error);
    if (!status)
        sqlite3_bind_text(*out, 1, key->text, (int)key->length, SQLITE_STATIC);
    return status;
}

/* Reads a number. PXT_NOT_FOUND: there is no row. */
static pxt_status read_number(struct store *store, struct connection *connection, sqlite3_stmt *statement,
                              int64_t *number, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    else
        status = rc == SQLITE_DONE ? PXT_NOT_FOUND : sqlite_fail(store, connection->db, rc, error, "look for a key");
    sqlite3_reset(statement);
    return status;
}

/* PXT_NOT_FOUND: there is none of any key, which later calls need not ask again. */
static pxt_status look_for_any(struct store *store, struct connection *connection, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    int64_t number;
    if (store->no_tombstones)
        return PXT_NOT_FOUND;
    pxt_status status = sqlite_statement_get(store, connection, SQL_TOMBSTONE_ANY, &statement, error);
    if (!status)
        status = read_number(store, connection, statement, &number, error);
    store->no_tombstones = status == PXT_NOT_FOUND;
    return status;
}

/* Looks for the tombstone of a key that is not newer than `version`; 0: of any version. */
static pxt_status look_for(struct store *store, struct connection *connection, const struct pxt_key *key,
                           uint64_t version, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    int64_t stored = 0;
    pxt_status status = look_for_any(store, connection, error);
    if (!status)
        status = get_for_key(store, connection, SQL_TOMBSTONE_GET, key, &statement, error);
    if (!status)
        status = read_number(store, connection, statement, &stored, error);
    if (!status && version && stored > 0 && (uint64_t)stored > version)
        status = sqlite_fail_stale(store, error);
    return status;
}

pxt_status sqlite_tombstone_del(struct store *store, struct connection *connection, const struct pxt_key *key,
                                struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = look_for_any(store, connection, error);
    if (!status)
        status = get_for_key(store, connection, SQL_TOMBSTONE_DEL, key, &statement, error);
    if (!status)
        status = sqlite_statement_run(store, connection, statement, error, "remove a tombstone");
    return status || sqlite3_changes(connection->db) ? status : PXT_NOT_FOUND;
}

pxt_status sqlite_tombstone_replace(struct store *store, struct connection *connection, const struct pxt_key *key,
                                    uint64_t version, struct pxt_error *error)
{
    pxt_status status = look_for(store, connection, key, version, error);
    if (!status)
        status = sqlite_tombstone_del(store, connection, key, error);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* Removes the entry of the key, if it is not newer. */
static pxt_status remove_entry(struct store *store, struct connection *connection, const struct pxt_key *key,
                               uint64_t version, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    int64_t number;
    pxt_status status = get_for_key(store, connection, SQL_DEL_OLD, key, &statement, error);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 2, (int64_t)version);
    status = sqlite_statement_run(store, connection, statement, error, "remove an entry");
    if (status)
        return status;
    if (sqlite3_changes(connection->db)) {
        store->count_change--;
        return PXT_OK;
    }
    status = get_for_key(store, connection, SQL_CONTAINS, key, &statement, error);
    if (!status)
        status = read_number(store, connection, statement, &number, error);
    if (!status)
        return sqlite_fail_stale(store, error);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

pxt_status sqlite_tombstone_put(struct store *store, struct connection *connection, pxt_entry *tombstone,
                                struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    uint64_t version = (uint64_t)host->entry_number(tombstone, PXT_FIELD_VERSION);
    sqlite3_stmt *statement;
    struct pxt_key key;
    host->entry_key(tombstone, &key);
    pxt_status status = look_for(store, connection, &key, version, error);
    if (!status || status == PXT_NOT_FOUND)
        status = remove_entry(store, connection, &key, version, error);
    if (!status)
        status = get_for_key(store, connection, SQL_TOMBSTONE_PUT, &key, &statement, error);
    if (!status) {
        sqlite3_bind_int64(statement, 2, (int64_t)version);
        sqlite3_bind_int64(statement, 3, host->entry_number(tombstone, PXT_FIELD_REMOVED) - 1);
        sqlite3_bind_double(statement, 4, sqlite_seconds_of(host->entry_number(tombstone, PXT_FIELD_FETCH_TIME)));
        store->no_tombstones = false;
        status = sqlite_statement_run(store, connection, statement, error, "store a tombstone");
    }
    return status;
}

pxt_status sqlite_tombstone_expire(struct store *store, struct connection *connection, pxt_time now, uint64_t up_to,
                                   size_t limit, uint64_t *removed, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = look_for_any(store, connection, error);
    if (!status)
        status = sqlite_statement_get(store, connection, SQL_TOMBSTONE_EXPIRE, &statement, error);
    if (!status) {
        sqlite3_bind_int64(statement, 1, up_to < INT64_MAX ? (int64_t)up_to : INT64_MAX);
        sqlite3_bind_int64(statement, 2, (int64_t)limit);
        sqlite3_bind_double(statement, 3, sqlite_seconds_of(now));
        status = sqlite_statement_run(store, connection, statement, error, "remove tombstones");
    }
    if (!status)
        *removed = (uint64_t)sqlite3_changes(connection->db);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

pxt_status sqlite_tombstone_clear(struct store *store, struct connection *connection, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, SQL_TOMBSTONE_CLEAR, &statement, error);
    return status ? status : sqlite_statement_run(store, connection, statement, error, "remove all tombstones");
}
