/* SPDX-License-Identifier: MIT
 *
 * replace.c: puts another file in the place of a shard's log. Other processes know a log by its inode, so that a log that
 * is emptied or cut must become another file: by its size alone it could not be told from the old one, once it has
 * grown again.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY = 64 * 1024 };

/* ProxyWhirl's own new file is shard_NN.tmp: this name is another one. */
static void name_of_new(const struct jsonl_shard *shard, char name[JSONL_NAME])
{
    jsonl_shard_name(shard, "compact", name);
}

/* Gives the new file the owner and the mode of the log, as far as this user may. */
static void keep_owner(const struct jsonl *tier, const struct jsonl_shard *shard, int fd)
{
    struct stat old, new;
    if (!tier->compatible || shard->log < 0 || fstat(shard->log, &old) || fstat(fd, &new))
        return;
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) && fchown(fd, old.st_uid, old.st_gid) &&
        fchown(fd, (uid_t)-1, old.st_gid))
        old.st_mode &= ~(mode_t)060; /* the group would be another one */
    fchmod(fd, old.st_mode & 0777);
}

pxt_status jsonl_replace_open(struct jsonl *tier, struct jsonl_shard *shard, int *fd, struct pxt_error *error)
{
    char temporary[JSONL_NAME];
    name_of_new(shard, temporary);
    unlinkat(tier->folder_fd, temporary, 0);
    *fd = openat(tier->folder_fd, temporary, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd >= 0) {
        jsonl_set_mode(tier, *fd);
        keep_owner(tier, shard, *fd);
        return PXT_OK;
    }
    return tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno, "cannot make %s/%s",
                            tier->folder, temporary);
}

void jsonl_replace_abandon(struct jsonl *tier, struct jsonl_shard *shard, int fd)
{
    char temporary[JSONL_NAME];
    name_of_new(shard, temporary);
    close(fd);
    unlinkat(tier->folder_fd, temporary, 0);
}

pxt_status jsonl_replace_log(struct jsonl *tier, struct jsonl_shard *shard, int fd, struct pxt_error *error)
{
    char temporary[JSONL_NAME];
    struct stat file;
    name_of_new(shard, temporary);
    if (fsync(fd) || fstat(fd, &file) || renameat(tier->folder_fd, temporary, tier->folder_fd, shard->log_name))
        return tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno,
                                "cannot replace %s/%s; the old one stays", tier->folder, shard->log_name);
    shard->name_in_doubt = fsync(tier->folder_fd) != 0;
    close(shard->log);
    shard->log = fd;
    shard->device = file.st_dev;
    shard->inode = file.st_ino;
    shard->links = file.st_nlink;
    return PXT_OK;
}

pxt_status jsonl_replace_remove(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    if (unlinkat(tier->folder_fd, shard->log_name, 0) && errno != ENOENT)
        return tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno, "cannot empty %s/%s",
                                tier->folder, shard->log_name);
    close(shard->log);
    shard->log = -1;
    return PXT_OK;
}

static bool copy(int from, int to, off_t end)
{
    char buffer[COPY];
    for (off_t at = 0; at < end;) {
        size_t wanted = end - at < COPY ? (size_t)(end - at) : COPY;
        ssize_t n = pread(from, buffer, wanted, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || write(to, buffer, (size_t)n) != n)
            return false;
        at += n;
    }
    return true;
}

/* Makes the log a new file of the first `end` bytes. */
static bool cut(struct jsonl *tier, struct jsonl_shard *shard, off_t end)
{
    if (!end) {
        bool removed = jsonl_replace_remove(tier, shard, NULL) == PXT_OK;
        if (removed && tier->full_sync)
            fsync(tier->folder_fd); /* if it fails, the lines may stay: the caller fails, and promised nothing */
        return removed;
    }
    int fd;
    if (jsonl_replace_open(tier, shard, &fd, NULL))
        return false;
    bool good = copy(shard->log, fd, end) && jsonl_replace_log(tier, shard, fd, NULL) == PXT_OK;
    if (!good)
        jsonl_replace_abandon(tier, shard, fd);
    return good;
}

/* Writes newlines over all bytes from `begin` on: empty lines do not count. Needs no room on the disk. */
static bool blank(struct jsonl *tier, struct jsonl_shard *shard, off_t begin)
{
    char newlines[4096];
    struct stat file;
    memset(newlines, '\n', sizeof newlines);
    int fd = openat(tier->folder_fd, shard->log_name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW); /* pwrite() obeys O_APPEND */
    bool good = fd >= 0 && !fstat(fd, &file);
    for (off_t at = begin; good && at < file.st_size;) {
        size_t wanted = file.st_size - at < (off_t)sizeof newlines ? (size_t)(file.st_size - at) : sizeof newlines;
        ssize_t n = pwrite(fd, newlines, wanted, at);
        good = n > 0;
        at += n;
    }
    if (fd >= 0)
        close(fd);
    return good;
}

void jsonl_replace_take_back(struct jsonl *tier, struct jsonl_shard *shard, off_t end)
{
    if (cut(tier, shard, end) || blank(tier, shard, end) || !ftruncate(shard->log, end))
        return;
    tier->host->log(tier->host, PXT_LOG_ERROR, "cannot take back lines of %s/%s: %s", tier->folder, shard->log_name,
                    strerror(errno));
}
