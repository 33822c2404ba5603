/* SPDX-License-Identifier: MIT
 *
 * watch.c: a thread with a connection of its own that hears what other hosts change. When it loses that connection, or is told
 * that another one broke, it says so to the core, and looks for the server until it is there again. Only then, and after
 * the core was told, are connections for calls made.
 */
#include "postgresql.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MIN = 10, PAUSE_MAX = 1000 }; /* milliseconds */

/* ---- finding ---- */

static pxt_status accept(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline,
                         struct pgsql_server *server, struct pxt_error *error)
{
    char sql[80];
    pxt_status status = PXT_OK;
    if (server->read_only)
        status = pgsql->host->fail(pgsql->host, error, PXT_EUNAVAILABLE, 0,
                                   "the server %s takes no writes: name the primary server in `conninfo` too",
                                   pgsql->address.name);
    if (!status)
        status = pgsql_schema_check(pgsql, connection, deadline, server, error);
    snprintf(sql, sizeof sql, "LISTEN \"%s\"", pgsql->channel);
    return status ? status : pgsql_simple(pgsql, connection, deadline, sql, NULL, error);
}

/* Tries the candidates, each for its share of the time. NULL with the error of the last. */
static struct pgsql_connection *find(struct pgsql *pgsql, struct pgsql_server *server, unsigned *candidate,
                                     struct pxt_error *error)
{
    const struct pxt_host *host = pgsql->host;
    int64_t end = host->monotonic(host) + pgsql->patience;
    unsigned n = pgsql->address.candidates ? pgsql->address.candidates : 1;
    for (unsigned i = 0; i < n && !atomic_load(&pgsql->watch.ends); i++) {
        int64_t now = host->monotonic(host), deadline = now + (end > now ? (end - now) / (n - i) : 0);
        struct pgsql_connection *connection = pgsql_connect(pgsql, i, deadline, server, error);
        if (connection && accept(pgsql, connection, deadline, server, error)) {
            pgsql_disconnect(pgsql, connection);
            connection = NULL;
        }
        *candidate = i;
        if (connection)
            return connection;
    }
    return NULL;
}

/* ---- hearing ---- */

static void hear(struct pgsql *pgsql, const PGnotify *notice)
{
    const struct pxt_host *host = pgsql->host;
    const char *text = notice->extra;
    size_t own = strlen(pgsql->identity);
    if (!strncmp(text, pgsql->identity, own))
        return;
    text = strchr(text, '\n');
    if (!text)
        return host->changed(host, NULL);
    while (text) {
        struct pxt_key key;
        char copy[PXT_KEY_MAX + 1];
        const char *next = strchr(++text, '\n');
        size_t length = next ? (size_t)(next - text) : strlen(text);
        if (length && length <= PXT_KEY_MAX) {
            memcpy(copy, text, length);
            copy[length] = '\0';
            host->key_init(&key, copy, length);
            host->changed(host, &key);
        }
        text = next;
    }
}

/* Takes what has arrived. False: the connection is lost. */
static bool take_notices(struct pgsql *pgsql, struct pgsql_connection *connection)
{
    PGnotify *notice;
    if (!PQconsumeInput(connection->link))
        return false;
    while ((notice = PQnotifies(connection->link))) {
        hear(pgsql, notice);
        PQfreemem(notice);
    }
    /* The answers to `SELECT`. */
    while (!PQisBusy(connection->link)) {
        PGresult *result = PQgetResult(connection->link);
        if (!result)
            break;
        bool answered = PQresultStatus(result) == PGRES_TUPLES_OK;
        PQclear(result);
        if (!answered)
            return false;
    }
    return PQstatus(connection->link) == CONNECTION_OK;
}

static void drain(int fd)
{
    char bytes[64];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

/* Listens until the connection is lost, another one was, or it is to end. A server that hangs does not answer within
 * `patience`; one that became read-only answers with an error. */
static void listen_to(struct pgsql *pgsql, struct pgsql_connection *connection)
{
    bool asked = false;
    while (!atomic_load(&pgsql->watch.ends)) {
        struct pollfd wait[] = {{.fd = PQsocket(connection->link), .events = POLLIN},
                                {.fd = pgsql->watch.wake[0], .events = POLLIN}};
        int ready = poll(wait, 2, (int)(pgsql->patience / 1000) + 1);
        if ((ready < 0 && errno != EINTR) || wait[1].revents)
            return;
        if (ready > 0 && wait[0].revents) {
            asked = false;
            if (!take_notices(pgsql, connection))
                return;
        } else if (!ready) {
            if (asked || !PQsendQuery(connection->link, "SELECT 1") || PQflush(connection->link) < 0)
                return;
            asked = true;
        }
    }
}

/* ---- the thread ---- */

/* Waits, at most so many milliseconds; false: it is to end. */
static bool rest(struct pgsql *pgsql, int milliseconds)
{
    struct pollfd wait = {.fd = pgsql->watch.wake[0], .events = POLLIN};
    if (!atomic_load(&pgsql->watch.ends))
        poll(&wait, 1, milliseconds);
    drain(pgsql->watch.wake[0]);
    return !atomic_load(&pgsql->watch.ends);
}

/* The server is there: which one it is may have changed. */
static void greet(struct pgsql *pgsql, const struct pgsql_server *server, unsigned candidate)
{
    const struct pxt_host *host = pgsql->host;
    if (pgsql->durable && !server->durable)
        host->log(
            host, PXT_LOG_WARNING,
            "the server %s is no durable one any more: %s; open the cache again, or what it acknowledges may be lost",
            pgsql->address.name, server->why_not);
    host->available(host, true);
    far_pool_found(&pgsql->pool, server->identity, candidate);
}

static void *watch(void *arg)
{
    struct pgsql *pgsql = arg;
    struct pgsql_connection *connection = pgsql->watch.connection;
    struct pgsql_server server;
    unsigned candidate;
    for (;;) {
        listen_to(pgsql, connection);
        far_pool_lost(&pgsql->pool);
        pgsql_disconnect(pgsql, connection);
        if (atomic_load(&pgsql->watch.ends))
            return NULL;
        pgsql->host->available(pgsql->host, false);
        int pause = 0;
        while (!(connection = find(pgsql, &server, &candidate, NULL))) {
            if (!rest(pgsql, pause))
                return NULL;
            pause = pause ? (2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX) : PAUSE_MIN;
        }
        drain(pgsql->watch.wake[0]);
        if (atomic_load(&pgsql->watch.ends)) {
            pgsql_disconnect(pgsql, connection);
            return NULL;
        }
        greet(pgsql, &server, candidate);
    }
}

void pgsql_watch_lost(struct pgsql *pgsql, uint64_t generation)
{
    if (far_pool_has(&pgsql->pool, generation) &&
        write(pgsql->watch.wake[1], "", 1) < 0) /* full: it is to be woken already */
        return;
}

static pxt_status start_thread(struct pgsql *pgsql, struct pxt_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&pgsql->watch.thread, NULL, watch, pgsql);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pgsql->watch.runs = !problem;
    return problem ? pgsql->host->fail(pgsql->host, error, PXT_EIO, problem, "cannot start a thread") : PXT_OK;
}

pxt_status pgsql_watch_start(struct pgsql *pgsql, struct pxt_error *error)
{
    struct pgsql_server server;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    unsigned candidate;
    if (pipe2(pgsql->watch.wake, O_CLOEXEC | O_NONBLOCK))
        return pgsql->host->fail(pgsql->host, error, PXT_EIO, errno, "cannot make a pipe");
    pgsql->watch.connection = find(pgsql, &server, &candidate, told);
    if (!pgsql->watch.connection)
        return told->status;
    pgsql->durable = server.durable;
    if (!server.durable)
        pgsql->host->log(pgsql->host, PXT_LOG_WARNING, "the server %s is no durable tier: %s", pgsql->address.name,
                         server.why_not);
    far_pool_found(&pgsql->pool, server.identity, candidate);
    return start_thread(pgsql, error);
}

void pgsql_watch_stop(struct pgsql *pgsql)
{
    struct pgsql_watch *its = &pgsql->watch;
    atomic_store(&its->ends, true);
    if (its->runs && (write(its->wake[1], "", 1) >= 0 || errno == EAGAIN))
        pthread_join(its->thread, NULL);
    else
        pgsql_disconnect(pgsql, its->connection);
    for (int i = 0; i < 2; i++)
        if (its->wake[i] >= 0)
            close(its->wake[i]);
}
