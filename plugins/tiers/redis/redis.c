/* SPDX-License-Identifier: MIT
 *
 * redis.c: the tier: its options, how it is opened and closed, and what it offers.
 */
#include "redis.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const struct pxt_option options[] = {
    {"host", PXT_OPTION_TEXT, "127.0.0.1", 0, 0, NULL, "the name or address of the server"},
    {"port", PXT_OPTION_INTEGER, "6379", 1, 65535, NULL, "its port"},
    {"socket", PXT_OPTION_PATH, NULL, 0, 0, NULL, "the path of its socket, in place of host and port"},
    {"user", PXT_OPTION_TEXT, NULL, 0, 0, NULL, "the user of its access control list; without: the default user"},
    {"password", PXT_OPTION_SECRET, NULL, 0, 0, NULL, "the password of the user"},
    {"database", PXT_OPTION_INTEGER, "0", 0, 1000000, NULL, "the number of the database"},
    {"prefix", PXT_OPTION_TEXT, "proxtier", 0, 0, NULL, "how each key of the server begins"},
    {"namespace", PXT_OPTION_TEXT, "default", 0, 0, NULL, "the pool: others of the same server are not seen"},
    {"connections", PXT_OPTION_INTEGER, "16", 1, 1000, NULL, "how many connections a process has for calls, at most"},
    {"waiting", PXT_OPTION_INTEGER, "256", 0, 100000, NULL,
     "how many calls wait for a connection, at most; others fail at once"},
    {"patience", PXT_OPTION_DURATION, "5s", 1000, 3600 * PXT_SECOND, NULL,
     "how long a call waits that has no `timeout`, as a walk, and connecting"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static pxt_status read_address(struct redis *redis, const struct pxt_settings *settings, struct pxt_error *error)
{
    const struct pxt_host *host = redis->host;
    struct redis_address *address = &redis->address;
    address->host = host->setting_text(settings, "host");
    address->socket = host->setting_text(settings, "socket");
    address->port = (int)host->setting_number(settings, "port");
    address->database = (int)host->setting_number(settings, "database");
    address->user = host->setting_text(settings, "user");
    address->password = host->setting_secret(settings, "password", NULL);
    redis->patience = host->setting_number(settings, "patience");
    if (address->user && !address->password)
        return host->fail(host, error, PXT_ECONFIG, 0, "user: a password is missing: give `password`");
    if (address->socket)
        snprintf(address->name, sizeof address->name, "%.270s", address->socket);
    else
        snprintf(address->name, sizeof address->name, "%.260s:%d", address->host, address->port);
    return PXT_OK;
}

/* The braces keep the keys of a pool on one node of a cluster. */
static pxt_status name_keys(struct redis *redis, const struct pxt_settings *settings, struct pxt_error *error)
{
    const struct pxt_host *host = redis->host;
    const char *prefix = host->setting_text(settings, "prefix"), *name = host->setting_text(settings, "namespace");
    int length = snprintf(redis->prefix, sizeof redis->prefix, "%s:{%s}:", prefix, name);
    if (length < 0 || (size_t)length >= sizeof redis->prefix || strpbrk(name, "{}") || strpbrk(prefix, "{}"))
        return host->fail(host, error, PXT_ECONFIG, 0,
                          "namespace: %s and the prefix %s are too long, or have braces: take shorter names", name,
                          prefix);
    snprintf(redis->channel, sizeof redis->channel, "%schanged", redis->prefix);
    return PXT_OK;
}

static pxt_status name_self(struct redis *redis, struct pxt_error *error)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return redis->host->fail(redis->host, error, PXT_EIO, 0, "no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(redis->identity + 2 * i, 3, "%02x", bytes[i]);
    return PXT_OK;
}

static void redis_close(void *self)
{
    struct redis *redis = self;
    redis_watch_stop(redis);
    far_pool_close(&redis->pool);
    if (redis->numbers)
        freelocale(redis->numbers);
    free(redis);
}

static void disconnect(void *owner, struct far_connection *connection)
{
    (void)owner;
    redis_disconnect((struct redis_connection *)connection);
}

static bool make_pool(struct redis *redis, const struct pxt_host *host, const struct pxt_settings *settings)
{
    redis->host = host;
    redis->pool = (struct far_pool){.host = host, .server = redis->address.name, .disconnect = disconnect};
    return !far_pool_init(&redis->pool, (unsigned)host->setting_number(settings, "connections"),
                          (unsigned)host->setting_number(settings, "waiting"));
}

static pxt_status redis_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    struct redis *redis = calloc(1, sizeof *redis);
    if (!redis || !make_pool(redis, host, setup->settings)) {
        free(redis);
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for connections");
    }
    redis->watch.wake[0] = redis->watch.wake[1] = -1;
    atomic_init(&redis->watch.socket, -1);
    redis->numbers = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    pxt_status status = redis->numbers ? read_address(redis, setup->settings, error)
                                       : host->fail(host, error, PXT_ENOMEM, 0, "no memory for a locale");
    if (!status)
        status = name_keys(redis, setup->settings, error);
    if (!status)
        status = name_self(redis, error);
    if (!status)
        status = redis_watch_start(redis, error);
    redis->order = setup->policy ? redis_order_of(setup->policy) : NULL;
    redis->unordered = setup->policy && !redis->order;
    if (!status)
        status = redis_order_keep(redis, error);
    if (status)
        redis_close(redis);
    else
        *self = redis;
    return status;
}

/* A child of a fork has the connections of its parent. */
static void redis_after_fork_child(void *self)
{
    struct redis *redis = self;
    for (const struct far_connection *its = redis->pool.idle; its; its = its->next)
        close(((const struct redis_connection *)its)->context->fd);
    int listening = atomic_load(&redis->watch.socket);
    if (listening >= 0)
        close(listening);
    close(redis->watch.wake[0]);
    close(redis->watch.wake[1]);
}

static uint64_t redis_corruptions(void *self)
{
    return atomic_load(&((struct redis *)self)->damaged);
}

static const struct pxt_tier_ops *redis_instance_ops(void *self);

/* What the server keeps is found out when the tier is opened: see there. */
static const struct pxt_tier_ops ops = {
    .size = sizeof(struct pxt_tier_ops),
    .flags = PXT_TIER_CONCURRENT | PXT_TIER_SHARED | PXT_TIER_VERSIONS | PXT_TIER_TRANSACTION | PXT_TIER_REMOTE |
             PXT_TIER_DURABLE | PXT_TIER_SYNCED | PXT_TIER_POLICY_ORDER,
    .open = redis_open,
    .close = redis_close,
    .get = redis_get,
    .put = redis_put,
    .del = redis_del,
    .each = redis_each,
    .count = redis_count,
    .clear = redis_clear,
    .put_many = redis_put_many,
    .touch = redis_touch,
    .victim = redis_victim,
    .expire = redis_expire,
    .check_add = redis_check_add,
    .check_each = redis_check_each,
    .corruptions = redis_corruptions,
    .after_fork_child = redis_after_fork_child,
    .instance_ops = redis_instance_ops,
    .versions = redis_versions,
    .record_get = redis_record_get,
    .record_put = redis_record_put,
    .tombstones = redis_tombstones,
    .known_dead = redis_known_dead,
    .get_many = redis_get_many,
    .put_if = redis_put_if,
    .del_if = redis_del_if,
    .put_if_many = redis_put_if_many,
    .select = redis_select,
    .lease_take = redis_lease_take,
    .lease_renew = redis_lease_renew,
    .lease_end = redis_lease_end,
    .lease_each = redis_lease_each,
};

static const struct pxt_tier_ops *redis_instance_ops(void *self)
{
    struct redis *redis = self;
    redis->ops = ops;
    if (!redis->durable)
        redis->ops.flags &= ~PXT_TIER_DURABLE;
    if (!redis->synced)
        redis->ops.flags &= ~PXT_TIER_SYNCED;
    if (redis->unordered)
        redis->ops.flags &= ~PXT_TIER_POLICY_ORDER;
    return &redis->ops;
}

PXT_PLUGIN(PXT_KIND_TIER, "redis", "1.0", "MIT", "entries in a Redis server that many hosts share", options, &ops);
