/* SPDX-License-Identifier: MIT
 *
 * secret_source.h: where the secret of an option comes from: `file:PATH`, `env:NAME`, `credential:NAME`, `command:COMMAND`.
 */
#ifndef PXT_SECRET_SOURCE_H
#define PXT_SECRET_SOURCE_H

#include <proxtier/entry.h>

/* Whether the text names a source. One that does not may be a secret that was written there by mistake: show it nowhere. */
bool pxt_secret_source_is_good(const char *source);
/*
 * Reads the secret, in locked memory. A final line break does not belong to it. A file must belong to this user or root and
 * be closed to others; a command has 10 seconds. PXT_ECONFIG if there is none, or it is empty, too long or has a NUL;
 * PXT_EACCES; PXT_EBUSY if a command does not end. Messages name the source, and never what was read.
 */
pxt_status pxt_secret_source_read(const char *source, pxt_secret **out, struct pxt_error *error);

#endif
