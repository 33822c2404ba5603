/* SPDX-License-Identifier: MIT
 *
 * loader.h: finds, checks, opens and unloads plugins.
 */
#ifndef PXT_LOADER_H
#define PXT_LOADER_H

#include "base/log.h"
#include <proxtier/plugin.h>
#include <stdbool.h>

/* A loaded plugin; two users of one file get two of these and one mapping, which stays until the process ends. */
struct pxt_module {
    void *handle;
    char *path;
    struct pxt_plugin plugin; /* a copy of as much as the file's own descriptor has; the rest zero */
    const void *ops;          /* a copy in the core's struct size; operations beyond the plugin's size are NULL */
};

/* A plugin that was chosen, with its checked options. */
struct pxt_chosen {
    struct pxt_module *module;
    struct pxt_settings *settings;
};

/* The folder of the plugins that come with the library: `proxtier` beside its file, so that a copied tree uses its own;
 * where there is no such folder, the compiled-in one. For pxt_free(); NULL without memory. */
char *pxt_loader_own_folder(void);
/* Folders, in order, NULL-ended: those of the configuration, $PROXTIER_PLUGIN_PATH (not for set-id programs), the
 * library's own one. `configured` may be NULL. */
pxt_status pxt_loader_folders(const char *const *configured, char ***out, struct pxt_error *error);
void pxt_loader_folders_free(char **folders);
/*
 * Opens `name` (a plugin name, or a path with '/') of the wanted kind (0: any). Checks: file and every parent folder
 * are owned by root or this user and not writable by others; a regular file, not reached by a link out of the folders;
 * loaded by its real path, and what is mapped is the file that was checked; one descriptor with the magic, ABI major, kind, required
 * operations. PXT_EPLUGIN with path, reason and remedy.
 */
pxt_status pxt_loader_open(char *const *folders, const char *name, enum pxt_plugin_kind kind,
                           const struct pxt_logger *logger, struct pxt_module **out, struct pxt_error *error);
void pxt_loader_close(struct pxt_module *module);
/* Names of the plugins in the folders, sorted, without repeats, NULL-ended. */
pxt_status pxt_loader_list(char *const *folders, char ***out, struct pxt_error *error);

#endif
