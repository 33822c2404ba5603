/* SPDX-License-Identifier: MIT
 *
 * select.c: a choice by pxt_cache_select() beside a get by key from the same tier, which does the same without looking for
 * the entry; and `proxtier get --healthy` beside `proxtier get KEY`.
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    pxt_cache *cache;
    size_t n;
    struct pxt_selection selection;
    struct pxt_select_options options;
    uint64_t random;
};

static void choose(void *arg, size_t from, size_t n)
{
    struct pool *pool = arg;
    struct pxt_error error;
    for (size_t i = from; i < from + n; i++) {
        pxt_entry *entry;
        size_t found;
        if (pxt_cache_select(pool->cache, &pool->selection, &pool->options, 1, &entry, &found, &error))
            bench_die("select", error.message);
        pxt_entry_release(entry);
    }
}

/* Of the same entries, in an order without a pattern. */
static void get(void *arg, size_t from, size_t n)
{
    struct pool *pool = arg;
    struct pxt_error error;
    for (size_t i = from; i < from + n; i++) {
        char key[17];
        pxt_entry *entry;
        bench_key(bench_random(&pool->random) % pool->n, key);
        if (pxt_cache_get(pool->cache, key, &entry, &error))
            bench_die("get", error.message);
        pxt_entry_release(entry);
    }
}

/* One entry of all has the source "rare", and every second one of the others "half". */
static void add_sources(pxt_cache *cache, size_t n)
{
    enum { BATCH = 500 };
    static struct bench_room room[BATCH];
    static struct pxt_draft drafts[BATCH];
    struct pxt_error error;
    size_t count = 0;
    for (size_t i = 0; i < n; i += 2) {
        const char *source = i ? "half" : "rare";
        bench_draft(&drafts[count], &room[count], i, 1000000);
        pxt_draft_set_text(&drafts[count], PXT_FIELD_SOURCE, source, strlen(source));
        count++;
        if (count < BATCH && i + 2 < n)
            continue;
        if (pxt_cache_put_many(cache, drafts, count, NULL, NULL, &error))
            bench_die("put", error.message);
        count = 0;
    }
}

static void row(struct pool *pool, const char *figure, const char *source, enum pxt_choice choice, double goal,
                size_t n)
{
    pxt_selection_init(&pool->selection);
    pool->selection.source = source;
    pool->options = (struct pxt_select_options){
        .size = sizeof pool->options, .choice = choice, .session = choice == PXT_CHOOSE_STICKY ? "session" : NULL};
    choose(pool, 0, 100); /* indexes are made, and the density is found */
    bench_compare(figure, "get by key, same tier", goal, n, 7, choose, pool, get, pool);
}

static void sqlite_rows(void)
{
    struct pool pool = {.n = bench_amount(1000000)};
    pool.cache =
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l3_sqlite, path: %s/select.db}]", bench_folder());
    bench_fill(pool.cache, 0, pool.n, 1000000);
    add_sources(pool.cache, pool.n);
    row(&pool, "select from SQLite: random", NULL, PXT_CHOOSE_RANDOM, 3, 5000);
    row(&pool, "... random of half of them", "half", PXT_CHOOSE_RANDOM, 3, 5000);
    row(&pool, "... random, one match of all", "rare", PXT_CHOOSE_RANDOM, 3, 5000);
    row(&pool, "... round-robin", "half", PXT_CHOOSE_ROUND_ROBIN, 3, 5000);
    row(&pool, "... sticky", "half", PXT_CHOOSE_STICKY, 3, 5000);
    row(&pool, "... fastest", "half", PXT_CHOOSE_FASTEST, 3, 5000);
    row(&pool, "... least-recently-used", "half", PXT_CHOOSE_LEAST_RECENTLY_USED, 10, 500);
    bench_why("  least-recently-used and least-used write each hit down at once: other processes choose by it.");
    pxt_cache_close(pool.cache);
}

void bench_select(void)
{
    struct pool pool = {.n = 1000};
    pool.cache = bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: %d}]", 1000);
    bench_fill(pool.cache, 0, pool.n, 1000000);
    row(&pool, "select from memory: random of 1000, a walk", NULL, PXT_CHOOSE_RANDOM, 10000, 200);
    pxt_cache_close(pool.cache);
    sqlite_rows();
}
