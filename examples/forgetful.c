/* SPDX-License-Identifier: MIT
 *
 * forgetful: the smallest tier there can be. It takes every entry and forgets it at once.
 *
 *   cc -shared -fPIC $(pkg-config --cflags proxtier-plugin) -o forgetful.so forgetful.c
 *   and in proxtier.yaml:  plugin_dirs: [/where/it/is]   tiers: [{plugin: forgetful}, ...]
 */
#include <proxtier/tier.h>

static pxt_status forgetful_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                                 struct pxt_error *error)
{
    (void)setup;
    (void)error;
    host->log(host, PXT_LOG_INFO, "nothing will be kept");
    *self = (void *)(uintptr_t)host; /* there is nothing else to remember */
    return PXT_OK;
}

static void forgetful_close(void *self)
{
    (void)self;
}

static pxt_status forgetful_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                                struct pxt_error *error)
{
    (void)self, (void)key, (void)flags, (void)out, (void)error;
    return PXT_NOT_FOUND;
}

static pxt_status forgetful_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    (void)self, (void)entry, (void)error;
    return PXT_OK;
}

static pxt_status forgetful_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    (void)self, (void)key, (void)why, (void)error;
    return PXT_NOT_FOUND;
}

static pxt_status forgetful_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    (void)self, (void)fn, (void)arg, (void)error;
    return PXT_OK;
}

static pxt_status forgetful_count(void *self, uint64_t *out, struct pxt_error *error)
{
    (void)self, (void)error;
    *out = 0;
    return PXT_OK;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .open = forgetful_open,
                                        .close = forgetful_close,
                                        .get = forgetful_get,
                                        .put = forgetful_put,
                                        .del = forgetful_del,
                                        .each = forgetful_each,
                                        .count = forgetful_count};

PXT_PLUGIN(PXT_KIND_TIER, "forgetful", "1.0", "MIT", "forgets every entry at once", NULL, &ops);
