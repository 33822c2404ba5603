/* SPDX-License-Identifier: MIT
 *
 * eviction.c: what an eviction policy promises.
 */
#include "eviction_kit.h"
#include <string.h>

static void an_empty_one_has_no_victim(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    expect(victim_of(&store) == NODES, "it has a victim before an entry was inserted");
    insert(&store, 3);
    expect(victim_of(&store) == 3, "the only entry is not its victim");
    take_out(&store, 3, PXT_REMOVE_DELETED);
    expect(victim_of(&store) == NODES, "it has a victim after all entries were removed");
    store_close(&store);
}

static void every_entry_is_evicted_once(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    for (unsigned i = 0; i < NODES / 2; i++)
        insert(&store, i);
    expect_all_evicted(&store, NODES / 2, "after insertion");
    store_close(&store);
}

static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return z ^ (z >> 29);
}

/* A trace as a store with half of the nodes as its capacity sees it. */
struct trace {
    struct store store;
    uint64_t dice, seen; /* `seen`: a hash of who left, and when */
    unsigned in;
};

static void trace_open(struct trace *trace, struct subject *subject)
{
    *trace = (struct trace){.dice = 11, .seen = 14695981039346656037u};
    store_open(&trace->store, subject);
}

/* A node that is not in comes in; the victim leaves afterwards, as in the core. */
static void trace_miss(struct trace *trace, unsigned i)
{
    bool full = trace->in == NODES / 2;
    unsigned victim = full ? victim_of(&trace->store) : NODES;
    expect(!full || victim < NODES, "it has no victim, while %u entries are in it", trace->in);
    insert(&trace->store, i);
    trace->in++;
    if (full) {
        take_out(&trace->store, victim, PXT_REMOVE_POLICY);
        trace->in--;
        trace->seen = (trace->seen ^ victim) * 1099511628211u;
    }
}

static void trace_step(struct trace *trace)
{
    struct store *store = &trace->store;
    unsigned i = (unsigned)(mix(&trace->dice) % NODES) * (unsigned)(mix(&trace->dice) % NODES) / NODES; /* low: more */
    unsigned what = (unsigned)(mix(&trace->dice) % 20);
    if (!store->node[i].in) {
        trace_miss(trace, i);
    } else if (what == 0) {
        take_out(store, i, PXT_REMOVE_DELETED);
        trace->in--;
    } else if (what == 1 && store->ops->replaced) {
        calling("replaced");
        store->ops->replaced(store->self, state_of(store, i));
    } else {
        calling("accessed");
        store->ops->accessed(store->self, state_of(store, i), 1 + what % 3);
    }
}

static uint64_t trace_close(struct trace *trace)
{
    check_guards(&trace->store);
    store_close(&trace->store);
    return trace->seen;
}

enum { STEPS = 20000 };

static uint64_t run_trace(struct subject *subject)
{
    struct trace trace;
    trace_open(&trace, subject);
    for (int step = 0; step < STEPS; step++) {
        trace_step(&trace);
        if (step % 500 == 0)
            check_guards(&trace.store);
    }
    expect_all_evicted(&trace.store, trace.in, "after a trace with removals");
    return trace_close(&trace);
}

static void a_trace_goes_well(struct subject *subject)
{
    run_trace(subject);
}

static void the_same_trace_ends_the_same(struct subject *subject)
{
    uint64_t first = run_trace(subject);
    expect(first == run_trace(subject), "the same trace has other victims the second time");
}

static void instances_are_their_own(struct subject *subject)
{
    struct trace one, other;
    uint64_t alone = run_trace(subject);
    trace_open(&one, subject);
    trace_open(&other, subject);
    for (int step = 0; step < STEPS; step++) {
        trace_step(&one);
        if (step % 3 == 0)
            trace_step(&other);
    }
    trace_close(&other);
    expect(trace_close(&one) == alone, "another instance beside it changes its victims");
}

static void one_trace(struct subject *subject, unsigned number, void *arg)
{
    (void)number;
    expect(run_trace(subject) == *(const uint64_t *)arg, "instances in other threads change its victims");
}

static void instances_run_in_many_threads(struct subject *subject)
{
    uint64_t alone = run_trace(subject);
    in_many_threads(subject, one_trace, &alone);
}

static void changes_nothing_of_the_process(struct subject *subject)
{
    expect_process_unchanged(a_trace_goes_well, subject);
}

static void open_and_close(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    insert(&store, 1);
    take_out(&store, 1, PXT_REMOVE_DELETED);
    store_close(&store);
}

static void frees_its_memory(struct subject *subject)
{
    expect_no_growth(open_and_close, subject, 16000, "open and close");
    expect_no_growth(a_trace_goes_well, subject, 16000, "trace");
}

static void asks_for_no_more_than_256_bytes(struct subject *subject)
{
    const struct pxt_eviction_ops *ops = subject->plugin->ops;
    expect(ops->state_size <= 256, "it asks for %zu bytes of state", ops->state_size);
    for (int i = 0; ops->order && ops->order[i] != PXT_FIELD_END; i++)
        expect(i < 4 && ops->order[i] < PXT_FIELD_COUNT,
               "its order has more than four fields, or a field that does not exist");
}

const struct check eviction_checks[] = {
    {"asks for no more state than it may, and its order ends", asks_for_no_more_than_256_bytes, NULL},
    {"an empty policy has no victim", an_empty_one_has_no_victim, NULL},
    {"every entry is evicted once", every_entry_is_evicted_once, NULL},
    {"in a trace its victims are entries, and it writes to their state only", a_trace_goes_well, NULL},
    {"the same trace ends the same", the_same_trace_ends_the_same, NULL},
    {"instances are their own", instances_are_their_own, NULL},
    {"instances run in many threads", instances_run_in_many_threads, NULL},
    {"frees its memory", frees_its_memory, NULL},
    {"changes nothing of the process: signals, locale, environment, folder, umask", changes_nothing_of_the_process,
     NULL},
    {NULL, NULL, NULL}};
