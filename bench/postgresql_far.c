/* SPDX-License-Identifier: MIT
 *
 * postgresql_far.c: a server of PostgreSQL behind a relay that adds latency: what 16 threads do beside one, and a list that is warmed.
 */
#include "bench.h"
#include "delay.h"
#include "postgresql.h"
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 16, ROUNDS = 3 };
static const char *place;

static pxt_cache *open_far(const char *name_space, const char *socket)
{
    return bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: postgresql, patience: 60s, connections: 16, "
                      "namespace: %s, conninfo: 'host=%s/%s user=proxtier dbname=postgres'}]",
                      name_space, place, socket);
}

/* ---- threads ---- */

struct worker {
    pthread_t thread;
    pxt_cache *cache;
    size_t from, n;
    bool puts;
};

static void *work(void *arg)
{
    const struct worker *worker = arg;
    for (size_t i = worker->from; i < worker->from + worker->n; i++) {
        struct bench_room room;
        struct pxt_draft draft;
        struct pxt_error error;
        pxt_entry *entry = NULL;
        bench_draft(&draft, &room, i, 1000000);
        pxt_status status = worker->puts ? pxt_cache_put(worker->cache, &draft, NULL, &error)
                                         : pxt_cache_get(worker->cache, room.key, &entry, &error);
        if (status)
            bench_die(worker->puts ? "put" : "get", error.message);
        pxt_entry_release(entry);
    }
    return NULL;
}

/* Operations a second. */
static double rate_of(pxt_cache *cache, size_t threads, size_t n, bool puts)
{
    struct worker worker[THREADS];
    double start = bench_now_us();
    for (size_t i = 0; i < threads; i++) {
        worker[i] = (struct worker){.cache = cache, .from = i * n, .n = n, .puts = puts};
        if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
            bench_die("threads", "cannot be started");
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(worker[i].thread, NULL);
    return (double)(threads * n) * 1e6 / (bench_now_us() - start);
}

static void compare_threads(pxt_cache *cache, const char *figure, bool puts)
{
    const size_t n = bench_amount(200);
    double one[ROUNDS], all[ROUNDS];
    rate_of(cache, THREADS, 5, puts); /* each has its connection */
    for (int i = 0; i < ROUNDS; i++) {
        one[i] = rate_of(cache, 1, n, puts);
        all[i] = rate_of(cache, THREADS, n, puts);
    }
    bench_row(figure, "/s", bench_median(all, ROUNDS), "one thread", bench_median(one, ROUNDS), -4);
}

/* ---- a list ---- */

static void write_list(const char *path, size_t n)
{
    FILE *file = fopen(path, "w");
    for (size_t i = 0; file && i < n; i++)
        fprintf(file, "http://user%zu:secret%zu@10.%zu.%zu.%zu:8080\n", i, i, i >> 16 & 255, i >> 8 & 255, i & 255);
    if (!file || fclose(file))
        bench_die(path, "cannot be written");
}

static double warm(const char *path, size_t n)
{
    struct pxt_warm_counts counts = {.size = sizeof counts};
    struct pxt_error error;
    pxt_cache *cache = open_far("warmed", "d");
    double start = bench_now_us();
    if (pxt_cache_warm(cache, path, NULL, &counts, &error) || counts.loaded != n)
        bench_die("warm", error.message);
    double took = (bench_now_us() - start) / 1e6;
    pxt_cache_close(cache);
    return took;
}

static void run(PGconn *link, const char *sql)
{
    PGresult *result = PQexec(link, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_OUT && status != PGRES_COPY_IN)
        bench_die("the server of PostgreSQL", PQerrorMessage(link));
    PQclear(result);
}

/* The rows that were warmed, taken by the server into an empty table with the same indexes, in one COPY without latency. */
static double copy_bare(void)
{
    char conninfo[200], sql[300];
    snprintf(conninfo, sizeof conninfo, "host=%s/s user=proxtier dbname=postgres", place);
    PGconn *link = PQconnectdb(conninfo);
    snprintf(sql, sizeof sql, "COPY (SELECT * FROM proxtier.cache_entries WHERE namespace='warmed') TO '%s/s/rows'",
             place);
    run(link, "CREATE TABLE copied(LIKE proxtier.cache_entries INCLUDING ALL)");
    run(link, sql);
    snprintf(sql, sizeof sql, "COPY copied FROM '%s/s/rows'", place);
    double start = bench_now_us();
    run(link, sql);
    double took = (bench_now_us() - start) / 1e6;
    run(link, "DROP TABLE copied");
    PQfinish(link);
    return took;
}

void bench_postgresql_far(const char *folder)
{
    const size_t n = bench_amount(100000);
    char path[100], server[100], list[100], figure[80];
    place = folder;
    snprintf(path, sizeof path, "%s/d", folder);
    if (mkdir(path, 0755))
        bench_die(path, "cannot be made");
    snprintf(path, sizeof path, "%s/d/.s.PGSQL.5432", folder);
    snprintf(server, sizeof server, "%s/s/.s.PGSQL.5432", folder);
    struct bench_delay *delay = bench_delay_start(path, server, 1000);
    pxt_cache *cache = open_far("threads", "d");
    bench_fill(cache, 0, THREADS * bench_amount(200), 1000000);
    compare_threads(cache, "get, 1 ms of latency, 16 threads", false);
    compare_threads(cache, "put, 1 ms of latency, 16 threads", true);
    pxt_cache_close(cache);
    bench_delay_set(delay, 5000);
    snprintf(list, sizeof list, "%s/list", folder);
    write_list(list, n);
    double took = warm(list, n);
    snprintf(figure, sizeof figure, "warm of %zu lines, 5 ms of latency", n);
    bench_row(figure, "s", took, "COPY of the rows, no latency", copy_bare(), 3);
    bench_row(figure, "s", took, "what it may take", 3.0 * (double)n / 100000, 1);
    bench_delay_stop(delay);
}
