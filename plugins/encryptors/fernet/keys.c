/* SPDX-License-Identifier: MIT
 *
 * keys.c: where the keys come from. In this order: the systemd credential `fernet.key`, key_file, key_command,
 * the environment, and where none of these is given a key file that is made once. Key text is wiped as soon as it is
 * decoded, and named by its source only.
 */
#include "fernet.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_ROOM = 128 };

/* Decodes the key text of `source` and forgets it. */
static pxt_status set_key(struct fernet *fernet, struct fernet_key *key, char *text, size_t length, const char *source,
                          struct pxt_error *error)
{
    unsigned char bytes[TEXT_ROOM], digest[32];
    size_t decoded = 0;
    while (length && strchr("\r\n \t", text[length - 1]))
        length--;
    bool good =
        length == FERNET_KEY_TEXT && fernet_base64url_decode(text, length, bytes, &decoded) && decoded == FERNET_KEY;
    explicit_bzero(text, TEXT_ROOM);
    if (good) {
        memcpy(key->bytes, bytes, FERNET_KEY);
        key->present = true;
        gcry_md_hash_buffer(GCRY_MD_SHA256, digest, bytes, FERNET_KEY);
        for (int i = 0; i < 8; i++)
            snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
    }
    explicit_bzero(bytes, sizeof bytes);
    return good ? PXT_OK
                : fernet->host->fail(fernet->host, error, PXT_ECONFIG, 0,
                                     "%s does not hold a Fernet key (44 characters, base64url of 32 bytes): make one "
                                     "with `proxtier keygen`",
                                     source);
}

/* `managed`: who may read the file is looked after by what made it. systemd lets a service read its credentials by an access
 * control list, whose mask looks like permissions of the group. */
static pxt_status check_key_file(struct fernet *fernet, int fd, const char *path, bool managed, struct pxt_error *error)
{
    const struct pxt_host *host = fernet->host;
    struct stat file;
    if (fstat(fd, &file))
        return host->fail(host, error, PXT_EIO, errno, "cannot examine key file %s", path);
    if (!S_ISREG(file.st_mode))
        return host->fail(host, error, PXT_EACCES, 0, "key file %s is not a regular file", path);
    if (managed)
        return PXT_OK;
    bool group = host->file_mode & 060; /* the file is another member's, or root's */
    if (file.st_uid != geteuid() && file.st_uid != 0 && !group)
        return host->fail(host, error, PXT_EACCES, 0, "key file %s belongs to another user: chown it", path);
    if (file.st_mode & (group ? 07 : 077))
        return host->fail(host, error, PXT_EACCES, 0, "key file %s can be read or written by others: chmod %o %s", path,
                          host->file_mode, path);
    return PXT_OK;
}

static pxt_status read_all(struct fernet *fernet, int fd, char text[TEXT_ROOM], size_t *length, const char *source,
                           struct pxt_error *error)
{
    *length = 0;
    for (;;) {
        ssize_t n = read(fd, text + *length, TEXT_ROOM - *length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fernet->host->fail(fernet->host, error, PXT_EIO, errno, "cannot read %s", source);
        if (!n)
            return PXT_OK;
        *length += (size_t)n;
        if (*length == TEXT_ROOM)
            return PXT_OK; /* far too long for a key: refused when it is decoded */
    }
}

static pxt_status read_key_file(struct fernet *fernet, struct fernet_key *key, const char *path, bool managed,
                                struct pxt_error *error)
{
    const struct pxt_host *host = fernet->host;
    char text[TEXT_ROOM], source[PATH_MAX + 16];
    size_t length;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return host->fail(host, error, errno == ENOENT ? PXT_ECONFIG : host->status_of_errno(errno), errno,
                          "cannot open key file %s", path);
    snprintf(source, sizeof source, "key file %s", path);
    pxt_status status = check_key_file(fernet, fd, path, managed, error);
    if (!status)
        status = read_all(fernet, fd, text, &length, source, error);
    close(fd);
    return status ? status : set_key(fernet, key, text, length, source, error);
}

static pxt_status key_from_file(struct fernet *fernet, struct fernet_key *key, const char *path,
                                struct pxt_error *error)
{
    return read_key_file(fernet, key, path, false, error);
}

static pxt_status key_from_env(struct fernet *fernet, struct fernet_key *key, const char *name, struct pxt_error *error)
{
    char text[TEXT_ROOM], source[256];
    const char *value = secure_getenv(name);
    size_t length = strlen(value);
    snprintf(source, sizeof source, "environment variable %s", name);
    if (length >= TEXT_ROOM)
        length = TEXT_ROOM - 1;
    memcpy(text, value, length);
    return set_key(fernet, key, text, length, source, error);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads the output of the command until its end, or until no key is that long. False if the deadline is over. */
static bool read_output(int fd, char text[TEXT_ROOM], size_t *length, int64_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    *length = 0;
    while (*length < TEXT_ROOM) {
        int64_t left = deadline - monotonic_ms();
        int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (!ready)
            return false;
        ssize_t n = ready > 0 ? read(fd, text + *length, TEXT_ROOM - *length) : -1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        *length += (size_t)n;
    }
    return true;
}

/* Waits for the end of the command, which may have closed its output long before. False if the deadline is over. */
static bool wait_for_end(pid_t child, int *state, int64_t deadline)
{
    for (;;) {
        pid_t ended = waitpid(child, state, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return true;
        if (monotonic_ms() >= deadline)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static pxt_status read_command(struct fernet *fernet, pid_t child, int fd, char text[TEXT_ROOM], size_t *length,
                               int64_t timeout_ms, struct pxt_error *error)
{
    const struct pxt_host *host = fernet->host;
    int state = 0;
    int64_t deadline = monotonic_ms() + timeout_ms;
    if (!read_output(fd, text, length, deadline) || !wait_for_end(child, &state, deadline)) {
        kill(child, SIGKILL);
        while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
        }
        return host->fail(host, error, PXT_EBUSY, 0,
                          "key_command did not end within %lld ms: look for what it waits for, or raise "
                          "key_command_timeout",
                          (long long)timeout_ms);
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state))
        return host->fail(host, error, PXT_ECONFIG, 0, "key_command failed with status %d",
                          WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state));
    return PXT_OK;
}

static pxt_status key_from_command(struct fernet *fernet, struct fernet_key *key, const char *command,
                                   int64_t timeout_ms, struct pxt_error *error)
{
    extern char **environ;
    const struct pxt_host *host = fernet->host;
    char text[TEXT_ROOM], *end;
    size_t length = 0;
    int pipes[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    char shell[] = "/bin/sh", flag[] = "-c";
    char *copy = strdup(command);
    char *arguments[] = {shell, flag, copy, NULL};
    if (!copy || pipe2(pipes, O_CLOEXEC)) {
        free(copy);
        return host->fail(host, error, PXT_ENOMEM, errno, "cannot run key_command");
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    int code = posix_spawn(&child, shell, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    free(copy);
    pxt_status status = code ? host->fail(host, error, PXT_ECONFIG, code, "cannot run key_command")
                             : read_command(fernet, child, pipes[0], text, &length, timeout_ms, error);
    close(pipes[0]);
    if (status) {
        explicit_bzero(text, sizeof text);
        return status;
    }
    end = memchr(text, '\n', length);
    return set_key(fernet, key, text, end ? (size_t)(end - text) : length, "the output of key_command", error);
}

/* ---- the key file that is made once --------------------------------------------------------------------------- */

static pxt_status write_new_key(struct fernet *fernet, int fd, const char *path, struct pxt_error *error)
{
    unsigned char bytes[FERNET_KEY];
    char text[FERNET_KEY_TEXT + 1];
    bool good = getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes;
    if (good) {
        fernet_base64url_encode(bytes, sizeof bytes, text);
        text[FERNET_KEY_TEXT] = '\n';
        good =
            write(fd, text, sizeof text) == (ssize_t)sizeof text && !fchmod(fd, fernet->host->file_mode) && !fsync(fd);
    }
    int code = errno;
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(text, sizeof text);
    return good ? PXT_OK
                : fernet->host->fail(fernet->host, error, fernet->host->status_of_errno(code), code,
                                     "cannot write key file %s", path);
}

static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* Written under another name and linked: of two processes that do this at once one wins, and both then read that. */
static pxt_status make_key_file(struct fernet *fernet, const char *path, struct pxt_error *error)
{
    const struct pxt_host *host = fernet->host;
    char folder[PATH_MAX], temporary[PATH_MAX + 32];
    const char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) >= sizeof folder || slash == path)
        return host->fail(host, error, PXT_ECONFIG, 0, "auto_key_file %s is not an absolute path", path);
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    pxt_status status = host->prepare_folder(host, folder, error);
    if (status)
        return status;
    snprintf(temporary, sizeof temporary, "%s.new-%ld", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return host->fail(host, error, host->status_of_errno(errno), errno, "cannot make key file %s", temporary);
    status = write_new_key(fernet, fd, path, error);
    close(fd);
    if (!status && link(temporary, path) && errno != EEXIST)
        status = host->fail(host, error, host->status_of_errno(errno), errno, "cannot make key file %s", path);
    else if (!status)
        host->log(host, PXT_LOG_NOTICE, "made key file %s: keep a copy; without it stored credentials are lost", path);
    unlink(temporary);
    sync_folder(folder);
    return status;
}

/* A key that was made before the pool became a group's. */
static void give_to_group(const struct pxt_host *host, const char *path)
{
    struct stat file;
    if ((host->file_mode & 060) && !lstat(path, &file) && S_ISREG(file.st_mode) && file.st_uid == geteuid() &&
        (file.st_mode & 0777) != host->file_mode && chmod(path, host->file_mode))
        host->log(host, PXT_LOG_WARNING, "cannot give key file %s to its group: chmod %o it", path, host->file_mode);
}

static pxt_status key_made_once(struct fernet *fernet, const char *path, struct pxt_error *error)
{
    if (access(path, F_OK)) {
        pxt_status status = make_key_file(fernet, path, error);
        if (status)
            return status;
    }
    give_to_group(fernet->host, path);
    return key_from_file(fernet, &fernet->key[0], path, error);
}

/* ---- all sources ------------------------------------------------------------------------------------------------ */

static bool credential_path(const char *name, char path[PATH_MAX])
{
    const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
    if (!folder || snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        return false;
    return !access(path, R_OK);
}

static bool in_environment(const char *name)
{
    const char *value = name ? secure_getenv(name) : NULL;
    return value && *value;
}

static pxt_status find_previous(struct fernet *fernet, const struct pxt_settings *settings, struct pxt_error *error)
{
    char path[PATH_MAX];
    const char *file = fernet->host->setting_text(settings, "previous_key_file");
    const char *env = fernet->host->setting_text(settings, "previous_key_env");
    if (credential_path("fernet-previous.key", path))
        return read_key_file(fernet, &fernet->key[1], path, true, error);
    if (file)
        return key_from_file(fernet, &fernet->key[1], file, error);
    if (in_environment(env))
        return key_from_env(fernet, &fernet->key[1], env, error);
    return PXT_OK;
}

pxt_status fernet_find_keys(struct fernet *fernet, const struct pxt_settings *settings, struct pxt_error *error)
{
    char path[PATH_MAX];
    const struct pxt_host *host = fernet->host;
    const char *file = host->setting_text(settings, "key_file");
    const char *command = host->setting_text(settings, "key_command");
    const char *env = host->setting_text(settings, "key_env");
    pxt_status status;
    if (credential_path("fernet.key", path))
        status = read_key_file(fernet, &fernet->key[0], path, true, error);
    else if (file)
        status = key_from_file(fernet, &fernet->key[0], file, error);
    else if (command)
        status = key_from_command(fernet, &fernet->key[0], command,
                                  host->setting_number(settings, "key_command_timeout") / 1000, error);
    else if (in_environment(env))
        status = key_from_env(fernet, &fernet->key[0], env, error);
    else
        status = key_made_once(fernet, host->setting_text(settings, "auto_key_file"), error);
    return status ? status : find_previous(fernet, settings, error);
}
