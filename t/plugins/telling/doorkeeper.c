/* SPDX-License-Identifier: MIT
 *
 * A policy that admits a newcomer only if two gets have missed it. The oldest leaves.
 */
#include <proxtier/eviction.h>
#include <stdlib.h>

enum { SLOTS = 4096 };
struct state {
    struct state *next, *previous;
};
struct doorkeeper {
    struct state head; /* newest next to it */
    unsigned char missed[SLOTS];
};

static pxt_status doorkeeper_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                                  void **self, struct pxt_error *error)
{
    struct doorkeeper *doorkeeper = calloc(1, sizeof *doorkeeper);
    (void)settings, (void)capacity;
    if (!doorkeeper)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the policy");
    doorkeeper->head.next = doorkeeper->head.previous = &doorkeeper->head;
    *self = doorkeeper;
    return PXT_OK;
}

static void doorkeeper_close(void *self)
{
    free(self);
}

static pxt_status doorkeeper_inserted(void *self, void *at, uint64_t hash, struct pxt_error *error)
{
    struct state *state = at, *head = &((struct doorkeeper *)self)->head;
    (void)hash, (void)error;
    state->next = head->next;
    state->previous = head;
    head->next = state->next->previous = state;
    return PXT_OK;
}

static void doorkeeper_accessed(void *self, void *at, uint64_t times)
{
    (void)self, (void)at, (void)times;
}

static void doorkeeper_removed(void *self, void *at, enum pxt_removal why)
{
    struct state *state = at;
    (void)self, (void)why;
    state->previous->next = state->next;
    state->next->previous = state->previous;
}

static void *doorkeeper_victim(void *self, uint64_t newcomer)
{
    struct doorkeeper *doorkeeper = self;
    if (newcomer && doorkeeper->missed[newcomer % SLOTS] < 2)
        return PXT_VICTIM_NEWCOMER;
    return doorkeeper->head.previous == &doorkeeper->head ? NULL : doorkeeper->head.previous;
}

static void doorkeeper_missed(void *self, uint64_t hash)
{
    struct doorkeeper *doorkeeper = self;
    if (doorkeeper->missed[hash % SLOTS] < 2)
        doorkeeper->missed[hash % SLOTS]++;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .open = doorkeeper_open,
                                            .close = doorkeeper_close,
                                            .inserted = doorkeeper_inserted,
                                            .accessed = doorkeeper_accessed,
                                            .removed = doorkeeper_removed,
                                            .victim = doorkeeper_victim,
                                            .missed = doorkeeper_missed};

PXT_PLUGIN(PXT_KIND_EVICTION, "doorkeeper", "1.0", "MIT", "admits what two gets have missed", NULL, &ops);
