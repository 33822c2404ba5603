/* SPDX-License-Identifier: MIT
 *
 * record.c: record_get and record_put of l2_jsonl: a text of the core in the file proxtier.record of the folder.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "proxtier.record", new_name[] = "proxtier.record.new";

pxt_status jsonl_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct jsonl *tier = self;
    const struct pxt_host *host = tier->host;
    size_t length = 0;
    ssize_t n = 1;
    int fd = openat(tier->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return PXT_NOT_FOUND;
    if (fd >= 0)
        jsonl_set_mode(tier, fd);
    while (fd >= 0 && n && length < PXT_RECORD_MAX) {
        n = read(fd, text + length, PXT_RECORD_MAX - length);
        if (n < 0 && errno != EINTR)
            break;
        length += n > 0 ? (size_t)n : 0;
    }
    int code = errno;
    text[length] = '\0';
    if (fd >= 0)
        close(fd);
    return fd >= 0 && n >= 0
               ? PXT_OK
               : host->fail(host, error, host->status_of_errno(code), code, "cannot read %s/%s", tier->folder, name);
}

/* Opens the new file with its lock, so that two processes do not write to one; -1 on failure. */
static int open_new(struct jsonl *tier)
{
    for (;;) {
        struct stat open_one, named;
        int fd = openat(tier->folder_fd, new_name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, tier->file_mode);
        if (fd < 0)
            return -1;
        jsonl_set_mode(tier, fd);
        bool good = !flock(fd, LOCK_EX) && !fstat(fd, &open_one);
        if (good && !fstatat(tier->folder_fd, new_name, &named, AT_SYMLINK_NOFOLLOW) &&
            named.st_ino == open_one.st_ino && named.st_dev == open_one.st_dev)
            return fd;
        int code = errno;
        close(fd);
        errno = code;
        if (!good && code != EINTR)
            return -1;
    }
}

pxt_status jsonl_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct jsonl *tier = self;
    const struct pxt_host *host = tier->host;
    size_t length = strlen(text);
    if (length > PXT_RECORD_MAX)
        return host->fail(host, error, PXT_EINVAL, 0, "a record of more than %d bytes", PXT_RECORD_MAX);
    int fd = open_new(tier);
    bool good = fd >= 0 && !ftruncate(fd, 0);
    if (good) {
        ssize_t n = write(fd, text, length);
        if (n >= 0 && n < (ssize_t)length)
            errno = ENOSPC; /* a short write is a disk that is full */
        good = n == (ssize_t)length && !fsync(fd) && !renameat(tier->folder_fd, new_name, tier->folder_fd, name) &&
               !fsync(tier->folder_fd);
    }
    int code = errno;
    if (fd >= 0)
        close(fd);
    return good ? PXT_OK
                : host->fail(host, error, host->status_of_errno(code), code, "cannot write %s/%s", tier->folder, name);
}
