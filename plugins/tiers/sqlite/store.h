/* SPDX-License-Identifier: MIT
 *
 * store.h: one store of entries in an SQLite file, of which l2_sqlite and l3_sqlite are two layouts.
 *
 * Locks, in order: write_lock (held while the writing connection is in use), pool_lock (the readers' list, a leaf). A
 * thread that holds a reading connection takes neither write_lock nor another connection.
 */
#ifndef SQLITE_STORE_H
#define SQLITE_STORE_H

#include "schema.h"
#include "times.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct select_statement; /* select.h */
struct connection {
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *statement[SQL_STATEMENTS];
    struct select_statement *selects; /* the one used last, first */
    unsigned uses;
    unsigned placed_version; /* the data version at which all rows had a place in the ring; 0: not known */
    int log_pages;           /* after its last commit */
    int checkpoint_at;       /* the length at which the next checkpoint is due */
    struct connection *next; /* among the idle readers */
};

enum trouble {
    TROUBLE_NONE,
    TROUBLE_MOVED,  /* the file was moved or changed under us: open the one that is there now */
    TROUBLE_DAMAGED /* the file is damaged: move it aside, and start a new one */
};

enum { STORE_SELECTIONS = 64 };
struct store {
    const struct pxt_host *host;
    const enum pxt_field_id *order;
    struct sqlite_schema schema;
    char *path, *folder;
    const char *synchronous; /* OFF, NORMAL, FULL */
    bool synced;             /* what is acknowledged survives loss of power */
    bool compatible;         /* owner, mode and journal of the files stay as ProxyWhirl made them */
    int busy_ms;
    int64_t mmap_size;
    unsigned reader_max;
    _Atomic int trouble; /* enum trouble: seen by one call, repaired by the next */
    _Atomic uint64_t corruptions;

    /* The check of the indexes: where its next step begins. */
    int64_t check_time;
    _Atomic bool check_begun;
    _Atomic int64_t check_from;
    _Atomic int64_t check_select; /* the number of the index of selections that the next step looks at */
    _Atomic pxt_time checked_at;
    _Atomic pxt_time no_select_until; /* an index could not be made: until then there is no other try */

    _Atomic uint64_t widths[STORE_SELECTIONS], smallest[STORE_SELECTIONS]; /* select_memory.c */

    pthread_mutex_t write_lock;
    struct connection writer;
    bool only_hits; /* what the open transaction writes is no more than that */
    bool changed;   /* since the store was opened a transaction wrote more */
    dev_t device;   /* of the file that is open */
    ino_t inode;
    /* The number of rows, exact while no other connection wrote: data_version says so. */
    bool counted;
    int64_t count, count_change, version;
    /* There is no tombstone as long as the data version (SQLITE_FCNTL_DATA_VERSION) stays. */
    bool no_tombstones;
    unsigned data_version;

    pthread_mutex_t pool_lock;
    pthread_cond_t pool_changed;
    struct connection *idle;
    unsigned reader_count, reader_busy;
    unsigned writer_reads; /* through the writer, since a reader was refused */
    bool reopening;
};

/* Options that both plugins have. */
#define STORE_OPTIONS                                                                                                  \
    {"sync",                                                                                                           \
     PXT_OPTION_CHOICE,                                                                                                \
     "normal",                                                                                                         \
     0,                                                                                                                \
     0,                                                                                                                \
     "none|normal|full",                                                                                               \
     "what an acknowledged write survives: none and normal: the end of the process; full: loss of power too"},         \
        {"busy_timeout",                                                                                               \
         PXT_OPTION_DURATION,                                                                                          \
         "5s",                                                                                                         \
         0,                                                                                                            \
         3600 * PXT_SECOND,                                                                                            \
         NULL,                                                                                                         \
         "how long to wait for another process's lock"},                                                               \
        {"mmap",                                                                                                       \
         PXT_OPTION_SIZE,                                                                                              \
         "1GiB",                                                                                                       \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "how much of the file to read through memory; 0 where other programs might truncate it"},                     \
        {"check_time",                                                                                                 \
         PXT_OPTION_DURATION,                                                                                          \
         "20ms",                                                                                                       \
         0,                                                                                                            \
         60 * PXT_SECOND,                                                                                              \
         NULL,                                                                                                         \
         "how long each maintenance may look for damage in the indexes; 0: it does not look"},                         \
        {"compatible",                                                                                                 \
         PXT_OPTION_CHOICE,                                                                                            \
         "none",                                                                                                       \
         0,                                                                                                            \
         0,                                                                                                            \
         "none|proxywhirl",                                                                                            \
         "proxywhirl: use the file together with ProxyWhirl, with its keys, and with owner, mode and journal of its "  \
         "files"},                                                                                                     \
    {                                                                                                                  \
        "connections", PXT_OPTION_INTEGER, "4", 1, 64, NULL, "reading connections at most, opened when needed"         \
    }

/* store.c: takes over `path` (malloc()ed), also on failure. */
pxt_status sqlite_store_open(const struct pxt_host *host, const struct pxt_tier_setup *setup,
                             const struct sqlite_layout *layout, char *path, void **self, struct pxt_error *error);
/* The operations of tier.h. */
void sqlite_store_close(void *self);
pxt_status sqlite_store_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                            struct pxt_error *error);
pxt_status sqlite_store_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags,
                                 pxt_entry **out, struct pxt_error *error);
pxt_status sqlite_store_put(void *self, pxt_entry *entry, struct pxt_error *error);
pxt_status sqlite_store_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status sqlite_store_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error);
pxt_status sqlite_store_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status sqlite_store_count(void *self, uint64_t *out, struct pxt_error *error);
pxt_status sqlite_store_clear(void *self, uint64_t *removed, struct pxt_error *error);
pxt_status sqlite_store_contains(void *self, const struct pxt_key *key, struct pxt_error *error);
pxt_status sqlite_store_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error);
pxt_status sqlite_store_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
pxt_status sqlite_store_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                               uint64_t *removed, struct pxt_error *error);
pxt_status sqlite_store_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error);
pxt_status sqlite_store_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                                   struct pxt_error *error);
pxt_status sqlite_store_maintain(void *self, struct pxt_error *error);
pxt_status sqlite_store_sync(void *self, struct pxt_error *error);
pxt_status sqlite_store_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);
pxt_status sqlite_store_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status sqlite_store_record_put(void *self, const char *text, struct pxt_error *error);
pxt_status sqlite_store_tombstones(void *self, uint64_t *out, struct pxt_error *error);
pxt_status sqlite_store_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error);
pxt_status sqlite_store_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                               struct pxt_error *error);
/* lease.c */
pxt_status sqlite_store_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error);
pxt_status sqlite_store_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status sqlite_store_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status sqlite_store_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                                   struct pxt_error *error);
bool sqlite_store_is_synced(const void *self);
bool sqlite_store_keeps_leases(const void *self);
const char *sqlite_store_shared_path(void *self);
uint64_t sqlite_store_corruptions(void *self);

#define STORE_FLAGS                                                                                                    \
    (PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_POLICY_ORDER | PXT_TIER_TRANSACTION |         \
     PXT_TIER_VERSIONS)
#define STORE_OPS(more_flags)                                                                                          \
    .size = sizeof(struct pxt_tier_ops), .flags = STORE_FLAGS | (more_flags), .close = sqlite_store_close,             \
    .get = sqlite_store_get, .put = sqlite_store_put, .del = sqlite_store_del, .each = sqlite_store_each,              \
    .count = sqlite_store_count, .clear = sqlite_store_clear, .contains = sqlite_store_contains,                       \
    .put_many = sqlite_store_put_many, .get_many = sqlite_store_get_many, .touch = sqlite_store_touch,                 \
    .victim = sqlite_store_victim, .expire = sqlite_store_expire, .maintain = sqlite_store_maintain,                   \
    .sync = sqlite_store_sync, .shared_path = sqlite_store_shared_path, .corruptions = sqlite_store_corruptions,       \
    .versions = sqlite_store_versions, .record_get = sqlite_store_record_get, .record_put = sqlite_store_record_put,   \
    .tombstones = sqlite_store_tombstones, .known_dead = sqlite_store_known_dead, .select = sqlite_store_select
#define STORE_LEASES                                                                                                   \
    .lease_take = sqlite_store_lease_take, .lease_renew = sqlite_store_lease_renew,                                    \
    .lease_end = sqlite_store_lease_end, .lease_each = sqlite_store_lease_each

/* ---- between the files of the store: a file calls only files that stand before it in this list ------------------ */

/* fail.c: makes the status and the text of an SQLite result code, with the remedy; notes what the next call has to
 * repair. `db` may be NULL. */
pxt_status sqlite_fail(struct store *store, sqlite3 *db, int rc, struct pxt_error *error, const char *doing);

/* Returns whether a call is to be tried again: once, after it met damage, which the second try has repaired before it
 * begins. `*tries` starts at 0. */
static inline bool sqlite_try_again(pxt_status status, unsigned *tries)
{
    return status == PXT_ECORRUPT && ++*tries == 1;
}

/* file.c: the database file and its companions, `-wal` and `-shm`. */
/* Makes the file if there is none. PXT_EACCES: others may write to it, or to a companion. */
pxt_status sqlite_file_prepare(struct store *store, struct pxt_error *error);
/* Takes the rights of others from the three, unless they are shared with ProxyWhirl. */
pxt_status sqlite_file_close_to_others(struct store *store, struct pxt_error *error);
/* Locks the folder against other processes that open or repair this file. `*fd` is for close(). */
pxt_status sqlite_file_lock(struct store *store, int *fd, struct pxt_error *error);
/* Makes the names of the files survive loss of power. */
pxt_status sqlite_file_sync_folder(struct store *store, struct pxt_error *error);
/* Returns whether the file at the path is the one that was open. */
bool sqlite_file_is_ours(const struct store *store);
void sqlite_file_remember(struct store *store);
/* Makes an empty file for the salvage beside the database, for what an earlier one left is removed; `*fresh` (malloc()ed)
 * receives its path. */
pxt_status sqlite_file_make_fresh(struct store *store, char **fresh, struct pxt_error *error);
void sqlite_file_remove_fresh(const char *fresh);
/* Keeps the damaged database under another name, which `*aside` (malloc()ed) receives, and puts `fresh` in its place.
 * Wherever that ends, sqlite_file_settle() brings it to one end: nothing of the damaged database is lost. */
pxt_status sqlite_file_replace(struct store *store, const char *fresh, char **aside, struct pxt_error *error);
/* Undoes or completes a replacement in which a process ended. The folder is locked. */
pxt_status sqlite_file_settle(struct store *store, struct pxt_error *error);

/* statement.c: gives a kept statement, ready to be bound. */
pxt_status sqlite_statement_get(struct store *store, struct connection *connection, enum sqlite_statement which,
                                sqlite3_stmt **out, struct pxt_error *error);
/* Steps a statement that returns no rows, and resets it. */
pxt_status sqlite_statement_run(struct store *store, struct connection *connection, sqlite3_stmt *statement,
                                struct pxt_error *error, const char *doing);

/* tombstones.c: stores the tombstone in place of the entry of its key; removes the one of a key, before an entry takes its
 * place. PXT_ESTALE: what is stored is newer. */
pxt_status sqlite_tombstone_put(struct store *store, struct connection *connection, pxt_entry *tombstone,
                                struct pxt_error *error);
pxt_status sqlite_tombstone_replace(struct store *store, struct connection *connection, const struct pxt_key *key,
                                    uint64_t version, struct pxt_error *error);
/* Removes that of the key. PXT_NOT_FOUND. */
pxt_status sqlite_tombstone_del(struct store *store, struct connection *connection, const struct pxt_key *key,
                                struct pxt_error *error);
/* Removes up to `limit` of versions up to `up_to`; all. */
pxt_status sqlite_tombstone_expire(struct store *store, struct connection *connection, pxt_time now, uint64_t up_to,
                                   size_t limit, uint64_t *removed, struct pxt_error *error);
pxt_status sqlite_tombstone_clear(struct store *store, struct connection *connection, struct pxt_error *error);
pxt_status sqlite_fail_stale(struct store *store, struct pxt_error *error);

/* rows.c: stores an entry or a tombstone; a write transaction is open. PXT_ESTALE: what is stored is newer. */
pxt_status sqlite_rows_put(struct store *store, struct connection *connection, pxt_entry *entry,
                           struct pxt_error *error);
/* Copies to the writer's table the row that a statement of another connection stands on, as it is. `schema`: of the statement.
 * PXT_EINVAL: it is no row of any program: a column is empty that must not be. */
pxt_status sqlite_rows_copy(struct store *store, struct connection *connection, const struct sqlite_schema *schema,
                            sqlite3_stmt *row, struct pxt_error *error);
/* Reads the row that a statement of that schema stands on. PXT_EINVAL: the row is not an entry. PXT_ENOTSUP: it is another
 * program's, which proxtier cannot have: it stays as it is. */
pxt_status sqlite_row_read(struct store *store, const struct sqlite_schema *schema, sqlite3_stmt *statement,
                           pxt_entry **out, struct pxt_error *error);
/* Reads the next row. PXT_NOT_FOUND: there are no more rows. PXT_EINVAL: the row `*rowid` is unreadable.
 * PXT_ENOTSUP: see above. */
pxt_status sqlite_row_next(struct store *store, struct connection *connection, sqlite3_stmt *statement, pxt_entry **out,
                           int64_t *rowid, struct pxt_error *error);

/* connect.c: opens and closes one connection. Opening changes nothing in an existing file. */
pxt_status sqlite_connection_open(struct store *store, const char *path, struct connection *connection,
                                  struct pxt_error *error);
/* Applies the settings of the store. Returns an SQLite code. */
int sqlite_connection_set_up(struct store *store, struct connection *connection, bool reader);
/* Switches the file to a write-ahead log, unless it is shared with ProxyWhirl. Returns an SQLite code. */
int sqlite_connection_use_log(struct store *store, struct connection *connection);
/* checkpoint.c: puts our checkpoints in place of SQLite's, for a connection that was just opened. */
void sqlite_checkpoint_prepare(struct connection *connection);
/* Moves the log into the database. Returns SQLite's code: SQLITE_BUSY if others were in the way. No transaction is open. */
int sqlite_checkpoint(const struct store *store, struct connection *connection);
/* Likewise, if the log has become long since the last time. */
void sqlite_checkpoint_if_due(const struct store *store, struct connection *connection);
/* Before all connections are closed: decides whether that moves the log. */
void sqlite_checkpoint_at_close(struct store *store);
void sqlite_connection_close(struct connection *connection);
bool sqlite_connection_moved(const struct connection *connection);

/* owner.c: PXT_OK: the file is a cache of proxies, or `*empty`. PXT_ECORRUPT: a damaged one. PXT_ECONFIG: neither.
 * Changes nothing in the file. */
pxt_status sqlite_owner_check(struct store *store, sqlite3 *db, bool *empty, struct pxt_error *error);

/* salvage.c: opens the damaged file at the path. Until `*damaged` is closed no other connection can write to the file: a
 * writer that waits must look, when it has the lock, whether the file was replaced. write_lock is held. */
pxt_status sqlite_salvage_open(struct store *store, sqlite3 **damaged, struct pxt_error *error);
/* Copies the readable entries of the damaged file, and their history, into the new one. The damaged file stays as it is.
 * Any failure to read for another reason than damage, and any failure to write, is returned. write_lock is held. */
struct sqlite_salvaged {
    struct sqlite_salvaged_rows {
        uint64_t kept, lost;
        bool lost_exact; /* else there may be more */
    } entries, checks;
    bool tombstones_lost;    /* some of them, or all */
    uint64_t without_health; /* of the kept entries: their fields in the table of our own were unreadable */
};
pxt_status sqlite_salvage(struct store *store, sqlite3 *damaged, struct connection *fresh,
                          struct sqlite_salvaged *result, struct pxt_error *error);

/* recover.c: opens the writer; `damaged`: the file is moved aside first. write_lock is held. */
pxt_status sqlite_writer_open(struct store *store, bool damaged, struct pxt_error *error);

/* pool.c: lends a connection for the time of a call; it must be released. */
pxt_status sqlite_pool_read(struct store *store, struct connection **out, struct pxt_error *error);
pxt_status sqlite_pool_write(struct store *store, struct connection **out, struct pxt_error *error);
void sqlite_pool_release(struct store *store, struct connection *connection);
void sqlite_pool_close(struct store *store);

/* txn.c: a number that changes with every commit, of this connection too, as of its last transaction; costs no statement.
 * 0: not known. */
unsigned sqlite_data_version(struct connection *connection);
/* Lends the writer inside BEGIN IMMEDIATE, on the file that is at the path. */
pxt_status sqlite_txn_begin(struct store *store, struct connection **out, struct pxt_error *error);
/* Commits if `status` is PXT_OK, else rolls back; releases the connection. */
pxt_status sqlite_txn_end(struct store *store, struct connection *connection, pxt_status status,
                          struct pxt_error *error);

/* select.h: select() and what it is made of: select_text.c, select_index.c, select_plan.c, select_memory.c,
 * select_walk.c, select_random.c, select_ttl.c, select.c. */

/* index_check.c: checks some rows in the indexes, and rebuilds damaged indexes. PXT_ECORRUPT: they cannot be rebuilt. */
pxt_status sqlite_index_check(struct store *store, struct pxt_error *error);

/* quarantine.c: moves an unreadable row to a table of our own, and counts it. */
pxt_status sqlite_quarantine(struct store *store, int64_t rowid, struct pxt_error *error);

#endif
