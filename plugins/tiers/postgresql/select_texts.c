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

/* Adds the text of the streams of a set, as an expression. */
static void add_text(struct pgsql_text *text, enum pgsql_set set, bool by_health)
{
    const char *own = set == SET_SOURCE    ? "||source"
                      : set == SET_SCHEME  ? "||scheme"
                      : set == SET_COUNTRY ? "||lower(country)"
                                           : "";
    pgsql_text_add(text, "%s%s", by_health ? "health_status||'/'" : "'/'", own);
}

static void add_hash(struct pgsql_text *text, enum pgsql_set set, bool by_health)
{
    pgsql_text_add(text, "hashtextextended(namespace||'/'||");
    add_text(text, set, by_health);
    pgsql_text_add(text, ",0)");
}

static struct select_way way_of(unsigned number)
{
    return (struct select_way){.set = (enum pgsql_set)(number / 2 / PGSQL_ORDERS),
                               .order = (enum pxt_order)(number / 2 % PGSQL_ORDERS),
                               .by_health = number % 2};
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

void pgsql_select_index_name(char name[64], unsigned number)
{
    static const char *const names[] = {"all", "source", "scheme", "country", "tag", "ttl"};
    const struct select_way way = way_of(number);
    const char *order = orders[way.order].name, *health = way.by_health ? "_health" : "";
    if (way.set >= SET_LATENCY)
        snprintf(name, 64, "idx_select_latency%d%s_%s", (int)way.set - SET_LATENCY, health, order);
    else if (way.set >= SET_FAILURES)
        snprintf(name, 64, "idx_select_failures%d%s_%s", (int)way.set - SET_FAILURES, health, order);
    else
        snprintf(name, 64, "idx_select_%s%s_%s", names[way.set], health, order);
}

void pgsql_select_index(struct pgsql_text *text, unsigned number)
{
    const struct select_way way = way_of(number);
    char name[64];
    pgsql_select_index_name(name, number);
    pgsql_text_add(text, "%s ON {s}cache_entries((", name);
    add_hash(text, way.set, way.by_health);
    pgsql_text_add(text, "),(%s),{k}) WHERE ", orders[way.order].expression);
    add_condition(text, way.set);
}

/* ---- statements ---- */

/* Where the rows of a stream are. */
static void add_stream(struct pgsql_text *text, const struct select_way *way)
{
    const char *stream = way->by_health ? "h.stream" : "($7::text[])[1]";
    if (way->set == SET_TAG) {
        pgsql_text_add(text,
                       "{s}proxtier_tags t CROSS JOIN LATERAL (SELECT * FROM {s}cache_entries c WHERE "
                       "c.namespace=$1::text AND c.key=t.key LIMIT 1) AS e WHERE t.{n}=$1::text AND t.tag=$11::text "
                       "AND t.health_status=%s AND e.removed=0 AND e.health_status=t.health_status AND "
                       "$11=ANY(string_to_array(e.tags,','))",
                       stream);
    } else if (way->set == SET_TTL) {
        pgsql_text_add(text,
                       "(SELECT * FROM {s}cache_entries c WHERE c.{n}=$1::text AND c.removed=0 AND "
                       "c.expires_at>=$5::timestamptz ORDER BY c.expires_at DESC LIMIT %d) AS e WHERE "
                       "e.health_status=%s",
                       4 * SELECT_FEW, stream); /* some may come in between */
    } else {
        pgsql_text_add(text, "{s}cache_entries e WHERE ");
        add_hash(text, way->set, way->by_health);
        pgsql_text_add(text, "=hashtextextended($1::text||'/'||%s,0) AND ", stream);
        add_text(text, way->set, way->by_health);
        pgsql_text_add(text, "=%s AND ", stream);
        add_condition(text, way->set);
    }
}

/* The conditions beside. */
static void add_filters(struct pgsql_text *text, bool filtered)
{
    pgsql_text_add(text, " AND e.namespace||''=$1::text AND e.expires_at>=$5::timestamptz");
    if (filtered)
        pgsql_text_add(text, " AND ($8::text IS NULL OR e.source=$8) AND ($9::text IS NULL OR e.scheme=$9)"
                             " AND ($10::text IS NULL OR lower(e.country)=$10)"
                             " AND ($11::text IS NULL OR $11=ANY(string_to_array(e.tags,',')))"
                             " AND ($12::bigint IS NULL OR e.failure_count<=$12)"
                             " AND ($13::bigint IS NULL OR e.latency_us<=$13)");
}

enum pgsql_statement pgsql_select_statement_of(const struct select_way *way, bool filtered)
{
    const unsigned number = ((unsigned)way->set * PGSQL_ORDERS + (unsigned)way->order) * 2 + way->by_health;
    return (enum pgsql_statement)(STATEMENT_SELECT + 2 * number + filtered);
}

void pgsql_select_statement(struct pgsql_text *text, enum pgsql_statement statement)
{
    const struct select_way way = way_of((statement - STATEMENT_SELECT) / 2);
    const bool picks = way.order == PXT_ORDER_RANDOM, is_column = way.order != PXT_ORDER_FASTEST;
    const char *its = way.set == SET_TAG ? "t." : "e.", *type = orders[way.order].type;
    char value[64];
    snprintf(value, sizeof value, "%s%s", is_column ? its : "", orders[way.order].expression);
    if (picks)
        pgsql_text_add(text, "SELECT f.v,f.key,w.n FROM unnest($2::bigint[],$3::bigint[],$4::bigint[]) WITH ORDINALITY "
                             "AS w(first,last,ticket,n) CROSS JOIN LATERAL (");
    if (way.by_health)
        pgsql_text_add(text, "SELECT g.v,g.key FROM unnest($7::text[]) AS h(stream) CROSS JOIN LATERAL (");
    pgsql_text_add(text, "SELECT %s AS v,%skey FROM ", value, its);
    add_stream(text, &way);
    if (picks)
        pgsql_text_add(text, " AND %s>=w.first AND %s<=w.last", value, value);
    else
        pgsql_text_add(text, " AND (%s,%s{k})>($2::%s,$3::text) AND %s<=$4::%s", value, its, type, value, type);
    add_filters(text, (statement - STATEMENT_SELECT) % 2);
    pgsql_text_add(text, " ORDER BY %s,%s{k} LIMIT ", value, its);
    if (way.by_health)
        pgsql_text_add(text, "%s) AS g ORDER BY g.v,g.key LIMIT ", picks ? "w.ticket+1" : "$6::bigint");
    pgsql_text_add(text, picks ? "1 OFFSET w.ticket) AS f LIMIT $6::bigint" : "$6::bigint");
}
