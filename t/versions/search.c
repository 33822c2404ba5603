/* SPDX-License-Identifier: MIT
 *
 * search.c: breadth-first search with a hash set of packed states. Each state remembers from which one it was reached; the
 * text of a step is made only for the trace of a broken promise.
 */
#include "steps.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct packed_state packed;
    uint32_t parent;
};

struct slot {
    uint32_t node; /* index + 1; 0: free */
    uint32_t hash; /* spares most looks at nodes */
};

struct exploration {
    struct model model; /* first: `take` gets a pointer to it */
    struct node *node;
    struct slot *slot;
    uint32_t count, room, slots;
    uint32_t current;     /* being expanded */
    uint32_t broken_node; /* 0: none, for no promise is broken at the start */
    bool full;
    /* while a trace is told */
    struct packed_state wanted;
    char *text;
    size_t text_size;
    bool found;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        printf("Bail out! no memory for %zu states\n", count);
        exit(1);
    }
    return memory;
}

static uint64_t hash_of(const struct packed_state *packed)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < STATE_WORDS; i++) {
        hash = (hash ^ packed->word[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

/* The slot of a state, or the free one where it would be; its hash is set. */
static struct slot *find_slot(const struct exploration *all, const struct packed_state *packed)
{
    uint64_t hash = hash_of(packed);
    uint32_t at = (uint32_t)(hash >> 32) & (all->slots - 1);
    for (; all->slot[at].node; at = (at + 1) & (all->slots - 1))
        if (all->slot[at].hash == (uint32_t)hash &&
            !memcmp(&all->node[all->slot[at].node - 1].packed, packed, sizeof *packed))
            return &all->slot[at];
    all->slot[at].hash = (uint32_t)hash;
    return &all->slot[at];
}

static void grow(struct exploration *all)
{
    struct node *larger = realloc(all->node, sizeof *larger * 2 * all->room);
    if (!larger) {
        printf("Bail out! no memory for %u states\n", 2 * all->room);
        exit(1);
    }
    all->node = larger;
    all->room *= 2;
    free(all->slot);
    all->slots *= 2;
    all->slot = allocate(all->slots, sizeof *all->slot);
    for (uint32_t i = 0; i < all->count; i++)
        find_slot(all, &all->node[i].packed)->node = i + 1;
}

static bool looks_for(const struct model *model, enum property broken)
{
    return broken && (!model->config.look_for || (model->config.look_for >> broken & 1));
}

/* Packs a state as it is searched: a breach that is not looked for does not end the search. */
static void pack(const struct model *model, const struct state *state, struct packed_state *packed)
{
    struct state copy = *state;
    if (!looks_for(model, (enum property)state->broken))
        copy.broken = NOT_BROKEN;
    state_pack(&copy, packed);
}

static void add(struct exploration *all, const struct state *state)
{
    struct packed_state packed;
    pack(&all->model, state, &packed);
    bool broken = looks_for(&all->model, (enum property)state->broken);
    struct slot *slot = find_slot(all, &packed);
    if (slot->node)
        return;
    if (all->count == all->room) {
        grow(all);
        slot = find_slot(all, &packed);
    }
    all->node[all->count] = (struct node){.packed = packed, .parent = all->current};
    slot->node = ++all->count;
    if (broken && !all->broken_node)
        all->broken_node = all->count - 1;
}

static void take_new(struct model *model, const struct state *next, const char *step, ...)
{
    (void)step;
    struct exploration *all = (struct exploration *)model;
    if (all->count < model->config.most_states)
        add(all, next);
    else
        all->full = true;
}

static void take_text(struct model *model, const struct state *next, const char *step, ...)
{
    struct exploration *all = (struct exploration *)model;
    struct packed_state packed;
    pack(model, next, &packed);
    if (all->found || memcmp(&packed, &all->wanted, sizeof packed) != 0)
        return;
    va_list args;
    va_start(args, step);
    vsnprintf(all->text, all->text_size, step, args);
    va_end(args);
    all->found = true;
}

static void tell_step(struct exploration *all, uint32_t to, char *text, size_t size)
{
    struct state from;
    state_unpack(&all->node[all->node[to].parent].packed, &from);
    all->wanted = all->node[to].packed;
    all->text = text;
    all->text_size = size;
    all->found = false;
    all->model.take = take_text;
    all_steps(&all->model, &from);
}

static void tell_trace(struct exploration *all, struct result *result, bool print)
{
    uint32_t path[256], at = all->broken_node;
    unsigned length = 0;
    struct state last;
    for (; at && length < sizeof path / sizeof *path; at = all->node[at].parent)
        path[length++] = at;
    result->depth = length;
    state_unpack(&all->node[all->broken_node].packed, &last);
    result->broken = (enum property)last.broken;
    for (unsigned i = length; i-- > 0;) {
        tell_step(all, path[i], result->last_step, sizeof result->last_step);
        if (print)
            printf("#   %2u. %s\n", length - i, result->last_step);
    }
    if (print)
        printf("#   => %s\n", property_name(result->broken));
}

struct result search(const struct config *config, bool print)
{
    struct exploration all = {.model = {.config = *config, .take = take_new}, .room = 1u << 16, .slots = 1u << 17};
    struct state state;
    all.node = allocate(all.room, sizeof *all.node);
    all.slot = allocate(all.slots, sizeof *all.slot);
    first_state(&all.model, &state);
    add(&all, &state);
    for (; all.current < all.count && !all.broken_node; all.current++) {
        state_unpack(&all.node[all.current].packed, &state);
        all_steps(&all.model, &state);
    }
    struct result result = {.states = all.count, .complete = !all.broken_node && !all.full};
    if (all.broken_node)
        tell_trace(&all, &result, print);
    free(all.node);
    free(all.slot);
    return result;
}

const char *property_name(enum property property)
{
    static const char *const name[] = {
        "nothing is broken",        "P1: an acknowledged change is lost", "P2: a reader sees a key go back",
        "P3: tiers at rest differ", "P4: a key stays unreadable",         "P5: a listing is short and does not say so"};
    return name[property];
}
