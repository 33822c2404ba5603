/* SPDX-License-Identifier: MIT
 *
 * each_selected.c: lists the entries of a selection: those that a tier tells, or all entries with a look at each.
 */
#include "base/fail.h"
#include "entry/entry.h"
#include "entry/selection.h"
#include "select/search.h"

/* A list of all entries. */
struct listing {
    const struct pxt_selection *selection;
    pxt_cache_each_fn *fn;
    void *arg;
    pxt_time now;
};

static bool give_matching(void *arg, pxt_entry *entry)
{
    const struct listing *listing = arg;
    return !pxt_selection_matches(listing->selection, entry, listing->now) || listing->fn(listing->arg, entry);
}

/* Whether few of the entries match: to get each costs several times as much as to go over one. */
static pxt_status is_sparse(struct pxt_search *search, bool *sparse, struct pxt_error *error)
{
    enum { SAMPLE = 32, SHARE = 16 };
    uint64_t count = 0, start = pxt_search_random(search) & (PXT_RING_SIZE - 1);
    pxt_status status = pxt_search_find(search, PXT_ORDER_RING, (int64_t)start, INT64_MAX, NULL, SAMPLE, error);
    if (!status && search->found_count < SAMPLE && start)
        status =
            pxt_search_more(search, PXT_ORDER_RING, 0, (int64_t)start - 1, NULL, SAMPLE - search->found_count, error);
    if (!status && search->found_count == SAMPLE)
        status = pxt_tier_count(search->tier, &count, error);
    *sparse = search->found_count < SAMPLE;
    if (status || *sparse)
        return status;
    uint64_t covered = ((uint64_t)search->found[SAMPLE - 1].value - start) & (PXT_RING_SIZE - 1);
    double matches = (double)PXT_RING_SIZE / ((double)covered + 1) * SAMPLE;
    *sparse = matches * SHARE < (double)count;
    return PXT_OK;
}

/* Gives the entries that the tier tells. */
static pxt_status list_told(struct pxt_search *search, const struct listing *listing, struct pxt_error *error)
{
    int64_t from = 0;
    struct pxt_key last;
    const struct pxt_key *after = NULL;
    bool more = true;
    while (more) {
        pxt_status status = pxt_search_find(search, PXT_ORDER_RING, from, INT64_MAX, after, PXT_FOUND_MAX, error);
        if (status)
            return status;
        for (size_t i = 0; i < search->found_count && more; i++) {
            last = pxt_found_key(&search->found[i]);
            pxt_entry *entry = pxt_search_peek(search, &last);
            more = !entry || listing->fn(listing->arg, entry);
            pxt_entry_release(entry);
        }
        more &= search->found_count == PXT_FOUND_MAX;
        from = search->found_count ? search->found[search->found_count - 1].value : 0;
        after = &last;
    }
    return PXT_OK;
}

/* False if a tier cannot tell it better than a walk over all entries. */
static bool list_by_tier(struct pxt_chain *chain, const struct listing *listing, pxt_status *status,
                         struct pxt_error *error)
{
    struct pxt_choosing choosing = {.chain = chain, .selection = listing->selection};
    struct pxt_tier *tier = pxt_search_tier(chain);
    bool sparse = false;
    if (!tier || pxt_selection_takes_all(listing->selection) || !pxt_search_tier_is_whole(chain, tier))
        return false;
    struct pxt_search *search = pxt_alloc(sizeof *search);
    if (!search) {
        *status = pxt_fail_memory(error, "a list of keys");
        return true;
    }
    search->choosing = &choosing;
    search->tier = tier;
    search->now = listing->now;
    search->random = pxt_selection_hash(listing->selection);
    bool told = is_sparse(search, &sparse, error) == PXT_OK && sparse;
    if (told) {
        *status = pxt_chain_settle(chain, error);
        if (!*status)
            *status = list_told(search, listing, error);
    }
    pxt_free(search);
    return told;
}

pxt_status pxt_select_each(struct pxt_chain *chain, const struct pxt_selection *selection, pxt_cache_each_fn *fn,
                           void *arg, struct pxt_error *error)
{
    struct listing listing = {selection, fn, arg, pxt_clock_now(&chain->clock)};
    pxt_status status = PXT_OK;
    pxt_chain_probe_down_tiers(chain);
    if (list_by_tier(chain, &listing, &status, error))
        return status;
    return pxt_chain_each(chain, give_matching, &listing, error);
}
