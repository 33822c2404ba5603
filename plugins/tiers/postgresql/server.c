/* SPDX-License-Identifier: MIT
 *
 * server.c: what a server says of itself, and of what it cannot do.
 */
#include "postgresql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All statements of the tier are meant to walk an index, whatever the planner knows of a table that was empty a minute ago.
 * A client that went away is noticed, so that its statement does not go on for long. */
static const char session[] = "SET search_path=pg_catalog;"
                              "SET statement_timeout=%lld;"
                              "SET idle_session_timeout=0;"
                              "SET idle_in_transaction_session_timeout=%lld;"
                              "SET default_transaction_isolation='read committed';"
                              "SET standard_conforming_strings=on;"
                              "SET enable_seqscan=off;SET enable_bitmapscan=off;SET enable_hashjoin=off;"
                              "SET enable_mergejoin=off;SET enable_sort=off;SET enable_material=off;SET jit=off;"
                              "SET plan_cache_mode=force_generic_plan;"
                              "SELECT (SELECT system_identifier FROM pg_control_system())||'/'||"
                              "extract(epoch FROM pg_postmaster_start_time()),"
                              "pg_is_in_recovery() OR current_setting('transaction_read_only')='on',"
                              "current_setting('fsync'),current_setting('synchronous_commit'),"
                              "current_setting('server_encoding')";

static bool is(const PGresult *result, int column, const char *text)
{
    return !strcmp(PQgetvalue(result, 0, column), text);
}

pxt_status pgsql_server_look(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline,
                             struct pgsql_server *server, struct pxt_error *error)
{
    const struct pxt_host *host = pgsql->host;
    char sql[sizeof session + 60];
    PGresult *result = NULL;
    long long limit = (long long)(pgsql->patience / 1000 + 1);
    *server = (struct pgsql_server){.why_not = NULL};
    if (PQserverVersion(connection->link) < 140000)
        return host->fail(host, error, PXT_ECONFIG, 0, "the server %s is older than PostgreSQL 14: use a newer one",
                          pgsql->address.name);
    snprintf(sql, sizeof sql, session, limit, limit);
    pxt_status status = pgsql_simple(pgsql, connection, deadline, sql, &result, error);
    if (status)
        return status;
    if (PQntuples(result) != 1 || PQnfields(result) != 5) {
        status = host->fail(host, error, PXT_EIO, 0, "the server %s does not say what it is", pgsql->address.name);
    } else if (!is(result, 4, "UTF8")) {
        status = host->fail(host, error, PXT_ECONFIG, 0,
                            "the database in the server %s has the encoding %.20s: make one with UTF8",
                            pgsql->address.name, PQgetvalue(result, 0, 4));
    } else {
        snprintf(server->identity, sizeof server->identity, "%s", PQgetvalue(result, 0, 0));
        server->read_only = is(result, 1, "t");
        server->why_not = server->read_only      ? "it takes no writes"
                          : !is(result, 2, "on") ? "it does not write to its disk at once (fsync = on)"
                          : is(result, 3, "off") ? "it acknowledges what it has not written (synchronous_commit = on)"
                                                 : NULL;
        server->durable = !server->why_not;
    }
    PQclear(result);
    return status;
}

/* ---- errors ---- */

enum effect { EFFECT_NONE, EFFECT_LOST, EFFECT_AGAIN };

/* What a state means, by its first characters: the first that fits. */
static const struct {
    const char *state;
    pxt_status status;
    enum effect effect;
    const char *advice;
} meaning[] = {{"22012", PXT_ESTALE, EFFECT_NONE, ""}, /* of STATEMENT_PUT: the division by zero */
               {"23505", PXT_ESTALE, EFFECT_NONE, ""}, /* of STATEMENT_PUT_FRESH: the key is there */
               {"22", PXT_EINVAL, EFFECT_NONE, "the server cannot store this value"},
               {"54", PXT_EINVAL, EFFECT_NONE, "the server cannot store this value"},
               {"25006", PXT_EUNAVAILABLE, EFFECT_LOST, "it is a standby: name the primary server in `conninfo` too"},
               {"28", PXT_EACCES, EFFECT_NONE, "look at `conninfo` and `password`"},
               {"42501", PXT_EACCES, EFFECT_NONE, "the role lacks a right: see proxtier-postgresql(7)"},
               {"40", PXT_EBUSY, EFFECT_AGAIN, "other changes of the same keys came between: try again"},
               {"53100", PXT_ENOSPC, EFFECT_NONE, "its disk is full"},
               {"53", PXT_EBUSY, EFFECT_NONE, "it is at its limits"},
               {"55P03", PXT_EBUSY, EFFECT_NONE, "a lock is held for long"},
               {"57014", PXT_EBUSY, EFFECT_NONE, "it took too long: look at its load"},
               {"57P", PXT_EUNAVAILABLE, EFFECT_LOST, "it ends, or starts"},
               {"08", PXT_EIO, EFFECT_LOST, "is it running?"},
               {"", PXT_EIO, EFFECT_NONE, "look at its log"}};

pxt_status pgsql_failed(struct pgsql *pgsql, const PGresult *result, bool *lost, bool *again, struct pxt_error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    size_t i = 0;
    state = state ? state : "08006"; /* made by libpq: the connection broke */
    while (strncmp(state, meaning[i].state, strlen(meaning[i].state)))
        i++;
    *lost |= meaning[i].effect == EFFECT_LOST;
    *again = meaning[i].effect == EFFECT_AGAIN;
    if (meaning[i].status == PXT_ESTALE)
        return pgsql->host->fail(pgsql->host, error, PXT_ESTALE, 0, "the server %s has a newer version",
                                 pgsql->address.name);
    return pgsql->host->fail(pgsql->host, error, meaning[i].status, 0, "the server %s: %.300s (%s): %s",
                             pgsql->address.name, text ? text : "the connection broke", state, meaning[i].advice);
}
