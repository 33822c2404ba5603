/* SPDX-License-Identifier: MIT
 *
 * keys.c: makes keys from URLs, and finds the key under which the proxy of a URL is stored: proxtier and ProxyWhirl make
 * different keys of a URL that has credentials or is not in its canonical form.
 */
#include "cache/keys.h"
#include "base/fail.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "entry/entry.h"
#include <string.h>

void pxt_cache_make_key(const pxt_cache *cache, const char *given, size_t length, const struct pxt_proxy *proxy,
                        char out[17])
{
    if (!cache->config->with_proxywhirl)
        pxt_proxy_key(proxy, out);
    else if (memmem(given, length, "://", 3))
        pxt_key_digest(given, length, out);
    else
        pxt_key_digest(proxy->url, strlen(proxy->url), out); /* a line of a list, which ProxyWhirl cannot read */
}

/* The keys under which a proxy may be stored, the most probable first. */
struct candidates {
    char key[5][17];
    bool of_any_user[5]; /* the key does not say which user name the entry has */
    unsigned count;
};

static void add_digest(struct candidates *candidates, const char *text, size_t length, bool of_any_user)
{
    pxt_key_digest(text, length, candidates->key[candidates->count]);
    candidates->of_any_user[candidates->count++] = of_any_user;
}

/* Adds ProxyWhirl's key of the URL without its credentials, which it may have beside the URL. */
static void add_without_credentials(struct candidates *candidates, const char *url, const struct pxt_proxy *proxy)
{
    char text[PXT_URL_MAX + 32]; /* more than the host may need: a final slash, a dot, zeros */
    const char *host = strrchr(url, '@') + 1;
    size_t scheme = (size_t)(strstr(url, "://") + 3 - url), rest = strlen(host);
    if (scheme + rest < sizeof text) {
        memcpy(text, url, scheme);
        memcpy(text + scheme, host, rest);
        add_digest(candidates, text, scheme + rest, proxy->has_username);
    }
    add_digest(candidates, proxy->url, strlen(proxy->url), proxy->has_username);
}

/* PXT_NOT_FOUND: the entry has another user name, or none. */
static pxt_status check_username(pxt_cache *cache, const pxt_entry *entry, const struct pxt_proxy *proxy,
                                 struct pxt_error *error)
{
    pxt_secret *username = NULL;
    size_t length;
    pxt_status status = pxt_sealer_open_field(cache->sealer, entry, PXT_FIELD_USERNAME, &username, error);
    if (status)
        return status;
    const char *text = pxt_secret_text(username, &length);
    bool same = length == proxy->username_length && !memcmp(text, proxy->username, length);
    pxt_secret_free(username);
    return same ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status try(pxt_cache *cache, const char *key, const struct pxt_proxy *only, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_peek(cache, key, &entry, error);
    if (status)
        return status;
    if (only)
        status = check_username(cache, entry, only, error);
    pxt_entry_release(entry);
    return status;
}

/* Whether a key stands before number `n` too. */
static bool is_again(const struct candidates *candidates, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(candidates->key[i], candidates->key[n]) && !candidates->of_any_user[i])
            return true;
    return false;
}

/* Tries the candidates in turn. A key of which the tiers cannot tell is the answer if it is the only such one. */
static pxt_status find(pxt_cache *cache, const struct candidates *candidates, const struct pxt_proxy *proxy,
                       char out[17], struct pxt_error *error)
{
    unsigned undecided = 0;
    memcpy(out, candidates->key[0], 17);
    for (unsigned i = 0; i < candidates->count; i++) {
        if (is_again(candidates, i))
            continue;
        const struct pxt_proxy *only = candidates->of_any_user[i] ? proxy : NULL;
        pxt_status status = try(cache, candidates->key[i], only, error);
        if (status == PXT_NOT_FOUND)
            continue;
        if (status != PXT_OK && status != PXT_EUNAVAILABLE)
            return status;
        if (!undecided)
            memcpy(out, candidates->key[i], 17);
        if (status == PXT_OK && !undecided)
            return PXT_OK;
        undecided++;
        if (undecided > 1)
            return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                            "the URL may be stored under one of several keys, and a tier that may have it does not "
                            "answer: name the key, or see `proxtier status`");
        if (only)
            return status; /* nor can its user name be compared */
    }
    return undecided ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status pxt_cache_find_key(pxt_cache *cache, const char *url, char out[17], struct pxt_error *error)
{
    struct candidates candidates = {.count = 0};
    struct pxt_proxy proxy;
    struct pxt_error ignored;
    if (!cache || !url || !out)
        return pxt_fail(error, PXT_EINVAL, 0, "cache, url and out must not be NULL");
    pxt_status malformed = pxt_proxy_parse_url(url, strlen(url), &proxy, error);
    if (!malformed) {
        pxt_cache_make_key(cache, url, strlen(url), &proxy, candidates.key[candidates.count++]);
        pxt_proxy_key(&proxy, candidates.key[candidates.count++]);
    }
    add_digest(&candidates, url, strlen(url), false); /* ProxyWhirl stores what is no URL here, too */
    if (!malformed && strchr(url, '@'))
        add_without_credentials(&candidates, url, &proxy);
    pxt_status status = find(cache, &candidates, &proxy, out, malformed ? &ignored : error);
    if (!malformed)
        pxt_proxy_wipe(&proxy);
    return status == PXT_NOT_FOUND && malformed ? malformed : status;
}
