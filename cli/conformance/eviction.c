/* SPDX-License-Identifier: MIT
 *
 * eviction.c: what an eviction policy promises.
 */
#include "suite.h"
#include <stdlib.h>
#include <string.h>

enum { NODES = 64, GUARD = 64, PATTERN = 0xA5 };

/* A store's node: the policy's state between guards. */
struct node {
    unsigned char *memory;
    bool in;
};
struct store {
    struct subject *subject;
    const struct pxt_eviction_ops *ops;
    void *self;
    size_t room; /* of a node's memory */
    struct node node[NODES];
};

static void *state_of(const struct store *store, unsigned i)
{
    return store->node[i].memory + GUARD;
}

static void store_open(struct store *store, struct subject *subject)
{
    memset(store, 0, sizeof *store);
    store->subject = subject;
    store->ops = subject->plugin->ops;
    store->room = GUARD + ((store->ops->state_size + 7) & ~(size_t)7) + GUARD;
    for (unsigned i = 0; i < NODES; i++) {
        store->node[i].memory = malloc(store->room);
        expect(store->node[i].memory != NULL, "out of memory");
        memset(store->node[i].memory, PATTERN, store->room);
    }
    calling("open");
    expect_ok(
        subject,
        store->ops->open(subject->host, pxt_trial_settings(subject->trial), NODES / 2, &store->self, &subject->error),
        "open");
}

static void store_close(struct store *store)
{
    calling("close");
    store->ops->close(store->self);
    for (unsigned i = 0; i < NODES; i++)
        free(store->node[i].memory);
}

static void check_guards(const struct store *store)
{
    for (unsigned i = 0; i < NODES; i++)
        for (size_t at = 0; at < store->room; at++) {
            bool guard = at < GUARD || at >= GUARD + store->ops->state_size || !store->node[i].in;
            expect(!guard || store->node[i].memory[at] == PATTERN,
                   store->node[i].in ? "it writes beyond the state that it asked for"
                                     : "it writes to the state of an entry that was removed");
        }
}

static void insert(struct store *store, unsigned i)
{
    memset(state_of(store, i), 0, store->ops->state_size);
    calling("inserted");
    expect_ok(store->subject,
              store->ops->inserted(store->self, state_of(store, i), i * 0x9e3779b97f4a7c15u, &store->subject->error),
              "inserted");
    store->node[i].in = true;
}

static void take_out(struct store *store, unsigned i, enum pxt_removal why)
{
    calling("removed");
    store->ops->removed(store->self, state_of(store, i), why);
    store->node[i].in = false;
    memset(store->node[i].memory, PATTERN, store->room);
}

/* The victim's node; NODES where there is none. */
static unsigned victim_of(struct store *store)
{
    calling("victim");
    const unsigned char *state = store->ops->victim(store->self, 0);
    if (!state)
        return NODES;
    for (unsigned i = 0; i < NODES; i++)
        if (state == (const unsigned char *)state_of(store, i)) {
            expect(store->node[i].in, "its victim is an entry that was removed");
            return i;
        }
    expect(false, "its victim is not the state of any entry");
    return NODES;
}

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
    for (unsigned left = NODES / 2; left; left--) {
        unsigned victim = victim_of(&store);
        expect(victim < NODES, "it has no victim, while %u entries are in it", left);
        take_out(&store, victim, PXT_REMOVE_POLICY);
    }
    expect(victim_of(&store) == NODES, "it has a victim after all entries were removed");
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
    for (int i = 0; ops->order && ops->order[i] != PXT_FIELD_COUNT; i++)
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
    {"changes nothing of the process: signals, locale, folder, umask", changes_nothing_of_the_process, NULL},
    {NULL, NULL, NULL}};
