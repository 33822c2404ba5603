/* SPDX-License-Identifier: MIT
 *
 * policy.c: FIFO as a ring of links. Without LIE it keeps all promises; with LIE it breaks the one that is named so.
 */
#include "lies.h"
#include <proxtier/eviction.h>
#include <stdint.h>

struct state {
    struct state *previous, *next;
    uint64_t hash, hits;
};
struct policy {
    struct state head; /* head.previous came first */
    uint64_t capacity, count, removals, scanned;
    uint64_t missed[8], misses; /* the last hashes that were missed */
    struct memory {
        struct memory *next;
    } * memory; /* of the lie that remembers them all */
};

static pxt_status policy_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                              void **self, struct pxt_error *error)
{
    (void)settings;
    struct policy *policy = calloc(1, sizeof *policy);
    if (!policy)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    policy->head.previous = policy->head.next = &policy->head;
    policy->capacity = capacity;
    if (lies("divides_by_the_capacity_less_one"))
        policy->scanned = 1000 / (volatile uint64_t){capacity - 1};
    *self = policy;
    return PXT_OK;
}

static void policy_close(void *self)
{
    struct policy *policy = self;
    for (struct state *state = policy->head.next; lies("writes_states_in_close") && state != &policy->head;) {
        struct state *next = state->next;
        state->next = state->previous = NULL;
        state = next;
    }
    while (policy->memory) {
        struct memory *memory = policy->memory;
        policy->memory = memory->next;
        free(memory);
    }
    free(policy);
}

static pxt_status policy_inserted(void *self, void *at, uint64_t hash, struct pxt_error *error)
{
    struct policy *policy = self;
    struct state *state = at;
    (void)error;
    state->hash = hash;
    state->next = state->previous = state; /* in no ring */
    if (lies("takes_no_more_than_its_capacity") && policy->count == policy->capacity + 1)
        return PXT_OK;
    for (struct state *other = policy->head.next; lies("has_one_entry_a_hash") && other != &policy->head;
         other = other->next)
        if (other->hash == hash)
            return PXT_OK;
    state->next = policy->head.next;
    state->previous = &policy->head;
    policy->head.next->previous = state;
    policy->head.next = state;
    policy->count++;
    return PXT_OK;
}

static void policy_accessed(void *self, void *at, uint64_t times)
{
    struct state *state = at;
    volatile uint64_t *hits = &state->hits;
    (void)self;
    if (lies("loops_over_times"))
        for (uint64_t i = 0; i < times; i++)
            ++*hits;
}

static void take_out(struct policy *policy, struct state *state)
{
    if (state->next != state)
        policy->count--;
    state->previous->next = state->next;
    state->next->previous = state->previous;
    state->next = state->previous = state;
}

static void policy_removed(void *self, void *at, enum pxt_removal why)
{
    struct policy *policy = self;
    if (lies("keeps_what_expired") && why == PXT_REMOVE_EXPIRED)
        return;
    take_out(policy, at);
    if (lies("loses_an_entry_in_100_removals") && ++policy->removals % 100 == 0)
        take_out(policy, policy->head.previous);
}

/* Of what was missed before. */
static bool was_missed(const struct policy *policy, uint64_t hash)
{
    for (size_t i = 0; i < sizeof policy->missed / sizeof *policy->missed; i++)
        if (policy->missed[i] == hash)
            return true;
    return false;
}

static void policy_missed(void *self, uint64_t hash)
{
    struct policy *policy = self;
    if (lies("remembers_all_misses")) {
        struct memory *memory = malloc(sizeof *memory);
        if (memory) {
            memory->next = policy->memory;
            policy->memory = memory;
        }
    }
    if (lies("takes_a_miss_for_an_entry") && policy->head.next != &policy->head)
        take_out(policy, policy->head.next);
    policy->missed[policy->misses++ % (sizeof policy->missed / sizeof *policy->missed)] = hash;
}

static void *policy_victim(void *self, uint64_t newcomer)
{
    struct policy *policy = self;
    if (policy->head.previous != &policy->head && (newcomer || lies("keeps_nobody_out")) && !(newcomer % 3))
        return PXT_VICTIM_NEWCOMER;
    if (lies("has_no_victim_for_a_newcomer") && newcomer && was_missed(policy, newcomer))
        return NULL;
    struct state *victim = policy->head.previous;
    if (victim == &policy->head)
        return NULL;
    for (struct state *state = victim; lies("looks_at_all_entries") && state != &policy->head; state = state->previous)
        policy->scanned += state->hits;
    if (lies("victim_takes_it_out"))
        take_out(policy, victim);
    return victim;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .open = policy_open,
                                            .close = policy_close,
                                            .inserted = policy_inserted,
                                            .accessed = policy_accessed,
                                            .removed = policy_removed,
                                            .victim = policy_victim,
                                            .missed = policy_missed};

PXT_PLUGIN(PXT_KIND_EVICTION, "liar_policy", "1.0", "MIT", "a policy with the fault that LIE names", NULL, &ops);
