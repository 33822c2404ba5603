/* SPDX-License-Identifier: MIT
 *
 * pool.c: connections that threads take and give back. All of them are made after the watch has found the server, and are
 * dropped when it is lost: so no answer comes from a server that the core has not heard of.
 */
#include "postgresql.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

pxt_status pgsql_pool_init(struct pgsql_pool *pool, unsigned max, unsigned waiting_max)
{
    pthread_condattr_t attributes;
    pool->max = max;
    pool->waiting_max = waiting_max;
    if (pthread_condattr_init(&attributes))
        return PXT_ENOMEM;
    bool made =
        !pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) && !pthread_cond_init(&pool->given_back, &attributes);
    pthread_condattr_destroy(&attributes);
    if (made && !pthread_mutex_init(&pool->lock, NULL))
        return PXT_OK;
    if (made)
        pthread_cond_destroy(&pool->given_back);
    return PXT_ENOMEM;
}

/* Takes the idle connections out of the pool. */
static struct pgsql_connection *take_all(struct pgsql_pool *pool)
{
    struct pgsql_connection *all = pool->idle;
    pool->idle = NULL;
    for (const struct pgsql_connection *connection = all; connection; connection = connection->next)
        pool->open--;
    return all;
}

static void disconnect_all(struct pgsql *pgsql, struct pgsql_connection *all)
{
    while (all) {
        struct pgsql_connection *next = all->next;
        pgsql_disconnect(pgsql, all);
        all = next;
    }
}

void pgsql_pool_close(struct pgsql *pgsql)
{
    struct pgsql_connection *all = take_all(&pgsql->pool);
    for (struct pgsql_connection *connection = all; connection; connection = connection->next)
        pgsql_receive_unread(pgsql, connection);
    disconnect_all(pgsql, all);
    pthread_cond_destroy(&pgsql->pool.given_back);
    pthread_mutex_destroy(&pgsql->pool.lock);
}

bool pgsql_pool_lost(struct pgsql *pgsql)
{
    struct pgsql_pool *pool = &pgsql->pool;
    pthread_mutex_lock(&pool->lock);
    bool was_up = pool->up;
    pool->up = false;
    struct pgsql_connection *all = take_all(pool);
    pthread_cond_broadcast(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    disconnect_all(pgsql, all);
    return was_up;
}

void pgsql_pool_found(struct pgsql *pgsql, const char *identity, unsigned candidate)
{
    struct pgsql_pool *pool = &pgsql->pool;
    pthread_mutex_lock(&pool->lock);
    snprintf(pool->identity, sizeof pool->identity, "%s", identity);
    pool->candidate = candidate;
    pool->limited_until = 0;
    pool->generation++;
    pool->up = true;
    pthread_mutex_unlock(&pool->lock);
}

static pxt_status is_gone(struct pgsql *pgsql, struct pxt_error *error)
{
    return pgsql->host->fail(pgsql->host, error, PXT_EUNAVAILABLE, 0, "the server %s cannot be reached: is it running?",
                             pgsql->address.name);
}

/* Waits, with the lock, until a connection is given back. `*queued`: this call waits already. */
static pxt_status wait_for_one(struct pgsql *pgsql, int64_t deadline, bool *queued, struct pxt_error *error)
{
    struct pgsql_pool *pool = &pgsql->pool;
    int64_t left = deadline - pgsql->host->monotonic(pgsql->host);
    if (!*queued && pool->waiting >= pool->waiting_max)
        return pgsql->host->fail(pgsql->host, error, PXT_EBUSY, 0,
                                 "%u calls wait for the server %s already: raise `connections` or `waiting`",
                                 pool->waiting, pgsql->address.name);
    if (left <= 0)
        return pgsql->host->fail(pgsql->host, error, PXT_EBUSY, 0,
                                 "no connection to the server %s came free in time: raise `connections`",
                                 pgsql->address.name);
    pool->waiting += !*queued;
    *queued = true;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left / 1000000);
    until.tv_nsec += (long)(left % 1000000 * 1000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&pool->given_back, &pool->lock, &until);
    return PXT_OK;
}

static bool is_full(const struct pgsql *pgsql)
{
    const struct pgsql_pool *pool = &pgsql->pool;
    bool limited = pool->limited_until && pgsql->host->monotonic(pgsql->host) < pool->limited_until;
    return pool->open >= (limited && pool->limit < pool->max ? pool->limit : pool->max);
}

/* Takes an idle connection, or the right to make one: then `*connection` is NULL. */
static pxt_status take(struct pgsql *pgsql, int64_t deadline, struct pgsql_connection **connection,
                       uint64_t *generation, unsigned *candidate, struct pxt_error *error)
{
    struct pgsql_pool *pool = &pgsql->pool;
    pxt_status status = PXT_OK;
    bool queued = false;
    *connection = NULL;
    pthread_mutex_lock(&pool->lock);
    while (!status && pool->up && !pool->idle && is_full(pgsql))
        status = wait_for_one(pgsql, deadline, &queued, error);
    pool->waiting -= queued;
    if (!status && !pool->up)
        status = is_gone(pgsql, error);
    if (!status && pool->idle) {
        *connection = pool->idle;
        pool->idle = pool->idle->next;
    } else if (!status) {
        pool->open++;
    }
    *generation = pool->generation;
    *candidate = pool->candidate;
    pthread_mutex_unlock(&pool->lock);
    return status;
}

/* Gives up the right to have one. `refused`: true where there are others, which the call can wait for. */
static bool give_up(struct pgsql *pgsql, bool refused)
{
    struct pgsql_pool *pool = &pgsql->pool;
    pthread_mutex_lock(&pool->lock);
    pool->open--;
    bool others = refused && pool->up && pool->open;
    if (others) {
        pool->limit = pool->open;
        pool->limited_until = pgsql->host->monotonic(pgsql->host) + PXT_SECOND;
    }
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    return others;
}

/* Whether a new connection leads to the server that the watch has found. */
static bool is_the_same(struct pgsql *pgsql, const struct pgsql_server *server)
{
    pthread_mutex_lock(&pgsql->pool.lock);
    bool same = !server->read_only && !strcmp(server->identity, pgsql->pool.identity);
    pthread_mutex_unlock(&pgsql->pool.lock);
    return same;
}

/* The watch has a connection of its own, and notices by itself that the server is gone. A server that refuses this one may be
 * at its limit. */
static pxt_status make_one(struct pgsql *pgsql, int64_t deadline, uint64_t generation, unsigned candidate,
                           struct pgsql_connection **connection, struct pxt_error *error)
{
    struct pgsql_server server;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    struct pgsql_connection *made = pgsql_connect(pgsql, candidate, deadline, &server, told);
    if (!made)
        return told->status;
    if (!is_the_same(pgsql, &server)) {
        pgsql_disconnect(pgsql, made);
        pgsql_watch_lost(pgsql, generation);
        return pgsql->host->fail(pgsql->host, error, PXT_EUNAVAILABLE, 0, "the server %s was started anew",
                                 pgsql->address.name);
    }
    made->generation = generation;
    if (!PQenterPipelineMode(made->link)) {
        pgsql_disconnect(pgsql, made);
        return pgsql_no_memory(pgsql, error);
    }
    *connection = made;
    return PXT_OK;
}

pxt_status pgsql_take(struct pgsql *pgsql, int64_t deadline, struct pgsql_connection **connection,
                      struct pxt_error *error)
{
    uint64_t generation;
    unsigned candidate;
    bool again = false;
    pxt_status status;
    do {
        status = take(pgsql, deadline, connection, &generation, &candidate, error);
        if (status || *connection)
            return status;
        status = make_one(pgsql, deadline, generation, candidate, connection, error);
        again = status && give_up(pgsql, status == PXT_EUNAVAILABLE && !again) && !again && status == PXT_EUNAVAILABLE;
    } while (again);
    return status;
}

void pgsql_give_back(struct pgsql *pgsql, struct pgsql_connection *connection, bool usable)
{
    struct pgsql_pool *pool = &pgsql->pool;
    bool lost = connection->lost || PQstatus(connection->link) == CONNECTION_BAD;
    uint64_t generation = connection->generation;
    pthread_mutex_lock(&pool->lock);
    bool keep = usable && !lost && pool->up && generation == pool->generation;
    if (keep) {
        connection->next = pool->idle;
        pool->idle = connection;
    } else {
        pool->open--;
    }
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        pgsql_disconnect(pgsql, connection);
    /* A connection that the other end closed: all are suspect. After a call that took too long, only this one. */
    if (lost)
        pgsql_watch_lost(pgsql, generation);
}
