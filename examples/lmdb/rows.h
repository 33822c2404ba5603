/* SPDX-License-Identifier: MIT
 *
 * rows.h: what stands in the tables of store.h: entries with their indexes (rows.c), and the history of checks (history.c).
 */
#ifndef LMDB_ROWS_H
#define LMDB_ROWS_H

#include "store.h"

MDB_val key_value(const struct pxt_key *key);

/* The key of an index: a number, and the entry's key. */
enum { INDEX_KEY = 8 };
struct index_key {
    unsigned char bytes[LMDB_KEY_MAX];
    MDB_val value;
};
void make_index_key(struct index_key *index, uint64_t number, MDB_val key);
/* A number of `size` bytes, the greatest first. */
uint64_t number_of(const void *bytes, size_t size);
/* A time as a number without sign, in the same order. */
uint64_t time_number(pxt_time time);

/* The entry of a row. PXT_EINVAL: it is none; the row is noted in `txn`. */
pxt_status entry_of_row(struct txn *txn, MDB_val key, MDB_val value, pxt_entry **out, struct pxt_error *error);
pxt_status read_entry(struct txn *txn, MDB_val key, pxt_entry **out, struct pxt_error *error);
/* The same within a transaction that writes: what is damaged is put aside, and is not found. */
pxt_status read_to_write(struct txn *txn, MDB_val key, pxt_entry **out, struct pxt_error *error);

/* Within a transaction that writes. put_entry() compares versions. */
pxt_status put_entry(struct txn *txn, pxt_entry *entry, struct pxt_error *error);
pxt_status touch_entry(struct txn *txn, const struct pxt_touch *touch, struct pxt_error *error);
/* Removes an entry that is stored, with all that belongs to it. */
pxt_status remove_entry(struct txn *txn, MDB_val key, pxt_entry *entry, struct pxt_error *error);
/* Removes a row, if it is there; returns what LMDB does. */
int del_row(struct txn *txn, enum table table, MDB_val key);

/* Removes the history of a key; returns what LMDB does. */
int history_drop(struct txn *txn, MDB_val key);
pxt_status history_add(struct txn *txn, const struct pxt_check *check, uint64_t keep, struct pxt_error *error);
/* A history that was copied, to be called back without a transaction. `bytes` is to be freed. */
struct check_list {
    const struct pxt_key *key;
    char *bytes;
    size_t length, capacity;
};
/* A step (see store_read()) that fills a struct check_list, newest first. */
pxt_status history_list(struct txn *txn, void *list, struct pxt_error *error);
void history_call(const struct check_list *list, pxt_check_fn *fn, void *arg);

#endif
