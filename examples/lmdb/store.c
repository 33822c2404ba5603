/* SPDX-License-Identifier: MIT
 *
 * store.c: what LMDB asks of its caller.
 *
 *  - A process opens an environment once: instances of the tier on one folder share it, through a list.
 *  - Opening and closing do not overlap, in any process: a lock on the folder sees to that.
 *  - Threads come and go, and plugins are unloaded: so nothing of LMDB's is kept for a thread (MDB_NOTLS).
 *  - A map that is too small is made larger while no transaction of this process runs, and the transaction is repeated.
 *  - A process that was killed may have left a reader, for whose sake old pages are kept: it is looked for.
 */
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_START = 1 << 20, READERS = 1024 };

static const char *const names[TABLES] = {
    [ENTRIES] = "entries", [VERSIONS] = "versions", [EXPIRY] = "expiry", [TOMBSTONES] = "tombstones",
    [HISTORY] = "history", [DAMAGED] = "damaged",   [META] = "meta"};

/* The environments that are open in this process. */
static struct store *stores;
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;

pxt_status store_failed(struct store_place *place, struct pxt_error *error, int code, const char *what)
{
    const struct pxt_host *host = place->host;
    pxt_status status = PXT_EIO;
    if (code == MDB_NOTFOUND)
        return PXT_NOT_FOUND;
    if (code > 0)
        return host->fail(host, error, host->status_of_errno(code), code, "cannot %s in %s", what, place->folder);
    if (code == MDB_READERS_FULL)
        status = PXT_EBUSY;
    else if (code == MDB_TXN_FULL || code == MDB_BAD_VALSIZE)
        status = PXT_EINVAL; /* of a put_many: the core puts each entry alone */
    else if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID || code == MDB_VERSION_MISMATCH)
        status = PXT_ECORRUPT;
    return host->fail(host, error, status, 0, "cannot %s in %s: %s", what, place->folder, mdb_strerror(code));
}

pxt_status txn_failed(struct txn *txn, struct pxt_error *error, int code, const char *what)
{
    txn->full = code == MDB_MAP_FULL;
    return store_failed(txn->place, error, code, what);
}

static pxt_status no_room(struct store_place *place, struct pxt_error *error)
{
    return place->host->fail(place->host, error, PXT_ENOSPC, 0, "%s has reached its max_size of %zu bytes: raise it",
                             place->folder, place->max_size);
}

/* ---- open and close -------------------------------------------------------------------------------------------- */

static int open_tables(struct store *store)
{
    MDB_txn *txn;
    int code;
    /* another process may enlarge the map between the two calls, as often as it likes */
    while ((code = mdb_txn_begin(store->env, NULL, 0, &txn)) == MDB_MAP_RESIZED)
        if ((code = mdb_env_set_mapsize(store->env, 0)))
            return code;
    if (code)
        return code;
    for (size_t i = 0; i < TABLES && !code; i++)
        code = mdb_dbi_open(txn, names[i], MDB_CREATE, &store->table[i]);
    if (!code)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/* LMDB leaves the descriptor of the data open where another program is executed. */
static int close_on_exec(MDB_env *env)
{
    int fd, code = mdb_env_get_fd(env, &fd);
    return code ? code : fcntl(fd, F_SETFD, FD_CLOEXEC) ? errno : 0;
}

static int open_environment(struct store *store, const struct store_place *place)
{
    int code = mdb_env_create(&store->env);
    if (code)
        return code;
    if ((code = mdb_env_set_maxdbs(store->env, TABLES)) || (code = mdb_env_set_maxreaders(store->env, READERS)) ||
        (code = mdb_env_set_mapsize(store->env, MAP_START)) ||
        (code = mdb_env_open(store->env, place->folder, store->env_flags | MDB_NOTLS, 0600)) ||
        (code = close_on_exec(store->env)) || (code = open_tables(store)))
        mdb_env_close(store->env);
    return code;
}

static pxt_status new_store(struct store_place *place, const struct stat *folder, unsigned env_flags,
                            struct pxt_error *error)
{
    pthread_rwlockattr_t attributes;
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return place->host->fail(place->host, error, PXT_ENOMEM, 0, "no memory for the store %s", place->folder);
    store->device = folder->st_dev;
    store->inode = folder->st_ino;
    store->env_flags = env_flags;
    int code = pthread_rwlockattr_init(&attributes);
    if (!code) {
#ifdef __GLIBC__ /* a map that has to grow does not wait until no one reads any more; elsewhere it may wait */
        pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
        code = pthread_rwlock_init(&store->map, &attributes);
        pthread_rwlockattr_destroy(&attributes);
    }
    if (!code && (code = open_environment(store, place)))
        pthread_rwlock_destroy(&store->map);
    if (code) {
        free(store);
        return store_failed(place, error, code, "open the store");
    }
    store->next = stores;
    stores = store;
    place->store = store;
    return PXT_OK;
}

/* The lock of the folder, which ends with the descriptor, and with the process. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX)) {
        if (errno == EINTR)
            continue;
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

pxt_status store_open(struct store_place *place, unsigned env_flags, struct pxt_error *error)
{
    struct stat folder;
    pxt_status status = place->host->prepare_folder(place->host, place->folder, error);
    if (status)
        return status;
    pthread_mutex_lock(&stores_lock);
    int fd = lock_folder(place->folder);
    if (fd < 0 || fstat(fd, &folder)) {
        status = store_failed(place, error, errno, "lock the folder");
    } else {
        struct store *store = stores;
        while (store && (store->device != folder.st_dev || store->inode != folder.st_ino))
            store = store->next;
        if (store && store->env_flags != env_flags)
            status = place->host->fail(place->host, error, PXT_ECONFIG, 0,
                                       "this process has %s open with another value of sync: give both the same",
                                       place->folder);
        else if (store)
            place->store = store;
        else
            status = new_store(place, &folder, env_flags, error);
        if (!status)
            place->store->users++;
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&stores_lock);
    if (!status)
        store_check_readers(place);
    return status;
}

void store_close(struct store_place *place)
{
    struct store *store = place->store, **link = &stores;
    pthread_mutex_lock(&stores_lock);
    if (!--store->users) {
        while (*link != store)
            link = &(*link)->next;
        *link = store->next;
        int fd = lock_folder(place->folder); /* without it the environment is closed all the same */
        mdb_env_close(store->env);
        if (fd >= 0)
            close(fd);
        pthread_rwlock_destroy(&store->map);
        free(store);
    }
    pthread_mutex_unlock(&stores_lock);
}

/* In the child of a fork: what the parent has open is not open here, and a thread that had the lock of the list is gone. LMDB
 * gives away one of its descriptors; the others are closed by an exec, and hold no lock of the parent's here. */
void store_forget(struct store_place *place)
{
    static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
    int fd;
    (void)place;
    for (struct store *store = stores; store; store = store->next)
        if (!mdb_env_get_fd(store->env, &fd))
            close(fd);
    stores = NULL;
    memcpy(&stores_lock, &unlocked, sizeof stores_lock);
}

/* ---- transactions ---------------------------------------------------------------------------------------------- */

void store_check_readers(struct store_place *place)
{
    int dead = 0;
    if (!mdb_reader_check(place->store->env, &dead) && dead)
        place->host->log(place->host, PXT_LOG_INFO, "%s: %d transactions of ended processes were given up",
                         place->folder, dead);
}

static size_t map_size(struct store *store)
{
    MDB_envinfo info;
    mdb_env_info(store->env, &info); /* it fails without an environment only */
    return info.me_mapsize;
}

/* Makes the map anew, with another size; 0: that which another process gave it. The lock of the map is held for writing.
 * LMDB takes away the old map first: where it gets no other, nothing may touch the environment any more. */
static int resize(struct store *store, size_t size)
{
    store->broken = mdb_env_set_mapsize(store->env, size);
    return store->broken;
}

static int adopt_size(struct store *store)
{
    pthread_rwlock_wrlock(&store->map);
    int code = store->broken ? store->broken : resize(store, 0);
    pthread_rwlock_unlock(&store->map);
    return code;
}

/* Makes the map larger than `seen`, which was too small, unless another thread has done so. MDB_MAP_FULL: it may not be
 * larger. What frees room needs some first, since LMDB never overwrites a page: an eighth more is kept for it. */
static int grow(struct store_place *place, enum store_need need, size_t seen)
{
    struct store *store = place->store;
    size_t limit = place->max_size + (need == STORE_FREES ? place->max_size / 8 : 0);
    pthread_rwlock_wrlock(&store->map);
    int code = store->broken;
    size_t size = map_size(store);
    if (!code && size == seen && size >= limit)
        code = MDB_MAP_FULL;
    else if (!code && size == seen)
        code = resize(store, size < limit / 2 ? 2 * size : limit);
    pthread_rwlock_unlock(&store->map);
    return code;
}

/* Begins a transaction, and holds the lock of the map for it. `*seen` is the size of the map. */
static int begin(struct store_place *place, unsigned flags, MDB_txn **txn, size_t *seen)
{
    struct store *store = place->store;
    bool checked = false;
    for (;;) {
        pthread_rwlock_rdlock(&store->map);
        *seen = map_size(store);
        int code = store->broken ? store->broken : mdb_txn_begin(store->env, NULL, flags, txn);
        if (!code)
            return 0;
        pthread_rwlock_unlock(&store->map);
        if (code == MDB_MAP_RESIZED)
            code = adopt_size(store);
        else if (code == MDB_READERS_FULL && !checked)
            checked = true, code = mdb_reader_check(store->env, NULL);
        if (code)
            return code;
    }
}

/* A copy of a row that a reader has found to be no entry. */
struct found {
    char key[LMDB_KEY_MAX];
    size_t length;
    MDB_val value;
};

/* Puts the row aside, if it is the same still: another thread or process may have put the key. */
static pxt_status put_found_aside(struct txn *txn, void *arg, struct pxt_error *error)
{
    struct found *found = arg;
    MDB_val key = {found->length, found->key}, value;
    int code = mdb_get(txn->mdb, txn->place->store->table[ENTRIES], &key, &value);
    if (code)
        return code == MDB_NOTFOUND ? PXT_OK : txn_failed(txn, error, code, "read an entry");
    if (value.mv_size != found->value.mv_size || memcmp(value.mv_data, found->value.mv_data, value.mv_size) != 0)
        return PXT_OK;
    return store_put_aside(txn, key, value, error);
}

/* Copies the row that `txn` found, while the transaction still runs. */
static pxt_status copy_found(struct txn *txn, struct found *found, struct pxt_error *error)
{
    const struct pxt_host *host = txn->place->host;
    MDB_val key = {txn->bad_length, txn->bad}, value;
    int code = mdb_get(txn->mdb, txn->place->store->table[ENTRIES], &key, &value);
    if (code)
        return txn_failed(txn, error, code, "read an entry");
    found->value = (MDB_val){value.mv_size, malloc(value.mv_size + 1)};
    if (!found->value.mv_data)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for a damaged entry");
    memcpy(found->value.mv_data, value.mv_data, value.mv_size);
    memcpy(found->key, txn->bad, txn->bad_length);
    found->length = txn->bad_length;
    return PXT_OK;
}

/* Runs `step` in a transaction that reads. Where it meets a damaged row, that is put aside, and the step runs again. */
pxt_status store_read(struct store_place *place, store_step *step, void *arg, struct pxt_error *error)
{
    for (;;) {
        struct txn txn = {.place = place};
        struct found found;
        size_t seen;
        int code = begin(place, MDB_RDONLY, &txn.mdb, &seen);
        if (code)
            return store_failed(place, error, code, "read");
        pxt_status status = step(&txn, arg, error);
        bool damaged = status == PXT_EINVAL && txn.bad_length;
        if (damaged)
            status = copy_found(&txn, &found, error);
        mdb_txn_abort(txn.mdb);
        pthread_rwlock_unlock(&place->store->map);
        if (status || !damaged)
            return status;
        status = store_write(place, STORE_FREES, put_found_aside, &found, error);
        free(found.value.mv_data);
        if (status)
            return status;
    }
}

/* Runs `step` in a transaction that writes: all of it is stored, or nothing. */
pxt_status store_write(struct store_place *place, enum store_need need, store_step *step, void *arg,
                       struct pxt_error *error)
{
    for (;;) {
        struct txn txn = {.place = place};
        size_t seen;
        int code = begin(place, 0, &txn.mdb, &seen);
        if (code)
            return store_failed(place, error, code, "write");
        pxt_status status = step(&txn, arg, error);
        if (status)
            mdb_txn_abort(txn.mdb);
        else if ((code = mdb_txn_commit(txn.mdb)))
            status = txn_failed(&txn, error, code, "write");
        pthread_rwlock_unlock(&place->store->map);
        if (!status)
            place->damaged += txn.damaged;
        if (!txn.full)
            return status;
        if ((code = grow(place, need, seen)))
            return code == MDB_MAP_FULL ? no_room(place, error) : store_failed(place, error, code, "enlarge the map");
    }
}

pxt_status store_put_aside(struct txn *txn, MDB_val key, MDB_val value, struct pxt_error *error)
{
    struct store_place *place = txn->place;
    const MDB_dbi *table = place->store->table;
    MDB_val copy = {value.mv_size, malloc(value.mv_size + 1)}; /* a write may move what stands in the map */
    if (!copy.mv_data)
        return place->host->fail(place->host, error, PXT_ENOMEM, 0, "no memory for a damaged entry");
    memcpy(copy.mv_data, value.mv_data, value.mv_size);
    int code = mdb_put(txn->mdb, table[DAMAGED], &key, &copy, 0);
    free(copy.mv_data);
    if (!code)
        code = mdb_del(txn->mdb, table[ENTRIES], &key, NULL);
    if (!code && (code = mdb_del(txn->mdb, table[TOMBSTONES], &key, NULL)) == MDB_NOTFOUND)
        code = 0;
    if (code)
        return txn_failed(txn, error, code, "put a damaged entry aside");
    txn->damaged++;
    place->host->log(place->host, PXT_LOG_WARNING,
                     "%s: the entry %.*s is damaged: it is put aside in the table damaged", place->folder,
                     (int)key.mv_size, (const char *)key.mv_data);
    return PXT_OK;
}

pxt_status store_flush(struct store_place *place, struct pxt_error *error)
{
    int code = mdb_env_sync(place->store->env, 1);
    return code ? store_failed(place, error, code, "write to the disk") : PXT_OK;
}
