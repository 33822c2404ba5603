/* SPDX-License-Identifier: MIT
 *
 * postgresql_far.c: a server of PostgreSQL behind a relay that adds latency: what 16 threads do beside one, and a list that is warmed.
 */
#include "delay.h"
#include "far.h"
#include "postgresql.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *place;

static pxt_cache *open_far(const char *name_space, const char *socket)
{
    return bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: postgresql, patience: 60s, connections: 16, "
                      "namespace: %s, conninfo: 'host=%s/%s user=proxtier dbname=postgres'}]",
                      name_space, place, socket);
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
    struct bench_ours ours = {open_far("threads", "d"), bench_amount(3000)};
    bench_fill(ours.cache, 0, ours.n, 1000000);
    bench_threads("get, 1 ms of latency, 16 threads", bench_ours_get, &ours, bench_amount(200));
    bench_threads("put, 1 ms of latency, 16 threads", bench_ours_put, &ours, bench_amount(200));
    pxt_cache_close(ours.cache);
    bench_delay_set(delay, 5000);
    snprintf(list, sizeof list, "%s/list", folder);
    ours.cache = open_far("warmed", "d");
    double took = bench_warm_list(ours.cache, list, n);
    pxt_cache_close(ours.cache);
    snprintf(figure, sizeof figure, "warm of %zu lines, 5 ms of latency", n);
    bench_row(figure, "s", took, "COPY of the rows, no latency", copy_bare(), 3);
    bench_row(figure, "s", took, "what it may take", 3.0 * (double)n / 100000, 1);
    bench_delay_stop(delay);
}
