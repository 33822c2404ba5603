/* SPDX-License-Identifier: MIT
 *
 * lru.c: the least recently used entry leaves. A list in the order of use: newest at the head.
 */
#include "ring_list.h"
#include <proxtier/eviction.h>
#include <stdlib.h>

static const enum pxt_field_id order[] = {PXT_FIELD_LAST_ACCESSED, PXT_FIELD_END};

static pxt_status lru_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
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

static void lru_close(void *self)
{
    free(self);
}

static pxt_status lru_inserted(void *self, void *state, uint64_t hash, struct pxt_error *error)
{
    (void)hash;
    (void)error;
    list_insert(self, state);
    return PXT_OK;
}

static void lru_accessed(void *self, void *state, uint64_t times)
{
    (void)times;
    struct link *head = self;
    if (head->next == state)
        return;
    list_remove(state);
    list_insert(head, state);
}

static void lru_removed(void *self, void *state, enum pxt_removal why)
{
    (void)self;
    (void)why;
    list_remove(state);
}

static void *lru_victim(void *self, uint64_t newcomer)
{
    (void)newcomer;
    struct link *head = self;
    return head->previous == head ? NULL : head->previous;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct link),
                                            .order = order,
                                            .open = lru_open,
                                            .close = lru_close,
                                            .inserted = lru_inserted,
                                            .accessed = lru_accessed,
                                            .removed = lru_removed,
                                            .victim = lru_victim};

PXT_PLUGIN(PXT_KIND_EVICTION, "lru", "1.0.0", "MIT", "the least recently used entry leaves", NULL, &ops);
