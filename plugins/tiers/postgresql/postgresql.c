/* SPDX-License-Identifier: MIT
 *
 * postgresql.c: the tier: its options, how it is opened and closed, and what it offers.
 */
#include "postgresql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const struct pxt_option options[] = {
    {"conninfo", PXT_OPTION_TEXT, NULL, 0, 0, NULL,
     "the connection string of libpq, without a password: hosts, database, user, sslmode, service"},
    {"password", PXT_OPTION_SECRET, NULL, 0, 0, NULL, "the password of the role"},
    {"schema", PXT_OPTION_TEXT, "proxtier", 0, 0, NULL, "the schema of the tables, which is made if it is missing"},
    {"namespace", PXT_OPTION_TEXT, "default", 0, 0, NULL, "the pool: others of the same schema are not seen"},
    {"connections", PXT_OPTION_INTEGER, "8", 1, 1000, NULL, "how many connections a process has for calls, at most"},
    {"waiting", PXT_OPTION_INTEGER, "256", 0, 100000, NULL,
     "how many calls wait for a connection, at most; others fail at once"},
    {"patience", PXT_OPTION_DURATION, "5s", 1000, 3600 * PXT_SECOND, NULL,
     "how long a call waits that has no `timeout`, as a walk, and connecting"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static pxt_status check_names(struct pgsql *pgsql, struct pxt_error *error)
{
    enum { SCHEMA_MAX = 63, NAME_SPACE_MAX = 200 };
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(pgsql->schema);
    if (!length || length > SCHEMA_MAX || pgsql->schema[strspn(pgsql->schema, allowed)])
        return pgsql->host->fail(pgsql->host, error, PXT_ECONFIG, 0,
                                 "schema: take a name of at most %d letters, digits and underscores", SCHEMA_MAX);
    if (!*pgsql->name_space || strlen(pgsql->name_space) > NAME_SPACE_MAX)
        return pgsql->host->fail(pgsql->host, error, PXT_ECONFIG, 0, "namespace: take a name of at most %d bytes",
                                 NAME_SPACE_MAX);
    return PXT_OK;
}

/* The channel has a name that an identifier of the server has room for. */
static void name_channel(struct pgsql *pgsql)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *text = pgsql->schema; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    hash *= 1099511628211u;
    for (const char *text = pgsql->name_space; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    snprintf(pgsql->channel, sizeof pgsql->channel, "proxtier_%016llx", (unsigned long long)hash);
}

static pxt_status name_self(struct pgsql *pgsql, struct pxt_error *error)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return pgsql->host->fail(pgsql->host, error, PXT_EIO, 0, "no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(pgsql->identity + 2 * i, 3, "%02x", bytes[i]);
    return PXT_OK;
}

static pxt_status read_settings(struct pgsql *pgsql, const struct pxt_settings *settings, struct pxt_error *error)
{
    const struct pxt_host *host = pgsql->host;
    pgsql->address.conninfo = host->setting_text(settings, "conninfo");
    pgsql->address.password = host->setting_secret(settings, "password", NULL);
    pgsql->schema = host->setting_text(settings, "schema");
    pgsql->name_space = host->setting_text(settings, "namespace");
    pgsql->patience = host->setting_number(settings, "patience");
    pxt_status status = check_names(pgsql, error);
    if (!status)
        status = pgsql_hosts_read(pgsql, error);
    if (!status)
        status = name_self(pgsql, error);
    name_channel(pgsql);
    return status;
}

static void pgsql_close(void *self)
{
    struct pgsql *pgsql = self;
    pgsql_select_stop(pgsql);
    pgsql_watch_stop(pgsql);
    pgsql_pool_close(pgsql);
    pgsql_statements_free(pgsql);
    free(pgsql->descriptor);
    free(pgsql);
}

/* A descriptor for each connection: those for calls, that of the watch, that of indexes, and one that is made while
 * another is dropped. */
static bool make_room(struct pgsql *pgsql, unsigned connections)
{
    enum { OTHERS = 3 };
    pgsql->descriptor = malloc((connections + OTHERS) * sizeof *pgsql->descriptor);
    for (unsigned i = 0; pgsql->descriptor && i < connections + OTHERS; i++)
        atomic_init(&pgsql->descriptor[i], -1);
    pgsql->descriptors = connections + OTHERS;
    return pgsql->descriptor != NULL;
}

static void disconnect(void *owner, struct far_connection *connection)
{
    pgsql_disconnect(owner, (struct pgsql_connection *)connection);
}

static pxt_status pgsql_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    struct pgsql *pgsql = calloc(1, sizeof *pgsql);
    unsigned connections = (unsigned)host->setting_number(setup->settings, "connections");
    bool room = pgsql && make_room(pgsql, connections);
    bool selects = room && !pgsql_select_init(pgsql);
    if (selects)
        pgsql->pool =
            (struct far_pool){.host = host, .server = pgsql->address.name, .disconnect = disconnect, .owner = pgsql};
    if (!selects ||
        far_pool_init(&pgsql->pool, connections, (unsigned)host->setting_number(setup->settings, "waiting"))) {
        if (selects)
            pgsql_select_stop(pgsql);
        free(pgsql ? pgsql->descriptor : NULL);
        free(pgsql);
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for connections");
    }
    pgsql->host = host;
    pgsql->watch.wake[0] = pgsql->watch.wake[1] = -1;
    pxt_status status = read_settings(pgsql, setup->settings, error);
    if (!status)
        status = pgsql_watch_start(pgsql, error);
    if (status)
        pgsql_close(pgsql);
    else
        *self = pgsql;
    return status;
}

/* A child of a fork has the connections of its parent. */
static void pgsql_after_fork_child(void *self)
{
    struct pgsql *pgsql = self;
    for (unsigned i = 0; i < pgsql->descriptors; i++) {
        int fd = atomic_load(&pgsql->descriptor[i]);
        if (fd >= 0)
            close(fd);
    }
    close(pgsql->watch.wake[0]);
    close(pgsql->watch.wake[1]);
}

static uint64_t pgsql_corruptions(void *self)
{
    return atomic_load(&((struct pgsql *)self)->damaged);
}

#define FLAGS (PXT_TIER_CONCURRENT | PXT_TIER_SHARED | PXT_TIER_VERSIONS | PXT_TIER_TRANSACTION | PXT_TIER_REMOTE)
#define OPERATIONS(flags_)                                                                                             \
    {                                                                                                                  \
        .size = sizeof(struct pxt_tier_ops), .flags = (flags_), .open = pgsql_open, .close = pgsql_close,              \
        .get = pgsql_get, .put = pgsql_put, .del = pgsql_del, .each = pgsql_each, .count = pgsql_count,                \
        .clear = pgsql_clear, .put_many = pgsql_put_many, .touch = pgsql_touch, .expire = pgsql_expire,                \
        .check_add = pgsql_check_add, .check_each = pgsql_check_each, .corruptions = pgsql_corruptions,                \
        .after_fork_child = pgsql_after_fork_child, .instance_ops = pgsql_instance_ops, .versions = pgsql_versions,    \
        .record_get = pgsql_record_get, .record_put = pgsql_record_put, .tombstones = pgsql_tombstones,                \
        .known_dead = pgsql_known_dead, .get_many = pgsql_get_many, .put_if = pgsql_put_if, .del_if = pgsql_del_if,    \
        .put_if_many = pgsql_put_if_many, .select = pgsql_select, .lease_take = pgsql_lease_take,                      \
        .lease_renew = pgsql_lease_renew, .lease_end = pgsql_lease_end, .lease_each = pgsql_lease_each                 \
    }

static const struct pxt_tier_ops *pgsql_instance_ops(void *self);

/* What the server keeps is found out when the tier is opened. */
static const struct pxt_tier_ops ops = OPERATIONS(FLAGS | PXT_TIER_DURABLE | PXT_TIER_SYNCED);
static const struct pxt_tier_ops fleeting_ops = OPERATIONS(FLAGS);

static const struct pxt_tier_ops *pgsql_instance_ops(void *self)
{
    const struct pgsql *pgsql = self;
    return pgsql->durable ? &ops : &fleeting_ops;
}

PXT_PLUGIN(PXT_KIND_TIER, "postgresql", "1.0", "MIT", "entries in a PostgreSQL server that many hosts share", options,
           &ops);
