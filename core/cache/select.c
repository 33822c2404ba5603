/* SPDX-License-Identifier: MIT
 *
 * select.c: the public calls that choose entries.
 */
#include "base/fail.h"
#include "cache/cache_private.h"
#include "entry/selection.h"
#include <string.h>

struct taking {
    pxt_cache *cache;
    struct pxt_selection selection;
    pxt_time now;
    size_t passed_over, room, count;
    pxt_entry **out;
    unsigned *tiers;   /* NULL: not told */
    pxt_status failed; /* of a get, but PXT_NOT_FOUND */
    struct pxt_error error;
};

/* A key that is passed over has to match too, or the same entries would be the first ones again. */
static bool pass_over(struct taking *taking, const struct pxt_key *key)
{
    pxt_entry *entry = NULL;
    if (!pxt_chain_peek(&taking->cache->chain, key, &entry, NULL) &&
        pxt_selection_matches(&taking->selection, entry, taking->now))
        taking->passed_over--;
    pxt_entry_release(entry);
    return true;
}

static bool take(void *arg, const struct pxt_key *key)
{
    struct taking *taking = arg;
    pxt_entry *entry = NULL;
    unsigned tier;
    if (taking->passed_over)
        return pass_over(taking, key);
    pxt_status status = pxt_chain_get_chosen(&taking->cache->chain, key, &entry, &tier, &taking->error);
    if (!status && pxt_selection_matches(&taking->selection, entry, taking->now)) {
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

pxt_status pxt_select_options_read(const struct pxt_select_options *given, struct pxt_select_options *options,
                                   struct pxt_error *error)
{
    *options = (struct pxt_select_options){.size = sizeof *options};
    if (given)
        memcpy(options, given, given->size < sizeof *options ? given->size : sizeof *options);
    if ((unsigned)options->choice >= PXT_CHOICE_COUNT)
        return pxt_fail(error, PXT_EINVAL, 0, "%u is no way to choose", (unsigned)options->choice);
    if (options->choice == PXT_CHOOSE_STICKY && !options->session)
        return pxt_fail(error, PXT_EINVAL, 0, "the choice sticky needs a session");
    return PXT_OK;
}

static pxt_status fill(struct taking *taking, const struct pxt_select_options *options, struct pxt_error *error)
{
    struct pxt_choosing choosing = {.chain = &taking->cache->chain,
                                    .selector = &taking->cache->selector,
                                    .selection = &taking->selection,
                                    .choice = options->choice,
                                    .session = options->session,
                                    .offer = take,
                                    .arg = taking};
    if (__builtin_add_overflow(options->after, taking->room, &choosing.expected))
        return pxt_fail(error, PXT_EINVAL, 0, "after and n are too many together");
    pxt_status status = pxt_choose(&choosing, error);
    if (taking->count && pxt_choice_by_use(options->choice))
        pxt_chosen_used(&taking->cache->chain, taking->out, taking->count);
    if (taking->count || status)
        return taking->count ? PXT_OK : status;
    if (taking->failed && error)
        *error = taking->error;
    return taking->failed ? taking->failed
                          : pxt_fail(error, PXT_NOT_FOUND, 0, "no entry of the pool is one of the selection");
}

pxt_status pxt_cache_select(pxt_cache *cache, const struct pxt_selection *selection,
                            const struct pxt_select_options *given, size_t n, pxt_entry **out, size_t *found,
                            struct pxt_error *error)
{
    struct pxt_select_options options;
    if (!cache || !out || !found || !n)
        return pxt_fail(error, PXT_EINVAL, 0, "cache, out and found must not be NULL, and n must not be 0");
    *found = 0;
    struct taking *taking = pxt_alloc(sizeof *taking);
    if (!taking)
        return pxt_fail_memory(error, "a choice");
    taking->cache = cache;
    taking->room = n;
    taking->out = out;
    taking->now = pxt_clock_now(&cache->clock);
    pxt_selection_read(selection, &taking->selection);
    pxt_status status = pxt_select_options_read(given, &options, error);
    taking->passed_over = options.after;
    taking->tiers = options.tiers;
    if (!status)
        status = fill(taking, &options, error);
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
