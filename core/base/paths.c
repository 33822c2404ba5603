/* SPDX-License-Identifier: MIT
 *
 * paths.c: where things live by default (XDG Base Directory Specification; FHS for root without a home), and whether a
 * place is safe from other users.
 */
#include "base/paths.h"
#include "base/alloc.h"
#include "base/fail.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef PXT_SYSCONFDIR
#define PXT_SYSCONFDIR "/etc"
#endif

static const struct {
    const char *name, *own, *variable, *below_home;
    const char *system; /* NULL: pxt_path_system_config() */
} places[] = {{"${cache}", "PROXTIER_CACHE_DIR", "XDG_CACHE_HOME", ".cache", "/var/cache/proxtier"},
              {"${state}", "PROXTIER_STATE_DIR", "XDG_STATE_HOME", ".local/state", "/var/lib/proxtier"},
              {"${config}", "PROXTIER_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", NULL}};
enum { CACHE, STATE };

char *pxt_path_system_config(const char *rest)
{
    const char *folder = secure_getenv("PROXTIER_SYSCONFDIR");
    return pxt_asprintf("%s/proxtier%s", folder && *folder ? folder : PXT_SYSCONFDIR, rest);
}

/* The value of a variable that names a place. One that cannot be used is an error: without the variable the pool of the
 * user would be worked on. */
static pxt_status own_place(size_t i, const char **out, struct pxt_error *error)
{
    *out = secure_getenv(places[i].own);
    if (!*out || **out == '/')
        return PXT_OK;
    return pxt_fail(error, PXT_ECONFIG, 0,
                    "the environment variable %s is \"%s\": set it to an absolute path, or not at all", places[i].own,
                    *out);
}

/* Users of services, and of containers, have a home in name only: these say that there is none. */
static bool is_home(const char *path)
{
    return path && path[0] == '/' && path[1] && strcmp(path, "/nonexistent") != 0;
}

static const char *home(void)
{
    const char *value = secure_getenv("HOME");
    if (is_home(value))
        return value;
    if (geteuid() == 0)
        return NULL; /* a service: the system's places */
    const struct passwd *entry = getpwuid(geteuid());
    return entry && is_home(entry->pw_dir) ? entry->pw_dir : NULL;
}

static pxt_status find_place(size_t i, const char *rest, char **out, struct pxt_error *error)
{
    const char *own, *state = NULL, *value = secure_getenv(places[i].variable), *user = home();
    pxt_status status = own_place(i, &own, error);
    if (!status && !own && i == CACHE)
        status = own_place(STATE, &state, error);
    if (status)
        return status;
    if (own)
        *out = pxt_asprintf("%s%s", own, rest);
    else if (state)
        *out = pxt_asprintf("%s/cache%s", state, rest);
    else if (value && value[0] == '/') /* the specification says that others are to be ignored */
        *out = pxt_asprintf("%s/proxtier%s", value, rest);
    else if (user)
        *out = pxt_asprintf("%s/%s/proxtier%s", user, places[i].below_home, rest);
    else
        *out = places[i].system ? pxt_asprintf("%s%s", places[i].system, rest) : pxt_path_system_config(rest);
    return *out ? PXT_OK : pxt_fail_memory(error, "a path");
}

static pxt_status relative(const char *path, char **out, struct pxt_error *error)
{
    char folder[PATH_MAX];
    if (!getcwd(folder, sizeof folder))
        return pxt_fail(error, PXT_EIO, errno, "cannot tell the current folder for %s: give an absolute path", path);
    *out = pxt_asprintf("%s/%s", folder, path);
    return *out ? PXT_OK : pxt_fail_memory(error, "a path");
}

/* What stands behind `~`, `$HOME` or `${HOME}` at the start of a path, or NULL. */
static const char *behind_home(const char *path)
{
    static const char *const names[] = {"~", "$HOME", "${HOME}"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (!strncmp(path, names[i], length) && (path[length] == '/' || !path[length]))
            return path + length;
    }
    return NULL;
}

pxt_status pxt_path_expand(const char *path, char **out, struct pxt_error *error)
{
    *out = NULL;
    if (!*path)
        return pxt_fail(error, PXT_ECONFIG, 0, "a path is empty");
    const char *rest = behind_home(path);
    if (rest) {
        const char *user = home();
        if (!user)
            return pxt_fail(error, PXT_ECONFIG, 0, "HOME is not set, so %s leads nowhere: give an absolute path", path);
        *out = pxt_asprintf("%s%s", user, rest);
        return *out ? PXT_OK : pxt_fail_memory(error, "a path");
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t length = strlen(places[i].name);
        if (strncmp(path, places[i].name, length) || (path[length] && path[length] != '/'))
            continue;
        return find_place(i, path + length, out, error);
    }
    if (path[0] == '~' || path[0] == '$')
        return pxt_fail(error, PXT_ECONFIG, 0,
                        "%s: only ~/, $HOME/, ${cache}/, ${state}/ and ${config}/ are replaced at the start of a path",
                        path);
    if (path[0] != '/')
        return relative(path, out, error);
    *out = pxt_strdup(path);
    return *out ? PXT_OK : pxt_fail_memory(error, "a path");
}

/* ---- whether a place is safe ------------------------------------------------------------------------------------- */

enum { GROUP_FOLDER = S_ISGID | 070 };

/* What is accepted of a file, and of the folders above it. */
struct trust {
    bool of_pool;   /* the messages are for a folder of a pool */
    mode_t refused; /* bits of a mode that others may not have */
    bool group;     /* a folder of the group `gid` is as good as one of this user, and so is what belongs to `uid` */
    gid_t gid;
    uid_t uid;
};

static pxt_status belongs_to_other(const char *path, uid_t owner, const struct trust *trust, struct pxt_error *error)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    if (!trust->of_pool)
        return pxt_fail(error, PXT_EACCES, 0,
                        "%s belongs to user %lu, who could change what is in it: use a place of your own", path,
                        (unsigned long)owner);
    if (getpwuid_r(owner, &entry, buffer, sizeof buffer, &found))
        found = NULL;
    if (geteuid() == 0 && found)
        return pxt_fail(error, PXT_EACCES, 0, "%s belongs to user %s: do this as that user: sudo -u %s proxtier ...",
                        path, found->pw_name, found->pw_name);
    return pxt_fail(
        error, PXT_EACCES, 0,
        "%s belongs to user %lu (%s), who could change what is in it: use a place of your own, or share the "
        "pool with a group (mode: group)",
        path, (unsigned long)owner, found ? found->pw_name : "no name");
}

static pxt_status check_one(const char *path, const struct stat *file, const struct trust *trust, bool above,
                            struct pxt_error *error)
{
    bool sticky = S_ISDIR(file->st_mode) && (file->st_mode & S_ISVTX);
    bool of_group = trust->group && file->st_gid == trust->gid && (file->st_mode & 020);
    bool of_owner = file->st_uid == 0 || file->st_uid == geteuid() || (trust->group && file->st_uid == trust->uid);
    if (!of_owner && !of_group)
        return belongs_to_other(path, file->st_uid, trust, error);
    mode_t refused = of_group ? trust->refused & 002 : trust->refused;
    if (!(file->st_mode & refused) || (sticky && above))
        return PXT_OK;
    if (sticky && trust->of_pool)
        return pxt_fail(error, PXT_EACCES, 0,
                        "%s is for all users (mode %04o): name a folder below it, such as %s/proxtier", path,
                        (unsigned)file->st_mode & 07777, path);
    return pxt_fail(error, PXT_EACCES, 0, "%s can be written by others (mode %04o): chmod %s-w %s", path,
                    (unsigned)file->st_mode & 07777, refused & 020 ? "go" : "o", path);
}

static pxt_status check_safe(const char *path, int fd, struct trust trust, struct pxt_error *error)
{
    char real[PATH_MAX];
    struct stat file;
    if (fstat(fd, &file))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", path);
    trust.gid = file.st_gid;
    trust.uid = file.st_uid;
    pxt_status status = check_one(path, &file, &trust, false, error);
    if (!status && trust.group && (file.st_mode & GROUP_FOLDER) != GROUP_FOLDER)
        return pxt_fail(
            error, PXT_EACCES, 0,
            "%s is not a folder of a group (mode %04o), as mode: group says: chgrp GROUP %s && chmod 2770 %s", path,
            (unsigned)file.st_mode & 07777, path, path);
    if (status)
        return status;
    if (!realpath(path, real))
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot resolve %s", path);
    while (!status && strcmp(real, "/")) {
        char *slash = strrchr(real, '/');
        slash[slash == real] = '\0';
        if (stat(real, &file))
            return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot examine %s", real);
        status = check_one(real, &file, &trust, true, error);
    }
    return status;
}

pxt_status pxt_path_check_safe(const char *path, int fd, struct pxt_error *error)
{
    return check_safe(path, fd, (struct trust){.refused = 022}, error);
}

bool pxt_path_in_group_folder(const char *path, gid_t *group)
{
    struct stat file;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? pxt_strndup(path, (size_t)(slash - path) + 1) : NULL;
    bool is_group = folder && !stat(folder, &file) && (file.st_mode & (GROUP_FOLDER | 002)) == GROUP_FOLDER;
    pxt_free(folder);
    if (is_group)
        *group = file.st_gid;
    return is_group;
}

int pxt_path_open(const char *path, int flags)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    gid_t group;
    for (int i = 0;; i++) {
        int fd = open(path, flags | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EACCES || i == 100 || !pxt_path_in_group_folder(path, &group))
            return fd;
        nanosleep(&pause, NULL);
    }
}

/* ---- folders ------------------------------------------------------------------------------------------------------ */

static pxt_status fail_folder(const char *what, const char *path, int number, struct pxt_error *error)
{
    bool elsewhere = number == EACCES || number == EPERM || number == EROFS;
    return pxt_fail(error, pxt_status_of_errno(number), number,
                    elsewhere ? "cannot %s folder %s (name a place that you may write to: PROXTIER_STATE_DIR, "
                                "PROXTIER_CACHE_DIR, or the configuration)"
                              : "cannot %s folder %s",
                    what, path);
}

/* Makes every missing folder of the path. */
static pxt_status make_folders(char *path, mode_t mode, struct pxt_error *error)
{
    for (char *at = path + 1;; at++) {
        if (*at && *at != '/')
            continue;
        char kept = *at;
        *at = '\0';
        /* The mode is set afterwards as well: the umask may have taken from it. */
        if (!mkdir(path, 0700)) {
            if (chmod(path, mode))
                return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot set the mode of %s", path);
        } else if (errno != EEXIST) {
            return fail_folder("make", path, errno, error);
        }
        *at = kept;
        if (!kept)
            return PXT_OK;
    }
}

pxt_status pxt_path_prepare_folder(const char *path, enum pxt_sharing sharing, struct pxt_error *error)
{
    bool group = sharing == PXT_SHARED_WITH_GROUP;
    const struct trust trust = {
        .of_pool = true, .refused = sharing == PXT_SHARED_WITH_PROXYWHIRL ? 002 : 022, .group = group};
    if (path[0] != '/')
        return pxt_fail(error, PXT_ECONFIG, 0, "folder %s is not an absolute path", path);
    char *copy = pxt_strdup(path);
    if (!copy)
        return pxt_fail_memory(error, "a path");
    int fd = pxt_path_open(path, O_RDONLY | O_DIRECTORY);
    pxt_status status = PXT_OK;
    if (fd < 0 && errno == ENOENT) {
        status = make_folders(copy, group ? 02770 : 0700, error);
        fd = status ? -1 : pxt_path_open(path, O_RDONLY | O_DIRECTORY);
    }
    if (!status && fd < 0)
        status = fail_folder("open", path, errno, error);
    if (!status)
        status = check_safe(path, fd, trust, error);
    if (fd >= 0)
        close(fd);
    pxt_free(copy);
    return status;
}

bool pxt_path_folder_exists(const char *path)
{
    const char *slash = strrchr(path, '/');
    /* With the slash: a file has no such name. */
    char *folder = slash && slash > path ? pxt_strndup(path, (size_t)(slash - path) + 1) : NULL;
    bool exists = folder && !access(folder, W_OK);
    pxt_free(folder);
    return exists;
}
