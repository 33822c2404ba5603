/* SPDX-License-Identifier: MIT
 *
 * common.c: arguments and options that several commands have.
 */
#include "command.h"
#include <stdlib.h>
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

uint64_t count_known_dead(pxt_cache *cache)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    return pxt_cache_stats(cache, &stats, NULL) ? 0 : stats.known_dead;
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

bool read_report(const struct invocation *invocation, const char *outcome, struct pxt_report *report, int *exit_code)
{
    const char *latency = option(invocation, "latency");
    char *end = NULL;
    *report = (struct pxt_report){.size = sizeof *report,
                                  .ok = !strcmp(outcome, "ok"),
                                  .latency_ms = latency ? strtod(latency, &end) : -1,
                                  .reason = option(invocation, "reason"),
                                  .url = option(invocation, "url")};
    if (!report->ok && strcmp(outcome, "fail"))
        *exit_code = usage(invocation, "\"%s\" is neither ok nor fail", outcome);
    else if (latency && (end == latency || *end || !(report->latency_ms >= 0 && report->latency_ms < 1e12)))
        *exit_code = usage(invocation, "--latency %s is no number of milliseconds", latency);
    else
        return true;
    return false;
}

bool read_lease_options(const struct invocation *invocation, struct pxt_lease_options *options, int *exit_code)
{
    const char *ttl = option(invocation, "ttl"), *most = option(invocation, "max-concurrent");
    char *end = NULL;
    unsigned long number = most ? strtoul(most, &end, 10) : 1;
    *options = (struct pxt_lease_options){.size = sizeof *options, .holder = option(invocation, "for")};
    if (ttl && (!read_seconds(ttl, &options->ttl) || !options->ttl))
        *exit_code = usage(invocation, "--ttl %s is no time such as 90s, 15m or 1h", ttl);
    else if (most && (*most < '0' || *most > '9' || *end || !number || number > 1000000))
        *exit_code = usage(invocation, "--max-concurrent %s is not a number from 1 to 1000000", most);
    else {
        options->max_concurrent = (uint32_t)number;
        return true;
    }
    return false;
}
