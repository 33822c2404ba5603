/* SPDX-License-Identifier: MIT
 *
 * list_paths.h: the files that the arguments of `warm` stand for: a cache folder of ProxyWhirl stands for its files.
 */
#ifndef CLI_LIST_PATHS_H
#define CLI_LIST_PATHS_H

#include <proxtier/proxtier.h>

struct list_paths {
    size_t count, capacity;
    char **path;
    bool *is_part; /* one of several files of a folder: it may be empty */
};
/* Fills `paths`, which is to be freed also if this fails. PXT_ENOINPUT where a folder is none of ProxyWhirl's. */
pxt_status list_paths_make(struct list_paths *paths, char *const *arguments, int count, struct pxt_error *error);
void list_paths_free(struct list_paths *paths);

#endif
