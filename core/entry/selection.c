/* SPDX-License-Identifier: MIT
 *
 * selection.c: whether an entry is one of a selection.
 */
#include "entry/selection.h"
#include "base/key.h"
#include <proxtier/cache.h>
#include <string.h>
#include <strings.h>

void pxt_selection_read(const struct pxt_selection *given, struct pxt_selection *out)
{
    pxt_selection_init(out);
    if (given)
        memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
    out->size = sizeof *out;
}

bool pxt_selection_takes_all(const struct pxt_selection *selection)
{
    return !selection->health && !selection->source && !selection->scheme && !selection->host && !selection->country &&
           !selection->tag && selection->min_ttl <= 0 && selection->max_failures < 0 && selection->max_latency_ms < 0;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    return (hash ^ pxt_key_hash(bytes, length)) * UINT64_C(0x9e3779b97f4a7c15);
}

/* A text that is absent differs from an empty one. */
static uint64_t mix_text(uint64_t hash, const char *text)
{
    return text ? mix(hash, text, strlen(text) + 1) : mix(hash, "", 0);
}

uint64_t pxt_selection_hash(const struct pxt_selection *selection)
{
    uint64_t hash = selection->health;
    hash = mix_text(hash, selection->source);
    hash = mix_text(hash, selection->scheme);
    hash = mix_text(hash, selection->host);
    hash = mix_text(hash, selection->country);
    hash = mix_text(hash, selection->tag);
    hash = mix(hash, &selection->min_ttl, sizeof selection->min_ttl);
    hash = mix(hash, &selection->max_failures, sizeof selection->max_failures);
    return mix(hash, &selection->max_latency_ms, sizeof selection->max_latency_ms);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether `text` is what the pattern says: * stands for any characters, ? for one. After a failure only the last * has to
 * take one character more, so that the time is at most the product of the lengths. */
static bool matches_pattern(const char *pattern, const char *text, size_t length)
{
    const char *star = NULL;
    size_t i = 0, resume = 0;
    while (i < length) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = i;
        } else if (*pattern && (*pattern == '?' || lower(*pattern) == lower(text[i]))) {
            pattern++;
            i++;
        } else if (star) {
            pattern = star;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool has_scheme(const char *url, const char *scheme)
{
    size_t length = strlen(scheme);
    return !strncmp(url, scheme, length) && !strncmp(url + length, "://", 3);
}

/* The host stands between "://" and the last colon; that of IPv6, in brackets. */
static bool has_host(const char *url, const char *pattern)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const char *end = *host == '[' ? strchr(host, ']') : strrchr(host, ':');
    host += *host == '[';
    return matches_pattern(pattern, host, end && end >= host ? (size_t)(end - host) : strlen(host));
}

/* Whether `word` is one of the words between commas. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (list) {
        list += strspn(list, " ");
        size_t own = strcspn(list, ",");
        const char *next = list[own] ? list + own + 1 : NULL;
        while (own && list[own - 1] == ' ')
            own--;
        if (own == length && !memcmp(list, word, length))
            return true;
        list = next;
    }
    return false;
}

static bool same_text(const pxt_entry *entry, enum pxt_field_id field, const char *wanted)
{
    const char *text = pxt_entry_text(entry, field, NULL);
    return text && !strcmp(text, wanted);
}

static bool matches_texts(const struct pxt_selection *selection, const pxt_entry *entry)
{
    const char *url = pxt_entry_url(entry), *tags = pxt_entry_text(entry, PXT_FIELD_TAGS, NULL);
    const char *country = pxt_entry_text(entry, PXT_FIELD_COUNTRY, NULL);
    if (!url) /* a tombstone */
        return false;
    return (!selection->source || same_text(entry, PXT_FIELD_SOURCE, selection->source)) &&
           (!selection->scheme || has_scheme(url, selection->scheme)) &&
           (!selection->host || has_host(url, selection->host)) &&
           (!selection->country || (country && !strcasecmp(country, selection->country))) &&
           (!selection->tag || (tags && has_word(tags, selection->tag)));
}

/* A latency is known to the microsecond. */
static bool is_fast(const pxt_entry *entry, double max_latency_ms)
{
    return pxt_entry_has(entry, PXT_FIELD_LATENCY) &&
           (double)pxt_entry_number(entry, PXT_FIELD_LATENCY) <= max_latency_ms * 1000;
}

bool pxt_selection_matches(const struct pxt_selection *given, const pxt_entry *entry, pxt_time now)
{
    struct pxt_selection selection;
    int64_t left, health = pxt_entry_number(entry, PXT_FIELD_HEALTH_STATUS);
    pxt_selection_read(given, &selection);
    if (pxt_entry_expired(entry, now) || (selection.health && !(selection.health & PXT_HEALTH_BIT(health))))
        return false;
    bool overflow = __builtin_sub_overflow(pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT), now, &left);
    if (selection.min_ttl > 0 && !overflow && left / PXT_SECOND < selection.min_ttl)
        return false;
    if (selection.max_failures >= 0 && pxt_entry_number(entry, PXT_FIELD_FAILURE_COUNT) > selection.max_failures)
        return false;
    return (selection.max_latency_ms < 0 || is_fast(entry, selection.max_latency_ms)) &&
           matches_texts(&selection, entry);
}
