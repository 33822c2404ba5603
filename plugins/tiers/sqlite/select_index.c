/* SPDX-License-Identifier: MIT
 *
 * select_index.c: makes the indexes of select() when they are needed first, and places rows in the ring that a program
 * without select() wrote.
 */
#include "select.h"
#include <stdlib.h>

enum { PLACE_ROWS = 1000 };
#define TRY_AGAIN_AFTER (60 * PXT_SECOND)

/* An index that cannot be made is no fault of the tier: the core selects without it. Only damage is told as such. */
static pxt_status unavailable(struct store *store, pxt_status status, struct pxt_error *error)
{
    if (status == PXT_ECORRUPT || status == PXT_ENOMEM)
        return status;
    atomic_store(&store->no_select_until, store->host->now(store->host) + TRY_AGAIN_AFTER);
    return store->host->fail(store->host, error, PXT_ENOTSUP, 0,
                             "%s: an index for this selection cannot be made: see the messages before", store->path);
}

/* Drops the index that was made first, if there are too many. Those of any entry are the least that each pool needs. */
static int make_room(struct store *store, sqlite3 *db)
{
    sqlite3_stmt *oldest = NULL;
    char *text = NULL, *list = sqlite3_mprintf("FROM sqlite_schema WHERE type='index' AND tbl_name=%Q AND name GLOB "
                                               "'proxtier_select_*' AND name NOT GLOB 'proxtier_select_all*' AND "
                                               "name<>'proxtier_select_unplaced'",
                                               store->schema.layout->table);
    char *query = list ? sqlite3_mprintf("SELECT name %s AND (SELECT count(*) %s)>=%d ORDER BY rowid LIMIT 1", list,
                                         list, SELECT_INDEXES_MAX)
                       : NULL;
    int rc = query ? sqlite3_prepare_v2(db, query, -1, &oldest, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(oldest);
    if (rc == SQLITE_ROW)
        text = sqlite3_mprintf("DROP INDEX \"%w\"", (const char *)sqlite3_column_text(oldest, 0));
    sqlite3_finalize(oldest);
    if (rc == SQLITE_ROW)
        rc = text ? sqlite3_exec(db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK && text)
        store->host->log(store->host, PXT_LOG_NOTICE,
                         "%s: there are %d indexes of selections already: the oldest is dropped (%s)", store->path,
                         SELECT_INDEXES_MAX, text);
    sqlite3_free(text);
    sqlite3_free(query);
    sqlite3_free(list);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static pxt_status make(struct store *store, const char *text, struct pxt_error *error)
{
    struct connection *connection;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    int rc = text ? make_room(store, connection->db) : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(connection->db, text, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        status = sqlite_fail(store, connection->db, rc, error, "make an index");
    return sqlite_txn_end(store, connection, status, error);
}

/* Gives the row of a list what it lacks, and says its rowid. Another program's key may be too long for proxtier: any place
 * will do for it. */
static int place_row(struct store *store, sqlite3_stmt *list, sqlite3_stmt *update, int64_t *rowid)
{
    const char *text = (const char *)sqlite3_column_text(list, 1);
    int length = sqlite3_column_bytes(list, 1);
    struct pxt_key key = {.hash = 0};
    if (text && length > 0 && length <= PXT_KEY_MAX)
        store->host->key_init(&key, text, (size_t)length);
    *rowid = sqlite3_column_int64(list, 0);
    sqlite3_bind_int64(update, 1, *rowid);
    sqlite3_bind_int64(update, 2, PXT_RING(key.hash));
    int rc = sqlite3_step(update);
    sqlite3_reset(update);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Places the rows of a list, whose parameters are the rowid before it and how many. `*placed` of them. */
static int place_some(struct store *store, sqlite3 *db, const char *list_text, int64_t *rowid, unsigned *placed)
{
    sqlite3_stmt *list = NULL, *update = NULL;
    char *update_text = sqlite3_mprintf(
        "UPDATE %s SET ring=?2,health_status=coalesce(health_status,'unknown'),access_count=coalesce(access_count,0),"
        "failure_count=coalesce(failure_count,0) WHERE rowid=?1",
        store->schema.layout->table);
    int rc = list_text && update_text ? sqlite3_prepare_v2(db, list_text, -1, &list, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, update_text, -1, &update, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(list, 1, *rowid);
    *placed = 0;
    while (rc == SQLITE_OK && *placed < PLACE_ROWS && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        rc = place_row(store, list, update, rowid);
        ++*placed;
    }
    sqlite3_finalize(list);
    sqlite3_finalize(update);
    sqlite3_free(update_text);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* In steps of a thousand rows, so that others can write in between. */
static pxt_status place_all(struct store *store, const char *list_text, struct pxt_error *error)
{
    int64_t rowid = INT64_MIN;
    unsigned placed = 0;
    pxt_status status;
    do {
        struct connection *connection;
        status = sqlite_txn_begin(store, &connection, error);
        if (status)
            return status;
        int rc = place_some(store, connection->db, list_text, &rowid, &placed);
        if (rc != SQLITE_OK)
            status = sqlite_fail(store, connection->db, rc, error, "give entries their place in the ring");
        status = sqlite_txn_end(store, connection, status, error);
    } while (!status && placed == PLACE_ROWS);
    return status;
}

static pxt_status place_rows(struct store *store, bool indexed, struct pxt_error *error)
{
    const struct select_set unplaced = {.kind = SELECT_UNPLACED};
    struct sqlite_text name = {0};
    sqlite_select_add_name(&name, unplaced);
    char *text = name.failed ? NULL
                             : sqlite3_mprintf("SELECT rowid,key FROM %s %s %s WHERE (ring IS NULL OR health_status IS "
                                               "NULL OR access_count IS NULL OR failure_count IS NULL) AND rowid>?1 "
                                               "ORDER BY rowid",
                                               store->schema.layout->table, indexed ? "INDEXED BY" : "NOT INDEXED",
                                               indexed ? name.data : "");
    pxt_status status = place_all(store, text, error);
    sqlite3_free(text);
    free(name.data);
    return status;
}

pxt_status sqlite_select_place_rows(struct store *store, struct pxt_error *error)
{
    pxt_status status = place_rows(store, true, error);
    return status ? unavailable(store, status, error) : PXT_OK;
}

pxt_status sqlite_select_make_index(struct store *store, struct select_set set, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    pxt_time begin = host->now(host);
    if (begin < atomic_load(&store->no_select_until))
        return host->fail(host, error, PXT_ENOTSUP, 0, "%s: an index for selections could not be made a moment ago",
                          store->path);
    char *text = sqlite_select_index(&store->schema, set);
    pxt_status status = PXT_OK;
    if (set.kind == SELECT_UNPLACED) /* before there is an index that each of them would change */
        status = place_rows(store, false, error);
    if (!status)
        status = make(store, text, error);
    if (!status)
        host->log(host, host->now(host) - begin > PXT_SECOND / 10 ? PXT_LOG_NOTICE : PXT_LOG_INFO,
                  "%s: this was the first selection of its kind: an index was made for it, and is kept", store->path);
    free(text);
    return status ? unavailable(store, status, error) : PXT_OK;
}
