/* SPDX-License-Identifier: MIT
 *
 * bench.c: all benchmarks, one table. `make bench` runs it; QUICK=1 for a short run. Arguments name subjects: memory,
 * jsonl, sqlite, select, put, warm, seal, expiry, process, replay, postgresql, redis.
 */
#include "bench.h"
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS_MAX = 64 };
struct row {
    char figure[80], unit[12], limit_name[60];
    double ours, limit, goal;
    const char *why;
};
static struct row rows[ROWS_MAX];
static size_t row_count;
static char folder[200];

double bench_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

bool bench_quick(void)
{
    return getenv("QUICK") != NULL;
}

size_t bench_amount(size_t usual)
{
    return bench_quick() ? (usual + 9) / 10 : usual;
}

uint32_t *bench_zipf(size_t n, size_t count)
{
    uint64_t state = 7;
    double *sums = malloc(n * sizeof *sums), sum = 0;
    uint32_t *out = malloc(count * sizeof *out);
    if (!sums || !out)
        bench_die("numbers", "out of memory");
    for (size_t i = 0; i < n; i++)
        sums[i] = sum += 1.0 / (double)(i + 1);
    for (size_t i = 0; i < count; i++) {
        double u = (double)(bench_random(&state) >> 11) * 0x1p-53 * sum;
        size_t low = 0, high = n - 1;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (sums[middle] < u)
                low = middle + 1;
            else
                high = middle;
        }
        out[i] = (uint32_t)low;
    }
    free(sums);
    return out;
}

void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    bench_remove_folder();
    exit(1);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static void print_head(void)
{
    printf("%-50s %10s  %-34s %10s %7s %7s\n", "figure", "ours", "limit", "", "ratio", "goal");
}

static bool good(const struct row *row)
{
    double ratio = row->ours / row->limit;
    return row->goal < 0 ? ratio >= -row->goal : ratio <= row->goal;
}

void bench_row(const char *figure, const char *unit, double ours, const char *limit_name, double limit, double goal)
{
    struct row *row = &rows[row_count < ROWS_MAX ? row_count++ : ROWS_MAX - 1];
    snprintf(row->figure, sizeof row->figure, "%s", figure);
    snprintf(row->unit, sizeof row->unit, "%s", unit);
    snprintf(row->limit_name, sizeof row->limit_name, "%s", limit_name);
    row->ours = ours;
    row->limit = limit;
    row->goal = goal;
    if (row_count == 1)
        print_head();
    printf("%-50s %7.2f %-3s %-34s %7.2f %-3s %6.2fx %s%.2fx %s\n", figure, ours, unit, limit_name, limit, unit,
           ours / limit, goal < 0 ? ">=" : "<=", fabs(goal), good(row) ? "" : "missed");
    fflush(stdout);
}

void bench_why(const char *text)
{
    rows[row_count - 1].why = text;
}

/* Of the rows that missed their goal, one text for those that share it. */
static void print_whys(void)
{
    bool head = false;
    for (size_t i = 0; i < row_count; i++) {
        bool said = !rows[i].why || good(&rows[i]);
        for (size_t j = 0; j < i && !said; j++)
            said = rows[j].why == rows[i].why && !good(&rows[j]);
        if (said)
            continue;
        printf("%s\n%s: %.2fx.\n%s\n", head ? "" : "\nWhy, and what was tried:", rows[i].figure,
               rows[i].ours / rows[i].limit, rows[i].why);
        head = true;
    }
}

void bench_compare(const char *figure, const char *limit_name, double goal, size_t n, unsigned rounds, bench_fn *ours,
                   void *ours_arg, bench_fn *limit, void *limit_arg)
{
    double *a = malloc(rounds * sizeof *a), *b = malloc(rounds * sizeof *b);
    if (!a || !b || !rounds)
        bench_die(figure, "out of memory");
    ours(ours_arg, 0, n);
    limit(limit_arg, 0, n);
    for (unsigned i = 0; i < rounds; i++) {
        double start = bench_now_us();
        ours(ours_arg, i * n, n);
        double middle = bench_now_us();
        limit(limit_arg, i * n, n);
        a[i] = (middle - start) / (double)n;
        b[i] = (bench_now_us() - middle) / (double)n;
    }
    double our_time = bench_median(a, rounds), limit_time = bench_median(b, rounds);
    bool nanoseconds = limit_time < 1;
    bench_row(figure, nanoseconds ? "ns" : "us", our_time * (nanoseconds ? 1000 : 1), limit_name,
              limit_time * (nanoseconds ? 1000 : 1), goal);
    free(a);
    free(b);
}

bool bench_write_json(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fprintf(file, "{\"schema\": 1, \"version\": \"%s\", \"quick\": %s, \"rows\": [", pxt_version(),
            bench_quick() ? "true" : "false");
    for (size_t i = 0; i < row_count; i++)
        fprintf(file,
                "%s\n  {\"figure\": \"%s\", \"unit\": \"%s\", \"ours\": %.4f, \"limit_name\": \"%s\", \"limit\": %.4f, "
                "\"ratio\": %.4f, \"goal\": %.2f, \"met\": %s}",
                i ? "," : "", rows[i].figure, rows[i].unit, rows[i].ours, rows[i].limit_name, rows[i].limit,
                rows[i].ours / rows[i].limit, rows[i].goal, good(&rows[i]) ? "true" : "false");
    fputs("\n]}\n", file);
    return fclose(file) == 0;
}

/* ---- places and entries ----------------------------------------------------------------------------------------- */

const char *bench_folder(void)
{
    const char *base = getenv("TMPDIR");
    if (*folder)
        return folder;
    snprintf(folder, sizeof folder, "%s/proxtier-bench-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        bench_die(folder, "cannot make a folder");
    return folder;
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *place)
{
    (void)file, (void)kind, (void)place;
    return remove(path);
}

void bench_remove_folder(void)
{
    if (*folder)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

pxt_cache *bench_open(const char *format, ...)
{
    char yaml[2000];
    struct pxt_error error;
    pxt_cache *cache = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(yaml, sizeof yaml, format, args);
    va_end(args);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error))
        bench_die("cannot open a cache", error.message);
    return cache;
}

void bench_key(uint64_t i, char key[17])
{
    uint64_t state = i * 0x2545f4914f6cdd1du;
    snprintf(key, 17, "%016llx", (unsigned long long)bench_random(&state));
}

void bench_draft(struct pxt_draft *draft, struct bench_room *room, uint64_t i, int64_t ttl)
{
    pxt_draft_init(draft);
    bench_key(i, room->key);
    int length = snprintf(room->url, sizeof room->url, "http://10.%u.%u.%u:8080", (unsigned)(i >> 16 & 255),
                          (unsigned)(i >> 8 & 255), (unsigned)(i & 255));
    memset(room->token, 'a', 100);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, room->key, 16);
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, room->url, (size_t)length);
    pxt_draft_set_text(draft, PXT_FIELD_SOURCE, "premium", 7);
    pxt_draft_set_token(draft, PXT_FIELD_USERNAME, room->token, 100);
    pxt_draft_set_token(draft, PXT_FIELD_PASSWORD, room->token, 100);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, ttl);
    pxt_draft_set_number(draft, PXT_FIELD_HEALTH_STATUS, PXT_HEALTH_HEALTHY);
}

void bench_fill(pxt_cache *cache, size_t from, size_t n, int64_t ttl)
{
    enum { BATCH = 1000 };
    struct pxt_draft *drafts = malloc(BATCH * sizeof *drafts);
    struct bench_room *rooms = malloc(BATCH * sizeof *rooms);
    struct pxt_error error;
    if (!drafts || !rooms)
        bench_die("entries", "out of memory");
    for (size_t done = 0; done < n;) {
        size_t some = n - done < BATCH ? n - done : BATCH;
        for (size_t i = 0; i < some; i++)
            bench_draft(&drafts[i], &rooms[i], from + done + i, ttl);
        if (pxt_cache_put_many(cache, drafts, some, NULL, NULL, &error))
            bench_die("cannot put", error.message);
        done += some;
    }
    free(drafts);
    free(rooms);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } subjects[] = {
        {"memory", bench_memory},
        {"jsonl", bench_jsonl},
        {"sqlite", bench_sqlite},
        {"select", bench_select},
        {"put", bench_put},
        {"warm", bench_warm},
        {"many", bench_many},
        {"seal", bench_seal},
        {"expiry", bench_expiry},
        {"process", bench_process},
        {"replay", bench_replay},
#ifdef BENCH_POSTGRESQL
        {"postgresql", bench_postgresql},
#endif
#ifdef BENCH_REDIS
        {"redis", bench_redis},
#endif
    };
    if (argc == 3 && !strcmp(argv[1], "--warm-memory")) {
        bench_warm_memory((size_t)strtoull(argv[2], NULL, 10));
        bench_remove_folder();
        return 0;
    }
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        bool wanted = argc == 1;
        for (int j = 1; j < argc; j++)
            wanted |= !strcmp(argv[j], subjects[i].name);
        if (wanted)
            subjects[i].run();
    }
    print_whys();
    bench_remove_folder();
    if (!bench_write_json("bench.json")) {
        perror("bench.json");
        return 1;
    }
    return 0;
}
