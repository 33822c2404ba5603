/* SPDX-License-Identifier: MIT
 *
 * s3fifo.c: three queues (J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO Queues are All You Need for Cache
 * Eviction", SOSP 2023). New entries go to a small queue of a tenth of the capacity; entries hit twice there move on
 * to the main queue, the others leave, and a ghost queue remembers their hashes: an entry that comes back while it is
 * remembered goes to the main queue at once. In the main queue an entry with hits goes round again, with one hit less.
 */
#include "ring_list.h"
#include <proxtier/eviction.h>
#include <stdlib.h>
#include <string.h>

enum { HITS_MAX = 3, HITS_TO_MOVE = 2 };

struct state {
    struct link link;
    uint64_t hash;
    uint32_t hits;
    uint32_t in_main;
};

/* The ghost queue: hashes in a list from the oldest to the newest, made of `capacity` nodes, and a table that finds
 * them. Node 0 is the head of the list. */
struct ghost_node {
    uint64_t hash;
    uint32_t next, previous;
};
struct ghost {
    struct ghost_node *node;
    uint32_t *table; /* numbers of nodes; 0: empty */
    uint64_t mask;
    uint32_t capacity, made, free; /* `free` heads a list through `next` */
};
struct s3fifo {
    struct link small, main; /* newest next to the head */
    uint64_t small_count, small_capacity, main_count;
    struct ghost ghost;
};

static pxt_status s3fifo_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                              void **self, struct pxt_error *error)
{
    (void)settings;
    struct s3fifo *s3 = calloc(1, sizeof *s3);
    if (!s3)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the policy");
    if (capacity > UINT32_MAX / 4)
        capacity = UINT32_MAX / 4;
    list_init(&s3->small);
    list_init(&s3->main);
    s3->small_capacity = capacity / 10 ? capacity / 10 : 1;
    s3->ghost.capacity = capacity * 9 / 10 ? (uint32_t)(capacity * 9 / 10) : 1;
    uint64_t slots = 16;
    while (slots < (uint64_t)s3->ghost.capacity * 2)
        slots *= 2;
    s3->ghost.mask = slots - 1;
    s3->ghost.node = calloc((size_t)s3->ghost.capacity + 1, sizeof *s3->ghost.node);
    s3->ghost.table = calloc((size_t)slots, sizeof *s3->ghost.table);
    if (!s3->ghost.node || !s3->ghost.table) {
        free(s3->ghost.node);
        free(s3->ghost.table);
        free(s3);
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the policy");
    }
    *self = s3;
    return PXT_OK;
}

static void s3fifo_close(void *self)
{
    struct s3fifo *s3 = self;
    free(s3->ghost.node);
    free(s3->ghost.table);
    free(s3);
}

/* The slot of the table that leads to this hash, or the empty one where it would stand. */
static uint64_t ghost_slot(const struct ghost *ghost, uint64_t hash)
{
    uint64_t i = hash & ghost->mask;
    while (ghost->table[i] && ghost->node[ghost->table[i]].hash != hash)
        i = (i + 1) & ghost->mask;
    return i;
}

static void ghost_forget(struct ghost *ghost, uint64_t slot)
{
    uint32_t number = ghost->table[slot];
    struct ghost_node *node = &ghost->node[number];
    ghost->node[node->previous].next = node->next;
    ghost->node[node->next].previous = node->previous;
    node->next = ghost->free;
    ghost->free = number;
    for (uint64_t i = (slot + 1) & ghost->mask; ghost->table[i]; i = (i + 1) & ghost->mask) {
        uint64_t home = ghost->node[ghost->table[i]].hash & ghost->mask;
        if (((i - home) & ghost->mask) >= ((i - slot) & ghost->mask)) {
            ghost->table[slot] = ghost->table[i];
            slot = i;
        }
    }
    ghost->table[slot] = 0;
}

static bool ghost_take(struct ghost *ghost, uint64_t hash)
{
    uint64_t slot = ghost_slot(ghost, hash);
    if (!ghost->table[slot])
        return false;
    ghost_forget(ghost, slot);
    return true;
}

static void ghost_add(struct ghost *ghost, uint64_t hash)
{
    ghost_take(ghost, hash);
    if (!ghost->free && ghost->made == ghost->capacity)
        ghost_forget(ghost, ghost_slot(ghost, ghost->node[ghost->node[0].next].hash)); /* the oldest */
    uint32_t number = ghost->free ? ghost->free : ++ghost->made;
    struct ghost_node *node = &ghost->node[number];
    if (ghost->free)
        ghost->free = node->next;
    node->hash = hash;
    node->next = 0;
    node->previous = ghost->node[0].previous;
    ghost->node[node->previous].next = number;
    ghost->node[0].previous = number;
    ghost->table[ghost_slot(ghost, hash)] = number;
}

static void to_main(struct s3fifo *s3, struct state *entry)
{
    entry->in_main = 1;
    entry->hits = 0;
    list_insert(&s3->main, &entry->link);
    s3->main_count++;
}

static pxt_status s3fifo_inserted(void *self, void *state, uint64_t hash, struct pxt_error *error)
{
    (void)error;
    struct s3fifo *s3 = self;
    struct state *entry = state;
    entry->hash = hash;
    entry->hits = 0;
    entry->in_main = 0;
    if (ghost_take(&s3->ghost, hash)) {
        to_main(s3, entry);
        return PXT_OK;
    }
    list_insert(&s3->small, &entry->link);
    s3->small_count++;
    return PXT_OK;
}

static void s3fifo_accessed(void *self, void *state, uint64_t times)
{
    (void)self;
    struct state *entry = state;
    entry->hits = times > HITS_MAX - entry->hits ? HITS_MAX : entry->hits + (uint32_t)times;
}

static void s3fifo_removed(void *self, void *state, enum pxt_removal why)
{
    struct s3fifo *s3 = self;
    struct state *entry = state;
    list_remove(&entry->link);
    if (entry->in_main) {
        s3->main_count--;
        return;
    }
    s3->small_count--;
    if (why == PXT_REMOVE_POLICY)
        ghost_add(&s3->ghost, entry->hash);
}

/* Moves on those of the small queue that earned it, until one did not; NULL where all did. */
static struct state *victim_of_small(struct s3fifo *s3)
{
    while (s3->small_count) {
        struct state *oldest = (struct state *)(void *)s3->small.previous;
        if (oldest->hits < HITS_TO_MOVE)
            return oldest;
        list_remove(&oldest->link);
        s3->small_count--;
        to_main(s3, oldest);
    }
    return NULL;
}

static struct state *victim_of_main(struct s3fifo *s3)
{
    while (s3->main_count) {
        struct state *oldest = (struct state *)(void *)s3->main.previous;
        if (!oldest->hits)
            return oldest;
        oldest->hits--;
        list_remove(&oldest->link);
        list_insert(&s3->main, &oldest->link);
    }
    return NULL;
}

static void *s3fifo_victim(void *self)
{
    struct s3fifo *s3 = self;
    struct state *victim = NULL;
    if (s3->small_count >= s3->small_capacity || !s3->main_count)
        victim = victim_of_small(s3);
    if (!victim)
        victim = victim_of_main(s3);
    return victim ? victim : victim_of_small(s3);
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .open = s3fifo_open,
                                            .close = s3fifo_close,
                                            .inserted = s3fifo_inserted,
                                            .accessed = s3fifo_accessed,
                                            .removed = s3fifo_removed,
                                            .victim = s3fifo_victim};

PXT_PLUGIN(PXT_KIND_EVICTION, "s3fifo", "1.0.0", "MIT", "three queues with a ghost: S3-FIFO (SOSP 2023)", NULL, &ops);
