/* SPDX-License-Identifier: MIT
 *
 * far.h: what is measured of each tier with a server: gets and puts, 16 threads beside one, and a list.
 */
#ifndef BENCH_FAR_H
#define BENCH_FAR_H

#include "bench.h"

/* A cache in front of the tier. It has the entries below `n`. */
struct bench_ours {
    pxt_cache *cache;
    size_t n;
};

/* Gets entries at random. */
void bench_ours_get(void *ours, size_t from, size_t n);
/* Puts entries that are not there yet. */
void bench_ours_put(void *ours, size_t from, size_t n);

enum { BENCH_THREADS = 16 };
/* A row: `work`, `n` times in each of so many threads, beside one thread. The goal is four times its rate. */
void bench_threads(const char *figure, bench_fn *work, struct bench_ours *ours, size_t n);
/* Warms a list of `n` lines with credentials, and returns the seconds that this took. `path`: where the list is written. */
double bench_warm_list(pxt_cache *cache, const char *path, size_t n);

#endif
