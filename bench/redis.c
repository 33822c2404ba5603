/* SPDX-License-Identifier: MIT
 *
 * redis.c: gets and puts of the tier redis, beside the same through hiredis alone; batches, beside pipelines; and threads and a
 * list, with a server that is far away. The server is one of this run, on a socket, with an append-only file.
 */
#include "delay.h"
#include "far.h"
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 250, ROUNDS = 5 };

static volatile uint64_t sink;
static pid_t server;

struct bare {
    redisContext *link;
    size_t n;
    char sha[2][41]; /* of the scripts; see there */
    unsigned script;
    char json[2000]; /* an entry as the tier stores it */
    size_t json_length;
};

/* ---- the server ---- */

static void name_socket(char path[300], const char *which)
{
    snprintf(path, 300, "%s/redis/%s", bench_folder(), which);
}

static void stop(void)
{
    if (server > 0) {
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

/* False: it is not installed. */
static bool start(redisContext **link)
{
    char folder[300], path[300];
    snprintf(folder, sizeof folder, "%s/redis", bench_folder());
    name_socket(path, "near");
    if (mkdir(folder, 0700))
        bench_die(folder, "cannot be made");
    fflush(stdout);
    server = fork();
    if (!server) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", folder, "--save", "",
               "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000 && waitpid(server, NULL, WNOHANG) == 0; i++) {
        *link = redisConnectUnix(path);
        if (*link && !(*link)->err)
            return true;
        redisFree(*link);
        usleep(10000);
    }
    server = 0;
    return false;
}

static pxt_cache *open_ours(const char *which, const char *before)
{
    char path[300];
    name_socket(path, which);
    return bench_open(
        "encryptor: {plugin: plain}\ntiers: [%s{plugin: redis, namespace: %s, patience: 60s, socket: %s}]", before,
        which, path);
}

/* ---- the limit ---- */

/* Stores an entry, unless a newer one is there: with the fields of the tier's, and in no set; or in those of the tier's. */
enum { WITHOUT_SETS, WITH_SETS };
#define STORE                                                                                                          \
    "local has = redis.call('HGET', KEYS[1], 'version')\n"                                                             \
    "if has and has > ARGV[1] then return 1 end\n"                                                                     \
    "redis.call('HSET', KEYS[1], 'version', ARGV[1], 'removed', '0', 'json', ARGV[2], 'ring', ARGV[3],\n"              \
    "  'count', '0', 'last', ARGV[4], 'sets', ARGV[5])\n"
static const char *const conditional[] = {
    STORE "return 0\n",
    STORE "redis.call('ZADD', 'bare:versions', 0, ARGV[1]..KEYS[1])\n"
          "redis.call('ZADD', 'bare:ring', 0, ARGV[3]..KEYS[1])\n"
          "for _, set in ipairs({'expires', 'count', 'last', 'latency'}) do\n"
          "  redis.call('ZADD', 'bare:'..set, ARGV[4], KEYS[1])\n"
          "end\n"
          "for set in string.gmatch(ARGV[5], '[^\\n]+') do redis.call('ZADD', 'bare:'..set, 0, ARGV[3]..KEYS[1]) end\n"
          "return 0\n"};

static redisReply *next_reply(const struct bare *bare)
{
    void *reply = NULL;
    if (redisGetReply(bare->link, &reply) || ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
        bench_die("the server of Redis", reply ? ((redisReply *)reply)->str : bare->link->errstr);
    return reply;
}

static void prepare_bare(struct bare *bare)
{
    char key[17];
    bench_key(0, key);
    redisReply *reply;
    for (unsigned i = 0; i < 2; i++) {
        redisAppendCommand(bare->link, "SCRIPT LOAD %s", conditional[i]);
        reply = next_reply(bare);
        snprintf(bare->sha[i], sizeof bare->sha[i], "%s", reply->str);
        freeReplyObject(reply);
    }
    redisAppendCommand(bare->link, "HGET proxtier:{near}:e:%s json", key);
    reply = next_reply(bare);
    if (!reply->str || reply->len >= sizeof bare->json)
        bench_die(key, "is not there, or too long");
    memcpy(bare->json, reply->str, reply->len);
    bare->json_length = reply->len;
    freeReplyObject(reply);
}

static void ask_text(const struct bare *bare, uint64_t i)
{
    char key[17];
    bench_key(i, key);
    redisAppendCommand(bare->link, "GET text:%s", key);
}

static void ask_fields(const struct bare *bare, uint64_t i)
{
    char key[17];
    bench_key(i, key);
    redisAppendCommand(bare->link, "HMGET proxtier:{near}:e:%s version json count last evicted", key);
}

static void write_one(const struct bare *bare, uint64_t i)
{
    static const char sets[] = "health:healthy\nscheme:http\nhealth:healthy&scheme:http\nsource:premium\n"
                               "health:healthy&source:premium";
    char key[17], version[24];
    bench_key(i, key);
    snprintf(version, sizeof version, "%019zu", (size_t)i);
    redisAppendCommand(bare->link, "EVALSHA %s 1 bare:%s %s %b %s %s %s", bare->sha[bare->script], key, version,
                       bare->json, bare->json_length, key, "1767225600000000", sets);
}

static void take_reply(const struct bare *bare)
{
    redisReply *reply = next_reply(bare);
    sink += reply->type == REDIS_REPLY_ARRAY ? reply->element[1]->len : reply->len;
    freeReplyObject(reply);
}

/* The text of each entry alone, for GET. */
static void fill_texts(const struct bare *bare)
{
    for (size_t i = 0; i < bare->n; i++) {
        char key[17];
        bench_key(i, key);
        redisAppendCommand(bare->link, "SET text:%s %b", key, bare->json, bare->json_length);
        if (i % BATCH == BATCH - 1)
            for (int j = 0; j < BATCH; j++)
                take_reply(bare);
    }
}

static void get_text(void *arg, size_t from, size_t n)
{
    const struct bare *bare = arg;
    uint64_t state = from + 1;
    for (size_t i = 0; i < n; i++) {
        ask_text(bare, bench_random(&state) % bare->n);
        take_reply(bare);
    }
}

static void get_fields(void *arg, size_t from, size_t n)
{
    const struct bare *bare = arg;
    uint64_t state = from + 1;
    for (size_t i = 0; i < n; i++) {
        ask_fields(bare, bench_random(&state) % bare->n);
        take_reply(bare);
    }
}

static void put_bare(void *arg, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        write_one(arg, from + i);
        take_reply(arg);
    }
}

static void get_pipeline(void *arg, size_t from, size_t n)
{
    const struct bare *bare = arg;
    for (size_t i = 0; i < n; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++)
            ask_fields(bare, (from + i + j) % bare->n);
        for (size_t j = 0; j < BATCH; j++)
            take_reply(bare);
    }
}

static void put_pipeline(void *arg, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++)
            write_one(arg, from + i + j);
        for (size_t j = 0; j < BATCH; j++)
            take_reply(arg);
    }
}

/* Microseconds a command, by redis-benchmark with one connection and pipelines; 0: it is not installed. */
static double by_program(size_t n, const char *command)
{
    char line[4000], path[300];
    double rate = 0;
    name_socket(path, "near");
    snprintf(line, sizeof line, "redis-benchmark -s %s -c 1 -P %d -n %zu -r 1000000 --csv %s 2>/dev/null", path, BATCH,
             n, command);
    FILE *output = popen(line, "r");
    while (output && fgets(line, sizeof line, output)) {
        const char *comma = strstr(line, "\",\"");
        rate = comma ? atof(comma + 3) : rate;
    }
    if (output)
        pclose(output);
    return rate > 0 ? 1e6 / rate : 0;
}

/* ---- ours ---- */

/* Entries that are there: all keep their sets. */
static void put_again(void *arg, size_t from, size_t n)
{
    const struct bench_ours kept = {((const struct bench_ours *)arg)->cache, 0};
    bench_ours_put((void *)&kept, from % (((const struct bench_ours *)arg)->n - n), n);
}

static void get_batches(void *arg, size_t from, size_t n)
{
    const struct bench_ours *ours = arg;
    static char text[BATCH][17];
    const char *keys[BATCH];
    pxt_entry *entries[BATCH];
    pxt_status results[BATCH];
    for (size_t at = 0; at < n; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            bench_key((from + at + i) % ours->n, text[i]);
            keys[i] = text[i];
        }
        if (pxt_cache_get_many(ours->cache, keys, BATCH, entries, results, NULL, NULL))
            bench_die("get_many", "has failed");
        for (size_t i = 0; i < BATCH; i++)
            pxt_entry_release(entries[i]);
    }
}

static void put_batches(void *arg, size_t from, size_t n)
{
    const struct bench_ours *ours = arg;
    for (size_t at = 0; at < n; at += BATCH)
        bench_fill(ours->cache, 10 * ours->n + from + at, BATCH, 1000000);
}

/* ---- near ---- */

static const char made_of_text[] =
    "  The text that the server gives becomes an entry: it is parsed, and each field is checked, as a list's is. "
    "Tried,\n"
    "  kept: a reply is waited for in the read itself, not with poll() before it: from 1.35x.";
static const char keeps_sets[] =
    "  A put reads what was learnt of the proxy first: a round trip more, or for a batch of 4000 one. The server "
    "keeps\n"
    "  an entry in eleven sorted sets, by version, end, use and criterion, where the limit has none: most of its "
    "time.\n"
    "  Tried, kept: an entry that is there is touched only in the sets in which it moves; all entries of a batch are\n"
    "  added to a set by one command (a third less); nothing is published that nobody hears; parts of a batch are on\n"
    "  their way while the next one is made.";

static void compare_single(struct bench_ours *ours, struct bare *bare)
{
    struct bench_ours next = {ours->cache, 2 * ours->n}; /* new entries */
    bench_compare("get answered by redis", "HMGET of the fields, hiredis", 1.3, bench_amount(2000), 9, bench_ours_get,
                  ours, get_fields, bare);
    bench_why(made_of_text);
    bench_compare("the same", "GET of the text alone, hiredis", 1.3, bench_amount(2000), 9, bench_ours_get, ours,
                  get_text, bare);
    bench_why(made_of_text);
    bench_compare("put into redis", "conditional script, hiredis", 1.3, bench_amount(500), 9, bench_ours_put, ours,
                  put_bare, bare);
    bench_why(keeps_sets);
    bench_compare("put of an entry that is there", "conditional script, hiredis", 1.3, bench_amount(500), 9, put_again,
                  ours, put_bare, bare);
    bench_why(keeps_sets);
    bare->script = WITH_SETS;
    bench_compare("put into redis", "script with the same sets, hiredis", 1.3, bench_amount(500), 9, bench_ours_put,
                  &next, put_bare, bare);
    bench_why(keeps_sets);
    bare->script = WITHOUT_SETS;
}

static double timed(bench_fn *work, void *arg, size_t from, size_t n)
{
    double begin = bench_now_us();
    work(arg, from, n);
    return (bench_now_us() - begin) / (double)n;
}

static void compare_batches(struct bench_ours *ours, struct bare *bare)
{
    const size_t n = bench_amount(10000) / BATCH * BATCH;
    struct bench_ours next = {ours->cache, 2 * ours->n}; /* new entries */
    char command[3000], ask[100], key[17];
    bench_key(0, key);
    snprintf(ask, sizeof ask, "HMGET 'proxtier:{near}:e:%s' version json count last evicted", key);
    double us[2][ROUNDS], program[2][ROUNDS];
    bench_compare("get_many from redis, an entry", "HMGET, hiredis in pipelines", 1.3, n, ROUNDS, get_batches, ours,
                  get_pipeline, bare);
    bench_why(made_of_text);
    bench_compare("put_many into redis, an entry", "script, hiredis in pipelines", 1.3, n, ROUNDS, put_batches, ours,
                  put_pipeline, bare);
    bench_why(keeps_sets);
    bare->script = WITH_SETS;
    bench_compare("the same", "with the same sets, in pipelines", 1.3, n, ROUNDS, put_batches, &next, put_pipeline,
                  bare);
    bench_why(keeps_sets);
    bare->script = WITHOUT_SETS;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t from = (2 * ROUNDS + i) * n;
        us[0][i] = timed(get_batches, ours, from, n);
        program[0][i] = by_program(n, ask);
        snprintf(command, sizeof command, "EVALSHA %s 1 bare:__rand_int__ 1 '%s' 0123456789abcdef 1 'health:healthy'",
                 bare->sha[WITHOUT_SETS], bare->json);
        us[1][i] = timed(put_batches, ours, from, n);
        program[1][i] = by_program(n, command);
    }
    if (!(program[0][0] > 0))
        return;
    bench_row("get_many from redis, an entry", "us", bench_median(us[0], ROUNDS), "HMGET, redis-benchmark -P 250",
              bench_median(program[0], ROUNDS), 1.3);
    bench_why(made_of_text);
    bench_row("put_many into redis, an entry", "us", bench_median(us[1], ROUNDS), "script, redis-benchmark -P 250",
              bench_median(program[1], ROUNDS), 1.3);
    bench_why(keeps_sets);
}

/* ---- far away ---- */

static void compare_far(void)
{
    struct bench_ours ours = {open_ours("far", ""), 2000};
    bench_fill(ours.cache, 0, ours.n, 1000000);
    bench_threads("gets with 16 threads, 1 ms away", bench_ours_get, &ours, bench_amount(200));
    bench_threads("puts with 16 threads, 1 ms away", bench_ours_put, &ours, bench_amount(100));
    pxt_cache_close(ours.cache);
}

static void warm_far(void)
{
    const size_t n = bench_amount(100000);
    char path[300];
    snprintf(path, sizeof path, "%s/redis/list", bench_folder());
    pxt_cache *cache = open_ours("farther", "{plugin: l1_memory, max_entries: 1000}, ");
    double took = bench_warm_list(cache, path, n);
    pxt_cache_close(cache);
    bench_row(bench_quick() ? "warm of 10 000 lines, 5 ms away" : "warm of 100 000 lines, 5 ms away", "s", took,
              "the time allowed", (double)n / 100000 * 3, 1);
    bench_why("  A batch of 4000 is read in one round trip and written in another: 0.25 s of 100 000 entries. The rest "
              "is what\n"
              "  the server needs for eleven sorted sets. Tried, kept: a batch is written in the order of the ring, in "
              "which most\n"
              "  sets are: each member takes 2.6 us in place of 4.2.");
}

void bench_redis(void)
{
    const size_t n = bench_quick() ? 2000 : 20000;
    char near[300], far[300], farther[300];
    struct bare bare = {.n = n};
    if (!start(&bare.link)) {
        printf("redis: the server is not installed\n");
        return;
    }
    atexit(stop);
    name_socket(near, "near");
    name_socket(far, "far");
    name_socket(farther, "farther");
    struct bench_delay *one = bench_delay_start(far, near, 1000), *five = bench_delay_start(farther, near, 5000);
    struct bench_ours ours = {open_ours("near", ""), n};
    bench_fill(ours.cache, 0, n, 1000000);
    prepare_bare(&bare);
    fill_texts(&bare);
    compare_single(&ours, &bare);
    compare_batches(&ours, &bare);
    compare_far();
    warm_far();
    redisFree(bare.link);
    pxt_cache_close(ours.cache);
    bench_delay_stop(one);
    bench_delay_stop(five);
    stop();
}
