/* SPDX-License-Identifier: MIT
 *
 * descriptor.h: checks what a plugin says of itself.
 */
#ifndef PXT_DESCRIPTOR_H
#define PXT_DESCRIPTOR_H

#include "plugin/loader.h"

/* Checks the descriptor that was found in the file `module->path`, and fills in the rest of `module`. `kind` 0: any. `name`
 * is that of the file. PXT_EPLUGIN says what is wrong; pxt_loader_close() frees what was filled in. */
pxt_status pxt_descriptor_check(struct pxt_module *module, const struct pxt_plugin *found, enum pxt_plugin_kind kind,
                                const char *name, struct pxt_error *error);

#endif
