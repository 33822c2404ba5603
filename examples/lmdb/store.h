/* SPDX-License-Identifier: MIT
 *
 * store.h: an LMDB environment as the tier in lmdb.c needs it: opened once a process, with transactions that are
 * repeated in a larger map where they did not find room.
 */
#ifndef LMDB_STORE_H
#define LMDB_STORE_H

#include <lmdb.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <stdatomic.h>

/* The tables. Numbers in keys are big-endian, so that LMDB's order of bytes is theirs. */
enum table {
    ENTRIES,    /* key: the JSON line, with its final NUL */
    VERSIONS,   /* version and key: nothing */
    EXPIRY,     /* expires_at and key: nothing */
    TOMBSTONES, /* key: nothing; each has its line in ENTRIES */
    HISTORY,    /* key, NUL, time and number: a check */
    DAMAGED,    /* key: what stood in ENTRIES and was no entry, for a person to look at (mdb_dump -s damaged) */
    META,       /* "record": the record */
    TABLES
};

enum { LMDB_KEY_MAX = 511 }; /* of LMDB as distributions build it */

struct store {
    struct store *next;
    unsigned users;
    uint64_t device, inode; /* of the folder, which tell whether two paths are one store */
    unsigned env_flags;
    MDB_env *env;
    MDB_dbi table[TABLES];
    /* Held for reading by each transaction, for writing where the map changes its size: LMDB forbids both at once. */
    pthread_rwlock_t map;
    int broken; /* not 0: what LMDB said when it had no memory for another map */
};

/* What one instance of the tier knows of its store. */
struct store_place {
    const struct pxt_host *host;
    const char *folder; /* lives as long as the settings */
    size_t max_size;    /* of the map */
    struct store *store;
    _Atomic uint64_t damaged;
};

/* A transaction. `bad` is a row of ENTRIES that is no entry: a step that reads sets it and returns PXT_EINVAL. */
struct txn {
    struct store_place *place;
    MDB_txn *mdb;
    bool full;        /* the map had no room: store_write() enlarges it, and calls the step again */
    uint64_t damaged; /* rows that the transaction puts aside: counted when it has ended well */
    char bad[LMDB_KEY_MAX];
    size_t bad_length;
};

/* Work within a transaction. It may be called again from the start, so it changes nothing but the store before it knows
 * that it succeeds. */
typedef pxt_status store_step(struct txn *txn, void *arg, struct pxt_error *error);

enum store_need { STORE_KEEPS, STORE_FREES };

pxt_status store_open(struct store_place *place, unsigned env_flags, struct pxt_error *error);
void store_close(struct store_place *place);
void store_forget(struct store_place *place);
pxt_status store_read(struct store_place *place, store_step *step, void *arg, struct pxt_error *error);
pxt_status store_write(struct store_place *place, enum store_need need, store_step *step, void *arg,
                       struct pxt_error *error);
pxt_status store_flush(struct store_place *place, struct pxt_error *error);
void store_check_readers(struct store_place *place);

/* The status for what LMDB returned; PXT_NOT_FOUND for MDB_NOTFOUND. */
pxt_status store_failed(struct store_place *place, struct pxt_error *error, int code, const char *what);
/* The same within a transaction. */
pxt_status txn_failed(struct txn *txn, struct pxt_error *error, int code, const char *what);
/* Puts a row aside, within a transaction that writes. */
pxt_status store_put_aside(struct txn *txn, MDB_val key, MDB_val value, struct pxt_error *error);

#endif
