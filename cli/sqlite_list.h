/* SPDX-License-Identifier: MIT
 *
 * sqlite_list.h: a database of ProxyWhirl as a list: each row becomes one line of JSON.
 */
#ifndef CLI_SQLITE_LIST_H
#define CLI_SQLITE_LIST_H

#include <proxtier/proxtier.h>

/* A pxt_list_open_fn; leaves `*stream` NULL where the file is no database. It is opened for reading only. PXT_EINVAL where the
 * database has none of ProxyWhirl's tables. */
pxt_status sqlite_list_open(void *arg, const char *path, void **stream, struct pxt_error *error);

#endif
