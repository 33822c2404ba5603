/* SPDX-License-Identifier: MIT
 *
 * lease.c: leases, by the clock of the server: so hosts need not agree on the time. Those who take a lease of one key do so
 * one after the other, under a lock of the server.
 */
#include "postgresql.h"

static void add_lease(struct pgsql *pgsql, const struct pxt_lease *lease, struct pgsql_values *values)
{
    pgsql_string(values, pgsql->name_space);
    pgsql_text(values, lease->key.text, lease->key.length);
    if (lease->id)
        pgsql_string(values, lease->id);
}

/* The server's times end in the year 294276: no lease lasts longer than a thousand years. */
static int64_t ttl_of(const struct pxt_lease *lease)
{
    const int64_t most = INT64_C(31557600000) * PXT_SECOND;
    return lease->ttl < 0 ? 0 : lease->ttl < most ? lease->ttl : most;
}

pxt_status pgsql_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error)
{
    enum { STEPS = 3 };
    struct pgsql *pgsql = self;
    struct pgsql_values lock = {.count = 0}, prune = {.count = 0}, take = {.count = 0};
    PGresult *results[STEPS];
    struct pxt_lease of_key = *lease;
    of_key.id = NULL;
    add_lease(pgsql, &of_key, &lock);
    pgsql_string(&prune, pgsql->name_space);
    add_lease(pgsql, lease, &take);
    pgsql_string(&take, lease->holder ? lease->holder : "");
    pgsql_number(&take, lease->max);
    pgsql_number(&take, ttl_of(lease));
    const struct pgsql_step steps[STEPS] = {{STATEMENT_LEASE_LOCK, &lock, false},
                                            {STATEMENT_LEASE_TAKE, &take, true},
                                            {STATEMENT_LEASE_PRUNE, &prune, true}};
    pxt_status status = pgsql_run(pgsql, steps, STEPS, results, error);
    if (!status)
        *taken = PQntuples(results[1]) == 1;
    for (int i = 0; i < STEPS; i++)
        PQclear(results[i]);
    pgsql_values_free(&lock);
    pgsql_values_free(&prune);
    pgsql_values_free(&take);
    return status;
}

/* A change of a held lease. */
static pxt_status change(struct pgsql *pgsql, enum pgsql_statement statement, struct pgsql_values *values,
                         struct pxt_error *error)
{
    PGresult *result = NULL;
    pxt_status status = pgsql_ask(pgsql, statement, values, &result, error);
    if (!status && !PQntuples(result))
        status = PXT_NOT_FOUND;
    PQclear(result);
    return status;
}

pxt_status pgsql_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    add_lease(self, lease, &values);
    pgsql_number(&values, ttl_of(lease));
    return change(self, STATEMENT_LEASE_RENEW, &values, error);
}

pxt_status pgsql_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    add_lease(self, lease, &values);
    return change(self, STATEMENT_LEASE_END, &values, error);
}

pxt_status pgsql_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    if (key)
        pgsql_text(&values, key->text, key->length);
    pxt_status status = pgsql_ask(pgsql, key ? STATEMENT_LEASE_EACH_OF : STATEMENT_LEASE_EACH, &values, &result, error);
    for (int row = 0; !status && row < PQntuples(result); row++) {
        struct pxt_lease lease = {.size = sizeof lease,
                                  .id = PQgetvalue(result, row, 1),
                                  .holder = PQgetvalue(result, row, 2),
                                  .max = (uint32_t)pgsql_get_number(result, row, 3)};
        lease.until = pgsql->host->now(pgsql->host) + pgsql_get_number(result, row, 4);
        pgsql->host->key_init(&lease.key, PQgetvalue(result, row, 0), (size_t)PQgetlength(result, row, 0));
        if (!fn(arg, &lease))
            break;
    }
    PQclear(result);
    return status;
}
