/* SPDX-License-Identifier: MIT
 *
 * secret_source.c: reads the secret of an option from where its value says. It goes straight into locked memory.
 */
#include "settings/secret_source.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/paths.h"
#include "base/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMAND_MS = 10000, ROOM = PXT_SECRET_MAX + 2 }; /* room for a line break, and to see that it is too long */

/* The text behind the prefix of a source, or NULL. */
static const char *after(const char *source, const char *prefix)
{
    size_t length = strlen(prefix);
    return !strncmp(source, prefix, length) && source[length] ? source + length : NULL;
}

bool pxt_secret_source_is_good(const char *source)
{
    return after(source, "file:") || after(source, "env:") || after(source, "credential:") || after(source, "command:");
}

/* Reads until the end, or until the secret is too long. `deadline` in milliseconds; 0: none. False on an error (errno), or
 * if the deadline is over (ETIMEDOUT). */
static bool read_all(int fd, pxt_secret *secret, size_t *length, int64_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (*length < ROOM) {
        int64_t left = deadline ? deadline - pxt_clock_monotonic_ms() : 1;
        int ready = !deadline ? 1 : left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (!ready)
            errno = ETIMEDOUT;
        ssize_t n = ready > 0 ? read(fd, pxt_secret_bytes(secret) + *length, ROOM - *length) : -1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (!n)
            return true;
        *length += (size_t)n;
    }
    return true;
}

static pxt_status check_file(int fd, const char *path, bool managed, struct pxt_error *error)
{
    struct stat file;
    if (fstat(fd, &file))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", path);
    if (!S_ISREG(file.st_mode))
        return pxt_fail(error, PXT_EACCES, 0, "%s is not a regular file", path);
    if (managed)
        return PXT_OK;
    if (file.st_uid != geteuid() && file.st_uid != 0)
        return pxt_fail(error, PXT_EACCES, 0, "%s has a secret and belongs to another user: chown it", path);
    if (file.st_mode & 077)
        return pxt_fail(error, PXT_EACCES, 0, "%s has a secret and can be read or written by others: chmod 600 %s",
                        path, path);
    return PXT_OK;
}

/* `managed`: whoever made the file looks after who may read it. */
static pxt_status from_file(const char *path, bool managed, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return pxt_fail(error, errno == ENOENT ? PXT_ECONFIG : pxt_status_of_errno(errno), errno, "cannot open %s",
                        path);
    pxt_status status = check_file(fd, path, managed, error);
    if (!status && !read_all(fd, secret, length, 0))
        status = pxt_fail(error, PXT_EIO, errno, "cannot read %s", path);
    close(fd);
    return status;
}

static pxt_status from_user_file(const char *path, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    char *expanded = NULL;
    pxt_status status = pxt_path_expand(path, &expanded, error);
    if (!status)
        status = from_file(expanded, false, secret, length, error);
    pxt_free(expanded);
    return status;
}

static pxt_status from_environment(const char *name, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    const char *value = secure_getenv(name);
    if (!value)
        return pxt_fail(error, PXT_ECONFIG, 0, "the environment has no %s", name);
    *length = strnlen(value, ROOM);
    memcpy(pxt_secret_bytes(secret), value, *length);
    return PXT_OK;
}

static pxt_status from_credential(const char *name, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    char path[PATH_MAX];
    const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
    if (strchr(name, '/'))
        return pxt_fail(error, PXT_ECONFIG, 0, "a credential is named without a slash");
    if (!folder)
        return pxt_fail(error, PXT_ECONFIG, 0,
                        "there are no credentials: $CREDENTIALS_DIRECTORY is not set; see LoadCredential= in "
                        "systemd.exec(5)");
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return pxt_fail(error, PXT_ECONFIG, 0, "the name of the credential is too long");
    return from_file(path, true, secret, length, error);
}

/* Waits for the end of the command, which may have closed its output long before. False if the deadline is over. */
static bool wait_for_end(pid_t child, int *state, int64_t deadline)
{
    for (;;) {
        pid_t ended = waitpid(child, state, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return true;
        if (pxt_clock_monotonic_ms() >= deadline)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static pxt_status read_command(pid_t child, int fd, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    int state = 0;
    int64_t deadline = pxt_clock_monotonic_ms() + COMMAND_MS;
    if (!read_all(fd, secret, length, deadline) || !wait_for_end(child, &state, deadline)) {
        kill(child, SIGKILL);
        while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
        }
        return pxt_fail(error, PXT_EBUSY, 0, "its command did not end within %d s", COMMAND_MS / 1000);
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state))
        return pxt_fail(error, PXT_ECONFIG, 0, "its command failed with status %d",
                        WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state));
    return PXT_OK;
}

static pxt_status from_command(const char *command, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    extern char **environ;
    int pipes[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    char shell[] = "/bin/sh", flag[] = "-c";
    char *copy = pxt_strdup(command), *arguments[] = {shell, flag, copy, NULL};
    if (!copy || pipe2(pipes, O_CLOEXEC)) {
        int code = copy ? errno : ENOMEM;
        pxt_free(copy);
        return pxt_fail(error, pxt_status_of_errno(code), code, "its command cannot be run");
    }
    int code = posix_spawn_file_actions_init(&actions);
    if (!code) {
        code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (!code)
            code = posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
        if (!code)
            code = posix_spawn(&child, shell, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(pipes[1]);
    pxt_free(copy);
    pxt_status status = code ? pxt_fail(error, pxt_status_of_errno(code), code, "its command cannot be run")
                             : read_command(child, pipes[0], secret, length, error);
    close(pipes[0]);
    return status;
}

static pxt_status read_source(const char *source, pxt_secret *secret, size_t *length, struct pxt_error *error)
{
    const char *what;
    if ((what = after(source, "file:")))
        return from_user_file(what, secret, length, error);
    if ((what = after(source, "env:")))
        return from_environment(what, secret, length, error);
    if ((what = after(source, "credential:")))
        return from_credential(what, secret, length, error);
    if ((what = after(source, "command:")))
        return from_command(what, secret, length, error);
    return pxt_fail(error, PXT_ECONFIG, 0, "its source is none of file:, env:, credential: and command:");
}

pxt_status pxt_secret_source_read(const char *source, pxt_secret **out, struct pxt_error *error)
{
    size_t length = 0;
    pxt_secret *secret = pxt_secret_room(ROOM);
    if (!secret)
        return pxt_fail_memory(error, "a secret");
    pxt_status status = read_source(source, secret, &length, error);
    const char *bytes = pxt_secret_bytes(secret);
    if (!status && length && bytes[length - 1] == '\n')
        length--;
    if (!status && (!length || length > PXT_SECRET_MAX || memchr(bytes, '\0', length)))
        status = pxt_fail(error, PXT_ECONFIG, 0, "it is %s",
                          !length                   ? "empty"
                          : length > PXT_SECRET_MAX ? "longer than 4096 bytes"
                                                    : "binary: a secret has no NUL");
    if (status) {
        pxt_secret_free(secret);
        return status;
    }
    pxt_secret_set_length(secret, length);
    *out = secret;
    return PXT_OK;
}
