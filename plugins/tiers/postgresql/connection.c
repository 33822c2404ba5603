/* SPDX-License-Identifier: MIT
 *
 * connection.c: one connection to the server. The library's calls that wait know no deadline: so the socket does not block,
 * and all waiting is here.
 */
#include "postgresql.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

int64_t pgsql_deadline(const struct pgsql *pgsql)
{
    int64_t deadline = pgsql->host->call(pgsql->host)->deadline;
    return deadline ? deadline : pgsql->host->monotonic(pgsql->host) + pgsql->patience;
}

static pxt_status broke(struct pgsql *pgsql, struct pxt_error *error)
{
    return pgsql->host->fail(pgsql->host, error, PXT_EIO, 0, "the connection to the server %s broke: is it running?",
                             pgsql->address.name);
}

pxt_status pgsql_wait(struct pgsql *pgsql, PGconn *link, short events, int64_t deadline, struct pxt_error *error)
{
    const struct pxt_host *host = pgsql->host;
    struct pollfd wait = {.fd = PQsocket(link), .events = events};
    for (;;) {
        int64_t left = deadline - host->monotonic(host);
        int ready = left > 0 ? poll(&wait, 1, (int)(left / 1000 < 3600000 ? left / 1000 : 3600000) + 1) : 0;
        if (ready > 0)
            return PXT_OK;
        if (ready < 0 && errno == EINTR)
            continue;
        return ready < 0 ? host->fail(host, error, PXT_EIO, errno, "cannot wait for the server %s", pgsql->address.name)
                         : host->fail(host, error, PXT_EBUSY, 0,
                                      "the server %s did not answer in time: look at its load, or raise `timeout`",
                                      pgsql->address.name);
    }
}

/* ---- requests ---- */

pxt_status pgsql_next(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline, PGresult **result,
                      struct pxt_error *error)
{
    PGconn *link = connection->link;
    while (PQisBusy(link)) {
        int unsent = PQflush(link);
        if (unsent < 0)
            return broke(pgsql, error);
        pxt_status status = pgsql_wait(pgsql, link, (short)(POLLIN | (unsent ? POLLOUT : 0)), deadline, error);
        if (status)
            return status;
        if (!PQconsumeInput(link))
            return broke(pgsql, error);
    }
    *result = PQgetResult(link);
    if (*result || PQstatus(link) != CONNECTION_BAD)
        return PXT_OK;
    return broke(pgsql, error);
}

pxt_status pgsql_simple(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline, const char *sql,
                        PGresult **result, struct pxt_error *error)
{
    PGresult *last = NULL, *next = NULL;
    pxt_status status = PQsendQuery(connection->link, sql) ? PXT_OK : broke(pgsql, error);
    while (!status) {
        status = pgsql_next(pgsql, connection, deadline, &next, error);
        if (status || !next)
            break;
        PQclear(last);
        last = next;
        if (PQresultStatus(last) != PGRES_TUPLES_OK && PQresultStatus(last) != PGRES_COMMAND_OK) {
            bool again;
            status = pgsql_failed(pgsql, last, &connection->far.lost, &again, error);
        }
    }
    while (status && !PQisBusy(connection->link) && (next = PQgetResult(connection->link)))
        PQclear(next);
    if (!status && result)
        *result = last;
    else
        PQclear(last);
    return status;
}

/* ---- connecting ---- */

/* libpq prints what the server remarks, unless it is told not to. */
static void ignore_remark(void *arg, const PGresult *remark)
{
    (void)arg;
    (void)remark;
}

/* The parameters: what is given later counts instead of what was given before. */
static PGconn *start(const struct pgsql_address *address, unsigned candidate)
{
    const char *word[10], *value[10];
    unsigned n = 0;
    const struct pgsql_candidate *its = candidate < address->candidates ? &address->candidate[candidate] : NULL;
    const struct {
        const char *word, *value;
    } all[] = {{"fallback_application_name", "proxtier"},
               {"target_session_attrs", "read-write"},
               {"dbname", address->conninfo},
               {"password", address->password},
               {"host", its && its->host[0] ? its->host : NULL},
               {"hostaddr", its && its->hostaddr[0] ? its->hostaddr : NULL},
               {"port", its && its->port[0] ? its->port : NULL},
               {"client_encoding", "UTF8"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].value) {
            word[n] = all[i].word;
            value[n++] = all[i].value;
        }
    word[n] = value[n] = NULL;
    return PQconnectStartParams(word, value, 1);
}

/* libpq's own text has no password, but may have a line for each address. */
static pxt_status refused(struct pgsql *pgsql, const PGconn *link, struct pxt_error *error)
{
    char reason[300];
    size_t length = 0;
    bool asked = PQconnectionNeedsPassword(link) || PQconnectionUsedPassword(link);
    for (const char *text = PQerrorMessage(link); *text && length + 1 < sizeof reason; text++)
        reason[length++] = (unsigned char)*text < ' ' ? ' ' : *text;
    while (length && reason[length - 1] == ' ')
        length--;
    reason[length] = '\0';
    return pgsql->host->fail(pgsql->host, error, asked ? PXT_EACCES : PXT_EUNAVAILABLE, 0,
                             "cannot connect to the server %s: %s: %s", pgsql->address.name, reason,
                             asked ? "look at `conninfo` and `password`" : "is it running?");
}

static pxt_status stand(struct pgsql *pgsql, PGconn *link, int64_t deadline, struct pxt_error *error)
{
    PostgresPollingStatusType next = PQstatus(link) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        pxt_status status = pgsql_wait(pgsql, link, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, error);
        if (status)
            return status;
        next = PQconnectPoll(link);
    }
    return next == PGRES_POLLING_OK ? PXT_OK : refused(pgsql, link, error);
}

/* Notes the descriptor for the child of a fork. */
static void note_descriptor(struct pgsql *pgsql, struct pgsql_connection *connection)
{
    connection->slot = pgsql->descriptors;
    for (unsigned i = 0; i < pgsql->descriptors; i++) {
        int free_one = -1;
        if (atomic_compare_exchange_strong(&pgsql->descriptor[i], &free_one, PQsocket(connection->link))) {
            connection->slot = i;
            return;
        }
    }
}

struct pgsql_connection *pgsql_connect(struct pgsql *pgsql, unsigned candidate, int64_t deadline,
                                       struct pgsql_server *server, struct pxt_error *error)
{
    struct pgsql_connection *connection = calloc(1, sizeof *connection);
    if (!connection || !(connection->link = start(&pgsql->address, candidate))) {
        pgsql_no_memory(pgsql, error);
        free(connection);
        return NULL;
    }
    connection->slot = pgsql->descriptors;
    PQsetNoticeReceiver(connection->link, ignore_remark, NULL);
    pxt_status status = stand(pgsql, connection->link, deadline, error);
    if (!status) {
        note_descriptor(pgsql, connection);
        if (PQsetnonblocking(connection->link, 1))
            status = broke(pgsql, error);
    }
    if (!status)
        status = pgsql_server_look(pgsql, connection, deadline, server, error);
    if (!status)
        return connection;
    pgsql_disconnect(pgsql, connection);
    return NULL;
}

void pgsql_disconnect(struct pgsql *pgsql, struct pgsql_connection *connection)
{
    if (!connection)
        return;
    if (connection->slot < pgsql->descriptors)
        atomic_store(&pgsql->descriptor[connection->slot], -1);
    PQfinish(connection->link);
    free(connection);
}
