/* SPDX-License-Identifier: MIT
 *
 * index_check.c: finds damaged indexes, which make a get miss an entry without any error: looks in steps of a few rows
 * whether each row is found through each index, and rebuilds the indexes if one is not.
 *
 * The search takes as long as the option check_time allows, and at most a tenth of the time since the last search. One
 * step costs as much as all else that a short process does, so only one in 64 of those makes a step; it starts anywhere.
 */
#include "select.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEP_ROWS = 128, SHARE = 10, SHORT = PXT_SECOND / 10, ONE_IN = 64 };

/* " AND EXISTS(...)": whether row `m` is found through an index. `columns` as in "(a,b)". */
static void add_lookup(struct sqlite_text *text, const char *table, const char *name, int name_length,
                       const char *columns)
{
    sqlite_text_add(text, " AND EXISTS(SELECT 1 FROM %s i INDEXED BY %.*s WHERE i.rowid=m.rowid", table, name_length,
                    name);
    while (*columns && *columns != ')') {
        int length = (int)strcspn(++columns, ",)");
        sqlite_text_add(text, " AND i.%.*s IS m.%.*s", length, columns, length, columns);
        columns += length;
    }
    sqlite_text_add(text, ")");
}

/* "NAME ON TABLE(COLUMNS)"; indexes of other tables are left out. */
static void add_index(struct sqlite_text *text, const char *table, const char *index)
{
    int name_length = (int)strcspn(index, " ");
    const char *on = index + name_length + strlen(" ON ");
    size_t table_length = strlen(table);
    if (!strncmp(on, table, table_length) && on[table_length] == '(')
        add_lookup(text, table, index, name_length, on + table_length);
}

/* Rows from ?1 on up to ?2 that an index does not lead to. */
static char *search_text(const struct sqlite_schema *schema)
{
    const char *table = schema->layout->table;
    char key_index[SQLITE_COLUMN_MAX];
    struct sqlite_text text = {0};
    sqlite3_snprintf(sizeof key_index, key_index, "sqlite_autoindex_%s_1", table);
    sqlite_text_add(&text, "SELECT 1 FROM %s m NOT INDEXED WHERE m.rowid>?1 AND m.rowid<=?2 AND NOT(1", table);
    add_lookup(&text, table, key_index, (int)strlen(key_index), "(key)");
    for (const char *const *index = schema->layout->indexes; *index; index++)
        add_index(&text, table, *index);
    if (schema->order_index)
        add_index(&text, table, schema->order_index);
    sqlite_text_add(&text, ") LIMIT 1");
    return sqlite_text_take(&text);
}

/* Steps a statement with up to two parameters once; `*out` is its first column. Returns an SQLite code. */
static int ask(sqlite3 *db, const char *text, int64_t first, int64_t second, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = text ? sqlite3_prepare_v2(db, text, -1, &statement, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 0)
        sqlite3_bind_int64(statement, 1, first);
    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, second);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return rc;
}

/* Any row of the table, from which the first step begins. */
static int find_begin(const struct store *store, sqlite3 *db, int64_t *from)
{
    int64_t last = 0;
    char text[300];
    sqlite3_snprintf(sizeof text, text, "SELECT coalesce(max(rowid),0) FROM %s", store->schema.layout->table);
    int rc = ask(db, text, 0, 0, &last);
    if (rc == SQLITE_ROW && last > STEP_ROWS)
        *from = store->host->now(store->host) % last;
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Gives the last rowid of the step that begins after `from`. SQLITE_CORRUPT: the rowids of the step and the one behind
 * it are not in order, which no index can mend. */
static int find_end(const struct store *store, sqlite3 *db, int64_t from, int64_t *end)
{
    sqlite3_stmt *list = NULL;
    char text[300];
    int64_t before = from;
    sqlite3_snprintf(sizeof text, text, "SELECT rowid FROM %s NOT INDEXED WHERE rowid>?1 ORDER BY rowid LIMIT %d",
                     store->schema.layout->table, STEP_ROWS + 1);
    int rc = sqlite3_prepare_v2(db, text, -1, &list, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(list, 1, from);
    *end = from;
    for (int row = 0; rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW; row++) {
        int64_t rowid = sqlite3_column_int64(list, 0);
        rc = rowid > before ? SQLITE_OK : SQLITE_CORRUPT;
        before = rowid;
        if (row < STEP_ROWS)
            *end = rowid;
    }
    sqlite3_finalize(list);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

struct step {
    int64_t from, end; /* rowids after `from` up to `end` */
    bool damaged, last;
};

/* Searches one step. `last`: there are no more rows. */
static pxt_status search_step(struct store *store, const char *search, struct step *step, struct pxt_error *error)
{
    struct connection *connection;
    int64_t found = 0;
    pxt_status status = sqlite_pool_read(store, &connection, error);
    if (status)
        return status;
    int rc = atomic_exchange(&store->check_begun, true) ? SQLITE_OK : find_begin(store, connection->db, &step->from);
    if (rc == SQLITE_OK)
        rc = find_end(store, connection->db, step->from, &step->end);
    step->last = rc != SQLITE_OK || step->end == step->from;
    if (rc == SQLITE_OK)
        rc = step->last ? SQLITE_DONE : ask(connection->db, search, step->from, step->end, &found);
    if (rc == SQLITE_DONE && !step->last) /* of the indexes of selections one in each step */
        rc = sqlite_select_check(store, connection->db, step->from, step->end);
    step->damaged = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        status = sqlite_fail(store, connection->db, rc, error, "check its indexes");
    sqlite_pool_release(store, connection);
    return status;
}

static pxt_status check_step(struct store *store, const char *search, struct step *step, struct pxt_error *error)
{
    *step = (struct step){.from = atomic_load(&store->check_from)};
    pxt_status status = search_step(store, search, step, error);
    atomic_store(&store->check_from, step->last ? INT64_MIN : step->end);
    return status;
}

/* ---- the repair ---- */

/* Rebuilds the index of that number, counted from 0. `*last`: there are no more. */
static int rebuild_on(struct store *store, sqlite3 *db, int number, bool *last)
{
    sqlite3_stmt *name = NULL;
    char *text = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT name FROM sqlite_schema WHERE type='index' AND tbl_name=?1 ORDER BY rowid "
                                "LIMIT 1 OFFSET ?2",
                                -1, &name, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(name, 1, store->schema.layout->table, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(name, 2, number);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(name);
    *last = rc == SQLITE_DONE;
    if (rc == SQLITE_ROW)
        text = sqlite3_mprintf("REINDEX \"%w\"", (const char *)sqlite3_column_text(name, 0));
    sqlite3_finalize(name);
    if (rc == SQLITE_ROW)
        rc = text ? sqlite3_exec(db, text, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        rc = SQLITE_CORRUPT; /* two rows of one key: the salvage keeps the later one */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static pxt_status rebuild_one(struct store *store, int number, bool *last, struct pxt_error *error)
{
    struct connection *connection;
    pxt_status status = sqlite_txn_begin(store, &connection, error);
    if (status)
        return status;
    int rc = rebuild_on(store, connection->db, number, last);
    if (rc != SQLITE_OK)
        status = sqlite_fail(store, connection->db, rc, error, "rebuild its indexes");
    return sqlite_txn_end(store, connection, status, error);
}

/* One index after the other, so that other processes and threads can write in between. */
static pxt_status rebuild_all(struct store *store, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    /* SQLite looks for a lock every 100 ms at the longest. */
    const struct timespec pause = {0, 120 * 1000 * 1000};
    bool last = false;
    pxt_status status = PXT_OK;
    for (int number = 0; !status && !last; number++) {
        pxt_time begin = host->now(host);
        status = rebuild_one(store, number, &last, error);
        if (!last && host->now(host) - begin > PXT_SECOND / 10)
            nanosleep(&pause, NULL);
    }
    return status;
}

/* Rebuilds the indexes, and searches the step again. PXT_ECORRUPT: that was of no use: the rows are damaged. */
static pxt_status rebuild(struct store *store, const char *search, struct step *step, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    pxt_status status = rebuild_all(store, error);
    if (!status)
        status = search_step(store, search, step, error);
    if (!status && step->damaged)
        status = sqlite_fail(store, NULL, SQLITE_CORRUPT, error, "rebuild its indexes");
    if (!status) {
        atomic_fetch_add(&store->corruptions, 1);
        host->log(host, PXT_LOG_WARNING, "%s: an index of %s did not lead to all rows: the indexes were rebuilt",
                  store->path, store->schema.layout->table);
    }
    return status;
}

/* Whether to search now; `*budget`: for how long. */
static bool is_due(struct store *store, pxt_time now, int64_t *budget)
{
    int64_t since = now - atomic_load(&store->checked_at); /* below 0 if the clock was set back */
    if (!store->check_time || (since >= 0 && since < SHORT && now % ONE_IN))
        return false;
    atomic_store(&store->checked_at, now);
    *budget = since / SHARE < store->check_time ? since / SHARE : store->check_time;
    return true;
}

pxt_status sqlite_index_check(struct store *store, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    pxt_time begin = host->now(host);
    int64_t budget = 0;
    struct step step = {.damaged = false};
    if (!is_due(store, begin, &budget))
        return PXT_OK;
    char *search = search_text(&store->schema);
    pxt_status status =
        search ? PXT_OK : host->fail(host, error, PXT_ENOMEM, 0, "out of memory to check %s", store->path);
    while (!status && !step.damaged && !step.last) {
        status = check_step(store, search, &step, error);
        if (host->now(host) - begin >= budget)
            break;
    }
    if (!status && step.damaged)
        status = rebuild(store, search, &step, error);
    free(search);
    return status;
}
