/* SPDX-License-Identifier: MIT
 *
 * draft.c: makes an entry from a caller's draft. Splits the URL from its credentials, takes fields that are not set
 * from the clock and the configuration, and seals the credentials.
 */
#include "base/fail.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "cache/keys.h"
#include "entry/entry.h"
#include "proxy/proxyurl.h"
#include <string.h>

/* A copy with all fields of this library, whatever the program was compiled with, but those that the core keeps for
 * itself. */
static void widen(const struct pxt_draft *given, struct pxt_draft *draft)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    pxt_draft_init(draft);
    for (size_t i = 0; i < PXT_FIELD_COUNT && i < given->field_count; i++) {
        if (field[i].flags & PXT_FIELD_INTERNAL)
            continue;
        draft->value[i] = given->value[i];
        draft->value[i].elsewhere = 0;
    }
}

static pxt_status split_url(const pxt_cache *cache, struct pxt_draft *draft, struct pxt_proxy *proxy, char key[17],
                            struct pxt_error *error)
{
    const struct pxt_value given = draft->value[PXT_FIELD_PROXY_URL], *url = &given;
    if (!url->set || !url->as.text)
        return pxt_fail(error, PXT_EINVAL, 0, "proxy_url is not set: give scheme://host:port");
    pxt_status status = pxt_proxy_parse_url(url->as.text, url->length, proxy, error);
    if (status)
        return status;
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, proxy->url, strlen(proxy->url));
    status = pxt_draft_take_credentials(draft, proxy, error);
    if (status)
        return status;
    if (draft->value[PXT_FIELD_KEY].set)
        return PXT_OK;
    const struct pxt_value *user = &draft->value[PXT_FIELD_USERNAME];
    if (user->set && !user->sealed) {
        /* The user name belongs to the identity: gateways encode the session in it. */
        pxt_proxy_set_username(proxy, user->as.text, user->length);
        pxt_draft_set_text(draft, PXT_FIELD_USERNAME, proxy->username, proxy->username_length);
    }
    pxt_cache_make_key(cache, url->as.text, url->length, proxy, key);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, 16);
    return PXT_OK;
}

static int64_t ttl_of(const pxt_cache *cache, const struct pxt_draft *draft)
{
    const struct pxt_value *source = &draft->value[PXT_FIELD_SOURCE];
    int64_t seconds = pxt_config_source_ttl(cache->config, source->as.text, source->length);
    return seconds < 0 ? cache->default_ttl : seconds;
}

static pxt_time add_seconds(pxt_time time, int64_t seconds)
{
    if (seconds > (PXT_TIME_MAX - (time > 0 ? time : 0)) / PXT_SECOND)
        return PXT_TIME_MAX;
    return time + seconds * PXT_SECOND;
}

static void fill_in(pxt_cache *cache, struct pxt_draft *draft)
{
    struct pxt_value *value = draft->value;
    pxt_time now = pxt_clock_now(&cache->clock);
    if (!value[PXT_FIELD_SOURCE].set)
        pxt_draft_set_text(draft, PXT_FIELD_SOURCE, "user", 4);
    if (!value[PXT_FIELD_TTL_SECONDS].set)
        pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, ttl_of(cache, draft));
    if (!value[PXT_FIELD_FETCH_TIME].set)
        pxt_draft_set_number(draft, PXT_FIELD_FETCH_TIME, now);
    if (!value[PXT_FIELD_LAST_ACCESSED].set)
        pxt_draft_set_number(draft, PXT_FIELD_LAST_ACCESSED, pxt_chain_stamp(&cache->chain, now));
    int64_t ttl = value[PXT_FIELD_TTL_SECONDS].as.number;
    if (!value[PXT_FIELD_EXPIRES_AT].set && ttl >= 0)
        pxt_draft_set_number(draft, PXT_FIELD_EXPIRES_AT, add_seconds(value[PXT_FIELD_FETCH_TIME].as.number, ttl));
    if (!value[PXT_FIELD_EXPIRES_AT].set) /* a negative ttl: refused by name when the entry is made */
        pxt_draft_set_number(draft, PXT_FIELD_EXPIRES_AT, now);
}

/* Tags are kept without blanks around commas, so that a tier finds each in an index. `room` has PXT_TEXT_MAX bytes. What is
 * too long is refused when the entry is made. */
static void clean_tags(struct pxt_draft *draft, char *room)
{
    const struct pxt_value *tags = &draft->value[PXT_FIELD_TAGS];
    size_t n = 0;
    if (!tags->set || !tags->as.text || tags->length > PXT_TEXT_MAX)
        return;
    for (size_t i = 0; i < tags->length; i++) {
        char c = tags->as.text[i];
        bool leading = c == ' ' && (!n || room[n - 1] == ',');
        while (c == ',' && n && room[n - 1] == ' ')
            n--;
        if (!leading)
            room[n++] = c;
    }
    while (n && room[n - 1] == ' ')
        n--;
    if (n)
        pxt_draft_set_text(draft, PXT_FIELD_TAGS, room, n);
    else
        pxt_draft_unset(draft, PXT_FIELD_TAGS);
}

pxt_status pxt_entry_from_draft(pxt_cache *cache, const struct pxt_draft *given, pxt_entry **out,
                                struct pxt_error *error)
{
    struct pxt_draft draft;
    struct pxt_proxy proxy;
    char key[PXT_KEY_MAX + 1], tags[PXT_TEXT_MAX];
    char *tokens = NULL;
    struct pxt_key checked;
    widen(given, &draft);
    proxy.touched = false;
    pxt_status status = split_url(cache, &draft, &proxy, key, error);
    if (status)
        goto done;
    const struct pxt_value *key_value = &draft.value[PXT_FIELD_KEY];
    if (!key_value->as.text || key_value->length > PXT_KEY_MAX) {
        status = pxt_fail(error, PXT_EINVAL, 0, "key must have 1 to %d bytes", PXT_KEY_MAX);
        goto done;
    }
    memmove(key, key_value->as.text, key_value->length);
    key[key_value->length] = '\0';
    if (strlen(key) != key_value->length) {
        status = pxt_fail(error, PXT_EINVAL, 0, "key has a NUL in it");
        goto done;
    }
    status = pxt_key_check(key, &checked, error);
    if (status)
        goto done;
    fill_in(cache, &draft);
    clean_tags(&draft, tags);
    status = pxt_sealer_seal_draft(cache->sealer, key, &draft, &tokens, error);
    if (!status)
        status = pxt_entry_new(&draft, out, error);
done:
    pxt_proxy_wipe(&proxy);
    pxt_free(tokens);
    return status;
}
