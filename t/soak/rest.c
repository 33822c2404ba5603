/* SPDX-License-Identifier: MIT
 *
 * rest.c: see rest.h.
 */
#include "rest.h"
#include <proxtier/admin.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 2, ROUNDS_MAX = 100 };

static pxt_cache *open_quiet(const struct host *host)
{
    struct pxt_error error;
    pxt_cache *cache;
    struct host quiet = *host;
    quiet.janitor = false;
    if (!pool_open(&quiet, &cache, &error))
        return cache;
    printf("# %s does not open at rest: %s\n", host->folder, error.message);
    return NULL;
}

/* How many groups of keys are in doubt in a tier of the host after a tick; -1 if the host does not open. */
static int64_t doubts_after_tick(const struct host *host)
{
    struct pxt_stats stats;
    int64_t doubts = 0;
    pxt_cache *cache = open_quiet(host);
    if (!cache)
        return -1;
    pxt_cache_tick(cache, NULL, NULL);
    pxt_stats_init(&stats);
    if (pxt_cache_stats(cache, &stats, NULL))
        doubts = -1;
    for (unsigned i = 0; i < stats.tier_count && doubts >= 0; i++)
        doubts += stats.tier[i].state == PXT_TIER_ON ? (int64_t)stats.tier[i].doubted : 1;
    pxt_cache_close(cache);
    return doubts;
}

static bool settle(const struct host *hosts)
{
    int64_t doubts = 1;
    for (int round = 0; round < ROUNDS || (doubts && round < ROUNDS_MAX); round++) {
        doubts = 0;
        for (int h = 0; h < HOSTS; h++)
            doubts += doubts_after_tick(&hosts[h]);
        if (doubts)
            usleep(20000);
    }
    if (doubts)
        printf("# at rest %lld groups of keys stay in doubt\n", (long long)doubts);
    return doubts == 0;
}

/* Notes all keys of a place. A place that may drop keys says nothing of those that it does not have. */
static bool look(const struct host *place, unsigned host, unsigned process, struct journal *journal)
{
    struct pxt_error error;
    pxt_status status = PXT_OK;
    pxt_cache *cache = open_quiet(place);
    if (cache && !place->server) /* the files alone are all there is of this pool */
        status = pxt_cache_forget_tier(cache, server_name, &error);
    for (int key = 0; cache && key < KEYS && status <= PXT_NOT_FOUND; key++) {
        struct event event = {.key = key, .host = (uint8_t)host, .process = (uint8_t)process};
        status = pool_get(cache, &event, &error);
        if (status == PXT_OK || process != IN_FILES || place->files != JSONL)
            journal_note(journal, &event);
        if (status > PXT_NOT_FOUND)
            printf("# at rest, key%d in %s: %s\n", key, place->folder, error.message);
    }
    pxt_cache_close(cache);
    return cache && status <= PXT_NOT_FOUND;
}

/* Looks into a copy of the files of a host, as a pool of their own. */
static bool look_into_files(const struct host *host, unsigned number, const char *folder, struct journal *journal)
{
    char copy[200], command[600];
    if (host->files == NO_FILES)
        return true;
    snprintf(copy, sizeof copy, "%s/copy", folder);
    snprintf(command, sizeof command, "rm -rf %s && cp -a %s %s", copy, host->folder, copy);
    struct host files = {copy, host->files, NULL, false};
    return !system(command) && look(&files, number, IN_FILES, journal);
}

bool look_at_rest(const struct host *hosts, const char *folder, struct journal *journal)
{
    char path[200];
    bool good = settle(hosts);
    for (unsigned h = 0; h < HOSTS && good; h++)
        good = look(&hosts[h], h, AT_REST, journal);
    for (unsigned h = 0; h < HOSTS && good; h++)
        good = look_into_files(&hosts[h], h, folder, journal);
    snprintf(path, sizeof path, "%s/observer", folder);
    struct host observer = {path, NO_FILES, hosts[0].server, false};
    return good && look(&observer, 0, IN_SERVER, journal);
}
