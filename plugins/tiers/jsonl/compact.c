/* SPDX-License-Identifier: MIT
 *
 * compact.c: writes a shard's log anew with the lines that count, in their order: to a new file, which is forced to disk
 * and renamed over the old log. A process that reads the old log meanwhile still can; its next look sees another inode.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WASTE_MIN = 64 * 1024, BUFFER = 256 * 1024 };

static bool is_due(const struct jsonl *tier, const struct jsonl_shard *shard)
{
    if (tier->compatible)
        return shard->dead > 0;
    return shard->dead > WASTE_MIN && shard->dead > shard->live;
}

static int by_offset(const void *a, const void *b)
{
    const struct jsonl_node *left = *(struct jsonl_node *const *)a, *right = *(struct jsonl_node *const *)b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

static struct jsonl_node **sorted_nodes(struct jsonl_shard *shard)
{
    struct jsonl_node **nodes = calloc(shard->count ? shard->count : 1, sizeof *nodes);
    size_t n = 0;
    for (size_t i = 0; nodes && i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i]; node; node = node->next)
            nodes[n++] = node;
    if (nodes)
        qsort(nodes, n, sizeof *nodes, by_offset);
    return nodes;
}

static bool copy_line(struct jsonl_shard *shard, const struct jsonl_node *node, char *line, FILE *out)
{
    size_t length = (size_t)node->length + 1;
    return length <= JSONL_LINE_MAX + 1 && pread(shard->log, line, length, node->offset) == (ssize_t)length &&
           line[length - 1] == '\n' && fwrite(line, 1, length, out) == length;
}

/* Puts damaged lines aside: of the lines between the nodes, all that are neither superseded entries nor deletions. */
static void put_broken_aside(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node **nodes, char *buffer)
{
    off_t at = 0;
    if (!shard->broken_lines)
        return;
    for (size_t i = 0; i <= shard->count; i++) {
        off_t end = i < shard->count ? nodes[i]->offset : shard->indexed;
        while (at < end) {
            size_t wanted = end - at < JSONL_LINE_MAX ? (size_t)(end - at) : JSONL_LINE_MAX;
            ssize_t n = pread(shard->log, buffer, wanted, at);
            if (n <= 0)
                return;
            const char *newline = memchr(buffer, '\n', (size_t)n);
            size_t length = newline ? (size_t)(newline - buffer) : (size_t)n;
            bool entry = length > 9 && (!memcmp(buffer, "{\"key\": \"", 9) || !memcmp(buffer, "{\"delete", 9));
            if (length && (!entry || buffer[length - 1] != '}'))
                jsonl_quarantine(tier, shard, buffer, length);
            at += (off_t)length + 1;
        }
        at = i < shard->count ? nodes[i]->offset + nodes[i]->length + 1 : end;
    }
}

static pxt_status write_new(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node **nodes, int fd,
                            struct pxt_error *error)
{
    FILE *out = fdopen(dup(fd), "w");
    char *line = malloc(JSONL_LINE_MAX + 1);
    bool good = out && line;
    if (good)
        setvbuf(out, NULL, _IOFBF, BUFFER);
    for (size_t i = 0; good && i < shard->count; i++)
        good = copy_line(shard, nodes[i], line, out);
    if (good)
        put_broken_aside(tier, shard, nodes, line);
    int code = errno;
    if (out && fclose(out)) {
        code = errno;
        good = false;
    }
    if (good && fsync(fd)) {
        code = errno;
        good = false;
    }
    free(line);
    return good
               ? PXT_OK
               : tier->host->fail(tier->host, error, tier->host->status_of_errno(code), code,
                                  "cannot write shard_%02u of %s anew; the old one stays", shard->number, tier->folder);
}

static void take_over(struct jsonl_shard *shard, struct jsonl_node **nodes, int fd, const struct stat *file)
{
    off_t at = 0;
    for (size_t i = 0; i < shard->count; i++) {
        nodes[i]->offset = at;
        at += (off_t)nodes[i]->length + 1;
    }
    close(shard->log);
    shard->log = fd;
    shard->device = file->st_dev;
    shard->inode = file->st_ino;
    shard->links = file->st_nlink;
    shard->indexed = shard->live = at;
    shard->dead = 0;
    shard->broken_lines = false;
}

static pxt_status compact(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    char name[JSONL_NAME], temporary[JSONL_NAME];
    struct stat file;
    jsonl_shard_name(shard, "jsonl", name);
    jsonl_shard_name(shard, "tmp", temporary);
    struct jsonl_node **nodes = sorted_nodes(shard);
    unlinkat(tier->folder_fd, temporary, 0);
    int fd = openat(tier->folder_fd, temporary, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    pxt_status status = PXT_OK;
    if (!nodes || fd < 0)
        status = tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno, "cannot compact %s/%s",
                                  tier->folder, name);
    if (!status)
        status = write_new(tier, shard, nodes, fd, error);
    if (!status && (fstat(fd, &file) || renameat(tier->folder_fd, temporary, tier->folder_fd, name)))
        status = tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno, "cannot replace %s/%s",
                                  tier->folder, name);
    if (!status) {
        fsync(tier->folder_fd);
        take_over(shard, nodes, fd, &file);
    } else if (fd >= 0) {
        close(fd);
        unlinkat(tier->folder_fd, temporary, 0);
    }
    free(nodes);
    return status;
}

static pxt_status maintain_shard(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    if (shard->log < 0)
        return PXT_OK; /* not used yet by this process */
    if (!is_due(tier, shard) && !tier->compatible)
        return PXT_OK;
    pxt_status status = jsonl_shard_lock_file(tier, shard, error);
    if (status)
        return status;
    if (is_due(tier, shard))
        status = compact(tier, shard, error);
    jsonl_shard_unlock_file(shard);
    return status;
}

pxt_status jsonl_maintain(void *self, struct pxt_error *error)
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
