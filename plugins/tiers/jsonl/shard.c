/* SPDX-License-Identifier: MIT
 *
 * shard.c: one shard's files: the log, and the file that writers lock. ProxyWhirl does not lock that file, but the log
 * itself while it reads it.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Returns MD5 of the key as a big-endian integer, modulo the number of shards: ProxyWhirl's choice. */
unsigned jsonl_shard_number(struct jsonl *tier, const struct pxt_key *key)
{
    unsigned char digest[16];
    unsigned rest = 0;
    jsonl_digest(tier, JSONL_MD5, key->text, key->length, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        rest = (rest << 8 | digest[i]) % tier->shard_count;
    return rest;
}

void jsonl_shard_close_files(struct jsonl_shard *shard)
{
    if (shard->log >= 0)
        close(shard->log);
    if (shard->lock_file >= 0)
        close(shard->lock_file);
    shard->log = shard->lock_file = -1;
}

void jsonl_set_mode(const struct jsonl *tier, int fd)
{
    struct stat file;
    if (!tier->compatible && !fstat(fd, &file) && (file.st_mode & 0777) != tier->file_mode)
        fchmod(fd, tier->file_mode);
}

int jsonl_open_file(const struct jsonl *tier, const char *name, int flags, mode_t mode)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    int fd = -1;
    for (int i = 0; (fd = openat(tier->folder_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, mode)) < 0; i++) {
        if (errno != EACCES || i == 100 || !(tier->file_mode & 020))
            return -1;
        nanosleep(&pause, NULL);
    }
    return fd;
}

static pxt_status open_log(struct jsonl *tier, struct jsonl_shard *shard, bool create, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    const char *name = shard->log_name;
    struct stat file;
    if (shard->log >= 0)
        close(shard->log);
    shard->log = jsonl_open_file(tier, name, O_RDWR | O_APPEND | (create ? O_CREAT : 0), tier->file_mode);
    if (shard->log < 0 && errno == ENOENT && !create)
        return PXT_OK;
    if (shard->log < 0)
        return host->fail(host, error, host->status_of_errno(errno), errno, "cannot open %s/%s", tier->folder, name);
    if (fstat(shard->log, &file))
        return host->fail(host, error, PXT_EIO, errno, "cannot examine %s/%s", tier->folder, name);
    bool group = tier->compatible || (tier->file_mode & 020);
    if (!S_ISREG(file.st_mode) || (file.st_mode & (group ? 002 : 022)))
        return host->fail(host, error, PXT_EACCES, 0, "%s/%s can be written by others: chmod %s it", tier->folder, name,
                          group ? "o-w" : "600");
    jsonl_set_mode(tier, shard->log);
    if (file.st_dev != shard->device || file.st_ino != shard->inode) {
        jsonl_damage_clear(shard);
        shard->name_in_doubt = true; /* another process may have made it without forcing its name to disk */
    }
    shard->device = file.st_dev;
    shard->inode = file.st_ino;
    shard->links = file.st_nlink;
    shard->changed = file.st_ctim;
    return PXT_OK;
}

pxt_status jsonl_shard_reindex(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error)
{
    struct stat file;
    jsonl_index_clear(tier, shard);
    pxt_status status = open_log(tier, shard, false, error);
    if (status || shard->log < 0)
        return status;
    if (fstat(shard->log, &file))
        return tier->host->fail(tier->host, error, PXT_EIO, errno, "cannot examine a shard of %s", tier->folder);
    return jsonl_shard_scan(tier, shard, file.st_size, locked, error);
}

/* Uses fstat() on the open file instead of fstatat(): it takes a third of the time. A replaced or removed log shows as a
 * changed link count or ctime. A write of this process changes ctime too, so the next call falls through to fstatat()
 * once. */
static bool unchanged(const struct jsonl_shard *shard)
{
    struct stat file;
    return shard->log >= 0 && !fstat(shard->log, &file) && file.st_nlink && file.st_nlink == shard->links &&
           file.st_size == shard->indexed && file.st_ctim.tv_sec == shard->changed.tv_sec &&
           file.st_ctim.tv_nsec == shard->changed.tv_nsec;
}

pxt_status jsonl_shard_refresh(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error)
{
    const char *name = shard->log_name;
    struct stat file;
    if (!locked && unchanged(shard))
        return PXT_OK;
    if (fstatat(tier->folder_fd, name, &file, AT_SYMLINK_NOFOLLOW)) {
        if (errno != ENOENT)
            return tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno,
                                    "cannot examine %s/%s", tier->folder, name);
        if (shard->log >= 0) { /* the log was removed */
            jsonl_index_clear(tier, shard);
            jsonl_damage_clear(shard);
            close(shard->log);
            shard->log = -1;
        }
        return PXT_OK;
    }
    shard->links = file.st_nlink;
    shard->changed = file.st_ctim;
    bool same = shard->log >= 0 && file.st_ino == shard->inode && file.st_dev == shard->device;
    if (same && file.st_size == shard->indexed)
        return PXT_OK;
    if (same && file.st_size > shard->indexed)
        return jsonl_shard_scan(tier, shard, file.st_size, locked, error);
    return jsonl_shard_reindex(tier, shard, locked, error);
}

static pxt_status open_lock(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    const char *name = shard->lock_name;
    struct stat file;
    if (shard->lock_file >= 0)
        return PXT_OK;
    shard->lock_file = jsonl_open_file(tier, name, O_RDWR | O_CREAT, 0600);
    if (shard->lock_file >= 0)
        jsonl_set_mode(tier, shard->lock_file);
    if (shard->lock_file >= 0 && !fstat(shard->lock_file, &file)) {
        shard->lock_device = file.st_dev;
        shard->lock_inode = file.st_ino;
        return PXT_OK;
    }
    return tier->host->fail(tier->host, error, tier->host->status_of_errno(errno), errno, "cannot open %s/%s",
                            tier->folder, name);
}

int64_t jsonl_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool jsonl_flock(int fd, int operation, int64_t timeout)
{
    int64_t deadline = 0;
    for (long wait_us = 50; flock(fd, operation | LOCK_NB);) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        int64_t now = jsonl_monotonic_us();
        deadline = deadline ? deadline : now + timeout;
        if (now >= deadline) {
            errno = EWOULDBLOCK;
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
        wait_us = wait_us * 2 > 10000 ? 10000 : wait_us * 2;
    }
    return true;
}

/* Waits for the lock of the open lock file. */
static pxt_status wait_for_lock(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    if (jsonl_flock(shard->lock_file, LOCK_EX, tier->lock_timeout))
        return PXT_OK;
    if (errno != EWOULDBLOCK)
        return tier->host->fail(tier->host, error, PXT_EIO, errno, "cannot lock %s/shard_%02u.lock", tier->folder,
                                shard->number);
    return tier->host->fail(
        tier->host, error, PXT_EBUSY, 0,
        "another process holds %s/shard_%02u.lock for longer than lock_timeout: look for one that is "
        "stopped",
        tier->folder, shard->number);
}

/* Tells whether the open lock file is the one that other processes open. */
static bool lock_file_is_current(const struct jsonl *tier, const struct jsonl_shard *shard)
{
    struct stat named;
    return !fstatat(tier->folder_fd, shard->lock_name, &named, AT_SYMLINK_NOFOLLOW) &&
           named.st_dev == shard->lock_device && named.st_ino == shard->lock_inode;
}

/* Takes the lock in the file that other processes use: not in one that was removed, moved away or replaced since it was
 * opened. */
static pxt_status take_lock(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    for (int tries = 0;; tries++) {
        pxt_status status = open_lock(tier, shard, error);
        if (!status)
            status = wait_for_lock(tier, shard, error);
        if (status || lock_file_is_current(tier, shard) || tries == 2) /* some file systems change their numbers */
            return status;
        close(shard->lock_file);
        shard->lock_file = -1;
    }
}

pxt_status jsonl_shard_lock_file(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error)
{
    pxt_status status = take_lock(tier, shard, error);
    if (status)
        return status;
    status = jsonl_shard_refresh(tier, shard, true, error);
    if (!status && shard->log < 0)
        status = open_log(tier, shard, true, error);
    if (status)
        jsonl_shard_unlock_file(shard);
    return status;
}

void jsonl_shard_unlock_file(struct jsonl_shard *shard)
{
    flock(shard->lock_file, LOCK_UN);
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
