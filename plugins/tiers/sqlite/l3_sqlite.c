/* SPDX-License-Identifier: MIT
 *
 * l3_sqlite: ProxyWhirl's third tier: an SQLite file with the tables cache_entries and health_history.
 */
#include "store.h"
#include <string.h>

static const struct pxt_option options[] = {
    {"path", PXT_OPTION_PATH, "${state}/proxtier.db", 0, 0, NULL, "the database file"}, STORE_OPTIONS, {0}};

static pxt_status l3_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                          struct pxt_error *error)
{
    const char *path = host->setting_text(setup->settings, "path");
    return sqlite_store_open(host, setup, &sqlite_layout_l3, strdup(path ? path : ""), self, error);
}

static const struct pxt_tier_ops *instance_ops(void *self);
#define L3_OPS(more_flags)                                                                                             \
    .open = l3_open, .instance_ops = instance_ops, .check_add = sqlite_store_check_add,                                \
    .check_each = sqlite_store_check_each, STORE_OPS(more_flags)
static const struct pxt_tier_ops ops = {L3_OPS(0), STORE_LEASES};
static const struct pxt_tier_ops synced_ops = {L3_OPS(PXT_TIER_SYNCED), STORE_LEASES};
static const struct pxt_tier_ops ops_without_leases = {L3_OPS(0)};
static const struct pxt_tier_ops synced_ops_without_leases = {L3_OPS(PXT_TIER_SYNCED)};

static const struct pxt_tier_ops *instance_ops(void *self)
{
    if (sqlite_store_keeps_leases(self))
        return sqlite_store_is_synced(self) ? &synced_ops : &ops;
    return sqlite_store_is_synced(self) ? &synced_ops_without_leases : &ops_without_leases;
}

PXT_PLUGIN(PXT_KIND_TIER, "l3_sqlite", "1.0.0", "MIT",
           "entries and health history in one SQLite file, in the layout of ProxyWhirl's L3", options, &ops);
