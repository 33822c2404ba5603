/* SPDX-License-Identifier: MIT
 *
 * A tier that stands on another one, and obeys the rule of sizes: it uses what the table of the lower tier has, and no more.
 */
#include <proxtier/tier.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    const struct pxt_host *host;
    struct pxt_lower_tier *lower;
};

static const struct pxt_option options[] = {{"tier", PXT_OPTION_TEXT, "table", 0, 0, NULL, "the tier below"},
                                            {"buckets", PXT_OPTION_TEXT, "7", 0, 0, NULL, "an option of it"},
                                            {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

/* Reads all that the table says it has, as a copy of the table would. */
static bool can_be_copied(const struct pxt_tier_ops *ops)
{
    void *copy = malloc(ops->size);
    if (copy)
        memcpy(copy, ops, ops->size);
    bool same = copy && !memcmp(copy, ops, ops->size);
    free(copy);
    return same;
}

static void pair_close(void *self)
{
    struct pair *pair = self;
    pair->host->tier_close(pair->lower);
    free(pair);
}

static pxt_status pair_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                            struct pxt_error *error)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    pair->host = host;
    const struct pxt_option_value below[] = {{"buckets", host->setting_text(setup->settings, "buckets")}, {NULL, NULL}};
    pxt_status status =
        host->tier_open(host, host->setting_text(setup->settings, "tier"), below, setup, host, &pair->lower, error);
    if (!status && !can_be_copied(pair->lower->ops))
        status = host->fail(host, error, PXT_EINTERNAL, 0, "the table below has not what it says");
#ifdef LONGER
    const struct pxt_tier_ops *ops = status ? NULL : pair->lower->ops;
    if (!status && ops->size >= offsetof(struct pxt_tier_ops, later) + sizeof ops->later)
        status =
            host->fail(host, error, PXT_EINTERNAL, 0, "the table below says that it has what the core does not know");
#endif
    if (status) {
        pair_close(pair);
        return status;
    }
    *self = pair;
    return PXT_OK;
}

static pxt_status pair_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                           struct pxt_error *error)
{
    struct pxt_lower_tier *lower = ((struct pair *)self)->lower;
    return lower->ops->get(lower->self, key, flags, out, error);
}

static pxt_status pair_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_lower_tier *lower = ((struct pair *)self)->lower;
    return lower->ops->put(lower->self, entry, error);
}

static pxt_status pair_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct pxt_lower_tier *lower = ((struct pair *)self)->lower;
    return lower->ops->del(lower->self, key, why, error);
}

static pxt_status pair_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct pxt_lower_tier *lower = ((struct pair *)self)->lower;
    return lower->ops->each(lower->self, fn, arg, error);
}

static pxt_status pair_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct pxt_lower_tier *lower = ((struct pair *)self)->lower;
    return lower->ops->count(lower->self, out, error);
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .open = pair_open,
                                        .close = pair_close,
                                        .get = pair_get,
                                        .put = pair_put,
                                        .del = pair_del,
                                        .each = pair_each,
                                        .count = pair_count};

PXT_PLUGIN(PXT_KIND_TIER, "pair", "1.0", "MIT", "stands on another tier", options, &ops);
