/* SPDX-License-Identifier: MIT
 *
 * record_file.c: the file PATH.record, for tiers that do not keep a record with their entries.
 */
#include "base/fail.h"
#include "shared/page_layout.h"
#include "shared/record.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pxt_status io_failed(const char *what, const char *path, struct pxt_error *error)
{
    return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot %s %s", what, path);
}

/* Reads at most `size` bytes; -1: errno. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got && used < size) {
        got = read(fd, buffer + used, size - used);
        if (got < 0 && errno != EINTR)
            return -1;
        used += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)used;
}

static pxt_status read_record(const char *path, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? PXT_NOT_FOUND : io_failed("open", path, error);
    pxt_status status = pxt_page_check_file(path, fd, error);
    ssize_t got = status ? 0 : read_all(fd, text, PXT_RECORD_MAX + 1);
    if (got < 0)
        status = io_failed("read", path, error);
    else if (!status && (got > PXT_RECORD_MAX || memchr(text, '\0', (size_t)got)))
        status = pxt_fail(error, PXT_ECORRUPT, 0, "%s is damaged", path);
    text[status ? 0 : got] = '\0';
    close(fd);
    return status;
}

pxt_status pxt_record_file_get(const char *shared_path, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    char *path = pxt_asprintf("%s.record", shared_path);
    pxt_status status = path ? read_record(path, text, error) : pxt_fail_memory(error, "a path");
    pxt_free(path);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* Syncs the folder of `path`: only then the new name survives loss of power. */
static pxt_status sync_folder(const char *path, struct pxt_error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? pxt_strndup(path, (size_t)(slash - path) + 1) : pxt_strdup(".");
    if (!folder)
        return pxt_fail_memory(error, "a path");
    pxt_status status = PXT_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        status = io_failed("sync", folder, error);
    if (fd >= 0)
        close(fd);
    pxt_free(folder);
    return status;
}

static bool write_all(int fd, const char *text, size_t length)
{
    while (length) {
        ssize_t put = write(fd, text, length);
        if (put < 0 && errno != EINTR)
            return false;
        text += put > 0 ? put : 0;
        length -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* `temporary` ends with XXXXXX. */
static pxt_status write_record(const char *path, char *temporary, const char *text, struct pxt_error *error)
{
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return io_failed("make", temporary, error);
    pxt_status status = pxt_page_check_file(temporary, fd, error); /* gives it its mode */
    if (!status && (!write_all(fd, text, strlen(text)) || fsync(fd)))
        status = io_failed("write", temporary, error);
    if (close(fd) && !status)
        status = io_failed("write", temporary, error);
    if (!status && rename(temporary, path))
        status = io_failed("replace", path, error);
    if (status)
        unlink(temporary);
    return status ? status : sync_folder(path, error);
}

pxt_status pxt_record_file_put(const char *shared_path, const char *text, struct pxt_error *error)
{
    if (strlen(text) > PXT_RECORD_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "a record of more than %d bytes", PXT_RECORD_MAX);
    char *path = pxt_asprintf("%s.record", shared_path), *temporary = pxt_asprintf("%s.record.XXXXXX", shared_path);
    pxt_status status =
        path && temporary ? write_record(path, temporary, text, error) : pxt_fail_memory(error, "a path");
    pxt_free(path);
    pxt_free(temporary);
    return status;
}
