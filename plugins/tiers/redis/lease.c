/* SPDX-License-Identifier: MIT
 *
 * lease.c: leases, by the clock of the server: so hosts need not agree on the time.
 */
#include "redis.h"
#include <stdlib.h>
#include <string.h>

/* `*done`: the server did it. */
static pxt_status do_lease(struct redis *redis, const char *what, const struct pxt_lease *lease, bool *done,
                           struct pxt_error *error)
{
    struct redis_arguments arguments;
    redisReply *reply = NULL;
    redis_script_begin(redis, SCRIPT_LEASE, &arguments);
    redis_argument_text(&arguments, what);
    redis_argument(&arguments, lease->key.text, lease->key.length);
    redis_argument_text(&arguments, lease->id);
    redis_argument_format(&arguments, "%lld", (long long)(lease->ttl > 0 ? (lease->ttl + 999) / 1000 : 0));
    redis_argument_format(&arguments, "%u", (unsigned)lease->max);
    redis_argument_text(&arguments, lease->holder ? lease->holder : "");
    pxt_status status = redis_script_run(redis, &arguments, &reply, error);
    if (!status)
        *done = reply->integer == 1;
    freeReplyObject(reply);
    redis_arguments_free(&arguments);
    return status;
}

pxt_status redis_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error)
{
    return do_lease(self, "take", lease, taken, error);
}

pxt_status redis_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    bool done = false;
    pxt_status status = do_lease(self, "renew", lease, &done, error);
    return status ? status : done ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status redis_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    bool done = false;
    pxt_status status = do_lease(self, "end", lease, &done, error);
    return status ? status : done ? PXT_OK : PXT_NOT_FOUND;
}

/* The time that the server's clock is ahead of ours, in microseconds. */
static pxt_status ahead(struct redis *redis, int64_t *out, int64_t *server_ms, struct pxt_error *error)
{
    redisReply *reply = NULL;
    pxt_status status = redis_ask(redis, &reply, error, "TIME");
    if (!status && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2))
        status = redis_malformed(redis, error);
    if (!status) {
        int64_t time =
            strtoll(reply->element[0]->str, NULL, 10) * PXT_SECOND + strtoll(reply->element[1]->str, NULL, 10);
        *out = time - redis->host->now(redis->host);
        *server_ms = time / 1000;
    }
    freeReplyObject(reply);
    return status;
}

/* A lease of HGET lease ID: "KEY<newline>MAX<newline>HOLDER". False: `fn` wants no more. */
static bool tell(struct redis *redis, const struct pxt_key *wanted, const char *id, pxt_time until, redisReply *value,
                 pxt_lease_fn *fn, void *arg)
{
    struct pxt_lease lease = {.size = sizeof lease, .id = id, .until = until};
    char *newline = value->type == REDIS_REPLY_STRING ? strchr(value->str, '\n') : NULL;
    if (!newline)
        return true; /* it has ended since */
    char *holder = strchr(newline + 1, '\n');
    if (!holder)
        return true;
    *newline = '\0';
    lease.max = (uint32_t)strtoul(newline + 1, NULL, 10);
    lease.holder = holder + 1;
    redis->host->key_init(&lease.key, value->str, (size_t)(newline - value->str));
    if (wanted && (wanted->length != lease.key.length || strcmp(wanted->text, lease.key.text)))
        return true;
    return fn(arg, &lease);
}

pxt_status redis_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg, struct pxt_error *error)
{
    struct redis *redis = self;
    redisReply *held = NULL;
    int64_t difference = 0, now_ms = 0;
    pxt_status status = ahead(redis, &difference, &now_ms, error);
    if (!status && key)
        status = redis_ask(redis, &held, error, "ZRANGEBYSCORE %sl:%b (%lld +inf WITHSCORES", redis->prefix, key->text,
                           (size_t)key->length, (long long)now_ms);
    else if (!status)
        status = redis_ask(redis, &held, error, "ZRANGEBYSCORE %sleases (%lld +inf WITHSCORES", redis->prefix,
                           (long long)now_ms);
    if (!status && held->type != REDIS_REPLY_ARRAY)
        status = redis_malformed(redis, error);
    bool more = true;
    for (size_t i = 0; !status && more && i + 1 < held->elements; i += 2) {
        redisReply *value = NULL;
        pxt_time until = (pxt_time)strtoll(held->element[i + 1]->str, NULL, 10) * 1000 - difference;
        status = redis_ask(redis, &value, error, "HGET %slease %s", redis->prefix, held->element[i]->str);
        more = status || tell(redis, key, held->element[i]->str, until, value, fn, arg);
        freeReplyObject(value);
    }
    freeReplyObject(held);
    return status;
}
