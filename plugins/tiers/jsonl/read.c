/* SPDX-License-Identifier: MIT
 *
 * read.c: get, get_many, contains, count, each and versions of l2_jsonl.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the bytes of a node's line, malloc()ed; NULL if that fails. `*stands`: they are one line, which begins with the
 * key of the node, so that the log was not rewritten in place. */
static char *bytes_of(struct jsonl_shard *shard, const struct jsonl_node *node, bool *stands)
{
    size_t length = node->line.length, key = strlen(node->key);
    char *line = malloc(length + 2);
    off_t before = node->line.offset ? node->line.offset - 1 : 0;
    size_t skipped = node->line.offset ? 0 : 1, wanted = length + 2 - skipped;
    if (!line || pread(shard->log, line + skipped, wanted, before) != (ssize_t)wanted) {
        free(line);
        return NULL;
    }
    const char *begin = line + 1;
    *stands = (skipped || line[0] == '\n' || node->line.offset == JSONL_MARK) &&
              (begin[length] == '\n' || jsonl_is_blank(begin[length])) && !memchr(begin, '\n', length) &&
              length > key + sizeof JSONL_KEY_START && !memcmp(begin, JSONL_KEY_START, sizeof JSONL_KEY_START - 1) &&
              !memcmp(begin + sizeof JSONL_KEY_START - 1, node->key, key) &&
              begin[sizeof JSONL_KEY_START - 1 + key] == '"';
    memmove(line, begin, length);
    return line;
}

/* Finds out about a line that could not be read: if the log was rewritten in place, its index is made anew; otherwise
 * the line is damaged, and its entry leaves the index. */
static pxt_status read_again(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, pxt_entry **out,
                             struct pxt_error *error)
{
    bool stands = false;
    struct jsonl_node *node = jsonl_index_find(shard, key->text, key->length, key->hash);
    char *line = bytes_of(shard, node, &stands);
    if (!line || !stands) {
        free(line);
        pxt_status status = jsonl_shard_reindex(tier, shard, false, error);
        node = status ? NULL : jsonl_index_find(shard, key->text, key->length, key->hash);
        if (!node)
            return status ? status : PXT_NOT_FOUND;
        status = jsonl_line_read(tier, shard, node, out, error);
        if (status != PXT_ECORRUPT)
            return status;
        line = bytes_of(shard, node, &stands);
    }
    bool known = line && jsonl_damage_add(tier, shard, node->line.offset, line, node->line.length);
    free(line);
    if (!known)
        return tier->host->fail(tier->host, error, PXT_EIO, errno, "cannot read a damaged line of %s/%s", tier->folder,
                                shard->log_name);
    jsonl_index_remove(tier, shard, node, PXT_REMOVE_CORRUPTION);
    return PXT_NOT_FOUND;
}

/* The shard is locked, and its index is up to date. */
static pxt_status get_locked(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, unsigned flags,
                             pxt_entry **out, struct pxt_error *error)
{
    struct jsonl_node *node = jsonl_index_find(shard, key->text, key->length, key->hash);
    pxt_status status = node ? PXT_OK : PXT_NOT_FOUND;
    if (status == PXT_NOT_FOUND && !(flags & PXT_GET_PEEK))
        jsonl_index_missed(tier, key);
    if (!status)
        status = jsonl_line_read(tier, shard, node, out, error);
    if (!status && !(flags & PXT_GET_PEEK) && !node->line.removed)
        jsonl_index_accessed(tier, node);
    if (status == PXT_ECORRUPT)
        status = read_again(tier, shard, key, out, error);
    return status == PXT_ENOTSUP ? PXT_NOT_FOUND : status; /* the line stays in the index, and so in the log */
}

pxt_status jsonl_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct jsonl_shard *shard = &tier->shard[jsonl_shard_number(tier, key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_refresh(tier, shard, false, error);
    if (!status)
        status = get_locked(tier, shard, key, flags, out, error);
    pthread_mutex_unlock(&shard->lock);
    return status;
}

/* Gets those of the keys that are in one shard. */
static pxt_status get_of(struct jsonl *tier, unsigned number, const struct pxt_key *const *keys, size_t n,
                         unsigned flags, pxt_entry **out, struct pxt_error *error)
{
    struct jsonl_shard *shard = &tier->shard[number];
    pxt_status status = PXT_OK;
    bool locked = false;
    for (size_t i = 0; i < n && !status; i++) {
        if (jsonl_shard_number(tier, keys[i]) != number)
            continue;
        if (!locked) {
            pthread_mutex_lock(&shard->lock);
            locked = true;
            status = jsonl_shard_refresh(tier, shard, false, error);
        }
        if (!status)
            status = get_locked(tier, shard, keys[i], flags, &out[i], error);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
    }
    if (locked)
        pthread_mutex_unlock(&shard->lock);
    return status;
}

/* A shard is looked at for changes of other processes once for all its keys. */
pxt_status jsonl_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                          struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < n; i++)
        out[i] = NULL;
    for (unsigned i = 0; i < tier->shard_count && !status; i++)
        status = get_of(tier, i, keys, n, flags, out, error);
    for (size_t i = 0; i < n && status; i++) {
        tier->host->entry_release(out[i]);
        out[i] = NULL;
    }
    return status;
}

pxt_status jsonl_contains(void *self, const struct pxt_key *key, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct jsonl_shard *shard = &tier->shard[jsonl_shard_number(tier, key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_refresh(tier, shard, false, error);
    const struct jsonl_node *node = status ? NULL : jsonl_index_find(shard, key->text, key->length, key->hash);
    if (!status && (!node || node->line.removed))
        status = PXT_NOT_FOUND;
    pthread_mutex_unlock(&shard->lock);
    return status;
}

/* Sums up the entries of all shards, or their tombstones. */
static pxt_status sum_up(struct jsonl *tier, bool tombstones, uint64_t *out, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    *out = 0;
    for (unsigned i = 0; i < tier->shard_count && !status; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        pthread_mutex_lock(&shard->lock);
        status = jsonl_shard_refresh(tier, shard, false, error);
        *out += tombstones ? shard->tombstones : shard->count - shard->tombstones;
        pthread_mutex_unlock(&shard->lock);
    }
    return status;
}

pxt_status jsonl_count(void *self, uint64_t *out, struct pxt_error *error)
{
    return sum_up(self, false, out, error);
}

pxt_status jsonl_tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    return sum_up(self, true, out, error);
}

pxt_status jsonl_known_dead_count(void *self, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status status = PXT_OK;
    *out = 0;
    for (unsigned i = 0; i < tier->shard_count && !status; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        pthread_mutex_lock(&shard->lock);
        status = jsonl_shard_refresh(tier, shard, false, error);
        for (size_t bucket = 0; shard->tombstones && bucket < shard->bucket_count; bucket++)
            for (const struct jsonl_node *node = shard->bucket[bucket]; node; node = node->next)
                *out += jsonl_known_dead(&node->line, now);
        pthread_mutex_unlock(&shard->lock);
    }
    return status;
}

/* Returns the keys of the shard's entries, ended by NULL, malloc()ed each; NULL if memory ran out. */
static char **keys_of(struct jsonl_shard *shard)
{
    char **keys = calloc(shard->count + 1, sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; keys && i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i]; node; node = node->next)
            if (!node->line.removed && !(keys[n++] = strdup(node->key))) {
                while (n-- > 0)
                    free(keys[n]);
                free(keys);
                return NULL;
            }
    return keys;
}

/* Gathers the keys, then gets one entry after the other, so that no lock is held while `fn` runs. */
static pxt_status each_of(struct jsonl *tier, struct jsonl_shard *shard, pxt_entry_fn *fn, void *arg, bool *go_on,
                          struct pxt_error *error)
{
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_refresh(tier, shard, false, error);
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
        if (entry && !tier->host->entry_number(entry, PXT_FIELD_REMOVED)) /* it may have been removed meanwhile */
            *go_on = fn(arg, entry);
        tier->host->entry_release(entry);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
        free(keys[i]);
    }
    free(keys);
    return status;
}

pxt_status jsonl_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct jsonl *tier = self;
    bool go_on = true;
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < tier->shard_count && go_on && !status; i++)
        status = each_of(tier, &tier->shard[i], fn, arg, &go_on, error);
    return status;
}

struct key_version {
    char *key;
    uint64_t version;
};

/* Returns the keys whose version is greater than `above` or not known, with `*count` their number, malloc()ed; NULL if
 * memory ran out. */
static struct key_version *versions_above(struct jsonl_shard *shard, uint64_t above, size_t *count)
{
    struct key_version *versions = calloc(shard->count + 1, sizeof *versions);
    *count = 0;
    for (size_t i = 0; versions && i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i]; node; node = node->next) {
            if (node->line.version && node->line.version <= above)
                continue;
            versions[*count] = (struct key_version){strdup(node->key), node->line.version};
            if (!versions[(*count)++].key) {
                while ((*count)-- > 0)
                    free(versions[*count].key);
                free(versions);
                return NULL;
            }
        }
    return versions;
}

static pxt_status versions_of(struct jsonl *tier, struct jsonl_shard *shard, uint64_t above, pxt_version_fn *fn,
                              void *arg, bool *go_on, struct pxt_error *error)
{
    size_t count = 0;
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_refresh(tier, shard, false, error);
    struct key_version *versions = status ? NULL : versions_above(shard, above, &count);
    pthread_mutex_unlock(&shard->lock);
    if (!status && !versions)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for keys");
    for (size_t i = 0; versions && i < count; i++) {
        struct pxt_key key;
        tier->host->key_init(&key, versions[i].key, strlen(versions[i].key));
        *go_on = *go_on && fn(arg, &key, versions[i].version);
        free(versions[i].key);
    }
    free(versions);
    return status;
}

pxt_status jsonl_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    struct jsonl *tier = self;
    bool go_on = true;
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < tier->shard_count && go_on && !status; i++)
        status = versions_of(tier, &tier->shard[i], above, fn, arg, &go_on, error);
    return status;
}
