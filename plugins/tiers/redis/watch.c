/* SPDX-License-Identifier: MIT
 *
 * watch.c: a thread with a connection of its own that hears what other hosts change. When it loses that connection, or is told
 * that another one broke, it says so to the core, and looks for the server until it is there again. Only then, and after
 * the core was told, are connections for calls made.
 */
#include "redis.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MIN = 10, PAUSE_MAX = 1000 }; /* milliseconds */

/* Subscribes to the notices; and to a channel of our own, by which the scripts see whether others hear them. */
static pxt_status subscribe(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                            struct pxt_error *error)
{
    if (!redis_append_format(connection, "SUBSCRIBE %s %s:%s", redis->channel, redis->channel, redis->identity))
        return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
    pxt_status status = redis_send(redis, connection, deadline, error);
    for (int i = 0; !status && i < 2; i++) {
        redisReply *reply = NULL;
        status = redis_receive(redis, connection, deadline, &reply, NULL, error);
        freeReplyObject(reply);
    }
    return status;
}

/* One command; its reply. */
static pxt_status ask(struct redis *redis, struct redis_connection *connection, int64_t deadline, redisReply **reply,
                      struct pxt_error *error, const char *format)
{
    if (!redis_append_format(connection, format, redis->prefix, REDIS_LAYOUT))
        return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
    pxt_status status = redis_send(redis, connection, deadline, error);
    return status ? status : redis_receive(redis, connection, deadline, reply, NULL, error);
}

/* Writes the number of this layout in place of the candidate's. Another program may do so at the same time. Where it cannot be
 * written it stays, for the keys are the same. */
static void leave_candidate(struct redis *redis, struct redis_connection *connection, int64_t deadline)
{
    static const char script[] =
        "if redis.call('GET',KEYS[1])==ARGV[1] then redis.call('SET',KEYS[1],ARGV[2]) end return 1";
    redisReply *reply = NULL;
    if (redis_append_format(connection, "EVAL %s 1 %slayout %s %s", script, redis->prefix, REDIS_LAYOUT_CANDIDATE,
                            REDIS_LAYOUT) &&
        !redis_send(redis, connection, deadline, NULL))
        redis_receive(redis, connection, deadline, &reply, NULL, NULL);
    freeReplyObject(reply);
}

/* A pool of another layout is left alone: this program would take its entries for damaged, and remove them. */
static pxt_status check_layout(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                               struct pxt_error *error)
{
    redisReply *reply = NULL;
    pxt_status status = ask(redis, connection, deadline, &reply, error, "GET %slayout");
    if (!status && reply->type == REDIS_REPLY_NIL) {
        freeReplyObject(reply);
        reply = NULL; /* a server without room for it is read all the same */
        ask(redis, connection, deadline, &reply, NULL, "SET %slayout %s NX");
    } else if (!status && reply->str && !strcmp(reply->str, REDIS_LAYOUT_CANDIDATE)) {
        leave_candidate(redis, connection, deadline);
    } else if (!status && (!reply->str || strcmp(reply->str, REDIS_LAYOUT))) {
        status = redis->host->fail(redis->host, error, PXT_ECONFIG, 0,
                                   "the pool in the server %s has the layout %.20s, and this program knows %s: use the "
                                   "version of proxtier that made it, or another namespace",
                                   redis->address.name, reply->str ? reply->str : "of another kind", REDIS_LAYOUT);
    }
    freeReplyObject(reply);
    return status;
}

static void leave(struct redis *redis, struct redis_connection *connection)
{
    atomic_store(&redis->watch.socket, -1);
    redis_disconnect(connection);
}

/* Finds the server: who it is, our scripts, our notices. NULL with an error. */
static struct redis_connection *find(struct redis *redis, struct redis_server *server, struct pxt_error *error)
{
    int64_t deadline = redis->host->monotonic(redis->host) + redis->patience;
    struct redis_connection *connection = redis_connect(redis, deadline, error);
    if (!connection)
        return NULL;
    atomic_store(&redis->watch.socket, connection->context->fd);
    pxt_status status = redis_server_look(redis, connection, deadline, server, error);
    if (!status && server->replica)
        status = redis->host->fail(redis->host, error, PXT_EUNAVAILABLE, 0,
                                   "the server %s is a replica: give the address of the primary server",
                                   redis->address.name);
    if (!status)
        status = check_layout(redis, connection, deadline, error);
    if (!status)
        status = redis_scripts_load(redis, connection, deadline, error);
    if (!status)
        status = subscribe(redis, connection, deadline, error);
    if (!status)
        return connection;
    leave(redis, connection);
    return NULL;
}

/* A notice is IDENTITY, a space and the key; or, in place of the key, nothing: any key. */
static void hear(struct redis *redis, const redisReply *reply)
{
    struct pxt_key key;
    size_t own = strlen(redis->identity);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || !reply->element[0]->str ||
        strcmp(reply->element[0]->str, "message") || !reply->element[2]->str)
        return;
    const char *text = reply->element[2]->str;
    size_t length = reply->element[2]->len;
    if (length <= own || !strncmp(text, redis->identity, own))
        return;
    redis->host->key_init(&key, text + own + 1, length - own - 1);
    redis->host->changed(redis->host, key.length ? &key : NULL);
}

/* Takes what has arrived. False: the connection is lost. */
static bool take_notices(struct redis *redis, redisContext *context)
{
    void *reply = NULL;
    if (redisBufferRead(context) != REDIS_OK)
        return false;
    while (redisGetReplyFromReader(context, &reply) == REDIS_OK) {
        if (!reply)
            return true;
        hear(redis, reply);
        freeReplyObject(reply);
    }
    return false;
}

static void drain(int fd)
{
    char bytes[64];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

/* Listens until the connection is lost, another one was, or it is to end. A server that hangs does not answer to PING within
 * `patience`. */
static void listen_to(struct redis *redis, struct redis_connection *connection)
{
    bool asked = false;
    for (;;) {
        struct pollfd wait[] = {{.fd = connection->context->fd, .events = POLLIN},
                                {.fd = redis->watch.wake[0], .events = POLLIN}};
        if (atomic_load(&redis->watch.ends))
            return;
        int ready = poll(wait, 2, (int)(redis->patience / 1000) + 1);
        if (ready < 0 && errno != EINTR)
            return;
        if (wait[1].revents || atomic_load(&redis->watch.ends))
            return;
        if (ready > 0 && wait[0].revents) {
            asked = false;
            if (!take_notices(redis, connection->context))
                return;
        } else if (!ready) {
            int64_t deadline = redis->host->monotonic(redis->host) + redis->patience;
            if (asked || !redis_append_format(connection, "PING") || redis_send(redis, connection, deadline, NULL))
                return;
            asked = true;
        }
    }
}

/* Waits, at most so many milliseconds; false: it is to end. */
static bool rest(struct redis *redis, int milliseconds)
{
    struct pollfd wait = {.fd = redis->watch.wake[0], .events = POLLIN};
    if (!atomic_load(&redis->watch.ends))
        poll(&wait, 1, milliseconds);
    drain(redis->watch.wake[0]);
    return !atomic_load(&redis->watch.ends);
}

/* The server is there: who it is may have changed. */
static void greet(struct redis *redis, const struct redis_server *server)
{
    const struct pxt_host *host = redis->host;
    if (redis->durable && !server->durable)
        host->log(
            host, PXT_LOG_WARNING,
            "the server %s is no durable one any more: %s; open the cache again, or what it acknowledges may be lost",
            redis->address.name, server->why_not);
    else if (redis->synced && !server->synced)
        host->log(
            host, PXT_LOG_WARNING,
            "the server %s does not sync each write any more (appendfsync always): open the cache again, or what it "
            "acknowledges may be lost with the power",
            redis->address.name);
    host->available(host, true);
    far_pool_found(&redis->pool, server->run_id, 0);
}

static void *watch(void *arg)
{
    struct redis *redis = arg;
    struct redis_connection *connection = redis->watch.connection;
    struct redis_server server;
    int pause = 0;
    for (;;) {
        listen_to(redis, connection);
        far_pool_lost(&redis->pool);
        leave(redis, connection);
        if (atomic_load(&redis->watch.ends))
            return NULL;
        redis->host->available(redis->host, false);
        for (pause = 0; !(connection = find(redis, &server, NULL));
             pause = pause ? (2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX) : PAUSE_MIN)
            if (!rest(redis, pause))
                return NULL;
        drain(redis->watch.wake[0]);
        if (atomic_load(&redis->watch.ends)) {
            leave(redis, connection);
            return NULL;
        }
        greet(redis, &server);
    }
}

void redis_watch_lost(struct redis *redis, uint64_t generation)
{
    if (far_pool_has(&redis->pool, generation) &&
        write(redis->watch.wake[1], "", 1) < 0) /* full: it is to be woken already */
        return;
}

pxt_status redis_watch_start(struct redis *redis, struct pxt_error *error)
{
    struct redis_server server;
    sigset_t all, before;
    if (pipe2(redis->watch.wake, O_CLOEXEC | O_NONBLOCK))
        return redis->host->fail(redis->host, error, PXT_EIO, errno, "cannot make a pipe");
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    redis->watch.connection = find(redis, &server, told);
    if (!redis->watch.connection)
        return told->status;
    redis->durable = server.durable;
    redis->synced = server.synced;
    if (!server.durable)
        redis->host->log(redis->host, PXT_LOG_WARNING, "the server %s is no durable tier: %s", redis->address.name,
                         server.why_not);
    far_pool_found(&redis->pool, server.run_id, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&redis->watch.thread, NULL, watch, redis);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    redis->watch.runs = !problem;
    return problem ? redis->host->fail(redis->host, error, PXT_EIO, problem, "cannot start a thread") : PXT_OK;
}

void redis_watch_stop(struct redis *redis)
{
    struct redis_watch *its = &redis->watch;
    atomic_store(&its->ends, true);
    if (its->runs && (write(its->wake[1], "", 1) >= 0 || errno == EAGAIN))
        pthread_join(its->thread, NULL);
    else
        redis_disconnect(its->connection);
    for (int i = 0; i < 2; i++)
        if (its->wake[i] >= 0)
            close(its->wake[i]);
}
