/* SPDX-License-Identifier: MIT
 *
 * l2_jsonl: entries as lines of JSON in ProxyWhirl's files, shard_00.jsonl and so on. Each is an append-only log: a put
 * is one append, a get one read at an offset that an index in memory knows. It can be read and mended by hand.
 *
 * Other processes: before each operation the file's inode and size are compared with what is indexed; lines that
 * others appended are taken in, a file that was replaced is read anew.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pxt_option options[] = {
    {"dir", PXT_OPTION_PATH, "${cache}", 0, 0, NULL, "folder of the shards"},
    {"shards", PXT_OPTION_INTEGER, "16", 1, JSONL_SHARDS_MAX, NULL,
     "number of files; a folder must always be opened with the same"},
    {"sync", PXT_OPTION_CHOICE, "none", 0, 0, "none|full",
     "none survives kill -9, full also loss of power, at the cost of a disk's write for each put"},
    {"lock_timeout", PXT_OPTION_DURATION, "5s", 0, INT64_C(3600000000), NULL,
     "how long to wait for another process that writes to the same shard"},
    {"compatible", PXT_OPTION_CHOICE, "none", 0, 0, "none|proxywhirl",
     "proxywhirl: leave no line behind that ProxyWhirl would take for an entry"},
    {0}};

static void jsonl_close(void *self);

static pxt_status open_folder(struct jsonl *tier, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    pxt_status status = host->prepare_folder(host, tier->folder, error);
    if (status)
        return status;
    tier->folder_fd = open(tier->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tier->folder_fd < 0)
        return host->fail(host, error, host->status_of_errno(errno), errno, "cannot open folder %s", tier->folder);
    return PXT_OK;
}

static pxt_status open_policy(struct jsonl *tier, const struct pxt_tier_setup *setup, struct pxt_error *error)
{
    tier->policy = setup->policy;
    tier->policy_host = setup->policy_host;
    tier->policy_settings = setup->policy_settings;
    tier->capacity = setup->max_entries;
    if (!tier->policy)
        return PXT_OK;
    return tier->policy->open(tier->policy_host, tier->policy_settings, tier->capacity, &tier->policy_self, error);
}

static pxt_status jsonl_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    const struct pxt_settings *settings = setup->settings;
    unsigned shards = (unsigned)host->setting_number(settings, "shards");
    struct jsonl *tier = calloc(1, sizeof *tier + shards * sizeof tier->shard[0]);
    if (!tier)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for %u shards", shards);
    tier->host = host;
    tier->folder_fd = -1;
    tier->full_sync = !strcmp(host->setting_text(settings, "sync"), "full");
    tier->compatible = !strcmp(host->setting_text(settings, "compatible"), "proxywhirl");
    tier->lock_timeout = host->setting_number(settings, "lock_timeout");
    pthread_mutex_init(&tier->policy_lock, NULL);
    for (; tier->shard_count < shards; tier->shard_count++) {
        struct jsonl_shard *shard = &tier->shard[tier->shard_count];
        pthread_mutex_init(&shard->lock, NULL);
        shard->number = tier->shard_count;
        shard->log = shard->lock_file = -1;
        shard_name(shard, "jsonl", shard->log_name);
        shard_name(shard, "lock", shard->lock_name);
    }
    const char *folder = host->setting_text(settings, "dir");
    size_t size = strlen(folder) + sizeof "/proxtier";
    tier->folder = strdup(folder);
    tier->shared_path = malloc(size);
    pxt_status status = PXT_OK;
    if (!tier->folder || !tier->shared_path)
        status = host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a path");
    else
        snprintf(tier->shared_path, size, "%s/proxtier", folder);
    if (!status)
        status = open_folder(tier, error);
    if (!status)
        status = open_policy(tier, setup, error);
    if (status)
        jsonl_close(tier);
    else
        *self = tier;
    return status;
}

static void jsonl_close(void *self)
{
    struct jsonl *tier = self;
    for (unsigned i = 0; i < tier->shard_count; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        index_clear(tier, shard);
        shard_close_files(shard);
        pthread_mutex_destroy(&shard->lock);
    }
    for (unsigned i = 0; i < PXT_THREAD_MAX; i++)
        gcry_md_close(atomic_load(&tier->digest[i]));
    if (tier->policy_self)
        tier->policy->close(tier->policy_self);
    if (tier->folder_fd >= 0)
        close(tier->folder_fd);
    pthread_mutex_destroy(&tier->policy_lock);
    free(tier->folder);
    free(tier->shared_path);
    free(tier);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* A line that cannot be read: perhaps the file was rewritten in place, so it is read anew once; then it is damaged. */
static pxt_status read_again(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, pxt_entry **out,
                             struct pxt_error *error)
{
    pxt_status status = shard_reindex(tier, shard, false, error);
    if (status)
        return status;
    struct jsonl_node *node = index_find(shard, key->text, key->length, key->hash);
    if (!node)
        return PXT_NOT_FOUND;
    status = shard_read(tier, shard, node, out, error);
    if (status != PXT_ECORRUPT)
        return status;
    tier->corruptions++;
    tier->host->log(tier->host, PXT_LOG_WARNING, "the line of key %s in %s is damaged and is passed over", node->key,
                    tier->folder);
    shard->broken_lines = true;
    index_remove(tier, shard, node, PXT_REMOVE_CORRUPTION);
    return PXT_NOT_FOUND;
}

static pxt_status jsonl_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                            struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct jsonl_shard *shard = &tier->shard[shard_number(tier, key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = shard_refresh(tier, shard, false, error);
    struct jsonl_node *node = status ? NULL : index_find(shard, key->text, key->length, key->hash);
    if (!status && !node)
        status = PXT_NOT_FOUND;
    if (!status)
        status = shard_read(tier, shard, node, out, error);
    if (!status && !(flags & PXT_GET_PEEK))
        index_accessed(tier, node);
    if (status == PXT_ECORRUPT)
        status = read_again(tier, shard, key, out, error);
    pthread_mutex_unlock(&shard->lock);
    return status;
}

static pxt_status jsonl_contains(void *self, const struct pxt_key *key, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct jsonl_shard *shard = &tier->shard[shard_number(tier, key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = shard_refresh(tier, shard, false, error);
    if (!status && !index_find(shard, key->text, key->length, key->hash))
        status = PXT_NOT_FOUND;
    pthread_mutex_unlock(&shard->lock);
    return status;
}

void jsonl_lock_all(struct jsonl *tier)
{
    for (unsigned i = 0; i < tier->shard_count; i++)
        pthread_mutex_lock(&tier->shard[i].lock);
}

void jsonl_unlock_all(struct jsonl *tier)
{
    for (unsigned i = tier->shard_count; i-- > 0;)
        pthread_mutex_unlock(&tier->shard[i].lock);
}

static pxt_status jsonl_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status status = PXT_OK;
    *out = 0;
    for (unsigned i = 0; i < tier->shard_count && !status; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        status = shard_refresh(tier, &tier->shard[i], false, error);
        *out += tier->shard[i].count;
        pthread_mutex_unlock(&tier->shard[i].lock);
    }
    return status;
}

static char **keys_of(struct jsonl_shard *shard)
{
    char **keys = calloc(shard->count + 1, sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; keys && i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i]; node; node = node->next)
            if (!(keys[n++] = strdup(node->key))) {
                while (n-- > 0)
                    free(keys[n]);
                free(keys);
                return NULL;
            }
    return keys;
}

/* The keys first, then one read after the other: no lock is held while `fn` runs. */
static pxt_status each_of(struct jsonl *tier, struct jsonl_shard *shard, pxt_entry_fn *fn, void *arg, bool *go_on,
                          struct pxt_error *error)
{
    pthread_mutex_lock(&shard->lock);
    pxt_status status = shard_refresh(tier, shard, false, error);
    char **keys = status ? NULL : keys_of(shard);
    pthread_mutex_unlock(&shard->lock);
    if (!status && !keys)
        status = tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for keys");
    for (size_t i = 0; keys && keys[i]; i++) {
        struct pxt_key key;
        pxt_entry *entry = NULL;
        tier->host->key_init(&key, keys[i], strlen(keys[i]));
        if (*go_on && !status)
            status = jsonl_get(tier, &key, PXT_GET_PEEK, &entry, error);
        if (entry)
            *go_on = fn(arg, entry);
        tier->host->entry_release(entry);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
        free(keys[i]);
    }
    free(keys);
    return status;
}

static pxt_status jsonl_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct jsonl *tier = self;
    bool go_on = true;
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < tier->shard_count && go_on && !status; i++)
        status = each_of(tier, &tier->shard[i], fn, arg, &go_on, error);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* The entry as a line with its newline, malloc()ed or in `room`. */
static char *line_of(struct jsonl *tier, pxt_entry *entry, char *room, size_t size, size_t *length)
{
    char *line = room;
    *length = tier->host->json_write(entry, line, size - 1);
    if (*length > size - 1) {
        line = malloc(*length + 1);
        if (!line)
            return NULL;
        tier->host->json_write(entry, line, *length);
    }
    line[(*length)++] = '\n';
    return line;
}

/* With shard lock and file lock. */
pxt_status jsonl_put_locked(struct jsonl *tier, struct jsonl_shard *shard, pxt_entry *entry, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    char room[4096];
    size_t length;
    off_t offset;
    struct pxt_key key;
    host->entry_key(entry, &key);
    char *line = line_of(tier, entry, room, sizeof room, &length);
    if (!line)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a line");
    pxt_status status = length > JSONL_LINE_MAX ? host->fail(host, error, PXT_EINVAL, 0,
                                                             "entry %s makes a line of more than 64 KiB", key.text)
                                                : shard_append(tier, shard, line, length, &offset, error);
    if (line != room)
        free(line);
    if (!status &&
        !index_put(tier, shard, &key, offset, (uint32_t)length - 1, host->entry_number(entry, PXT_FIELD_EXPIRES_AT))) {
        shard->indexed = offset; /* the line stands: it is taken in with the next refresh */
    }
    return status;
}

static pxt_status jsonl_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    struct jsonl_shard *shard = &tier->shard[shard_number(tier, &key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = shard_lock_file(tier, shard, error);
    if (!status) {
        status = jsonl_put_locked(tier, shard, entry, error);
        shard_unlock_file(shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return status;
}

static pxt_status del_locked(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node,
                             enum pxt_removal why, struct pxt_error *error)
{
    char line[DELETION_MAX];
    off_t offset;
    size_t length = deletion_write(node->key, line);
    pxt_status status = shard_append(tier, shard, line, length, &offset, error);
    if (status)
        return status;
    shard->dead += (off_t)length;
    index_remove(tier, shard, node, why);
    return PXT_OK;
}

static pxt_status jsonl_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct jsonl_shard *shard = &tier->shard[shard_number(tier, key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = shard_refresh(tier, shard, false, error);
    if (!status && !index_find(shard, key->text, key->length, key->hash))
        status = PXT_NOT_FOUND; /* without a lock: nothing is written */
    if (!status)
        status = shard_lock_file(tier, shard, error);
    if (!status) {
        struct jsonl_node *node = index_find(shard, key->text, key->length, key->hash);
        status = node ? del_locked(tier, shard, node, why, error) : PXT_NOT_FOUND;
        shard_unlock_file(shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return status;
}

static pxt_status clear_locked(struct jsonl *tier, struct jsonl_shard *shard, uint64_t *removed,
                               struct pxt_error *error)
{
    uint64_t count = shard->count;
    if (ftruncate(shard->log, 0))
        return tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno,
                                "cannot empty shard_%02u of %s", shard->number, tier->folder);
    index_clear(tier, shard);
    *removed += count;
    return PXT_OK;
}

static pxt_status jsonl_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status status = PXT_OK;
    *removed = 0;
    for (unsigned i = 0; i < tier->shard_count && !status; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        pthread_mutex_lock(&shard->lock);
        status = shard_lock_file(tier, shard, error);
        if (!status) {
            status = clear_locked(tier, shard, removed, error);
            shard_unlock_file(shard);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return status;
}

/* ---- eviction and expiry ---------------------------------------------------------------------------------------- */

static pxt_status fill_policy(struct jsonl *tier, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    jsonl_lock_all(tier);
    for (unsigned i = 0; i < tier->shard_count && !status && !tier->policy_ready; i++)
        status = shard_refresh(tier, &tier->shard[i], false, error);
    if (!status && !tier->policy_ready)
        status = index_fill_policy(tier, error);
    jsonl_unlock_all(tier);
    return status;
}

static bool victim_key(struct jsonl *tier, char text[PXT_KEY_MAX + 1])
{
    pthread_mutex_lock(&tier->policy_lock);
    void *state = tier->policy->victim(tier->policy_self);
    if (state) {
        const struct jsonl_node *node =
            (const struct jsonl_node *)(void *)((char *)state - offsetof(struct jsonl_node, state));
        memcpy(text, node->key, strlen(node->key) + 1);
    }
    pthread_mutex_unlock(&tier->policy_lock);
    return state != NULL;
}

static pxt_status jsonl_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    (void)incoming;
    struct jsonl *tier = self;
    char text[PXT_KEY_MAX + 1];
    pxt_status status = fill_policy(tier, error);
    /* A line that turns out damaged leaves the index, and so the policy: then the next one is asked for. */
    while (!status && victim_key(tier, text)) {
        struct pxt_key key;
        tier->host->key_init(&key, text, strlen(text));
        status = jsonl_get(tier, &key, PXT_GET_PEEK, out, error);
        if (status != PXT_NOT_FOUND)
            return status;
        status = PXT_OK;
    }
    return status ? status : PXT_NOT_FOUND;
}

static pxt_time expiry_of(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node)
{
    pxt_entry *entry = NULL;
    if (node->expires_at != PXT_TIME_NONE)
        return node->expires_at;
    if (shard_read(tier, shard, node, &entry, NULL) != PXT_OK)
        return PXT_TIME_MAX;
    node->expires_at = tier->host->entry_number(entry, PXT_FIELD_EXPIRES_AT);
    tier->host->entry_release(entry);
    return node->expires_at;
}

static struct jsonl_node *next_expired(struct jsonl *tier, struct jsonl_shard *shard, size_t *bucket, pxt_time now)
{
    for (; *bucket < shard->bucket_count; ++*bucket)
        for (struct jsonl_node *node = shard->bucket[*bucket]; node; node = node->next)
            if (expiry_of(tier, shard, node) <= now)
                return node;
    return NULL;
}

/* The keys that left, in order to tell of them without a lock. */
struct gone {
    char **key;
    size_t count;
};

static pxt_status expire_shard(struct jsonl *tier, struct jsonl_shard *shard, pxt_time now, size_t limit,
                               struct gone *gone, struct pxt_error *error)
{
    size_t bucket = 0;
    struct jsonl_node *node;
    pxt_status status = shard_refresh(tier, shard, false, error);
    if (status || !next_expired(tier, shard, &bucket, now))
        return status;
    status = shard_lock_file(tier, shard, error);
    if (status)
        return status;
    bucket = 0;
    while (!status && gone->count < limit && (node = next_expired(tier, shard, &bucket, now))) {
        char *key = strdup(node->key);
        if (!key)
            break;
        status = del_locked(tier, shard, node, PXT_REMOVE_EXPIRED, error);
        if (status)
            free(key);
        else
            gone->key[gone->count++] = key;
    }
    shard_unlock_file(shard);
    return status;
}

static pxt_status jsonl_expire(void *self, pxt_time now, size_t limit, pxt_key_fn *fn, void *arg, uint64_t *removed,
                               struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct gone gone = {.key = calloc(limit, sizeof(char *))};
    pxt_status status =
        gone.key ? PXT_OK : tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for keys");
    for (unsigned i = 0; i < tier->shard_count && !status && gone.count < limit; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        status = expire_shard(tier, &tier->shard[i], now, limit, &gone, error);
        pthread_mutex_unlock(&tier->shard[i].lock);
    }
    *removed = gone.count;
    for (size_t i = 0; i < gone.count; i++) {
        struct pxt_key key;
        tier->host->key_init(&key, gone.key[i], strlen(gone.key[i]));
        fn(arg, &key);
        free(gone.key[i]);
    }
    free(gone.key);
    return status;
}

/* ---- upkeep ----------------------------------------------------------------------------------------------------- */

static pxt_status maintain_shard(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    if (shard->log < 0)
        return PXT_OK; /* not used yet by this process */
    if (!compact_is_due(tier, shard) && !tier->compatible)
        return PXT_OK;
    pxt_status status = shard_lock_file(tier, shard, error);
    if (status)
        return status;
    if (compact_is_due(tier, shard))
        status = compact(tier, shard, error);
    shard_unlock_file(shard);
    return status;
}

static pxt_status jsonl_maintain(void *self, struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status first = PXT_OK;
    for (unsigned i = 0; i < tier->shard_count; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        pxt_status status = maintain_shard(tier, &tier->shard[i], first ? NULL : error);
        pthread_mutex_unlock(&tier->shard[i].lock);
        first = first ? first : status;
    }
    return first;
}

static pxt_status jsonl_sync(void *self, struct pxt_error *error)
{
    struct jsonl *tier = self;
    bool good = true;
    for (unsigned i = 0; i < tier->shard_count; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        good = (tier->shard[i].log < 0 || !fdatasync(tier->shard[i].log)) && good;
        pthread_mutex_unlock(&tier->shard[i].lock);
    }
    good = !fsync(tier->folder_fd) && good;
    return good ? PXT_OK : tier->host->fail(tier->host, error, PXT_EIO, errno, "cannot force %s to disk", tier->folder);
}

static const char *jsonl_shared_path(void *self)
{
    return ((struct jsonl *)self)->shared_path;
}

static uint64_t jsonl_corruptions(void *self)
{
    return ((struct jsonl *)self)->corruptions;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED |
                                                 PXT_TIER_POLICY_STATE,
                                        .open = jsonl_open,
                                        .close = jsonl_close,
                                        .get = jsonl_get,
                                        .put = jsonl_put,
                                        .del = jsonl_del,
                                        .each = jsonl_each,
                                        .count = jsonl_count,
                                        .clear = jsonl_clear,
                                        .contains = jsonl_contains,
                                        .put_many = jsonl_put_many,
                                        .touch = jsonl_touch,
                                        .victim = jsonl_victim,
                                        .expire = jsonl_expire,
                                        .maintain = jsonl_maintain,
                                        .sync = jsonl_sync,
                                        .shared_path = jsonl_shared_path,
                                        .corruptions = jsonl_corruptions};

PXT_PLUGIN(PXT_KIND_TIER, "l2_jsonl", "1.0.0", "MIT", "entries in sharded JSON Lines logs, ProxyWhirl's files", options,
           &ops);
