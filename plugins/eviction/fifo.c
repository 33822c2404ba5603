/* SPDX-License-Identifier: MIT
 *
 * fifo.c: the oldest entry leaves first; hits do not matter. An entry that is stored anew was fetched anew and goes to the
 * end of the queue, as it does in tiers that order by fetch_time.
 */
#include "ring_list.h"
#include <proxtier/eviction.h>
#include <stdlib.h>

static const enum pxt_field_id order[] = {PXT_FIELD_FETCH_TIME, PXT_FIELD_END};

static pxt_status fifo_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                            void **self, struct pxt_error *error)
{
    (void)settings;
    (void)capacity;
    struct link *head = malloc(sizeof *head);
    if (!head)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the policy");
    list_init(head);
    *self = head;
    return PXT_OK;
}

static void fifo_close(void *self)
{
    free(self);
}

static pxt_status fifo_inserted(void *self, void *state, uint64_t hash, struct pxt_error *error)
{
    (void)hash;
    (void)error;
    list_insert(self, state);
    return PXT_OK;
}

static void fifo_accessed(void *self, void *state, uint64_t times)
{
    (void)self;
    (void)state;
    (void)times;
}

static void fifo_replaced(void *self, void *state)
{
    list_remove(state);
    list_insert(self, state);
}

static void fifo_removed(void *self, void *state, enum pxt_removal why)
{
    (void)self;
    (void)why;
    list_remove(state);
}

static void *fifo_victim(void *self, uint64_t newcomer)
{
    (void)newcomer;
    struct link *head = self;
    return head->previous == head ? NULL : head->previous;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct link),
                                            .order = order,
                                            .open = fifo_open,
                                            .close = fifo_close,
                                            .inserted = fifo_inserted,
                                            .accessed = fifo_accessed,
                                            .replaced = fifo_replaced,
                                            .removed = fifo_removed,
                                            .victim = fifo_victim};

PXT_PLUGIN(PXT_KIND_EVICTION, "fifo", "1.0.0", "MIT", "the entry that came first leaves", NULL, &ops);
