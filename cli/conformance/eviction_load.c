/* SPDX-License-Identifier: MIT
 *
 * eviction_load.c: what an eviction policy promises in unusual stores: small ones, large ones, with many removals.
 */
#include "eviction_kit.h"
#include <stdlib.h>
#include <string.h>

static void serves_a_capacity(struct subject *subject, uint64_t capacity)
{
    struct store store;
    unsigned n = 0;
    store_open_for(&store, subject, capacity);
    for (unsigned i = 0; i < NODES; i++) {
        insert(&store, i);
        if (n++ < capacity)
            continue;
        unsigned victim = victim_of(&store);
        expect(victim < NODES, "with the capacity %llu it has no victim", (unsigned long long)capacity);
        take_out(&store, victim, PXT_REMOVE_POLICY);
        n--;
    }
    expect_all_evicted(&store, n, "with a small capacity");
    check_guards(&store);
    store_close(&store);
}

static void serves_small_capacities(struct subject *subject)
{
    for (uint64_t capacity = 1; capacity <= 5; capacity++)
        serves_a_capacity(subject, capacity);
}

/* "For about `capacity` entries": a store may be over it for a while. */
static void takes_more_than_its_capacity(struct subject *subject)
{
    struct store store;
    store_open_for(&store, subject, NODES / 4);
    for (unsigned i = 0; i < NODES; i++)
        insert(&store, i);
    expect_all_evicted(&store, NODES, "over its capacity");
    check_guards(&store);
    store_close(&store);
}

/* One goes, for each reason in turn, another one comes. */
static void churn(struct store *store, unsigned n)
{
    static const enum pxt_removal reasons[] = {PXT_REMOVE_DELETED, PXT_REMOVE_EXPIRED, PXT_REMOVE_HEALTH,
                                               PXT_REMOVE_CORRUPTION, PXT_REMOVE_POLICY};
    unsigned leaves = n * n * 7 % NODES, comes = (n * 5 + 3) % NODES;
    while (!store->node[leaves].in)
        leaves = (leaves + 1) % NODES;
    while (store->node[comes].in)
        comes = (comes + 1) % NODES;
    take_out(store, leaves, reasons[n % (sizeof reasons / sizeof *reasons)]);
    insert(store, comes);
    if (n % 10 == 0)
        victim_of(store); /* must be one that is in it */
}

static void keeps_count_of_removals(struct subject *subject)
{
    static const unsigned removals[] = {9, 10, 11, 99, 100, 101, 256, 1000, 5000};
    for (size_t i = 0; i < sizeof removals / sizeof *removals; i++) {
        struct store store;
        store_open(&store, subject);
        for (unsigned j = 0; j < NODES / 2; j++)
            insert(&store, j);
        for (unsigned n = 0; n < removals[i]; n++)
            churn(&store, n);
        expect_all_evicted(&store, NODES / 2, "after many removals, for all reasons,");
        check_guards(&store);
        store_close(&store);
    }
}

static void a_victim_stays_until_it_is_removed(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    for (unsigned i = 0; i < NODES / 2; i++)
        insert(&store, i);
    for (unsigned i = 0; i < 4 * NODES; i++) { /* asked again and again, as by a caller that removes none */
        unsigned victim = victim_of(&store);
        expect(victim < NODES, "asked for a victim %u times, with no removal, it has none any more", i + 1);
        if (i % 5 == 0) {
            calling("accessed");
            store.ops->accessed(store.self, state_of(&store, victim), 1);
        }
    }
    expect_all_evicted(&store, NODES / 2, "after it was asked for victims that were not removed");
    store_close(&store);
}

static void takes_entries_of_one_hash(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    for (unsigned i = 0; i < NODES / 2; i++)
        insert_hashed(&store, i, 42);
    for (unsigned i = 0; i < NODES / 4; i++) {
        take_out(&store, i, PXT_REMOVE_POLICY);
        insert_hashed(&store, i, 42);
    }
    expect_all_evicted(&store, NODES / 2, "of entries that have one hash");
    check_guards(&store);
    store_close(&store);
}

static void close_leaves_states_alone(struct subject *subject)
{
    struct store store;
    unsigned char *before[NODES];
    store_open(&store, subject);
    for (unsigned i = 0; i < NODES / 2; i++) {
        insert(&store, i);
        before[i] = malloc(store.room);
        expect(before[i] != NULL, "out of memory");
    }
    for (unsigned i = 0; i < NODES / 2; i++)
        memcpy(before[i], store.node[i].memory, store.room);
    calling("close");
    store.ops->close(store.self);
    for (unsigned i = 0; i < NODES / 2; i++) {
        expect(!memcmp(before[i], store.node[i].memory, store.room), "close writes to the state of an entry");
        free(before[i]);
    }
}

/* ---- cost ------------------------------------------------------------------------------------------------------- */

static void takes_any_number_of_hits(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    for (unsigned i = 0; i < NODES / 2; i++)
        insert(&store, i);
    calling("accessed, with `times` of 2^62: its cost must not grow with `times`");
    for (unsigned i = 0; i < 4; i++)
        store.ops->accessed(store.self, state_of(&store, i), UINT64_C(1) << 62);
    expect_all_evicted(&store, NODES / 2, "after very many hits");
    check_guards(&store);
    store_close(&store);
}

/* The processor's time for a round of all operations with `n` entries in it. */
static double cost_with(struct subject *subject, size_t n)
{
    enum { ROUNDS = 400 };
    const struct pxt_eviction_ops *ops = subject->plugin->ops;
    size_t size = (ops->state_size + 7) & ~(size_t)7;
    char *states = calloc(n, size ? size : 8);
    void *self = NULL;
    expect(states != NULL, "out of memory");
    calling("open");
    expect_ok(subject, ops->open(subject->host, pxt_trial_settings(subject->trial), n, &self, &subject->error), "open");
    calling("inserted, of very many entries");
    for (size_t i = 0; i < n; i++)
        expect_ok(subject, ops->inserted(self, states + i * size, i * 0x9e3779b97f4a7c15u, &subject->error),
                  "inserted");
    for (size_t i = 0; i < n; i += 2)
        ops->accessed(self, states + i * size, 1);
    double start = processor_seconds();
    for (size_t round = 0; round < ROUNDS; round++) {
        calling("victim, with very many entries");
        char *state = ops->victim(self);
        expect(state != NULL, "it has no victim, while %zu entries are in it", n);
        ops->removed(self, state, PXT_REMOVE_POLICY);
        memset(state, 0, size);
        expect_ok(subject, ops->inserted(self, state, (n + round) * 0x9e3779b97f4a7c15u, &subject->error), "inserted");
        ops->accessed(self, states + (round * 7919 % n) * size, 1);
    }
    double seconds = (processor_seconds() - start) / ROUNDS;
    ops->close(self);
    free(states);
    return seconds;
}

/* One that looks at all entries takes 64 times as long with 64 times as many. Caches and trees explain a few times; what the
 * machine does meanwhile is gone if it is measured again. */
static void its_cost_does_not_grow(struct subject *subject)
{
    enum { FEW = 1000, TIMES = 64, MOST = 16, TRIES = 3 };
    double few = 0, many = 0;
    for (int i = 0; i < TRIES; i++) {
        few = cost_with(subject, FEW);
        many = cost_with(subject, FEW * TIMES);
        if (many < MOST * few || many < 3e-6)
            return;
    }
    expect(
        false,
        "with %d entries a victim, its removal and an insertion take %.1f us, with %d they take %.1f us: the cost must "
        "not grow with the number of entries",
        FEW, few * 1e6, FEW * TIMES, many * 1e6);
}

const struct check eviction_load_checks[] = {
    {"serves small capacities", serves_small_capacities, NULL},
    {"takes more entries than its capacity for a while", takes_more_than_its_capacity, NULL},
    {"loses no entry in many removals, for whatever reason", keeps_count_of_removals, NULL},
    {"a victim stays until it is removed", a_victim_stays_until_it_is_removed, NULL},
    {"takes entries that have one hash", takes_entries_of_one_hash, NULL},
    {"close leaves the states of entries alone", close_leaves_states_alone, NULL},
    {"its cost does not grow with the number of entries", its_cost_does_not_grow, NULL},
    {"its cost does not grow with the number of hits", takes_any_number_of_hits, NULL},
    {NULL, NULL, NULL}};
