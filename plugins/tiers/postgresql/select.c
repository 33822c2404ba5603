/* SPDX-License-Identifier: MIT
 *
 * select.c: the operation select(): keys in an order, page by page.
 */
#include "select.h"
#include <stdio.h>
#include <string.h>

/* ---- what is remembered of selections: an advice, for two of them may share a slot --------------------------------- */

enum { TAG_SHIFT = 48 };

uint64_t pgsql_select_recall(_Atomic uint64_t slots[PGSQL_SELECTIONS], uint64_t hash)
{
    uint64_t slot = atomic_load_explicit(&slots[hash % PGSQL_SELECTIONS], memory_order_relaxed);
    return slot >> TAG_SHIFT == hash >> TAG_SHIFT ? slot & ((UINT64_C(1) << TAG_SHIFT) - 1) : 0;
}

void pgsql_select_keep(_Atomic uint64_t slots[PGSQL_SELECTIONS], uint64_t hash, uint64_t value)
{
    uint64_t slot = hash >> TAG_SHIFT << TAG_SHIFT | value;
    atomic_store_explicit(&slots[hash % PGSQL_SELECTIONS], slot, memory_order_relaxed);
}

/* ---- walks --------------------------------------------------------------------------------------------------------- */

static bool by_time(uint32_t order)
{
    return order == PXT_ORDER_LEAST_RECENTLY_USED;
}

/* What the order has is from 0 on: a number below is one of no entry. */
static void add_bound(uint32_t order, struct pgsql_values *values, int64_t bound)
{
    if (by_time(order))
        pgsql_time(values, bound < -PXT_TIME_MAX ? -PXT_TIME_MAX : bound > PXT_TIME_MAX ? PXT_TIME_MAX : bound);
    else
        pgsql_number(values, bound);
}

static pxt_status ask_page(const struct select_search *search, enum pgsql_set set, uint32_t order, bool filters,
                           int64_t from, const char *after, int64_t to, uint64_t limit, PGresult **result,
                           struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    pgsql_string(&values, search->pgsql->name_space);
    add_bound(order, &values, from);
    pgsql_string(&values, after);
    add_bound(order, &values, to);
    pgsql_select_parameters(search, set, filters, limit, &values);
    const struct select_way way = pgsql_select_way(search, set, order);
    const bool filtered = pgsql_select_is_filtered(search, set, filters);
    return pgsql_ask(search->pgsql, pgsql_select_statement_of(&way, filtered), &values, result, error);
}

pxt_status pgsql_select_page(const struct select_search *search, enum pgsql_set set, bool filters, int64_t from,
                             const char *after, int64_t to, uint64_t limit, PGresult **result, struct pxt_error *error)
{
    return ask_page(search, set, PXT_ORDER_RING, filters, from, after, to, limit, result, error);
}

struct place {
    int64_t from, to;
    char after[PXT_KEY_MAX + 1];
    uint64_t left;
};

/* Tells a page, and goes on behind it. False: it was enough. */
static bool tell(const struct select_search *search, struct place *place, const PGresult *result, pxt_selected_fn *fn,
                 void *arg)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct pxt_key key;
        int64_t value = by_time(search->order) ? pgsql_get_time(result, row, 0) : pgsql_get_number(result, row, 0);
        search->pgsql->host->key_init(&key, PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1));
        place->from = value;
        snprintf(place->after, sizeof place->after, "%s", key.text);
        place->left--;
        if (!fn(arg, &key, value))
            return false;
    }
    return place->left > 0;
}

static pxt_status walk(const struct select_search *search, struct place *place, pxt_selected_fn *fn, void *arg,
                       struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (bool more = true; more && !status;) {
        PGresult *result = NULL;
        int some = place->left < SELECT_PAGE ? (int)place->left : SELECT_PAGE;
        status = ask_page(search, search->candidate[0], search->order, true, place->from, place->after, place->to,
                          (uint64_t)some, &result, error);
        more = !status && PQntuples(result) == some;
        if (!status)
            more = tell(search, place, result, fn, arg) && more;
        PQclear(result);
    }
    return status;
}

pxt_status pgsql_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                        struct pxt_error *error)
{
    struct select_search search = {.pgsql = self, .select = select, .order = select->order};
    struct place place = {.from = select->from, .to = select->to, .left = select->limit};
    if (select->order > PXT_ORDER_FASTEST || !pgsql_select_plan(&search))
        return PXT_ENOTSUP;
    if (search.impossible || (select->order != PXT_ORDER_RANDOM && select->from > select->to))
        return PXT_OK;
    pxt_status status = pgsql_select_smallest(&search, error);
    const struct select_way way = pgsql_select_way(&search, search.candidate[0], search.order);
    if (!status)
        status = pgsql_select_needs(self, &way, error);
    if (status)
        return status;
    if (select->order == PXT_ORDER_RANDOM)
        return pgsql_select_pick(&search, fn, arg, error);
    if (select->after)
        snprintf(place.after, sizeof place.after, "%s", select->after->text);
    if (select->order == PXT_ORDER_FASTEST && search.latency >= 0 && search.latency < place.to)
        place.to = search.latency;
    return walk(&search, &place, fn, arg, error);
}
