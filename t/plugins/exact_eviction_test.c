/* SPDX-License-Identifier: MIT
 *
 * Small tiers evict exactly by their policy: with the usual options the entry that was just hit stays, and the least
 * recently used one leaves.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdlib.h>

enum { TRIALS = 300 };
static char folder[] = "/tmp/proxtier-exact-XXXXXX";
static pxt_cache *cache;
static struct pxt_error error;
static pxt_time now = INT64_C(1767225600000000);

/* A clock that goes on with each look, so that no two accesses have the same time. */
static pxt_time ticking(void *arg)
{
    (void)arg;
    return ++now;
}

static void open_tier(const char *tier, unsigned capacity)
{
    char text[300];
    snprintf(text, sizeof text, "tiers: [{plugin: %s, max_entries: %u, eviction: lru%s%s%s}]", tier, capacity,
             !strcmp(tier, "l1_memory") ? "" : ", dir: ", !strcmp(tier, "l1_memory") ? "" : folder,
             !strcmp(tier, "l1_memory") ? "" : "/files");
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text, .clock = ticking};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void put(const char *key)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    if (pxt_cache_put(cache, &draft, NULL, &error))
        diag("%s: %s", key, error.message);
}

static bool get(const char *key, bool peek)
{
    pxt_entry *entry = NULL;
    pxt_status status = peek ? pxt_cache_peek(cache, key, &entry, NULL) : pxt_cache_get(cache, key, &entry, NULL);
    pxt_entry_release(entry);
    return status == PXT_OK;
}

/* Fills the tier, hits all but one entry, and puts one more: that one must be the victim, in every trial. */
static void the_least_recently_used_entry_leaves(const char *tier, unsigned capacity)
{
    char key[40];
    unsigned hit_left = 0, unused_stayed = 0, too_many = 0;
    uint64_t removed;
    open_tier(tier, capacity);
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        unsigned unused = trial % capacity, there = 0;
        pxt_cache_clear(cache, &removed, &error);
        for (unsigned i = 0; i < capacity; i++) {
            snprintf(key, sizeof key, "t%u-%u", trial, i);
            put(key);
        }
        for (unsigned i = 0; i < capacity; i++) {
            snprintf(key, sizeof key, "t%u-%u", trial, i);
            if (i != unused)
                get(key, false);
        }
        snprintf(key, sizeof key, "t%u-incoming", trial);
        put(key);
        there += get(key, true);
        for (unsigned i = 0; i < capacity; i++) {
            snprintf(key, sizeof key, "t%u-%u", trial, i);
            bool stays = get(key, true);
            there += stays;
            hit_left += i != unused && !stays;
            unused_stayed += i == unused && stays;
        }
        too_many += there != capacity;
    }
    is_int(hit_left, 0, "%s, %u entries, %d trials: no entry that was hit leaves", tier, capacity, TRIALS);
    is_int(unused_stayed, 0, "%s, %u entries: the least recently used one does", tier, capacity);
    is_int(too_many, 0, "%s, %u entries: the capacity is used and kept", tier, capacity);
    pxt_cache_close(cache);
}

int main(void)
{
    static const char *const tiers[] = {"l1_memory", "l2_jsonl"};
    static const unsigned capacities[] = {3, 10, 64, 127};
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    for (size_t t = 0; t < 2; t++)
        for (size_t c = 0; c < (t ? 2 : 4); c++)
            the_least_recently_used_entry_leaves(tiers[t], capacities[c]);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        diag("cannot clean up");
    return tap_done();
}
