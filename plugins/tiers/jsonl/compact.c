/* SPDX-License-Identifier: MIT
 *
 * compact.c: writes a shard's log anew with the lines that count, in their order: to a new file, which is forced to disk
 * and renamed over the old log. A process that reads the old log meanwhile still can; its next look sees another inode.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WASTE_MIN = 64 * 1024, BLANK_MIN = 4096, BUFFER = 256 * 1024 };

static bool is_due(const struct jsonl *tier, const struct jsonl_shard *shard)
{
    if (tier->compatible)
        return shard->dead > 0;
    /* So many empty lines are a batch that failed on a full disk (replace.c). */
    return shard->blank > BLANK_MIN || (shard->dead > WASTE_MIN && shard->dead > shard->live);
}

/* A line that counts, and its length in the new log. */
struct line {
    struct jsonl_node *node;
    uint32_t length;
};

/* Returns the lines that count in the order of the log, malloc()ed; NULL if memory ran out. */
static struct line *sorted_lines(const struct jsonl_shard *shard)
{
    struct jsonl_node **nodes = jsonl_index_sorted(shard);
    struct line *lines = nodes ? calloc(shard->count + 1, sizeof *lines) : NULL;
    for (size_t i = 0; lines && i < shard->count; i++)
        lines[i].node = nodes[i];
    free(nodes);
    return lines;
}

/* Returns the length of the longest line that is copied. */
static size_t longest_line(const struct jsonl_shard *shard, const struct line *lines)
{
    size_t longest = 0;
    for (size_t i = 0; i < shard->count; i++)
        longest = lines[i].node->line.length > longest ? lines[i].node->line.length : longest;
    for (size_t i = 0; i < shard->foreign_count; i++)
        longest = shard->foreign[i].length > longest ? shard->foreign[i].length : longest;
    return longest;
}

static bool copy_foreign(struct jsonl_shard *shard, char *buffer, FILE *out)
{
    for (size_t i = 0; i < shard->foreign_count; i++) {
        size_t length = shard->foreign[i].length;
        if (pread(shard->log, buffer, length, shard->foreign[i].offset) != (ssize_t)length)
            return false;
        buffer[length++] = '\n';
        if (fwrite(buffer, 1, length, out) != length)
            return false;
    }
    return true;
}

/* Copies a line as it is; only in a folder that is compatible with ProxyWhirl its checksum is left out. */
static bool copy_line(struct jsonl *tier, struct jsonl_shard *shard, struct line *line, char *buffer, FILE *out)
{
    size_t length = line->node->line.length;
    if (pread(shard->log, buffer, length, line->node->line.offset) != (ssize_t)length)
        return false;
    if (tier->compatible && jsonl_checksum_check(tier, buffer, length) == JSONL_CHECKSUM_RIGHT)
        length = jsonl_checksum_strip(buffer, length);
    line->length = (uint32_t)length;
    buffer[length++] = '\n';
    return fwrite(buffer, 1, length, out) == length;
}

static pxt_status write_new(struct jsonl *tier, struct jsonl_shard *shard, struct line *lines, int fd,
                            struct pxt_error *error)
{
    FILE *out = fdopen(dup(fd), "w");
    char *buffer = malloc(longest_line(shard, lines) + 1);
    bool good = out && buffer;
    if (good)
        setvbuf(out, NULL, _IOFBF, BUFFER);
    good = good && copy_foreign(shard, buffer, out);
    for (size_t i = 0; good && i < shard->count; i++)
        good = copy_line(tier, shard, &lines[i], buffer, out);
    int code = errno;
    if (out && fclose(out)) {
        code = errno;
        good = false;
    }
    free(buffer);
    return good
               ? PXT_OK
               : tier->host->fail(tier->host, error, tier->host->status_of_errno(code), code,
                                  "cannot write shard_%02u of %s anew; the old one stays", shard->number, tier->folder);
}

static void move_nodes(struct jsonl_shard *shard, const struct line *lines)
{
    off_t at = 0;
    for (size_t i = 0; i < shard->foreign_count; i++) {
        shard->foreign[i].offset = at;
        at += (off_t)shard->foreign[i].length + 1;
    }
    for (size_t i = 0; i < shard->count; i++) {
        lines[i].node->line.offset = at;
        lines[i].node->line.length = lines[i].length;
        at += (off_t)lines[i].length + 1;
    }
    shard->indexed = shard->live = at;
    shard->dead = shard->blank = 0;
}

static pxt_status compact(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    struct line *lines = sorted_lines(shard);
    if (!lines)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for compacting %s/%s", tier->folder,
                                shard->log_name);
    int fd = -1;
    pxt_status status = jsonl_replace_open(tier, shard, &fd, error);
    if (!status)
        status = write_new(tier, shard, lines, fd, error);
    if (!status && !jsonl_damage_quarantine(tier, shard))
        status = tier->host->fail(tier->host, error, PXT_EIO, errno,
                                  "cannot put damaged lines of %s/%s aside: it is not compacted", tier->folder,
                                  shard->log_name);
    if (!status)
        status = jsonl_replace_log(tier, shard, fd, error);
    if (!status) {
        move_nodes(shard, lines);
        jsonl_damage_clear(shard);
    } else if (fd >= 0) {
        jsonl_replace_abandon(tier, shard, fd);
    }
    free(lines);
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
    jsonl_damage_report_rest(tier, false);
    for (unsigned i = 0; i < tier->shard_count; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        pxt_status status = maintain_shard(tier, &tier->shard[i], first ? NULL : error);
        pthread_mutex_unlock(&tier->shard[i].lock);
        first = first ? first : status;
    }
    return first;
}
