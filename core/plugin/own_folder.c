/* SPDX-License-Identifier: MIT
 *
 * own_folder.c: the folder of the plugins that come with this library.
 */
#include "base/alloc.h"
#include "base/paths.h"
#include "plugin/loader.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef PXT_PLUGINDIR
#define PXT_PLUGINDIR "/usr/lib/proxtier"
#endif

/* A program that has the library linked in has no plugins beside it. */
#define LIBRARY_NAME "libproxtier."

/* The folder `proxtier` beside the file of this library; NULL if there is none, or memory is short. */
static char *folder_beside(void)
{
    static const char anchor;
    Dl_info library;
    struct stat file;
    const char *slash = dladdr(&anchor, &library) && library.dli_fname ? strrchr(library.dli_fname, '/') : NULL;
    if (!slash || library.dli_fname[0] != '/' || strncmp(slash + 1, LIBRARY_NAME, strlen(LIBRARY_NAME)))
        return NULL;
    char *folder = pxt_asprintf("%.*s/proxtier", (int)(slash - library.dli_fname), library.dli_fname);
    if (folder && !stat(folder, &file) && S_ISDIR(file.st_mode))
        return folder;
    pxt_free(folder);
    return NULL;
}

char *pxt_loader_own_folder(void)
{
    char real[PATH_MAX];
    char *beside = folder_beside();
    /* Messages name the folder that was chosen at configure wherever the two are one: /usr/lib may be a link. */
    bool copied = beside && !pxt_path_same(beside, PXT_PLUGINDIR) && realpath(beside, real);
    pxt_free(beside);
    return pxt_strdup(copied ? real : PXT_PLUGINDIR);
}
