/* SPDX-License-Identifier: MIT
 *
 * select_texts.c: statements and indexes of selections.
 *
 * An index begins with the hash of name space, health and the text of the set: eight bytes are compared faster than three texts,
 * and any text fits. The hash leads to a stream; the statement compares the texts themselves.
 *
 * Parameters: $1 the name space; of a walk $2 and $3 the place it begins behind, and $4 where it ends; of picks $2 to $4 arrays, the
 * first and last place of each window and the number that was drawn; $5 the earliest expiry, $6 the limit, $7 the streams;
 * $8 to $13 the conditions beside: source, scheme, country, tag, failures, latency.
 */
#include "select.h"
#include <stdio.h>

struct column {
    const char *name, *expression, *type;
};

static const struct column orders[] = {
    [PXT_ORDER_RING] = {"ring", "ring", "bigint"},
    [PXT_ORDER_RANDOM] = {"ring", "ring", "bigint"},
    [PXT_ORDER_LEAST_USED] = {"used", "access_count", "bigint"},
    [PXT_ORDER_LEAST_RECENTLY_USED] = {"recent", "last_accessed", "timestamptz"},
    [PXT_ORDER_FASTEST] = {"fast", "coalesce(latency_us,9223372036854775807)", "bigint"},
};

/* The text of a set, as an expression; "": it has none. */
static const char *text_of(enum pgsql_set set)
{
    return set == SET_SOURCE    ? "||source"
           : set == SET_SCHEME  ? "||scheme"
           : set == SET_COUNTRY ? "||lower(country)"
                                : "";
}

/* The condition of a partial index. */
static void add_condition(struct pgsql_text *text, enum pgsql_set set)
{
    pgsql_text_add(text, "removed=0");
    if (set == SET_COUNTRY)
        pgsql_text_add(text, " AND country IS NOT NULL");
    else if (set >= SET_LATENCY)
        pgsql_text_add(text, " AND latency_us<=%lld", (long long)pgsql_latency_of(set - SET_LATENCY));
    else if (set >= SET_FAILURES)
        pgsql_text_add(text, " AND failure_count<=%lld", (long long)pgsql_failures_of(set - SET_FAILURES));
}

void pgsql_select_index_name(char name[64], enum pgsql_set set, enum pxt_order order)
{
    static const char *const names[] = {"all", "source", "scheme", "country", "tag", "ttl"};
    if (set >= SET_LATENCY)
        snprintf(name, 64, "idx_select_latency%d_%s", (int)set - SET_LATENCY, orders[order].name);
    else if (set >= SET_FAILURES)
        snprintf(name, 64, "idx_select_failures%d_%s", (int)set - SET_FAILURES, orders[order].name);
    else
        snprintf(name, 64, "idx_select_%s_%s", names[set], orders[order].name);
}

void pgsql_select_index(struct pgsql_text *text, enum pgsql_set set, enum pxt_order order)
{
    char name[64];
    pgsql_select_index_name(name, set, order);
    pgsql_text_add(text,
                   "%s ON {s}cache_entries((hashtextextended(namespace||'/'||health_status||'/'%s,0)),(%s),{k}) WHERE ",
                   name, text_of(set), orders[order].expression);
    add_condition(text, set);
}

/* ---- statements ---- */

/* Where the rows of a stream are. */
static void add_stream(struct pgsql_text *text, enum pgsql_set set)
{
    if (set == SET_TAG) {
        pgsql_text_add(text,
                       "{s}proxtier_tags t CROSS JOIN LATERAL (SELECT * FROM {s}cache_entries c WHERE "
                       "c.namespace=$1::text AND c.key=t.key LIMIT 1) AS e WHERE t.{n}=$1::text AND t.tag=$11::text "
                       "AND t.health_status=h.stream AND e.removed=0 AND e.health_status=t.health_status");
    } else if (set == SET_TTL) {
        pgsql_text_add(text,
                       "(SELECT * FROM {s}cache_entries c WHERE c.{n}=$1::text AND c.removed=0 AND "
                       "c.expires_at>=$5::timestamptz ORDER BY c.expires_at DESC LIMIT %d) AS e WHERE "
                       "e.health_status=h.stream",
                       4 * SELECT_FEW); /* some may come in between */
    } else {
        const char *own = text_of(set);
        pgsql_text_add(text,
                       "{s}cache_entries e WHERE hashtextextended(namespace||'/'||health_status||'/'%s,0)="
                       "hashtextextended($1::text||'/'||h.stream,0) AND health_status||'/'%s=h.stream AND ",
                       own, own);
        add_condition(text, set);
    }
}

/* The conditions beside. */
static void add_filters(struct pgsql_text *text)
{
    pgsql_text_add(text, " AND e.namespace||''=$1::text AND e.expires_at>=$5::timestamptz"
                         " AND ($8::text IS NULL OR e.source=$8) AND ($9::text IS NULL OR e.scheme=$9)"
                         " AND ($10::text IS NULL OR lower(e.country)=$10)"
                         " AND ($11::text IS NULL OR $11=ANY(string_to_array(e.tags,',')))"
                         " AND ($12::bigint IS NULL OR e.failure_count<=$12)"
                         " AND ($13::bigint IS NULL OR e.latency_us<=$13)");
}

void pgsql_select_statement(struct pgsql_text *text, enum pgsql_set set, enum pxt_order order)
{
    const char *its = set == SET_TAG ? "t." : "e.", *type = orders[order].type;
    char value[64];
    bool is_column = order != PXT_ORDER_FASTEST;
    snprintf(value, sizeof value, "%s%s", is_column ? its : "", orders[order].expression);
    if (order == PXT_ORDER_RANDOM)
        pgsql_text_add(text, "SELECT f.v,f.key,w.n FROM unnest($2::bigint[],$3::bigint[],$4::bigint[]) WITH ORDINALITY "
                             "AS w(first,last,ticket,n) CROSS JOIN LATERAL (");
    pgsql_text_add(text,
                   "SELECT g.v,g.key FROM unnest($7::text[]) AS h(stream) CROSS JOIN LATERAL (SELECT %s AS v,%skey "
                   "FROM ",
                   value, its);
    add_stream(text, set);
    if (order == PXT_ORDER_RANDOM)
        pgsql_text_add(text, " AND %s>=w.first AND %s<=w.last", value, value);
    else
        pgsql_text_add(text, " AND (%s,%s{k})>($2::%s,$3::text) AND %s<=$4::%s", value, its, type, value, type);
    add_filters(text);
    pgsql_text_add(text, " ORDER BY %s,%s{k} LIMIT %s) AS g ORDER BY g.v,g.key ", value, its,
                   order == PXT_ORDER_RANDOM ? "w.ticket+1" : "$6::bigint");
    pgsql_text_add(text,
                   order == PXT_ORDER_RANDOM ? "LIMIT 1 OFFSET w.ticket) AS f LIMIT $6::bigint" : "LIMIT $6::bigint");
}
