/* SPDX-License-Identifier: MIT
 *
 * request.c: what one call sends, and its replies, on a connection of the pool. See far_pool.h.
 */
#include "redis.h"
#include <stdarg.h>

/* Whether a new connection leads to the server that the watch has found. */
static pxt_status is_the_same(struct redis *redis, const struct redis_request *request, struct pxt_error *error)
{
    struct redis_server server;
    pxt_status status = redis_server_look(redis, request->connection, request->deadline, &server, error);
    if (status)
        return status;
    if (far_pool_is(&redis->pool, server.run_id))
        return PXT_OK;
    return redis->host->fail(redis->host, error, PXT_EUNAVAILABLE, 0, "the server %s was started anew",
                             redis->address.name);
}

pxt_status redis_begin(struct redis *redis, struct redis_request *request, struct pxt_error *error)
{
    struct far_connection *idle;
    struct far_right right;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    *request = (struct redis_request){.redis = redis, .deadline = redis_deadline(redis)};
    pxt_status status = far_pool_take(&redis->pool, request->deadline, &idle, &right, told);
    request->connection = (struct redis_connection *)idle;
    if (status || idle)
        return status;
    request->connection = redis_connect(redis, request->deadline, told);
    status = request->connection ? is_the_same(redis, request, told) : told->status;
    if (!status) {
        request->connection->far.generation = right.generation;
        return PXT_OK;
    }
    redis_disconnect(request->connection);
    request->connection = NULL;
    far_pool_give_up(&redis->pool, false);
    if (status == PXT_EUNAVAILABLE || status == PXT_EIO)
        redis_watch_lost(redis, right.generation);
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
    struct redis_connection *connection = request->connection;
    const bool usable = !request->broken && !request->pending && !connection->far.lost;
    /* A connection that the other end closed: all are suspect. After a call that took too long, only this one. */
    const bool closed = !usable && (connection->context->err || connection->far.lost);
    const uint64_t generation = connection->far.generation;
    far_pool_give_back(&request->redis->pool, &connection->far, usable);
    if (closed)
        redis_watch_lost(request->redis, generation);
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
