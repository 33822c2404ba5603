/* SPDX-License-Identifier: MIT
 *
 * far_pool.c: takes connections and gives them back. No lock is held over a request.
 */
#include "far_pool.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

pxt_status far_pool_init(struct far_pool *pool, unsigned max, unsigned waiting_max)
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
static struct far_connection *take_all(struct far_pool *pool)
{
    struct far_connection *all = pool->idle;
    pool->idle = NULL;
    for (const struct far_connection *connection = all; connection; connection = connection->next)
        pool->open--;
    return all;
}

static void disconnect_all(struct far_pool *pool, struct far_connection *all)
{
    while (all) {
        struct far_connection *next = all->next;
        pool->disconnect(pool->owner, all);
        all = next;
    }
}

void far_pool_close(struct far_pool *pool)
{
    disconnect_all(pool, take_all(pool));
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
}

bool far_pool_lost(struct far_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool was_up = pool->up;
    pool->up = false;
    struct far_connection *all = take_all(pool);
    pthread_cond_broadcast(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    disconnect_all(pool, all);
    return was_up;
}

void far_pool_found(struct far_pool *pool, const char *identity, unsigned place)
{
    pthread_mutex_lock(&pool->lock);
    snprintf(pool->identity, sizeof pool->identity, "%s", identity);
    pool->place = place;
    pool->limited_until = 0;
    pool->generation++;
    pool->up = true;
    pthread_mutex_unlock(&pool->lock);
}

bool far_pool_has(struct far_pool *pool, uint64_t generation)
{
    pthread_mutex_lock(&pool->lock);
    bool has = pool->up && pool->generation == generation;
    pthread_mutex_unlock(&pool->lock);
    return has;
}

bool far_pool_is(struct far_pool *pool, const char *identity)
{
    pthread_mutex_lock(&pool->lock);
    bool same = !strcmp(identity, pool->identity);
    pthread_mutex_unlock(&pool->lock);
    return same;
}

struct far_right far_pool_now(struct far_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    const struct far_right now = {pool->generation, pool->place};
    pthread_mutex_unlock(&pool->lock);
    return now;
}

/* Waits, with the lock, until a connection is given back. `*queued`: this call waits already. */
static pxt_status wait_for_one(struct far_pool *pool, int64_t deadline, bool *queued, struct pxt_error *error)
{
    int64_t left = deadline - pool->host->monotonic(pool->host);
    if (!*queued && pool->waiting >= pool->waiting_max)
        return pool->host->fail(pool->host, error, PXT_EBUSY, 0,
                                "%u calls wait for the server %s already: raise `connections` or `waiting`",
                                pool->waiting, pool->server);
    if (left <= 0)
        return pool->host->fail(pool->host, error, PXT_EBUSY, 0,
                                "no connection to the server %s came free in time: raise `connections`", pool->server);
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

static bool is_full(const struct far_pool *pool)
{
    bool limited = pool->limited_until && pool->host->monotonic(pool->host) < pool->limited_until;
    return pool->open >= (limited && pool->limit < pool->max ? pool->limit : pool->max);
}

pxt_status far_pool_take(struct far_pool *pool, int64_t deadline, struct far_connection **connection,
                         struct far_right *right, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    bool queued = false;
    *connection = NULL;
    pthread_mutex_lock(&pool->lock);
    while (!status && pool->up && !pool->idle && is_full(pool))
        status = wait_for_one(pool, deadline, &queued, error);
    pool->waiting -= queued;
    if (!status && !pool->up)
        status = pool->host->fail(pool->host, error, PXT_EUNAVAILABLE, 0,
                                  "the server %s cannot be reached: is it running?", pool->server);
    if (!status && pool->idle) {
        *connection = pool->idle;
        pool->idle = pool->idle->next;
    } else if (!status) {
        pool->open++;
    }
    *right = (struct far_right){pool->generation, pool->place};
    pthread_mutex_unlock(&pool->lock);
    return status;
}

bool far_pool_give_up(struct far_pool *pool, bool refused)
{
    pthread_mutex_lock(&pool->lock);
    pool->open--;
    bool others = refused && pool->up && pool->open;
    if (others) {
        pool->limit = pool->open;
        pool->limited_until = pool->host->monotonic(pool->host) + PXT_SECOND;
    }
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    return others;
}

void far_pool_give_back(struct far_pool *pool, struct far_connection *connection, bool usable)
{
    pthread_mutex_lock(&pool->lock);
    bool keep = usable && pool->up && connection->generation == pool->generation;
    if (keep) {
        connection->next = pool->idle;
        pool->idle = connection;
    } else {
        pool->open--;
    }
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        pool->disconnect(pool->owner, connection);
}
