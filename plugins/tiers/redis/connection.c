/* SPDX-License-Identifier: MIT
 *
 * connection.c: one connection to the server. The library's calls that wait do so for each part of a reply, and know
 * no deadline: so all waiting is here. A read blocks for a slice of time at most, which saves a call for each reply; the rest
 * of the time to a deadline is waited for with poll().
 */
#include "redis.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 10000 }; /* microseconds */

int64_t redis_deadline(const struct redis *redis)
{
    int64_t deadline = redis->host->call(redis->host)->deadline;
    return deadline ? deadline : redis->host->monotonic(redis->host) + redis->patience;
}

static pxt_status too_slow(struct redis *redis, struct pxt_error *error)
{
    return redis->host->fail(redis->host, error, PXT_EBUSY, 0,
                             "the server %s did not answer in time: look at its load, or raise `timeout`",
                             redis->address.name);
}

static pxt_status broke(struct redis *redis, const redisContext *context, struct pxt_error *error)
{
    const char *reason = context && context->err ? context->errstr : "out of memory";
    return redis->host->fail(redis->host, error, PXT_EIO, 0,
                             "the connection to the server %s broke: %s: is it running?", redis->address.name, reason);
}

/* Waits until the socket is ready. */
static pxt_status wait_for(struct redis *redis, const redisContext *context, short events, int64_t deadline,
                           struct pxt_error *error)
{
    struct pollfd wait = {.fd = context->fd, .events = events};
    for (;;) {
        int64_t left = deadline - redis->host->monotonic(redis->host);
        int ready = left > 0 ? poll(&wait, 1, (int)(left / 1000 < 3600000 ? left / 1000 : 3600000) + 1) : 0;
        if (ready > 0)
            return PXT_OK;
        if (ready < 0 && errno == EINTR)
            continue;
        return ready < 0 ? redis->host->fail(redis->host, error, PXT_EIO, errno, "cannot wait for the server %s",
                                             redis->address.name)
                         : too_slow(redis, error);
    }
}

static bool make_room(struct redis_connection *connection, size_t length)
{
    size_t need = connection->out_length + length;
    if (need <= connection->out_size)
        return true;
    char *out = realloc(connection->out, 2 * need);
    if (!out)
        return false;
    connection->out = out;
    connection->out_size = 2 * need;
    return true;
}

static void append_bytes(struct redis_connection *connection, const char *bytes, size_t length)
{
    memcpy(connection->out + connection->out_length, bytes, length);
    connection->out_length += length;
}

/* A number of the protocol: of words, or of the bytes of a word. */
static void append_number(struct redis_connection *connection, char mark, size_t number)
{
    char text[REDIS_DIGITS_MAX + 1];
    size_t length = redis_digits(text, number, 10, 1);
    append_bytes(connection, &mark, 1);
    append_bytes(connection, text, length);
    append_bytes(connection, "\r\n", 2);
}

/* The library's redisFormatCommandArgv() takes several times as long. */
bool redis_append(struct redis_connection *connection, size_t n, const char *const *words, const size_t *lengths)
{
    const size_t around = 2 * REDIS_DIGITS_MAX; /* what stands beside the bytes of a word */
    size_t most = around;
    for (size_t i = 0; i < n; i++)
        most += lengths[i] + around;
    if (!make_room(connection, most))
        return false;
    append_number(connection, '*', n);
    for (size_t i = 0; i < n; i++) {
        append_number(connection, '$', lengths[i]);
        append_bytes(connection, words[i], lengths[i]);
        append_bytes(connection, "\r\n", 2);
    }
    return true;
}

bool redis_append_list(struct redis_connection *connection, const char *format, va_list arguments)
{
    char *command = NULL;
    int length = redisvFormatCommand(&command, format, arguments);
    bool room = length >= 0 && make_room(connection, (size_t)length);
    if (room)
        append_bytes(connection, command, (size_t)length);
    if (length >= 0)
        redisFreeCommand(command);
    return room;
}

bool redis_append_format(struct redis_connection *connection, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool appended = redis_append_list(connection, format, arguments);
    va_end(arguments);
    return appended;
}

static pxt_status send_bytes(struct redis *redis, const redisContext *context, const char *bytes, size_t length,
                             int64_t deadline, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    while (!status && length) {
        ssize_t n = send(context->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            status = wait_for(redis, context, POLLOUT, deadline, error);
        else if (n < 0 && errno != EINTR)
            return redis->host->fail(redis->host, error, PXT_EIO, errno,
                                     "cannot write to the server %s: is it running?", redis->address.name);
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return status;
}

pxt_status redis_send(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                      struct pxt_error *error)
{
    enum { KEPT = 65536 };
    pxt_status status =
        send_bytes(redis, connection->context, connection->out, connection->out_length, deadline, error);
    connection->far.lost = connection->far.lost || status == PXT_EIO;
    connection->out_length = 0;
    if (connection->out_size > KEPT) {
        free(connection->out);
        connection->out = NULL;
        connection->out_size = 0;
    }
    return status;
}

/* The words with which a server begins an error, and what they mean here. */
static const struct {
    const char *word;
    pxt_status status;
    const char *remedy;
} replies[] = {
    {"STALE", PXT_ESTALE, "another host has changed the entry"},
    {"OOM", PXT_ENOSPC, "raise its maxmemory"},
    {"NOAUTH", PXT_EACCES, "give `user` and `password`"},
    {"WRONGPASS", PXT_EACCES, "look at `user` and `password`"},
    {"NOPERM", PXT_EACCES, "give the user the rights that proxtier-redis(7) names"},
    {"READONLY", PXT_EACCES, "it is a replica: give the address of the primary server"},
    {"MISCONF", PXT_EIO, "it cannot write to its disk"},
    {"LOADING", PXT_EBUSY, "it has just started: wait"},
    {"BUSY", PXT_EBUSY, "a script of another program keeps it busy"},
    {"MASTERDOWN", PXT_EBUSY, "it is a replica without its primary server"},
    {"CLUSTERDOWN", PXT_EBUSY, "its cluster is down"},
    {"MOVED", PXT_ENOTSUP, "it is a node of a cluster: see proxtier-redis(7)"},
    {"NOSCRIPT", PXT_EINTERNAL, "its scripts were removed"},
    {NULL, PXT_EIO, "look at its log"},
};

static pxt_status error_reply(struct redis *redis, const char *text, struct pxt_error *error)
{
    size_t i = 0;
    while (replies[i].word && strncmp(text, replies[i].word, strlen(replies[i].word)))
        i++;
    return redis->host->fail(redis->host, error, replies[i].status, 0, "the server %s says: %.200s: %s",
                             redis->address.name, text, replies[i].remedy);
}

bool redis_is_unknown_script(const struct pxt_error *error)
{
    return error->status == PXT_EINTERNAL && strstr(error->message, "NOSCRIPT");
}

pxt_status redis_receive(struct redis *redis, struct redis_connection *connection, int64_t deadline, redisReply **reply,
                         bool *broken, struct pxt_error *error)
{
    void *got = NULL;
    redisContext *context = connection->context;
    if (broken)
        *broken = true;
    for (;;) {
        if (redisGetReplyFromReader(context, &got) != REDIS_OK)
            return broke(redis, context, error);
        if (got)
            break;
        bool far_off = deadline - redis->host->monotonic(redis->host) > 2 * SLICE;
        pxt_status status = far_off ? PXT_OK : wait_for(redis, context, POLLIN, deadline, error);
        if (status)
            return status;
        if (redisBufferRead(context) != REDIS_OK)
            return broke(redis, context, error);
    }
    if (broken)
        *broken = false;
    *reply = got;
    if ((*reply)->type != REDIS_REPLY_ERROR)
        return PXT_OK;
    pxt_status status = error_reply(redis, (*reply)->str, error);
    if (!strncmp((*reply)->str, "READONLY", 8) || !strncmp((*reply)->str, "MASTERDOWN", 10))
        connection->far.lost = true; /* another server may have taken its place */
    freeReplyObject(*reply);
    *reply = NULL;
    return status;
}

/* Receives the reply to a command of which only the success matters. */
static pxt_status is_done(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                          struct pxt_error *error)
{
    redisReply *reply = NULL;
    pxt_status status = redis_receive(redis, connection, deadline, &reply, NULL, error);
    freeReplyObject(reply);
    return status;
}

static pxt_status log_in(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                         struct pxt_error *error)
{
    const struct redis_address *address = &redis->address;
    /* Past the buffer, which is not wiped. */
    const char *words[] = {"AUTH", address->user ? address->user : address->password, address->password};
    char *command = NULL;
    int length = redisFormatCommandArgv(&command, address->user ? 3 : 2, words, NULL);
    if (length < 0)
        return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
    pxt_status status = send_bytes(redis, connection->context, command, (size_t)length, deadline, error);
    explicit_bzero(command, (size_t)length);
    redisFreeCommand(command);
    return status ? status : is_done(redis, connection, deadline, error);
}

static pxt_status say_who(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                          struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    if (redis->address.password)
        status = log_in(redis, connection, deadline, error);
    if (status || !redis->address.database)
        return status;
    if (!redis_append_format(connection, "SELECT %d", redis->address.database))
        return broke(redis, connection->context, error);
    status = redis_send(redis, connection, deadline, error);
    return status ? status : is_done(redis, connection, deadline, error);
}

static redisContext *open_socket(const struct redis_address *address)
{
    return address->socket ? redisConnectUnixNonBlock(address->socket)
                           : redisConnectNonBlock(address->host, address->port);
}

/* Waits until the connection stands. */
static pxt_status stand(struct redis *redis, redisContext *context, int64_t deadline, struct pxt_error *error)
{
    int problem = 0;
    socklen_t size = sizeof problem;
    pxt_status status = wait_for(redis, context, POLLOUT, deadline, error);
    if (status)
        return status;
    if (getsockopt(context->fd, SOL_SOCKET, SO_ERROR, &problem, &size))
        problem = errno;
    if (problem)
        return redis->host->fail(redis->host, error, PXT_EUNAVAILABLE, problem,
                                 "cannot connect to the server %s: is it running?", redis->address.name);
    const struct timeval slice = {.tv_usec = SLICE};
    int flags = fcntl(context->fd, F_GETFL);
    if (flags < 0 || setsockopt(context->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice) ||
        fcntl(context->fd, F_SETFL, flags & ~O_NONBLOCK))
        return redis->host->fail(redis->host, error, PXT_EIO, errno, "cannot set up the connection to the server %s",
                                 redis->address.name);
    return PXT_OK;
}

struct redis_connection *redis_connect(struct redis *redis, int64_t deadline, struct pxt_error *error)
{
    struct redis_connection *connection = calloc(1, sizeof *connection);
    pxt_status status = PXT_OK;
    if (!connection || !(connection->context = open_socket(&redis->address))) {
        redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a connection");
        free(connection);
        return NULL;
    }
    if (connection->context->err)
        status = redis->host->fail(redis->host, error, PXT_EUNAVAILABLE, 0,
                                   "cannot connect to the server %s: %s: is it running?", redis->address.name,
                                   connection->context->errstr);
    else
        fcntl(connection->context->fd, F_SETFD, FD_CLOEXEC); /* as soon as it can be: the library makes the socket */
    if (!status)
        status = stand(redis, connection->context, deadline, error);
    int yes = 1;
    if (!status && !redis->address.socket) /* without it calls are slower, and no less right */
        setsockopt(connection->context->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (!status)
        status = say_who(redis, connection, deadline, error);
    if (!status)
        return connection;
    redis_disconnect(connection);
    return NULL;
}

void redis_disconnect(struct redis_connection *connection)
{
    if (!connection)
        return;
    redisFree(connection->context);
    free(connection->out);
    free(connection);
}
