/* SPDX-License-Identifier: MIT
 *
 * write.c: put, del and clear of l2_jsonl.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes the entry as a line with its newline, in `buffer` or malloc()ed; NULL if memory ran out. */
static char *line_of(struct jsonl *tier, pxt_entry *entry, char *buffer, size_t size, size_t *length)
{
    char *line = buffer;
    *length = jsonl_line_write(tier, entry, line, size - 1);
    if (*length > size - 1) {
        size = *length + 1;
        line = malloc(size);
        if (!line)
            return NULL;
        *length = jsonl_line_write(tier, entry, line, size - 1);
    }
    line[(*length)++] = '\n';
    return line;
}

pxt_status jsonl_put_locked(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, pxt_entry *entry,
                            struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    char buffer[4096];
    size_t length;
    off_t offset;
    pxt_status status = jsonl_line_is_newest(tier, shard, key, entry, error);
    if (status)
        return status;
    char *line = line_of(tier, entry, buffer, sizeof buffer, &length);
    if (!line)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a line");
    status = length > JSONL_LINE_MAX
                 ? host->fail(host, error, PXT_EINVAL, 0, "entry %s makes a line of more than 64 KiB", key->text)
                 : jsonl_line_append(tier, shard, line, length, &offset, error);
    if (line != buffer)
        free(line);
    if (!status)
        jsonl_line_index(tier, shard, key, entry, offset, (uint32_t)length - 1);
    return status;
}

pxt_status jsonl_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    struct jsonl_shard *shard = &tier->shard[jsonl_shard_number(tier, &key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_lock_file(tier, shard, error);
    if (!status) {
        status = jsonl_put_locked(tier, shard, &key, entry, error);
        jsonl_shard_unlock_file(shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return status;
}

pxt_status jsonl_del_locked(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node,
                            enum pxt_removal why, struct pxt_error *error)
{
    char line[JSONL_DELETION_MAX];
    off_t offset;
    size_t length = jsonl_deletion_write(tier, node->key, &(struct jsonl_deletion){.why = why}, line);
    line[length++] = '\n';
    pxt_status status = jsonl_line_append(tier, shard, line, length, &offset, error);
    if (status)
        return status;
    shard->dead += (off_t)length;
    jsonl_index_remove(tier, shard, node, why);
    return PXT_OK;
}

pxt_status jsonl_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct jsonl_shard *shard = &tier->shard[jsonl_shard_number(tier, key)];
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_refresh(tier, shard, false, error);
    if (!status && !jsonl_index_find(shard, key->text, key->length, key->hash))
        status = PXT_NOT_FOUND; /* nothing to write: no file lock needed */
    if (!status)
        status = jsonl_shard_lock_file(tier, shard, error);
    if (!status) {
        struct jsonl_node *node = jsonl_index_find(shard, key->text, key->length, key->hash);
        bool is_entry = node && !node->line.removed;
        if (node)
            status = jsonl_del_locked(tier, shard, node, why, error);
        if (!status && !is_entry)
            status = PXT_NOT_FOUND;
        jsonl_shard_unlock_file(shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return status;
}

static pxt_status clear_locked(struct jsonl *tier, struct jsonl_shard *shard, uint64_t *removed,
                               struct pxt_error *error)
{
    uint64_t count = shard->count - shard->tombstones;
    pxt_status status = jsonl_replace_remove(tier, shard, error);
    if (status)
        return status;
    jsonl_index_clear(tier, shard);
    jsonl_damage_clear(shard);
    *removed += count;
    return PXT_OK;
}

pxt_status jsonl_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status status = PXT_OK;
    *removed = 0;
    for (unsigned i = 0; i < tier->shard_count && !status; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        pthread_mutex_lock(&shard->lock);
        status = jsonl_shard_lock_file(tier, shard, error);
        if (!status) {
            status = clear_locked(tier, shard, removed, error);
            jsonl_shard_unlock_file(shard);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    if (!status && tier->full_sync && fsync(tier->folder_fd))
        status =
            tier->host->fail(tier->host, error, PXT_EIO, errno,
                             "cannot force the removal of the logs in %s to disk: their entries may come back after "
                             "loss of power",
                             tier->folder);
    return status;
}
