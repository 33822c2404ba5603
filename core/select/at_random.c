/* SPDX-License-Identifier: MIT
 *
 * at_random.c: RANDOM and WEIGHTED.
 *
 * A tier that cannot pick at random is asked for windows of the ring. A window that begins at a random place contains each
 * match with the same chance, whatever the gaps between matches are. It is taken with the chance m / WINDOW_MAX, where m is
 * the number of its matches, and then one of these evenly: so the chance of a match does not depend on its neighbours
 * (rejection sampling). The width follows what earlier windows had. A pick depends on the width only before it, so that no
 * match gains by that. Only a window with more than WINDOW_MAX matches, which comes about once in 10^6, is passed over.
 */
#include "base/fail.h"
#include "entry/entry.h"
#include "select/search.h"

enum { WINDOW_MAX = 44, WINDOW_AIM = 20 };

struct picking {
    struct pxt_search *search;
    bool by_window; /* the tier cannot pick */
    uint64_t width;
    bool whole;    /* `found` has all that match */
    bool hopeless; /* there is no window with a few of them */
    size_t repeats, rejections;
};

/* Finds the matches of the window that begins at `start`. */
static pxt_status open_window(struct picking *picking, uint64_t start, struct pxt_error *error)
{
    struct pxt_search *search = picking->search;
    uint64_t end = start + picking->width - 1; /* inclusive */
    bool wraps = end >= PXT_RING_SIZE;
    pxt_status status = pxt_search_find(search, PXT_ORDER_RING, (int64_t)start, wraps ? INT64_MAX : (int64_t)end, NULL,
                                        WINDOW_MAX + 1, error);
    if (!status && wraps && end > PXT_RING_SIZE && search->found_count <= WINDOW_MAX)
        status = pxt_search_more(search, PXT_ORDER_RING, 0, (int64_t)(end - PXT_RING_SIZE), NULL,
                                 WINDOW_MAX + 1 - search->found_count, error);
    return status;
}

/* The part of the ring, from `start` on, that the matches which were found cover. */
static uint64_t covered(const struct pxt_search *search, uint64_t start)
{
    uint64_t last = (uint64_t)search->found[search->found_count - 1].value;
    return (last - start) & (PXT_RING_SIZE - 1);
}

static uint64_t scaled(uint64_t width, double factor)
{
    double wanted = (double)width * factor;
    return wanted >= (double)PXT_RING_SIZE ? PXT_RING_SIZE : wanted < 1 ? 1 : (uint64_t)wanted;
}

/* Picks by a window; `*index` is of `found`. False: no match was picked, and perhaps there is none (`whole`). */
static bool try_window(struct picking *picking, size_t *index, pxt_status *status, struct pxt_error *error)
{
    struct pxt_search *search = picking->search;
    uint64_t start = pxt_search_random(search) & (PXT_RING_SIZE - 1);
    *status = open_window(picking, start, error);
    size_t count = search->found_count;
    if (*status)
        return false;
    if (count > WINDOW_MAX) {
        picking->width = scaled(covered(search, start), (double)WINDOW_AIM / WINDOW_MAX);
        return false;
    }
    picking->whole = picking->width == PXT_RING_SIZE;
    if (picking->whole)
        return false;
    if (!count) {
        picking->width = scaled(picking->width, 2);
        return false;
    }
    picking->width = scaled(picking->width, 1 + ((double)WINDOW_AIM - (double)count) / (16.0 * WINDOW_AIM));
    uint64_t ticket = pxt_search_random_below(search, WINDOW_MAX);
    *index = (size_t)ticket;
    return ticket < count;
}

/* Picks a match, to `found[*index]`, or finds all that match (`whole`). */
static pxt_status pick(struct picking *picking, size_t *index, struct pxt_error *error)
{
    struct pxt_search *search = picking->search;
    enum { WINDOWS_MAX = 500 };
    pxt_status status = PXT_ENOTSUP;
    *index = 0;
    if (!picking->by_window)
        status = pxt_search_find(search, PXT_ORDER_RANDOM, 0, INT64_MAX, NULL, 1, error);
    picking->whole = !status && !search->found_count;
    if (status != PXT_ENOTSUP)
        return status;
    picking->by_window = true;
    status = PXT_OK;
    /* Two or three windows are enough, but for keys that were made to have one place. */
    for (unsigned windows = 0; !status && !picking->whole; windows++) {
        if (try_window(picking, index, &status, error))
            break;
        picking->hopeless = windows == WINDOWS_MAX;
        if (picking->hopeless)
            break;
    }
    return status;
}

/* Whether WEIGHTED takes what was picked. */
static bool passes(struct picking *picking, const struct pxt_key *key)
{
    const double resolution = 1 << 30;
    if (picking->search->choosing->choice != PXT_CHOOSE_WEIGHTED)
        return true;
    pxt_entry *entry = pxt_search_peek(picking->search, key);
    bool taken = entry && (double)(pxt_search_random(picking->search) >> 34) < pxt_search_weight(entry) * resolution;
    pxt_entry_release(entry);
    picking->rejections += !taken;
    return taken;
}

/* Whether so many of those that match are wanted that picks would come again and again, or are rejected. */
static bool better_walk(const struct picking *picking)
{
    enum { REPEATS = 16, REJECTIONS = 1000 };
    const struct pxt_search *search = picking->search;
    bool few = picking->by_window && picking->width < PXT_RING_SIZE &&
               (double)search->choosing->expected * 8 > (double)PXT_RING_SIZE / (double)picking->width * WINDOW_AIM;
    return few || picking->repeats > search->offers + REPEATS || picking->rejections > REJECTIONS;
}

/* Offers all that match, which stand in `found`. */
static pxt_status offer_whole(struct pxt_search *search, struct pxt_error *error)
{
    if (search->choosing->choice == PXT_CHOOSE_WEIGHTED)
        return search->found_count ? pxt_choose_by_walk(search, error) : PXT_OK;
    for (size_t left = search->found_count; left && !search->enough; left--) {
        size_t i = (size_t)pxt_search_random_below(search, left);
        struct pxt_key key = pxt_found_key(&search->found[i]);
        pxt_status status = pxt_search_was_offered(search, &key) ? PXT_OK : pxt_search_offer(search, &key, error);
        if (status)
            return status;
        search->found[i] = search->found[left - 1];
    }
    return PXT_OK;
}

pxt_status pxt_choose_at_random(struct pxt_search *search, struct pxt_error *error)
{
    struct pxt_widths *widths = &search->choosing->selector->widths;
    struct picking picking = {.search = search, .width = pxt_width_get(widths, search->hash)};
    pxt_status status = PXT_OK;
    size_t index;
    picking.by_window = picking.width < PXT_RING_SIZE; /* as it was before */
    while (!status && !search->enough) {
        status = pick(&picking, &index, error);
        if (!status && picking.hopeless)
            return pxt_choose_by_walk(search, error);
        if (status || picking.whole)
            break;
        struct pxt_key key = pxt_found_key(&search->found[index]);
        bool again = pxt_search_was_offered(search, &key);
        picking.repeats += again;
        if (!again && passes(&picking, &key))
            status = pxt_search_offer(search, &key, error);
        if (!search->enough && better_walk(&picking))
            return pxt_choose_by_walk(search, error);
    }
    if (!status && picking.whole && !search->enough)
        status = offer_whole(search, error);
    if (picking.by_window)
        pxt_width_set(widths, search->hash, picking.width);
    return status;
}
