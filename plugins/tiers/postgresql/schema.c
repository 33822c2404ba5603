/* SPDX-License-Identifier: MIT
 *
 * schema.c: the tables. The first program makes them, the first of a newer layout changes them, and all others check the
 * number of the layout. One lock of the server lets only one of them do it at a time.
 */
#include "postgresql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new field needs a column, which pools that exist have not: raise PGSQL_LAYOUT. */
_Static_assert(PXT_FIELD_COUNT == 30, "a field was added: raise PGSQL_LAYOUT");

/* The columns are added below: so a newer layout has them too. */
static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS {s}cache_entries(namespace text COLLATE \"C\" NOT NULL,key text COLLATE \"C\" NOT NULL,"
    "PRIMARY KEY(namespace,key))",
    "CREATE TABLE IF NOT EXISTS {s}health_history(id bigint GENERATED ALWAYS AS IDENTITY,"
    "namespace text COLLATE \"C\" NOT NULL,proxy_key text COLLATE \"C\" NOT NULL,check_time timestamptz NOT NULL,"
    "status text COLLATE \"C\" NOT NULL,response_time_ms double precision,error_message text,check_url text NOT NULL,"
    "FOREIGN KEY(namespace,proxy_key) REFERENCES {s}cache_entries(namespace,key) ON DELETE CASCADE)",
    /* Of each tag of an entry one row, for selections. */
    "CREATE TABLE IF NOT EXISTS {s}proxtier_tags(namespace text COLLATE \"C\" NOT NULL,tag text COLLATE \"C\" NOT NULL,"
    "health_status text COLLATE \"C\" NOT NULL,ring bigint NOT NULL,key text COLLATE \"C\" NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {s}proxtier_leases(namespace text COLLATE \"C\" NOT NULL,id text COLLATE \"C\" NOT "
    "NULL,"
    "key text COLLATE \"C\" NOT NULL,holder text NOT NULL,most bigint NOT NULL,until timestamptz NOT NULL,"
    "PRIMARY KEY(namespace,key,id))",
    "CREATE TABLE IF NOT EXISTS {s}proxtier_record(namespace text COLLATE \"C\" PRIMARY KEY,record text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {s}proxtier_layout(one boolean PRIMARY KEY DEFAULT true CHECK(one),"
    "layout bigint NOT NULL)",
    NULL};

/* Beside those of fields: the place in the order of keys; the scheme of the URL; stamps for people. */
static const char *const columns[] = {"ring bigint NOT NULL", "scheme text COLLATE \"C\"",
                                      "created_at timestamptz NOT NULL DEFAULT now()",
                                      "updated_at timestamptz NOT NULL DEFAULT now()", NULL};

/* What all pools need; those of selections are made when they are needed (select_indexes.c). {n} and {k} are `namespace` and `key`
 * in the same order by another name. For a look by key the planner takes any index that has both; of a table that was empty when
 * it planned, perhaps one through which it reads all rows. By other names there is one index for each purpose. */
static const char *const indexes[] = {
    "INDEX IF NOT EXISTS idx_expires_at ON {s}cache_entries({n},expires_at) WHERE removed=0",
    "INDEX IF NOT EXISTS idx_version ON {s}cache_entries({n},version,{k})",
    "INDEX IF NOT EXISTS idx_removed ON {s}cache_entries({n},version) WHERE removed<>0",
    "INDEX IF NOT EXISTS idx_health_history_proxy ON {s}health_history(namespace,proxy_key,id)",
    "INDEX IF NOT EXISTS idx_tags_key ON {s}proxtier_tags(namespace,key)",
    "INDEX IF NOT EXISTS idx_leases_until ON {s}proxtier_leases({n},until)",
    "UNIQUE INDEX IF NOT EXISTS idx_tag ON {s}proxtier_tags({n},tag,health_status,ring,{k})",
    NULL};

/* What follows a change of a row: each tag of an entry has its row, and a tombstone has no history. Most rows have neither: so
 * the conditions are those of the triggers, which cost less than a statement that finds nothing to do. */
static const char *const follow[] = {
    "OR REPLACE FUNCTION {s}proxtier_follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP<>'INSERT' THEN "
    "DELETE FROM {s}proxtier_tags t WHERE t.namespace=OLD.namespace AND t.key=OLD.key; END IF; "
    "IF TG_OP<>'DELETE' THEN IF NEW.removed<>0 THEN "
    "DELETE FROM {s}health_history h WHERE h.namespace=NEW.namespace AND h.proxy_key=NEW.key; "
    "ELSE INSERT INTO {s}proxtier_tags(namespace,tag,health_status,ring,key) SELECT NEW.namespace,t.tag,"
    "NEW.health_status,NEW.ring,NEW.key FROM unnest(string_to_array(NEW.tags,',')) AS t(tag) WHERE t.tag<>'' AND "
    "length(t.tag)<=200 ON CONFLICT DO NOTHING; END IF; END IF; RETURN NULL; END $$",
    "OR REPLACE TRIGGER proxtier_inserted AFTER INSERT ON {s}cache_entries FOR EACH ROW "
    "WHEN (NEW.tags IS NOT NULL AND NEW.removed=0) EXECUTE FUNCTION {s}proxtier_follow()",
    "OR REPLACE TRIGGER proxtier_updated AFTER UPDATE ON {s}cache_entries FOR EACH ROW "
    "WHEN ((NEW.removed<>0 AND OLD.removed=0) OR ((OLD.tags IS NOT NULL OR NEW.tags IS NOT NULL) AND "
    "(OLD.tags IS DISTINCT FROM NEW.tags OR OLD.health_status<>NEW.health_status OR OLD.removed<>NEW.removed))) "
    "EXECUTE FUNCTION {s}proxtier_follow()",
    "OR REPLACE TRIGGER proxtier_deleted AFTER DELETE ON {s}cache_entries FOR EACH ROW "
    "WHEN (OLD.tags IS NOT NULL) EXECUTE FUNCTION {s}proxtier_follow()",
    NULL};

/* ---- making ---- */

static void add_columns(const struct pgsql *pgsql, struct pgsql_text *sql)
{
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        const struct pxt_field *field = pgsql->host->fields[id];
        char column[PGSQL_COLUMN_MAX];
        bool number = field->type == PXT_TYPE_COUNT || field->type == PXT_TYPE_VERSION;
        if (id == PXT_FIELD_KEY)
            continue;
        pgsql_column_of(field, column);
        pgsql_text_add(sql, "ALTER TABLE {s}cache_entries ADD COLUMN IF NOT EXISTS %s %s%s;", column,
                       pgsql_type_of(field),
                       number && !(field->flags & PXT_FIELD_OPTIONAL) ? " NOT NULL DEFAULT 0"
                       : field->type == PXT_TYPE_BOOL                 ? " NOT NULL DEFAULT false"
                       : field->type == PXT_TYPE_HEALTH               ? " NOT NULL DEFAULT 'unknown'"
                                                                      : "");
    }
    for (size_t i = 0; columns[i]; i++)
        pgsql_text_add(sql, "ALTER TABLE {s}cache_entries ADD COLUMN IF NOT EXISTS %s;", columns[i]);
}

/* All in one transaction, and none of it where the tables have the layout already. */
static pxt_status make_tables(struct pgsql *pgsql, struct pgsql_connection *connection, bool schema_too,
                              int64_t deadline, struct pxt_error *error)
{
    struct pgsql_text sql = {.data = NULL};
    if (schema_too)
        pgsql_text_add(&sql, "CREATE SCHEMA IF NOT EXISTS %s;", "{S}");
    for (size_t i = 0; tables[i]; i++)
        pgsql_text_add(&sql, "%s;", tables[i]);
    add_columns(pgsql, &sql);
    for (size_t i = 0; indexes[i]; i++)
        pgsql_text_add(&sql, "CREATE %s;", indexes[i]);
    for (size_t i = 0; follow[i]; i++)
        pgsql_text_add(&sql, "CREATE %s;", follow[i]);
    pgsql_text_add(&sql,
                   "INSERT INTO {s}proxtier_layout(layout) VALUES(%d) ON CONFLICT(one) DO UPDATE SET "
                   "layout=excluded.layout",
                   PGSQL_LAYOUT);
    char *expanded = sql.failed ? NULL : pgsql_expand(pgsql, sql.data);
    pxt_status status =
        expanded ? pgsql_simple(pgsql, connection, deadline, expanded, NULL, error) : pgsql_no_memory(pgsql, error);
    free(expanded);
    free(sql.data);
    return status;
}

/* ---- checking ---- */

struct found {
    bool schema, tables;
    int64_t layout;
    bool logged; /* the tables survive a crash of the server */
};

/* One simple statement with a pattern that is expanded. */
static pxt_status ask(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline, const char *pattern,
                      PGresult **result, struct pxt_error *error)
{
    char *sql = pgsql_expand(pgsql, pattern);
    pxt_status status =
        sql ? pgsql_simple(pgsql, connection, deadline, sql, result, error) : pgsql_no_memory(pgsql, error);
    free(sql);
    return status;
}

static pxt_status look(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline, struct found *found,
                       struct pxt_error *error)
{
    PGresult *result = NULL;
    *found = (struct found){.schema = false};
    pxt_status status =
        ask(pgsql, connection, deadline,
            "SELECT to_regnamespace('{S}') IS NOT NULL,to_regclass('{s}proxtier_layout') IS NOT NULL,"
            "coalesce((SELECT relpersistence='p' FROM pg_class WHERE oid=to_regclass('{s}cache_entries')),true)",
            &result, error);
    if (status)
        return status;
    found->schema = PQgetvalue(result, 0, 0)[0] == 't';
    found->tables = PQgetvalue(result, 0, 1)[0] == 't';
    found->logged = PQgetvalue(result, 0, 2)[0] == 't';
    PQclear(result);
    if (!found->tables)
        return PXT_OK;
    result = NULL;
    status = ask(pgsql, connection, deadline, "SELECT layout FROM {s}proxtier_layout", &result, error);
    if (!status && PQntuples(result))
        found->layout = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return status;
}

static pxt_status migrate(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline,
                          struct found *found, struct pxt_error *error)
{
    pxt_status status = ask(pgsql, connection, deadline,
                            "BEGIN;SET LOCAL client_min_messages=error;"
                            "SELECT pg_advisory_xact_lock(hashtextextended('proxtier {S}',0))",
                            NULL, error);
    if (!status)
        status = look(pgsql, connection, deadline, found, error);
    if (!status && found->layout < PGSQL_LAYOUT)
        status = make_tables(pgsql, connection, !found->schema, deadline, error);
    if (!status)
        status = pgsql_simple(pgsql, connection, deadline, "COMMIT", NULL, error);
    if (!status)
        status = look(pgsql, connection, deadline, found, error);
    return status; /* after an error the connection is closed: the server rolls back */
}

pxt_status pgsql_schema_check(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline,
                              struct pgsql_server *server, struct pxt_error *error)
{
    struct found found;
    pxt_status status = look(pgsql, connection, deadline, &found, error);
    if (!status && found.layout < PGSQL_LAYOUT)
        status = migrate(pgsql, connection, deadline, &found, error);
    if (!status && found.layout != PGSQL_LAYOUT)
        status = pgsql->host->fail(
            pgsql->host, error, PXT_ECONFIG, 0,
            "the schema %s in the server %s has the layout %lld, and this program knows %d: use the version of "
            "proxtier that made it, or another `schema`",
            pgsql->schema, pgsql->address.name, (long long)found.layout, PGSQL_LAYOUT);
    if (!status && !found.logged && server->durable) {
        server->durable = false;
        server->why_not = "its table cache_entries is UNLOGGED";
    }
    return status;
}
