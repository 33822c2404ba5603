/* SPDX-License-Identifier: MIT
 *
 * page_older.c: programs before PATH.page had PATH.coherence: counters, and behind them bytes that they lock while they
 * write. They and this program must not write one store together.
 */
#include "base/fail.h"
#include "shared/page_layout.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The layout of that file, which changes no more. */
enum { OLDER_BYTES = (32768 + 16) * 4, OLDER_LOCKS = 33, ATTEMPTS = 100 };

static pxt_status busy(int code, const char *path, int64_t timeout_ms, struct pxt_error *error)
{
    if (code != ETIMEDOUT)
        return pxt_fail(error, pxt_status_of_errno(code), code, "cannot lock %s", path);
    return pxt_fail(error, PXT_EBUSY, 0,
                    "an older proxtier uses %s for longer than %lld ms: end it, or raise lock_timeout", path,
                    (long long)timeout_ms);
}

/* Takes one lock after the other: all at once might never be free. Closing the file releases them. */
static int take_locks(int fd, int64_t timeout_ms)
{
    int64_t deadline = pxt_clock_monotonic_ms() + timeout_ms;
    int code = 0;
    for (off_t i = 0; !code && i < OLDER_LOCKS; i++)
        code = pxt_page_lock_bytes(fd, F_WRLCK, OLDER_BYTES + i, 1, deadline - pxt_clock_monotonic_ms());
    return code;
}

/* A program that finds its file removed makes it anew, unless the folder is there first: then the caller tries again. */
static pxt_status replace(const char *path, int64_t timeout_ms, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? PXT_OK : pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", path);
    status = pxt_page_check_file(path, fd, error);
    int code = status ? 0 : take_locks(fd, timeout_ms);
    if (code)
        status = busy(code, path, timeout_ms, error);
    struct stat file, named;
    if (!status && !fstat(fd, &file) && !lstat(path, &named) && file.st_dev == named.st_dev &&
        file.st_ino == named.st_ino && (unlink(path) || mkdir(path, 0700)) && errno != EEXIST && errno != ENOENT)
        status = pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot replace %s by a folder", path);
    close(fd);
    return status;
}

pxt_status pxt_page_lock_out_older(const char *shared_path, int64_t timeout_ms, struct pxt_error *error)
{
    struct stat named;
    pxt_status status = PXT_OK;
    char *path = pxt_asprintf("%s.coherence", shared_path);
    if (!path)
        return pxt_fail_memory(error, "a path");
    int attempts = 0;
    while (!status && !lstat(path, &named) && S_ISREG(named.st_mode) && attempts++ < ATTEMPTS)
        status = replace(path, timeout_ms, error);
    if (!status && attempts > ATTEMPTS)
        status = busy(ETIMEDOUT, path, timeout_ms, error);
    pxt_free(path);
    return status;
}
