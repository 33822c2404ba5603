/* SPDX-License-Identifier: MIT
 *
 * pool.c: connections that threads take and give back. All of them are made after the watch has found the server, and are
 * dropped when it is lost: so no answer comes from a server that the core has not heard of.
 */
#include "redis.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

pxt_status redis_pool_init(struct redis_pool *pool, unsigned max, unsigned waiting_max)
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
static struct redis_connection *take_all(struct redis_pool *pool)
{
    struct redis_connection *all = pool->idle;
    pool->idle = NULL;
    for (const struct redis_connection *connection = all; connection; connection = connection->next)
        pool->open--;
    return all;
}

static void disconnect_all(struct redis_connection *all)
{
    while (all) {
        struct redis_connection *next = all->next;
        redis_disconnect(all);
        all = next;
    }
}

void redis_pool_close(struct redis_pool *pool)
{
    disconnect_all(take_all(pool));
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
}

bool redis_pool_lost(struct redis *redis)
{
    struct redis_pool *pool = &redis->pool;
    pthread_mutex_lock(&pool->lock);
    bool was_up = pool->up;
    pool->up = false;
    struct redis_connection *all = take_all(pool);
    pthread_cond_broadcast(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    disconnect_all(all);
    return was_up;
}

void redis_pool_found(struct redis *redis, const char *run_id)
{
    pthread_mutex_lock(&redis->pool.lock);
    snprintf(redis->pool.run_id, sizeof redis->pool.run_id, "%s", run_id);
    redis->pool.generation++;
    redis->pool.up = true;
    pthread_mutex_unlock(&redis->pool.lock);
}

static pxt_status is_gone(struct redis *redis, struct pxt_error *error)
{
    return redis->host->fail(redis->host, error, PXT_EUNAVAILABLE, 0, "the server %s cannot be reached: is it running?",
                             redis->address.name);
}

/* Waits, with the lock, until a connection is given back. `*queued`: this call waits already. */
static pxt_status wait_for_one(struct redis *redis, int64_t deadline, bool *queued, struct pxt_error *error)
{
    struct redis_pool *pool = &redis->pool;
    int64_t left = deadline - redis->host->monotonic(redis->host);
    if (!*queued && pool->waiting >= pool->waiting_max)
        return redis->host->fail(redis->host, error, PXT_EBUSY, 0,
                                 "%u calls wait for the server %s already: raise `connections` or `waiting`",
                                 pool->waiting, redis->address.name);
    if (left <= 0)
        return redis->host->fail(redis->host, error, PXT_EBUSY, 0,
                                 "no connection to the server %s came free in time: raise `connections`",
                                 redis->address.name);
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

/* Takes an idle connection, or the right to make one: then `*connection` is NULL. */
static pxt_status take(struct redis *redis, int64_t deadline, struct redis_connection **connection,
                       uint64_t *generation, struct pxt_error *error)
{
    struct redis_pool *pool = &redis->pool;
    pxt_status status = PXT_OK;
    bool queued = false;
    *connection = NULL;
    pthread_mutex_lock(&pool->lock);
    while (!status && pool->up && !pool->idle && pool->open >= pool->max)
        status = wait_for_one(redis, deadline, &queued, error);
    pool->waiting -= queued;
    if (!status && !pool->up)
        status = is_gone(redis, error);
    if (!status && pool->idle) {
        *connection = pool->idle;
        pool->idle = pool->idle->next;
    } else if (!status) {
        pool->open++;
    }
    *generation = pool->generation;
    pthread_mutex_unlock(&pool->lock);
    return status;
}

/* Gives back a connection, or, with NULL, the right to have one. */
static void give_back(struct redis *redis, struct redis_connection *connection)
{
    struct redis_pool *pool = &redis->pool;
    pthread_mutex_lock(&pool->lock);
    bool keep = connection && pool->up && connection->generation == pool->generation;
    if (keep) {
        connection->next = pool->idle;
        pool->idle = connection;
    } else {
        pool->open--;
    }
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        redis_disconnect(connection);
}

/* Whether a new connection leads to the server that the watch has found. */
static pxt_status is_the_same(struct redis *redis, const struct redis_request *request, struct pxt_error *error)
{
    struct redis_server server;
    pxt_status status = redis_server_look(redis, request->connection, request->deadline, &server, error);
    if (status)
        return status;
    pthread_mutex_lock(&redis->pool.lock);
    bool same = !strcmp(server.run_id, redis->pool.run_id);
    pthread_mutex_unlock(&redis->pool.lock);
    if (same)
        return PXT_OK;
    return redis->host->fail(redis->host, error, PXT_EUNAVAILABLE, 0, "the server %s was started anew",
                             redis->address.name);
}

pxt_status redis_begin(struct redis *redis, struct redis_request *request, struct pxt_error *error)
{
    uint64_t generation;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    *request = (struct redis_request){.redis = redis, .deadline = redis_deadline(redis)};
    pxt_status status = take(redis, request->deadline, &request->connection, &generation, told);
    if (status || request->connection)
        return status;
    request->connection = redis_connect(redis, request->deadline, told);
    status = request->connection ? is_the_same(redis, request, told) : told->status;
    if (!status) {
        request->connection->generation = generation;
        return PXT_OK;
    }
    redis_disconnect(request->connection);
    request->connection = NULL;
    give_back(redis, NULL);
    if (status == PXT_EUNAVAILABLE || status == PXT_EIO)
        redis_watch_lost(redis, generation);
    return status;
}

static pxt_status added(struct redis_request *request, bool appended, struct pxt_error *error)
{
    if (appended) {
        request->pending++;
        return PXT_OK;
    }
    request->broken = true;
    return request->redis->host->fail(request->redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
}

pxt_status redis_add(struct redis_request *request, size_t n, const char *const *words, const size_t *lengths,
                     struct pxt_error *error)
{
    return added(request, redis_append(request->connection, n, words, lengths), error);
}

pxt_status redis_add_format(struct redis_request *request, struct pxt_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool appended = redis_append_list(request->connection, format, arguments);
    va_end(arguments);
    return added(request, appended, error);
}

pxt_status redis_flush(struct redis_request *request, struct pxt_error *error)
{
    pxt_status status = redis_send(request->redis, request->connection, request->deadline, error);
    request->broken = request->broken || status;
    return status;
}

pxt_status redis_reply(struct redis_request *request, redisReply **reply, struct pxt_error *error)
{
    bool broken;
    pxt_status status = redis_receive(request->redis, request->connection, request->deadline, reply, &broken, error);
    request->broken = request->broken || broken;
    request->pending -= !broken;
    return status;
}

void redis_end(struct redis_request *request)
{
    struct redis *redis = request->redis;
    const redisContext *context = request->connection->context;
    if (!request->broken && !request->pending && !request->connection->lost) {
        give_back(redis, request->connection);
        return;
    }
    /* A connection that the other end closed: all are suspect. After a call that took too long, only this one. */
    bool closed = context->err != 0 || request->connection->lost;
    uint64_t generation = request->connection->generation;
    redis_disconnect(request->connection);
    give_back(redis, NULL);
    if (closed)
        redis_watch_lost(redis, generation);
}

pxt_status redis_ask(struct redis *redis, redisReply **reply, struct pxt_error *error, const char *format, ...)
{
    struct redis_request request;
    pxt_status status = redis_begin(redis, &request, error);
    if (status)
        return status;
    va_list arguments;
    va_start(arguments, format);
    status = added(&request, redis_append_list(request.connection, format, arguments), error);
    va_end(arguments);
    if (!status)
        status = redis_flush(&request, error);
    if (!status)
        status = redis_reply(&request, reply, error);
    redis_end(&request);
    return status;
}
