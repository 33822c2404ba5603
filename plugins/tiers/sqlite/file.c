/* SPDX-License-Identifier: MIT
 *
 * file.c: the database file from the outside: safe to use, private, and out of the way when it is damaged.
 *
 * A database file that this process has open through SQLite must never be opened and closed here: closing any
 * descriptor of a file drops all POSIX locks that the process holds on it. Hence lstat and chmod by path; the folder,
 * which only this user may write to, keeps others from swapping names.
 */
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const companions[] = {"-wal", "-shm", ""}; /* the database last: see sqlite_file_move_aside() */
enum { COMPANIONS = 3, NAME_ROOM = 64 };

static pxt_status fail_file(struct store *store, struct pxt_error *error, const char *path, const char *doing)
{
    int system_errno = errno;
    return store->host->fail(store->host, error, store->host->status_of_errno(system_errno), system_errno,
                             "cannot %s %s", doing, path);
}

/* Refuses a file that others may write to, and takes their reading rights from one that they may only read. */
static pxt_status check_file(struct store *store, const char *path, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    struct stat file;
    if (stat(path, &file))
        return errno == ENOENT ? PXT_OK : fail_file(store, error, path, "examine");
    if (!S_ISREG(file.st_mode))
        return host->fail(host, error, PXT_EACCES, 0, "%s is not a regular file: move it away", path);
    if (file.st_uid != geteuid() && file.st_uid != 0)
        return host->fail(host, error, PXT_EACCES, 0,
                          "%s belongs to user %lu, who could change it: use a file of your own", path,
                          (unsigned long)file.st_uid);
    if (file.st_mode & 022)
        return host->fail(host, error, PXT_EACCES, 0, "%s can be written by others (mode %04o): chmod go-w %s", path,
                          (unsigned)file.st_mode & 07777, path);
    if ((file.st_mode & 077) && file.st_uid == geteuid() && chmod(path, file.st_mode & 0700))
        return fail_file(store, error, path, "take the rights of others from");
    return PXT_OK;
}

static pxt_status make_file(struct store *store, struct pxt_error *error)
{
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? PXT_OK : fail_file(store, error, store->path, "make");
    /* The umask may have taken from the mode. SQLite gives -wal and -shm the mode of the database. */
    pxt_status status = fchmod(fd, 0600) ? fail_file(store, error, store->path, "set the mode of") : PXT_OK;
    close(fd);
    return status;
}

pxt_status sqlite_file_prepare(struct store *store, struct pxt_error *error)
{
    char *path = malloc(strlen(store->path) + NAME_ROOM);
    if (!path)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    pxt_status status = PXT_OK;
    for (int i = 0; i < COMPANIONS && !status; i++) {
        sprintf(path, "%s%s", store->path, companions[i]);
        status = check_file(store, path, error);
    }
    free(path);
    return status ? status : make_file(store, error);
}

pxt_status sqlite_file_lock(struct store *store, int *fd, struct pxt_error *error)
{
    const struct timespec pause = {0, 5 * 1000 * 1000};
    *fd = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return fail_file(store, error, store->folder, "open");
    for (int waited_ms = 0; flock(*fd, LOCK_EX | LOCK_NB); waited_ms += 5) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return PXT_OK; /* a file system without such locks: SQLite's own have to do */
        if (waited_ms > store->busy_ms) {
            close(*fd);
            *fd = -1;
            return sqlite_fail(store, NULL, SQLITE_BUSY, error, "open it");
        }
        nanosleep(&pause, NULL);
    }
    return PXT_OK;
}

void sqlite_file_remember(struct store *store)
{
    struct stat file;
    if (!stat(store->path, &file)) {
        store->device = file.st_dev;
        store->inode = file.st_ino;
    }
}

bool sqlite_file_is_ours(const struct store *store)
{
    struct stat file;
    return !stat(store->path, &file) && file.st_dev == store->device && file.st_ino == store->inode;
}

/* PATH.bad-YYYYMMDDTHHMMSSZ, with a number behind it if that name exists. */
static void aside_name(struct store *store, char *out)
{
    struct stat file;
    struct tm parts = {0};
    char stamp[32] = "";
    time_t seconds = (time_t)(store->host->now(store->host) / PXT_SECOND);
    if (gmtime_r(&seconds, &parts))
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &parts);
    int end = sprintf(out, "%s.bad-%s", store->path, stamp);
    for (unsigned n = 2; !lstat(out, &file) && n < 1000; n++)
        sprintf(out + end, "-%u", n);
}

pxt_status sqlite_file_move_aside(struct store *store, char **aside, struct pxt_error *error)
{
    size_t room = strlen(store->path) + NAME_ROOM;
    char *from = malloc(room), *to = malloc(room + NAME_ROOM), *target = malloc(room);
    pxt_status status = PXT_OK;
    *aside = NULL;
    if (!from || !to || !target) {
        status = store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    } else {
        aside_name(store, target);
        /* The log first: were the database gone and its log still there, the next one would be made from that log. */
        for (int i = 0; i < COMPANIONS && !status; i++) {
            sprintf(from, "%s%s", store->path, companions[i]);
            sprintf(to, "%s%s", target, companions[i]);
            if (rename(from, to) && errno != ENOENT)
                status = fail_file(store, error, from, "move aside the damaged file");
        }
    }
    free(from);
    free(to);
    if (status)
        free(target);
    else
        *aside = target;
    return status;
}
