/* SPDX-License-Identifier: MIT
 *
 * walk.c: what concerns all keys: page by page, so that neither the server nor memory is held by a large store.
 */
#include "redis.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 256, MEMBER_MAX = 20 + PXT_KEY_MAX };

/* A place in a sorted set whose members are ordered as bytes, as ZRANGEBYLEX wants it. */
struct place {
    char text[MEMBER_MAX + 4];
    size_t length;
};

static void place_at(struct place *place, const char *text)
{
    place->length = (size_t)snprintf(place->text, sizeof place->text, "%s", text);
}

static void place_after(struct place *place, const redisReply *member)
{
    size_t n = member->len < MEMBER_MAX ? member->len : MEMBER_MAX;
    place->text[0] = '(';
    memcpy(place->text + 1, member->str, n);
    place->length = n + 1;
}

/* One page of a sorted set. */
static pxt_status page_of(struct redis *redis, const char *set, const struct place *from, const char *to,
                          redisReply **reply, struct pxt_error *error)
{
    pxt_status status = redis_ask(redis, reply, error, "ZRANGEBYLEX %s%s %b %s LIMIT 0 %d", redis->prefix, set,
                                  from->text, from->length, to, PAGE);
    if (!status && (*reply)->type != REDIS_REPLY_ARRAY)
        status = redis_malformed(redis, error);
    return status;
}

/* The key of a member "PREFIX:KEY", whose prefix has that length. False: it is none. */
static bool key_of(struct redis *redis, const redisReply *member, size_t prefix, struct pxt_key *key)
{
    if (!member->str || member->len <= prefix + 1 || member->len > prefix + 1 + PXT_KEY_MAX)
        return false;
    redis->host->key_init(key, member->str + prefix + 1, member->len - prefix - 1);
    return true;
}

/* Calls `fn` for the entries of a page of the ring. */
static pxt_status each_of_page(struct redis *redis, const redisReply *page, pxt_entry_fn *fn, void *arg, bool *more,
                               struct pxt_error *error)
{
    struct pxt_key key[PAGE];
    const struct pxt_key *keys[PAGE];
    pxt_entry *entries[PAGE];
    size_t n = 0;
    for (size_t i = 0; i < page->elements && n < PAGE; i++)
        if (key_of(redis, page->element[i], 16, &key[n])) {
            keys[n] = &key[n];
            n++;
        }
    if (!n)
        return PXT_OK;
    pxt_status status = redis_get_many(redis, keys, n, PXT_GET_PEEK, entries, error);
    for (size_t i = 0; !status && i < n; i++) {
        if (!entries[i])
            continue;
        /* It may have become a tombstone since. */
        if (*more && !redis->host->entry_number(entries[i], PXT_FIELD_REMOVED))
            *more = fn(arg, entries[i]);
        redis->host->entry_release(entries[i]);
    }
    return status;
}

pxt_status redis_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct place at;
    bool more = true;
    pxt_status status = PXT_OK;
    place_at(&at, "-");
    while (more && !status) {
        redisReply *page = NULL;
        status = page_of(self, "ring", &at, "+", &page, error);
        more = !status && page->elements;
        if (more) {
            place_after(&at, page->element[page->elements - 1]);
            status = each_of_page(self, page, fn, arg, &more, error);
        }
        freeReplyObject(page);
    }
    return status;
}

/* Calls `fn` for the versions in a range. */
static pxt_status versions_in(struct redis *redis, const char *from, const char *to, pxt_version_fn *fn, void *arg,
                              bool *more, struct pxt_error *error)
{
    struct place at;
    pxt_status status = PXT_OK;
    bool any = true;
    place_at(&at, from);
    while (any && *more && !status) {
        redisReply *page = NULL;
        status = page_of(redis, "versions", &at, to, &page, error);
        any = !status && page->elements;
        if (any)
            place_after(&at, page->element[page->elements - 1]);
        for (size_t i = 0; any && *more && i < page->elements; i++) {
            struct pxt_key key;
            if (key_of(redis, page->element[i], 19, &key))
                *more = fn(arg, &key, strtoull(page->element[i]->str, NULL, 10));
        }
        freeReplyObject(page);
    }
    return status;
}

pxt_status redis_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    char from[32] = "-";
    bool more = true;
    pxt_status status = PXT_OK;
    if (above) {
        /* ';' comes after ':'. */
        status = versions_in(self, "-", "(0000000000000000000;", fn, arg, &more, error);
        snprintf(from, sizeof from, "[%019llu;", (unsigned long long)above);
    }
    return status ? status : versions_in(self, from, "+", fn, arg, &more, error);
}

static pxt_status members_of(struct redis *redis, const char *set, uint64_t *out, struct pxt_error *error)
{
    redisReply *reply = NULL;
    pxt_status status = redis_ask(redis, &reply, error, "ZCARD %s%s", redis->prefix, set);
    if (!status)
        *out = (uint64_t)reply->integer;
    freeReplyObject(reply);
    return status;
}

pxt_status redis_count(void *self, uint64_t *out, struct pxt_error *error)
{
    return members_of(self, "ring", out, error);
}

pxt_status redis_tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    uint64_t known = 0;
    pxt_status status = members_of(self, "dead", out, error);
    if (!status)
        status = members_of(self, "known", &known, error);
    *out += known;
    return status;
}

pxt_status redis_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    struct redis *redis = self;
    redisReply *reply = NULL;
    pxt_status status = redis_ask(redis, &reply, error, "ZCOUNT %sknown (%lld +inf", redis->prefix, (long long)now);
    if (!status)
        *out = (uint64_t)reply->integer;
    freeReplyObject(reply);
    return status;
}

pxt_status redis_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    *removed = 0;
    for (bool more = true; more && !status;) {
        struct redis_arguments arguments;
        redisReply *reply = NULL;
        redis_script_begin(self, SCRIPT_CLEAR, &arguments);
        redis_argument_format(&arguments, "%d", PAGE);
        status = redis_script_run(self, &arguments, &reply, error);
        if (!status && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2))
            status = redis_malformed(self, error);
        if (!status) {
            more = reply->element[0]->integer == PAGE;
            *removed += (uint64_t)reply->element[1]->integer;
        }
        freeReplyObject(reply);
        redis_arguments_free(&arguments);
    }
    return status;
}

pxt_status redis_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                        uint64_t *removed, struct pxt_error *error)
{
    struct redis *redis = self;
    pxt_status status = PXT_OK;
    *removed = 0;
    for (bool more = true; more && !status && *removed < limit;) {
        struct redis_arguments arguments;
        redisReply *reply = NULL;
        size_t some = limit - *removed < PAGE ? (size_t)(limit - *removed) : PAGE;
        redis_script_begin(redis, SCRIPT_EXPIRE, &arguments);
        redis_argument_format(&arguments, "%lld", (long long)now);
        redis_argument_format(&arguments, "%019llu", (unsigned long long)(up_to < INT64_MAX ? up_to : INT64_MAX));
        redis_argument_format(&arguments, "%zu", some);
        status = redis_script_run(redis, &arguments, &reply, error);
        if (!status && (reply->type != REDIS_REPLY_ARRAY || !reply->elements))
            status = redis_malformed(redis, error);
        for (size_t i = 1; !status && i < reply->elements; i++) {
            struct pxt_key key;
            redis->host->key_init(&key, reply->element[i]->str, reply->element[i]->len);
            fn(arg, &key);
        }
        if (!status) {
            more = (size_t)reply->element[0]->integer == some;
            *removed += (uint64_t)reply->element[0]->integer;
        }
        freeReplyObject(reply);
        redis_arguments_free(&arguments);
    }
    return status;
}
