/* SPDX-License-Identifier: MIT
 *
 * select.h: how entries are searched by the tier. A set is what an index has in an order: the entries of a source, say. If
 * some healths are asked for, each of them is a stream of the set, and they are put together.
 *
 * select_plan.c     the sets that have all matches of a selection; the smallest of them is walked
 * select_texts.c    the statement and the index of each set in each order
 * select_indexes.c  indexes are made when they are first needed: each costs something with every put
 * select_random.c   picks
 * select.c          walks
 */
#ifndef POSTGRESQL_SELECT_H
#define POSTGRESQL_SELECT_H

#include "postgresql.h"

enum pgsql_set {
    SET_ALL,
    SET_SOURCE,
    SET_SCHEME,
    SET_COUNTRY,
    SET_TAG,                                         /* of the table of tags: in the order of the ring only */
    SET_TTL,                                         /* those that live longest, in no order, if they are few */
    SET_FAILURES,                                    /* up to pgsql_failures_of(degree) */
    SET_LATENCY = SET_FAILURES + PGSQL_SET_FAILURES, /* up to pgsql_latency_of(degree) */
    SET_END = SET_LATENCY + PGSQL_SET_LATENCIES
};
_Static_assert((int)SET_END == (int)PGSQL_SETS, "the number of sets");

/* What a statement walks through. */
struct select_way {
    enum pgsql_set set;
    enum pxt_order order; /* PXT_ORDER_RANDOM: it picks, by the index of the ring */
    bool by_health;
};

enum { SELECT_PAGE = 256, SELECT_FEW = 256, SELECT_TAG_MAX = 200 };

struct select_search {
    struct pgsql *pgsql;
    const struct pxt_select *select;
    uint32_t order, healths; /* healths 0: any */
    enum pgsql_set candidate[8];
    unsigned candidates;
    bool impossible; /* nothing can match */
    uint64_t hash;   /* of the selection */
    int64_t latency; /* the most, or -1 */
    pxt_time expires;
    char country[PXT_TEXT_MAX + 1];
};

static inline int64_t pgsql_failures_of(unsigned degree)
{
    return (INT64_C(1) << degree) - 1;
}
static inline int64_t pgsql_latency_of(unsigned degree)
{
    return INT64_C(1000) << degree;
}

/* The number of the index of a way. */
static inline unsigned pgsql_select_number(const struct select_way *way)
{
    const unsigned order = way->order == PXT_ORDER_RANDOM ? PXT_ORDER_RING : way->order;
    return ((unsigned)way->set * PGSQL_ORDERS + order) * 2 + way->by_health;
}

/* ---- select_plan.c ---- */

/* False: there is a condition that no index helps with, or a text that is too long for one. */
bool pgsql_select_plan(struct select_search *search);
/* Finds out which of the candidates is the smallest; it is the only one afterwards. PXT_ENOTSUP: it has no index. */
pxt_status pgsql_select_smallest(struct select_search *search, struct pxt_error *error);
/* Adds the parameters of all searches from $5 on; `filters`: the conditions beside those of the set. */
void pgsql_select_parameters(const struct select_search *search, enum pgsql_set set, bool filters, uint64_t limit,
                             struct pgsql_values *values);

/* The way by a set in the order of the search. */
struct select_way pgsql_select_way(const struct select_search *search, enum pgsql_set set, uint32_t order);
/* Whether the statement has parameters for conditions: beside those of the set (if `filters`), or for a tag. */
bool pgsql_select_is_filtered(const struct select_search *search, enum pgsql_set set, bool filters);

/* ---- select_texts.c ---- */

/* The statement of a way, and its text. */
enum pgsql_statement pgsql_select_statement_of(const struct select_way *way, bool filtered);
void pgsql_select_statement(struct pgsql_text *text, enum pgsql_statement statement);
/* Adds the definition of an index, and its name; see pgsql_select_needs(). */
void pgsql_select_index(struct pgsql_text *text, unsigned number);
void pgsql_select_index_name(char name[64], unsigned number);

/* ---- select_indexes.c ---- */

/* Waits until there is the index of a way. PXT_ENOTSUP: it cannot be made, or not in the time that the call has. */
pxt_status pgsql_select_needs(struct pgsql *pgsql, const struct select_way *way, struct pxt_error *error);

/* ---- select_random.c ---- */

pxt_status pgsql_select_pick(const struct select_search *search, pxt_selected_fn *fn, void *arg,
                             struct pxt_error *error);

/* ---- select.c ---- */

/* One page of a walk, behind a place. */
pxt_status pgsql_select_page(const struct select_search *search, enum pgsql_set set, bool filters, int64_t from,
                             const char *after, int64_t to, uint64_t limit, PGresult **result, struct pxt_error *error);
/* What was remembered of a selection, below 2^48; 0: nothing. */
uint64_t pgsql_select_recall(_Atomic uint64_t slots[PGSQL_SELECTIONS], uint64_t hash);
void pgsql_select_keep(_Atomic uint64_t slots[PGSQL_SELECTIONS], uint64_t hash, uint64_t value);

#endif
