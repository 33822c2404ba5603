/* SPDX-License-Identifier: MIT
 *
 * recover.c: opens the writer on a sound file. A damaged file is replaced by a new one with the entries that can be
 * read. The new file is complete before the damaged one is moved aside, so that a salvage can be tried again. From the
 * first read until then no other process can write.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns whether the text of our table is the one that it should be, but for a few bytes. */
static bool text_differs_from(const struct store *store, sqlite3 *db, enum sqlite_form form)
{
    const struct sqlite_layout *layout = store->schema.layout;
    sqlite3_stmt *query = NULL;
    char *wanted = sqlite_tables_text(layout, form);
    bool damaged = false;
    if (wanted &&
        sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE name=?1", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_bind_text(query, 1, layout->table, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(query, 0);
        damaged = text && strcmp(text, wanted) != 0 && sqlite_schema_text_is_close(query, 0, wanted);
    }
    sqlite3_finalize(query);
    free(wanted);
    return damaged;
}

static bool text_is_damaged(const struct store *store, sqlite3 *db)
{
    bool damaged = false;
    for (int form = 0; form < FORMS && !damaged; form++)
        damaged = text_differs_from(store, db, (enum sqlite_form)form);
    return damaged;
}

/* Makes the tables that the file lacks, and switches it to a write-ahead log. An existing file is switched only after
 * its tables were found to be ours; a new one at once, for its tables are made faster so. */
static pxt_status make_tables(struct store *store, struct connection *connection, bool empty, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *column = NULL;
    int rc = sqlite_connection_set_up(store, connection, false);
    if (rc == SQLITE_OK && empty)
        rc = sqlite_connection_use_log(store, connection);
    if (rc == SQLITE_OK)
        rc = sqlite_tables_make(&store->schema, host, connection->db, &column);
    if ((rc == SQLITE_MISMATCH || rc == SQLITE_ERROR) && text_is_damaged(store, connection->db))
        rc = SQLITE_CORRUPT;
    else if (rc == SQLITE_MISMATCH && column)
        return host->fail(host, error, PXT_ECONFIG, 0,
                          "%s: table %s has no column %s, so it is not a cache of proxies: give another path",
                          store->path, store->schema.layout->table, column);
    if (rc == SQLITE_OK && !empty)
        rc = sqlite_connection_use_log(store, connection);
    return rc == SQLITE_OK ? PXT_OK : sqlite_fail(store, connection->db, rc, error, "make its tables");
}

/* Refuses a file that this program does not know. */
static pxt_status check_format(struct store *store, sqlite3 *db, struct pxt_error *error)
{
    struct sqlite_format format;
    int rc = sqlite_format_read(db, &format);
    return rc == SQLITE_OK ? sqlite_format_check(&store->schema, store->host, store->path, &format, error)
                           : sqlite_fail(store, db, rc, error, "read its format");
}

static pxt_status open_once(struct store *store, struct pxt_error *error)
{
    bool empty = false;
    pxt_status status = sqlite_file_prepare(store, error);
    if (!status)
        status = sqlite_connection_open(store, store->path, &store->writer, error);
    if (status)
        return status;
    /* Until the file is known to be ours, closing must not bring its log into it. */
    sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    status = sqlite_owner_check(store, store->writer.db, &empty, error);
    if (!status)
        status = check_format(store, store->writer.db, error);
    if (!status)
        status = make_tables(store, &store->writer, empty, error);
    if (!status)
        status = sqlite_file_close_to_others(store, error);
    if (status)
        sqlite_connection_close(&store->writer);
    else
        sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return status;
}

/* Fills the new file. It must need no log when it takes its place. */
static pxt_status build(struct store *store, sqlite3 *damaged, const char *fresh, struct sqlite_salvaged *result,
                        struct pxt_error *error)
{
    struct connection connection = {0};
    pxt_status status = sqlite_connection_open(store, fresh, &connection, error);
    if (status)
        return status;
    status = make_tables(store, &connection, true, error);
    if (!status)
        status = sqlite_salvage(store, damaged, &connection, result, error);
    if (!status) {
        int rc = sqlite3_wal_checkpoint_v2(connection.db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (rc != SQLITE_OK)
            status = sqlite_fail(store, connection.db, rc, error, "copy its entries");
    }
    sqlite_connection_close(&connection);
    return status;
}

static void add_rows(struct sqlite_text *text, const char *what, const struct sqlite_salvaged_rows *rows)
{
    sqlite_text_add(text, "; %s kept: %llu, lost: %s%llu", what, (unsigned long long)rows->kept,
                    rows->lost_exact ? "" : "an unknown number, at least ", (unsigned long long)rows->lost);
}

static void tell(const struct store *store, const char *aside, const struct sqlite_salvaged *result)
{
    struct sqlite_text text = {0};
    add_rows(&text, "entries", &result->entries);
    if (store->schema.layout->history)
        add_rows(&text, "health checks", &result->checks);
    if (result->tombstones_lost)
        sqlite_text_add(&text, "; some tombstones may be lost");
    if (result->without_health)
        sqlite_text_add(&text, "; entries without their health: %llu", (unsigned long long)result->without_health);
    store->host->log(store->host, PXT_LOG_WARNING, "%s was damaged: moved aside to %s%s", store->path, aside,
                     text.failed ? "" : text.data);
    free(text.data);
}

/* Puts a new file with the readable entries in the place of the damaged one, or leaves that as it is. */
static pxt_status repair(struct store *store, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    struct sqlite_salvaged result = {0};
    struct pxt_error reason = {.message = ""};
    sqlite3 *damaged = NULL;
    char *fresh = NULL, *aside = NULL;
    pxt_status status = sqlite_salvage_open(store, &damaged, &reason);
    if (!status && check_format(store, damaged, &reason) == PXT_ECONFIG)
        status = PXT_ECONFIG; /* an unreadable format is damage as well */
    if (!status)
        status = sqlite_file_make_fresh(store, &fresh, &reason);
    if (!status)
        status = build(store, damaged, fresh, &result, &reason);
    if (!status)
        status = sqlite_file_replace(store, fresh, &aside, &reason);
    sqlite3_close(damaged); /* not before: others would write to the file in between */
    if (fresh)
        sqlite_file_remove_fresh(fresh);
    if (status) {
        host->fail(
            host, error, status, 0,
            "%s is damaged, and its entries cannot be copied to a new file (%s); it stays as it is until the next "
            "use tries again",
            store->path, reason.message);
    } else {
        atomic_fetch_add(&store->corruptions, 1);
        tell(store, aside, &result);
    }
    free(fresh);
    free(aside);
    return status;
}

pxt_status sqlite_writer_open(struct store *store, bool damaged, struct pxt_error *error)
{
    int lock = -1;
    bool repaired = false;
    store->counted = store->no_tombstones = false;
    pxt_status status = sqlite_file_lock(store, &lock, error);
    if (status)
        return status;
    status = sqlite_file_settle(store, error);
    /* Another process may have repaired it while we waited for the lock. */
    if (!status && damaged && sqlite_file_is_ours(store)) {
        status = repair(store, error);
        repaired = true;
    }
    if (!status)
        status = open_once(store, error);
    if (status == PXT_ECORRUPT && !repaired) {
        status = repair(store, error);
        if (!status)
            status = open_once(store, error);
    }
    if (!status) {
        sqlite_file_remember(store);
        atomic_store(&store->trouble, TROUBLE_NONE);
    }
    if (lock >= 0)
        close(lock);
    return status;
}
