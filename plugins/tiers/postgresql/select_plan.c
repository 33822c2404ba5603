/* SPDX-License-Identifier: MIT
 *
 * select_plan.c: which sets have all matches of a selection, and which of them is the smallest.
 */
#include "select.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE = 8, USES_SHIFT = 8, USES_MAX = 64 };

/* ---- the candidates ---- */

static void add(struct select_search *search, enum pgsql_set set)
{
    search->candidate[search->candidates++] = set;
}

static void plan_tag(struct select_search *search, const char *tag)
{
    const bool on_ring = search->order == PXT_ORDER_RING || search->order == PXT_ORDER_RANDOM;
    search->impossible |= !*tag || strchr(tag, ',');
    if (on_ring && strlen(tag) <= SELECT_TAG_MAX)
        add(search, SET_TAG);
}

static void plan_country(struct select_search *search, const char *country)
{
    size_t i = 0;
    for (; country[i] && i < PXT_TEXT_MAX; i++)
        search->country[i] = (char)(country[i] >= 'A' && country[i] <= 'Z' ? country[i] - 'A' + 'a' : country[i]);
    search->country[i] = '\0';
    search->impossible |= country[i] != '\0';
    add(search, SET_COUNTRY);
}

static void plan_numbers(struct select_search *search, const struct pxt_selection *selection)
{
    unsigned degree = 0;
    while (degree < PGSQL_SET_FAILURES && pgsql_failures_of(degree) < selection->max_failures)
        degree++;
    if (selection->max_failures >= 0 && degree < PGSQL_SET_FAILURES)
        add(search, (enum pgsql_set)(SET_FAILURES + degree));
    search->latency = -1;
    if (!(selection->max_latency_ms >= 0))
        return;
    search->latency = selection->max_latency_ms < (double)PXT_COUNT_MAX / 1000
                          ? (int64_t)(selection->max_latency_ms * 1000)
                          : PXT_COUNT_MAX;
    for (degree = 0; degree < PGSQL_SET_LATENCIES && pgsql_latency_of(degree) < search->latency;)
        degree++;
    if (degree < PGSQL_SET_LATENCIES && search->order != PXT_ORDER_FASTEST)
        add(search, (enum pgsql_set)(SET_LATENCY + degree));
}

static void plan_expiry(struct select_search *search, const struct pxt_select *select)
{
    int64_t left = select->selection->min_ttl;
    search->expires = select->now + 1;
    if (left <= 0)
        return;
    search->impossible |= left > (PXT_TIME_MAX - select->now) / PXT_SECOND;
    if (!search->impossible)
        search->expires = select->now + left * PXT_SECOND;
}

static uint64_t hashed(uint64_t hash, const void *bytes, size_t n)
{
    for (const unsigned char *at = bytes; n; n--) /* FNV-1a */
        hash = (hash ^ *at++) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_of(const struct select_search *search, const struct pxt_selection *selection)
{
    const char *const texts[] = {selection->source, selection->scheme, selection->country, selection->tag};
    const int64_t numbers[] = {search->healths, selection->min_ttl, selection->max_failures, search->latency};
    uint64_t hash = hashed(UINT64_C(0xcbf29ce484222325), numbers, sizeof numbers);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hash = texts[i] ? hashed(hash, texts[i], strlen(texts[i]) + 1) : hashed(hash, "\1", 2);
    return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

bool pgsql_select_plan(struct select_search *search)
{
    const struct pxt_selection *selection = search->select->selection;
    const unsigned all = PXT_HEALTH_BIT(PXT_HEALTH_COUNT) - 1;
    search->healths = selection->health & all;
    search->impossible = selection->health && !search->healths;
    if (search->healths == all)
        search->healths = 0;
    if (selection->host)
        return false;
    if (selection->tag)
        plan_tag(search, selection->tag);
    if (selection->source)
        add(search, SET_SOURCE);
    if (selection->country)
        plan_country(search, selection->country);
    plan_numbers(search, selection);
    if (selection->scheme)
        add(search, SET_SCHEME);
    plan_expiry(search, search->select);
    search->hash = hash_of(search, selection);
    if (search->candidates)
        return true;
    if (selection->min_ttl > 0)
        add(search, SET_TTL);
    add(search, SET_ALL);
    return !selection->tag;
}

/* ---- parameters ---- */

struct select_way pgsql_select_way(const struct select_search *search, enum pgsql_set set, uint32_t order)
{
    return (struct select_way){
        .set = set, .order = (enum pxt_order)order, .by_health = search->healths || set == SET_TAG || set == SET_TTL};
}

bool pgsql_select_is_filtered(const struct select_search *search, enum pgsql_set set, bool filters)
{
    const struct pxt_selection *selection = search->select->selection;
    return set == SET_TAG ||
           (filters && ((selection->source && set != SET_SOURCE) || (selection->scheme && set != SET_SCHEME) ||
                        (selection->country && set != SET_COUNTRY) || selection->tag || selection->max_failures >= 0 ||
                        search->latency >= 0));
}

static void add_streams(const struct select_search *search, enum pgsql_set set, struct pgsql_values *values)
{
    const struct pxt_selection *selection = search->select->selection;
    const char *own = set == SET_SOURCE    ? selection->source
                      : set == SET_SCHEME  ? selection->scheme
                      : set == SET_COUNTRY ? search->country
                                           : "";
    const char *slash = set == SET_TAG || set == SET_TTL ? "" : "/";
    const bool by_health = pgsql_select_way(search, set, PXT_ORDER_RING).by_health;
    pgsql_array(values, OID_TEXT);
    for (unsigned i = 0; i < (by_health ? PXT_HEALTH_COUNT : 1); i++) {
        char stream[PXT_TEXT_MAX + 40];
        const char *health = by_health ? pgsql_health_name[i] : "";
        int length = snprintf(stream, sizeof stream, "%s%s%.*s", health, slash, PXT_TEXT_MAX, own);
        if (!search->healths || search->healths & PXT_HEALTH_BIT(i))
            pgsql_text(values, stream, (size_t)length);
    }
    pgsql_array_end(values);
}

void pgsql_select_parameters(const struct select_search *search, enum pgsql_set set, bool filters, uint64_t limit,
                             struct pgsql_values *values)
{
    const struct pxt_selection *selection = search->select->selection;
    pgsql_time(values, filters || set == SET_TTL ? search->expires : search->select->now + 1);
    pgsql_number(values, (int64_t)limit);
    add_streams(search, set, values);
    if (!pgsql_select_is_filtered(search, set, filters))
        return;
    pgsql_string(values, filters && set != SET_SOURCE ? selection->source : NULL);
    pgsql_string(values, filters && set != SET_SCHEME ? selection->scheme : NULL);
    pgsql_string(values, filters && set != SET_COUNTRY && selection->country ? search->country : NULL);
    pgsql_string(values, filters || set == SET_TAG ? selection->tag : NULL);
    if (filters && selection->max_failures >= 0)
        pgsql_number(values, selection->max_failures);
    else
        pgsql_null(values);
    if (filters && search->latency >= 0)
        pgsql_number(values, search->latency);
    else
        pgsql_null(values);
}

/* ---- the smallest ---- */

/* How many entries a set has, of 2^63 places: these are random, so the distance of a few entries says it. */
static pxt_status density_of(const struct select_search *search, enum pgsql_set set, double *density,
                             struct pxt_error *error)
{
    const int64_t place = (int64_t)((uint64_t)search->select->now * UINT64_C(0x9E3779B97F4A7C15) >> 2);
    PGresult *result = NULL;
    const bool few = set == SET_TTL;
    const struct select_way way = pgsql_select_way(search, set, PXT_ORDER_RING);
    pxt_status status = pgsql_select_needs(search->pgsql, &way, error);
    if (!status)
        status = pgsql_select_page(search, set, false, few ? -1 : place, "", INT64_MAX, few ? SELECT_FEW : SAMPLE,
                                   &result, error);
    if (status)
        return status;
    int n = PQntuples(result);
    int64_t last = n == SAMPLE && !few ? pgsql_get_number(result, n - 1, 0) : INT64_MAX;
    *density = few && n == SELECT_FEW ? INFINITY : n / ((double)last - (few ? 0 : (double)place));
    PQclear(result);
    return PXT_OK;
}

pxt_status pgsql_select_smallest(struct select_search *search, struct pxt_error *error)
{
    struct pgsql *pgsql = search->pgsql;
    uint64_t known = pgsql_select_recall(pgsql->select.smallest, search->hash), uses = known >> USES_SHIFT;
    unsigned best = 0;
    double least = INFINITY;
    pxt_status status = PXT_OK;
    if (search->candidates == 1)
        return PXT_OK;
    if (uses && uses < USES_MAX && (known & 0xff) < search->candidates) {
        best = known & 0xff;
    } else {
        best = search->candidates - 1;
        uses = 0;
        for (unsigned i = 0; i < search->candidates && !status; i++) {
            double density = INFINITY;
            status = density_of(search, search->candidate[i], &density, error);
            if (density < least) {
                least = density;
                best = i;
            }
        }
    }
    if (!status && search->candidate[best] != SET_TTL) /* they must be few whenever they are read */
        pgsql_select_keep(pgsql->select.smallest, search->hash, (uses + 1) << USES_SHIFT | best);
    search->candidate[0] = search->candidate[best];
    search->candidates = 1;
    return status;
}
