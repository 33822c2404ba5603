/* SPDX-License-Identifier: MIT
 *
 * good_policy.h: FIFO as a ring of links, with places where one fault can be built in.
 */
#include <proxtier/eviction.h>
#include <stdlib.h>
#include <string.h>

struct state {
    struct state *previous, *next;
};

static pxt_status policy_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                              void **self, struct pxt_error *error)
{
    (void)settings, (void)capacity;
#ifdef FAULT_instances_share_a_ring
    static struct state shared = {&shared, &shared};
    struct state *head = &shared;
#else
    struct state *head = malloc(sizeof *head);
#endif
    if (!head)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
#ifndef FAULT_instances_share_a_ring
    head->previous = head->next = head;
#endif
    *self = head;
    return PXT_OK;
}

static void policy_close(void *self)
{
#if !defined FAULT_policy_leaks && !defined FAULT_instances_share_a_ring
    free(self);
#else
    (void)self;
#endif
}

static pxt_status policy_inserted(void *self, void *at, uint64_t hash, struct pxt_error *error)
{
    struct state *head = self, *state = at;
    (void)hash, (void)error;
    state->next = head->next;
    state->previous = head;
    head->next->previous = state;
    head->next = state;
#ifdef FAULT_overruns_its_state
    memset(state + 1, 0, 8);
#endif
    return PXT_OK;
}

static void policy_accessed(void *self, void *state, uint64_t times)
{
    (void)self, (void)state, (void)times;
}

static void policy_removed(void *self, void *at, enum pxt_removal why)
{
    struct state *state = at;
    (void)self, (void)why;
    state->previous->next = state->next;
    state->next->previous = state->previous;
}

static void *policy_victim(void *self, uint64_t newcomer)
{
    (void)newcomer;
    struct state *head = self;
#ifdef FAULT_has_a_victim_when_empty
    return head->previous;
#endif
#ifdef FAULT_has_no_victim_when_there_is_one_entry
    if (head->previous == head->next)
        return NULL;
#endif
#ifdef FAULT_victims_at_random
    struct state *state = head->previous;
    for (int n = rand() % 4; n && state->previous != head; n--)
        state = state->previous;
    return state == head ? NULL : state;
#endif
    return head->previous == head ? NULL : head->previous;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .open = policy_open,
                                            .close = policy_close,
                                            .inserted = policy_inserted,
                                            .accessed = policy_accessed,
                                            .removed = policy_removed,
                                            .victim = policy_victim};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
PXT_PLUGIN(PXT_KIND_EVICTION, TEXT(NAME), "1.0", "MIT", "a policy with one fault", NULL, &ops);
