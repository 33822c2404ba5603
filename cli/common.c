/* SPDX-License-Identifier: MIT
 *
 * common.c: arguments and options that several commands have.
 */
#include "command.h"
#include <string.h>

pxt_status open_cache(const struct invocation *invocation, pxt_cache **out, struct pxt_error *error)
{
    return pxt_cache_open(&invocation->open, out, error);
}

bool key_of(const struct invocation *invocation, pxt_cache *cache, const char *text, char key[PXT_KEY_MAX + 1],
            int *exit_code)
{
    struct pxt_error error;
    if (strstr(text, "://")) {
        pxt_status status = pxt_cache_find_key(cache, text, key, &error);
        if (status == PXT_OK || status == PXT_NOT_FOUND)
            return true;
        *exit_code = fail(&error);
        return false;
    }
    size_t length = strlen(text);
    if (!length || length > PXT_KEY_MAX) {
        *exit_code = usage(invocation, "a key has 1 to %d bytes", PXT_KEY_MAX);
        return false;
    }
    memcpy(key, text, length + 1);
    return true;
}

/* ---- a URL that names a proxy by its address alone --------------------------------------------------------------- */

enum { CANDIDATES = 10 };
struct candidates {
    char address[17]; /* the key of the URL */
    char key[CANDIDATES][PXT_KEY_MAX + 1];
    uint64_t count;
};

static bool consider(void *arg, pxt_entry *entry)
{
    struct candidates *candidates = arg;
    char address[17];
    if (pxt_key_of_url(pxt_entry_url(entry), NULL, address, NULL) || strcmp(address, candidates->address))
        return true;
    if (candidates->count < CANDIDATES)
        snprintf(candidates->key[candidates->count], sizeof *candidates->key, "%s", pxt_entry_key(entry));
    candidates->count++;
    return true;
}

static int tell_candidates(const struct candidates *candidates, const char *url)
{
    fprintf(stderr, "proxtier: %s is the address of %llu proxies with different user names: name one by its key:\n",
            url, (unsigned long long)candidates->count);
    for (uint64_t i = 0; i < candidates->count && i < CANDIDATES; i++)
        fprintf(stderr, "  %s\n", candidates->key[i]);
    if (candidates->count > CANDIDATES)
        fprintf(stderr, "  and %llu more\n", (unsigned long long)candidates->count - CANDIDATES);
    return EXIT_USAGE;
}

bool stored_key_of(const struct invocation *invocation, pxt_cache *cache, const char *text, char key[PXT_KEY_MAX + 1],
                   int *exit_code)
{
    struct candidates candidates = {.count = 0};
    char found[17];
    if (!strstr(text, "://") || strchr(text, '@') || pxt_cache_find_key(cache, text, found, NULL) != PXT_NOT_FOUND ||
        pxt_key_of_url(text, NULL, candidates.address, NULL))
        return key_of(invocation, cache, text, key, exit_code);
    pxt_status status = pxt_cache_each(cache, consider, &candidates, NULL);
    if (candidates.count > 1) {
        *exit_code = tell_candidates(&candidates, text);
        return false;
    }
    bool only = !status && candidates.count == 1;
    snprintf(key, PXT_KEY_MAX + 1, "%s", only ? candidates.key[0] : found);
    return true;
}

bool read_seconds(const char *text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    int64_t number = 0;
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number))
            return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i].unit, text))
            return !__builtin_mul_overflow(number, units[i].seconds, out);
    return false;
}

bool matches(const struct invocation *invocation, const pxt_entry *entry)
{
    const char *source = option(invocation, "source"), *scheme = option(invocation, "scheme");
    const char *health = option(invocation, "health"), *url = pxt_entry_url(entry);
    enum pxt_health state = (enum pxt_health)pxt_entry_number(entry, PXT_FIELD_HEALTH_STATUS);
    if (source && strcmp(source, pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL)))
        return false;
    if (scheme && (strncmp(url, scheme, strlen(scheme)) || strncmp(url + strlen(scheme), "://", 3)))
        return false;
    if (health && strcmp(health, pxt_health_name(state)))
        return false;
    return !option(invocation, "healthy") || state == PXT_HEALTH_HEALTHY;
}
