/* SPDX-License-Identifier: MIT
 *
 * server.c: what a server says of itself. INFO is asked, which users without the right to CONFIG have.
 */
#include "redis.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of a line "name:value" of INFO; false: there is none. */
static bool value_of(const char *info, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = info; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, name, length) || line[length] != ':')
            continue;
        size_t n = strcspn(line + length + 1, "\r\n");
        snprintf(value, size, "%.*s", (int)n, line + length + 1);
        return true;
    }
    return false;
}

static pxt_status ask(struct redis *redis, struct redis_connection *connection, int64_t deadline, redisReply **reply,
                      struct pxt_error *error, const char *command)
{
    if (!redis_append_format(connection, command))
        return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
    pxt_status status = redis_send(redis, connection, deadline, error);
    return status ? status : redis_receive(redis, connection, deadline, reply, NULL, error);
}

/* Whether each command is on the disk before it is acknowledged: only CONFIG tells, which not everybody may ask. */
static bool syncs_always(struct redis *redis, struct redis_connection *connection, int64_t deadline)
{
    redisReply *reply = NULL;
    bool always = false;
    if (ask(redis, connection, deadline, &reply, NULL, "CONFIG GET appendfsync") == PXT_OK)
        always = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str &&
                 !strcmp(reply->element[1]->str, "always");
    freeReplyObject(reply);
    return always;
}

pxt_status redis_server_look(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                             struct redis_server *server, struct pxt_error *error)
{
    char text[64] = "", policy[64] = "noeviction";
    redisReply *reply = NULL;
    *server = (struct redis_server){.why_not = NULL};
    pxt_status status = ask(redis, connection, deadline, &reply, error, "INFO");
    if (status)
        return status;
    const char *info = reply->str ? reply->str : "";
    if (!value_of(info, "run_id", server->run_id, sizeof server->run_id))
        snprintf(server->run_id, sizeof server->run_id, "unknown");
    bool limited = value_of(info, "maxmemory", text, sizeof text) && strcmp(text, "0");
    value_of(info, "maxmemory_policy", policy, sizeof policy);
    bool logs = value_of(info, "aof_enabled", text, sizeof text) && !strcmp(text, "1");
    bool replica = value_of(info, "role", text, sizeof text) && !strcmp(text, "slave");
    freeReplyObject(reply);
    server->replica = replica;
    if (replica)
        server->why_not = "it is a replica, which takes no writes";
    else if (!logs)
        server->why_not = "it keeps no append-only file (appendonly yes)";
    else if (limited && !strncmp(policy, "allkeys", 7))
        server->why_not = "it throws keys away when its memory is full (maxmemory-policy noeviction)";
    server->durable = !server->why_not;
    server->synced = server->durable && syncs_always(redis, connection, deadline);
    return PXT_OK;
}
