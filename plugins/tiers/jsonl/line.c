/* SPDX-License-Identifier: MIT
 *
 * line.c: the line of an entry or a tombstone: makes its text, appends it to the log of a shard, takes it into the index,
 * and reads it.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t write_tombstone(struct jsonl *tier, const pxt_entry *entry, char *buffer, size_t room)
{
    const struct pxt_host *host = tier->host;
    char line[JSONL_DELETION_MAX];
    struct pxt_key key;
    host->entry_key(entry, &key);
    struct jsonl_deletion deletion = {
        .version = (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION),
        .why = (enum pxt_removal)(host->entry_number(entry, PXT_FIELD_REMOVED) - 1),
        .at = host->entry_number(entry, PXT_FIELD_FETCH_TIME),
    };
    size_t length = jsonl_deletion_write(tier, key.text, &deletion, line);
    if (length <= room)
        memcpy(buffer, line, length);
    return length;
}

size_t jsonl_line_write(struct jsonl *tier, pxt_entry *entry, char *buffer, size_t room)
{
    if (tier->host->entry_number(entry, PXT_FIELD_REMOVED))
        return write_tombstone(tier, entry, buffer, room);
    size_t left = room > JSONL_CHECKSUM ? room - JSONL_CHECKSUM : 0,
           length = tier->host->json_write(entry, buffer, left);
    return length > left ? length + JSONL_CHECKSUM : jsonl_checksum_add(tier, buffer, length);
}

pxt_status jsonl_line_is_newest(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                                const pxt_entry *entry, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    uint64_t version = (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION);
    const struct jsonl_node *node = version ? jsonl_index_find(shard, key->text, key->length, key->hash) : NULL;
    if (!node || node->line.version <= version)
        return PXT_OK;
    return host->fail(host, error, PXT_ESTALE, 0, "%s has a newer version of key %s", tier->folder, key->text);
}

void jsonl_line_index(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, const pxt_entry *entry,
                      off_t offset, uint32_t length)
{
    const struct pxt_host *host = tier->host;
    struct jsonl_line line = {.offset = offset,
                              .length = length,
                              .version = (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION),
                              .removed = (uint32_t)host->entry_number(entry, PXT_FIELD_REMOVED)};
    line.expires_at = host->entry_number(entry, line.removed ? PXT_FIELD_FETCH_TIME : PXT_FIELD_EXPIRES_AT);
    if (!jsonl_index_put(tier, shard, key, &line) && shard->indexed > offset)
        shard->indexed = offset;
}

pxt_status jsonl_line_append(struct jsonl *tier, struct jsonl_shard *shard, const char *lines, size_t length,
                             off_t *offset, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    ssize_t n;
    *offset = shard->indexed;
    if (tier->full_sync && shard->name_in_doubt && fsync(tier->folder_fd))
        return host->fail(host, error, PXT_EIO, errno, "cannot force the name of %s/%s to disk", tier->folder,
                          shard->log_name);
    shard->name_in_doubt = shard->name_in_doubt && !tier->full_sync;
    do {
        n = write(shard->log, lines, length);
    } while (n < 0 && errno == EINTR);
    int code = n < 0 ? errno : ENOSPC; /* a short write is a disk that is full */
    bool good = n == (ssize_t)length;
    if (good && tier->full_sync && fdatasync(shard->log)) {
        code = errno;
        good = false;
    }
    if (good) {
        shard->indexed += (off_t)length;
        return PXT_OK;
    }
    /* No half line may stay: the next line would be fused with it. No other process has read half a line. */
    if (n > 0 && memchr(lines, '\n', (size_t)n))
        jsonl_replace_take_back(tier, shard, *offset);
    else if (n > 0 && ftruncate(shard->log, *offset))
        host->log(host, PXT_LOG_ERROR, "cannot take back a half-written line of %s/shard_%02u.jsonl: %s", tier->folder,
                  shard->number, strerror(errno));
    return host->fail(host, error, host->status_of_errno(code), code, "cannot append to %s/shard_%02u.jsonl",
                      tier->folder, shard->number);
}

static pxt_status read_line(struct jsonl *tier, struct jsonl_shard *shard, const struct jsonl_node *node, char *line,
                            pxt_entry **out, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    struct pxt_key key;
    ssize_t n;
    do {
        n = pread(shard->log, line, node->line.length, node->line.offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return host->fail(host, error, PXT_EIO, errno, "cannot read %s/shard_%02u.jsonl", tier->folder, shard->number);
    bool whole = n == (ssize_t)node->line.length;
    enum jsonl_checksum checksum = jsonl_checksum_check(tier, line, (size_t)n);
    if (checksum == JSONL_CHECKSUM_RIGHT)
        n = (ssize_t)jsonl_checksum_strip(line, (size_t)n);
    line[n] = '\0';
    pxt_status status = PXT_ECORRUPT;
    if (whole && checksum == JSONL_CHECKSUM_RIGHT)
        status = host->json_read(host, line, (size_t)n, out, error);
    else if (whole && checksum == JSONL_CHECKSUM_NONE)
        status = host->json_read_foreign(host, line, (size_t)n, out, error);
    if (status == PXT_ENOTSUP || status == PXT_ENOMEM)
        return status;
    if (!status) {
        host->entry_key(*out, &key);
        if (!strcmp(key.text, node->key))
            return PXT_OK;
        host->entry_release(*out);
        *out = NULL;
    }
    return host->fail(host, error, PXT_ECORRUPT, 0, "the line of key %s in %s/shard_%02u.jsonl is damaged", node->key,
                      tier->folder, shard->number);
}

pxt_status jsonl_line_read(struct jsonl *tier, struct jsonl_shard *shard, const struct jsonl_node *node,
                           pxt_entry **out, struct pxt_error *error)
{
    if (node->line.removed) {
        const struct pxt_key key = {node->key, (uint32_t)strlen(node->key), node->hash};
        return tier->host->tombstone_new(tier->host, &key, node->line.version, node->line.removed - 1,
                                         node->line.expires_at, out, error);
    }
    char room[4096];
    char *line = node->line.length < sizeof room ? room : malloc((size_t)node->line.length + 1);
    if (!line)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for a line");
    pxt_status status = read_line(tier, shard, node, line, out, error);
    if (line != room)
        free(line);
    return status;
}
