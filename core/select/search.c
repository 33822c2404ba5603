/* SPDX-License-Identifier: MIT
 *
 * search.c: what all ways to choose share.
 */
#include "select/search.h"
#include "base/fail.h"
#include "chain/change.h"
#include "entry/entry.h"
#include <string.h>

/* Whether the tier has every entry of the pool, as far as it is not in doubt. */
static bool has_all(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return pxt_tier_stores(tier) && !tier->limited && !tier->write_behind &&
           (pxt_tier_durable(tier) || !chain->any_durable);
}

struct pxt_tier *pxt_search_tier(const struct pxt_chain *chain)
{
    for (unsigned i = chain->count; i-- > 0;) {
        const struct pxt_tier *tier = &chain->tier[i];
        if (pxt_tier_on(tier) && pxt_tier_selects(tier) && has_all(chain, tier))
            return (struct pxt_tier *)(uintptr_t)tier;
    }
    return NULL;
}

bool pxt_search_tier_is_whole(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    return pxt_tier_on(tier) && !(bit && pxt_words_doubted(&chain->page, bit, NULL) & bit);
}

/* ---- what the tier tells ---------------------------------------------------------------------------------------- */

static bool note_key(void *arg, const struct pxt_key *key, int64_t value)
{
    struct pxt_search *search = arg;
    if (search->found_count == PXT_FOUND_MAX)
        return false;
    struct pxt_found_key *found = &search->found[search->found_count];
    if (key->length > PXT_KEY_MAX)
        return true;
    found->value = value;
    found->length = (uint16_t)key->length;
    found->hash = key->hash;
    memcpy(found->text, key->text, key->length);
    found->text[key->length] = '\0';
    search->found_count++;
    return true;
}

pxt_status pxt_search_more(struct pxt_search *search, enum pxt_order order, int64_t from, int64_t to,
                           const struct pxt_key *after, size_t limit, struct pxt_error *error)
{
    struct pxt_select select = {.size = sizeof select,
                                .order = order,
                                .selection = search->choosing->selection,
                                .now = search->now,
                                .from = from,
                                .to = to,
                                .after = after};
    size_t room = PXT_FOUND_MAX - search->found_count;
    select.limit = limit < room ? limit : room;
    return select.limit ? pxt_tier_select(search->tier, &select, note_key, search, error) : PXT_OK;
}

pxt_status pxt_search_find(struct pxt_search *search, enum pxt_order order, int64_t from, int64_t to,
                           const struct pxt_key *after, size_t limit, struct pxt_error *error)
{
    struct pxt_key copy;
    char text[PXT_KEY_MAX + 1];
    if (after) { /* which may stand in `found` */
        memcpy(text, after->text, after->length);
        text[after->length] = '\0';
        copy = (struct pxt_key){text, after->length, after->hash};
    }
    search->found_count = 0;
    return pxt_search_more(search, order, from, to, after ? &copy : NULL, limit, error);
}

/* ---- chance ----------------------------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
uint64_t pxt_search_random(struct pxt_search *search)
{
    uint64_t z = search->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t pxt_search_random_below(struct pxt_search *search, uint64_t bound)
{
    uint64_t number, limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        number = pxt_search_random(search);
    } while (number >= limit);
    return number % bound;
}

double pxt_search_weight(const pxt_entry *entry)
{
    int64_t checks = pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS);
    int64_t good = checks - pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES);
    return ((double)(good > 0 ? good : 0) + 1) / ((double)checks + 2);
}

/* ---- offers ----------------------------------------------------------------------------------------------------- */

pxt_entry *pxt_search_peek(struct pxt_search *search, const struct pxt_key *key)
{
    pxt_entry *entry = NULL;
    if (pxt_chain_peek(search->choosing->chain, key, &entry, NULL))
        return NULL;
    if (pxt_selection_matches(search->choosing->selection, entry, search->now))
        return entry;
    pxt_entry_release(entry);
    return NULL;
}

bool pxt_search_was_offered(const struct pxt_search *search, const struct pxt_key *key)
{
    return pxt_keymap_find(&search->offered, key) != NULL;
}

pxt_status pxt_search_offer(struct pxt_search *search, const struct pxt_key *key, struct pxt_error *error)
{
    if (!pxt_keymap_add(&search->offered, key))
        return pxt_fail_memory(error, "keys that were chosen");
    search->offers++;
    search->enough = !search->choosing->offer(search->choosing->arg, key);
    return PXT_OK;
}
