/* SPDX-License-Identifier: MIT
 *
 * A program that prints what the library counts, as it knows it, and as text of the library.
 */
#include <proxtier/proxtier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct pxt_cache_options options = {.size = sizeof options};
    struct pxt_error error;
    struct pxt_stats stats;
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    pxt_cache *cache = NULL;
    char key[PXT_KEY_MAX + 1], *text = NULL;
    options.config_file = argv[argc - 1];
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    memset(&stats, 0xff, sizeof stats); /* what is not filled in would be seen */
    pxt_stats_init(&stats);
    pxt_status status = pxt_cache_open(&options, &cache, &error);
    if (!status)
        status = pxt_cache_put(cache, &draft, key, &error);
    if (!status)
        status = pxt_cache_get(cache, key, &entry, &error);
    if (!status)
        status = pxt_cache_stats(cache, &stats, &error);
    if (!status)
        status = pxt_stats_format(&stats, PXT_STATS_FLAT, &text, &error);
    if (status) {
        printf("%s\n", error.message);
        return 1;
    }
    printf("tiers %u hits %llu of %s, %llu in %s\n", stats.tier_count, (unsigned long long)stats.tier[0].hits,
           stats.tier[0].name, (unsigned long long)stats.tier[1].size, stats.tier[1].name);
#ifdef LONGER
    printf("unknown to the library: %llu %llu\n", (unsigned long long)stats.later_total,
           (unsigned long long)stats.tier[1].later);
#endif
    fputs(text, stdout);
    free(text);
    pxt_entry_release(entry);
    pxt_cache_close(cache);
    return 0;
}
