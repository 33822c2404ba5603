/* SPDX-License-Identifier: MIT
 *
 * reshard.c: rewrites a folder with another number of logs. All lines that count are written to new logs in the subfolder
 * proxtier.reshard, which is forced to disk; then proxtier.format says `moving`; then the new logs take the place of the old
 * ones. Up to `moving` the old logs are whole, and an interrupted rewriting is begun again. From there on the new ones are,
 * and moving them is taken up where it ended. The exclusive lock of proxtier.format is held.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char subfolder[] = "proxtier.reshard";

/* The folder with all logs that may be in it, and the new logs. */
struct rewriting {
    struct jsonl *tier, *old;
    bool locked[JSONL_SHARDS_MAX]; /* of `old`: there is such a log */
    int folder_fd;                 /* of the subfolder */
    FILE *out[JSONL_SHARDS_MAX];
    uint64_t lines;
};

static pxt_status cannot(struct jsonl *tier, int code, const char *what, struct pxt_error *error)
{
    return tier->host->fail(
        tier->host, error, tier->host->status_of_errno(code), code,
        "cannot rewrite folder %s with %u shards (%s): nothing is lost; try again, or set `shards` as "
        "it was",
        tier->folder, tier->shard_count, what);
}

/* ---- the old logs ---- */

static pxt_status open_old(struct rewriting *work, struct pxt_error *error)
{
    struct jsonl *tier = work->tier;
    struct stat file;
    pxt_status status = jsonl_new(tier->host, tier->folder, JSONL_SHARDS_MAX, &work->old, error);
    if (status)
        return status;
    work->old->compatible = tier->compatible;
    work->old->file_mode = tier->file_mode;
    work->old->lock_timeout = tier->lock_timeout;
    work->old->folder_fd = fcntl(tier->folder_fd, F_DUPFD_CLOEXEC, 0);
    if (work->old->folder_fd < 0)
        return cannot(tier, errno, "no file number", error);
    for (unsigned i = 0; i < JSONL_SHARDS_MAX && !status; i++) {
        struct jsonl_shard *shard = &work->old->shard[i];
        if (fstatat(tier->folder_fd, shard->log_name, &file, AT_SYMLINK_NOFOLLOW))
            continue;
        /* Programs from before proxtier.format may write to it: they wait for this lock. */
        status = jsonl_shard_lock_file(work->old, shard, error);
        work->locked[i] = status == PXT_OK;
    }
    return status;
}

/* `stay`: damaged lines are still in the logs, and will be counted when these are read. */
static void close_old(struct rewriting *work, bool stay)
{
    if (!work->old)
        return;
    work->tier->corruptions += work->old->corruptions;
    for (unsigned i = 0; i < JSONL_SHARDS_MAX; i++)
        if (work->locked[i]) {
            work->tier->corruptions -= stay ? work->old->shard[i].damage_count : 0;
            jsonl_shard_unlock_file(&work->old->shard[i]);
        }
    jsonl_close(work->old);
}

static unsigned new_number(const struct rewriting *work, const struct jsonl_node *node)
{
    const struct pxt_key key = {node->key, (uint32_t)strlen(node->key), node->hash};
    return jsonl_shard_number(work->tier, &key);
}

/* Whether each line is in the log where it is looked for. */
static bool all_fit(const struct rewriting *work)
{
    for (unsigned i = 0; i < JSONL_SHARDS_MAX; i++) {
        const struct jsonl_shard *shard = &work->old->shard[i];
        if (i >= work->tier->shard_count && shard->foreign_count)
            return false;
        for (size_t b = 0; b < shard->bucket_count; b++)
            for (const struct jsonl_node *node = shard->bucket[b]; node; node = node->next)
                if (new_number(work, node) != i)
                    return false;
    }
    return true;
}

static pxt_time fetch_time(struct jsonl *tier, struct jsonl_shard *shard, const struct jsonl_node *node)
{
    pxt_entry *entry = NULL;
    if (jsonl_line_read(tier, shard, node, &entry, NULL))
        return PXT_TIME_NONE;
    pxt_time time = tier->host->entry_number(entry, PXT_FIELD_FETCH_TIME);
    tier->host->entry_release(entry);
    return time;
}

/* Compares two lines of a key in two logs: a version that is not known is older than any, for it was written before there
 * were versions; then the later fetch counts, and then the number of the log. */
static bool is_newer(struct rewriting *work, struct jsonl_shard *shard, const struct jsonl_node *node,
                     struct jsonl_shard *other, const struct jsonl_node *rival)
{
    if (node->line.version != rival->line.version)
        return node->line.version > rival->line.version;
    pxt_time mine = fetch_time(work->old, shard, node), others = fetch_time(work->old, other, rival);
    return mine != others ? mine > others : shard->number > other->number;
}

/* Whether no other log has a newer line of the key. A folder that was used with several numbers of shards may have more
 * than one. */
static bool is_newest(struct rewriting *work, struct jsonl_shard *shard, const struct jsonl_node *node)
{
    size_t length = strlen(node->key);
    for (unsigned i = 0; i < JSONL_SHARDS_MAX; i++) {
        struct jsonl_shard *other = &work->old->shard[i];
        const struct jsonl_node *rival = other == shard ? NULL : jsonl_index_find(other, node->key, length, node->hash);
        if (rival && !is_newer(work, shard, node, other, rival))
            return false;
    }
    return true;
}

/* ---- the new logs ---- */

static pxt_status open_new(struct rewriting *work, struct pxt_error *error)
{
    struct jsonl *tier = work->tier;
    if (mkdirat(tier->folder_fd, subfolder, tier->compatible ? 0755 : 0700) && errno != EEXIST)
        return cannot(tier, errno, "making a subfolder", error);
    work->folder_fd = openat(tier->folder_fd, subfolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (work->folder_fd < 0)
        return cannot(tier, errno, "opening a subfolder", error);
    if (!tier->compatible && (tier->file_mode & 020))
        fchmod(work->folder_fd, 02770); /* another member of the group may have to finish this */
    for (unsigned i = 0; i < JSONL_SHARDS_MAX; i++) {
        const char *name = work->old->shard[i].log_name;
        if (unlinkat(work->folder_fd, name, 0) && errno != ENOENT) /* of an interrupted rewriting */
            return cannot(tier, errno, "emptying a subfolder", error);
        if (i >= tier->shard_count)
            continue;
        int fd = openat(work->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, tier->file_mode);
        if (fd >= 0)
            jsonl_set_mode(tier, fd);
        work->out[i] = fd < 0 ? NULL : fdopen(fd, "w");
        if (!work->out[i]) {
            int code = errno;
            if (fd >= 0)
                close(fd);
            return cannot(tier, code, "making a log", error);
        }
    }
    return PXT_OK;
}

/* Forces the new logs to disk, and closes them in any case. */
static pxt_status close_new(struct rewriting *work, pxt_status status, struct pxt_error *error)
{
    for (unsigned i = 0; i < JSONL_SHARDS_MAX; i++) {
        if (!work->out[i])
            continue;
        if (!status && (fflush(work->out[i]) || fsync(fileno(work->out[i]))))
            status = cannot(work->tier, errno, "forcing a log to disk", error);
        if (fclose(work->out[i]) && !status)
            status = cannot(work->tier, errno, "closing a log", error);
        work->out[i] = NULL;
    }
    if (!status && (fsync(work->folder_fd) || fsync(work->tier->folder_fd)))
        status = cannot(work->tier, errno, "forcing a folder to disk", error);
    if (work->folder_fd >= 0)
        close(work->folder_fd);
    work->folder_fd = -1;
    return status;
}

/* Copies a line as it is. */
static bool copy_line(struct rewriting *work, struct jsonl_shard *from, off_t offset, uint32_t length, unsigned to)
{
    char room[4096], *line = length < sizeof room ? room : malloc((size_t)length + 1);
    bool good = line && pread(from->log, line, length, offset) == (ssize_t)length;
    if (good) {
        line[length] = '\n';
        good = fwrite(line, 1, (size_t)length + 1, work->out[to]) == (size_t)length + 1;
        work->lines += good;
    }
    if (line != room)
        free(line);
    return good;
}

static bool copy_log(struct rewriting *work, struct jsonl_shard *shard)
{
    struct jsonl_node **nodes = jsonl_index_sorted(shard);
    bool good = nodes && jsonl_damage_quarantine(work->old, shard);
    for (size_t i = 0; good && i < shard->count; i++) {
        const struct jsonl_line *line = &nodes[i]->line;
        if (is_newest(work, shard, nodes[i]))
            good = copy_line(work, shard, line->offset, line->length, new_number(work, nodes[i]));
    }
    for (size_t i = 0; good && i < shard->foreign_count; i++)
        good = copy_line(work, shard, shard->foreign[i].offset, shard->foreign[i].length,
                         shard->number % work->tier->shard_count);
    free(nodes);
    return good;
}

static pxt_status write_new(struct rewriting *work, struct pxt_error *error)
{
    pxt_status status = open_new(work, error);
    for (unsigned i = 0; i < JSONL_SHARDS_MAX && !status; i++)
        if (work->locked[i] && !copy_log(work, &work->old->shard[i]))
            status = cannot(work->tier, errno, "copying lines", error);
    return close_new(work, status, error);
}

/* ---- moving ---- */

/* Renames a log of the subfolder, if it is there. */
static bool move_log(struct jsonl *tier, int folder_fd, unsigned number)
{
    char log_name[JSONL_NAME];
    jsonl_shard_name(&(struct jsonl_shard){.number = number}, "jsonl", log_name);
    return !renameat(folder_fd, log_name, tier->folder_fd, log_name) || errno == ENOENT;
}

/* Removes the files of a log that is not used any more. */
static bool remove_log(struct jsonl *tier, unsigned number)
{
    static const char *const suffixes[] = {"jsonl", "compact", "lock"};
    char file_name[JSONL_NAME];
    bool good = true;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && good; i++) {
        jsonl_shard_name(&(struct jsonl_shard){.number = number}, suffixes[i], file_name);
        good = !unlinkat(tier->folder_fd, file_name, 0) || errno == ENOENT;
    }
    return good;
}

static pxt_status move_all(struct jsonl *tier, struct jsonl_format *format, struct pxt_error *error)
{
    int folder_fd = openat(tier->folder_fd, subfolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool good = folder_fd >= 0;
    for (unsigned i = 0; i < format->moving && good; i++)
        good = move_log(tier, folder_fd, i);
    for (unsigned i = format->moving; i < JSONL_SHARDS_MAX && good; i++)
        good = remove_log(tier, i);
    good = good && !fsync(tier->folder_fd);
    int code = errno;
    if (folder_fd >= 0)
        close(folder_fd);
    if (!good)
        return cannot(tier, code, "moving logs", error);
    *format = (struct jsonl_format){.shards = format->moving};
    pxt_status status = jsonl_format_write(tier, format, error);
    if (!status)
        unlinkat(tier->folder_fd, subfolder, AT_REMOVEDIR); /* the next rewriting empties one that is left */
    return status;
}

static pxt_status rewrite(struct rewriting *work, struct jsonl_format *format, struct pxt_error *error)
{
    struct jsonl *tier = work->tier;
    pxt_status status = write_new(work, error);
    if (status)
        return status;
    unsigned before = format->shards;
    format->shards = before ? before : tier->shard_count; /* it is not known, and not needed any more */
    format->moving = tier->shard_count;
    status = jsonl_format_write(tier, format, error);
    if (!status)
        status = move_all(tier, format, error);
    if (!status)
        tier->host->log(tier->host, PXT_LOG_NOTICE, "folder %s now has %u shards: %llu lines were rewritten",
                        tier->folder, tier->shard_count, (unsigned long long)work->lines);
    return status;
}

pxt_status jsonl_reshard(struct jsonl *tier, struct jsonl_format *format, struct pxt_error *error)
{
    struct rewriting work = {.tier = tier, .folder_fd = -1};
    pxt_status status = format->moving ? move_all(tier, format, error) : PXT_OK;
    if (status || format->shards == tier->shard_count)
        return status;
    status = open_old(&work, error);
    bool fits = !status && all_fit(&work);
    if (fits) {
        struct jsonl_format fitting = {.shards = tier->shard_count};
        status = jsonl_format_write(tier, &fitting, error);
        format->unwritten = status != PXT_OK;
    } else if (!status) {
        status = rewrite(&work, format, error);
    }
    close_old(&work, fits);
    return status;
}
