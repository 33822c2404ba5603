/* SPDX-License-Identifier: MIT
 *
 * memory.c: a hit in memory through the public API, with statistics, access counts and generations on, beside two tables
 * that do nothing else: `batch` writes no shared line on a hit (the pointer in a slot of the thread's own, 64 notes at a
 * time into an LRU list), `mutex` is what a C programmer writes in an afternoon (16 shards, a lock and a list move).
 */
#include "bench.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHARDS = 16, SEQUENCE = 1 << 20, NOTES = 64 };

struct node {
    char key[17];
    uint64_t hash;
    struct node *previous, *next;
    _Atomic int references;
    char body[400];
};
struct shard {
    pthread_mutex_t lock;
    struct node **slot;
    size_t mask;
    struct node head;
};
struct link {
    uint32_t previous, next, count;
};
struct table {
    size_t n;
    struct node *nodes;
    struct shard shard[SHARDS];
    struct link *links; /* the batch's LRU list, a ring */
    uint32_t first;
    pthread_mutex_t lock;
    uint32_t *sequence;
};
static volatile uint64_t sink;

static uint64_t hash_of(const char *key)
{
    uint64_t a, b;
    memcpy(&a, key, 8);
    memcpy(&b, key + 8, 8);
    uint64_t z = a ^ (b * 0x9e3779b97f4a7c15u);
    z ^= z >> 29;
    z *= 0xbf58476d1ce4e5b9u;
    return z ^ (z >> 32);
}

static struct table *table_new(size_t n)
{
    size_t capacity = 1;
    struct table *table = calloc(1, sizeof *table);
    if (!table || !(table->nodes = calloc(n, sizeof *table->nodes)) ||
        !(table->links = calloc(n, sizeof *table->links)))
        bench_die("a table", "out of memory");
    table->n = n;
    while (capacity < n * 2 / SHARDS * 2 + 16)
        capacity <<= 1;
    pthread_mutex_init(&table->lock, NULL);
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shard[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->slot = calloc(capacity, sizeof *shard->slot);
        shard->mask = capacity - 1;
        shard->head.previous = shard->head.next = &shard->head;
        if (!shard->slot)
            bench_die("a table", "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        struct node *node = &table->nodes[i];
        bench_key(i, node->key);
        node->hash = hash_of(node->key);
        struct shard *shard = &table->shard[node->hash >> 60];
        size_t at = node->hash & shard->mask;
        while (shard->slot[at])
            at = (at + 1) & shard->mask;
        shard->slot[at] = node;
        node->next = shard->head.next;
        node->previous = &shard->head;
        shard->head.next->previous = node;
        shard->head.next = node;
        table->links[i] = (struct link){(uint32_t)((i + n - 1) % n), (uint32_t)((i + 1) % n), 0};
    }
    table->sequence = bench_zipf(n, SEQUENCE);
    return table;
}

static void table_free(struct table *table)
{
    for (int i = 0; i < SHARDS; i++)
        free(table->shard[i].slot);
    free(table->nodes);
    free(table->links);
    free(table->sequence);
    free(table);
}

static struct node *probe(const struct shard *shard, const char *key, uint64_t hash)
{
    for (size_t i = hash & shard->mask;; i = (i + 1) & shard->mask) {
        struct node *node = shard->slot[i];
        if (!node || (node->hash == hash && !memcmp(node->key, key, 16)))
            return node;
    }
}

static void key_at(const struct table *table, size_t i, char key[17])
{
    memcpy(key, table->nodes[table->sequence[i & (SEQUENCE - 1)]].key, 17);
}

static void mutex_hits(void *arg, size_t from, size_t n)
{
    struct table *table = arg;
    uint64_t sum = 0;
    for (size_t i = from; i < from + n; i++) {
        char key[17];
        key_at(table, i, key);
        uint64_t hash = hash_of(key);
        struct shard *shard = &table->shard[hash >> 60];
        pthread_mutex_lock(&shard->lock);
        struct node *node = probe(shard, key, hash);
        if (shard->head.next != node) {
            node->previous->next = node->next;
            node->next->previous = node->previous;
            node->next = shard->head.next;
            node->previous = &shard->head;
            shard->head.next->previous = node;
            shard->head.next = node;
        }
        atomic_fetch_add_explicit(&node->references, 1, memory_order_relaxed);
        pthread_mutex_unlock(&shard->lock);
        sum += (uint64_t)node->body[0];
        atomic_fetch_sub_explicit(&node->references, 1, memory_order_release);
    }
    sink += sum;
}

static void apply(struct table *table, const uint32_t notes[NOTES])
{
    pthread_mutex_lock(&table->lock);
    for (unsigned i = 0; i < NOTES; i++) {
        uint32_t x = notes[i];
        struct link *links = table->links;
        links[x].count++;
        if (table->first == x)
            continue;
        links[links[x].previous].next = links[x].next;
        links[links[x].next].previous = links[x].previous;
        uint32_t last = links[table->first].previous;
        links[x].next = table->first;
        links[x].previous = last;
        links[last].next = links[table->first].previous = x;
        table->first = x;
    }
    pthread_mutex_unlock(&table->lock);
}

static void batch_hits(void *arg, size_t from, size_t n)
{
    static _Thread_local _Alignas(128) _Atomic(struct node *) hazard;
    struct table *table = arg;
    uint32_t notes[NOTES];
    unsigned noted = 0;
    uint64_t sum = 0;
    for (size_t i = from; i < from + n; i++) {
        char key[17];
        key_at(table, i, key);
        uint64_t hash = hash_of(key);
        struct node *node = probe(&table->shard[hash >> 60], key, hash);
        atomic_store_explicit(&hazard, node, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        notes[noted++] = (uint32_t)(node - table->nodes);
        if (noted == NOTES) {
            apply(table, notes);
            noted = 0;
        }
        sum += (uint64_t)node->body[0];
        atomic_store_explicit(&hazard, NULL, memory_order_release);
    }
    sink += sum;
}

struct ours {
    pxt_cache *cache;
    const struct table *table;
};

static void our_hits(void *arg, size_t from, size_t n)
{
    const struct ours *ours = arg;
    uint64_t sum = 0;
    for (size_t i = from; i < from + n; i++) {
        char key[17];
        pxt_entry *entry;
        key_at(ours->table, i, key);
        if (pxt_cache_get(ours->cache, key, &entry, NULL) != PXT_OK)
            bench_die(key, "is not in memory");
        sum += (uint64_t)pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT);
        pxt_entry_release(entry);
    }
    sink += sum;
}

struct thread {
    pthread_t id;
    struct ours *ours;
    size_t from, n;
};

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    our_hits(thread->ours, thread->from, thread->n);
    return NULL;
}

static void two_threads(void *arg, size_t from, size_t n)
{
    struct thread thread[2];
    for (size_t i = 0; i < 2; i++) {
        thread[i] = (struct thread){.ours = arg, .from = from + i * 7919, .n = n / 2};
        if (pthread_create(&thread[i].id, NULL, run_thread, &thread[i]))
            bench_die("threads", "cannot be started");
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(thread[i].id, NULL);
}

/* Operations a second, so that more is better. */
static void compare_threads(struct ours *ours, size_t n, unsigned rounds)
{
    double one[32], two[32];
    for (unsigned i = 0; i < rounds; i++) {
        double start = bench_now_us();
        our_hits(ours, 0, n);
        double middle = bench_now_us();
        two_threads(ours, 0, n);
        one[i] = (double)n / (middle - start);
        two[i] = (double)n / (bench_now_us() - middle);
    }
    bench_row("memory hits with 2 threads, M a second", "M/s", bench_median(two, rounds), "our own with 1 thread",
              bench_median(one, rounds), -1.7);
    bench_why("  A hit writes no line that two threads share but when its notes are applied, under the shard's lock.");
}

static const char why_hit[] =
    "  The limit is one loop over its own table: hash, probe, a pointer into a slot. A hit of ours is asked for by a\n"
    "  program, of a library, that asks a plugin, that asks its host for the hold, which the program lets go of: six "
    "calls\n"
    "  that no compiler can join, each through a pointer. It takes a key whose length it has to find, asks whether "
    "the\n"
    "  entry has expired and whether another process has written, counts the get, and notes the hit for policy and "
    "entry.\n"
    "  Tried, kept: slow paths out of line, one service for find and hold, hits gathered in the node, the entry in "
    "the\n"
    "  slot, expiry by the second, nodes of a batch fetched side by side: from 7x to 5x. Tried, not kept: "
    "link-time\n"
    "  optimisation (4 %), larger rings of notes (none). Not done: to move an entry in the LRU list only now and "
    "then,\n"
    "  since the order is exact here.";

static void hits_among(size_t entries)
{
    char figure[80];
    struct table *table = table_new(entries);
    pxt_cache *cache =
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: %zu, eviction: lru}, "
                   "{plugin: l3_sqlite, path: %s/memory-%zu.db}]",
                   entries + 1000 + entries / 4, bench_folder(), entries);
    struct ours ours = {cache, table};
    size_t n = bench_amount(1000000);
    bench_fill(cache, 0, entries, 1000000);
    snprintf(figure, sizeof figure, "memory hit, LRU, Zipf, %zu entries", entries);
    bench_compare(figure, "batch: no shared line written", 2.5, n, 9, our_hits, &ours, batch_hits, table);
    bench_why(why_hit);
    bench_compare(figure, "16 shards, mutex and list move", 1.0, n, 9, our_hits, &ours, mutex_hits, table);
    bench_why(why_hit);
    if (entries == 10000)
        compare_threads(&ours, 2 * n, 9);
    pxt_cache_close(cache);
    table_free(table);
}

/* Bytes that are allocated; where the C library does not count them, those of resident pages. */
static size_t in_use(void)
{
#ifdef HAVE_MALLINFO2
    return mallinfo2().uordblks + mallinfo2().hblkhd;
#else
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*u %lu", &resident) != 1)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
#endif
}

static void a_million(void)
{
    size_t entries = bench_quick() ? 100000 : 1000000, before, after;
    char figure[80];
    pxt_cache *cache =
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: %zu}]", entries + entries / 4);
    before = in_use();
    bench_fill(cache, 0, entries, 1000000);
    after = in_use();
    struct table *table = table_new(entries);
    struct ours ours = {cache, table};
    snprintf(figure, sizeof figure, "memory hit, LRU, Zipf, %zu entries", entries);
    bench_compare(figure, "batch: no shared line written", 1.5, bench_amount(1000000), 5, our_hits, &ours, batch_hits,
                  table);
    bench_why(why_hit);
    /* An entry: key 16, URL 20, source 7, two tokens of 100, 17 numbers of 8: 379 bytes of payload. */
    bench_row("memory of an entry with 379 bytes of payload", "B", (double)(after - before) / (double)entries,
              "1.25 * payload + 64", 1.25 * 379 + 64, 1.0);
    bench_why(
        "  Beside the payload an entry has holds, generation and size (48 bytes), place and length of 7 texts (56), "
        "and\n"
        "  what malloc takes (16). Its node in the tier has 48, of which the policy's links are 16, and its slot 26 "
        "to\n"
        "  51, for a table that is between 5/16 and 5/8 full. Nodes are made in chunks that double: a third of them "
        "is\n"
        "  not used yet. Tried, kept: the key once, not twice. Traded for speed: the entry in the slot (8 bytes).");
    pxt_cache_close(cache);
    table_free(table);
}

static double private_mib(void)
{
    char line[200];
    double kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file)) {
        double n;
        if (sscanf(line, "Private_Clean: %lf kB", &n) == 1 || sscanf(line, "Private_Dirty: %lf kB", &n) == 1)
            kib += n;
    }
    if (file)
        fclose(file);
    return kib / 1024;
}

void bench_memory(void)
{
    /* First of all, while the process is small. */
    double before = private_mib();
    pxt_cache *idle = bench_open("encryptor: {plugin: fernet, auto_key_file: %s/k/fernet.key}\ntiers: [{plugin: "
                                 "l1_memory, max_entries: 1000}, {plugin: l2_jsonl, dir: %s/idle}, "
                                 "{plugin: l3_sqlite, path: %s/idle.db}]",
                                 bench_folder(), bench_folder(), bench_folder());
    bench_row("private memory of an idle cache, all tiers", "MiB", private_mib() - before, "3 MiB", 3, 1.0);
    pxt_cache_close(idle);
    hits_among(1000);
    hits_among(10000);
    a_million();
}
