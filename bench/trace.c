/* SPDX-License-Identifier: MIT
 *
 * trace.c: a trace of requests (get, put on a miss) through memory alone, LRU, beside the same policy in a bare table:
 * open addressing, an array of links, no keys beyond 8 bytes. BENCH_TRACE names a file of ids, one a line; without it a
 * trace by Zipf's law is made.
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 1000, ID_MAX = 24 };
struct trace {
    size_t n;
    char (*id)[ID_MAX];
};
struct node {
    uint64_t hash;
    uint32_t previous, next; /* in the LRU list; node 0 is its head */
};
struct bare {
    struct node node[CAPACITY + 1];
    uint32_t slot[4096]; /* number of a node, 0: none */
    uint32_t used;
    uint64_t misses;
};

static struct trace load(void)
{
    struct trace trace = {0, NULL};
    const char *path = getenv("BENCH_TRACE");
    size_t room = bench_amount(200000);
    trace.id = malloc(room * sizeof *trace.id);
    if (!trace.id)
        bench_die("trace", "out of memory");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (path && !file)
        bench_die(path, "cannot be read");
    if (!file) {
        uint32_t *zipf = bench_zipf(50000, room);
        for (; trace.n < room; trace.n++)
            snprintf(trace.id[trace.n], ID_MAX, "id%u", zipf[trace.n]);
        free(zipf);
        return trace;
    }
    while (trace.n < room && fgets(trace.id[trace.n], ID_MAX, file)) {
        trace.id[trace.n][strcspn(trace.id[trace.n], "\n")] = '\0';
        trace.n++;
    }
    fclose(file);
    return trace;
}

static uint64_t hash_of(const char *id)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static void unlink_node(struct bare *bare, uint32_t i)
{
    bare->node[bare->node[i].previous].next = bare->node[i].next;
    bare->node[bare->node[i].next].previous = bare->node[i].previous;
}

static void link_first(struct bare *bare, uint32_t i)
{
    bare->node[i].next = bare->node[0].next;
    bare->node[i].previous = 0;
    bare->node[bare->node[0].next].previous = i;
    bare->node[0].next = i;
}

static uint32_t *find(struct bare *bare, uint64_t hash)
{
    uint64_t i = hash & 4095;
    while (bare->slot[i] && bare->node[bare->slot[i]].hash != hash)
        i = (i + 1) & 4095;
    return &bare->slot[i];
}

static void forget(struct bare *bare, uint32_t node)
{
    uint64_t hole = (uint64_t)(find(bare, bare->node[node].hash) - bare->slot);
    for (uint64_t i = (hole + 1) & 4095; bare->slot[i]; i = (i + 1) & 4095)
        if (((i - (bare->node[bare->slot[i]].hash & 4095)) & 4095) >= ((i - hole) & 4095)) {
            bare->slot[hole] = bare->slot[i];
            hole = i;
        }
    bare->slot[hole] = 0;
    unlink_node(bare, node);
}

static void bare_request(struct bare *bare, const char *id)
{
    uint64_t hash = hash_of(id);
    uint32_t node = *find(bare, hash);
    if (node) {
        unlink_node(bare, node);
        link_first(bare, node);
        return;
    }
    bare->misses++;
    if (bare->used < CAPACITY) {
        node = ++bare->used;
    } else {
        node = bare->node[0].previous;
        forget(bare, node);
    }
    bare->node[node].hash = hash;
    *find(bare, hash) = node;
    link_first(bare, node);
}

static uint64_t our_misses(const struct trace *trace, pxt_cache *cache)
{
    uint64_t misses = 0;
    for (size_t i = 0; i < trace->n; i++) {
        pxt_entry *entry;
        struct pxt_draft draft;
        const char *id = trace->id[i];
        if (pxt_cache_get(cache, id, &entry, NULL) == PXT_OK) {
            pxt_entry_release(entry);
            continue;
        }
        misses++;
        pxt_draft_init(&draft);
        pxt_draft_set_text(&draft, PXT_FIELD_KEY, id, strlen(id));
        pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        if (pxt_cache_put(cache, &draft, NULL, NULL))
            bench_die(id, "cannot be put");
    }
    return misses;
}

void bench_replay(void)
{
    enum { ROUNDS = 7 };
    struct trace trace = load();
    double ours[ROUNDS], limit[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct bare *bare = calloc(1, sizeof *bare);
        if (!bare)
            bench_die("trace", "out of memory");
        pxt_cache *cache = bench_open(
            "encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, shards: 1, max_entries: %d}]", CAPACITY);
        double start = bench_now_us();
        uint64_t misses = our_misses(&trace, cache);
        double middle = bench_now_us();
        for (size_t j = 0; j < trace.n; j++)
            bare_request(bare, trace.id[j]);
        limit[i] = (bench_now_us() - middle) * 1000 / (double)trace.n;
        ours[i] = (middle - start) * 1000 / (double)trace.n;
        if (misses != bare->misses)
            bench_die("trace", "the two count different misses");
        pxt_cache_close(cache);
        free(bare);
    }
    bench_row("a request of a trace through memory, LRU 1000", "ns", bench_median(ours, ROUNDS),
              "LRU in a bare table of hashes", bench_median(limit, ROUNDS), 2.0);
    bench_why("  The limit stores a hash. Ours, at every miss, takes a URL apart, checks 24 fields, allocates 300 "
              "bytes and stores\n"
              "  them, has another entry leave under its own key's lock, wipes and frees that. Tried, kept: no secrets "
              "wiped\n"
              "  where there are none, no errors zeroed, text checked eight bytes at a time, one look at the clock: "
              "from 32x.");
    free(trace.id);
}
