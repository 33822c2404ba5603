/* SPDX-License-Identifier: MIT
 *
 * choose.c: which way a choice goes: by a tier that can search, or by a walk over all entries.
 */
#include "base/clock.h"
#include "base/fail.h"
#include "entry/selection.h"
#include "select/search.h"
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

void pxt_selector_init(struct pxt_selector *selector)
{
    pthread_mutex_init(&selector->widths.lock, NULL);
    pthread_mutex_init(&selector->turns.lock, NULL);
}

void pxt_selector_free(struct pxt_selector *selector)
{
    pxt_turns_close(&selector->turns);
    pthread_mutex_destroy(&selector->widths.lock);
    pthread_mutex_destroy(&selector->turns.lock);
}

static pxt_status ask_tier(struct pxt_search *search, struct pxt_error *error)
{
    switch (search->choosing->choice) {
    case PXT_CHOOSE_ROUND_ROBIN:
    case PXT_CHOOSE_STICKY:
        return pxt_choose_on_ring(search, error);
    case PXT_CHOOSE_LEAST_USED:
    case PXT_CHOOSE_LEAST_RECENTLY_USED:
    case PXT_CHOOSE_FASTEST:
        return pxt_choose_by_order(search, error);
    default:
        return pxt_choose_at_random(search, error);
    }
}

/* Whether the answer of the tier is all that can be said: it has every entry, and the caller has what it wants of them. */
static bool is_final(const struct pxt_search *search, pxt_status status)
{
    if (search->enough)
        return true;
    return !status && pxt_search_tier_is_whole(search->choosing->chain, search->tier);
}

pxt_status pxt_choose(const struct pxt_choosing *choosing, struct pxt_error *error)
{
    struct pxt_search *search = pxt_realloc(NULL, sizeof *search);
    pxt_status status = PXT_OK;
    if (!search)
        return pxt_fail_memory(error, "a choice");
    memset(search, 0, offsetof(struct pxt_search, found)); /* what is behind it is long */
    search->choosing = choosing;
    search->now = pxt_clock_now(&choosing->chain->clock);
    search->hash = pxt_selection_hash(choosing->selection);
    if (getrandom(&search->random, sizeof search->random, GRND_NONBLOCK) != (ssize_t)sizeof search->random)
        search->random = (uint64_t)search->now ^ (uint64_t)(uintptr_t)search;
    pxt_chain_have_down_tiers_probed(choosing->chain);
    search->tier = pxt_search_tier(choosing->chain);
    if (search->tier)
        status = ask_tier(search, error);
    if (!search->tier || (!is_final(search, status) && status != PXT_ENOMEM)) {
        search->tier = NULL;
        status = pxt_choose_by_walk(search, error);
    }
    status = search->enough ? PXT_OK : status;
    pxt_keymap_free(&search->offered);
    pxt_free(search);
    return status;
}
