/* SPDX-License-Identifier: MIT
 *
 * postgresql_select.c: choosing one entry in a pool of PostgreSQL, beside a get by key from it. One entry in all is rare by each
 * criterion, and half are common.
 */
#include "bench.h"
#include "postgresql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    pxt_cache *cache;
    size_t n;
    struct pxt_selection selection;
    enum pxt_choice choice;
};

static void fill(pxt_cache *cache, size_t n)
{
    enum { BATCH = 1000 };
    struct pxt_draft *drafts = calloc(BATCH, sizeof *drafts);
    struct bench_room *rooms = calloc(BATCH, sizeof *rooms);
    struct pxt_error error;
    if (!drafts || !rooms)
        bench_die("entries", "out of memory");
    for (size_t from = 0; from < n; from += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            const size_t number = from + i;
            const bool rare = number == n / 3, common = number % 2;
            bench_draft(&drafts[i], &rooms[i], number, rare ? 90000 : 5000 + (int64_t)number % 1000);
            pxt_draft_set_text(&drafts[i], PXT_FIELD_SOURCE, rare ? "rare" : common ? "half" : "rest", 4);
            pxt_draft_set_text(&drafts[i], PXT_FIELD_COUNTRY, rare ? "AQ" : common ? "US" : "DE", 2);
            pxt_draft_set_text(&drafts[i], PXT_FIELD_TAGS, rare ? "rare" : common ? "half" : "rest", 4);
            pxt_draft_set_number(&drafts[i], PXT_FIELD_FAILURE_COUNT, rare ? 0 : common ? 1 : 3);
            pxt_draft_set_number(&drafts[i], PXT_FIELD_LATENCY, rare ? 900 : common ? 200000 : 1500000);
        }
        if (pxt_cache_put_many(cache, drafts, BATCH, NULL, NULL, &error))
            bench_die("cannot put", error.message);
    }
    free(drafts);
    free(rooms);
}

static void get(void *arg, size_t from, size_t n)
{
    const struct pool *pool = arg;
    uint64_t state = from + 1;
    for (size_t i = 0; i < n; i++) {
        char key[17];
        pxt_entry *entry;
        bench_key(bench_random(&state) % pool->n, key);
        if (pxt_cache_get(pool->cache, key, &entry, NULL) != PXT_OK)
            bench_die(key, "is not there");
        pxt_entry_release(entry);
    }
}

static void choose(void *arg, size_t from, size_t n)
{
    const struct pool *pool = arg;
    (void)from;
    for (size_t i = 0; i < n; i++) {
        const struct pxt_select_options options = {.size = sizeof options, .choice = pool->choice};
        struct pxt_error error;
        pxt_entry *entry = NULL;
        size_t found = 0;
        if (pxt_cache_select(pool->cache, &pool->selection, &options, 1, &entry, &found, &error))
            bench_die("choose", error.message);
        pxt_entry_release(entry);
    }
}

/* What is chosen by. The last three have two criteria. */
static bool set_criterion(struct pxt_selection *selection, int i, bool rare, const char **name)
{
    static const char *const names[] = {
        "any",         "source",  "country",         "tag",          "max_failures",
        "max_latency", "min_ttl", "source, min_ttl", "tag, country", "source, max_latency"};
    pxt_selection_init(selection);
    if (i >= (int)(sizeof names / sizeof *names))
        return false;
    *name = names[i];
    if (i == 1 || i == 7 || i == 9)
        selection->source = rare ? "rare" : "half";
    if (i == 2 || i == 8)
        selection->country = rare ? "aq" : "us";
    if (i == 3 || i == 8)
        selection->tag = rare ? "rare" : "half";
    if (i == 4)
        selection->max_failures = rare ? 0 : 1;
    if (i == 5 || i == 9)
        selection->max_latency_ms = rare ? 1 : 250;
    if (i == 6 || i == 7)
        selection->min_ttl = rare && i == 6 ? 80000 : 1000;
    return true;
}

static void compare(struct pool *pool, size_t amount)
{
    const char *name = NULL;
    char figure[80], limit[60];
    snprintf(limit, sizeof limit, "get of %zu", pool->n);
    for (int i = 0; set_criterion(&pool->selection, i, false, &name); i++)
        for (int rare = 0; rare <= (i > 0); rare++) {
            set_criterion(&pool->selection, i, rare, &name);
            pool->choice = PXT_CHOOSE_RANDOM;
            snprintf(figure, sizeof figure, "choose at random, %s%s", name, !i ? "" : rare ? ", 1 in all" : ", half");
            choose(pool, 0, 30); /* makes the indexes, and finds the width of windows */
            bench_compare(figure, limit, 3, amount, 5, choose, pool, get, pool);
        }
    pxt_selection_init(&pool->selection);
    for (pool->choice = PXT_CHOOSE_ROUND_ROBIN; pool->choice <= PXT_CHOOSE_FASTEST; pool->choice++) {
        static const char *const ways[] = {"", "round-robin", "least-used", "least-recently-used", "fastest"};
        snprintf(figure, sizeof figure, "choose %s", ways[pool->choice]);
        choose(pool, 0, 3);
        bench_compare(figure, limit, 3, amount, 5, choose, pool, get, pool);
    }
}

void bench_postgresql_select(const char *folder)
{
    const size_t numbers[] = {1000, bench_quick() ? 10000 : 100000};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct pool pool = {.n = numbers[i]};
        pool.cache =
            bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: postgresql, patience: 60s, namespace: n%zu, "
                       "conninfo: 'host=%s/s user=proxtier dbname=postgres'}]",
                       pool.n, folder);
        fill(pool.cache, pool.n);
        compare(&pool, bench_amount(200));
        pxt_cache_close(pool.cache);
    }
}
