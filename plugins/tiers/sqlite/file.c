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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const companions[] = {"-wal", "-shm", ""}; /* the database last */
enum { COMPANIONS = 3, NAME_ROOM = 64 };

static pxt_status fail_file(struct store *store, struct pxt_error *error, const char *path, const char *doing)
{
    int system_errno = errno;
    return store->host->fail(store->host, error, store->host->status_of_errno(system_errno), system_errno,
                             "cannot %s %s", doing, path);
}

/* Whether a file belongs to the group of a pool that is a group's. */
static bool is_of_group(const struct store *store, const struct stat *file)
{
    struct stat folder;
    return (store->host->file_mode & 020) && !stat(store->folder, &folder) && file->st_gid == folder.st_gid;
}

/* Waits until a file has its mode that another member of the group is just making. */
static void wait_for_mode(const struct store *store, const char *path, struct stat *file)
{
    const struct timespec pause = {0, 5 * 1000 * 1000};
    for (int i = 0; i < 100 && is_of_group(store, file) && file->st_uid != geteuid() && (file->st_mode & 060) != 060;
         i++) {
        nanosleep(&pause, NULL);
        if (stat(path, file))
            return;
    }
}

/* Refuses a file that others may write to. */
static pxt_status check_file(struct store *store, const char *path, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    struct stat file;
    if (stat(path, &file))
        return errno == ENOENT ? PXT_OK : fail_file(store, error, path, "examine");
    if (!S_ISREG(file.st_mode))
        return host->fail(host, error, PXT_EACCES, 0, "%s is not a regular file: move it away", path);
    wait_for_mode(store, path, &file);
    bool group = is_of_group(store, &file);
    if (file.st_uid != geteuid() && file.st_uid != 0 && !group)
        return host->fail(host, error, PXT_EACCES, 0,
                          "%s belongs to user %lu, who could change it: use a file of your own", path,
                          (unsigned long)file.st_uid);
    group = group || store->compatible;
    if (file.st_mode & (group ? 002 : 022))
        return host->fail(host, error, PXT_EACCES, 0, "%s can be written by others (mode %04o): chmod %s-w %s", path,
                          (unsigned)file.st_mode & 07777, group ? "o" : "go", path);
    return PXT_OK;
}

/* Takes the reading rights of others, and gives the group of a pool its own. */
static pxt_status close_file(struct store *store, const char *path, struct pxt_error *error)
{
    struct stat file;
    if (stat(path, &file))
        return errno == ENOENT ? PXT_OK : fail_file(store, error, path, "examine");
    mode_t mode = is_of_group(store, &file) ? store->host->file_mode : file.st_mode & 0700;
    if ((file.st_mode & 0777) != mode && file.st_uid == geteuid() && chmod(path, mode))
        return fail_file(store, error, path, "set the mode of");
    return PXT_OK;
}

/* Gives a new file owner and mode of the database, as far as this user may, or without one the mode of the folder. */
static int make_like(const struct store *store, int fd)
{
    struct stat like;
    bool old = !stat(store->path, &like) && like.st_size;
    if (!old && stat(store->folder, &like))
        return -1;
    if (old && fchown(fd, like.st_uid, like.st_gid) && fchown(fd, (uid_t)-1, like.st_gid))
        like.st_mode &= ~(mode_t)060; /* the group would be another one */
    return fchmod(fd, like.st_mode & 0666);
}

static pxt_status make_file(struct store *store, const char *path, struct pxt_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? PXT_OK : fail_file(store, error, path, "make");
    /* The umask may have taken from the mode. SQLite gives -wal and -shm the mode of the database. */
    bool good = store->compatible ? !make_like(store, fd) : !fchmod(fd, store->host->file_mode);
    pxt_status status = !good ? fail_file(store, error, path, "set the mode of") : PXT_OK;
    close(fd);
    return status;
}

static pxt_status each_companion(struct store *store,
                                 pxt_status (*fn)(struct store *store, const char *path, struct pxt_error *error),
                                 struct pxt_error *error)
{
    char *path = malloc(strlen(store->path) + NAME_ROOM);
    if (!path)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    pxt_status status = PXT_OK;
    for (int i = 0; i < COMPANIONS && !status; i++) {
        sprintf(path, "%s%s", store->path, companions[i]);
        status = fn(store, path, error);
    }
    free(path);
    return status;
}

pxt_status sqlite_file_prepare(struct store *store, struct pxt_error *error)
{
    pxt_status status = each_companion(store, check_file, error);
    return status ? status : make_file(store, store->path, error);
}

pxt_status sqlite_file_close_to_others(struct store *store, struct pxt_error *error)
{
    return store->compatible ? PXT_OK : each_companion(store, close_file, error);
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

pxt_status sqlite_file_sync_folder(struct store *store, struct pxt_error *error)
{
    int fd = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pxt_status status = fd < 0 ? fail_file(store, error, store->folder, "open") : PXT_OK;
    if (fd >= 0 && fsync(fd) && errno != EINVAL) /* a file system that does not sync folders */
        status = fail_file(store, error, store->folder, "sync");
    if (fd >= 0)
        close(fd);
    return status;
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

void sqlite_file_remove_fresh(const char *fresh)
{
    char path[PATH_MAX + NAME_ROOM];
    for (int i = 0; i < COMPANIONS; i++)
        if (snprintf(path, sizeof path, "%s%s", fresh, companions[i]) < (int)sizeof path)
            unlink(path);
}

pxt_status sqlite_file_make_fresh(struct store *store, char **fresh, struct pxt_error *error)
{
    char *path = malloc(strlen(store->path) + NAME_ROOM);
    if (!path)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    sprintf(path, "%s.salvage", store->path);
    sqlite_file_remove_fresh(path);
    pxt_status status = make_file(store, path, error);
    if (status)
        free(path);
    else
        *fresh = path;
    return status;
}

/* ---- the replacement of the damaged database ----
 *
 * While it is under way the damaged database and its companions have the name PATH.salvage.old. The step that counts is
 * the rename of the new database to the path: if a process ends before it, the next open puts all back; if a process
 * ends behind it, the next open goes on. */

struct replacement {
    char *old, *from, *to; /* PATH.salvage.old, and room for two names */
};

static pxt_status begin_names(struct store *store, struct replacement *names, struct pxt_error *error)
{
    size_t room = strlen(store->path) + 3 * NAME_ROOM;
    *names = (struct replacement){malloc(room), malloc(room), malloc(room)};
    if (!names->old || !names->from || !names->to)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    sprintf(names->old, "%s.salvage.old", store->path);
    return PXT_OK;
}

static void end_names(struct replacement *names)
{
    free(names->old);
    free(names->from);
    free(names->to);
}

/* Renames the database, or a companion, if it is there. */
static pxt_status move_name(struct store *store, struct replacement *names, const char *from, const char *to,
                            const char *companion, struct pxt_error *error)
{
    sprintf(names->from, "%s%s", from, companion);
    sprintf(names->to, "%s%s", to, companion);
    if (rename(names->from, names->to) && errno != ENOENT)
        return fail_file(store, error, names->from, "move aside the damaged file");
    return PXT_OK;
}

/* Gives all three the name under which they are kept; the database, which tells that this is to be done, last. */
static pxt_status keep_aside(struct store *store, struct replacement *names, const char *aside, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (int i = 0; i < COMPANIONS && !status; i++)
        status = move_name(store, names, names->old, aside, companions[i], error);
    return status;
}

/* Puts the companions back, then the database. A companion that was made meanwhile stays. */
static pxt_status put_back(struct store *store, struct replacement *names, const char *aside, struct pxt_error *error)
{
    struct stat file;
    pxt_status status = PXT_OK;
    for (int i = COMPANIONS - 2; i >= 0 && !status; i--) {
        sprintf(names->to, "%s%s", store->path, companions[i]);
        bool taken = !lstat(names->to, &file);
        status = move_name(store, names, names->old, taken ? aside : store->path, companions[i], error);
    }
    if (!status && !lstat(store->path, &file))
        return unlink(names->old) && errno != ENOENT ? fail_file(store, error, names->old, "remove") : PXT_OK;
    return status ? status : move_name(store, names, names->old, store->path, "", error);
}

static bool is_under_way(struct replacement *names)
{
    struct stat file;
    bool found = false;
    for (int i = 0; i < COMPANIONS; i++) {
        sprintf(names->from, "%s%s", names->old, companions[i]);
        found |= !lstat(names->from, &file);
    }
    return found;
}

/* Whether the new database is at the path. */
static bool is_replaced(const struct store *store, const char *old)
{
    struct stat there, file;
    return !lstat(old, &file) && !lstat(store->path, &there) &&
           (file.st_ino != there.st_ino || file.st_dev != there.st_dev);
}

pxt_status sqlite_file_settle(struct store *store, struct pxt_error *error)
{
    struct replacement names;
    char *aside = malloc(strlen(store->path) + 2 * NAME_ROOM);
    pxt_status status = begin_names(store, &names, error);
    if (!status && !aside)
        status = store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    if (!status && is_under_way(&names)) {
        aside_name(store, aside);
        status = is_replaced(store, names.old) ? keep_aside(store, &names, aside, error)
                                               : put_back(store, &names, aside, error);
    }
    end_names(&names);
    free(aside);
    return status;
}

/* Up to the step that counts. */
static pxt_status put_in_place(struct store *store, struct replacement *names, const char *fresh,
                               struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    bool linked = !link(store->path, names->old); /* a second name; not all file systems have links */
    /* The log before the database: beside the new database it would be applied to that. */
    for (int i = 0; i < COMPANIONS - 1 && !status; i++)
        status = move_name(store, names, store->path, names->old, companions[i], error);
    if (!status && !linked)
        status = move_name(store, names, store->path, names->old, "", error);
    if (!status && rename(fresh, store->path))
        status = fail_file(store, error, store->path, "put the salvaged entries in place of");
    return status;
}

pxt_status sqlite_file_replace(struct store *store, const char *fresh, char **aside, struct pxt_error *error)
{
    struct replacement names;
    char *target = malloc(strlen(store->path) + 2 * NAME_ROOM);
    pxt_status status = begin_names(store, &names, error);
    if (!status && !target)
        status = store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory for a path");
    if (!status) {
        aside_name(store, target);
        status = put_in_place(store, &names, fresh, error);
        if (status)
            put_back(store, &names, target, NULL); /* else the next open does it */
        else if (keep_aside(store, &names, target, NULL) != PXT_OK)
            strcpy(target, names.old); /* until the next open */
    }
    end_names(&names);
    if (status)
        free(target);
    else
        *aside = target;
    return status;
}
