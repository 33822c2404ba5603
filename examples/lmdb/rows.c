/* SPDX-License-Identifier: MIT
 *
 * rows.c: entries as rows, with their indexes.
 */
#include "rows.h"
#include <string.h>

MDB_val key_value(const struct pxt_key *key)
{
    return (MDB_val){key->length, (void *)(uintptr_t)key->text};
}

void make_index_key(struct index_key *index, uint64_t number, MDB_val key)
{
    for (int i = 0; i < 8; i++)
        index->bytes[i] = (unsigned char)(number >> (56 - 8 * i));
    memcpy(index->bytes + 8, key.mv_data, key.mv_size);
    index->value = (MDB_val){8 + key.mv_size, index->bytes};
}

uint64_t number_of(const void *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | ((const unsigned char *)bytes)[i];
    return number;
}

uint64_t time_number(pxt_time time)
{
    return (uint64_t)time ^ UINT64_C(1) << 63;
}

pxt_status entry_of_row(struct txn *txn, MDB_val key, MDB_val value, pxt_entry **out, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    const char *line = value.mv_data;
    struct pxt_key own;
    pxt_status status = PXT_EINVAL;
    if (value.mv_size && !line[value.mv_size - 1])
        status = host->json_read(host, line, value.mv_size - 1, out, error);
    if (!status) {
        host->entry_key(*out, &own);
        if (own.length == key.mv_size && !memcmp(own.text, key.mv_data, key.mv_size))
            return PXT_OK;
        host->entry_release(*out);
        status = PXT_EINVAL;
    }
    if (status == PXT_EINVAL) {
        txn->bad_length = key.mv_size;
        memcpy(txn->bad, key.mv_data, key.mv_size);
    }
    return status;
}

pxt_status read_entry(struct txn *txn, MDB_val key, pxt_entry **out, struct pxt_error *error)
{
    MDB_val value;
    int code = mdb_get(txn->mdb, txn->place->store->table[ENTRIES], &key, &value);
    return code ? txn_failed(txn, error, code, "read an entry") : entry_of_row(txn, key, value, out, error);
}

pxt_status read_to_write(struct txn *txn, MDB_val key, pxt_entry **out, struct pxt_error *error)
{
    MDB_val value;
    pxt_status status = read_entry(txn, key, out, error);
    if (status != PXT_EINVAL)
        return status;
    int code = mdb_get(txn->mdb, txn->place->store->table[ENTRIES], &key, &value);
    status = code ? txn_failed(txn, error, code, "read an entry") : store_put_aside(txn, key, value, error);
    return status ? status : PXT_NOT_FOUND;
}

int del_row(struct txn *txn, enum table table, MDB_val key)
{
    int code = mdb_del(txn->mdb, txn->place->store->table[table], &key, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int put_row(struct txn *txn, enum table table, MDB_val key, MDB_val value)
{
    return mdb_put(txn->mdb, txn->place->store->table[table], &key, &value, 0);
}

/* Takes an entry out of the indexes. */
static int unindex(struct txn *txn, MDB_val key, pxt_entry *entry)
{
    const struct pxt_host *host = txn->place->host;
    struct index_key index;
    make_index_key(&index, (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION), key);
    int code = del_row(txn, VERSIONS, index.value);
    if (code)
        return code;
    make_index_key(&index, time_number(host->entry_number(entry, PXT_FIELD_EXPIRES_AT)), key);
    return del_row(txn, EXPIRY, index.value);
}

static pxt_status write_line(struct txn *txn, MDB_val key, pxt_entry *entry, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    char *line;
    size_t length;
    pxt_status status = host->json_new(host, entry, 0, &line, &length, error);
    if (status)
        return status;
    int code = put_row(txn, ENTRIES, key, (MDB_val){length + 1, line});
    host->text_free(line);
    return code ? txn_failed(txn, error, code, "write an entry") : PXT_OK;
}

pxt_status remove_entry(struct txn *txn, MDB_val key, pxt_entry *entry, struct pxt_error *error)
{
    int code = unindex(txn, key, entry);
    if (!code)
        code = del_row(txn, ENTRIES, key);
    if (!code)
        code = del_row(txn, TOMBSTONES, key);
    if (!code)
        code = history_drop(txn, key);
    return code ? txn_failed(txn, error, code, "remove an entry") : PXT_OK;
}

/* Takes what is stored under the key out of the indexes, unless it is newer than what comes. */
static pxt_status make_way(struct txn *txn, MDB_val key, uint64_t version, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    pxt_entry *old;
    pxt_status status = read_to_write(txn, key, &old, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    uint64_t old_version = (uint64_t)host->entry_number(old, PXT_FIELD_VERSION);
    int code = 0;
    if (version && old_version > version)
        status = host->fail(host, error, PXT_ESTALE, 0, "%s has a newer version of %.*s", txn->place->folder,
                            (int)key.mv_size, (const char *)key.mv_data);
    else if ((code = unindex(txn, key, old)))
        status = txn_failed(txn, error, code, "write an entry");
    host->entry_release(old);
    return status;
}

pxt_status put_entry(struct txn *txn, pxt_entry *entry, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    const MDB_val nothing = {0, NULL};
    uint64_t version = (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION);
    struct pxt_key own;
    struct index_key by_version, by_expiry;
    host->entry_key(entry, &own);
    MDB_val key = key_value(&own);
    make_index_key(&by_version, version, key);
    make_index_key(&by_expiry, time_number(host->entry_number(entry, PXT_FIELD_EXPIRES_AT)), key);
    pxt_status status = make_way(txn, key, version, error);
    if (!status)
        status = write_line(txn, key, entry, error);
    if (status)
        return status;
    int code = put_row(txn, VERSIONS, by_version.value, nothing);
    if (!code)
        code = put_row(txn, EXPIRY, by_expiry.value, nothing);
    if (!code && !host->entry_number(entry, PXT_FIELD_REMOVED))
        code = del_row(txn, TOMBSTONES, key);
    else if (!code && !(code = put_row(txn, TOMBSTONES, key, nothing)))
        code = history_drop(txn, key);
    return code ? txn_failed(txn, error, code, "write an entry") : PXT_OK;
}

pxt_status touch_entry(struct txn *txn, const struct pxt_touch *touch, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    MDB_val key = key_value(&touch->key);
    pxt_entry *entry, *changed = NULL;
    struct pxt_draft changes;
    pxt_status status = read_to_write(txn, key, &entry, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    host->entry_touch(entry, touch->hits, touch->last_accessed);
    if (touch->evicted_from_l1) {
        pxt_draft_init(&changes);
        pxt_draft_set_number(&changes, PXT_FIELD_EVICTED_FROM_L1, 1);
        status = host->entry_copy(host, entry, &changes, &changed, error);
    }
    if (!status)
        status = write_line(txn, key, changed ? changed : entry, error);
    host->entry_release(changed);
    host->entry_release(entry);
    return status;
}
