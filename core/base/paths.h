/* SPDX-License-Identifier: MIT
 *
 * paths.h: where things live, and whether a place is safe.
 */
#ifndef PXT_PATHS_H
#define PXT_PATHS_H

#include <proxtier/error.h>
#include <stdbool.h>
#include <sys/types.h>

/* With whom the folders and files of a pool are shared. */
enum pxt_sharing {
    PXT_SHARED_WITH_NONE,
    PXT_SHARED_WITH_PROXYWHIRL, /* their group may write to them, as they are made with umask 002 */
    PXT_SHARED_WITH_GROUP       /* `mode: group`: their group is that of the pool, and set-group-id passes it on */
};
/* The mode of new files. */
static inline mode_t pxt_file_mode(enum pxt_sharing sharing)
{
    return sharing == PXT_SHARED_WITH_GROUP ? 0660 : 0600;
}

/* Replaces `~/`, `$HOME/`, `${cache}/`, `${state}/`, `${config}/` at the start: $PROXTIER_CACHE_DIR and so on; XDG folders
 * with /proxtier for users; /var/cache/proxtier, /var/lib/proxtier, /etc/proxtier without a home, or below another system configuration folder. Without
 * $PROXTIER_CACHE_DIR the folder `cache` of $PROXTIER_STATE_DIR is `${cache}`. A relative path begins in the working
 * directory. `*out` is pxt_free()d. PXT_ECONFIG for another `~` or `$` at the start, and for a value of one of these
 * variables that is not an absolute path. */
pxt_status pxt_path_expand(const char *path, char **out, struct pxt_error *error);
/* `rest` below the system's configuration folder, for pxt_free(); NULL without memory. */
char *pxt_path_system_config(const char *rest);
/* See pxt_host.prepare_folder. */
pxt_status pxt_path_prepare_folder(const char *path, enum pxt_sharing sharing, struct pxt_error *error);
/* Whether the folder of a file is a group's; `*group` receives which. What stands in it is trusted as the folder is. */
bool pxt_path_in_group_folder(const char *path, gid_t *group);
/* open(), with O_CLOEXEC and the mode 0600. What another member of a group is just making has its mode a moment later: in a group's
 * folder this waits for it. */
int pxt_path_open(const char *path, int flags);
/* Whether an open file or folder, and every folder above `path`, is owned by root or this user and writable by no one
 * else (sticky folders such as /tmp may stand above). PXT_EACCES names the culprit and the remedy. */
pxt_status pxt_path_check_safe(const char *path, int fd, struct pxt_error *error);
/* Whether the folder of a path is there, and can be written to. */
bool pxt_path_folder_exists(const char *path);
/* Whether two absolute paths lead to one file or folder. It need not exist: then the deepest folder above it that exists
 * and the normalised rest are compared. */
bool pxt_path_same(const char *a, const char *b);

#endif
