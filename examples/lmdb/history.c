/* SPDX-License-Identifier: MIT
 *
 * history.c: a row for each check, under the key, a NUL (which no key has), the time, and a number. So the checks of a key
 * stand together in their order.
 */
#include "rows.h"
#include <stdlib.h>
#include <string.h>

enum { CHECK_TAIL = 1 + 8 + 4 };

/* A check as it is stored; the two texts follow, each with its NUL. LMDB's files are of one kind of machine anyway. */
struct check_row {
    pxt_time time;
    double response_time_ms;
    uint32_t status;
    uint32_t has_message;
};

static MDB_val check_key(unsigned char bytes[LMDB_KEY_MAX], MDB_val key, uint64_t time, uint32_t number)
{
    unsigned char *at = bytes + key.mv_size;
    memcpy(bytes, key.mv_data, key.mv_size);
    *at++ = 0;
    for (int i = 0; i < 8; i++)
        *at++ = (unsigned char)(time >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        *at++ = (unsigned char)(number >> (24 - 8 * i));
    return (MDB_val){key.mv_size + CHECK_TAIL, bytes};
}

static bool is_check_of(MDB_val row, MDB_val key)
{
    return row.mv_size == key.mv_size + CHECK_TAIL && !memcmp(row.mv_data, key.mv_data, key.mv_size) &&
           !((const char *)row.mv_data)[key.mv_size];
}

/* Moves to the last check that is at most (time, number). MDB_NOTFOUND: there is none. */
static int last_check(MDB_cursor *cursor, MDB_val key, uint64_t time, uint32_t number, MDB_val *row, MDB_val *value)
{
    unsigned char bytes[LMDB_KEY_MAX];
    MDB_val wanted = check_key(bytes, key, time, number);
    *row = wanted;
    int code = mdb_cursor_get(cursor, row, value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND)
        code = mdb_cursor_get(cursor, row, value, MDB_LAST);
    else if (!code && (row->mv_size != wanted.mv_size || memcmp(row->mv_data, bytes, wanted.mv_size) != 0))
        code = mdb_cursor_get(cursor, row, value, MDB_PREV);
    return code || is_check_of(*row, key) ? code : MDB_NOTFOUND;
}

/* Removes the oldest checks of the key, but for `keep`. */
static int drop_checks(struct txn *txn, MDB_val key, uint64_t keep)
{
    unsigned char bytes[LMDB_KEY_MAX];
    MDB_cursor *cursor;
    MDB_val first = check_key(bytes, key, 0, 0), row = first, value;
    uint64_t stored = 0;
    int code = mdb_cursor_open(txn->mdb, txn->place->store->table[HISTORY], &cursor);
    if (code)
        return code;
    for (code = mdb_cursor_get(cursor, &row, &value, MDB_SET_RANGE); !code && is_check_of(row, key); stored++)
        code = mdb_cursor_get(cursor, &row, &value, MDB_NEXT);
    for (; stored > keep && (!code || code == MDB_NOTFOUND); stored--) {
        row = first;
        if (!(code = mdb_cursor_get(cursor, &row, &value, MDB_SET_RANGE)))
            code = mdb_cursor_del(cursor, 0);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int history_drop(struct txn *txn, MDB_val key)
{
    return drop_checks(txn, key, 0);
}

static int write_check(struct txn *txn, MDB_val key, const struct pxt_check *check)
{
    const char *message = check->error_message ? check->error_message : "";
    size_t message_size = strlen(message) + 1, url_size = strlen(check->check_url) + 1;
    struct check_row head = {check->time, check->response_time_ms, (uint32_t)check->status,
                             check->error_message != NULL};
    unsigned char bytes[LMDB_KEY_MAX];
    uint64_t time = time_number(check->time);
    uint32_t number = 0;
    MDB_cursor *cursor;
    MDB_val row, value;
    int code = mdb_cursor_open(txn->mdb, txn->place->store->table[HISTORY], &cursor);
    if (code)
        return code;
    code = last_check(cursor, key, time, UINT32_MAX, &row, &value);
    if (!code && number_of((const char *)row.mv_data + key.mv_size + 1, 8) == time)
        number = (uint32_t)number_of((const char *)row.mv_data + key.mv_size + 9, 4) + 1;
    if (!code || code == MDB_NOTFOUND) {
        row = check_key(bytes, key, time, number);
        value = (MDB_val){sizeof head + message_size + url_size, NULL};
        if (!(code = mdb_cursor_put(cursor, &row, &value, MDB_RESERVE))) {
            memcpy(value.mv_data, &head, sizeof head);
            memcpy((char *)value.mv_data + sizeof head, message, message_size);
            memcpy((char *)value.mv_data + sizeof head + message_size, check->check_url, url_size);
        }
    }
    mdb_cursor_close(cursor);
    return code;
}

/* A tombstone has no history, and neither has what is not stored: a check that comes late is refused. */
pxt_status history_add(struct txn *txn, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    const MDB_dbi *table = txn->place->store->table;
    MDB_val key = key_value(&check->key), value;
    int code = mdb_get(txn->mdb, table[TOMBSTONES], &key, &value);
    if (!code)
        return PXT_NOT_FOUND;
    if (code == MDB_NOTFOUND && !(code = mdb_get(txn->mdb, table[ENTRIES], &key, &value)))
        code = write_check(txn, key, check);
    if (!code && keep)
        code = drop_checks(txn, key, keep);
    return code ? txn_failed(txn, error, code, "write a check") : PXT_OK;
}

static pxt_status grow_list(struct txn *txn, struct check_list *list, size_t size, struct pxt_error *error)
{
    size_t capacity = 2 * list->capacity + size;
    char *bytes = realloc(list->bytes, capacity);
    if (!bytes)
        return txn->place->host->fail(txn->place->host, error, PXT_ENOMEM, 0, "no memory for a history");
    list->bytes = bytes;
    list->capacity = capacity;
    return PXT_OK;
}

/* Copies a row to the end of the list, after its size. */
static pxt_status copy_check(struct txn *txn, struct check_list *list, MDB_val value, struct pxt_error *error)
{
    size_t size = value.mv_size;
    if (size < sizeof(struct check_row) + 2 || ((char *)value.mv_data)[size - 1])
        return PXT_OK; /* it is none */
    if (list->length + sizeof size + size > list->capacity) {
        pxt_status status = grow_list(txn, list, sizeof size + size, error);
        if (status)
            return status;
    }
    memcpy(list->bytes + list->length, &size, sizeof size);
    memcpy(list->bytes + list->length + sizeof size, value.mv_data, size);
    list->length += sizeof size + size;
    return PXT_OK;
}

pxt_status history_list(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct check_list *list = arg;
    MDB_val key = key_value(list->key), row, value;
    MDB_cursor *cursor;
    pxt_status status = PXT_OK;
    list->length = 0;
    int code = mdb_cursor_open(txn->mdb, txn->place->store->table[HISTORY], &cursor);
    if (code)
        return txn_failed(txn, error, code, "read a history");
    code = last_check(cursor, key, UINT64_MAX, UINT32_MAX, &row, &value);
    while (!code && !status && is_check_of(row, key)) {
        status = copy_check(txn, list, value, error);
        code = mdb_cursor_get(cursor, &row, &value, MDB_PREV);
    }
    mdb_cursor_close(cursor);
    return status || !code || code == MDB_NOTFOUND ? status : txn_failed(txn, error, code, "read a history");
}

void history_call(const struct check_list *list, pxt_check_fn *fn, void *arg)
{
    struct check_row head;
    size_t size;
    for (const char *at = list->bytes, *end = at + list->length; at < end; at += size) {
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        memcpy(&head, at, sizeof head);
        const char *message = at + sizeof head, *url = message + strlen(message) + 1;
        struct pxt_check check = {.size = sizeof check,
                                  .key = *list->key,
                                  .time = head.time,
                                  .status = (enum pxt_health)head.status,
                                  .response_time_ms = head.response_time_ms,
                                  .error_message = head.has_message ? message : NULL,
                                  .check_url = url < at + size ? url : ""};
        if (!fn(arg, &check))
            break;
    }
}
