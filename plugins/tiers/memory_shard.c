/* SPDX-License-Identifier: MIT
 *
 * memory_shard.c: one shard of l1_memory: a hash table that hits read without a lock, over nodes that never move.
 */
#include "memory_shard.h"
#include <stdlib.h>
#include <string.h>

static struct table *table_new(size_t slots)
{
    struct table *table = calloc(1, sizeof *table + slots * sizeof table->slot[0]);
    if (table)
        table->mask = slots - 1;
    return table;
}

pxt_status shard_open(struct memory *memory, struct shard *shard, const struct pxt_tier_setup *setup, uint64_t capacity,
                      struct pxt_error *error)
{
    const struct pxt_host *host = memory->host;
    shard->memory = memory;
    shard->number = memory->shard_count;
    size_t state = setup->policy ? (setup->policy->state_size + 7) & ~(size_t)7 : 0;
    shard->node_size = sizeof(struct node) + state;
    struct table *table = table_new(64);
    if (!table)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a table");
    if (setup->policy) {
        pxt_status status =
            setup->policy->open(setup->policy_host, setup->policy_settings, capacity, &shard->policy, error);
        if (status) {
            free(table);
            return status;
        }
    }
    pthread_mutex_init(&shard->lock, NULL);
    atomic_store(&shard->table, table);
    return PXT_OK;
}

void shard_close(struct shard *shard)
{
    struct memory *memory = shard->memory;
    for (uint32_t i = 0; i < shard->made; i++)
        memory->host->entry_release(shard_node(shard, i)->entry);
    if (shard->policy)
        memory->policy->close(shard->policy);
    for (unsigned i = 0; i < CHUNKS; i++)
        free(atomic_load(&shard->chunk[i]));
    for (struct table *table = atomic_load(&shard->table), *older; table; table = older) {
        older = table->older;
        free(table);
    }
    pthread_mutex_destroy(&shard->lock);
}

/* Looks once through the table. May miss an entry that is being moved: see `moves`. */
static inline pxt_entry *probe(struct shard *shard, const struct pxt_key *key, struct node **found)
{
    const struct pxt_host *host = shard->memory->host;
    struct table *table = atomic_load_explicit(&shard->table, memory_order_acquire);
    uint64_t tag = key->hash >> 32;
    for (size_t i = key->hash & table->mask, steps = 0; steps <= table->mask; i = (i + 1) & table->mask, steps++) {
        uint64_t slot = atomic_load_explicit(&table->slot[i], memory_order_acquire);
        if (!slot)
            return NULL;
        if (slot >> 32 != tag)
            continue;
        struct node *node = shard_node(shard, (uint32_t)slot - 1);
        pxt_entry *entry = host->entry_acquire_key(&node->entry, key);
        if (entry) {
            *found = node;
            return entry;
        }
    }
    return NULL;
}

/* Not found, but perhaps because the table changed under the look: only now is a miss a miss. */
__attribute__((noinline)) static pxt_entry *probe_locked(struct shard *shard, const struct pxt_key *key,
                                                         struct node **found)
{
    pthread_mutex_lock(&shard->lock);
    pxt_entry *entry = probe(shard, key, found);
    pthread_mutex_unlock(&shard->lock);
    return entry;
}

pxt_entry *shard_get(struct shard *shard, const struct pxt_key *key, bool peek)
{
    struct node *node = NULL;
    uint32_t before = atomic_load_explicit(&shard->moves, memory_order_acquire);
    pxt_entry *entry = probe(shard, key, &node);
    if (!entry) {
        atomic_thread_fence(memory_order_acquire);
        if (!(before & 1) && atomic_load_explicit(&shard->moves, memory_order_relaxed) == before)
            return NULL;
        entry = probe_locked(shard, key, &node);
    }
    if (entry && !peek)
        notes_add(shard, node);
    return entry;
}

/* ---- all below: under the shard's lock ------------------------------------------------------------------------ */

static void moves_begin(struct shard *shard)
{
    atomic_fetch_add(&shard->moves, 1);
}

static void moves_end(struct shard *shard)
{
    atomic_fetch_add(&shard->moves, 1);
}

static bool same_key(const struct memory *memory, const pxt_entry *entry, const struct pxt_key *key)
{
    struct pxt_key stored;
    memory->host->entry_key(entry, &stored);
    return stored.hash == key->hash && stored.length == key->length && !memcmp(stored.text, key->text, key->length);
}

static struct node *find_node(struct shard *shard, const struct pxt_key *key)
{
    struct table *table = atomic_load_explicit(&shard->table, memory_order_relaxed);
    for (size_t i = key->hash & table->mask;; i = (i + 1) & table->mask) {
        uint64_t slot = atomic_load_explicit(&table->slot[i], memory_order_relaxed);
        if (!slot)
            return NULL;
        struct node *node = shard_node(shard, (uint32_t)slot - 1);
        if (node->hash == key->hash && same_key(shard->memory, node->entry, key))
            return node;
    }
}

static void table_place(struct table *table, const struct node *node)
{
    size_t i = node->hash & table->mask;
    while (atomic_load_explicit(&table->slot[i], memory_order_relaxed))
        i = (i + 1) & table->mask;
    atomic_store_explicit(&table->slot[i], node->hash >> 32 << 32 | ((uint64_t)node->number + 1), memory_order_release);
}

/* Keeps the table at most half full. */
static bool table_grow(struct shard *shard)
{
    struct table *old = atomic_load_explicit(&shard->table, memory_order_relaxed);
    if ((atomic_load_explicit(&shard->used, memory_order_relaxed) + 1) * 2 <= old->mask + 1)
        return true;
    struct table *table = table_new((old->mask + 1) * 2);
    if (!table)
        return false;
    for (size_t i = 0; i <= old->mask; i++) {
        uint64_t slot = atomic_load_explicit(&old->slot[i], memory_order_relaxed);
        if (slot)
            table_place(table, shard_node(shard, (uint32_t)slot - 1));
    }
    table->older = old;
    moves_begin(shard);
    atomic_store_explicit(&shard->table, table, memory_order_release);
    moves_end(shard);
    return true;
}

/* Removes a slot and moves back what stood behind it, so that no gap ends a probe early (Knuth, TAOCP 3, 6.4 R). */
static void table_remove(struct shard *shard, const struct node *node)
{
    struct table *table = atomic_load_explicit(&shard->table, memory_order_relaxed);
    size_t gap = node->hash & table->mask;
    while ((uint32_t)atomic_load_explicit(&table->slot[gap], memory_order_relaxed) != node->number + 1)
        gap = (gap + 1) & table->mask;
    moves_begin(shard);
    for (size_t i = gap;;) {
        i = (i + 1) & table->mask;
        uint64_t slot = atomic_load_explicit(&table->slot[i], memory_order_relaxed);
        if (!slot)
            break;
        size_t home = shard_node(shard, (uint32_t)slot - 1)->hash & table->mask;
        if (((i - home) & table->mask) >= ((i - gap) & table->mask)) {
            atomic_store_explicit(&table->slot[gap], slot, memory_order_release);
            gap = i;
        }
    }
    atomic_store_explicit(&table->slot[gap], 0, memory_order_release);
    moves_end(shard);
}

static struct node *node_new(struct shard *shard)
{
    if (shard->free_node) {
        struct node *node = shard_node(shard, shard->free_node - 1);
        shard->free_node = node->next;
        return node;
    }
    uint32_t at = shard->made + CHUNK_FIRST;
    unsigned chunk = 31u - (unsigned)__builtin_clz(at) - 6u;
    if (chunk >= CHUNKS)
        return NULL;
    if (!atomic_load(&shard->chunk[chunk])) {
        unsigned char *memory = calloc((size_t)CHUNK_FIRST << chunk, shard->node_size);
        if (!memory)
            return NULL;
        atomic_store_explicit(&shard->chunk[chunk], memory, memory_order_release);
    }
    struct node *node = shard_node(shard, shard->made);
    node->number = shard->made++;
    return node;
}

static void node_free(struct shard *shard, struct node *node)
{
    node->next = shard->free_node;
    shard->free_node = node->number + 1;
}

static void replace(struct shard *shard, struct node *node, pxt_entry *entry)
{
    struct memory *memory = shard->memory;
    pxt_entry *old = node->entry;
    if (node->hits)
        notes_settle(shard); /* they are hits of the old one */
    __atomic_store_n(&node->entry, memory->host->entry_hold(entry), __ATOMIC_SEQ_CST);
    memory->host->entry_release(old);
    if (!shard->policy)
        return;
    if (memory->policy->replaced)
        memory->policy->replaced(shard->policy, node->state);
    else
        memory->policy->accessed(shard->policy, node->state, 1);
}

static pxt_status insert(struct shard *shard, const struct pxt_key *key, pxt_entry *entry, struct pxt_error *error)
{
    struct memory *memory = shard->memory;
    struct node *node = table_grow(shard) ? node_new(shard) : NULL;
    if (!node)
        return memory->host->fail(memory->host, error, PXT_ENOMEM, 0, "out of memory for one more entry");
    node->hash = key->hash;
    if (shard->policy) {
        memset(node->state, 0, shard->node_size - sizeof *node);
        pxt_status status = memory->policy->inserted(shard->policy, node->state, key->hash, error);
        if (status) {
            node_free(shard, node);
            return status;
        }
    }
    __atomic_store_n(&node->entry, memory->host->entry_hold(entry), __ATOMIC_SEQ_CST);
    table_place(atomic_load_explicit(&shard->table, memory_order_relaxed), node);
    atomic_fetch_add(&shard->used, 1);
    atomic_fetch_add(&memory->count, 1);
    return PXT_OK;
}

pxt_status shard_put(struct shard *shard, const struct pxt_key *key, pxt_entry *entry, struct pxt_error *error)
{
    pthread_mutex_lock(&shard->lock);
    notes_apply(shard);
    struct node *node = find_node(shard, key);
    pxt_status status = PXT_OK;
    if (node)
        replace(shard, node, entry);
    else
        status = insert(shard, key, entry, error);
    pthread_mutex_unlock(&shard->lock);
    return status;
}

pxt_entry *shard_remove_node(struct shard *shard, struct node *node, enum pxt_removal why)
{
    struct memory *memory = shard->memory;
    pxt_entry *entry = node->entry;
    if (node->hits)
        notes_settle(shard); /* a free node is on another list */
    table_remove(shard, node);
    if (shard->policy)
        memory->policy->removed(shard->policy, node->state, why);
    atomic_fetch_add(&node->lifetime, 1);
    __atomic_store_n(&node->entry, NULL, __ATOMIC_SEQ_CST);
    node_free(shard, node);
    atomic_fetch_sub(&shard->used, 1);
    atomic_fetch_sub(&memory->count, 1);
    return entry;
}

pxt_status shard_remove(struct shard *shard, const struct pxt_key *key, enum pxt_removal why)
{
    pthread_mutex_lock(&shard->lock);
    notes_apply(shard);
    struct node *node = find_node(shard, key);
    pxt_entry *entry = node ? shard_remove_node(shard, node, why) : NULL;
    pthread_mutex_unlock(&shard->lock);
    shard->memory->host->entry_release(entry);
    return node ? PXT_OK : PXT_NOT_FOUND;
}

bool shard_victim(struct shard *shard, pxt_entry **out)
{
    struct memory *memory = shard->memory;
    pthread_mutex_lock(&shard->lock);
    notes_apply(shard);
    void *state = shard->policy ? memory->policy->victim(shard->policy) : NULL;
    if (state) {
        struct node *node = (struct node *)(void *)((char *)state - offsetof(struct node, state));
        if (node->hits)
            notes_settle(shard); /* it takes its counts with it */
        *out = memory->host->entry_hold(node->entry);
    }
    pthread_mutex_unlock(&shard->lock);
    return state != NULL;
}
