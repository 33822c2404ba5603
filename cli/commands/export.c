/* SPDX-License-Identifier: MIT
 *
 * export.c: proxtier export [FILE]
 */
#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_CANNOT_CREATE = 73 };

static int cannot_write(const char *path, int reason, int exit_code)
{
    fprintf(stderr, "proxtier: cannot write %s: %s\n", path, strerror(reason));
    return exit_code;
}

/* Returns the file that a whole new file may take the place of: `path`, or the regular file that the symbolic link `path`
 * leads to, as `real`. NULL: `path` has to be written in place. Devices, FIFOs, read-only files, and files in a folder
 * that may not be written to stay what they are. */
static const char *replaceable(const char *path, char real[PATH_MAX])
{
    struct stat file;
    const char *target = path;
    if (lstat(path, &file))
        return errno == ENOENT ? path : NULL;
    if (!realpath(path, real))
        return NULL;
    if (S_ISLNK(file.st_mode))
        target = real;
    if (stat(target, &file) || !S_ISREG(file.st_mode) || !(file.st_mode & 0222) ||
        faccessat(AT_FDCWD, target, W_OK, AT_EACCESS))
        return NULL;
    char folder[PATH_MAX];
    size_t length = (size_t)(strrchr(real, '/') - real);
    snprintf(folder, sizeof folder, "%.*s/", (int)length, real);
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) ? NULL : target;
}

/* Writes the export to `fd`, to its end and to disk, and closes it. 0, or an exit code with a message. */
static int write_to(const struct invocation *invocation, pxt_cache *cache, int fd, const char *path, uint64_t *count)
{
    struct pxt_error error;
    FILE *file = fdopen(fd, "w");
    if (!file) {
        int reason = errno;
        close(fd);
        return cannot_write(path, reason, EXIT_OUTPUT);
    }
    pxt_status status = pxt_cache_export(cache, file, option(invocation, "reveal") != NULL, count, &error);
    int reason = !status && fsync(fd) && errno != EINVAL && errno != EROFS ? errno : 0; /* a FIFO has no disk */
    if (fclose(file) && !reason)
        reason = errno;
    if (status)
        return fail(&error);
    if (reason)
        return cannot_write(path, reason, EXIT_OUTPUT);
    return 0;
}

/* Copies all of `from` to the start of `to`, and cuts off what `to` has behind that. False, with errno, on failure. */
static bool replace_content(int to, int from)
{
    char buffer[16384];
    off_t end = 0;
    ssize_t length, written = 0;
    while (written >= 0 && (length = pread(from, buffer, sizeof buffer, end)) > 0)
        for (ssize_t at = 0; at < length && (written = pwrite(to, buffer + at, (size_t)(length - at), end)) >= 0;
             at += written)
            end += written;
    bool done = written >= 0 && !length && !ftruncate(to, end) && (!fsync(to) || errno == EINVAL || errno == EROFS);
    int reason = errno;
    explicit_bzero(buffer, sizeof buffer); /* credentials, with --reveal */
    errno = reason;
    return done;
}

/* Writes the export to memory, and to the regular file `fd` when it is whole: on a failure the file keeps its content.
 * Closes `fd`. */
static int write_whole(const struct invocation *invocation, pxt_cache *cache, int fd, const char *path, uint64_t *count)
{
    int whole = memfd_create("export", MFD_CLOEXEC), copy = whole < 0 ? -1 : dup(whole);
    int code = copy < 0 ? cannot_write(path, errno, EXIT_OUTPUT) : write_to(invocation, cache, copy, path, count);
    if (!code && !replace_content(fd, whole))
        code = cannot_write(path, errno, EXIT_OUTPUT);
    if (whole >= 0)
        close(whole);
    close(fd);
    return code;
}

static int write_in_place(const struct invocation *invocation, pxt_cache *cache, const char *path, uint64_t *count)
{
    struct stat file;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return cannot_write(path, errno, EXIT_CANNOT_CREATE);
    if (!fstat(fd, &file) && S_ISREG(file.st_mode))
        return write_whole(invocation, cache, fd, path, count);
    return write_to(invocation, cache, fd, path, count);
}

/* Writes a file beside `path`, and renames it over `path` when it is whole. */
static int write_and_rename(const struct invocation *invocation, pxt_cache *cache, const char *path, uint64_t *count)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.new-XXXXXX", path) >= (int)sizeof temporary)
        return cannot_write(path, ENAMETOOLONG, EXIT_CANNOT_CREATE);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return cannot_write(temporary, errno, EXIT_CANNOT_CREATE);
    int code = write_to(invocation, cache, fd, path, count);
    if (!code && rename(temporary, path))
        code = cannot_write(path, errno, EXIT_OUTPUT);
    if (code)
        unlink(temporary);
    return code;
}

int run_export(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    uint64_t count = 0;
    int code;
    char real[PATH_MAX];
    const char *target,
        *path = invocation->count && strcmp(invocation->arguments[0], "-") ? invocation->arguments[0] : NULL;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!path)
        code = pxt_cache_export(cache, stdout, option(invocation, "reveal") != NULL, NULL, &error) ? fail(&error) : 0;
    else if ((target = replaceable(path, real)))
        code = write_and_rename(invocation, cache, target, &count);
    else
        code = write_in_place(invocation, cache, path, &count);
    pxt_cache_close(cache);
    if (path && !code)
        fprintf(stderr, "exported %llu\n", (unsigned long long)count);
    return finish_output(code);
}
