/* SPDX-License-Identifier: MIT
 *
 * write.c: what changes entries. All of it is done by scripts, each of which compares and writes in one step.
 */
#include "redis.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the sets that an entry is in -------------------------------------------------------------------------------- */

struct names {
    char *text;
    size_t length, size;
    bool failed;
};

static void add(struct names *names, const char *kind, const char *value, size_t length, bool lower)
{
    size_t need = names->length + strlen(kind) + length + 3;
    if (need > names->size) {
        char *text = realloc(names->text, 2 * need);
        if (!text) {
            names->failed = true;
            return;
        }
        names->text = text;
        names->size = 2 * need;
    }
    if (names->length)
        names->text[names->length++] = '\n';
    names->length += (size_t)sprintf(names->text + names->length, "%s:", kind);
    for (size_t i = 0; i < length; i++)
        names->text[names->length++] = lower ? (char)tolower((unsigned char)value[i]) : value[i];
    names->text[names->length] = '\0';
}

/* A criterion alone, and together with the health. */
static void add_both(struct names *names, const char *health, const char *kind, const char *value, size_t length,
                     bool lower)
{
    char together[80];
    if (!value || !length)
        return;
    add(names, kind, value, length, lower);
    snprintf(together, sizeof together, "health:%s&%s", health, kind);
    add(names, together, value, length, lower);
}

static void add_tags(struct names *names, const char *health, const char *tags, size_t length)
{
    for (size_t at = 0; tags && at < length;) {
        size_t n = 0;
        while (at + n < length && tags[at + n] != ',')
            n++;
        size_t skip = 0;
        while (skip < n && tags[at + skip] == ' ')
            skip++;
        add_both(names, health, "tag", tags + at + skip, n - skip, false);
        at += n + 1;
    }
}

static const char *text_of(const struct pxt_draft *draft, enum pxt_field_id field, size_t *length)
{
    const struct pxt_value *value = &draft->value[field];
    *length = value->set ? value->length : 0;
    return value->set ? value->as.text : NULL;
}

const char *const redis_health_name[PXT_HEALTH_COUNT] = {
#define X(id, name) name,
    PXT_HEALTHS(X)
#undef X
};

static char *sets_of(const struct pxt_draft *draft)
{
    struct names names = {.text = NULL};
    size_t length, scheme;
    int64_t number = draft->value[PXT_FIELD_HEALTH_STATUS].as.number;
    const char *health = redis_health_name[number >= 0 && number < PXT_HEALTH_COUNT ? number : PXT_HEALTH_UNKNOWN];
    const char *text = text_of(draft, PXT_FIELD_PROXY_URL, &length);
    add(&names, "health", health, strlen(health), false);
    for (scheme = 0; scheme < length && text[scheme] != ':';)
        scheme++;
    add_both(&names, health, "scheme", text, scheme, false);
    text = text_of(draft, PXT_FIELD_SOURCE, &length);
    add_both(&names, health, "source", text, length, false);
    text = text_of(draft, PXT_FIELD_COUNTRY, &length);
    add_both(&names, health, "country", text, length, true);
    text = text_of(draft, PXT_FIELD_TAGS, &length);
    add_tags(&names, health, text, length);
    if (!names.failed)
        return names.text;
    free(names.text);
    return NULL;
}

/* ---- put ---------------------------------------------------------------------------------------------------------- */

static int64_t number_of(const struct pxt_draft *draft, enum pxt_field_id field)
{
    return draft->value[field].set ? draft->value[field].as.number : 0;
}

static void add_number(struct redis_arguments *arguments, const struct pxt_draft *draft, enum pxt_field_id field)
{
    int64_t number = number_of(draft, field);
    if (number >= 0)
        redis_argument_number(arguments, (uint64_t)number, 1);
    else
        redis_argument_format(arguments, "%lld", (long long)number);
}

static void add_live_fields(const struct pxt_draft *draft, const struct pxt_key *key, struct redis_arguments *arguments)
{
    int64_t last = number_of(draft, PXT_FIELD_LAST_ACCESSED);
    char *sets = sets_of(draft);
    redis_argument_hex(arguments, (uint64_t)PXT_RING(key->hash), 16);
    add_number(arguments, draft, PXT_FIELD_EXPIRES_AT);
    add_number(arguments, draft, PXT_FIELD_ACCESS_COUNT);
    redis_argument_number(arguments, (uint64_t)(last > 0 ? last : 0), 16);
    if (draft->value[PXT_FIELD_LATENCY].set)
        add_number(arguments, draft, PXT_FIELD_LATENCY);
    else
        redis_argument_text(arguments, "+inf");
    if (sets)
        redis_argument_owned(arguments, sets, strlen(sets));
    else
        arguments->failed = true;
    add_number(arguments, draft, PXT_FIELD_FETCH_TIME);
}

static pxt_status add_entry(struct redis *redis, pxt_entry *entry, uint64_t expected, struct redis_arguments *arguments,
                            struct pxt_error *error)
{
    const struct pxt_host *host = redis->host;
    struct pxt_draft draft;
    struct pxt_key key;
    char *json = NULL;
    size_t length = 0;
    pxt_status status = host->json_new(host, entry, 0, &json, &length, error);
    if (status)
        return status;
    char *copy = strndup(json, length);
    host->text_free(json);
    pxt_draft_init(&draft);
    host->entry_read(entry, &draft);
    host->entry_key(entry, &key);
    bool removed = number_of(&draft, PXT_FIELD_REMOVED) != 0;
    redis_argument(arguments, key.text, key.length);
    redis_argument_number(arguments, (uint64_t)number_of(&draft, PXT_FIELD_VERSION), 19);
    redis_argument_number(arguments, expected, 19);
    redis_argument_text(arguments, removed ? "1" : "0");
    if (copy)
        redis_argument_owned(arguments, copy, length);
    else
        arguments->failed = true;
    int64_t until =
        number_of(&draft, PXT_FIELD_REMOVED) == 1 + PXT_REMOVE_HEALTH ? number_of(&draft, PXT_FIELD_FETCH_TIME) : 0;
    redis_argument_number(arguments, (uint64_t)(until > 0 ? until : 0), 1);
    if (!removed)
        add_live_fields(&draft, &key, arguments);
    else
        for (int i = 0; i < 7; i++)
            redis_argument_text(arguments, "");
    return PXT_OK;
}

/* The arguments that write `n` entries. */
static pxt_status begin_write(struct redis *redis, const char *how, pxt_entry *const *entries, const uint64_t *expected,
                              size_t n, struct redis_arguments *arguments, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    redis_script_begin(redis, SCRIPT_WRITE, arguments);
    redis_argument_text(arguments, how);
    redis_argument_number(arguments, n, 1);
    for (size_t i = 0; !status && i < n; i++)
        status = add_entry(redis, entries[i], expected ? expected[i] : 0, arguments, error);
    return status;
}

/* Takes what the script answers for each of `n` entries. */
static pxt_status end_write(struct redis *redis, redisReply *reply, size_t n, pxt_status *results,
                            struct pxt_error *error)
{
    bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == n;
    for (size_t i = 0; sound && results && i < n; i++)
        results[i] = reply->element[i]->integer ? PXT_ESTALE : PXT_OK;
    freeReplyObject(reply);
    return sound ? PXT_OK : redis_malformed(redis, error);
}

/* Writes `n` entries, with `results` each for itself. */
static pxt_status write_entries(struct redis *redis, const char *how, pxt_entry *const *entries,
                                const uint64_t *expected, size_t n, pxt_status *results, struct pxt_error *error)
{
    struct redis_arguments arguments;
    redisReply *reply = NULL;
    pxt_status status = begin_write(redis, how, entries, expected, n, &arguments, error);
    if (!status && n)
        status = redis_script_run(redis, &arguments, &reply, error);
    if (!status && n)
        status = end_write(redis, reply, n, results, error);
    redis_arguments_free(&arguments);
    return status;
}

pxt_status redis_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    return write_entries(self, "all", &entry, NULL, 1, NULL, error);
}

pxt_status redis_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    return write_entries(self, "all", entries, NULL, n, NULL, error);
}

pxt_status redis_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    struct redis *redis = self;
    pxt_status result = PXT_OK;
    pxt_status status = write_entries(redis, "if", &entry, &expected, 1, &result, error);
    if (!status && result)
        status = redis->host->fail(redis->host, error, PXT_ESTALE, 0, "the server %s has another version",
                                   redis->address.name);
    return status;
}

/* A script keeps the server from all else: so long batches are several. They are on their way at once, and the server works on
 * one while the next is made. */
enum { BATCH = 500, WRITTEN = 100 };

static size_t some_of(size_t n, size_t at, size_t most)
{
    return n - at < most ? n - at : most;
}

static pxt_status send_writes(struct redis_request *request, pxt_entry *const *entries, const uint64_t *expected,
                              size_t n, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (size_t at = 0; !status && at < n; at += WRITTEN) {
        struct redis_arguments arguments;
        status =
            begin_write(request->redis, "if", entries + at, expected + at, some_of(n, at, WRITTEN), &arguments, error);
        if (!status)
            status = redis_script_add(request, &arguments, error);
        if (!status)
            status = redis_flush(request, error);
        redis_arguments_free(&arguments);
    }
    return status;
}

static pxt_status put_long_batch(struct redis *redis, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                                 pxt_status *results, struct pxt_error *error)
{
    struct redis_request request;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    size_t done = 0;
    pxt_status status = redis_begin(redis, &request, told);
    if (status)
        return status;
    status = send_writes(&request, entries, expected, n, told);
    for (; !status && done < n; done += status ? 0 : WRITTEN) {
        redisReply *reply = NULL;
        status = redis_reply(&request, &reply, told);
        if (!status)
            status = end_write(redis, reply, some_of(n, done, WRITTEN), results + done, told);
    }
    bool unknown = status && !request.broken && redis_is_unknown_script(told);
    while (unknown && !request.broken && request.pending) { /* the others fail likewise */
        redisReply *reply = NULL;
        redis_reply(&request, &reply, &own);
        freeReplyObject(reply);
    }
    redis_end(&request);
    for (status = unknown ? PXT_OK : status; !status && done < n; done += WRITTEN)
        status = write_entries(redis, "if", entries + done, expected + done, some_of(n, done, WRITTEN), results + done,
                               told);
    return status;
}

/* Most sets are in the order of the ring. The server finds the place of a member several times as fast near that of the last one:
 * so a long batch is written in that order. */
struct item {
    uint64_t hash, expected;
    size_t place; /* in the caller's order */
    pxt_entry *entry;
};

static int by_ring(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : (x->place > y->place) - (x->place < y->place);
}

/* A batch in another order than the caller's. */
struct sorted {
    struct item *item;
    pxt_entry **entries;
    uint64_t *expected;
    pxt_status *results;
};

static bool sort(struct redis *redis, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                 struct sorted *sorted)
{
    *sorted = (struct sorted){calloc(n, sizeof *sorted->item), calloc(n, sizeof *sorted->entries),
                              calloc(n, sizeof *sorted->expected), calloc(n, sizeof *sorted->results)};
    if (!sorted->item || !sorted->entries || !sorted->expected || !sorted->results)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        redis->host->entry_key(entries[i], &key);
        sorted->item[i] = (struct item){key.hash, expected[i], i, entries[i]};
    }
    qsort(sorted->item, n, sizeof *sorted->item, by_ring);
    for (size_t i = 0; i < n; i++) {
        sorted->entries[i] = sorted->item[i].entry;
        sorted->expected[i] = sorted->item[i].expected;
    }
    return true;
}

pxt_status redis_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                             pxt_status *results, struct pxt_error *error)
{
    struct redis *redis = self;
    struct sorted sorted;
    if (n <= WRITTEN)
        return write_entries(redis, "if", entries, expected, n, results, error);
    pxt_status status =
        sort(redis, entries, expected, n, &sorted)
            ? put_long_batch(redis, sorted.entries, sorted.expected, n, sorted.results, error)
            : redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a batch of %zu entries", n);
    for (size_t i = 0; !status && i < n; i++)
        results[sorted.item[i].place] = sorted.results[i];
    free(sorted.item);
    free(sorted.entries);
    free(sorted.expected);
    free(sorted.results);
    return status;
}

/* ---- del, touch --------------------------------------------------------------------------------------------------- */

static pxt_status remove_key(struct redis *redis, const struct pxt_key *key, const char *expected,
                             struct pxt_error *error)
{
    struct redis_arguments arguments;
    redisReply *reply = NULL;
    redis_script_begin(redis, SCRIPT_DEL, &arguments);
    redis_argument(&arguments, key->text, key->length);
    redis_argument_text(&arguments, expected);
    pxt_status status = redis_script_run(redis, &arguments, &reply, error);
    if (!status && !reply->integer)
        status = PXT_NOT_FOUND;
    freeReplyObject(reply);
    redis_arguments_free(&arguments);
    return status;
}

pxt_status redis_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    (void)why;
    return remove_key(self, key, "", error);
}

pxt_status redis_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                        struct pxt_error *error)
{
    char version[24];
    (void)why;
    snprintf(version, sizeof version, "%019llu", (unsigned long long)expected);
    return remove_key(self, key, version, error);
}

pxt_status redis_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (size_t i = 0; !status && i < n;) {
        struct redis_arguments arguments;
        redisReply *reply = NULL;
        size_t end = i + some_of(n, i, BATCH);
        redis_script_begin(self, SCRIPT_TOUCH, &arguments);
        redis_argument_number(&arguments, end - i, 1);
        for (; i < end; i++) {
            const struct pxt_touch *touch = touches[i];
            redis_argument(&arguments, touch->key.text, touch->key.length);
            redis_argument_number(&arguments, touch->hits, 1);
            if (touch->last_accessed > 0)
                redis_argument_number(&arguments, (uint64_t)touch->last_accessed, 16);
            else
                redis_argument_text(&arguments, "");
            redis_argument_text(&arguments, touch->evicted_from_l1 ? "1" : "0");
        }
        status = redis_script_run(self, &arguments, &reply, error);
        freeReplyObject(reply);
        redis_arguments_free(&arguments);
    }
    return status;
}
