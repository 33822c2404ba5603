/* SPDX-License-Identifier: MIT
 *
 * put.c: a put through memory, JSONL and SQLite, safe against kill -9 when it returns, beside one append to a file and
 * one transaction of one row; 16 threads that put at once, beside one; and a list that is warmed through all three
 * tiers, beside as many appends and rows in batches.
 */
#include "bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One file that is appended to, and a database with the very table and indexes that a tier has made. */
struct bare {
    int log;
    sqlite3 *db;
    sqlite3_stmt *insert;
    int columns;
    const char *kind[40]; /* of each column */
};

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        bench_die(sql, sqlite3_errmsg(db));
}

static int copy_schema(void *db, int columns, char **sql, char **names)
{
    (void)columns, (void)names;
    execute(db, sql[0]);
    return 0;
}

/* How a column is filled: as the tier fills it for a new entry. */
static const char *kind_of(const char *name, const char *type)
{
    return !strcmp(name, "key")             ? "key"
           : !strcmp(name, "proxy_url")     ? "url"
           : !strcmp(name, "source")        ? "source"
           : strstr(name, "_encrypted")     ? "token"
           : !strcmp(name, "health_status") ? "health"
           : !strcmp(name, "fetch_time")    ? "time"
           : !strcmp(name, "last_accessed") ? "time"
           : !strcmp(name, "expires_at")    ? "time"
           : !strcmp(name, "packed")        ? "packed"
           : !strcmp(type, "INTEGER")       ? "count"
                                            : "null";
}

static void prepare_insert(struct bare *bare)
{
    char sql[400];
    sqlite3_stmt *info;
    size_t used = (size_t)snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO cache_entries VALUES(");
    if (sqlite3_prepare_v2(bare->db, "PRAGMA table_info(cache_entries)", -1, &info, NULL))
        bench_die(sql, sqlite3_errmsg(bare->db));
    while (sqlite3_step(info) == SQLITE_ROW) {
        bare->kind[bare->columns++] =
            kind_of((const char *)sqlite3_column_text(info, 1), (const char *)sqlite3_column_text(info, 2));
        used += (size_t)snprintf(sql + used, sizeof sql - used, "?,");
    }
    sqlite3_finalize(info);
    snprintf(sql + used - 1, sizeof sql - used + 1, ")");
    if (sqlite3_prepare_v3(bare->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &bare->insert, NULL))
        bench_die(sql, sqlite3_errmsg(bare->db));
}

/* `like`: the file of a tier that exists already. */
static void bare_open(struct bare *bare, const char *name, const char *like)
{
    char path[300];
    sqlite3 *tier;
    *bare = (struct bare){.log = -1};
    snprintf(path, sizeof path, "%s/%s.jsonl", bench_folder(), name);
    bare->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/%s.db", bench_folder(), name);
    if (bare->log < 0 || sqlite3_open(path, &bare->db) != SQLITE_OK)
        bench_die(path, "cannot be opened");
    execute(bare->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=268435456");
    snprintf(path, sizeof path, "%s/%s", bench_folder(), like);
    if (sqlite3_open(path, &tier) ||
        sqlite3_exec(tier, "SELECT sql FROM sqlite_master WHERE tbl_name='cache_entries' AND sql IS NOT NULL",
                     copy_schema, bare->db, NULL))
        bench_die(path, sqlite3_errmsg(tier));
    sqlite3_close(tier);
    prepare_insert(bare);
}

static void bare_close(struct bare *bare)
{
    sqlite3_finalize(bare->insert);
    sqlite3_close(bare->db);
    close(bare->log);
}

static void bind(struct bare *bare, int column, const struct bench_room *room, uint64_t i)
{
    const char *kind = bare->kind[column - 1];
    if (!strcmp(kind, "key"))
        sqlite3_bind_text(bare->insert, column, room->key, 16, SQLITE_STATIC);
    else if (!strcmp(kind, "url"))
        sqlite3_bind_text(bare->insert, column, room->url, -1, SQLITE_STATIC);
    else if (!strcmp(kind, "packed")) /* two tokens, a time to live and two versions */
        sqlite3_bind_zeroblob(bare->insert, column, 230);
    else if (!strcmp(kind, "token"))
        sqlite3_bind_blob(bare->insert, column, room->token, 100, SQLITE_STATIC);
    else if (!strcmp(kind, "source"))
        sqlite3_bind_text(bare->insert, column, "premium", 7, SQLITE_STATIC);
    else if (!strcmp(kind, "health"))
        sqlite3_bind_text(bare->insert, column, "unknown", 7, SQLITE_STATIC);
    else if (!strcmp(kind, "time"))
        sqlite3_bind_double(bare->insert, column, 1.7e9 + (double)i * 1e-4);
    else if (!strcmp(kind, "count"))
        sqlite3_bind_int64(bare->insert, column, 0);
}

static void bare_put(struct bare *bare, uint64_t i)
{
    struct pxt_draft draft;
    struct bench_room room;
    char line[1200];
    bench_draft(&draft, &room, i, 3600);
    int length = snprintf(
        line, sizeof line,
        "{\"key\": \"%s\", \"proxy_url\": \"%s\", \"source\": \"premium\", \"fetch_time\": "
        "\"2026-01-02T03:04:05.123456+00:00\", \"last_accessed\": \"2026-01-02T03:04:05.123456+00:00\", "
        "\"access_count\": 0, \"ttl_seconds\": 3600, \"expires_at\": \"2026-01-02T04:04:05.123456+00:00\", "
        "\"health_status\": \"unknown\", \"failure_count\": 0, \"evicted_from_l1\": false, \"username_encrypted\": "
        "\"%0200d\", \"password_encrypted\": \"%0200d\"}\n",
        room.key, room.url, 0, 0);
    if (write(bare->log, line, (size_t)length) != length)
        bench_die("append", "short");
    for (int column = 1; column <= bare->columns; column++)
        bind(bare, column, &room, i);
    if (sqlite3_step(bare->insert) != SQLITE_DONE)
        bench_die("insert", sqlite3_errmsg(bare->db));
    sqlite3_reset(bare->insert);
}

static void bare_puts(void *arg, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bare_put(arg, from + i);
}

static pxt_cache *open_three(const char *name)
{
    return bench_open(
        "encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 1000}, {plugin: l2_jsonl, dir: "
        "%s/%s-l2}, {plugin: l3_sqlite, path: %s/%s-l3.db}]",
        bench_folder(), name, bench_folder(), name);
}

static void puts_into(void *arg, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pxt_draft draft;
        struct bench_room room;
        struct pxt_error error;
        bench_draft(&draft, &room, from + i, 3600);
        if (pxt_cache_put(arg, &draft, NULL, &error))
            bench_die("cannot put", error.message);
    }
}

struct thread {
    pthread_t id;
    pxt_cache *cache;
    size_t from, n;
};

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    puts_into(thread->cache, thread->from, thread->n);
    return NULL;
}

static void sixteen_threads(pxt_cache *cache, size_t from, size_t n)
{
    struct thread thread[16];
    for (size_t i = 0; i < 16; i++) {
        thread[i] = (struct thread){.cache = cache, .from = from + i * n / 16, .n = n / 16};
        if (pthread_create(&thread[i].id, NULL, run_thread, &thread[i]))
            bench_die("threads", "cannot be started");
    }
    for (size_t i = 0; i < 16; i++)
        pthread_join(thread[i].id, NULL);
}

/* The database follows in batches; the time of those is in the figure. */
static void bare_batches(void *arg, size_t from, size_t n)
{
    struct bare *bare = arg;
    for (size_t i = 0; i < n; i += 1000) {
        execute(bare->db, "BEGIN");
        bare_puts(arg, from + i, n - i < 1000 ? n - i : 1000);
        execute(bare->db, "COMMIT");
    }
}

static void write_behind(size_t n)
{
    struct bare bare;
    pxt_cache *cache =
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 1000}, {plugin: "
                   "l2_jsonl, dir: %s/behind-l2}, {plugin: l3_sqlite, path: %s/behind-l3.db, "
                   "write_behind: true}]",
                   bench_folder(), bench_folder());
    bare_open(&bare, "bare-behind", "behind-l3.db");
    bench_compare("the same, SQLite written behind", "append + batched insert, same table", 2.0, n, 9, puts_into, cache,
                  bare_batches, &bare);
    bench_why(
        "  As for a put: locks, the entry made and checked; and the key written to the journal of what SQLite has yet "
        "to\n"
        "  get, under a lock among processes, so that a kill loses nothing. A new key is read from SQLite first: "
        "another\n"
        "  10 us, to keep what was learnt. Tried, kept: batches of 4000, from 2.7x.");
    bare_close(&bare);
    pxt_cache_close(cache);
}

static void compare_put(size_t n)
{
    struct bare bare;
    pxt_cache *cache = open_three("put");
    bare_open(&bare, "bare-put", "put-l3.db");
    bench_compare("put through memory, JSONL and SQLite", "append + one transaction, same table", 1.1, n, 9, puts_into,
                  cache, bare_puts, &bare);
    bench_why(
        "  The rest is what a chain owes beyond the two writes: locks among processes for the key (2 system "
        "calls), the\n"
        "  JSONL shard (3) and the entry that leaves memory (2), the check that the log is still the file of "
        "that name,\n"
        "  the entry made, checked, and written as JSON. A put reads the key first, from the tier that has it or from "
        "all\n"
        "  of them, to keep what was learnt: a fifth of a put into SQLite. Lock files and the database are looked at "
        "for\n"
        "  removal (2 system calls), JSONL lines have a checksum. Tried, kept: no errors zeroed, no look into the next "
        "tier\n"
        "  for what it surely has.");
    bare_close(&bare);
    pxt_cache_close(cache);
}

static void compare_threads(size_t n)
{
    enum { ROUNDS = 9 };
    double one[ROUNDS], many[ROUNDS];
    pxt_cache *cache = open_three("threads");
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = bench_now_us();
        puts_into(cache, 1000000 + i * n, n);
        double middle = bench_now_us();
        sixteen_threads(cache, 2000000 + i * n, n);
        one[i] = (double)n * 1000 / (middle - start);
        many[i] = (double)n * 1000 / (bench_now_us() - middle);
    }
    bench_row("puts with 16 threads, thousands a second", "k/s", bench_median(many, ROUNDS), "with one thread",
              bench_median(one, ROUNDS), -5);
    bench_why(
        "  One put takes about 55 us, nearly all of it SQLite's pages, and none of it waits for a disk: there is "
        "nothing to\n"
        "  share but pages. Sixteen keys at random touch sixteen leaves of the key's index, whatever the transaction; "
        "and\n"
        "  on two processors a put of sixteen threads is two switches of threads more. Puts that come at once are one\n"
        "  transaction, about six of them. Tried, kept: a wake-up for each thread instead of one for all, no "
        "waiting\n"
        "  for the lock of who has to leave: from 0.85x. Write-behind is what helps.");
    pxt_cache_close(cache);
}

void bench_put(void)
{
    size_t n = bench_amount(2000) / 16 * 16;
    compare_put(n);
    compare_threads(n);
    write_behind(n);
}

/* ---- warm ------------------------------------------------------------------------------------------------------- */

static void write_list(const char *path, size_t n)
{
    FILE *file = fopen(path, "w");
    for (size_t i = 0; file && i < n; i++)
        fprintf(file, "http://user%zu:secret%zu@10.%zu.%zu.%zu:8080\n", i, i, i >> 16 & 255, i >> 8 & 255, i & 255);
    if (!file || fclose(file))
        bench_die(path, "cannot be written");
}

/* Microseconds a line. The tiers may have more options. */
static double warm_lines(size_t n, const char *jsonl, const char *sqlite)
{
    static unsigned number;
    char path[300], name[40];
    struct pxt_error error;
    struct pxt_warm_counts counts = {.size = sizeof counts};
    snprintf(path, sizeof path, "%s/list-%zu.txt", bench_folder(), n);
    write_list(path, n);
    snprintf(name, sizeof name, "warm-%u", number++);
    pxt_cache *cache = bench_open("encryptor: {plugin: fernet, auto_key_file: %s/k/fernet.key}\ntiers: [{plugin: "
                                  "l1_memory, max_entries: 1000}, {plugin: l2_jsonl, dir: %s/%s-l2%s}, {plugin: "
                                  "l3_sqlite, path: %s/%s-l3.db%s}]",
                                  bench_folder(), bench_folder(), name, jsonl, bench_folder(), name, sqlite);
    double start = bench_now_us();
    if (pxt_cache_warm(cache, path, NULL, &counts, &error) || counts.loaded != n)
        bench_die("warm", error.message);
    double took = bench_now_us() - start;
    pxt_cache_close(cache);
    return took / (double)n;
}

static double bare_lines(size_t n)
{
    static unsigned number;
    struct bare bare;
    char name[40];
    snprintf(name, sizeof name, "bare-warm-%u", number++);
    bare_open(&bare, name, "warm-0-l3.db");
    double start = bench_now_us();
    for (size_t i = 0; i < n; i += 1000) {
        execute(bare.db, "BEGIN");
        bare_puts(&bare, i, 1000);
        execute(bare.db, "COMMIT");
    }
    double took = bench_now_us() - start;
    bare_close(&bare);
    return took / (double)n;
}

/* The greatest memory that a process had which warmed so many lines, in bytes: this program, started anew for that. The files'
 * tier keeps an index of its keys, so it has the usual capacity; pages of the database are not mapped, for they would be counted. */
static double warm_memory_of(size_t n)
{
    char command[100], line[100] = "";
    snprintf(command, sizeof command, "/proc/%ld/exe --warm-memory %zu", (long)getpid(), n);
    FILE *child = popen(command, "r");
    bool read = child && fgets(line, sizeof line, child);
    if (!child || pclose(child) || !read)
        bench_die("warm", "its memory cannot be measured");
    return atof(line);
}

void bench_warm_memory(size_t n)
{
    char line[200];
    double kib = 0;
    warm_lines(n, ", max_entries: 5000, eviction: fifo", ", mmap: 0");
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "VmHWM: %lf", &kib);
    if (!status || fclose(status) || !(kib > 0))
        bench_die("/proc/self/status", "cannot be read");
    printf("%.0f\n", kib * 1024);
}

static void compare_memory(size_t n)
{
    const size_t few = 10000; /* all tiers with a capacity are full */
    double small = warm_memory_of(few), great = warm_memory_of(n);
    bench_row("warm of ten times the lines: memory", "MiB", great / 1048576, "of 10000 lines", small / 1048576, 2.0);
    bench_row("the same, a line more", "bytes", (great - small) / (double)(n - few), "16 bytes for each key", 16, 1.0);
}

void bench_warm(void)
{
    enum { ROUNDS = 5 };
    size_t n = bench_amount(100000);
    double ours[ROUNDS], limit[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = warm_lines(n, "", "");
        limit[i] = bare_lines(n);
    }
    double a_line = bench_median(ours, ROUNDS);
    bench_row("warm, all tiers, encrypted, a line", "us", a_line, "append + batched insert, same table",
              bench_median(limit, ROUNDS), 2.0);
    bench_row("the same with ten times the lines, a line", "us", warm_lines(n * 10, "", ""), "that of a tenth", a_line,
              2.5);
    compare_memory(n * 10);
}
