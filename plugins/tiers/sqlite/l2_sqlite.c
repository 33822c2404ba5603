/* SPDX-License-Identifier: MIT
 *
 * l2_sqlite: ProxyWhirl's second tier in SQLite: the file l2_cache.db in the cache folder, table l2_cache. That table
 * has no columns for the health monitoring; ours are kept beside it, in proxtier_l2_health.
 */
#include "store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pxt_option options[] = {
    {"dir", PXT_OPTION_PATH, "${cache}", 0, 0, NULL, "the folder of the file l2_cache.db"}, STORE_OPTIONS, {0}};

static pxt_status l2_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                          struct pxt_error *error)
{
    static const char name[] = "l2_cache.db";
    const char *folder = host->setting_text(setup->settings, "dir");
    size_t length = folder ? strlen(folder) : 0;
    while (length && folder[length - 1] == '/')
        length--;
    char *path = malloc(length + 1 + sizeof name);
    if (path)
        sprintf(path, "%.*s/%s", (int)length, folder ? folder : "", name);
    return sqlite_store_open(host, setup, &sqlite_layout_l2, path, self, error);
}

static const struct pxt_tier_ops *instance_ops(void *self);
#define L2_OPS(more_flags) .open = l2_open, .instance_ops = instance_ops, STORE_OPS(more_flags)
static const struct pxt_tier_ops ops = {L2_OPS(0), STORE_LEASES};
static const struct pxt_tier_ops synced_ops = {L2_OPS(PXT_TIER_SYNCED), STORE_LEASES};
static const struct pxt_tier_ops ops_without_leases = {L2_OPS(0)};
static const struct pxt_tier_ops synced_ops_without_leases = {L2_OPS(PXT_TIER_SYNCED)};

static const struct pxt_tier_ops *instance_ops(void *self)
{
    if (sqlite_store_keeps_leases(self))
        return sqlite_store_is_synced(self) ? &synced_ops : &ops;
    return sqlite_store_is_synced(self) ? &synced_ops_without_leases : &ops_without_leases;
}

PXT_PLUGIN(PXT_KIND_TIER, "l2_sqlite", "1.0.0", "MIT", "entries in one SQLite file, in the layout of ProxyWhirl's L2",
           options, &ops);
