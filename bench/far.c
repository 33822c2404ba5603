/* SPDX-License-Identifier: MIT
 *
 * far.c: the same operations on each tier with a server.
 */
#include "far.h"
#include <pthread.h>
#include <stdio.h>

static volatile uint64_t sink;

void bench_ours_get(void *arg, size_t from, size_t n)
{
    const struct bench_ours *ours = arg;
    uint64_t state = from + 1;
    for (size_t i = 0; i < n; i++) {
        char key[17];
        pxt_entry *entry;
        bench_key(bench_random(&state) % ours->n, key);
        if (pxt_cache_get(ours->cache, key, &entry, NULL) != PXT_OK)
            bench_die(key, "is not there");
        sink += (uint64_t)pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT);
        pxt_entry_release(entry);
    }
}

void bench_ours_put(void *arg, size_t from, size_t n)
{
    const struct bench_ours *ours = arg;
    for (size_t i = from; i < from + n; i++) {
        struct bench_room room;
        struct pxt_draft draft;
        struct pxt_error error;
        bench_draft(&draft, &room, ours->n + i, 1000000);
        if (pxt_cache_put(ours->cache, &draft, NULL, &error) != PXT_OK)
            bench_die("put", error.message);
    }
}

/* ---- threads ---- */

struct thread {
    pthread_t id;
    bench_fn *work;
    struct bench_ours *ours;
    size_t from, n;
};

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    thread->work(thread->ours, thread->from, thread->n);
    return NULL;
}

/* Thousands a second. */
static double rate_of(bench_fn *work, struct bench_ours *ours, size_t from, size_t n, size_t threads)
{
    struct thread thread[BENCH_THREADS];
    double begin = bench_now_us();
    for (size_t i = 0; i < threads; i++) {
        thread[i] = (struct thread){.work = work, .ours = ours, .from = from + i * n, .n = n};
        if (pthread_create(&thread[i].id, NULL, run_thread, &thread[i]))
            bench_die("threads", "cannot be started");
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(thread[i].id, NULL);
    return (double)(n * threads) * 1000 / (bench_now_us() - begin);
}

void bench_threads(const char *figure, bench_fn *work, struct bench_ours *ours, size_t n)
{
    enum { ROUNDS = 5 };
    double one[ROUNDS], many[ROUNDS];
    rate_of(work, ours, 5000000, 10, BENCH_THREADS); /* makes the connections */
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t from = 6000000 + i * n * (BENCH_THREADS + 1);
        one[i] = rate_of(work, ours, from, n, 1);
        many[i] = rate_of(work, ours, from + n, n, BENCH_THREADS);
    }
    bench_row(figure, "k/s", bench_median(many, ROUNDS), "with one thread", bench_median(one, ROUNDS), -4);
}

/* ---- a list ---- */

double bench_warm_list(pxt_cache *cache, const char *path, size_t n)
{
    struct pxt_warm_counts counts = {.size = sizeof counts};
    struct pxt_error error;
    FILE *file = fopen(path, "w");
    for (size_t i = 0; file && i < n; i++)
        fprintf(file, "http://user%zu:secret%zu@10.%zu.%zu.%zu:8080\n", i, i, i >> 16 & 255, i >> 8 & 255, i & 255);
    if (!file || fclose(file))
        bench_die(path, "cannot be written");
    double begin = bench_now_us();
    if (pxt_cache_warm(cache, path, NULL, &counts, &error))
        bench_die("warm", error.message);
    if (counts.loaded != n)
        bench_die("warm", "has not loaded all lines");
    return (bench_now_us() - begin) / 1e6;
}
