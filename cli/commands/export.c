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
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_CANNOT_CREATE = 73 };

static int cannot_write(const char *path, int reason, int exit_code)
{
    fprintf(stderr, "proxtier: cannot write %s: %s\n", path, strerror(reason));
    return exit_code;
}

/* Whether a whole new file may take the place of `path`: there is nothing yet, or a regular file that may be written.
 * Devices, FIFOs, symbolic links and read-only files stay what they are. */
static bool replaceable(const char *path)
{
    struct stat file;
    if (lstat(path, &file))
        return errno == ENOENT;
    return S_ISREG(file.st_mode) && (file.st_mode & 0222) && !faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
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

static int write_in_place(const struct invocation *invocation, pxt_cache *cache, const char *path, uint64_t *count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    return fd < 0 ? cannot_write(path, errno, EXIT_CANNOT_CREATE) : write_to(invocation, cache, fd, path, count);
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
    const char *path = invocation->count && strcmp(invocation->arguments[0], "-") ? invocation->arguments[0] : NULL;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!path)
        code = pxt_cache_export(cache, stdout, option(invocation, "reveal") != NULL, NULL, &error) ? fail(&error) : 0;
    else if (replaceable(path))
        code = write_and_rename(invocation, cache, path, &count);
    else
        code = write_in_place(invocation, cache, path, &count);
    pxt_cache_close(cache);
    if (path && !code)
        fprintf(stderr, "exported %llu\n", (unsigned long long)count);
    return finish_output(code);
}
