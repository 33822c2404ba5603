/* SPDX-License-Identifier: MIT
 *
 * Random choices are uniform: each of 1 000 entries with keys of the caller's comes about as often as any other, whatever the
 * gaps on the ring, from a tier that is asked for windows, from one that picks, and by a walk.
 */
#include "select_kit.h"

enum { ENTRIES = 1000 };

static void fill(pxt_cache *cache)
{
    char key[40], url[60];
    for (int i = 0; i < ENTRIES + ENTRIES / 2; i++) {
        snprintf(key, sizeof key, "proxy number %d", i);
        snprintf(url, sizeof url, "http://192.0.2.%d:%d", i % 250, 1000 + i);
        put(cache, key, url, i < ENTRIES ? "wanted" : "other");
    }
}

/* The statistic of picks by key; it has 999 degrees of freedom: mean 999, standard deviation 44.7. */
static double chi_square(pxt_cache *cache, enum pxt_choice choice, int picks, int *foreign)
{
    static int count[ENTRIES];
    struct pxt_selection selection;
    double sum = 0, expected = (double)picks / ENTRIES;
    memset(count, 0, sizeof count);
    *foreign = 0;
    pxt_selection_init(&selection);
    selection.source = "wanted";
    for (int i = 0; i < picks; i++) {
        const char *key = choose(cache, &selection, choice, NULL);
        int number = strncmp(key, "proxy number ", 13) ? ENTRIES : atoi(key + 13);
        if (number < ENTRIES)
            count[number]++;
        else
            ++*foreign;
    }
    for (int i = 0; i < ENTRIES; i++)
        sum += (count[i] - expected) * (count[i] - expected) / expected;
    return sum;
}

static void is_uniform(const char *tier, enum pxt_choice choice, int picks, const char *name)
{
    int foreign;
    pxt_cache *cache = open_pool(tier);
    fill(cache); /* the entries of one that was stored before are replaced */
    double statistic = chi_square(cache, choice, picks, &foreign);
    /* Beyond these bounds, six standard deviations off, once in 10^8 runs. */
    if (!ok(!foreign && statistic > 999 - 270 && statistic < 999 + 270, "%s: each entry with the same chance", name))
        diag("chi-square %.1f, %d picks of others", statistic, foreign);
    pxt_cache_close(cache);
}

int main(void)
{
    char folder[] = "/tmp/proxtier-uniform-XXXXXX", sqlite[100], remove[100];
    if (!mkdtemp(folder))
        return 1;
    snprintf(sqlite, sizeof sqlite, "{plugin: l3_sqlite, path: %s/pool.db}", folder);
    is_uniform("{plugin: searching}", PXT_CHOOSE_RANDOM, tap_amount(50000), "by windows of the ring");
    is_uniform("{plugin: searching, stale: 200}", PXT_CHOOSE_RANDOM, tap_amount(100000),
               "by windows, with stale answers");
    is_uniform("{plugin: searching, picks: true}", PXT_CHOOSE_RANDOM, tap_amount(20000), "by picks of the tier");
    is_uniform(sqlite, PXT_CHOOSE_RANDOM, tap_amount(50000), "from SQLite");
    is_uniform("{plugin: l1_memory}", PXT_CHOOSE_RANDOM, tap_amount(10000), "by a walk over memory");
    is_uniform("{plugin: searching}", PXT_CHOOSE_WEIGHTED, tap_amount(20000), "weighted, without checks");
    is_uniform(sqlite, PXT_CHOOSE_WEIGHTED, tap_amount(20000), "weighted, from SQLite");
    is_uniform("{plugin: l1_memory}", PXT_CHOOSE_WEIGHTED, tap_amount(10000), "weighted, by a walk");
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    ok(!system(remove), "the folder is removed");
    return tap_done();
}
