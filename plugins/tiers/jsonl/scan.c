/* SPDX-License-Identifier: MIT
 *
 * scan.c: reads a shard's log, from where the index ends, line by line.
 *
 * A line that counts begins with its key, as we and ProxyWhirl write it, and then only the key is read; any other line
 * is read whole. A deletion is an object without a key: ProxyWhirl skips it. What is no entry and no deletion is
 * damaged: counted, passed over, and put aside at the next compaction. The last line counts when its newline is there.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };
static const char key_start[] = "{\"key\": \"";

/* The key of a line that begins as ours do, where no escape is in it. */
static bool starts_with_key(const char *line, size_t length, struct pxt_key *key, const struct pxt_host *host,
                            char copy[PXT_KEY_MAX + 1])
{
    size_t begin = sizeof key_start - 1;
    if (length < begin + 2 || memcmp(line, key_start, begin))
        return false;
    const char *end = memchr(line + begin, '"', length - begin);
    size_t size = end ? (size_t)(end - line) - begin : 0;
    if (!size || size > PXT_KEY_MAX || memchr(line + begin, '\\', size))
        return false;
    memcpy(copy, line + begin, size);
    copy[size] = '\0';
    host->key_init(key, copy, size);
    return true;
}

/* A line that does not begin as ours do: by hand, or damaged. */
static bool index_slowly(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset,
                         bool *no_memory)
{
    pxt_entry *entry = NULL;
    struct pxt_key key;
    char *copy = malloc(length + 1);
    if (!copy) {
        *no_memory = true;
        return true;
    }
    memcpy(copy, line, length);
    copy[length] = '\0';
    bool good = tier->host->json_read(tier->host, copy, length, &entry, NULL) == PXT_OK;
    free(copy);
    if (!good)
        return false;
    tier->host->entry_key(entry, &key);
    *no_memory = !jsonl_index_put(tier, shard, &key, offset, (uint32_t)length,
                                  tier->host->entry_number(entry, PXT_FIELD_EXPIRES_AT));
    tier->host->entry_release(entry);
    return true;
}

static bool index_line(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset)
{
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    bool no_memory = false, whole = length && line[length - 1] == '}' && length <= JSONL_LINE_MAX;
    if (whole && starts_with_key(line, length, &key, tier->host, text)) {
        no_memory = !jsonl_index_put(tier, shard, &key, offset, (uint32_t)length, PXT_TIME_NONE);
    } else if (whole && jsonl_deletion_read(tier, line, length, &key, text)) {
        struct jsonl_node *node = jsonl_index_find(shard, key.text, key.length, key.hash);
        if (node)
            jsonl_index_remove(tier, shard, node, PXT_REMOVE_DELETED);
        shard->dead += (off_t)length + 1;
    } else if (length && !(whole && index_slowly(tier, shard, line, length, offset, &no_memory))) {
        tier->corruptions++;
        shard->broken_lines = true;
        shard->dead += (off_t)length + 1;
        tier->host->log(tier->host, PXT_LOG_WARNING, "%s/shard_%02u.jsonl has a damaged line at byte %lld",
                        tier->folder, shard->number, (long long)offset);
    }
    return !no_memory;
}

/* Cuts off the bytes behind the last newline: their writer died. The file lock is held. */
static pxt_status cut_tail(struct jsonl *tier, struct jsonl_shard *shard, const char *tail, size_t length,
                           struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    jsonl_quarantine(tier, shard, tail, length);
    tier->corruptions++;
    host->log(host, PXT_LOG_WARNING, "%s/shard_%02u.jsonl had a torn last line of %zu bytes: cut off", tier->folder,
              shard->number, length);
    if (ftruncate(shard->log, shard->indexed))
        return host->fail(host, error, host->status_of_errno(errno), errno,
                          "cannot cut the torn line off %s/shard_%02u.jsonl", tier->folder, shard->number);
    return PXT_OK;
}

static bool index_chunk(struct jsonl *tier, struct jsonl_shard *shard, const char *chunk, size_t length, size_t *used)
{
    *used = 0;
    for (;;) {
        const char *newline = memchr(chunk + *used, '\n', length - *used);
        if (!newline)
            return true;
        size_t line = (size_t)(newline - chunk) - *used;
        if (!index_line(tier, shard, chunk + *used, line, shard->indexed))
            return false;
        *used += line + 1;
        shard->indexed += (off_t)line + 1;
    }
}

pxt_status jsonl_shard_scan(struct jsonl *tier, struct jsonl_shard *shard, off_t end, bool locked,
                            struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    size_t size = CHUNK, used;
    char *chunk = malloc(size);
    pxt_status status = PXT_OK;
    while (chunk && !status && shard->indexed < end) {
        size_t wanted = end - shard->indexed < (off_t)size ? (size_t)(end - shard->indexed) : size;
        ssize_t n = pread(shard->log, chunk, wanted, shard->indexed);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status =
                host->fail(host, error, PXT_EIO, errno, "cannot read %s/shard_%02u.jsonl", tier->folder, shard->number);
            break;
        }
        if (!index_chunk(tier, shard, chunk, (size_t)n, &used)) {
            status = host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the index of %s", tier->folder);
        } else if (!used && n && (size_t)n == size) { /* a line longer than the room */
            char *larger = realloc(chunk, size *= 2);
            if (!larger)
                break;
            chunk = larger;
        } else if (!used) {
            if (n && locked)
                status = cut_tail(tier, shard, chunk, (size_t)n, error);
            break;
        }
    }
    if (!chunk)
        status = host->fail(host, error, PXT_ENOMEM, 0, "out of memory for reading %s", tier->folder);
    free(chunk);
    return status;
}
