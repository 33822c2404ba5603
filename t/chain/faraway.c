/* SPDX-License-Identifier: MIT
 *
 * faraway: a tier for tests that stands in for a server which several hosts use: an l3_sqlite in a folder that they share,
 * with conditional writes under a lock of that folder, and notices through datagram sockets in it. The server is gone while
 * the folder has a file `down`.
 */
#include <dirent.h>
#include <fcntl.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const struct pxt_option options[] = {
    {"path", PXT_OPTION_PATH, "${state}/far", 0, 0, NULL, "the folder of the server"},
    {"host", PXT_OPTION_TEXT, "a", 0, 0, NULL, "the name of this host: its own changes are not told to it"},
    {"fail", PXT_OPTION_INTEGER, "0", 0, 1000000, NULL,
     "one of so many calls fails, before or after its effect; 0: none"},
    {"delay", PXT_OPTION_DURATION, "0s", 0, 60 * PXT_SECOND, NULL, "how long each call takes"},
    {"travel", PXT_OPTION_DURATION, "0s", 0, 60 * PXT_SECOND, NULL, "how long what was read takes to come back"},
    {"late", PXT_OPTION_BOOL, "false", 0, 0, NULL, "the first put_if fails, and has its effect 100 ms later"},
    {"durable", PXT_OPTION_BOOL, "true", 0, 0, NULL, "whether the server keeps what it has when it starts anew"},
    {"lose", PXT_OPTION_INTEGER, "0", 0, 1000000, NULL, "one of so many notices is lost; 0: none"},
    {0}};

struct faraway {
    const struct pxt_host *host;
    struct pxt_lower_tier *lower;
    const char *path, *name;
    uint64_t fail, lose;
    int64_t delay_us, travel_us;
    _Atomic uint64_t calls, notices;
    atomic_bool down;
    int lock_fd;
    pthread_mutex_t lock;
    int socket;
    struct sockaddr_un address;
    pthread_t listener;
    bool listens;
    struct pxt_tier_ops ops; /* with the flags that its options ask for */
    /* A write that arrives late. */
    atomic_bool late;
    pthread_t late_writer;
    pxt_entry *late_entry; /* held; NULL: none */
    uint64_t late_expected;
};

/* ---- the line to the server ------------------------------------------------------------------------------------- */

static bool is_down(const struct faraway *far)
{
    char path[500];
    snprintf(path, sizeof path, "%s/down", far->path);
    return !access(path, F_OK);
}

/* A number that looks random and differs between processes. */
static uint64_t chance(struct faraway *far)
{
    uint64_t x = (atomic_fetch_add(&far->calls, 1) + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)getpid() << 20;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

enum fate { WORKS, FAILS_BEFORE, FAILS_AFTER };

static pxt_status fails(struct faraway *far, struct pxt_error *error)
{
    return far->host->fail(far->host, error, PXT_EIO, 0, "the line to the server is cut");
}

static void wait_us(int64_t us)
{
    if (us)
        nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* Begins a call. The core hears of a server that is gone, or is back, from inside the call. */
static pxt_status begin(struct faraway *far, enum fate *fate, struct pxt_error *error)
{
    bool down = is_down(far);
    *fate = WORKS;
    if (atomic_exchange(&far->down, down) != down)
        far->host->available(far->host, !down);
    if (down)
        return far->host->fail(far->host, error, PXT_EUNAVAILABLE, 0, "the server is gone");
    wait_us(far->delay_us);
    uint64_t number = far->fail ? chance(far) : 1;
    if (far->fail && number % far->fail == 0)
        *fate = number / far->fail % 2 ? FAILS_BEFORE : FAILS_AFTER;
    return *fate == FAILS_BEFORE ? fails(far, error) : PXT_OK;
}

/* Tells the other hosts of a key; NULL: of all. */
static void tell(struct faraway *far, const struct pxt_key *key)
{
    char folder[500];
    struct dirent *item;
    snprintf(folder, sizeof folder, "%s/notices", far->path);
    DIR *dir = opendir(folder);
    size_t own = strlen(far->name);
    while (dir && (item = readdir(dir))) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        if (item->d_name[0] == '.' || (!strncmp(item->d_name, far->name, own) && item->d_name[own] == '.'))
            continue;
        if (far->lose && atomic_fetch_add(&far->notices, 1) % far->lose == 0)
            continue;
        if ((size_t)snprintf(to.sun_path, sizeof to.sun_path, "%s/%s", folder, item->d_name) < sizeof to.sun_path)
            sendto(far->socket, key ? key->text : "*", key ? key->length : 1, MSG_DONTWAIT, (void *)&to, sizeof to);
    }
    if (dir)
        closedir(dir);
}

/* Hears of keys. An empty notice ends the thread. */
static void *listen_to_notices(void *arg)
{
    struct faraway *far = arg;
    char text[1000];
    ssize_t length;
    while ((length = recv(far->socket, text, sizeof text - 1, 0)) != 0) {
        struct pxt_key key;
        if (length < 0)
            continue;
        text[length] = '\0';
        far->host->key_init(&key, text, (size_t)length);
        far->host->changed(far->host, length == 1 && *text == '*' ? NULL : &key);
    }
    return NULL;
}

/* ---- operations ------------------------------------------------------------------------------------------------- */

#define LOWER(operation, ...) far->lower->ops->operation(far->lower->self, __VA_ARGS__)
#define BEGIN                                                                                                          \
    struct faraway *far = self;                                                                                        \
    enum fate fate;                                                                                                    \
    pxt_status status = begin(far, &fate, error);                                                                      \
    if (status)                                                                                                        \
    return status
#define END return fate == FAILS_AFTER ? fails(far, error) : status

static pxt_status far_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                          struct pxt_error *error)
{
    BEGIN;
    if (fate == FAILS_AFTER)
        return fails(far, error);
    status = LOWER(get, key, flags, out, error);
    wait_us(far->travel_us);
    return status;
}

static pxt_status far_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_key key;
    BEGIN;
    status = LOWER(put, entry, error);
    far->host->entry_key(entry, &key);
    if (!status)
        tell(far, &key);
    END;
}

/* Locks the store among all hosts, and finds out which version it has. */
static pxt_status lock_version(struct faraway *far, const struct pxt_key *key, uint64_t *version,
                               struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pthread_mutex_lock(&far->lock);
    if (flock(far->lock_fd, LOCK_EX)) /* it is unlocked all the same */
        return fails(far, error);
    pxt_status status = LOWER(get, key, PXT_GET_PEEK, &entry, error);
    *version = status == PXT_OK ? (uint64_t)far->host->entry_number(entry, PXT_FIELD_VERSION) : 0;
    if (status == PXT_OK)
        far->host->entry_release(entry);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

static void unlock(struct faraway *far)
{
    flock(far->lock_fd, LOCK_UN);
    pthread_mutex_unlock(&far->lock);
}

static pxt_status is_other(struct faraway *far, struct pxt_error *error)
{
    return far->host->fail(far->host, error, PXT_ESTALE, 0, "the store has another version");
}

static pxt_status write_if(struct faraway *far, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    struct pxt_key key;
    uint64_t version;
    far->host->entry_key(entry, &key);
    pxt_status status = lock_version(far, &key, &version, error);
    if (!status)
        status = version == expected ? LOWER(put, entry, error) : is_other(far, error);
    unlock(far);
    if (!status)
        tell(far, &key);
    return status;
}

static void *write_late(void *arg)
{
    struct faraway *far = arg;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    write_if(far, far->late_entry, far->late_expected, NULL);
    return NULL;
}

static pxt_status far_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    BEGIN;
    if (atomic_exchange(&far->late, false)) {
        far->late_entry = far->host->entry_hold(entry);
        far->late_expected = expected;
        if (pthread_create(&far->late_writer, NULL, write_late, far)) {
            far->host->entry_release(far->late_entry);
            far->late_entry = NULL;
        }
        return fails(far, error);
    }
    status = write_if(far, entry, expected, error);
    END;
}

/* One call for all: each is compared and written for itself. */
static pxt_status far_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                                  pxt_status *results, struct pxt_error *error)
{
    BEGIN;
    for (size_t i = 0; i < n; i++)
        results[i] = write_if(far, entries[i], expected[i], NULL);
    END;
}

static pxt_status far_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                               struct pxt_error *error)
{
    BEGIN;
    if (fate == FAILS_AFTER)
        return fails(far, error);
    status = LOWER(get_many, keys, n, flags, out, error);
    wait_us(far->travel_us);
    return status;
}

static pxt_status far_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                             struct pxt_error *error)
{
    uint64_t version;
    BEGIN;
    status = lock_version(far, key, &version, error);
    if (!status)
        status = !version ? PXT_NOT_FOUND : version == expected ? LOWER(del, key, why, error) : is_other(far, error);
    unlock(far);
    if (!status)
        tell(far, key);
    END;
}

static pxt_status far_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(del, key, why, error);
    if (!status)
        tell(far, key);
    END;
}

static pxt_status far_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(each, fn, arg, error);
    END;
}

static pxt_status far_count(void *self, uint64_t *out, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(count, out, error);
    END;
}

static pxt_status far_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(clear, removed, error);
    if (!status)
        tell(far, NULL);
    END;
}

static pxt_status far_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(touch, touches, n, error);
    END;
}

static pxt_status far_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                             uint64_t *removed, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(expire, now, up_to, limit, fn, arg, removed, error);
    END;
}

static pxt_status far_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(versions, above, fn, arg, error);
    END;
}

static pxt_status far_tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    struct faraway *far = self;
    return LOWER(tombstones, out, error);
}

static pxt_status far_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    BEGIN;
    status = LOWER(record_get, text, error);
    END;
}

static pxt_status far_record_put(void *self, const char *text, struct pxt_error *error)
{
    BEGIN;
    status = LOWER(record_put, text, error);
    END;
}

/* ---- the instance ----------------------------------------------------------------------------------------------- */

static void far_close(void *self)
{
    struct faraway *far = self;
    if (far->late_entry) {
        pthread_join(far->late_writer, NULL);
        far->host->entry_release(far->late_entry);
    }
    if (far->listens) {
        sendto(far->socket, "", 0, 0, (void *)&far->address, sizeof far->address);
        pthread_join(far->listener, NULL);
        unlink(far->address.sun_path);
    }
    if (far->socket >= 0)
        close(far->socket);
    if (far->lock_fd >= 0)
        close(far->lock_fd);
    far->host->tier_close(far->lower);
    pthread_mutex_destroy(&far->lock);
    free(far);
}

static bool start_to_listen(struct faraway *far)
{
    static _Atomic unsigned number;
    sigset_t all, before;
    far->address.sun_family = AF_UNIX;
    snprintf(far->address.sun_path, sizeof far->address.sun_path, "%.60s/notices/%.8s.%d.%u", far->path, far->name,
             (int)getpid(), atomic_fetch_add(&number, 1));
    unlink(far->address.sun_path);
    far->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (far->socket < 0 || bind(far->socket, (void *)&far->address, sizeof far->address))
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    far->listens = !pthread_create(&far->listener, NULL, listen_to_notices, far);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return far->listens;
}

static pxt_status connect_to_server(struct faraway *far, const struct pxt_tier_setup *setup, struct pxt_error *error)
{
    char path[500], store[500];
    if (is_down(far))
        return far->host->fail(far->host, error, PXT_EUNAVAILABLE, 0, "the server is gone");
    snprintf(path, sizeof path, "%s/notices", far->path);
    pxt_status status = far->host->prepare_folder(far->host, path, error);
    snprintf(path, sizeof path, "%s/lock", far->path);
    if (!status && (far->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        status = fails(far, error);
    snprintf(store, sizeof store, "%s/store.db", far->path);
    const struct pxt_option_value lower[] = {{"path", store}, {"busy_timeout", "60s"}, {NULL, NULL}};
    if (!status)
        status = far->host->tier_open(far->host, "l3_sqlite", lower, setup, far->host, &far->lower, error);
    if (!status && !start_to_listen(far))
        status = fails(far, error);
    return status;
}

static const struct pxt_tier_ops *instance_ops(void *self)
{
    const struct faraway *far = self;
    return &far->ops;
}

static pxt_status far_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                           struct pxt_error *error);

static const struct pxt_tier_ops ops = {
    .size = sizeof ops,
    .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_VERSIONS | PXT_TIER_REMOTE,
    .open = far_open,
    .close = far_close,
    .get = far_get,
    .put = far_put,
    .del = far_del,
    .each = far_each,
    .count = far_count,
    .clear = far_clear,
    .touch = far_touch,
    .expire = far_expire,
    .versions = far_versions,
    .tombstones = far_tombstones,
    .record_get = far_record_get,
    .record_put = far_record_put,
    .put_if = far_put_if,
    .del_if = far_del_if,
    .put_if_many = far_put_if_many,
    .get_many = far_get_many,
    .instance_ops = instance_ops,
};

static pxt_status far_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                           struct pxt_error *error)
{
    struct faraway *far = calloc(1, sizeof *far);
    if (!far)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a tier");
    far->host = host;
    far->path = host->setting_text(setup->settings, "path");
    far->name = host->setting_text(setup->settings, "host");
    far->fail = (uint64_t)host->setting_number(setup->settings, "fail");
    far->lose = (uint64_t)host->setting_number(setup->settings, "lose");
    far->delay_us = host->setting_number(setup->settings, "delay");
    far->travel_us = host->setting_number(setup->settings, "travel");
    far->ops = ops;
    if (!host->setting_number(setup->settings, "durable"))
        far->ops.flags &= ~PXT_TIER_DURABLE;
    atomic_store(&far->late, host->setting_number(setup->settings, "late"));
    far->lock_fd = far->socket = -1;
    pthread_mutex_init(&far->lock, NULL);
    pxt_status status = far->path ? connect_to_server(far, setup, error)
                                  : host->fail(host, error, PXT_ECONFIG, 0, "the option `path` is missing");
    if (status)
        far_close(far);
    else
        *self = far;
    return status;
}

PXT_PLUGIN(PXT_KIND_TIER, "faraway", "1.0.0", "MIT", "a server that several hosts use, for tests", options, &ops);
