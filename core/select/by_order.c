/* SPDX-License-Identifier: MIT
 *
 * by_order.c: LEAST_USED, LEAST_RECENTLY_USED and FASTEST, from the order of a tier.
 *
 * The tier does not know the hits of this process that are not written yet. Such a hit makes an entry's value greater, never
 * smaller. So the entries are looked at in the order of the tier, and it ends where the tier's value of the next one is not
 * below the true values of as many as are wanted.
 */
#include "base/fail.h"
#include "entry/entry.h"
#include "select/best.h"
#include "select/search.h"

struct ordering {
    struct pxt_search *search;
    enum pxt_order order;
    struct pxt_best best;
    size_t looked_at;
    bool done; /* no later one can be better */
};

static enum pxt_order order_of(enum pxt_choice choice)
{
    return choice == PXT_CHOOSE_LEAST_USED            ? PXT_ORDER_LEAST_USED
           : choice == PXT_CHOOSE_LEAST_RECENTLY_USED ? PXT_ORDER_LEAST_RECENTLY_USED
                                                      : PXT_ORDER_FASTEST;
}

/* The value of an entry in the order, with the hits that this process knows of. */
static int64_t true_value(enum pxt_order order, const pxt_entry *entry)
{
    return order == PXT_ORDER_LEAST_USED             ? pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT)
           : order == PXT_ORDER_LEAST_RECENTLY_USED  ? pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED)
           : pxt_entry_has(entry, PXT_FIELD_LATENCY) ? pxt_entry_number(entry, PXT_FIELD_LATENCY)
                                                     : INT64_MAX;
}

/* The order of signed numbers. */
static uint64_t score_of(int64_t value)
{
    return (uint64_t)value ^ (UINT64_C(1) << 63);
}

static pxt_status look_at(struct ordering *ordering, const struct pxt_found_key *found, struct pxt_error *error)
{
    struct pxt_search *search = ordering->search;
    struct pxt_key key = pxt_found_key(found);
    ordering->done =
        ordering->best.count == ordering->best.room && score_of(found->value) >= ordering->best.item[0].score;
    if (ordering->done || pxt_search_was_offered(search, &key))
        return PXT_OK;
    pxt_entry *entry = pxt_search_peek(search, &key);
    ordering->looked_at++;
    bool kept = !entry || pxt_best_add(&ordering->best, &key, score_of(true_value(ordering->order, entry)));
    pxt_entry_release(entry);
    return kept ? PXT_OK : pxt_fail_memory(error, "keys to choose from");
}

/* Looks at the entries in the order of the tier. `*ended`: the tier has no more of them. */
static pxt_status look(struct ordering *ordering, bool *ended, struct pxt_error *error)
{
    struct pxt_search *search = ordering->search;
    int64_t from = INT64_MIN;
    struct pxt_key last;
    const struct pxt_key *after = NULL;
    size_t limit = ordering->best.room + 1;
    *ended = false;
    while (!ordering->done && !*ended) {
        limit = limit < PXT_FOUND_MAX ? limit : PXT_FOUND_MAX;
        pxt_status status = pxt_search_find(search, ordering->order, from, INT64_MAX, after, limit, error);
        for (size_t i = 0; i < search->found_count && !status && !ordering->done; i++)
            status = look_at(ordering, &search->found[i], error);
        if (status)
            return status;
        *ended = search->found_count < limit;
        if (*ended)
            break;
        from = search->found[limit - 1].value;
        last = pxt_found_key(&search->found[limit - 1]);
        after = &last;
        limit *= 4;
    }
    return PXT_OK;
}

/* Offers the first `room` of those that were not offered. */
static pxt_status offer_first(struct pxt_search *search, size_t room, bool *ended, struct pxt_error *error)
{
    enum { MANY = 64 };
    struct ordering ordering = {.search = search, .order = order_of(search->choosing->choice)};
    pxt_status status = pxt_best_init(&ordering.best, room, error);
    if (!status)
        status = look(&ordering, ended, error);
    if (!status) {
        pxt_best_sort(&ordering.best);
        for (size_t i = 0; i < ordering.best.count && !search->enough && !status; i++)
            if (!pxt_search_was_offered(search, &ordering.best.item[i].key)) /* it may have been met twice */
                status = pxt_search_offer(search, &ordering.best.item[i].key, error);
    }
    pxt_best_free(&ordering.best);
    if (ordering.looked_at > room + MANY) /* so that the next choice finds the order of the tier true again */
        pxt_chain_write_accesses(search->choosing->chain, NULL);
    return status;
}

pxt_status pxt_choose_by_order(struct pxt_search *search, struct pxt_error *error)
{
    size_t room = search->choosing->expected;
    bool ended = false;
    pxt_status status = PXT_OK;
    if (pxt_choice_by_use(search->choosing->choice))
        status = pxt_chain_settle(search->choosing->chain, error);
    while (!status && !ended && !search->enough) {
        status = offer_first(search, room, &ended, error);
        room = room < SIZE_MAX / 4 ? room * 4 : room;
    }
    return status;
}

void pxt_chosen_used(struct pxt_chain *chain, pxt_entry *const *entries, size_t n)
{
    struct pxt_tier *tier = pxt_search_tier(chain);
    struct pxt_key key;
    if (!tier || !pxt_tier_durable(tier))
        return;
    pxt_chain_settle(chain, NULL);
    for (size_t i = 0; i < n; i++) {
        uint64_t hits = pxt_entry_take_unflushed_hits(entries[i]);
        pxt_entry_key_of(entries[i], &key);
        if (hits)
            pxt_access_note(chain, &key, hits, pxt_entry_number(entries[i], PXT_FIELD_LAST_ACCESSED), false);
    }
    pxt_access_write(tier, NULL);
}
