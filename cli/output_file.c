/* SPDX-License-Identifier: MIT
 *
 * output_file.c: writes a file so that no half of it is ever there: a new one beside it is renamed over it.
 */
#include "output_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct output {
    const char *path;
    output_fn *write;
    void *arg;
};

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

/* Writes the content to `fd`, to its end and to disk, and closes it. 0, or an exit code with a message. */
static int write_to(const struct output *output, int fd)
{
    FILE *file = fdopen(fd, "w");
    if (!file) {
        int reason = errno;
        close(fd);
        return cannot_write(output->path, reason, EXIT_OUTPUT);
    }
    int code = output->write(output->arg, file);
    int reason = !code && fflush(file) ? errno : 0;
    if (!code && !reason && fsync(fd) && errno != EINVAL && errno != EROFS) /* a FIFO has no disk */
        reason = errno;
    if (fclose(file) && !reason)
        reason = errno;
    return code || !reason ? code : cannot_write(output->path, reason, EXIT_OUTPUT);
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

/* Writes to memory, and to the regular file `fd` when it is whole: on a failure the file keeps its content.
 * Closes `fd`. */
static int write_whole(const struct output *output, int fd)
{
    int whole = memfd_create("output", MFD_CLOEXEC), copy = whole < 0 ? -1 : dup(whole);
    int code = copy < 0 ? cannot_write(output->path, errno, EXIT_OUTPUT) : write_to(output, copy);
    if (!code && !replace_content(fd, whole))
        code = cannot_write(output->path, errno, EXIT_OUTPUT);
    if (whole >= 0)
        close(whole);
    close(fd);
    return code;
}

static int write_in_place(const struct output *output)
{
    struct stat file;
    int fd = open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return cannot_write(output->path, errno, EXIT_CANNOT_CREATE);
    if (!fstat(fd, &file) && S_ISREG(file.st_mode))
        return write_whole(output, fd);
    return write_to(output, fd);
}

/* So that the new name survives loss of power. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES; /* a folder that may be written to, and not read */
    bool done = !fsync(fd) || errno == EINVAL || errno == EROFS;
    int reason = errno;
    close(fd);
    errno = reason;
    return done;
}

/* Writes a file beside it, and renames it over the old one when it is whole. */
static int write_and_rename(const struct output *output)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.new-XXXXXX", output->path) >= (int)sizeof temporary)
        return cannot_write(output->path, ENAMETOOLONG, EXIT_CANNOT_CREATE);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return cannot_write(temporary, errno, EXIT_CANNOT_CREATE);
    int code = write_to(output, fd);
    if (!code && (rename(temporary, output->path) || !sync_folder(output->path)))
        code = cannot_write(output->path, errno, EXIT_OUTPUT);
    if (code)
        unlink(temporary);
    return code;
}

int output_file(const char *path, output_fn *write, void *arg)
{
    char real[PATH_MAX];
    if (!path || !strcmp(path, "-"))
        return write(arg, stdout);
    const char *target = replaceable(path, real);
    struct output output = {target ? target : path, write, arg};
    return target ? write_and_rename(&output) : write_in_place(&output);
}
