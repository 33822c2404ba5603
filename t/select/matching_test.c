/* SPDX-License-Identifier: MIT
 *
 * Each criterion of a selection: in pxt_selection_matches(), and in lists and choices, from a tier that can search and by a
 * walk.
 */
#include "select_kit.h"

static const struct {
    const char *key, *url, *source, *country, *tags;
    int health, failures;
    int64_t ttl, latency_us;
} entries[] = {
    {"a", "http://192.0.2.1:80", "one", "DE", "fast,eu", PXT_HEALTH_HEALTHY, 0, 3600, 50000},
    {"b", "https://proxy.example.com:443", "one", "US", "fast", PXT_HEALTH_DEGRADED, 2, 600, 900000},
    {"c", "socks5://[2001:db8::1]:1080", "two", NULL, "fastest", PXT_HEALTH_UNKNOWN, 0, 60, 0},
    {"d", "socks5h://192.0.2.40:1080", "two", "Germany", NULL, PXT_HEALTH_DEAD, 9, 3600, 50001},
};
enum { COUNT = sizeof entries / sizeof *entries };

static void fill(pxt_cache *cache)
{
    for (int i = 0; i < COUNT; i++) {
        struct pxt_draft draft;
        pxt_draft_init(&draft);
        pxt_draft_set_text(&draft, PXT_FIELD_KEY, entries[i].key, 1);
        pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, entries[i].url, strlen(entries[i].url));
        pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, entries[i].source, 3);
        if (entries[i].country)
            pxt_draft_set_text(&draft, PXT_FIELD_COUNTRY, entries[i].country, strlen(entries[i].country));
        if (entries[i].tags)
            pxt_draft_set_text(&draft, PXT_FIELD_TAGS, entries[i].tags, strlen(entries[i].tags));
        pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, entries[i].health);
        pxt_draft_set_number(&draft, PXT_FIELD_FAILURE_COUNT, entries[i].failures);
        pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, entries[i].ttl);
        if (entries[i].latency_us)
            pxt_draft_set_number(&draft, PXT_FIELD_LATENCY, entries[i].latency_us);
        if (pxt_cache_put(cache, &draft, NULL, &error)) {
            printf("Bail out! %s\n", error.message);
            exit(1);
        }
    }
}

static bool note(void *arg, pxt_entry *entry)
{
    bool *seen = arg;
    seen[*pxt_entry_key(entry) - 'a'] = true;
    return true;
}

static const char *text_of(const bool seen[COUNT])
{
    static char text[COUNT + 1];
    size_t n = 0;
    for (int i = 0; i < COUNT; i++)
        if (seen[i])
            text[n++] = entries[i].key[0];
    text[n] = '\0';
    return text;
}

/* `keys`: those that the selection has, in alphabetic order. */
static void selects(pxt_cache *cache, const struct pxt_selection *selection, const char *keys, const char *name)
{
    bool seen[COUNT] = {false};
    struct pxt_select_options options = {.size = sizeof options};
    pxt_entry *chosen[COUNT + 1];
    size_t found;
    is_int(pxt_cache_each_selected(cache, selection, note, seen, &error), PXT_OK, "%s: a list", name);
    is_str(text_of(seen), keys, "%s: is of those", name);
    memset(seen, 0, sizeof seen);
    pxt_status status = pxt_cache_select(cache, selection, &options, COUNT + 1, chosen, &found, &error);
    is_int(status, *keys ? PXT_OK : PXT_NOT_FOUND, "%s: a choice of all", name);
    for (size_t i = 0; i < found; i++) {
        note(seen, chosen[i]);
        pxt_entry_release(chosen[i]);
    }
    is_str(text_of(seen), keys, "%s: has them all", name);
    is_int(found, strlen(keys), "%s: each once", name);
}

static void criteria(const char *tiers)
{
    pxt_cache *cache = open_pool(tiers);
    struct pxt_selection s;
    fill(cache);
#define TEST(keys, name, ...)                                                                                          \
    pxt_selection_init(&s);                                                                                            \
    __VA_ARGS__;                                                                                                       \
    selects(cache, &s, keys, name)
    TEST("abcd", "nothing asked for", (void)0);
    TEST("a", "a health", s.health = PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY));
    TEST("bd", "two healths", s.health = PXT_HEALTH_BIT(PXT_HEALTH_DEGRADED) | PXT_HEALTH_BIT(PXT_HEALTH_DEAD));
    TEST("cd", "a source", s.source = "two");
    TEST("a", "a scheme is not the beginning of another", s.scheme = "http");
    TEST("c", "socks5 is not socks5h", s.scheme = "socks5");
    TEST("ad", "a pattern of hosts", s.host = "192.0.2.*");
    TEST("a", "a ? of a host is one character", s.host = "192.0.2.?");
    TEST("b", "hosts in any case", s.host = "PROXY.*.com");
    TEST("c", "a host of IPv6", s.host = "2001:db8::*");
    TEST("", "a port is no part of the host", s.host = "192.0.2.1:80");
    TEST("a", "a country in any case", s.country = "de");
    TEST("d", "the name of a country", s.country = "germany");
    TEST("ab", "a tag is a whole word", s.tag = "fast");
    TEST("a", "the last tag", s.tag = "eu");
    TEST("", "a part of a tag is none", s.tag = "fas");
    TEST("abd", "a time to live", s.min_ttl = 600);
    TEST("abcd", "a short time to live", s.min_ttl = 60);
    TEST("ac", "no failures", s.max_failures = 0);
    TEST("abc", "few failures", s.max_failures = 2);
    TEST("a", "a latency, to the microsecond", s.max_latency_ms = 50);
    TEST("abd", "a greater one; unknown ones are not fast", s.max_latency_ms = 1000);
    TEST("b", "two criteria", s.source = "one"; s.country = "US");
    TEST("", "two that exclude each other", s.source = "two"; s.country = "US");
    clock_now += 61 * PXT_SECOND;
    TEST("abd", "what has expired is not there", (void)0);
    clock_now -= 61 * PXT_SECOND;
    pxt_cache_close(cache);
}

int main(void)
{
    criteria("{plugin: searching}");
    criteria("{plugin: l1_memory}");
    return tap_done();
}
