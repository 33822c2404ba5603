/* SPDX-License-Identifier: MIT
 *
 * order.c: who leaves a full tier, by an order that the server keeps. The order of the last use is one of the sets that it always
 * has. The others cost each write more: they are kept if a host of the pool wants them, which the hash `orders` says. All
 * hosts keep them then, so that the order is whole whoever writes.
 */
#include "redis.h"
#include <string.h>

const char *redis_order_of(const struct pxt_eviction_ops *policy)
{
    static const struct {
        const char *set;
        enum pxt_field_id field[3];
    } all[] = {{"last", {PXT_FIELD_LAST_ACCESSED, PXT_FIELD_END}},
               {"fetched", {PXT_FIELD_FETCH_TIME, PXT_FIELD_END}},
               {"used", {PXT_FIELD_ACCESS_COUNT, PXT_FIELD_LAST_ACCESSED, PXT_FIELD_END}}};
    for (size_t i = 0; policy->order && i < sizeof all / sizeof all[0]; i++) {
        size_t n = 0;
        while (all[i].field[n] != PXT_FIELD_END && policy->order[n] == all[i].field[n])
            n++;
        if (policy->order[n] == PXT_FIELD_END && all[i].field[n] == PXT_FIELD_END)
            return all[i].set;
    }
    return NULL;
}

/* Entries that are to be put into the order. */
struct ranking {
    struct redis *redis;
    struct redis_arguments arguments;
    size_t count;
    pxt_status status;
    struct pxt_error *error;
};

static void begin_some(struct ranking *ranking)
{
    ranking->count = 0;
    redis_script_begin(ranking->redis, SCRIPT_RANK, &ranking->arguments);
    redis_argument_text(&ranking->arguments, ranking->redis->order);
}

static void send_some(struct ranking *ranking)
{
    redisReply *reply = NULL;
    if (!ranking->status && ranking->count)
        ranking->status = redis_script_run(ranking->redis, &ranking->arguments, &reply, ranking->error);
    freeReplyObject(reply);
    redis_arguments_free(&ranking->arguments);
}

static bool rank(void *arg, pxt_entry *entry)
{
    enum { SOME = 200 };
    struct ranking *ranking = arg;
    const struct pxt_host *host = ranking->redis->host;
    struct pxt_key key;
    host->entry_key(entry, &key);
    redis_argument_format(&ranking->arguments, "%.*s", (int)key.length,
                          key.text); /* the entry is gone when it is sent */
    redis_argument_format(&ranking->arguments, "%019llu",
                          (unsigned long long)host->entry_number(entry, PXT_FIELD_VERSION));
    redis_argument_format(&ranking->arguments, "%lld", (long long)host->entry_number(entry, PXT_FIELD_FETCH_TIME));
    if (++ranking->count == SOME) {
        send_some(ranking);
        begin_some(ranking);
    }
    return !ranking->status;
}

/* Goes through the pool. What is written from now on is in the order already. */
static pxt_status make_whole(struct redis *redis, struct pxt_error *error)
{
    struct ranking ranking = {.redis = redis, .error = error};
    redisReply *reply = NULL;
    pxt_status status = redis_ask(redis, &reply, error, "HSETNX %sorders %s begun", redis->prefix, redis->order);
    freeReplyObject(reply);
    if (status)
        return status;
    begin_some(&ranking);
    status = redis_each(redis, rank, &ranking, error);
    send_some(&ranking);
    status = ranking.status ? ranking.status : status;
    reply = NULL;
    if (!status)
        status = redis_ask(redis, &reply, error, "HSET %sorders %s whole", redis->prefix, redis->order);
    freeReplyObject(reply);
    return status;
}

pxt_status redis_order_keep(struct redis *redis, struct pxt_error *error)
{
    redisReply *reply = NULL;
    if (!redis->order || !strcmp(redis->order, "last"))
        return PXT_OK;
    pxt_status status = redis_ask(redis, &reply, error, "HGET %sorders %s", redis->prefix, redis->order);
    bool whole = !status && reply->str && !strcmp(reply->str, "whole");
    freeReplyObject(reply);
    return status || whole ? status : make_whole(redis, error);
}

/* `*again`: it was a damaged entry, which is removed; or the server was emptied, and keeps the order again. */
static pxt_status first_in_order(struct redis *redis, pxt_entry **out, bool *again, struct pxt_error *error)
{
    struct redis_arguments arguments;
    struct pxt_key key;
    redisReply *reply = NULL;
    redis_script_begin(redis, SCRIPT_VICTIM, &arguments);
    redis_argument_text(&arguments, redis->order);
    pxt_status status = redis_script_run(redis, &arguments, &reply, error);
    redis_arguments_free(&arguments);
    *again = false;
    if (!status && reply->type == REDIS_REPLY_NIL) {
        status = PXT_NOT_FOUND;
    } else if (!status && reply->type == REDIS_REPLY_STRING) {
        *again = true;
        status = make_whole(redis, error);
    } else if (!status && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str)) {
        status = redis_malformed(redis, error);
    } else if (!status) {
        redis->host->key_init(&key, reply->element[0]->str, reply->element[0]->len);
        status = redis_entry_of(redis, &key, reply->element[1], out, error);
        *again = status == PXT_NOT_FOUND;
        status = *again ? PXT_OK : status;
    }
    freeReplyObject(reply);
    return status;
}

pxt_status redis_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    struct redis *redis = self;
    bool again = true;
    pxt_status status = PXT_OK;
    (void)incoming; /* an order keeps nobody out */
    *out = NULL;
    if (!redis->order)
        return redis->host->fail(redis->host, error, PXT_ENOTSUP, 0, "the policy names no order to choose by");
    while (!status && again)
        status = first_in_order(redis, out, &again, error);
    return status;
}
