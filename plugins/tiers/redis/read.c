/* SPDX-License-Identifier: MIT
 *
 * read.c: gets, the history of checks, and the record of the core.
 */
#include "redis.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pxt_status redis_malformed(struct redis *redis, struct pxt_error *error)
{
    return redis->host->fail(redis->host, error, PXT_EIO, 0,
                             "the server %s gives an answer of another kind than asked for", redis->address.name);
}

/* Hits were counted beside the line, and the flag set there. */
static pxt_status add_hits(struct redis *redis, const redisReply *reply, pxt_entry **entry, struct pxt_error *error)
{
    const struct pxt_host *host = redis->host;
    const char *count = reply->element[2]->str, *last = reply->element[3]->str;
    int64_t had = host->entry_number(*entry, PXT_FIELD_ACCESS_COUNT);
    int64_t has = count ? strtoll(count, NULL, 10) : 0;
    host->entry_touch(*entry, has > had ? (uint64_t)(has - had) : 0, last ? strtoll(last, NULL, 10) : PXT_TIME_NONE);
    if (!reply->element[4]->str)
        return PXT_OK;
    struct pxt_draft changes;
    pxt_entry *changed = NULL;
    pxt_draft_init(&changes);
    pxt_draft_set_number(&changes, PXT_FIELD_EVICTED_FROM_L1, 1);
    pxt_status status = host->entry_copy(host, *entry, &changes, &changed, error);
    if (status)
        return status;
    host->entry_release(*entry);
    *entry = changed;
    return PXT_OK;
}

/* What is no entry is removed, if it has not changed meanwhile. */
static pxt_status drop_damaged(struct redis *redis, const struct pxt_key *key, const char *version,
                               struct pxt_error *error)
{
    atomic_fetch_add(&redis->damaged, 1);
    redis->host->log(redis->host, PXT_LOG_WARNING, "the entry %s in the server %s is damaged: it is removed", key->text,
                     redis->address.name);
    pxt_status status =
        redis_del_if(redis, key, strtoull(version ? version : "0", NULL, 10), PXT_REMOVE_CORRUPTION, error);
    return status == PXT_OK || status == PXT_ESTALE ? PXT_NOT_FOUND : status;
}

pxt_status redis_entry_of(struct redis *redis, const struct pxt_key *key, const redisReply *reply, pxt_entry **out,
                          struct pxt_error *error)
{
    struct pxt_key own;
    pxt_entry *entry = NULL;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != REDIS_ENTRY_FIELD_COUNT)
        return redis_malformed(redis, error);
    const redisReply *version = reply->element[0], *json = reply->element[1];
    if (!version->str && !json->str)
        return PXT_NOT_FOUND;
    pxt_status status =
        json->str ? redis->host->json_read(redis->host, json->str, json->len, &entry, error) : PXT_EINVAL;
    if (!status) {
        redis->host->entry_key(entry, &own);
        if (own.length != key->length || memcmp(own.text, key->text, key->length))
            status = PXT_EINVAL;
        else
            status = add_hits(redis, reply, &entry, error);
    }
    if (!status) {
        *out = entry;
        return PXT_OK;
    }
    if (entry)
        redis->host->entry_release(entry);
    return status == PXT_EINVAL ? drop_damaged(redis, key, version->str, error) : status;
}

/* Without the library's formatter, which takes as long as a third of what is made of the reply. */
static pxt_status ask_for(struct redis_request *request, const struct pxt_key *key, struct pxt_error *error)
{
    enum { PREFIX_MAX = sizeof request->redis->prefix, WORDS = 2 + REDIS_ENTRY_FIELD_COUNT };
    char name[PREFIX_MAX + 2 + PXT_KEY_MAX];
    const size_t prefix = strlen(request->redis->prefix);
    memcpy(name, request->redis->prefix, prefix);
    memcpy(name + prefix, "e:", 2);
    memcpy(name + prefix + 2, key->text, key->length);
    const char *const words[WORDS] = {"HMGET", name, REDIS_ENTRY_FIELDS};
    size_t lengths[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        lengths[i] = i == 1 ? prefix + 2 + key->length : strlen(words[i]);
    return redis_add(request, WORDS, words, lengths, error);
}

pxt_status redis_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                          struct pxt_error *error)
{
    struct redis *redis = self;
    struct redis_request request;
    (void)flags; /* the core counts hits, and hands them to touch */
    memset(out, 0, n * sizeof(pxt_entry *));
    redisReply **replies = calloc(n ? n : 1, sizeof(redisReply *));
    if (!replies)
        return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for %zu replies", n);
    pxt_status status = redis_begin(redis, &request, error);
    if (!status) {
        for (size_t i = 0; !status && i < n; i++)
            status = ask_for(&request, keys[i], error);
        if (!status)
            status = redis_flush(&request, error);
        for (size_t i = 0; !status && i < n; i++)
            status = redis_reply(&request, &replies[i], error);
        redis_end(&request);
    }
    for (size_t i = 0; !status && i < n; i++) {
        status = redis_entry_of(redis, keys[i], replies[i], &out[i], error);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
    }
    for (size_t i = 0; i < n; i++) {
        freeReplyObject(replies[i]);
        if (status && out[i]) {
            redis->host->entry_release(out[i]);
            out[i] = NULL;
        }
    }
    free(replies);
    return status;
}

pxt_status redis_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error)
{
    struct redis *redis = self;
    struct redis_request request;
    redisReply *reply = NULL;
    (void)flags;
    pxt_status status = redis_begin(redis, &request, error);
    if (status)
        return status;
    status = ask_for(&request, key, error);
    if (!status)
        status = redis_flush(&request, error);
    if (!status)
        status = redis_reply(&request, &reply, error);
    redis_end(&request);
    if (!status)
        status = redis_entry_of(redis, key, reply, out, error);
    freeReplyObject(reply);
    return status;
}

/* ---- history: a list of "TIME HEALTH MILLISECONDS URL<tab>ERROR", newest first ------------------------------------- */

/* Without what separates. */
static void copy_clean(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from && from[i] && i + 1 < size; i++)
        to[i] = from[i] == '\t' || from[i] == '\n' ? ' ' : from[i];
    to[i] = '\0';
}

pxt_status redis_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    struct redis *redis = self;
    struct redis_request request;
    redisReply *reply = NULL;
    char url[PXT_TEXT_MAX + 1], reason[PXT_TEXT_MAX + 1];
    copy_clean(url, sizeof url, check->check_url);
    copy_clean(reason, sizeof reason, check->error_message);
    char *text = NULL;
    locale_t before = uselocale(redis->numbers);
    int length = asprintf(&text, "%lld %d %.17g %s\t%s%s", (long long)check->time, (int)check->status,
                          check->response_time_ms, url, check->error_message ? "=" : "", reason);
    uselocale(before);
    if (length < 0)
        return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a check");
    pxt_status status = redis_begin(redis, &request, error);
    if (!status) {
        int replies = keep ? 2 : 1;
        status = redis_add_format(&request, error, "LPUSH %sh:%b %s", redis->prefix, check->key.text,
                                  (size_t)check->key.length, text);
        if (!status && keep)
            status = redis_add_format(&request, error, "LTRIM %sh:%b 0 %lld", redis->prefix, check->key.text,
                                      (size_t)check->key.length, (long long)keep - 1);
        if (!status)
            status = redis_flush(&request, error);
        for (int i = 0; !status && i < replies; i++) {
            status = redis_reply(&request, &reply, error);
            freeReplyObject(reply);
            reply = NULL;
        }
        redis_end(&request);
    }
    free(text);
    return status;
}

/* Takes a line apart, which it changes. */
static bool read_check(char *text, struct pxt_check *check)
{
    long long time;
    int health, at = 0;
    double milliseconds;
    if (sscanf(text, "%lld %d %lf%n", &time, &health, &milliseconds, &at) != 3 || text[at] != ' ')
        return false;
    char *url = text + at + 1, *tab = strchr(url, '\t');
    if (!tab || health < 0 || health >= PXT_HEALTH_COUNT)
        return false;
    *tab = '\0';
    check->time = time;
    check->status = (enum pxt_health)health;
    check->response_time_ms = milliseconds;
    check->check_url = url;
    check->error_message = tab[1] == '=' ? tab + 2 : NULL;
    return true;
}

pxt_status redis_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg, struct pxt_error *error)
{
    struct redis *redis = self;
    redisReply *reply = NULL;
    pxt_status status =
        redis_ask(redis, &reply, error, "LRANGE %sh:%b 0 -1", redis->prefix, key->text, (size_t)key->length);
    if (!status && reply->type != REDIS_REPLY_ARRAY)
        status = redis_malformed(redis, error);
    for (size_t i = 0; !status && i < reply->elements; i++) {
        struct pxt_check check = {.size = sizeof check, .key = *key};
        locale_t before = uselocale(redis->numbers);
        bool read = reply->element[i]->str && read_check(reply->element[i]->str, &check);
        uselocale(before);
        if (read && !fn(arg, &check))
            break;
    }
    freeReplyObject(reply);
    return status;
}

/* ---- the record ---------------------------------------------------------------------------------------------------- */

pxt_status redis_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct redis *redis = self;
    redisReply *reply = NULL;
    pxt_status status = redis_ask(redis, &reply, error, "GET %srecord", redis->prefix);
    if (!status && reply->type == REDIS_REPLY_NIL)
        status = PXT_NOT_FOUND;
    else if (!status && (reply->type != REDIS_REPLY_STRING || reply->len > PXT_RECORD_MAX))
        status = redis_malformed(redis, error);
    if (!status)
        memcpy(text, reply->str, reply->len + 1);
    freeReplyObject(reply);
    return status;
}

pxt_status redis_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct redis *redis = self;
    redisReply *reply = NULL;
    pxt_status status = redis_ask(redis, &reply, error, "SET %srecord %s", redis->prefix, text);
    freeReplyObject(reply);
    return status;
}
