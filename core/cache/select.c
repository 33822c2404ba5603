/* SPDX-License-Identifier: MIT
 *
 * select.c: the public calls that choose and list entries of a selection.
 */
#include "base/fail.h"
#include "cache/choice.h"
#include "entry/selection.h"

struct taking {
    pxt_cache *cache;
    const struct pxt_selection *selection;
    pxt_time now;
    size_t room, count;
    pxt_entry **out;
    unsigned *tiers;
    pxt_status failed; /* of a get, but PXT_NOT_FOUND */
    struct pxt_error error;
};

static bool take(void *arg, const struct pxt_key *key)
{
    struct taking *taking = arg;
    pxt_entry *entry = NULL;
    unsigned tier;
    pxt_status status = pxt_chain_get(&taking->cache->chain, key, &entry, &tier, &taking->error);
    if (!status && pxt_selection_matches(taking->selection, entry, taking->now)) {
        if (taking->tiers)
            taking->tiers[taking->count] = tier;
        taking->out[taking->count++] = entry;
    } else if (!status) {
        pxt_entry_release(entry);
    }
    if (status && status != PXT_NOT_FOUND)
        taking->failed = status;
    return taking->count < taking->room;
}

static pxt_status select_entries(struct taking *taking, const struct pxt_select_options *given, struct pxt_error *error)
{
    struct pxt_select_options options;
    pxt_status status = pxt_choice_read(given, &options, error);
    if (status)
        return status;
    taking->tiers = options.tiers;
    status = pxt_choice_run(taking->cache, taking->selection, &options, taking->room, take, taking, error);
    if (taking->count && pxt_choice_by_use(options.choice))
        pxt_chosen_used(&taking->cache->chain, taking->out, taking->count);
    if (taking->count || status)
        return taking->count ? PXT_OK : status;
    if (taking->failed && error)
        *error = taking->error;
    return taking->failed ? taking->failed
                          : pxt_fail(error, PXT_NOT_FOUND, 0, "no entry of the pool is one of the selection");
}

pxt_status pxt_cache_select(pxt_cache *cache, const struct pxt_selection *selection,
                            const struct pxt_select_options *options, size_t n, pxt_entry **out, size_t *found,
                            struct pxt_error *error)
{
    if (!cache || !out || !found || !n)
        return pxt_fail(error, PXT_EINVAL, 0, "cache, out and found must not be NULL, and n must not be 0");
    *found = 0;
    struct taking *taking = pxt_alloc(sizeof *taking);
    if (!taking)
        return pxt_fail_memory(error, "a choice");
    taking->cache = cache;
    taking->selection = selection;
    taking->room = n;
    taking->out = out;
    taking->now = pxt_clock_now(&cache->clock);
    pxt_status status = select_entries(taking, options, error);
    *found = taking->count;
    pxt_free(taking);
    return status;
}

pxt_status pxt_cache_each_selected(pxt_cache *cache, const struct pxt_selection *given, pxt_cache_each_fn *fn,
                                   void *arg, struct pxt_error *error)
{
    struct pxt_selection selection;
    if (!cache || !fn)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and fn must not be NULL");
    pxt_selection_read(given, &selection);
    return pxt_select_each(&cache->chain, &selection, fn, arg, error);
}
