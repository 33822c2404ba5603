/* SPDX-License-Identifier: MIT
 *
 * A clear leaves no tier in doubt, if each is empty for certain: what is put afterwards is not compared key by key.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-clear-XXXXXX";
static struct pxt_error error;

static pxt_cache *open_chain(const char *l2, const char *l3)
{
    char yaml[2000];
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ndegrade: {threshold: 100}\n"
             "tiers: [{plugin: l1_memory}, {name: l2, %s}, {name: l3, %s}]",
             l2, l3);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void empty_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static void put(pxt_cache *cache, const char *key)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "s", 1);
    if (pxt_cache_put(cache, &draft, NULL, &error))
        diag("put %s: %s", key, error.message);
}

static bool has(pxt_cache *cache, const char *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(cache, key, &entry, &error);
    pxt_entry_release(entry);
    return status == PXT_OK;
}

/* The groups of keys for which a tier is in doubt. */
static uint64_t doubted(pxt_cache *cache)
{
    struct pxt_stats stats;
    uint64_t sum = 0;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    for (uint32_t i = 0; i < stats.tier_count; i++)
        sum += stats.tier[i].doubted;
    return sum;
}

/* `fault` (NULL: none) is that of l2. */
static void clears(const char *name, const char *sync, const char *fault, pxt_status expected, bool in_doubt)
{
    char l2[500], l3[300];
    uint64_t removed = 99;
    empty_folder();
    if (fault)
        snprintf(l2, sizeof l2, "plugin: fault, tier: l2_jsonl, tier_options: 'dir=%s/l2', faults: '%s'", folder,
                 fault);
    else
        snprintf(l2, sizeof l2, "plugin: l2_jsonl, dir: %s/l2, max_entries: 2", folder);
    snprintf(l3, sizeof l3, "plugin: l3_sqlite, path: %s/l3.db, sync: %s", folder, sync);
    pxt_cache *cache = open_chain(l2, l3);
    for (int i = 0; i < 4; i++)
        put(cache, (const char *[]){"a", "b", "c", "d"}[i]);
    pxt_cache_delete(cache, "d", &error);
    is_int(pxt_cache_clear(cache, &removed, &error), expected, "%s: clear", name);
    is_int(expected ? 3 : removed, 3, "%s: it removes three", name);
    is_int(doubted(cache) != 0, in_doubt, "%s: %s tier is in doubt", name, in_doubt ? "a" : "no");
    put(cache, "a");
    is_int(doubted(cache) != 0, in_doubt, "%s: nor after a put", name);
    if (in_doubt) {
        pxt_cache_close(cache);
        return;
    }
    ok(has(cache, "a") && !has(cache, "b") && !has(cache, "d"), "%s: nothing else is left", name);
    pxt_cache *other = open_chain(l2, l3);
    ok(has(other, "a") && !has(other, "b"), "%s: another cache of the pool has what was put", name);
    pxt_cache_close(other);
    pxt_cache_tick(cache, NULL, &error);
    is_int(doubted(cache), 0, "%s: and a tick leaves no doubt", name);
    ok(has(cache, "a") && !has(cache, "b") && !has(cache, "d"), "%s: what was cleared stays away", name);
    pxt_cache_close(cache);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    clears("two tiers", "normal", NULL, PXT_OK, false);
    clears("level power", "full", NULL, PXT_OK, false);
    clears("a tier that fails to clear", "normal", "clear 1 fail EIO", PXT_EIO, true);
    clears("a tier that fails to sync at level power", "full", "sync all fail EIO", PXT_OK, true);
    empty_folder();
    rmdir(folder);
    return tap_done();
}
