/* SPDX-License-Identifier: MIT
 *
 * checkpoint.c: moves the write-ahead log into the database, in place of SQLite's own automatic checkpoint.
 *
 * That one holds no lock against writers. In SQLite before 3.51.3 a second checkpoint, which begins just when a commit starts
 * the log anew, marks frames of the new log as if they were in the database; then readers see what was before them, and
 * commits are lost (sqlite.org/wal.html, "the WAL-reset bug"). Kills of several processes that write showed just that. A FULL
 * checkpoint holds the lock of the writers from before it reads the state of the log. Only if it cannot have that lock
 * for WAIT_MS does SQLite go on without it.
 */
#include "store.h"

/* SQLite's own number of pages, and how long a checkpoint waits for a writer or for readers of an older state. */
enum { LOG_PAGES = 1000, WAIT_MS = 1000 };
/* Up to this length hits stay in the log, which the next process reads through when it opens the file. */
enum { LOG_PAGES_OF_HITS = 100 };

static int note_length(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct connection *connection = arg;
    (void)db, (void)name;
    if (pages < connection->log_pages) /* the log begins anew */
        connection->checkpoint_at = LOG_PAGES;
    connection->log_pages = pages;
    return SQLITE_OK;
}

void sqlite_checkpoint_prepare(struct connection *connection)
{
    connection->log_pages = 0;
    connection->checkpoint_at = LOG_PAGES;
    sqlite3_wal_hook(connection->db, note_length, connection);
}

int sqlite_checkpoint(const struct store *store, struct connection *connection)
{
    sqlite3_busy_timeout(connection->db, store->busy_ms < WAIT_MS ? store->busy_ms : WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(connection->db, "main", SQLITE_CHECKPOINT_FULL, NULL, NULL);
    sqlite3_busy_timeout(connection->db, store->busy_ms);
    /* If a reader keeps the log from beginning anew, not with each commit. */
    connection->checkpoint_at = connection->log_pages + LOG_PAGES;
    return rc;
}

void sqlite_checkpoint_if_due(const struct store *store, struct connection *connection)
{
    if (connection->log_pages >= connection->checkpoint_at)
        sqlite_checkpoint(store, connection);
}

/* The last process that closes the file moves the log into it, and syncs both. One that has only counted hits, as each get of
 * the command does, leaves a short log: hits need not survive loss of power. What another process wrote to the log before is
 * as safe there as it was while that process ran. */
void sqlite_checkpoint_at_close(struct store *store)
{
    const struct connection *writer = &store->writer;
    bool leaves = writer->db && !store->changed && writer->log_pages && writer->log_pages < LOG_PAGES_OF_HITS;
    if (leaves)
        sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
}
