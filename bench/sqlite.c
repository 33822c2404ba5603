/* SPDX-License-Identifier: MIT
 *
 * sqlite.c: a get answered by l2_sqlite and l3_sqlite, beside a prepared point select of the 13 columns of the
 * reference's l2_cache, memory-mapped; and expiry of half of the rows beside one indexed DELETE.
 */
#include "bench.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rows {
    sqlite3 *db;
    sqlite3_stmt *select;
    size_t n;
};
struct ours {
    pxt_cache *cache;
    size_t n;
};
static volatile uint64_t sink;

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        bench_die(sql, sqlite3_errmsg(db));
}

static void insert_rows(sqlite3 *db, size_t n)
{
    sqlite3_stmt *insert;
    char key[17], url[40], token[101];
    memset(token, 'a', 100);
    token[100] = '\0';
    if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO l2_cache VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &insert, NULL))
        bench_die("insert", sqlite3_errmsg(db));
    execute(db, "BEGIN");
    for (size_t i = 0; i < n; i++) {
        bench_key(i, key);
        snprintf(url, sizeof url, "http://10.%u.%u.%u:8080", (unsigned)(i >> 16 & 255), (unsigned)(i >> 8 & 255),
                 (unsigned)(i & 255));
        sqlite3_bind_text(insert, 1, key, 16, SQLITE_TRANSIENT);
        sqlite3_bind_text(insert, 2, url, -1, SQLITE_TRANSIENT);
        sqlite3_bind_blob(insert, 3, token, 100, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 4, token, 100, SQLITE_STATIC);
        sqlite3_bind_text(insert, 5, "premium", 7, SQLITE_STATIC);
        for (int column = 6; column <= 13; column++)
            sqlite3_bind_double(insert, column, 1.7e9 + (double)(i % 2));
        sqlite3_bind_text(insert, 11, "healthy", 7, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            bench_die("insert", sqlite3_errmsg(db));
        sqlite3_reset(insert);
        if (i % 1000 == 999)
            execute(db, "COMMIT; BEGIN");
    }
    execute(db, "COMMIT");
    sqlite3_finalize(insert);
}

static sqlite3 *open_rows(const char *name, size_t n)
{
    char path[300];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/%s.db", bench_folder(), name);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        bench_die(path, sqlite3_errmsg(db));
    execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=1073741824;"
                "CREATE TABLE l2_cache(key TEXT PRIMARY KEY, proxy_url TEXT NOT NULL, username_encrypted BLOB, "
                "password_encrypted BLOB, source TEXT NOT NULL, fetch_time REAL NOT NULL, last_accessed REAL NOT NULL, "
                "access_count INTEGER, ttl_seconds INTEGER NOT NULL, expires_at REAL NOT NULL, health_status TEXT, "
                "failure_count INTEGER, evicted_from_l1 INTEGER);"
                "CREATE INDEX e ON l2_cache(expires_at); CREATE INDEX s ON l2_cache(source)");
    insert_rows(db, n);
    return db;
}

static void select_rows(void *arg, size_t from, size_t n)
{
    const struct rows *rows = arg;
    uint64_t state = from + 1, sum = 0;
    for (size_t i = 0; i < n; i++) {
        char key[17];
        bench_key(bench_random(&state) % rows->n, key);
        sqlite3_bind_text(rows->select, 1, key, 16, SQLITE_STATIC);
        if (sqlite3_step(rows->select) != SQLITE_ROW)
            bench_die(key, "is not there");
        for (int column = 0; column < 13; column++) {
            if (column < 5 || column == 10)
                sum += *(const unsigned char *)sqlite3_column_blob(rows->select, column) +
                       (uint64_t)sqlite3_column_bytes(rows->select, column);
            else
                sum += (uint64_t)sqlite3_column_double(rows->select, column);
        }
        sqlite3_reset(rows->select);
    }
    sink += sum;
}

static void get(void *arg, size_t from, size_t n)
{
    const struct ours *ours = arg;
    uint64_t state = from + 1, sum = 0;
    for (size_t i = 0; i < n; i++) {
        char key[17];
        pxt_entry *entry;
        bench_key(bench_random(&state) % ours->n, key);
        if (pxt_cache_get(ours->cache, key, &entry, NULL) != PXT_OK)
            bench_die(key, "is not there");
        sum += (uint64_t)pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT);
        pxt_entry_release(entry);
    }
    sink += sum;
}
static const char why[] = "  An entry is made of 13 columns and the packed fields, all checked. One of l2_sqlite "
                          "beside ProxyWhirl lies in two\n"
                          "  tables. And every hit is noted, by key, to be written down: with 100 000 keys at random "
                          "nearly every one is a new\n"
                          "  note. Tried, kept: no lock where no tier is faster, statements and connections kept, "
                          "readers that do not check all\n"
                          "  cells of a page, fields that no statement asks for in one column.";

static void point_reads(size_t n)
{
    char name[40], figure[80];
    snprintf(name, sizeof name, "limit-%zu", n);
    struct rows rows = {open_rows(name, n), NULL, n};
    if (sqlite3_prepare_v3(rows.db, "SELECT * FROM l2_cache WHERE key = ?", -1, SQLITE_PREPARE_PERSISTENT, &rows.select,
                           NULL))
        bench_die("select", sqlite3_errmsg(rows.db));
    for (int l3 = 0; l3 < 2; l3++) {
        pxt_cache *cache =
            l3 ? bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l3_sqlite, path: %s/l3-%zu.db}]",
                            bench_folder(), n)
               : bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l2_sqlite, dir: %s/l2-%zu}]", bench_folder(),
                            n);
        struct ours ours = {cache, n};
        bench_fill(cache, 0, n, 1000000);
        snprintf(figure, sizeof figure, "get answered by %s, %zu rows", l3 ? "l3_sqlite" : "l2_sqlite", n);
        bench_compare(figure, "13-column point select, mmap", 1.2, bench_amount(5000), 15, get, &ours, select_rows,
                      &rows);
        bench_why(why);
        pxt_cache_close(cache);
    }
    sqlite3_finalize(rows.select);
    sqlite3_close(rows.db);
}

void bench_sqlite(void)
{
    point_reads(10000);
    point_reads(bench_quick() ? 20000 : 100000);
    if (!bench_quick())
        point_reads(1000000);
}

/* ---- expiry ----------------------------------------------------------------------------------------------------- */

struct reader {
    pxt_cache *cache;
    size_t n, count;
    _Atomic bool stop;
    double *latency;
};

static void *read_on(void *arg)
{
    struct reader *reader = arg;
    uint64_t state = 3;
    while (!reader->stop && reader->count < 200000) {
        char key[17];
        pxt_entry *entry = NULL;
        bench_key(bench_random(&state) % reader->n, key);
        double start = bench_now_us();
        pxt_cache_get(reader->cache, key, &entry, NULL);
        reader->latency[reader->count++] = bench_now_us() - start;
        pxt_entry_release(entry);
    }
    return NULL;
}

static double p99(double *values, size_t n)
{
    if (!n)
        return 0;
    bench_median(values, n); /* sorts */
    return values[n * 99 / 100];
}

static double sweep(size_t n, bool with_reader, double *reader_p99)
{
    static unsigned number;
    pxt_cache *cache = bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l3_sqlite, path: %s/expiry-%u.db}]",
                                  bench_folder(), number++);
    struct reader reader = {.cache = cache, .n = n / 2, .latency = malloc(200000 * sizeof(double))};
    pthread_t thread;
    uint64_t expired = 0;
    if (!reader.latency)
        bench_die("expiry", "out of memory");
    bench_fill(cache, 0, n / 2, 1000000); /* these stay, and are read */
    bench_fill(cache, n / 2, n - n / 2, 0);
    if (with_reader && pthread_create(&thread, NULL, read_on, &reader))
        bench_die("threads", "cannot be started");
    double start = bench_now_us();
    if (pxt_cache_tick(cache, &expired, NULL) || expired < n - n / 2)
        bench_die("expiry", "did not remove all");
    double took = bench_now_us() - start;
    reader.stop = true;
    if (with_reader) {
        pthread_join(thread, NULL);
        *reader_p99 = p99(reader.latency, reader.count);
    }
    free(reader.latency);
    pxt_cache_close(cache);
    return took;
}

static double quiet_p99(size_t n)
{
    pxt_cache *cache =
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l3_sqlite, path: %s/quiet.db}]", bench_folder());
    struct reader reader = {.cache = cache, .n = n, .latency = malloc(200000 * sizeof(double))};
    pthread_t thread;
    if (!reader.latency)
        bench_die("expiry", "out of memory");
    bench_fill(cache, 0, n, 1000000);
    if (pthread_create(&thread, NULL, read_on, &reader))
        bench_die("threads", "cannot be started");
    for (double start = bench_now_us(); bench_now_us() - start < 300000;)
        sink++; /* as busy as the sweep */
    reader.stop = true;
    pthread_join(thread, NULL);
    double result = p99(reader.latency, reader.count);
    free(reader.latency);
    pxt_cache_close(cache);
    return result;
}

void bench_expiry(void)
{
    enum { ROUNDS = 5 };
    size_t n = bench_amount(100000), half = n - n / 2;
    double ours[ROUNDS], limit[ROUNDS], busy[ROUNDS], quiet[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        char name[40];
        ours[i] = sweep(n, false, NULL) / (double)half;
        snprintf(name, sizeof name, "delete-%d", i);
        sqlite3 *db = open_rows(name, n);
        double start = bench_now_us();
        execute(db, "DELETE FROM l2_cache WHERE expires_at < 1700000000.5");
        limit[i] = (bench_now_us() - start) / (double)half;
        sqlite3_close(db);
        sweep(n, true, &busy[i]);
        quiet[i] = quiet_p99(n / 2);
    }
    bench_row("expiry of half of the rows, a row", "us", bench_median(ours, ROUNDS), "one indexed DELETE",
              bench_median(limit, ROUNDS), 1.2);
    bench_why("  In steps of 4000 rows, so that writers never wait long, and the key of each is told to the core. "
              "Tried: steps of\n"
              "  1000, which write each page of the index many times (1.8x).");
    bench_row("p99 of a get during that", "us", bench_median(busy, ROUNDS), "p99 without, another thread busy",
              bench_median(quiet, ROUNDS), 2.0);
    bench_why("  On two processors the sweep, the reader and the kernel's writing back share two.");
}
