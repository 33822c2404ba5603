/* SPDX-License-Identifier: MIT
 *
 * many.c: many keys in one call, through memory, JSONL and SQLite, beside as many calls for a key each. Batches stand for the
 * round trips that a database or a server saves.
 */
#include "bench.h"
#include <stdio.h>

enum { BATCH = 250, ROUNDS = 5 };

struct keys {
    char text[BATCH][17];
    const char *key[BATCH];
};

static void make_keys(struct keys *keys, size_t from)
{
    for (size_t i = 0; i < BATCH; i++) {
        bench_key(from + i, keys->text[i]);
        keys->key[i] = keys->text[i];
    }
}

static void get_batches(void *arg, size_t from, size_t n)
{
    pxt_entry *out[BATCH];
    pxt_status results[BATCH];
    struct keys keys;
    for (size_t at = 0; at < n; at += BATCH) {
        make_keys(&keys, from + at);
        if (pxt_cache_get_many(arg, keys.key, BATCH, out, results, NULL, NULL))
            bench_die("get_many", "has failed");
        for (size_t i = 0; i < BATCH; i++)
            pxt_entry_release(out[i]);
    }
}

static void get_each(void *arg, size_t from, size_t n)
{
    char key[17];
    pxt_entry *entry;
    for (size_t i = 0; i < n; i++) {
        bench_key(from + i, key);
        if (pxt_cache_get(arg, key, &entry, NULL))
            bench_die(key, "is not there");
        pxt_entry_release(entry);
    }
}

static void put_batches(void *arg, size_t from, size_t n)
{
    for (size_t at = 0; at < n; at += BATCH)
        bench_fill(arg, from + at, BATCH, 3600);
}

static void put_each(void *arg, size_t from, size_t n)
{
    struct pxt_draft draft;
    struct bench_room room;
    for (size_t i = 0; i < n; i++) {
        bench_draft(&draft, &room, from + i, 3600);
        if (pxt_cache_put(arg, &draft, NULL, NULL))
            bench_die("put", "has failed");
    }
}

static void delete_batches(void *arg, size_t from, size_t n)
{
    struct keys keys;
    for (size_t at = 0; at < n; at += BATCH) {
        make_keys(&keys, from + at);
        if (pxt_cache_delete_many(arg, keys.key, BATCH, NULL, NULL))
            bench_die("delete_many", "has failed");
    }
}

static void delete_each(void *arg, size_t from, size_t n)
{
    char key[17];
    for (size_t i = 0; i < n; i++) {
        bench_key(from + i, key);
        if (pxt_cache_delete(arg, key, NULL))
            bench_die(key, "cannot be deleted");
    }
}

/* Microseconds a key. */
static double timed(bench_fn *work, pxt_cache *cache, size_t from, size_t n)
{
    double start = bench_now_us();
    work(cache, from, n);
    return (bench_now_us() - start) / (double)n;
}

/* `before` prepares the keys that both ways take, each its own. */
static void compare(const char *figure, pxt_cache *cache, bench_fn *before, bench_fn *many, bench_fn *each, size_t n)
{
    static size_t next;
    double batch[ROUNDS], single[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++, next += 2 * n) {
        if (before)
            before(cache, next, 2 * n);
        batch[round] = timed(many, cache, next, n);
        single[round] = timed(each, cache, next + n, n);
    }
    bench_row(figure, "us", bench_median(batch, ROUNDS), "one call a key", bench_median(single, ROUNDS), 1);
}

void bench_many(void)
{
    size_t n = (bench_amount(2000) / BATCH + 1) * BATCH;
    /* Memory over a database: what is got is copied to memory only. */
    pxt_cache *two = bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 100}, {plugin: "
                                "l3_sqlite, path: %s/many-two.db}]",
                                bench_folder());
    pxt_cache *three = bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 100}, {plugin: "
                                  "l2_jsonl, dir: %s/many-l2}, {plugin: l3_sqlite, path: %s/many-l3.db}]",
                                  bench_folder(), bench_folder());
    compare("get_many, from the database, a key", two, put_batches, get_batches, get_each, n);
    compare("put_many, all tiers, a key", three, NULL, put_batches, put_each, n);
    compare("delete_many, all tiers, a key", three, put_batches, delete_batches, delete_each, n);
    pxt_cache_close(two);
    pxt_cache_close(three);
}
