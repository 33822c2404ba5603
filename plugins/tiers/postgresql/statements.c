/* SPDX-License-Identifier: MIT
 *
 * statements.c: the statements, made from the table of fields. Their patterns have words in braces:
 *   {S} {s}      the schema; the same with a dot, before a table
 *   {fields}     the columns of the fields of `e`, in the order of their numbers
 *   {columns}    the same without `e`, then ring and scheme; {i.columns} likewise, of the input `i`
 *   {n} {k}      `namespace` and `key`, as all indexes but the primary keys have them; see schema.c
 *   {values}     parameters from $2 on, one for each of these; {arrays} likewise, arrays; {next} is the parameter behind them
 *   {typed}      {values} with their types and names
 *   {fresh} {unnest}     of these the columns that a proxy has which was never used, and an array for each, put in rows
 *   {set} {excluded}     assignments of all but the key, from `i` or from what an INSERT excluded
 *
 * The server plans a statement once, perhaps while the tables are empty, and keeps the plan when they are large. So each
 * statement leaves it one way: a walk in the order of one index; or a look by key for each row of the input, by a subquery with
 * LIMIT or OFFSET, and then a change of the rows that were found by their places (ctid). They are locked before: a change
 * that came between would have moved them.
 */
#include "select.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSERT "INSERT INTO {s}cache_entries AS e(namespace,{columns},updated_at) SELECT $1,{i.columns},now() FROM i "
#define PLACE "(SELECT ctid AS at FROM {s}cache_entries c WHERE c.namespace=$1 AND c.key=i.key LIMIT 1)"
#define ON_KEY "ON CONFLICT(namespace,key) DO UPDATE SET {excluded},updated_at=now() WHERE "
#define PUT_ONE "INSERT INTO {s}cache_entries AS e(namespace,{columns},updated_at) VALUES($1,{values},now()) " ON_KEY
#define HELD "until>statement_timestamp()"
#define LEASES                                                                                                         \
    "SELECT key,id,holder,most,(extract(epoch FROM until-statement_timestamp())*1000000)::bigint FROM "                \
    "{s}proxtier_leases WHERE "

static const char *const pattern[STATEMENT_SELECT] = {
    [STATEMENT_GET] = "SELECT {fields} FROM {s}cache_entries e WHERE e.namespace=$1 AND e.key=$2",
    [STATEMENT_GET_MANY] = "SELECT {fields} FROM unnest($2::text[]) AS k(key) CROSS JOIN LATERAL (SELECT * FROM "
                           "{s}cache_entries f WHERE f.namespace=$1 AND f.key=k.key LIMIT 1) AS e",
    /* Before a change of many rows, in the order of keys: a statement sees what was committed before it began. */
    [STATEMENT_LOCK] = "SELECT count(*) FROM unnest($2::text[]) AS i(key) CROSS JOIN LATERAL (SELECT 1 FROM "
                       "{s}cache_entries c WHERE c.namespace=$1 AND c.key=i.key LIMIT 1 FOR UPDATE) AS f",
    [STATEMENT_PUT] = PUT_ONE "excluded.version>=e.version OR excluded.version=0",
    [STATEMENT_PUT_NEW] = PUT_ONE "e.version=0",
    /* A list of new proxies: most of its columns have their defaults. Arrays in the list of results cost the server least, and no
     * conflict is looked for: the statement fails if there is one (23505). */
    [STATEMENT_PUT_FRESH] = "INSERT INTO {s}cache_entries(namespace,{fresh},updated_at) SELECT $1,{unnest},now()",
    [STATEMENT_PUT_OVER] = "UPDATE {s}cache_entries e SET {set},updated_at=now() FROM (SELECT {typed}) AS i "
                           "WHERE e.namespace=$1 AND e.key=$2 AND e.version-{next}::bigint=0",
    /* All or none: one that is not written divides by zero. */
    [STATEMENT_PUT_ALL] = "WITH i AS MATERIALIZED (SELECT * FROM unnest({arrays}) AS t({columns})),w AS (" INSERT ON_KEY
                          "excluded.version>=e.version OR excluded.version=0 RETURNING 1) "
                          "SELECT count(*),1/(count(*)=cardinality($2))::int FROM w",
    [STATEMENT_PUT_IF] =
        "WITH i AS MATERIALIZED (SELECT * FROM unnest({arrays},{next}::bigint[]) AS t({columns},expected)),"
        "o AS MATERIALIZED (SELECT i.*,f.at FROM i CROSS JOIN LATERAL " PLACE " AS f WHERE i.expected<>0),"
        "u AS (UPDATE {s}cache_entries e SET {set},updated_at=now() FROM o AS i WHERE e.ctid=i.at AND "
        "e.version-i.expected=0 RETURNING e.key),n AS (" INSERT "WHERE i.expected=0 " ON_KEY
        "e.version=0 RETURNING e.key) SELECT key FROM u UNION ALL SELECT key FROM n",
    [STATEMENT_DEL] =
        "WITH d AS (DELETE FROM {s}cache_entries e WHERE e.namespace=$1 AND e.key=$2 AND "
        "($3::bigint IS NULL OR e.version=$3) RETURNING removed) SELECT (SELECT count(*) FROM d WHERE removed=0),"
        "(SELECT count(*) FROM {s}cache_entries e WHERE e.namespace=$1 AND e.key=$2)",
    [STATEMENT_TOUCH] =
        "WITH i AS MATERIALIZED (SELECT i.*,f.at FROM unnest($2::text[],$3::bigint[],$4::timestamptz[],$5::boolean[]) "
        "AS "
        "i(key,hits,last,evicted) CROSS JOIN LATERAL " PLACE " AS f) UPDATE {s}cache_entries e SET "
        "access_count=least(e.access_count+i.hits,9007199254740991),last_accessed=greatest(e.last_accessed,i.last),"
        "evicted_from_l1=e.evicted_from_l1 OR i.evicted FROM i WHERE e.ctid=i.at AND e.removed<1",
    [STATEMENT_NOTIFY] = "SELECT count(pg_notify($1,p)) FROM unnest($2::text[]) AS t(p)",
    [STATEMENT_EACH] = "SELECT {fields} FROM {s}cache_entries e WHERE e.namespace=$1 AND e.removed=0 AND e.key>$2 "
                       "ORDER BY e.key LIMIT $3::bigint",
    [STATEMENT_VERSIONS] = "SELECT e.version,e.key FROM {s}cache_entries e WHERE e.{n}=$1 AND "
                           "(e.version,e.{k})>($2::bigint,$3::text) AND e.version<=$4::bigint "
                           "ORDER BY e.version,e.{k} LIMIT $5::bigint",
    [STATEMENT_COUNT] = "SELECT count(*) FROM {s}cache_entries e WHERE e.{n}=$1 AND e.removed=0",
    [STATEMENT_TOMBSTONES] = "SELECT count(*) FROM {s}cache_entries e WHERE e.{n}=$1 AND e.removed<>0",
    [STATEMENT_KNOWN_DEAD] = "SELECT count(*) FROM {s}cache_entries e WHERE e.{n}=$1 AND e.removed<>0 AND "
                             "e.removed=$2::bigint AND e.fetch_time>$3::timestamptz",
    [STATEMENT_CLEAR] =
        "WITH c AS MATERIALIZED (SELECT ctid AS at FROM {s}cache_entries WHERE namespace=$1 AND key>$2 ORDER BY key "
        "LIMIT $3::bigint FOR UPDATE),d AS (DELETE FROM {s}cache_entries e USING c WHERE e.ctid=c.at RETURNING e.key,"
        "e.removed) SELECT count(*),count(*) FILTER (WHERE removed=0),coalesce(max(key),'') FROM d",
    [STATEMENT_EXPIRE] =
        "WITH c AS MATERIALIZED (SELECT ctid AS at FROM {s}cache_entries WHERE {n}=$1 AND removed=0 AND "
        "expires_at<=$2::timestamptz AND version<=$3::bigint ORDER BY expires_at LIMIT $4::bigint FOR UPDATE) "
        "DELETE FROM {s}cache_entries e USING c WHERE e.ctid=c.at RETURNING e.key",
    [STATEMENT_EXPIRE_DEAD] =
        "WITH c AS MATERIALIZED (SELECT ctid AS at FROM {s}cache_entries WHERE {n}=$1 AND removed<>0 AND "
        "version<=$2::bigint AND (removed=$4::bigint AND fetch_time>$5::timestamptz) IS NOT TRUE ORDER BY version "
        "LIMIT $3::bigint FOR UPDATE),d AS (DELETE FROM {s}cache_entries e USING c WHERE e.ctid=c.at RETURNING 1) "
        "SELECT count(*) FROM d",
    [STATEMENT_RECORD_GET] = "SELECT record FROM {s}proxtier_record WHERE namespace=$1",
    [STATEMENT_RECORD_PUT] = "INSERT INTO {s}proxtier_record(namespace,record) VALUES($1,$2) "
                             "ON CONFLICT(namespace) DO UPDATE SET record=excluded.record",
    [STATEMENT_CHECK_ADD] =
        "INSERT INTO {s}health_history(namespace,proxy_key,check_time,status,response_time_ms,error_message,check_url) "
        "SELECT e.namespace,e.key,$3::timestamptz,$4::text,$5::double precision,$6::text,$7::text "
        "FROM {s}cache_entries e WHERE e.namespace=$1 AND e.key=$2 AND e.removed<1 RETURNING id",
    [STATEMENT_CHECK_PRUNE] =
        "WITH c AS MATERIALIZED (SELECT ctid AS at FROM {s}health_history WHERE namespace=$1 AND proxy_key=$2 ORDER BY "
        "id DESC OFFSET $3::bigint) DELETE FROM {s}health_history x USING c WHERE x.ctid=c.at",
    [STATEMENT_CHECK_EACH] = "SELECT check_time,status,response_time_ms,error_message,check_url FROM {s}health_history "
                             "WHERE namespace=$1 AND proxy_key=$2 ORDER BY id DESC",
    [STATEMENT_SELECT_INDEXES] =
        "SELECT c.relname::text FROM pg_index i CROSS JOIN LATERAL (SELECT relname FROM pg_class "
        "WHERE oid=i.indexrelid LIMIT 1) AS c WHERE i.indrelid=to_regclass('{s}cache_entries') "
        "AND i.indisvalid AND c.relname LIKE 'idx_select_%'",
    /* A statement sees what was committed before it began: so the lock is a statement of its own. */
    [STATEMENT_LEASE_LOCK] = "SELECT count(pg_advisory_xact_lock(hashtextextended('proxtier {S} '||$1||' '||$2,0)))",
    [STATEMENT_LEASE_PRUNE] = "WITH c AS MATERIALIZED (SELECT ctid AS at FROM {s}proxtier_leases WHERE {n}=$1 AND "
                              "until<=statement_timestamp() ORDER BY until LIMIT 100 FOR UPDATE SKIP LOCKED) "
                              "DELETE FROM {s}proxtier_leases e USING c WHERE e.ctid=c.at",
    [STATEMENT_LEASE_TAKE] =
        "WITH held AS (SELECT most FROM {s}proxtier_leases WHERE namespace=$1 AND key=$2 AND " HELD ") "
        "INSERT INTO {s}proxtier_leases(namespace,key,id,holder,most,until) SELECT $1,$2,$3,$4::text,$5::bigint,"
        "statement_timestamp()+$6::bigint*interval '1 microsecond' WHERE (SELECT count(*) FROM held)<"
        "least($5::bigint,(SELECT min(most) FROM held)) RETURNING 1",
    [STATEMENT_LEASE_RENEW] = "UPDATE {s}proxtier_leases SET until=statement_timestamp()+$4::bigint*interval "
                              "'1 microsecond' WHERE namespace=$1 AND key=$2 AND id=$3 AND " HELD " RETURNING 1",
    [STATEMENT_LEASE_END] =
        "DELETE FROM {s}proxtier_leases WHERE namespace=$1 AND key=$2 AND id=$3 AND " HELD " RETURNING 1",
    [STATEMENT_LEASE_EACH] = LEASES "namespace=$1 AND " HELD,
    [STATEMENT_LEASE_EACH_OF] = LEASES "namespace=$1 AND key=$2 AND " HELD,
};

/* ---- texts ---- */

void pgsql_text_add(struct pgsql_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t wanted = text->length + (size_t)(need > 0 ? need : 0) + 1;
    if (need >= 0 && !text->failed && wanted > text->size) {
        char *grown = realloc(text->data, 2 * wanted);
        text->failed = !grown;
        text->data = grown ? grown : text->data;
        text->size = grown ? 2 * wanted : text->size;
    }
    text->failed |= need < 0;
    if (text->failed)
        return;
    va_start(args, format);
    vsnprintf(text->data + text->length, text->size - text->length, format, args);
    va_end(args);
    text->length += (size_t)need;
}

void pgsql_column_of(const struct pxt_field *field, char out[PGSQL_COLUMN_MAX])
{
    snprintf(out, PGSQL_COLUMN_MAX, "%s%s", field->name, field->type == PXT_TYPE_SECRET ? "_encrypted" : "");
}

const char *pgsql_type_of(const struct pxt_field *field)
{
    switch (field->type) {
    case PXT_TYPE_TEXT:
    case PXT_TYPE_HEALTH:
        return "text COLLATE \"C\"";
    case PXT_TYPE_SECRET:
        return "bytea";
    case PXT_TYPE_TIME:
        return "timestamptz";
    case PXT_TYPE_BOOL:
        return "boolean";
    case PXT_TYPE_COUNT:
    case PXT_TYPE_VERSION:
        break;
    }
    return "bigint";
}

enum { RING = PXT_FIELD_COUNT, SCHEME, COLUMNS };

static void column_name(const struct pgsql *pgsql, size_t i, char out[PGSQL_COLUMN_MAX])
{
    if (i < PXT_FIELD_COUNT)
        pgsql_column_of(pgsql->host->fields[i], out);
    else
        snprintf(out, PGSQL_COLUMN_MAX, "%s", i == RING ? "ring" : "scheme");
}

static void add_list(const struct pgsql *pgsql, struct pgsql_text *text, const char *before, size_t n)
{
    char column[PGSQL_COLUMN_MAX];
    for (size_t i = 0; i < n; i++) {
        column_name(pgsql, i, column);
        pgsql_text_add(text, "%s%s%s", i ? "," : "", before, column);
    }
}

bool pgsql_is_fresh(size_t field)
{
    switch (field) {
    case PXT_FIELD_EVICTED_FROM_L1:
    case PXT_FIELD_ACCESS_COUNT:
    case PXT_FIELD_FAILURE_COUNT:
    case PXT_FIELD_LAST_HEALTH_CHECK:
    case PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES:
    case PXT_FIELD_CONSECUTIVE_HEALTH_SUCCESSES:
    case PXT_FIELD_RECOVERY_ATTEMPT:
    case PXT_FIELD_NEXT_CHECK_TIME:
    case PXT_FIELD_LAST_HEALTH_ERROR:
    case PXT_FIELD_TOTAL_HEALTH_CHECKS:
    case PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES:
    case PXT_FIELD_TALLIES:
    case PXT_FIELD_REMOVED:
    case PXT_FIELD_LATENCY:
        return false;
    default:
        return true;
    }
}

static void add_fresh(const struct pgsql *pgsql, struct pgsql_text *text, bool names)
{
    char column[PGSQL_COLUMN_MAX];
    unsigned parameter = 1;
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *type = i == RING ? "bigint" : i == SCHEME ? "text" : pgsql_type_of(pgsql->host->fields[i]);
        if (!pgsql_is_fresh(i))
            continue;
        column_name(pgsql, i, column);
        parameter++;
        pgsql_text_add(text, "%s", parameter > 2 ? "," : "");
        if (names)
            pgsql_text_add(text, "%s", column);
        else
            pgsql_text_add(text, "unnest($%u::%.*s[])", parameter, (int)strcspn(type, " "), type);
    }
}

static void add_parameters(const struct pgsql *pgsql, struct pgsql_text *text, bool arrays, bool named)
{
    char column[PGSQL_COLUMN_MAX];
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *type = i == RING ? "bigint" : i == SCHEME ? "text" : pgsql_type_of(pgsql->host->fields[i]);
        pgsql_text_add(text, "%s$%zu::%.*s%s", i ? "," : "", i + 2, (int)strcspn(type, " "), type, arrays ? "[]" : "");
        column_name(pgsql, i, column);
        if (named)
            pgsql_text_add(text, " AS %s", column);
    }
}

/* Hits are counted beside puts, by other hosts too: the greater number stays while the entry lives. */
static void add_assignments(const struct pgsql *pgsql, struct pgsql_text *text, const char *from)
{
    char column[PGSQL_COLUMN_MAX];
    bool more = false;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i == PXT_FIELD_KEY)
            continue;
        column_name(pgsql, i, column);
        if (i == PXT_FIELD_ACCESS_COUNT || i == PXT_FIELD_LAST_ACCESSED)
            pgsql_text_add(text, "%s%s=CASE WHEN e.removed=0 AND %s.removed=0 THEN greatest(e.%s,%s.%s) ELSE %s.%s END",
                           more ? "," : "", column, from, column, from, column, from, column);
        else
            pgsql_text_add(text, "%s%s=%s.%s", more ? "," : "", column, from, column);
        more = true;
    }
}

static bool starts(const char *at, const char *word, size_t *length)
{
    *length = strlen(word);
    return !strncmp(at, word, *length);
}

/* Adds what the word at `at` stands for; returns its length. */
static size_t expand_word(const struct pgsql *pgsql, const char *at, struct pgsql_text *text)
{
    size_t length;
    if (starts(at, "{S}", &length))
        pgsql_text_add(text, "\"%s\"", pgsql->schema);
    else if (starts(at, "{s}", &length))
        pgsql_text_add(text, "\"%s\".", pgsql->schema);
    else if (starts(at, "{k}", &length))
        pgsql_text_add(text, "key COLLATE \"POSIX\"");
    else if (starts(at, "{n}", &length))
        pgsql_text_add(text, "namespace COLLATE \"POSIX\"");
    else if (starts(at, "{fields}", &length))
        add_list(pgsql, text, "e.", PXT_FIELD_COUNT);
    else if (starts(at, "{columns}", &length))
        add_list(pgsql, text, "", COLUMNS);
    else if (starts(at, "{i.columns}", &length))
        add_list(pgsql, text, "i.", COLUMNS);
    else if (starts(at, "{arrays}", &length))
        add_parameters(pgsql, text, true, false);
    else if (starts(at, "{values}", &length))
        add_parameters(pgsql, text, false, false);
    else if (starts(at, "{fresh}", &length))
        add_fresh(pgsql, text, true);
    else if (starts(at, "{unnest}", &length))
        add_fresh(pgsql, text, false);
    else if (starts(at, "{typed}", &length))
        add_parameters(pgsql, text, false, true);
    else if (starts(at, "{next}", &length))
        pgsql_text_add(text, "$%d", COLUMNS + 2);
    else if (starts(at, "{set}", &length))
        add_assignments(pgsql, text, "i");
    else if (starts(at, "{excluded}", &length))
        add_assignments(pgsql, text, "excluded");
    else {
        pgsql_text_add(text, "%c", *at);
        length = 1;
    }
    return length;
}

char *pgsql_expand(const struct pgsql *pgsql, const char *pattern_)
{
    struct pgsql_text text = {.data = NULL};
    for (const char *at = pattern_; *at;) {
        size_t plain = strcspn(at, "{");
        pgsql_text_add(&text, "%.*s", (int)plain, at);
        at += plain;
        if (*at)
            at += expand_word(pgsql, at, &text);
    }
    if (!text.failed)
        return text.data;
    free(text.data);
    return NULL;
}

const char *pgsql_statement_text(struct pgsql *pgsql, enum pgsql_statement statement)
{
    struct pgsql_text text = {.data = NULL};
    char *made = NULL, *known = atomic_load(&pgsql->sql[statement]);
    if (known)
        return known;
    if (statement < STATEMENT_SELECT) {
        made = pgsql_expand(pgsql, pattern[statement]);
    } else {
        pgsql_select_statement(&text, statement);
        made = text.failed ? NULL : pgsql_expand(pgsql, text.data);
        free(text.data);
    }
    if (made && !atomic_compare_exchange_strong(&pgsql->sql[statement], &known, made)) {
        free(made);
        made = known;
    }
    return made;
}

void pgsql_statements_free(struct pgsql *pgsql)
{
    for (unsigned i = 0; i < STATEMENT_MAX; i++)
        free(pgsql->sql[i]);
}
