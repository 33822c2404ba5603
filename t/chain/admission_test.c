/* SPDX-License-Identifier: MIT
 *
 * A policy that keeps newcomers out: what it refuses is stored in the slower tiers, and never lost. It is told of misses.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/proxtier-admission-XXXXXX";
static pxt_cache *cache;
static struct pxt_error error;

static void open_chain(const char *tiers)
{
    char text[2000];
    snprintf(text, sizeof text, "plugin_dirs: [%s]\ntiers: [%s]\n", getenv("PROXTIER_REFUSED_PLUGINS"), tiers);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    cache = NULL;
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static pxt_status put(const char *key)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

/* The tier that answers; -1: none. */
static int get(const char *key)
{
    pxt_entry *entry = NULL;
    unsigned tier = 9;
    if (pxt_cache_get_from(cache, key, &entry, &tier, &error))
        return -1;
    pxt_entry_release(entry);
    return (int)tier;
}

static uint64_t size_of(unsigned tier)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    return stats.tier[tier].size;
}

static uint64_t refusals_of(unsigned tier)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    return stats.tier[tier].refusals;
}

static void a_newcomer_waits(const char *name, const char *tiers)
{
    open_chain(tiers);
    put("a");
    put("b");
    is_int(put("c"), PXT_OK, "%s: a put of a newcomer that is refused succeeds", name);
    is_int((int)size_of(0), 2, "... the full tier keeps what it has");
    is_int((int)refusals_of(0), 1, "... the refusal is counted");
    is_int(get("a"), 0, "... the others are still there");
    is_int(get("c"), 1, "... a get finds the newcomer in the slower tier: one miss");
    is_int(get("c"), 1, "... and again: it was not yet promoted; two misses");
    is_int(get("c"), 0, "... then it is in the fast tier");
    is_int((int)size_of(0), 2, "... which evicted another for it");
    is_int(get("a"), 1, "... and that one is found in the slower tier");
    pxt_cache_close(cache);
}

static void nothing_is_refused_where_it_would_be_lost(void)
{
    open_chain("{plugin: l1_memory, max_entries: 2, shards: 1, eviction: doorkeeper}");
    put("a");
    put("b");
    is_int(put("c"), PXT_OK, "the only tier takes a newcomer that its policy would refuse");
    is_int(get("c"), 0, "... it is there");
    is_int((int)size_of(0), 2, "... in the place of another");
    is_int((int)refusals_of(0), 0, "... nothing was refused");
    pxt_cache_close(cache);
}

static void a_refused_one_has_the_newest_version(void)
{
    char tiers[1000];
    snprintf(
        tiers, sizeof tiers,
        "{plugin: l2_jsonl, dir: %s/l2, max_entries: 2, eviction: doorkeeper}, {plugin: l3_sqlite, path: %s/l3.db}",
        folder, folder);
    open_chain(tiers);
    put("a");
    put("b");
    is_int(put("c"), PXT_OK, "two durable tiers: a refused newcomer is stored");
    is_int((int)size_of(0), 2, "... not in the faster tier");
    is_int((int)size_of(1), 3, "... but in the slowest");
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    is_int((int)stats.tier[0].doubted, 0, "... no tier is in doubt of it");
    is_int(get("c"), 1, "... a get finds it");
    is_int(pxt_cache_delete(cache, "c", &error), PXT_OK, "... it can be deleted");
    is_int(get("c"), -1, "... and is gone");
    pxt_cache_close(cache);
}

int main(void)
{
    char tiers[1000];
    char command[100];
    if (!getenv("PROXTIER_REFUSED_PLUGINS") || !mkdtemp(folder))
        return 1;
    snprintf(
        tiers, sizeof tiers,
        "{plugin: l1_memory, max_entries: 2, shards: 1, eviction: doorkeeper}, {plugin: l3_sqlite, path: %s/one.db}",
        folder);
    a_newcomer_waits("l1_memory", tiers);
    a_newcomer_waits("two tiers of memory", "{plugin: l1_memory, max_entries: 2, shards: 1, eviction: doorkeeper}, "
                                            "{plugin: l1_memory, max_entries: 9}");
    a_newcomer_waits("a tier that keeps no state", "{plugin: table, max_entries: 2, eviction: doorkeeper}, "
                                                   "{plugin: l1_memory, max_entries: 9}");
    nothing_is_refused_where_it_would_be_lost();
    a_refused_one_has_the_newest_version();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
