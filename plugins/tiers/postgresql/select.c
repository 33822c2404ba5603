/* SPDX-License-Identifier: MIT
 *
 * select.c: chooses keys by the indexes: of a criterion with each health in the order of the ring, and of each other order.
 * What no index has is not offered (PXT_ENOTSUP).
 */
#include "postgresql.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 256, TAG_MAX = 200 };

struct search {
    struct pgsql *pgsql;
    const struct pxt_select *select;
    enum pgsql_statement statement;
    char text[PXT_TEXT_MAX + 1]; /* of the criterion */
    int64_t from;                /* where the next page begins */
    char after[PXT_KEY_MAX + 1];
    uint64_t left;
};

/* The one criterion beside health. False: there are several, or one without an index. */
static bool criterion(struct search *search, const struct pxt_selection *selection)
{
    const struct {
        enum pgsql_statement statement;
        const char *value;
    } all[] = {{STATEMENT_SELECT_SOURCE, selection->source},
               {STATEMENT_SELECT_SCHEME, selection->scheme},
               {STATEMENT_SELECT_COUNTRY, selection->country},
               {STATEMENT_SELECT_TAG, selection->tag}};
    unsigned found = 0;
    search->statement = STATEMENT_SELECT_ALL;
    if (selection->host || selection->min_ttl > 0 || selection->max_failures >= 0 || selection->max_latency_ms >= 0)
        return false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i].value)
            continue;
        found++;
        search->statement = all[i].statement;
        int length = snprintf(search->text, sizeof search->text, "%s", all[i].value);
        if (length < 0 || (size_t)length >= sizeof search->text)
            return false;
    }
    if (search->statement == STATEMENT_SELECT_COUNTRY)
        for (char *at = search->text; *at; at++)
            *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    return found <= 1 && (search->statement != STATEMENT_SELECT_TAG || strlen(search->text) <= TAG_MAX);
}

static bool by_time(const struct search *search)
{
    return search->statement == STATEMENT_SELECT_LEAST_RECENTLY_USED;
}

/* What the order has is from 0 on: a number below is one of no entry. */
static void add_bound(const struct search *search, struct pgsql_values *values, int64_t bound)
{
    if (by_time(search))
        pgsql_time(values, bound < -PXT_TIME_MAX ? -PXT_TIME_MAX : bound > PXT_TIME_MAX ? PXT_TIME_MAX : bound);
    else
        pgsql_number(values, bound);
}

static void add_healths(const struct search *search, struct pgsql_values *values)
{
    uint32_t healths = search->select->selection->health;
    pgsql_array(values, OID_TEXT);
    for (unsigned i = 0; i < PXT_HEALTH_COUNT; i++)
        if (!healths || healths & PXT_HEALTH_BIT(i))
            pgsql_text(values, pgsql_health_name[i], strlen(pgsql_health_name[i]));
    pgsql_array_end(values);
}

static pxt_status ask_page(const struct search *search, int64_t limit, PGresult **result, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    pgsql_string(&values, search->pgsql->name_space);
    add_bound(search, &values, search->from);
    pgsql_string(&values, search->after);
    add_bound(search, &values, search->select->to);
    pgsql_time(&values, search->select->now);
    pgsql_number(&values, limit);
    if (search->select->order == PXT_ORDER_RING)
        add_healths(search, &values);
    if (search->statement != STATEMENT_SELECT_ALL && search->select->order == PXT_ORDER_RING)
        pgsql_string(&values, search->text);
    return pgsql_ask(search->pgsql, search->statement, &values, result, error);
}

/* Tells a page, and goes on behind it. False: it was enough. */
static bool tell(struct search *search, const PGresult *result, pxt_selected_fn *fn, void *arg)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct pxt_key key;
        int64_t value = by_time(search) ? pgsql_get_time(result, row, 0) : pgsql_get_number(result, row, 0);
        search->pgsql->host->key_init(&key, PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1));
        search->from = value;
        snprintf(search->after, sizeof search->after, "%s", key.text);
        search->left--;
        if (!fn(arg, &key, value))
            return false;
    }
    return search->left > 0;
}

static pxt_status run(struct search *search, pxt_selected_fn *fn, void *arg, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (bool more = true; more && !status;) {
        PGresult *result = NULL;
        int some = search->left < PAGE_MAX ? (int)search->left : PAGE_MAX;
        status = ask_page(search, some, &result, error);
        more = !status && PQntuples(result) == some;
        if (!status)
            more = tell(search, result, fn, arg) && more;
        PQclear(result);
    }
    return status;
}

pxt_status pgsql_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                        struct pxt_error *error)
{
    struct search search = {.pgsql = self, .select = select, .from = select->from, .left = select->limit};
    if (!criterion(&search, select->selection) || select->order > PXT_ORDER_FASTEST ||
        select->order == PXT_ORDER_RANDOM)
        return PXT_ENOTSUP;
    if (select->order != PXT_ORDER_RING && (search.statement != STATEMENT_SELECT_ALL || select->selection->health))
        return PXT_ENOTSUP;
    if (select->order == PXT_ORDER_LEAST_USED)
        search.statement = STATEMENT_SELECT_LEAST_USED;
    else if (select->order == PXT_ORDER_LEAST_RECENTLY_USED)
        search.statement = STATEMENT_SELECT_LEAST_RECENTLY_USED;
    else if (select->order == PXT_ORDER_FASTEST)
        search.statement = STATEMENT_SELECT_FASTEST;
    if (select->from > select->to)
        return PXT_OK;
    if (select->after)
        snprintf(search.after, sizeof search.after, "%s", select->after->text);
    return run(&search, fn, arg, error);
}
