/* SPDX-License-Identifier: MIT
 *
 * history.c: health checks, in a table as ProxyWhirl's. They go with their entry, and stay when it is updated.
 */
#include "postgresql.h"
#include <string.h>

static void add_check(struct pgsql *pgsql, const struct pxt_check *check, struct pgsql_values *values)
{
    bool known = (unsigned)check->status < PXT_HEALTH_COUNT;
    pgsql_string(values, pgsql->name_space);
    pgsql_text(values, check->key.text, check->key.length);
    pgsql_time(values, check->time);
    pgsql_string(values, pgsql_health_name[known ? check->status : PXT_HEALTH_UNKNOWN]);
    if (check->response_time_ms >= 0)
        pgsql_real(values, check->response_time_ms);
    else
        pgsql_null(values);
    pgsql_string(values, check->error_message);
    pgsql_string(values, check->check_url ? check->check_url : "");
}

pxt_status pgsql_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values add = {.count = 0}, prune = {.count = 0};
    PGresult *results[2] = {NULL, NULL};
    add_check(pgsql, check, &add);
    pgsql_string(&prune, pgsql->name_space);
    pgsql_text(&prune, check->key.text, check->key.length);
    pgsql_number(&prune, keep < INT64_MAX ? (int64_t)keep : INT64_MAX);
    const struct pgsql_step steps[] = {{STATEMENT_CHECK_ADD, &add, false}, {STATEMENT_CHECK_PRUNE, &prune, true}};
    pxt_status status = pgsql_run(pgsql, steps, keep ? 2 : 1, results, error);
    if (!status && !PQntuples(results[0]))
        status = PXT_NOT_FOUND; /* a history needs an entry */
    PQclear(results[0]);
    PQclear(results[1]);
    pgsql_values_free(&add);
    pgsql_values_free(&prune);
    return status;
}

static enum pxt_health health_of(const char *name)
{
    for (int i = 0; i < PXT_HEALTH_COUNT; i++)
        if (!strcmp(pgsql_health_name[i], name))
            return (enum pxt_health)i;
    return PXT_HEALTH_UNKNOWN;
}

pxt_status pgsql_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pgsql_text(&values, key->text, key->length);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_CHECK_EACH, &values, &result, error);
    for (int row = 0; !status && row < PQntuples(result); row++) {
        const struct pxt_check check = {
            .size = sizeof check,
            .key = *key,
            .time = pgsql_get_time(result, row, 0),
            .status = health_of(PQgetvalue(result, row, 1)),
            .response_time_ms = PQgetisnull(result, row, 2) ? -1 : pgsql_get_real(result, row, 2),
            .error_message = PQgetisnull(result, row, 3) ? NULL : PQgetvalue(result, row, 3),
            .check_url = PQgetvalue(result, row, 4)};
        if (!fn(arg, &check))
            break;
    }
    PQclear(result);
    return status;
}
