/* SPDX-License-Identifier: MIT
 *
 * hit_ring.c: records hits in a buffer of each thread, and applies them in batches (X. Ding et al., "BP-Wrapper",
 * ICDE 2009).
 *
 * A ring has one writer, its thread, and one reader at a time: the thread that holds the shard's lock. A recorded hit
 * is the tag of a slot; a tag whose node was freed since is dropped. Draining a ring tells the policy of its hits and
 * counts them in their nodes. Publishing adds the counts of a node to the live counters of its entry, which are atomic
 * and lie elsewhere: once for many hits.
 */
#include "memory.h"
#include <stdlib.h>
#include <string.h>

__attribute__((cold, noinline)) static struct ring *make_rings(struct memory *memory, unsigned thread)
{
    struct ring *rings = aligned_alloc(64, (memory->shard_count * sizeof *rings + 63) & ~(size_t)63);
    if (!rings)
        return NULL;
    memset(rings, 0, memory->shard_count * sizeof *rings);
    atomic_store_explicit(&memory->rings[thread], rings, memory_order_release);
    unsigned end = atomic_load(&memory->rings_end);
    while (end < thread + 1 && !atomic_compare_exchange_weak(&memory->rings_end, &end, thread + 1)) {
    }
    return rings;
}

static inline void apply(struct shard *shard, uint64_t tag, pxt_time time)
{
    struct memory *memory = shard->memory;
    struct node *node = shard_node(shard, tag_number(tag));
    if (!tag_is_current(tag, node))
        return;
    if (shard->policy)
        memory->policy->accessed(shard->policy, node->state, 1);
    if (!node->hits) {
        node->next = shard->hit_node;
        shard->hit_node = node->number + 1;
    }
    if (!node->hits || time > node->last_hit) /* threads' rings are applied one after the other */
        node->last_hit = time;
    if (++node->hits == UINT32_MAX) /* the next hit would overflow */
        memory_hits_publish(shard);
}

void memory_hits_publish(struct shard *shard)
{
    while (shard->hit_node) {
        struct node *node = shard_node(shard, shard->hit_node - 1);
        shard->hit_node = node->next;
        shard->memory->host->entry_touch(node->entry, node->hits, node->last_hit);
        node->hits = 0;
    }
}

static void apply_ring(struct shard *shard, struct ring *ring, pxt_time now)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (uint32_t i = tail; i != head;
         i++) /* in a large table each node is a cache miss: fetch the nodes side by side */
        __builtin_prefetch(
            shard_node(shard, tag_number(atomic_load_explicit(&ring->tag[i % RING], memory_order_relaxed))), 1);
    /* The times of a batch differ by a microsecond each, so that tiers which order by time keep the order of hits. */
    for (uint32_t left = head - tail; left; left--, tail++)
        apply(shard, atomic_load_explicit(&ring->tag[tail % RING], memory_order_relaxed), now - (pxt_time)left + 1);
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
}

void memory_hits_drain(struct shard *shard)
{
    struct memory *memory = shard->memory;
    pxt_time now = 0;
    unsigned end = atomic_load_explicit(&memory->rings_end, memory_order_acquire);
    for (unsigned i = 0; i < end; i++) {
        struct ring *rings = atomic_load_explicit(&memory->rings[i], memory_order_acquire);
        if (!rings)
            continue;
        struct ring *ring = &rings[shard->number];
        if (atomic_load_explicit(&ring->head, memory_order_acquire) ==
            atomic_load_explicit(&ring->tail, memory_order_relaxed))
            continue;
        if (!now)
            now = memory->host->now(memory->host);
        apply_ring(shard, ring, now);
    }
}

/* Applies one hit at once, after those in `ring`: the ring is full, or NULL because the thread has no ring. */
__attribute__((noinline)) static void add_slowly(struct shard *shard, uint64_t tag, struct ring *ring)
{
    pthread_mutex_lock(&shard->lock);
    pxt_time now = shard->memory->host->now(shard->memory->host);
    if (ring)
        apply_ring(shard, ring, now - 1);
    apply(shard, tag, now);
    pthread_mutex_unlock(&shard->lock);
}

void memory_hits_record(struct shard *shard, uint64_t tag)
{
    struct memory *memory = shard->memory;
    unsigned thread = memory->host->thread_index();
    struct ring *rings = NULL;
    if (thread < PXT_THREAD_MAX) {
        rings = atomic_load_explicit(&memory->rings[thread], memory_order_acquire);
        rings = rings ? rings : make_rings(memory, thread);
    }
    struct ring *ring = rings ? &rings[shard->number] : NULL;
    if (!ring) {
        add_slowly(shard, tag, NULL);
        return;
    }
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == RING) {
        add_slowly(shard, tag, ring);
        return;
    }
    atomic_store_explicit(&ring->tag[head % RING], tag, memory_order_relaxed);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

void memory_hits_free(struct memory *memory)
{
    for (unsigned i = 0; i < atomic_load(&memory->rings_end); i++)
        free(atomic_load(&memory->rings[i]));
}
