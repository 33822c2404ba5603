/* SPDX-License-Identifier: MIT
 *
 * lfu.c: the least frequently used entry leaves; among equals, the entry that reached the frequency first. All in
 * constant time: a list of buckets, one a frequency, each with its entries in the order in which they reached it (K. Shah, A. Mitra,
 * D. Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010).
 *
 * A hit must not fail, so it never allocates a bucket: each entry brings a spare bucket when it is inserted.
 */
#include "ring_list.h"
#include <proxtier/eviction.h>
#include <stdlib.h>

struct bucket {
    struct link link;    /* among the buckets, by frequency */
    struct link entries; /* newest at the head */
    uint64_t frequency;
};
struct state {
    struct link link; /* in bucket->entries */
    struct bucket *bucket;
};
struct lfu {
    struct link buckets; /* lowest frequency next to the head */
    struct link spare;
};

static const enum pxt_field_id order[] = {PXT_FIELD_ACCESS_COUNT, PXT_FIELD_LAST_ACCESSED, PXT_FIELD_END};

static pxt_status lfu_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                           void **self, struct pxt_error *error)
{
    (void)settings;
    (void)capacity;
    struct lfu *lfu = malloc(sizeof *lfu);
    if (!lfu)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the policy");
    list_init(&lfu->buckets);
    list_init(&lfu->spare);
    *self = lfu;
    return PXT_OK;
}

static void free_all(struct link *head)
{
    while (head->next != head) {
        struct link *first = head->next;
        list_remove(first);
        free(first); /* the link is a bucket's first member */
    }
}

static void lfu_close(void *self)
{
    struct lfu *lfu = self;
    free_all(&lfu->buckets);
    free_all(&lfu->spare);
    free(lfu);
}

static struct bucket *after(struct lfu *lfu, struct link *place, uint64_t frequency)
{
    struct bucket *next = (struct bucket *)(void *)place->next;
    if (place->next != &lfu->buckets && next->frequency == frequency)
        return next;
    struct bucket *made = (struct bucket *)(void *)lfu->spare.next;
    list_remove(&made->link);
    list_init(&made->entries);
    made->frequency = frequency;
    list_insert(place, &made->link);
    return made;
}

static void enter(struct bucket *bucket, struct state *state)
{
    state->bucket = bucket;
    list_insert(&bucket->entries, &state->link);
}

static void drop_if_empty(struct lfu *lfu, struct bucket *bucket)
{
    if (bucket->entries.next != &bucket->entries)
        return;
    list_remove(&bucket->link);
    list_insert(&lfu->spare, &bucket->link);
}

static pxt_status lfu_inserted(void *self, void *state, uint64_t hash, struct pxt_error *error)
{
    (void)hash;
    (void)error;
    struct lfu *lfu = self;
    struct bucket *reserve = malloc(sizeof *reserve);
    if (!reserve)
        return PXT_ENOMEM;
    list_insert(&lfu->spare, &reserve->link);
    enter(after(lfu, &lfu->buckets, 1), state);
    return PXT_OK;
}

static void lfu_accessed(void *self, void *state, uint64_t times)
{
    struct lfu *lfu = self;
    struct state *entry = state;
    struct bucket *old = entry->bucket;
    uint64_t frequency = old->frequency > UINT64_MAX - times ? UINT64_MAX : old->frequency + times;
    if (frequency == old->frequency)
        return;
    list_remove(&entry->link);
    struct link *place = &old->link;
    /* Usually the next bucket; several steps only where hits were noted many at a time. */
    while (place->next != &lfu->buckets && ((struct bucket *)(void *)place->next)->frequency < frequency)
        place = place->next;
    /* One bucket an entry is in store, and this entry's own is not in use if the old one empties. */
    if (old->entries.next == &old->entries && place == &old->link &&
        (place->next == &lfu->buckets || ((struct bucket *)(void *)place->next)->frequency != frequency)) {
        old->frequency = frequency;
        enter(old, entry);
        return;
    }
    if (old->entries.next == &old->entries) {
        if (place == &old->link)
            place = place->previous;
        drop_if_empty(lfu, old);
    }
    enter(after(lfu, place, frequency), entry);
}

static void lfu_removed(void *self, void *state, enum pxt_removal why)
{
    (void)why;
    struct lfu *lfu = self;
    struct state *entry = state;
    list_remove(&entry->link);
    drop_if_empty(lfu, entry->bucket);
    struct link *spare = lfu->spare.next; /* with n entries at most n buckets are in use */
    list_remove(spare);
    free(spare);
}

static void *lfu_victim(void *self, uint64_t newcomer)
{
    (void)newcomer;
    struct lfu *lfu = self;
    if (lfu->buckets.next == &lfu->buckets)
        return NULL;
    return ((struct bucket *)(void *)lfu->buckets.next)->entries.previous;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .order = order,
                                            .open = lfu_open,
                                            .close = lfu_close,
                                            .inserted = lfu_inserted,
                                            .accessed = lfu_accessed,
                                            .removed = lfu_removed,
                                            .victim = lfu_victim};

PXT_PLUGIN(PXT_KIND_EVICTION, "lfu", "1.0.0", "MIT", "the least frequently used entry leaves", NULL, &ops);
