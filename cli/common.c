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
