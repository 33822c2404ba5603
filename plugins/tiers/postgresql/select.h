/* SPDX-License-Identifier: MIT
 *
 * select.h: how entries are searched by the tier. A set is what an index has in an order: the entries of a source, say. An entry is in
 * the stream of its health: so the entries of some healths are as many streams, put together.
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

enum { SELECT_PAGE = 256, SELECT_FEW = 256, SELECT_TAG_MAX = 200 };

struct select_search {
    struct pgsql *pgsql;
    const struct pxt_select *select;
    uint32_t order, healths;
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

static inline enum pgsql_statement pgsql_select_statement_of(enum pgsql_set set, enum pxt_order order)
{
    return (enum pgsql_statement)(STATEMENT_SELECT + (unsigned)set * PGSQL_ORDERS + (unsigned)order);
}

/* ---- select_plan.c ---- */

/* False: there is a condition that no index helps with, or a text that is too long for one. */
bool pgsql_select_plan(struct select_search *search);
/* Finds out which of the candidates is the smallest; it is the only one afterwards. PXT_ENOTSUP: it has no index. */
pxt_status pgsql_select_smallest(struct select_search *search, struct pxt_error *error);
/* Adds the parameters of all searches from $5 on; `filters`: the conditions beside those of the set. */
void pgsql_select_parameters(const struct select_search *search, enum pgsql_set set, bool filters, uint64_t limit,
                             struct pgsql_values *values);

/* ---- select_texts.c ---- */

/* Adds the statement of a set in an order: with PXT_ORDER_RANDOM the one that picks. */
void pgsql_select_statement(struct pgsql_text *text, enum pgsql_set set, enum pxt_order order);
/* Adds the definition of an index, and its name; see pgsql_select_needs(). */
void pgsql_select_index(struct pgsql_text *text, enum pgsql_set set, enum pxt_order order);
void pgsql_select_index_name(char name[64], enum pgsql_set set, enum pxt_order order);

/* ---- select_indexes.c ---- */

/* Waits until there is the index of a set in an order. PXT_ENOTSUP: it cannot be made, or not in the time that the call has. */
pxt_status pgsql_select_needs(struct pgsql *pgsql, enum pgsql_set set, enum pxt_order order, struct pxt_error *error);

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
