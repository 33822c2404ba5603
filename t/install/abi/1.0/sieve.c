/* SPDX-License-Identifier: MIT
 *
 * sieve.c: a queue and a hand (Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is Simpler than LRU: an
 * Efficient Turn-Key Eviction Algorithm for Web Caches", NSDI 2024). A hit only marks its entry. The hand goes from the
 * oldest to the newest, takes marks away, and stops at the first entry without a mark: that entry leaves.
 */
#include "ring_list.h"
#include <proxtier/eviction.h>
#include <stdlib.h>

struct state {
    struct link link;
    uint64_t visited;
};
struct sieve {
    struct link head;  /* newest next to it */
    struct link *hand; /* where it stopped; &head: starts at the oldest */
    bool at_newest;    /* the hand stopped at the newest there was then: next it starts over */
};

static pxt_status sieve_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                             void **self, struct pxt_error *error)
{
    (void)settings;
    (void)capacity;
    struct sieve *sieve = malloc(sizeof *sieve);
    if (!sieve)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the policy");
    list_init(&sieve->head);
    sieve->hand = &sieve->head;
    sieve->at_newest = false;
    *self = sieve;
    return PXT_OK;
}

static void sieve_close(void *self)
{
    free(self);
}

static pxt_status sieve_inserted(void *self, void *state, uint64_t hash, struct pxt_error *error)
{
    (void)hash;
    (void)error;
    struct sieve *sieve = self;
    ((struct state *)state)->visited = 0;
    list_insert(&sieve->head, state);
    return PXT_OK;
}

static void sieve_accessed(void *self, void *state, uint64_t times)
{
    (void)self;
    (void)times;
    ((struct state *)state)->visited = 1;
}

static void sieve_removed(void *self, void *state, enum pxt_removal why)
{
    (void)why;
    struct sieve *sieve = self;
    struct state *entry = state;
    if (sieve->hand == &entry->link) {
        /* Towards the newest; past it, over again from the oldest, though a newer one may have come in since. */
        sieve->hand = sieve->at_newest ? &sieve->head : entry->link.previous;
        sieve->at_newest = false;
    }
    list_remove(&entry->link);
}

static void *sieve_victim(void *self, uint64_t newcomer)
{
    (void)newcomer;
    struct sieve *sieve = self;
    if (sieve->head.next == &sieve->head)
        return NULL;
    for (;;) {
        if (sieve->hand == &sieve->head)
            sieve->hand = sieve->head.previous;
        struct state *entry = (struct state *)(void *)sieve->hand;
        if (!entry->visited) {
            sieve->at_newest = entry->link.previous == &sieve->head;
            return entry;
        }
        entry->visited = 0;
        sieve->hand = sieve->hand->previous;
    }
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .open = sieve_open,
                                            .close = sieve_close,
                                            .inserted = sieve_inserted,
                                            .accessed = sieve_accessed,
                                            .removed = sieve_removed,
                                            .victim = sieve_victim};

PXT_PLUGIN(PXT_KIND_EVICTION, "sieve", "1.0.0", "MIT", "a queue with second chances: SIEVE (NSDI 2024)", NULL, &ops);
