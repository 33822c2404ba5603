/* SPDX-License-Identifier: MIT
 *
 * request.c: what one call sends, and its results. All steps go to the server in one go (pipeline mode), also those that prepare
 * a statement: so a call costs one round trip. The answer to a notice at the end is left to the next call of the connection: no
 * caller has to wait for it.
 */
#include "postgresql.h"
#include <stdio.h>

enum { TRIES = 5, STEPS_MAX = 8 };

pxt_status pgsql_no_memory(struct pgsql *pgsql, struct pxt_error *error)
{
    return pgsql->host->fail(pgsql->host, error, PXT_ENOMEM, 0, "no memory for a call of the server %s",
                             pgsql->address.name);
}

struct request {
    struct pgsql *pgsql;
    struct pgsql_connection *connection;
    int64_t deadline;
    bool prepares[STEPS_MAX]; /* the step prepares its statement first */
    bool usable, again;
};

static void name_of(enum pgsql_statement statement, char name[12])
{
    snprintf(name, 12, "p%u", (unsigned)statement);
}

static bool send_step(struct request *request, const struct pgsql_step *step, bool prepares, bool ends)
{
    const char *value[PGSQL_VALUES_MAX];
    int length[PGSQL_VALUES_MAX], format[PGSQL_VALUES_MAX];
    PGconn *link = request->connection->link;
    const struct pgsql_values *values = step->values;
    char name[12];
    name_of(step->statement, name);
    const char *sql = prepares ? pgsql_statement_text(request->pgsql, step->statement) : NULL;
    if (prepares && (!sql || !PQsendPrepare(link, name, sql, 0, NULL)))
        return false;
    for (unsigned i = 0; i < values->count; i++) {
        value[i] = values->value[i].length < 0 ? NULL : values->bytes ? values->bytes + values->value[i].at : "";
        length[i] = values->value[i].length;
        format[i] = 1;
    }
    return PQsendQueryPrepared(link, name, (int)values->count, value, length, format, 1) &&
           (!ends || PQpipelineSync(link));
}

static bool send_all(struct request *request, const struct pgsql_step *steps, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        request->prepares[i] = !request->connection->prepared[steps[i].statement] &&
                               !(request->connection->unread_prepares && steps[i].statement == STATEMENT_NOTIFY);
        for (unsigned j = 0; j < i; j++)
            request->prepares[i] &= steps[j].statement != steps[i].statement;
        if (!send_step(request, &steps[i], request->prepares[i], steps[i].ends || i + 1 == n))
            return false;
    }
    return true;
}

/* The next result; where the library tells the end of one before, NULL, it is passed over. */
static pxt_status receive(struct request *request, PGresult **result, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    *result = NULL;
    for (int i = 0; i < 3 && !status && !*result; i++)
        status = pgsql_next(request->pgsql, request->connection, request->deadline, result, error);
    if (!status && !*result)
        status = request->pgsql->host->fail(request->pgsql->host, error, PXT_EIO, 0,
                                            "the server %s gives fewer answers than asked for",
                                            request->pgsql->address.name);
    return status;
}

/* Receives a result of a step. `*first` has the status of the first step that failed; the rest of its transaction is aborted.
 * A notice that is lost makes other hosts hear later: the write before it has been done. */
static pxt_status receive_step(struct request *request, enum pgsql_statement statement, pxt_status *first,
                               PGresult **result, struct pxt_error *error)
{
    pxt_status status = receive(request, result, error);
    if (status)
        return status;
    ExecStatusType type = PQresultStatus(*result);
    if (type != PGRES_TUPLES_OK && type != PGRES_COMMAND_OK && !*first && statement != STATEMENT_NOTIFY) {
        bool again;
        *first = pgsql_failed(request->pgsql, *result, &request->connection->far.lost, &again, error);
        request->again = again;
    }
    return PXT_OK;
}

/* Receives that a statement was prepared. */
static pxt_status receive_prepared(struct request *request, enum pgsql_statement statement, pxt_status *first,
                                   struct pxt_error *error)
{
    PGresult *result = NULL;
    pxt_status status = receive_step(request, statement, first, &result, error);
    if (!status)
        request->connection->prepared[statement] = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return status;
}

/* Receives the end of a transaction. */
static pxt_status receive_end(struct request *request, struct pxt_error *error)
{
    PGresult *result = NULL;
    pxt_status status = receive(request, &result, error);
    if (!status && PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        status = request->pgsql->host->fail(request->pgsql->host, error, PXT_EIO, 0,
                                            "the server %s gives other answers than asked for",
                                            request->pgsql->address.name);
    PQclear(result);
    return status;
}

/* Receives the answer to the notice of the call before this. */
static pxt_status receive_unread(struct request *request, struct pxt_error *error)
{
    struct pgsql_connection *connection = request->connection;
    pxt_status ignored = PXT_OK, status = PXT_OK;
    PGresult *result = NULL;
    if (!connection->unread)
        return PXT_OK;
    if (connection->unread_prepares)
        status = receive_prepared(request, STATEMENT_NOTIFY, &ignored, error);
    if (!status)
        status = receive_step(request, STATEMENT_NOTIFY, &ignored, &result, error);
    PQclear(result);
    if (!status)
        status = receive_end(request, error);
    connection->unread = connection->unread_prepares = false;
    return status;
}

void pgsql_receive_unread(struct pgsql *pgsql, struct pgsql_connection *connection)
{
    enum { WAIT = 200 * 1000 };
    struct request request = {
        .pgsql = pgsql, .connection = connection, .deadline = pgsql->host->monotonic(pgsql->host) + WAIT};
    receive_unread(&request, NULL);
}

/* Leaves the answer to a notice to the next call, if the notice is on its way. */
static bool leave_unread(struct request *request, const struct pgsql_step *step, bool prepares)
{
    if (step->statement != STATEMENT_NOTIFY || PQflush(request->connection->link))
        return false;
    request->connection->unread = true;
    request->connection->unread_prepares = prepares;
    return true;
}

static pxt_status receive_all(struct request *request, const struct pgsql_step *steps, unsigned n, PGresult **results,
                              struct pxt_error *error)
{
    pxt_status first = PXT_OK, status = receive_unread(request, error);
    for (unsigned i = 0; !status && i < n; i++) {
        if (i + 1 == n && i && leave_unread(request, &steps[i], request->prepares[i]))
            break;
        if (request->prepares[i])
            status = receive_prepared(request, steps[i].statement, &first, error);
        if (!status)
            status = receive_step(request, steps[i].statement, &first, &results[i], error);
        if (!status && (steps[i].ends || i + 1 == n))
            status = receive_end(request, first ? NULL : error);
    }
    request->usable = !status;
    return first ? first : status;
}

static pxt_status run_once(struct request *request, const struct pgsql_step *steps, unsigned n, PGresult **results,
                           struct pxt_error *error)
{
    struct pgsql *pgsql = request->pgsql;
    request->usable = request->again = false;
    for (unsigned i = 0; i < n; i++)
        results[i] = NULL;
    pxt_status status = pgsql_take(pgsql, request->deadline, &request->connection, error);
    if (status)
        return status;
    if (send_all(request, steps, n))
        status = receive_all(request, steps, n, results, error);
    else
        status = pgsql->host->fail(pgsql->host, error, PXT_EIO, 0, "cannot write to the server %s: is it running?",
                                   pgsql->address.name);
    pgsql_give_back(pgsql, request->connection, request->usable);
    for (unsigned i = 0; status && i < n; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
    return status;
}

pxt_status pgsql_run(struct pgsql *pgsql, const struct pgsql_step *steps, unsigned n, PGresult **results,
                     struct pxt_error *error)
{
    struct request request = {.pgsql = pgsql, .deadline = pgsql_deadline(pgsql)};
    pxt_status status;
    for (unsigned i = 0; i < n; i++)
        if (steps[i].values->failed) {
            for (unsigned j = 0; j < n; j++)
                results[j] = NULL;
            return pgsql_no_memory(pgsql, error);
        }
    int tries = 0;
    do
        status = run_once(&request, steps, n, results, error);
    while (status && request.again && ++tries < TRIES);
    return status;
}

pxt_status pgsql_ask(struct pgsql *pgsql, enum pgsql_statement statement, struct pgsql_values *values,
                     PGresult **result, struct pxt_error *error)
{
    const struct pgsql_step step = {.statement = statement, .values = values, .ends = true};
    pxt_status status = pgsql_run(pgsql, &step, 1, result, error);
    pgsql_values_free(values);
    return status;
}
