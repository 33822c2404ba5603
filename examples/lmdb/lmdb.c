/* SPDX-License-Identifier: MIT
 *
 * lmdb: entries in an LMDB environment: a durable tier that threads and processes share, and that has all of a modern one.
 *
 *  - A value is the entry's JSON line: fields that this plugin does not know are kept.
 *  - Two indexes, of versions and of times of expiry, spare a look at every entry; count comes from LMDB's own numbers.
 *  - put_many, expire and touch are one transaction each: that costs little more than a put.
 *  - What is called back may call the tier again: so each and check_each copy a part of the store, and end their transaction.
 *
 *   cc -shared -fPIC -fvisibility=hidden $(pkg-config --cflags proxtier-plugin) -D_GNU_SOURCE -o lmdb.so
 *      lmdb.c rows.c history.c walks.c store.c -llmdb
 */
#include "rows.h"
#include "walks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tier {
    struct store_place place; /* the first: the other files are handed the instance as this */
    char *data_file;
    bool synced;
};

static const struct pxt_option options[] = {
    {"dir", PXT_OPTION_PATH, "${cache}/lmdb", 0, 0, NULL, "the folder of the environment, on a local disk"},
    {"max_size", PXT_OPTION_SIZE, "1GiB", 1 << 20, INT64_C(1) << 46, NULL, "how large the file may become"},
    {"sync", PXT_OPTION_CHOICE, "normal", 0, 0, "none|normal|full",
     "what loss of power takes: none: perhaps the store; normal: perhaps the last writes; full: nothing"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static pxt_status lmdb_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                            struct pxt_error *error)
{
    const char *sync = host->setting_text(setup->settings, "sync");
    struct tier *tier = calloc(1, sizeof *tier);
    if (!tier)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for the tier %s", setup->name);
    tier->place.host = host;
    tier->place.folder = host->setting_text(setup->settings, "dir");
    uint64_t max_size = (uint64_t)host->setting_number(setup->settings, "max_size");
    tier->place.max_size = max_size < SIZE_MAX / 2 ? (size_t)max_size : SIZE_MAX / 2; /* where addresses are short */
    tier->synced = !strcmp(sync, "full");
    pxt_status status = PXT_OK;
    if (asprintf(&tier->data_file, "%s/data.mdb", tier->place.folder) < 0) {
        tier->data_file = NULL;
        status = host->fail(host, error, PXT_ENOMEM, 0, "no memory for the tier %s", setup->name);
    }
    if (!status)
        status = store_open(&tier->place, tier->synced ? 0 : strcmp(sync, "none") ? MDB_NOMETASYNC : MDB_NOSYNC, error);
    if (status) {
        free(tier->data_file);
        free(tier);
    } else {
        *self = tier;
    }
    return status;
}

static void lmdb_close(void *self)
{
    struct tier *tier = self;
    store_close(&tier->place);
    free(tier->data_file);
    free(tier);
}

/* ---- get, put, del ---------------------------------------------------------------------------------------------- */

struct getting {
    const struct pxt_key *const *keys;
    size_t n;
    pxt_entry **out;
};

static pxt_status get_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct getting *getting = arg;
    for (size_t i = 0; i < getting->n; i++) {
        getting->out[i] = NULL;
        pxt_status status = read_entry(txn, key_value(getting->keys[i]), &getting->out[i], error);
        if (status && status != PXT_NOT_FOUND) {
            while (i--)
                txn->place->host->entry_release(getting->out[i]);
            return status;
        }
        if (status)
            getting->out[i] = NULL;
    }
    return PXT_OK;
}

static pxt_status lmdb_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags,
                                pxt_entry **out, struct pxt_error *error)
{
    struct getting getting = {keys, n, out};
    (void)flags; /* the core counts hits, and hands them to touch */
    return store_read(self, get_step, &getting, error);
}

static pxt_status lmdb_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                           struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = lmdb_get_many(self, &key, 1, flags, &entry, error);
    if (status || !entry)
        return status ? status : PXT_NOT_FOUND;
    *out = entry;
    return PXT_OK;
}

struct putting {
    pxt_entry *const *entries;
    size_t n;
};

static pxt_status put_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct putting *putting = arg;
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < putting->n && !status; i++)
        status = put_entry(txn, putting->entries[i], error);
    return status;
}

static pxt_status lmdb_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct putting putting = {entries, n};
    return n ? store_write(self, STORE_KEEPS, put_step, &putting, error) : PXT_OK;
}

static pxt_status lmdb_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    return lmdb_put_many(self, &entry, 1, error);
}

struct deleting {
    const struct pxt_key *key;
    bool found;
};

/* PXT_OK also where nothing was found: what was damaged has been put aside then, and that has to be committed. */
static pxt_status del_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct deleting *deleting = arg;
    MDB_val key = key_value(deleting->key);
    pxt_entry *old;
    pxt_status status = read_to_write(txn, key, &old, error);
    deleting->found = !status && !txn->place->host->entry_number(old, PXT_FIELD_REMOVED);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    status = remove_entry(txn, key, old, error);
    txn->place->host->entry_release(old);
    return status;
}

static pxt_status lmdb_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct deleting deleting = {.key = key};
    (void)why; /* for tiers that keep a policy's state */
    pxt_status status = store_write(self, STORE_FREES, del_step, &deleting, error);
    return status || deleting.found ? status : PXT_NOT_FOUND;
}

struct touching {
    const struct pxt_touch *const *touches;
    size_t n;
};

static pxt_status touch_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct touching *touching = arg;
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < touching->n && !status; i++)
        status = touch_entry(txn, touching->touches[i], error);
    return status;
}

static pxt_status lmdb_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    struct touching touching = {touches, n};
    return n ? store_write(self, STORE_KEEPS, touch_step, &touching, error) : PXT_OK;
}

/* ---- numbers, history, record --------------------------------------------------------------------------------------- */

static int rows(struct txn *txn, enum table table, uint64_t *out)
{
    MDB_stat stat;
    int code = mdb_stat(txn->mdb, txn->place->store->table[table], &stat);
    *out = code ? 0 : stat.ms_entries;
    return code;
}

struct numbers {
    uint64_t lines, tombstones;
};

static pxt_status count_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct numbers *numbers = arg;
    int code = rows(txn, ENTRIES, &numbers->lines);
    if (!code)
        code = rows(txn, TOMBSTONES, &numbers->tombstones);
    return code ? txn_failed(txn, error, code, "count entries") : PXT_OK;
}

static pxt_status lmdb_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct numbers numbers = {0, 0};
    pxt_status status = store_read(self, count_step, &numbers, error);
    *out = numbers.lines - numbers.tombstones;
    return status;
}

static pxt_status lmdb_tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    struct numbers numbers = {0, 0};
    pxt_status status = store_read(self, count_step, &numbers, error);
    *out = numbers.tombstones;
    return status;
}

static pxt_status clear_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    static const enum table tables[] = {ENTRIES, VERSIONS, EXPIRY, TOMBSTONES, HISTORY};
    pxt_status status = count_step(txn, arg, error);
    int code = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !status && !code; i++)
        if ((code = mdb_drop(txn->mdb, txn->place->store->table[tables[i]], 0)))
            status = txn_failed(txn, error, code, "clear the store");
    return status;
}

static pxt_status lmdb_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    struct numbers numbers = {0, 0};
    pxt_status status = store_write(self, STORE_FREES, clear_step, &numbers, error);
    *removed = status ? 0 : numbers.lines - numbers.tombstones;
    return status;
}

struct checking {
    const struct pxt_check *check;
    uint64_t keep;
};

static pxt_status check_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct checking *checking = arg;
    return history_add(txn, checking->check, checking->keep, error);
}

static pxt_status lmdb_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    struct checking checking = {check, keep};
    return store_write(self, STORE_KEEPS, check_step, &checking, error);
}

static pxt_status lmdb_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                                  struct pxt_error *error)
{
    struct check_list list = {.key = key};
    pxt_status status = store_read(self, history_list, &list, error);
    if (!status)
        history_call(&list, fn, arg);
    free(list.bytes);
    return status;
}

static pxt_status record_get_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    MDB_val key = {sizeof "record" - 1, "record"}, value;
    int code = mdb_get(txn->mdb, txn->place->store->table[META], &key, &value);
    if (code)
        return txn_failed(txn, error, code, "read the record");
    if (value.mv_size > PXT_RECORD_MAX)
        return txn_failed(txn, error, MDB_CORRUPTED, "read the record");
    memcpy(arg, value.mv_data, value.mv_size);
    ((char *)arg)[value.mv_size] = '\0';
    return PXT_OK;
}

static pxt_status lmdb_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    return store_read(self, record_get_step, text, error);
}

static pxt_status record_put_step(struct txn *txn, void *arg, struct pxt_error *error)
{
    MDB_val key = {sizeof "record" - 1, "record"}, value = {strlen(arg), arg};
    int code = mdb_put(txn->mdb, txn->place->store->table[META], &key, &value, 0);
    return code ? txn_failed(txn, error, code, "write the record") : PXT_OK;
}

static pxt_status lmdb_sync(void *self, struct pxt_error *error)
{
    return store_flush(self, error);
}

static pxt_status lmdb_record_put(void *self, const char *text, struct pxt_error *error)
{
    pxt_status status = store_write(self, STORE_FREES, record_put_step, (void *)(uintptr_t)text, error);
    return status ? status : store_flush(self, error);
}

/* ---- what the core asks of the instance ----------------------------------------------------------------------------- */

static pxt_status lmdb_maintain(void *self, struct pxt_error *error)
{
    (void)error;
    store_check_readers(self);
    return PXT_OK;
}

/* The core keeps a file of its own beside it. */
static const char *lmdb_shared_path(void *self)
{
    return ((struct tier *)self)->data_file;
}

static uint64_t lmdb_corruptions(void *self)
{
    return ((struct tier *)self)->place.damaged;
}

static void lmdb_after_fork_child(void *self)
{
    store_forget(self);
}

static const struct pxt_tier_ops *lmdb_instance_ops(void *self);

#define LMDB_FLAGS (PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_TRANSACTION | PXT_TIER_VERSIONS)
/* What an instance offers does not depend on its options, but for one flag. */
#define LMDB_OPS(flags_)                                                                                               \
    {                                                                                                                  \
        .size = sizeof(struct pxt_tier_ops), .flags = (flags_), .open = lmdb_open, .close = lmdb_close,                \
        .get = lmdb_get, .put = lmdb_put, .del = lmdb_del, .each = lmdb_each, .count = lmdb_count,                     \
        .clear = lmdb_clear, .put_many = lmdb_put_many, .touch = lmdb_touch, .expire = lmdb_expire,                    \
        .check_add = lmdb_check_add, .check_each = lmdb_check_each, .maintain = lmdb_maintain, .sync = lmdb_sync,      \
        .shared_path = lmdb_shared_path, .corruptions = lmdb_corruptions, .after_fork_child = lmdb_after_fork_child,   \
        .instance_ops = lmdb_instance_ops, .versions = lmdb_versions, .record_get = lmdb_record_get,                   \
        .record_put = lmdb_record_put, .tombstones = lmdb_tombstones, .get_many = lmdb_get_many                        \
    }
static const struct pxt_tier_ops ops = LMDB_OPS(LMDB_FLAGS);
static const struct pxt_tier_ops synced_ops = LMDB_OPS(LMDB_FLAGS | PXT_TIER_SYNCED);

static const struct pxt_tier_ops *lmdb_instance_ops(void *self)
{
    return ((struct tier *)self)->synced ? &synced_ops : &ops;
}

PXT_PLUGIN(PXT_KIND_TIER, "lmdb", "1.0", "MIT", "entries in an LMDB environment", options, &ops);
