/* SPDX-License-Identifier: MIT
 *
 * memory.h: the parts of l1_memory: shards with their tables, nodes, and rings of notes.
 */
#ifndef MEMORY_SHARD_H
#define MEMORY_SHARD_H

#include <proxtier/tier.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    MEMORY_SHARDS_MAX = 256,
    CHUNK_FIRST = 64, /* nodes in the first chunk of a shard; each next has twice as many */
    CHUNKS = 26,
    RING = 32 /* notes a thread keeps for a shard; a power of two */
};

/* A place for an entry, with what hits need not read. Nodes never move, and are not freed before close. All of it is
 * under the shard's lock. */
struct node {
    pxt_entry *entry;  /* NULL: free */
    uint32_t lifetime; /* raised when it is freed: notes of an earlier life are void */
    uint32_t number;   /* of this node in its shard */
    uint32_t next;     /* number + 1 of the next that is free, or that was hit */
    uint32_t hits;     /* since its entry's live counters were raised */
    pxt_time last_hit;
    uint64_t state[]; /* the policy's */
};

/* Open addressing. A hit reads a slot and the entry, nothing between. */
struct slot {
    _Atomic uint64_t word; /* 16 bits of the hash, 16 of the node's lifetime, number + 1; 0: free */
    pxt_entry *entry;      /* atomic; that of the node; NULL where free */
};

/* Replaced when it grows; old ones, without entries, stay until close for hits that still read them. */
struct table {
    struct table *older;
    size_t mask;
    struct slot slot[];
};

/* Accesses of one thread to one shard, not yet applied. The thread writes at `head`; whoever has the shard's lock
 * takes from `tail`. */
struct ring {
    _Atomic uint32_t head;
    _Atomic uint32_t tail;
    _Atomic uint64_t note[RING]; /* the words of slots */
};

struct shard {
    _Alignas(64) struct memory *memory;
    _Atomic(struct table *) table;
    _Atomic uint32_t moves; /* odd while the table is being changed: a miss meanwhile is looked up again */
    uint32_t number;        /* of this shard */
    size_t node_size;
    _Atomic(unsigned char *) chunk[CHUNKS];
    /* A hit reads what stands above, and nothing below. */
    _Alignas(64) pthread_mutex_t lock;
    void *policy;       /* NULL where the tier has no capacity */
    uint32_t free_node; /* number + 1 */
    uint32_t hit_node;  /* number + 1: the first of those with hits */
    uint32_t made;      /* nodes made so far */
    _Atomic uint64_t used;
};

struct memory {
    const struct pxt_host *host;
    const struct pxt_eviction_ops *policy;
    _Atomic uint64_t count;
    _Atomic(struct ring *) rings[PXT_THREAD_MAX]; /* of each thread, one for each shard */
    _Atomic unsigned rings_end;
    unsigned shard_count;
    _Alignas(64) struct shard shard[];
};

/* memory_shard.c */
pxt_status shard_open(struct memory *memory, struct shard *shard, const struct pxt_tier_setup *setup, uint64_t capacity,
                      struct pxt_error *error);
void shard_close(struct shard *shard);
/* The entry, held; a hit is noted unless it is a `peek`. */
pxt_entry *shard_get(struct shard *shard, const struct pxt_key *key, bool peek);
pxt_status shard_put(struct shard *shard, const struct pxt_key *key, pxt_entry *entry, struct pxt_error *error);
pxt_status shard_remove(struct shard *shard, const struct pxt_key *key, enum pxt_removal why);
bool shard_victim(struct shard *shard, pxt_entry **out);
/* memory_walk.c */
bool shard_each(struct shard *shard, pxt_entry_fn *fn, void *arg);
uint64_t shard_clear(struct shard *shard);
uint64_t shard_expire(struct shard *shard, pxt_time now, size_t limit, pxt_key_fn *fn, void *arg);
/* Of memory_shard.c, for memory_walk.c: removes a node that is in use; the caller releases the entry returned. */
pxt_entry *shard_remove_node(struct shard *shard, struct node *node, enum pxt_removal why);
/* memory_notes.c */
void notes_add(struct shard *shard, uint64_t word);
/* Both under the shard's lock: tells the policy of the hits so far; and raises the live counters of their entries. */
void notes_apply(struct shard *shard);
void notes_settle(struct shard *shard);
void notes_free(struct memory *memory);

static inline uint64_t slot_word(uint64_t hash, uint32_t lifetime, uint32_t number)
{
    return hash >> 48 << 48 | (uint64_t)(lifetime & 0xffff) << 32 | ((uint64_t)number + 1);
}
static inline uint32_t word_number(uint64_t word)
{
    return (uint32_t)word - 1;
}
static inline bool word_means(uint64_t word, const struct node *node)
{
    return node->entry && ((word >> 32) & 0xffff) == (node->lifetime & 0xffff);
}

static inline struct node *shard_node(struct shard *shard, uint32_t number)
{
    uint32_t at = number + CHUNK_FIRST;
    unsigned chunk = 31u - (unsigned)__builtin_clz(at) - 6u; /* 2^6 = CHUNK_FIRST */
    unsigned char *base = atomic_load_explicit(&shard->chunk[chunk], memory_order_acquire);
    return (struct node *)(void *)(base + (size_t)(at - ((uint32_t)CHUNK_FIRST << chunk)) * shard->node_size);
}

#endif
