/* SPDX-License-Identifier: MIT
 *
 * postgresql.c: a get answered by the tier postgresql, beside a prepared select of the same row; and a put, beside a prepared
 * insert that compares versions, into a table with the same columns and indexes. The server is one of this run, on a socket, and
 * syncs each commit. Its buffers have the size that PostgreSQL has by default.
 */
#include "postgresql.h"
#include "far.h"
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-bench-pg-XXXXXX";

static volatile uint64_t sink;

struct bare {
    PGconn *link;
    size_t n;
};

/* ---- the server ---- */

static bool control(const char *what)
{
    char command[400];
    const char *source = getenv("abs_top_srcdir");
    snprintf(command, sizeof command, "sh %s/t/postgresql/server.sh %s %s/s", source ? source : ".", what, folder);
    return system(command) == 0;
}

static pid_t start(void)
{
    const char *source = getenv("abs_top_srcdir");
    char script[300], path[60];
    snprintf(script, sizeof script, "%s/t/postgresql/server.sh", source ? source : ".");
    snprintf(path, sizeof path, "%s/s", folder);
    fflush(stdout);
    pid_t server = fork();
    if (!server) {
        execl("/bin/sh", "sh", script, "run", path, "-c", "shared_buffers=128MB", (char *)NULL);
        _exit(127);
    }
    if (!control("wait"))
        bench_die("the server of PostgreSQL", "does not start");
    return server;
}

static void stop(pid_t server)
{
    char command[100];
    kill(server, SIGINT);
    waitpid(server, NULL, 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        bench_die(folder, "cannot be removed");
}

/* ---- the limit ---- */

static void check(struct bare *bare, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        bench_die("the server of PostgreSQL", PQerrorMessage(bare->link));
    PQclear(result);
}

/* A table with the same columns and indexes; the insert has the values that ours has, and the condition. */
static void connect_bare(struct bare *bare)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "host=%s/s user=proxtier dbname=postgres", folder);
    bare->link = PQconnectdb(conninfo);
    check(bare, PQexec(bare->link, "CREATE TABLE bare(LIKE proxtier.cache_entries INCLUDING ALL)"));
    check(bare,
          PQprepare(bare->link, "get", "SELECT * FROM proxtier.cache_entries WHERE namespace=$1 AND key=$2", 0, NULL));
    check(bare, PQprepare(bare->link, "put",
                          "INSERT INTO bare(namespace,key,version,proxy_url,source,username_encrypted,"
                          "password_encrypted,ring,scheme,fetch_time,last_accessed,expires_at,ttl_seconds,"
                          "supplied_version,learnt_version,health_status) VALUES('default',$1,$2,$3,$4,$5,$5,$6,"
                          "'http',now(),now(),now()+interval '10 days',1000000,$2,$2,'healthy') "
                          "ON CONFLICT(namespace,key) DO UPDATE SET version=excluded.version,"
                          "proxy_url=excluded.proxy_url,source=excluded.source,expires_at=excluded.expires_at "
                          "WHERE bare.version<excluded.version",
                          0, NULL));
}

static void select_bare(void *arg, size_t from, size_t n)
{
    struct bare *bare = arg;
    uint64_t state = from + 1;
    for (size_t i = 0; i < n; i++) {
        char key[17];
        const char *const values[] = {"default", key};
        const int formats[] = {1, 1}, lengths[] = {7, 16};
        bench_key(bench_random(&state) % bare->n, key);
        PGresult *result = PQexecPrepared(bare->link, "get", 2, values, lengths, formats, 1);
        if (PQntuples(result) != 1)
            bench_die(key, "is not there");
        sink += (uint64_t)PQgetlength(result, 0, 2);
        PQclear(result);
    }
}

static void insert_bare(void *arg, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) {
        struct bench_room room;
        struct pxt_draft draft;
        char version[24], ring[24];
        uint64_t state = i;
        bench_draft(&draft, &room, i, 1000000);
        snprintf(version, sizeof version, "%zu", i + 1);
        snprintf(ring, sizeof ring, "%lld", (long long)(bench_random(&state) >> 1));
        const char *const values[] = {room.key, version, room.url, "premium", room.token, ring};
        const int formats[] = {0, 0, 0, 0, 1, 0}, lengths[] = {0, 0, 0, 0, 100, 0};
        check(arg, PQexecPrepared(((struct bare *)arg)->link, "put", 6, values, lengths, formats, 1));
    }
}

/* As a put does it: what was learnt of the proxy is read first. */
static void read_and_insert_bare(void *arg, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) {
        char key[17];
        const char *const values[] = {"default", key};
        bench_key(((struct bare *)arg)->n + i, key);
        check(arg, PQexecPrepared(((struct bare *)arg)->link, "get", 2, values, NULL, NULL, 1));
        insert_bare(arg, from + i, 1);
    }
}

void bench_postgresql(void)
{
    const size_t n = bench_quick() ? 2000 : 20000;
    if (!mkdtemp(folder) || chmod(folder, 0755))
        bench_die(folder, "cannot be made");
    if (!control("check") || !control("make")) {
        printf("postgresql: the server is not installed\n");
        rmdir(folder);
        return;
    }
    pid_t server = start();
    struct bench_ours ours = {
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: postgresql, patience: 60s, conninfo: "
                   "'host=%s/s user=proxtier dbname=postgres'}]",
                   folder),
        n};
    struct bare bare = {NULL, n};
    bench_fill(ours.cache, 0, n, 1000000);
    connect_bare(&bare);
    bench_compare("get answered by postgresql", "prepared select of the row", 1.3, bench_amount(2000), 9,
                  bench_ours_get, &ours, select_bare, &bare);
    bench_compare("put into postgresql", "select, insert: prepared, same indexes", 1.3, bench_amount(300), 9,
                  bench_ours_put, &ours, read_and_insert_bare, &bare);
    bench_compare("put into postgresql", "insert: prepared, same indexes", 1.3, bench_amount(300), 9, bench_ours_put,
                  &ours, insert_bare, &bare);
    bench_why("  A put reads what was learnt of the proxy first, which is a round trip; the row before has it on both "
              "sides.");
    PQfinish(bare.link);
    pxt_cache_close(ours.cache);
    bench_postgresql_far(folder);
    bench_postgresql_select(folder);
    stop(server);
}
