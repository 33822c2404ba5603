/* SPDX-License-Identifier: MIT
 *
 * bench.h: what all benchmarks share: a clock, medians, and rows of a table in which a figure of ours stands beside what
 * the machine can do at best, both measured in one run, in turns.
 */
#ifndef BENCH_H
#define BENCH_H

#include <proxtier/proxtier.h>
#include <stddef.h>

/* Runs `n` operations from operation number `from` on. */
typedef void bench_fn(void *arg, size_t from, size_t n);

/* One row: `ours` and `limit` take turns, `rounds` times, `n` operations each; the medians of the time of one are
 * compared. `goal` is the largest good ratio of ours to limit (or, negative, the smallest). `limit_name` says what it is. */
void bench_compare(const char *figure, const char *limit_name, double goal, size_t n, unsigned rounds, bench_fn *ours,
                   void *ours_arg, bench_fn *limit, void *limit_arg);
/* A row of values that were measured otherwise. */
void bench_row(const char *figure, const char *unit, double ours, const char *limit_name, double limit, double goal);
/* Why the last row may miss its goal, and what was tried: printed below the table where it does. */
void bench_why(const char *text);
/* The table as JSON, at the end. False where it cannot be written. */
bool bench_write_json(const char *path);

double bench_now_us(void);
double bench_median(double *values, size_t n);
/* splitmix64. */
uint64_t bench_random(uint64_t *state);
/* A tenth of it where QUICK is set in the environment. */
size_t bench_amount(size_t usual);
bool bench_quick(void);
/* `count` numbers below `n`, by Zipf's law with exponent 1; malloc()ed. */
uint32_t *bench_zipf(size_t n, size_t count);

/* A folder of its own for this run, removed at the end. */
const char *bench_folder(void);
void bench_remove_folder(void);
/* Ends the program where something cannot be set up. */
void bench_die(const char *what, const char *why) __attribute__((noreturn));
/* Opens a cache from YAML, with no janitor. */
pxt_cache *bench_open(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Key number `i`, 16 hex digits. */
void bench_key(uint64_t i, char key[17]);
/* Puts entries `from` .. `from + n`, each of about 400 bytes of payload, in batches. */
void bench_fill(pxt_cache *cache, size_t from, size_t n, int64_t ttl);
/* A draft for entry `i`; its texts are in `room`. */
struct bench_room {
    char key[17], url[40], token[104];
};
void bench_draft(struct pxt_draft *draft, struct bench_room *room, uint64_t i, int64_t ttl);

/* The subjects. */
void bench_memory(void);
void bench_jsonl(void);
void bench_sqlite(void);
void bench_select(void);
void bench_put(void);
void bench_warm(void);
/* Warms `n` lines, and prints the greatest memory that the process had. */
void bench_warm_memory(size_t n);
void bench_many(void);
void bench_seal(void);
void bench_expiry(void);
void bench_process(void);
void bench_postgresql(void); /* where libpq is */
void bench_redis(void);      /* where hiredis is */
void bench_replay(void);

#endif
