/* SPDX-License-Identifier: MIT
 *
 * memory.h: the data of l1_memory, and the functions that its files share: shards with their tables, nodes, and rings of
 * hits. Start reading in l1_memory.c. The files include <proxtier/tier.h> and this header only.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <proxtier/tier.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    MEMORY_SHARDS_MAX = 256,
    CHUNK_FIRST = 64, /* nodes in the first chunk of a shard; each next has twice as many */
    CHUNKS = 26,
    RING = 32 /* hits that a thread keeps for a shard; a power of two */
};

/* What a shard knows of an entry beyond its slot. Nodes never move, and are not freed before close. The shard's lock
 * protects all of it. */
struct node {
    pxt_entry *entry;    /* NULL: free */
    uint32_t generation; /* raised when the node is freed: tags of its former entry are not current (ABA) */
    uint32_t number;     /* of this node in its shard */
    uint32_t next;       /* number + 1 of the next free node, or of the next node with hits */
    uint32_t hits;       /* not yet published to the live counters of the entry */
    pxt_time last_hit;
    uint64_t state[]; /* the policy's */
};

/* Open addressing. A hit reads a slot and the entry, nothing between. */
struct slot {
    _Atomic uint64_t tag; /* 16 bits of the hash, 16 of the node's generation, number + 1; 0: free */
    pxt_entry *entry;     /* atomic; that of the node; NULL where free */
};

/* Replaced when it grows. An old table, without its entries, stays until close for hits that still read it. */
struct table {
    struct table *older;
    size_t mask;
    struct slot slot[];
};

/* Hits of one thread in one shard, not yet drained. The thread writes at `head`; the holder of the shard's lock reads
 * at `tail`. */
struct ring {
    _Atomic uint32_t head;
    _Atomic uint32_t tail;
    _Atomic uint64_t tag[RING]; /* of the slots that were hit */
};

struct shard {
    _Alignas(64) struct memory *memory;
    _Atomic(struct table *) table;
    _Atomic uint32_t
        version;     /* as of a seqlock: odd while the table is being changed; a miss meanwhile is looked up again */
    uint32_t number; /* of this shard */
    size_t node_size;
    _Atomic(unsigned char *) chunk[CHUNKS];
    /* A hit reads what stands above, and nothing below. */
    _Alignas(64) pthread_mutex_t lock;
    void *policy;       /* NULL if the tier has no capacity */
    uint32_t free_node; /* number + 1 */
    uint32_t hit_node;  /* number + 1: the first node with hits */
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

/* ---- hit_ring.c ---- */

/* Records a hit of the slot with this tag, for the calling thread. Takes the shard's lock only if the ring is full. */
void memory_hits_record(struct shard *shard, uint64_t tag);
/* Tells the policy of the hits of all threads. The shard's lock is held. */
void memory_hits_drain(struct shard *shard);
/* Adds drained hits to the live counters of their entries. The shard's lock is held. */
void memory_hits_publish(struct shard *shard);
void memory_hits_free(struct memory *memory);

/* ---- shard.c ---- */

/* Opens the next shard, number `memory->shard_count`, with a policy for `capacity` entries. */
pxt_status memory_shard_open(struct memory *memory, struct shard *shard, const struct pxt_tier_setup *setup,
                             uint64_t capacity, struct pxt_error *error);
void memory_shard_close(struct shard *shard);
/* Returns the entry with a reference, or NULL. Records a hit, or tells the policy of a miss, unless `peek`. */
pxt_entry *memory_shard_get(struct shard *shard, const struct pxt_key *key, bool peek);
pxt_status memory_shard_put(struct shard *shard, const struct pxt_key *key, pxt_entry *entry, struct pxt_error *error);
pxt_status memory_shard_remove(struct shard *shard, const struct pxt_key *key, enum pxt_removal why);
/* Gives the policy's next victim with a reference; NULL if the policy keeps the newcomer out; false if the shard is empty. */
bool memory_shard_victim(struct shard *shard, uint64_t newcomer, pxt_entry **out);
/* Removes a node that is in use and returns its entry, whose reference passes to the caller. The shard's lock is held.
 */
pxt_entry *memory_shard_remove_node(struct shard *shard, struct node *node, enum pxt_removal why);

/* ---- walk.c ---- */

/* Calls `fn` for each entry, without a lock; false if `fn` said stop. */
bool memory_shard_each(struct shard *shard, pxt_entry_fn *fn, void *arg);
uint64_t memory_shard_clear(struct shard *shard);
/* Removes up to `limit` expired entries and tombstones whose version is at most `up_to`, and calls `fn` for each entry,
 * without a lock; returns how many it removed. */
uint64_t memory_shard_expire(struct shard *shard, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn,
                             void *arg);

static inline uint64_t slot_tag(uint64_t hash, uint32_t generation, uint32_t number)
{
    return hash >> 48 << 48 | (uint64_t)(generation & 0xffff) << 32 | ((uint64_t)number + 1);
}
static inline uint32_t tag_number(uint64_t tag)
{
    return (uint32_t)tag - 1;
}
static inline bool tag_is_current(uint64_t tag, const struct node *node)
{
    return node->entry && ((tag >> 32) & 0xffff) == (node->generation & 0xffff);
}

static inline struct node *shard_node(struct shard *shard, uint32_t number)
{
    uint32_t at = number + CHUNK_FIRST;
    unsigned chunk = 31u - (unsigned)__builtin_clz(at) - 6u; /* 2^6 = CHUNK_FIRST */
    unsigned char *base = atomic_load_explicit(&shard->chunk[chunk], memory_order_acquire);
    return (struct node *)(void *)(base + (size_t)(at - ((uint32_t)CHUNK_FIRST << chunk)) * shard->node_size);
}

#endif
