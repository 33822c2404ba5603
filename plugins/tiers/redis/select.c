/* SPDX-License-Identifier: MIT
 *
 * select.c: chooses keys by the sets that the server keeps: one for each value of a criterion, alone and with each health,
 * in the order of the ring; and one for each order. What no set has is not offered (PXT_ENOTSUP).
 */
#include "redis.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SET_MAX = 60 + PXT_TEXT_MAX, PAGE_MAX = 256, RING_DIGITS = 16 };

struct search {
    struct redis *redis;
    const struct pxt_select *select;
    char set[SET_MAX]; /* its name without the health, or "" */
    struct pxt_error *error;
};

/* ---- which set --------------------------------------------------------------------------------------------------- */

/* The one criterion beside health: "kind:value", or "". False: there are several, or one without sets. */
static bool criterion(const struct pxt_selection *selection, char set[SET_MAX])
{
    const struct {
        const char *kind, *value;
        bool lower;
    } all[] = {{"source", selection->source, false},
               {"scheme", selection->scheme, false},
               {"country", selection->country, true},
               {"tag", selection->tag, false}};
    unsigned found = 0;
    set[0] = '\0';
    if (selection->host || selection->min_ttl > 0 || selection->max_failures >= 0 || selection->max_latency_ms >= 0)
        return false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i].value)
            continue;
        found++;
        int length = snprintf(set, SET_MAX, "%s:%s", all[i].kind, all[i].value);
        if (length < 0 || length >= SET_MAX)
            return false;
        for (char *at = set; all[i].lower && *at; at++)
            *at = (char)tolower((unsigned char)*at);
    }
    return found <= 1;
}

/* The name of the set for a health; PXT_HEALTH_COUNT: any. */
static void name_of(const struct search *search, unsigned health, char *name, size_t size)
{
    bool any = health == PXT_HEALTH_COUNT, alone = !search->set[0];
    if (any)
        snprintf(name, size, "%s%s", alone ? "ring" : "by:", search->set);
    else
        snprintf(name, size, "by:health:%s%s%s", redis_health_name[health], alone ? "" : "&", search->set);
}

/* The first health of the selection from `health` on; PXT_HEALTH_COUNT: none. */
static unsigned next_health(uint32_t healths, unsigned health)
{
    while (health < PXT_HEALTH_COUNT && !(healths & PXT_HEALTH_BIT(health)))
        health++;
    return health;
}

/* ---- matches ----------------------------------------------------------------------------------------------------- */

struct match {
    int64_t value;
    struct pxt_key key;
    char text[PXT_KEY_MAX + 1];
};
struct matches {
    struct match *item;
    size_t count, size;
};

static pxt_status note(struct search *search, struct matches *matches, int64_t value, const char *key, size_t length)
{
    if (matches->count == matches->size) {
        size_t size = matches->size ? 2 * matches->size : 32;
        struct match *item = realloc(matches->item, size * sizeof *item);
        if (!item)
            return search->redis->host->fail(search->redis->host, search->error, PXT_ENOMEM, 0,
                                             "no memory for matches");
        matches->item = item;
        matches->size = size;
    }
    if (length > PXT_KEY_MAX)
        return PXT_OK;
    struct match *match = &matches->item[matches->count++];
    match->value = value;
    memcpy(match->text, key, length);
    match->text[length] = '\0';
    match->key.length = (uint32_t)length;
    return PXT_OK;
}

static int by_value(const void *a, const void *b)
{
    const struct match *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* Leaves out what has expired, of the matches from `first` on. */
static pxt_status leave_out_expired(struct search *search, struct matches *matches, size_t first)
{
    struct redis_arguments arguments = {.count = 0};
    struct redis_request request;
    redisReply *reply = NULL;
    size_t n = matches->count - first, kept = first;
    if (!n)
        return PXT_OK;
    redis_argument_text(&arguments, "ZMSCORE");
    redis_argument_format(&arguments, "%sexpires", search->redis->prefix);
    for (size_t i = first; i < matches->count; i++)
        redis_argument(&arguments, matches->item[i].text, matches->item[i].key.length);
    pxt_status status = redis_begin(search->redis, &request, search->error);
    if (!status) {
        status = redis_script_add(&request, &arguments, search->error);
        if (!status)
            status = redis_flush(&request, search->error);
        if (!status)
            status = redis_reply(&request, &reply, search->error);
        redis_end(&request);
    }
    if (!status && (reply->type != REDIS_REPLY_ARRAY || reply->elements != n))
        status = redis_malformed(search->redis, search->error);
    for (size_t i = 0; !status && i < n; i++) {
        const char *score = reply->element[i]->str;
        if (score && strtoll(score, NULL, 10) > search->select->now)
            matches->item[kept++] = matches->item[first + i];
    }
    if (!status)
        matches->count = kept;
    freeReplyObject(reply);
    redis_arguments_free(&arguments);
    return status;
}

static pxt_status tell(struct search *search, struct matches *matches, pxt_selected_fn *fn, void *arg)
{
    for (size_t i = 0; i < matches->count && i < search->select->limit; i++) {
        struct pxt_key key;
        search->redis->host->key_init(&key, matches->item[i].text, matches->item[i].key.length);
        if (!fn(arg, &key, matches->item[i].value))
            break;
    }
    return PXT_OK;
}

/* ---- the ring ---------------------------------------------------------------------------------------------------- */

/* The ends of the part of the ring, as ZRANGEBYLEX wants them. */
static void ends_of(const struct pxt_select *select, char from[RING_DIGITS + PXT_KEY_MAX + 4], char to[RING_DIGITS + 4])
{
    int64_t first = select->from > 0 ? select->from : 0;
    if (select->after)
        sprintf(from, "(%016llx:%s", (unsigned long long)first, select->after->text);
    else
        sprintf(from, "[%016llx", (unsigned long long)first);
    sprintf(to, "(%016llx;", (unsigned long long)(select->to > 0 ? select->to : 0)); /* ';' comes after ':' */
}

/* Asks for the next members of one set, or of those of several healths together. */
static pxt_status ask_ring(struct search *search, const char *from, const char *to, size_t some, redisReply **page)
{
    struct redis *redis = search->redis;
    const uint32_t healths = search->select->selection->health;
    struct redis_arguments arguments;
    char name[SET_MAX + 60];
    unsigned health = next_health(healths, 0);
    if (!healths || next_health(healths, health + 1) == PXT_HEALTH_COUNT) {
        name_of(search, healths ? health : PXT_HEALTH_COUNT, name, sizeof name);
        return redis_ask(redis, page, search->error, "ZRANGEBYLEX %s%s %s %s LIMIT 0 %d", redis->prefix, name, from, to,
                         (int)some);
    }
    redis_script_begin(redis, SCRIPT_RING, &arguments);
    redis_argument_text(&arguments, from);
    redis_argument_text(&arguments, to);
    redis_argument_format(&arguments, "%zu", some);
    for (; health < PXT_HEALTH_COUNT; health = next_health(healths, health + 1)) {
        name_of(search, health, name, sizeof name);
        redis_argument_format(&arguments, "%s", name);
    }
    pxt_status status = redis_script_run(redis, &arguments, page, search->error);
    redis_arguments_free(&arguments);
    return status;
}

/* Notes the members of a page in order, at most `some`, and goes on behind them: `from`. */
static pxt_status note_members(struct search *search, const redisReply *page, size_t some, struct matches *matches,
                               char from[RING_DIGITS + PXT_KEY_MAX + 4])
{
    const size_t first = matches->count;
    pxt_status status = PXT_OK;
    for (size_t i = 0; !status && i < page->elements; i++) {
        const char *member = page->element[i]->str;
        if (member && page->element[i]->len > RING_DIGITS + 1)
            status = note(search, matches, (int64_t)strtoull(member, NULL, 16), member + RING_DIGITS + 1,
                          page->element[i]->len - RING_DIGITS - 1);
    }
    if (matches->count == first)
        return status;
    qsort(matches->item + first, matches->count - first, sizeof *matches->item, by_value);
    if (matches->count - first > some) /* of several sets; the rest comes with the next page */
        matches->count = first + some;
    const struct match *last = &matches->item[matches->count - 1];
    snprintf(from, RING_DIGITS + PXT_KEY_MAX + 4, "(%016llx:%s", (unsigned long long)last->value, last->text);
    return status;
}

static pxt_status select_ring(struct search *search, pxt_selected_fn *fn, void *arg)
{
    const struct pxt_select *select = search->select;
    struct matches matches = {.item = NULL};
    char from[RING_DIGITS + PXT_KEY_MAX + 4], to[RING_DIGITS + 4];
    pxt_status status = PXT_OK;
    ends_of(select, from, to);
    for (bool more = true; more && !status && matches.count < select->limit;) {
        redisReply *page = NULL;
        const size_t first = matches.count;
        uint64_t left = select->limit - first; /* `limit` may be any number: nothing is added to it */
        size_t some = left < PAGE_MAX ? (size_t)left : PAGE_MAX;
        status = ask_ring(search, from, to, some, &page);
        if (!status && page->type != REDIS_REPLY_ARRAY)
            status = redis_malformed(search->redis, search->error);
        if (!status)
            status = note_members(search, page, some, &matches, from);
        more = !status && page->elements >= some;
        freeReplyObject(page);
        if (!status)
            status = leave_out_expired(search, &matches, first);
    }
    if (!status)
        status = tell(search, &matches, fn, arg);
    free(matches.item);
    return status;
}

/* ---- at random --------------------------------------------------------------------------------------------------- */

/* The server picks evenly from one set. What has expired is picked again, a few times. */
static pxt_status select_random(struct search *search, pxt_selected_fn *fn, void *arg)
{
    char name[SET_MAX + 60];
    struct matches matches = {.item = NULL};
    uint32_t healths = search->select->selection->health;
    unsigned health = next_health(healths, 0);
    if (healths && next_health(healths, health + 1) < PXT_HEALTH_COUNT)
        return PXT_ENOTSUP;
    name_of(search, health, name, sizeof name);
    pxt_status status = PXT_OK;
    bool any = true;
    for (int i = 0; i < 8 && any && !status && matches.count < search->select->limit; i++) {
        redisReply *picks = NULL;
        size_t first = matches.count;
        uint64_t left = search->select->limit - first;
        status = redis_ask(search->redis, &picks, search->error, "ZRANDMEMBER %s%s %d", search->redis->prefix, name,
                           -(int)(left < PAGE_MAX ? left : PAGE_MAX));
        if (!status && picks->type != REDIS_REPLY_ARRAY)
            status = redis_malformed(search->redis, search->error);
        any = !status && picks->elements;
        for (size_t j = 0; !status && j < picks->elements; j++) {
            const char *member = picks->element[j]->str;
            if (member && picks->element[j]->len > RING_DIGITS + 1)
                status = note(search, &matches, (int64_t)strtoull(member, NULL, 16), member + RING_DIGITS + 1,
                              picks->element[j]->len - RING_DIGITS - 1);
        }
        freeReplyObject(picks);
        if (!status)
            status = leave_out_expired(search, &matches, first);
    }
    if (!status && any && !matches.count)
        status = PXT_ENOTSUP; /* nearly all have expired: the core finds one by the ring */
    if (!status)
        status = tell(search, &matches, fn, arg);
    free(matches.item);
    return status;
}

/* ---- by a field -------------------------------------------------------------------------------------------------- */

static const char *order_set(uint32_t order)
{
    return order == PXT_ORDER_LEAST_USED            ? "count"
           : order == PXT_ORDER_LEAST_RECENTLY_USED ? "last"
           : order == PXT_ORDER_FASTEST             ? "latency"
                                                    : NULL;
}

static void score_text(int64_t value, char text[32])
{
    if (value == INT64_MAX)
        strcpy(text, "+inf");
    else if (value == INT64_MIN)
        strcpy(text, "-inf");
    else
        snprintf(text, 32, "%lld", (long long)value);
}

/* Notes what of a page comes after `after`, and up to `to`; `*beyond`: a later one was met. */
static pxt_status note_page(struct search *search, const redisReply *page, struct matches *matches, bool *beyond)
{
    const struct pxt_select *select = search->select;
    pxt_status status = PXT_OK;
    for (size_t i = 0; !status && !*beyond && i + 1 < page->elements; i += 2) {
        const char *key = page->element[i]->str, *score = page->element[i + 1]->str;
        if (!key || !score)
            continue;
        int64_t value = strstr(score, "inf") ? INT64_MAX : strtoll(score, NULL, 10);
        *beyond = value > select->to;
        if (*beyond || (select->after && value == select->from && strcmp(key, select->after->text) <= 0))
            continue;
        status = note(search, matches, value, key, page->element[i]->len);
    }
    return status;
}

/* Asks for the members of a set behind a place. */
static pxt_status ask_order(struct search *search, const char *set, const char *from, const char *after, size_t length,
                            redisReply **page)
{
    struct redis_arguments arguments;
    redis_script_begin(search->redis, SCRIPT_ORDER, &arguments);
    redis_argument_text(&arguments, set);
    redis_argument_text(&arguments, from);
    redis_argument(&arguments, after, length);
    redis_argument_format(&arguments, "%d", (int)PAGE_MAX);
    pxt_status status = redis_script_run(search->redis, &arguments, page, search->error);
    redis_arguments_free(&arguments);
    return status;
}

/* The last member of a page, behind which the next one begins. */
static void go_behind(const redisReply *page, char from[32], char after[PXT_KEY_MAX + 1], size_t *length)
{
    const redisReply *key = page->element[page->elements - 2], *score = page->element[page->elements - 1];
    if (!key->str || !score->str || key->len > PXT_KEY_MAX)
        return;
    memcpy(after, key->str, key->len);
    *length = key->len;
    snprintf(from, 32, "%s%s", strcmp(score->str, "inf") ? "" : "+", score->str);
}

static pxt_status select_order(struct search *search, const char *set, pxt_selected_fn *fn, void *arg)
{
    const struct pxt_select *select = search->select;
    struct matches matches = {.item = NULL};
    char from[32], after[PXT_KEY_MAX + 1] = "";
    size_t length = select->after ? select->after->length : 0;
    pxt_status status = PXT_OK;
    bool more = true, beyond = false;
    score_text(select->from, from);
    if (length)
        memcpy(after, select->after->text, length);
    while (more && !status && matches.count < select->limit) {
        redisReply *page = NULL;
        size_t first = matches.count;
        status = ask_order(search, set, from, after, length, &page);
        if (!status && (page->type != REDIS_REPLY_ARRAY || page->elements % 2))
            status = redis_malformed(search->redis, search->error);
        if (!status)
            status = note_page(search, page, &matches, &beyond);
        more = !status && !beyond && page->elements == 2 * PAGE_MAX;
        if (more)
            go_behind(page, from, after, &length);
        freeReplyObject(page);
        if (!status)
            status = leave_out_expired(search, &matches, first);
    }
    if (!status)
        status = tell(search, &matches, fn, arg);
    free(matches.item);
    return status;
}

pxt_status redis_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                        struct pxt_error *error)
{
    struct search search = {.redis = self, .select = select, .error = error};
    const char *set = order_set(select->order);
    if (!criterion(select->selection, search.set))
        return PXT_ENOTSUP;
    if (select->order == PXT_ORDER_RING)
        return select_ring(&search, fn, arg);
    if (select->order == PXT_ORDER_RANDOM)
        return select_random(&search, fn, arg);
    return set && !search.set[0] && !select->selection->health ? select_order(&search, set, fn, arg) : PXT_ENOTSUP;
}
