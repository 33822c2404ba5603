/* SPDX-License-Identifier: MIT
 *
 * walks.c: the operations that go through the store, in order, a part at a time.
 */
#include "walks.h"
#include <string.h>

enum { PART = 64, EXPIRE_PART = 256 };

/* A part of the entries, held while no transaction runs. */
struct part {
    pxt_entry *entries[PART];
    size_t n;
    char from[LMDB_KEY_MAX + 1]; /* the least key of the next part */
    size_t from_length;          /* 0: the part begins with the first key, or none follows */
};

static void release_part(struct store_place *place, struct part *part)
{
    while (part->n)
        place->host->entry_release(part->entries[--part->n]);
}

/* Fills a part, without tombstones: versions gives those. */
static pxt_status part_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    struct part *part = arg;
    MDB_cursor *cursor;
    MDB_val key = {part->from_length, part->from}, value;
    pxt_status status = PXT_OK;
    int code = mdb_cursor_open(txn->mdb, txn->place->store->table[ENTRIES], &cursor);
    if (code)
        return txn_failed(txn, error, code, "list entries");
    part->n = 0;
    code = mdb_cursor_get(cursor, &key, &value, part->from_length ? MDB_SET_RANGE : MDB_FIRST);
    while (!code && part->n < PART && !(status = entry_of_row(txn, key, value, &part->entries[part->n], error))) {
        if (host->entry_number(part->entries[part->n], PXT_FIELD_REMOVED))
            host->entry_release(part->entries[part->n]);
        else
            part->n++;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (!status && code && code != MDB_NOTFOUND)
        status = txn_failed(txn, error, code, "list entries");
    if (status) {
        release_part(txn->place, part);
    } else {
        part->from_length = code ? 0 : key.mv_size;
        memcpy(part->from, key.mv_data, part->from_length);
    }
    mdb_cursor_close(cursor);
    return status;
}

pxt_status lmdb_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct part part = {.n = 0};
    bool more = true;
    do {
        pxt_status status = store_read(self, part_step, &part, error);
        if (status)
            return status;
        for (size_t i = 0; i < part.n && more; i++)
            more = fn(arg, part.entries[i]);
        release_part(self, &part);
    } while (more && part.from_length);
    return PXT_OK;
}

struct versions {
    uint64_t above;
    pxt_version_fn *fn;
    void *arg;
    bool over;
};

/* Calls the function for one row of the index, if the entry says the same. An index may have a row of an entry that was damaged,
 * and put aside: such a row says nothing. */
static pxt_status call_version(struct txn *txn, MDB_val row, struct versions *versions, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    MDB_val key = {row.mv_size - INDEX_KEY, (char *)row.mv_data + INDEX_KEY};
    uint64_t version = number_of(row.mv_data, INDEX_KEY);
    struct pxt_key own;
    pxt_entry *entry;
    pxt_status status = read_entry(txn, key, &entry, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    host->entry_key(entry, &own);
    if ((uint64_t)host->entry_number(entry, PXT_FIELD_VERSION) == version)
        versions->over = !versions->fn(versions->arg, &own, version);
    host->entry_release(entry);
    return PXT_OK;
}

/* First those without a version, then those above. The function only makes a note: so it is called within the transaction. A
 * damaged row is put aside when all others were called: the function is called once for each. */
static pxt_status versions_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct versions *versions = arg;
    struct index_key next;
    MDB_cursor *cursor;
    MDB_val row, value;
    bool damaged = false;
    pxt_status status = PXT_OK;
    if (versions->over)
        return PXT_OK;
    int code = mdb_cursor_open(txn->mdb, txn->place->store->table[VERSIONS], &cursor);
    if (code)
        return txn_failed(txn, error, code, "list versions");
    make_index_key(&next, versions->above + 1, (MDB_val){0, ""});
    code = mdb_cursor_get(cursor, &row, &value, MDB_FIRST);
    while (!code && !versions->over && (!status || status == PXT_EINVAL)) {
        uint64_t version = number_of(row.mv_data, INDEX_KEY);
        if (version && version <= versions->above) {
            row = next.value;
            code = versions->above == UINT64_MAX ? MDB_NOTFOUND : mdb_cursor_get(cursor, &row, &value, MDB_SET_RANGE);
            continue;
        }
        status = call_version(txn, row, versions, error);
        damaged = damaged || status == PXT_EINVAL;
        code = mdb_cursor_get(cursor, &row, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (status && status != PXT_EINVAL)
        return status;
    if (code && code != MDB_NOTFOUND)
        return txn_failed(txn, error, code, "list versions");
    versions->over = true;
    return damaged ? PXT_EINVAL : PXT_OK;
}

pxt_status lmdb_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    struct versions versions = {.above = above, .fn = fn, .arg = arg};
    return store_read(self, versions_step, &versions, error);
}

/* A part of what expires: a transaction of its own, so that others can write in between. */
struct expiring {
    pxt_time now;
    uint64_t up_to;
    size_t limit; /* of this part, at most EXPIRE_PART */
    size_t removed, called;
    char keys[EXPIRE_PART][PXT_KEY_MAX + 1]; /* of the entries, which the function is called with */
    struct index_key from, next;             /* where this part begins, and the next one */
    bool over;
};

static pxt_status expire_row(struct txn *txn, MDB_val row, struct expiring *expiring, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    MDB_val key = {row.mv_size - INDEX_KEY, (char *)row.mv_data + INDEX_KEY};
    pxt_entry *entry;
    int code;
    pxt_status status = read_to_write(txn, key, &entry, error);
    if (status == PXT_NOT_FOUND) /* a row of an entry that was damaged */
        return (code = del_row(txn, EXPIRY, row)) ? txn_failed(txn, error, code, "expire an entry") : PXT_OK;
    if (status)
        return status;
    if (time_number(host->entry_number(entry, PXT_FIELD_EXPIRES_AT)) != number_of(row.mv_data, INDEX_KEY)) {
        if ((code = del_row(txn, EXPIRY, row)))
            status = txn_failed(txn, error, code, "expire an entry");
    } else if ((uint64_t)host->entry_number(entry, PXT_FIELD_VERSION) <= expiring->up_to) {
        if (!host->entry_number(entry, PXT_FIELD_REMOVED)) {
            memcpy(expiring->keys[expiring->called], key.mv_data, key.mv_size);
            expiring->keys[expiring->called++][key.mv_size] = '\0';
        }
        expiring->removed++;
        status = remove_entry(txn, key, entry, error);
    }
    host->entry_release(entry);
    return status;
}

static pxt_status expire_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct expiring *expiring = arg;
    struct index_key at = expiring->from;
    MDB_cursor *cursor;
    MDB_val row, value;
    pxt_status status = PXT_OK;
    int code = mdb_cursor_open(txn->mdb, txn->place->store->table[EXPIRY], &cursor);
    if (code)
        return txn_failed(txn, error, code, "expire entries");
    expiring->removed = expiring->called = 0;
    expiring->over = false;
    while (!status && expiring->removed < expiring->limit) {
        row = (MDB_val){at.value.mv_size, at.bytes};
        code = mdb_cursor_get(cursor, &row, &value, MDB_SET_RANGE);
        expiring->over = code || number_of(row.mv_data, INDEX_KEY) > time_number(expiring->now);
        if (expiring->over)
            break;
        /* the row moves when the tables change: `at` has a copy, and a NUL more is the least key behind it */
        memcpy(at.bytes, row.mv_data, row.mv_size);
        at.bytes[row.mv_size] = 0;
        at.value.mv_size = row.mv_size + 1;
        status = expire_row(txn, (MDB_val){row.mv_size, at.bytes}, expiring, error);
    }
    mdb_cursor_close(cursor);
    expiring->next = at;
    if (!status && code && code != MDB_NOTFOUND)
        status = txn_failed(txn, error, code, "expire entries");
    return status;
}

pxt_status lmdb_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                       uint64_t *removed, struct pxt_error *error)
{
    struct store_place *place = self;
    struct expiring expiring = {.now = now, .up_to = up_to, .from.value.mv_size = 1};
    *removed = 0;
    while (*removed < limit && !expiring.over) {
        struct pxt_key key;
        expiring.limit = limit - *removed < EXPIRE_PART ? (size_t)(limit - *removed) : EXPIRE_PART;
        pxt_status status = store_write(self, STORE_FREES, expire_step, &expiring, error);
        if (status)
            return status;
        *removed += expiring.removed;
        for (size_t i = 0; i < expiring.called; i++) {
            place->host->key_init(&key, expiring.keys[i], strlen(expiring.keys[i]));
            fn(arg, &key);
        }
        expiring.from = expiring.next;
    }
    return PXT_OK;
}
