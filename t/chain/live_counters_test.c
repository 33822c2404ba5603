/* SPDX-License-Identifier: MIT
 *
 * Hits in memory are noted, and counted later; who asks for the counters of an entry by the cache has them all.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>

static pxt_time now = INT64_C(1767225600000000);
static pxt_time test_clock(void *arg)
{
    (void)arg;
    return now;
}

int main(void)
{
    struct pxt_error error;
    struct pxt_draft draft;
    pxt_cache *cache = NULL;
    pxt_entry *entry = NULL;
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = "encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory}]",
                                        .clock = test_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        return 1;
    }
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "s", 1);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "an entry in memory");
    for (int i = 1; i <= 5; i++) {
        now += PXT_SECOND;
        is_int(pxt_cache_get(cache, "k", &entry, &error), PXT_OK, "get %d", i);
        is_int(pxt_cache_entry_number(cache, entry, PXT_FIELD_ACCESS_COUNT), i, "counts this get and those before");
        is_int(pxt_cache_entry_number(cache, entry, PXT_FIELD_LAST_ACCESSED), now, "and tells when it was");
        pxt_entry_release(entry);
    }
    pxt_cache_get(cache, "k", &entry, &error);
    is_int(pxt_cache_entry_number(cache, entry, PXT_FIELD_TTL_SECONDS), 3600, "other fields are as they are");
    is_int(pxt_cache_entry_number(NULL, entry, PXT_FIELD_ACCESS_COUNT) <= 6, 1, "without a cache: what is counted");
    pxt_entry_release(entry);
    pxt_cache_close(cache);
    return tap_done();
}
