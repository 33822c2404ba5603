/* SPDX-License-Identifier: MIT
 *
 * Each way to choose, from a tier that can search, from one that tells stale keys, and by a walk over memory.
 */
#include "select_kit.h"

enum { ENTRIES = 60 };

static void fill(pxt_cache *cache)
{
    char key[20], url[60];
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(key, sizeof key, "key%02d", i);
        snprintf(url, sizeof url, "http://192.0.2.%d:80", i);
        put(cache, key, url, i % 2 ? "odd" : "even");
    }
}

static struct pxt_selection of_source(const char *source)
{
    struct pxt_selection selection;
    pxt_selection_init(&selection);
    selection.source = source;
    return selection;
}

static void report(pxt_cache *cache, const char *key, bool good, double latency_ms)
{
    struct pxt_report outcome = {.size = sizeof outcome, .ok = good, .latency_ms = latency_ms};
    if (pxt_cache_report(cache, key, &outcome, NULL, NULL, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

/* The number of different keys of `n` choices. */
static int distinct(pxt_cache *cache, const struct pxt_selection *selection, enum pxt_choice choice, int n, int *wrong)
{
    bool seen[ENTRIES] = {false};
    int count = 0;
    for (int i = 0; i < n; i++) {
        clock_now += PXT_SECOND / 1000;
        int number = atoi(choose(cache, selection, choice, NULL) + 3);
        *wrong += number % 2 != 1;
        count += !seen[number];
        seen[number] = true;
    }
    return count;
}

static void circles(const char *tiers, const char *name)
{
    struct pxt_selection odd = of_source("odd");
    int wrong = 0;
    char first[20];
    pxt_cache *cache = open_pool(tiers);
    fill(cache);
    snprintf(first, sizeof first, "%s", choose(cache, &odd, PXT_CHOOSE_ROUND_ROBIN, NULL));
    is_int(distinct(cache, &odd, PXT_CHOOSE_ROUND_ROBIN, ENTRIES / 2 - 1, &wrong), ENTRIES / 2 - 1,
           "%s: round-robin gives each once", name);
    is_str(choose(cache, &odd, PXT_CHOOSE_ROUND_ROBIN, NULL), first, "%s: ... and begins again", name);
    is_int(distinct(cache, &odd, PXT_CHOOSE_LEAST_RECENTLY_USED, ENTRIES / 2, &wrong), ENTRIES / 2,
           "%s: least-recently-used gives each once", name);
    is_int(distinct(cache, &odd, PXT_CHOOSE_LEAST_RECENTLY_USED, ENTRIES / 2, &wrong), ENTRIES / 2, "%s: ... and again",
           name);
    pxt_cache_close(cache);
    cache = open_pool(tiers);
    fill(cache);
    is_int(distinct(cache, &odd, PXT_CHOOSE_LEAST_USED, ENTRIES / 2, &wrong), ENTRIES / 2,
           "%s: least-used gives each once", name);
    is_int(wrong, 0, "%s: all of them match", name);
    pxt_cache_close(cache);
}

static void fastest(const char *tiers, const char *name)
{
    struct pxt_selection odd = of_source("odd");
    struct pxt_select_options options = {.size = sizeof options, .choice = PXT_CHOOSE_FASTEST};
    pxt_entry *entries[ENTRIES];
    size_t found;
    pxt_cache *cache = open_pool(tiers);
    fill(cache);
    report(cache, "key07", true, 80);
    report(cache, "key09", true, 20);
    report(cache, "key03", true, 50);
    report(cache, "key08", true, 1);
    is_str(choose(cache, &odd, PXT_CHOOSE_FASTEST, NULL), "key09", "%s: the fastest that matches", name);
    options.after = 1;
    is_int(pxt_cache_select(cache, &odd, &options, ENTRIES, entries, &found, &error), PXT_OK, "%s: after it", name);
    is_int(found, ENTRIES / 2 - 1, "%s: all others", name);
    is_str(pxt_entry_key(entries[0]), "key03", "%s: the second first", name);
    is_str(pxt_entry_key(entries[1]), "key07", "%s: then the third", name);
    ok(!pxt_entry_has(entries[2], PXT_FIELD_LATENCY), "%s: then those that are not known", name);
    for (size_t i = 0; i < found; i++)
        pxt_entry_release(entries[i]);
    report(cache, "key09", true, 1020);
    is_str(choose(cache, &odd, PXT_CHOOSE_FASTEST, NULL), "key03", "%s: an average that has risen", name);
    report(cache, "key03", false, 5000);
    is_str(choose(cache, &odd, PXT_CHOOSE_FASTEST, NULL), "key03", "%s: a failure is no latency", name);
    pxt_cache_close(cache);
}

/* Sessions keep their proxy, but for those whose proxy leaves, and a few when one comes. */
static void sticky(const char *tiers, const char *name)
{
    enum { SESSIONS = 200 };
    struct pxt_selection odd = of_source("odd");
    char before[SESSIONS][20], session[20];
    int moved = 0, kept = 0, came = 0;
    pxt_cache *cache = open_pool(tiers);
    fill(cache);
    for (int i = 0; i < SESSIONS; i++) {
        snprintf(session, sizeof session, "user %d", i);
        snprintf(before[i], sizeof before[i], "%s", choose(cache, &odd, PXT_CHOOSE_STICKY, session));
    }
    pxt_cache_delete(cache, "key11", NULL);
    put(cache, "key98", "http://192.0.2.98:80", "even");
    for (int i = 0; i < SESSIONS; i++) {
        snprintf(session, sizeof session, "user %d", i);
        bool same = !strcmp(before[i], choose(cache, &odd, PXT_CHOOSE_STICKY, session));
        bool gone = !strcmp(before[i], "key11");
        moved += !same && !gone;
        kept += same && gone;
    }
    is_int(moved, 0, "%s: sessions keep their proxy when another leaves", name);
    is_int(kept, 0, "%s: those of the one that left get another", name);
    put(cache, "key11", "http://192.0.2.11:80", "odd");
    put(cache, "key99", "http://192.0.2.99:80", "odd");
    for (int i = 0; i < SESSIONS; i++) {
        snprintf(session, sizeof session, "user %d", i);
        const char *now = choose(cache, &odd, PXT_CHOOSE_STICKY, session);
        moved += strcmp(before[i], now) && strcmp(now, "key99");
        came += !strcmp(now, "key99");
    }
    ok(!moved && came < SESSIONS / 2, "%s: a new one takes some, and moves no other (%d, %d)", name, moved, came);
    pxt_cache_close(cache);
}

/* 9 good checks of 10, and 1 of 10: weights of 10 / 12 and 2 / 12. */
static void weighted(const char *tiers, const char *name)
{
    int good = 0, picks = tap_amount(6000);
    pxt_cache *cache = open_pool(tiers);
    put(cache, "good", "http://192.0.2.1:80", "s");
    put(cache, "bad", "http://192.0.2.2:80", "s");
    for (int i = 0; i < 10; i++) {
        report(cache, "good", i > 0, -1);
        report(cache, "bad", i == 0, -1);
    }
    for (int i = 0; i < picks; i++)
        good += !strcmp(choose(cache, NULL, PXT_CHOOSE_WEIGHTED, NULL), "good");
    double share = (double)good / picks; /* 5 of 6; the standard deviation is 0.005, of a tenth of the picks 0.015 */
    ok(share > 0.833 - 0.1 && share < 0.833 + 0.1, "%s: weighted by good checks: %.3f", name, share);
    pxt_cache_close(cache);
}

static void many(const char *tiers, const char *name)
{
    struct pxt_selection odd = of_source("odd");
    for (int choice = 0; choice < PXT_CHOICE_COUNT; choice++) {
        struct pxt_select_options options = {.size = sizeof options,
                                             .choice = (enum pxt_choice)choice,
                                             .session = choice == PXT_CHOOSE_STICKY ? "me" : NULL};
        pxt_entry *entries[ENTRIES];
        bool seen[ENTRIES] = {false};
        size_t found;
        int repeated = 0;
        pxt_cache *cache = open_pool(tiers);
        fill(cache);
        pxt_status status = pxt_cache_select(cache, &odd, &options, ENTRIES, entries, &found, &error);
        for (size_t i = 0; i < found; i++) {
            int number = atoi(pxt_entry_key(entries[i]) + 3);
            repeated += seen[number];
            seen[number] = true;
            pxt_entry_release(entries[i]);
        }
        ok(!status && found == ENTRIES / 2 && !repeated, "%s: way %d gives all that match, each once", name, choice);
        options.after = ENTRIES / 2 - 2;
        status = pxt_cache_select(cache, &odd, &options, ENTRIES, entries, &found, &error);
        ok(!status && found == 2, "%s: way %d gives what is left after most (%zu)", name, choice, found);
        for (size_t i = 0; i < found; i++)
            pxt_entry_release(entries[i]);
        options.after = ENTRIES / 2;
        is_int(pxt_cache_select(cache, &odd, &options, 1, entries, &found, &error), PXT_NOT_FOUND,
               "%s: way %d gives nothing after all", name, choice);
        pxt_cache_close(cache);
    }
}

/* Of a tier that tells keys twice, each is chosen once. */
static void chosen_once(enum pxt_choice choice, const char *name)
{
    enum { POOL = 20 };
    struct pxt_select_options options = {.size = sizeof options, .choice = choice, .session = "s"};
    pxt_cache *cache = open_pool("{plugin: searching, twice: true}");
    pxt_entry *entries[POOL];
    size_t found = 0;
    unsigned times[POOL] = {0}, most = 0;
    for (int i = 0; i < POOL; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        put(cache, key, "http://192.0.2.1:80", "any");
    }
    pxt_cache_select(cache, NULL, &options, POOL, entries, &found, &error);
    for (size_t i = 0; i < found; i++) {
        unsigned n = ++times[atoi(pxt_entry_key(entries[i]) + 1)];
        most = n > most ? n : most;
        pxt_entry_release(entries[i]);
    }
    is_int(most, 1, "%s: no key is chosen twice", name);
    is_int(found, POOL, "%s: and all are chosen", name);
    pxt_cache_close(cache);
}

static struct pxt_tier_stats stats_of(pxt_cache *cache, unsigned tier)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    return stats.tier[tier];
}

/* The file tier is full. To bring an entry there it would have to find a victim. */
static void leaves_full_files_alone(void)
{
    char folder[] = "/tmp/proxtier-choices-XXXXXX", tiers[300], key[20], url[40], removal[60];
    if (!mkdtemp(folder))
        exit(1);
    snprintf(tiers, sizeof tiers,
             "{plugin: l1_memory, max_entries: 1000}, {plugin: l2_jsonl, dir: %s/l2, max_entries: 5, eviction: fifo}, "
             "{plugin: l3_sqlite, path: %s/l3.db}",
             folder, folder);
    pxt_cache *cache = open_pool(tiers);
    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof key, "k%d", i);
        snprintf(url, sizeof url, "http://192.0.2.1:%d", 1000 + i);
        put(cache, key, url, "any");
    }
    pxt_cache_close(cache); /* memory is empty in the next one */
    cache = open_pool(tiers);
    for (int i = 0; i < 50; i++)
        choose(cache, NULL, PXT_CHOOSE_RANDOM, NULL);
    struct pxt_tier_stats memory = stats_of(cache, 0), files = stats_of(cache, 1);
    is_int(files.promotions, 0, "a choice copies its entry into no file tier with a capacity");
    ok(memory.promotions > 10 && memory.hits > 0, "but into memory, which then answers");
    pxt_cache_close(cache);
    cache = open_pool(tiers);
    for (int i = 0; i < 10; i++) {
        pxt_entry *entry;
        snprintf(key, sizeof key, "k%d", i);
        if (!pxt_cache_get(cache, key, &entry, &error))
            pxt_entry_release(entry);
    }
    files = stats_of(cache, 1);
    ok(files.promotions > 0, "a get by key does");
    pxt_cache_close(cache);
    snprintf(removal, sizeof removal, "rm -r %s", folder);
    ok(!system(removal), "the folder is removed");
}

static void wrong_arguments(void)
{
    struct pxt_select_options options = {.size = sizeof options, .choice = PXT_CHOOSE_STICKY};
    pxt_cache *cache = open_pool("{plugin: l1_memory}");
    pxt_entry *entry;
    size_t found;
    is_int(pxt_cache_select(cache, NULL, &options, 1, &entry, &found, &error), PXT_EINVAL, "sticky without a session");
    options.choice = (enum pxt_choice)99;
    is_int(pxt_cache_select(cache, NULL, &options, 1, &entry, &found, &error), PXT_EINVAL, "an unknown way");
    is_int(pxt_cache_select(cache, NULL, NULL, 0, &entry, &found, &error), PXT_EINVAL, "none of them");
    is_int(pxt_cache_select(cache, NULL, NULL, 1, &entry, &found, &error), PXT_NOT_FOUND, "an empty pool");
    pxt_cache_close(cache);
}

int main(void)
{
    static const char *const tiers[][2] = {
        {"{plugin: searching}", "search"},
        {"{plugin: searching, picks: true}", "picks"},
        {"{plugin: searching, stale: 300}", "stale"},
        {"{plugin: searching, orders: false, rings: false}", "nothing offered"},
        {"{plugin: l1_memory}", "memory"},
        {"{plugin: l1_memory}, {plugin: searching}", "memory before search"},
    };
    for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++) {
        circles(tiers[i][0], tiers[i][1]);
        fastest(tiers[i][0], tiers[i][1]);
        sticky(tiers[i][0], tiers[i][1]);
        weighted(tiers[i][0], tiers[i][1]);
        many(tiers[i][0], tiers[i][1]);
    }
    chosen_once(PXT_CHOOSE_RANDOM, "random");
    chosen_once(PXT_CHOOSE_WEIGHTED, "weighted");
    chosen_once(PXT_CHOOSE_LEAST_USED, "least used");
    chosen_once(PXT_CHOOSE_FASTEST, "fastest");
    chosen_once(PXT_CHOOSE_STICKY, "sticky");
    leaves_full_files_alone();
    wrong_arguments();
    return tap_done();
}
