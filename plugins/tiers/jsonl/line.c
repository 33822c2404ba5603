/* SPDX-License-Identifier: MIT
 *
 * line.c: appends lines to the log of a shard, and reads the line of an entry. The text of a line is made in write.c,
 * batch.c and deletion.c.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pxt_status jsonl_line_append(struct jsonl *tier, struct jsonl_shard *shard, const char *lines, size_t length,
                             off_t *offset, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    ssize_t n;
    *offset = shard->indexed;
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
        n = pread(shard->log, line, node->length, node->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return host->fail(host, error, PXT_EIO, errno, "cannot read %s/shard_%02u.jsonl", tier->folder, shard->number);
    bool whole = n == (ssize_t)node->length;
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
    char room[4096];
    char *line = node->length < sizeof room ? room : malloc((size_t)node->length + 1);
    if (!line)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for a line");
    pxt_status status = read_line(tier, shard, node, line, out, error);
    if (line != room)
        free(line);
    return status;
}
