/* SPDX-License-Identifier: MIT
 *
 * replay: replays a file of ids (one a line; get, put on miss) through a chain given by YAML, and prints what came of
 * it, one `name value` a line.
 *
 *   replay --config FILE.yaml IDS
 */
#include <proxtier/proxtier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char *what, const struct pxt_error *error)
{
    fprintf(stderr, "replay: %s: %s\n", what, error->message);
    return pxt_status_exit_code(error->status);
}

static pxt_status put(pxt_cache *cache, const char *id, size_t length, struct pxt_error *error)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, id, length);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:8080", 21);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "replay", 6);
    return pxt_cache_put(cache, &draft, NULL, error);
}

static pxt_status request(pxt_cache *cache, const char *id, size_t length, unsigned long *misses,
                          struct pxt_error *error)
{
    pxt_entry *entry;
    pxt_status status = pxt_cache_get(cache, id, &entry, error);
    if (status == PXT_OK) {
        pxt_entry_release(entry);
        return PXT_OK;
    }
    if (status != PXT_NOT_FOUND)
        return status;
    ++*misses;
    return put(cache, id, length, error);
}

static void report(pxt_cache *cache, unsigned long requests, unsigned long misses, double elapsed)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    printf("requests %lu\nmisses %lu\n", requests, misses);
    if (pxt_cache_stats(cache, &stats, NULL) == PXT_OK)
        for (unsigned i = 0; i < stats.tier_count; i++)
            printf("%s.misses %llu\n", stats.tier[i].name, (unsigned long long)stats.tier[i].misses);
    printf("requests_per_second %.0f\n", elapsed > 0 ? (double)requests / elapsed : 0.0);
}

int main(int argc, char **argv)
{
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR};
    struct pxt_error error;
    pxt_cache *cache;
    char line[PXT_KEY_MAX + 2];
    unsigned long requests = 0, misses = 0;
    if (argc != 4 || strcmp(argv[1], "--config")) {
        fprintf(stderr, "usage: replay --config FILE.yaml IDS\n");
        return 64;
    }
    options.config_file = argv[2];
    FILE *ids = fopen(argv[3], "r");
    if (!ids) {
        perror(argv[3]);
        return 66;
    }
    pxt_status status = pxt_cache_open(&options, &cache, &error);
    if (status) {
        fclose(ids);
        return fail("open", &error);
    }
    double start = seconds();
    while (!status && fgets(line, sizeof line, ids)) {
        size_t length = strcspn(line, "\r\n");
        line[length] = '\0';
        if (!length)
            continue;
        requests++;
        status = request(cache, line, length, &misses, &error);
    }
    if (!status)
        report(cache, requests, misses, seconds() - start);
    fclose(ids);
    pxt_cache_close(cache);
    return status ? fail("request", &error) : 0;
}
