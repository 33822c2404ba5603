/* SPDX-License-Identifier: MIT
 *
 * shard.c: one shard of l1_memory: a hash table over nodes that never move. Hits read the table without a lock; writers
 * hold the shard's lock, and change its version as a seqlock's while entries move in it.
 */
#include "memory.h"
#include <stdlib.h>
#include <string.h>

static struct table *table_new(size_t slots)
{
    struct table *table = calloc(1, sizeof *table + slots * sizeof table->slot[0]);
    if (table)
        table->mask = slots - 1;
    return table;
}

pxt_status memory_shard_open(struct memory *memory, struct shard *shard, const struct pxt_tier_setup *setup,
                             uint64_t capacity, struct pxt_error *error)
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

void memory_shard_close(struct shard *shard)
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

/* Looks once through the table. May miss an entry that is being moved: see `version`. */
static inline pxt_entry *probe(struct shard *shard, const struct pxt_key *key, uint64_t *tag)
{
    const struct pxt_host *host = shard->memory->host;
    struct table *table = atomic_load_explicit(&shard->table, memory_order_acquire);
    for (size_t i = (size_t)key->hash & table->mask, steps = 0; steps <= table->mask;
         i = (i + 1) & table->mask, steps++) {
        struct slot *slot = &table->slot[i];
        *tag = atomic_load_explicit(&slot->tag, memory_order_acquire);
        if (!*tag)
            return NULL;
        if (*tag >> 48 != key->hash >> 48)
            continue;
        pxt_entry *entry = host->entry_acquire_key(&slot->entry, key);
        if (!entry)
            continue;
        if (atomic_load_explicit(&slot->tag, memory_order_relaxed) == *tag)
            return entry;
        host->entry_release(entry); /* the slot has another entry now: entries moved */
    }
    return NULL;
}

/* Looks again with the lock: the table changed during the first look, so that its miss proves nothing. */
__attribute__((noinline)) static pxt_entry *probe_locked(struct shard *shard, const struct pxt_key *key, uint64_t *tag)
{
    pthread_mutex_lock(&shard->lock);
    pxt_entry *entry = probe(shard, key, tag);
    pthread_mutex_unlock(&shard->lock);
    return entry;
}

pxt_entry *memory_shard_get(struct shard *shard, const struct pxt_key *key, bool peek)
{
    uint64_t tag;
    uint32_t before = atomic_load_explicit(&shard->version, memory_order_acquire);
    pxt_entry *entry = probe(shard, key, &tag);
    if (!entry) {
        atomic_thread_fence(memory_order_acquire);
        if (!(before & 1) && atomic_load_explicit(&shard->version, memory_order_relaxed) == before)
            return NULL;
        entry = probe_locked(shard, key, &tag);
    }
    if (entry && !peek)
        memory_hits_record(shard, tag);
    return entry;
}

/* ---- all below: under the shard's lock ------------------------------------------------------------------------ */

static void change_begin(struct shard *shard)
{
    atomic_fetch_add(&shard->version, 1);
}

static void change_end(struct shard *shard)
{
    atomic_fetch_add(&shard->version, 1);
}

static struct table *table_of(struct shard *shard)
{
    return atomic_load_explicit(&shard->table, memory_order_relaxed);
}

static uint64_t tag_at(const struct slot *slot)
{
    return atomic_load_explicit(&slot->tag, memory_order_relaxed);
}

static void slot_set(struct slot *slot, uint64_t tag, pxt_entry *entry)
{
    __atomic_store_n(&slot->entry, entry, __ATOMIC_SEQ_CST);
    atomic_store_explicit(&slot->tag, tag, memory_order_release);
}

static uint64_t hash_of(const struct shard *shard, const pxt_entry *entry)
{
    struct pxt_key key;
    shard->memory->host->entry_key(entry, &key);
    return key.hash;
}

static bool same_key(const struct shard *shard, const pxt_entry *entry, const struct pxt_key *key)
{
    struct pxt_key stored;
    shard->memory->host->entry_key(entry, &stored);
    return stored.hash == key->hash && stored.length == key->length && !memcmp(stored.text, key->text, key->length);
}

static struct slot *find_slot(struct shard *shard, const struct pxt_key *key)
{
    struct table *table = table_of(shard);
    for (size_t i = (size_t)key->hash & table->mask;; i = (i + 1) & table->mask) {
        struct slot *slot = &table->slot[i];
        if (!tag_at(slot))
            return NULL;
        if (tag_at(slot) >> 48 == key->hash >> 48 && same_key(shard, slot->entry, key))
            return slot;
    }
}

static struct slot *slot_of(struct shard *shard, const struct node *node)
{
    struct table *table = table_of(shard);
    size_t i = (size_t)hash_of(shard, node->entry) & table->mask;
    while (tag_number(tag_at(&table->slot[i])) != node->number)
        i = (i + 1) & table->mask;
    return &table->slot[i];
}

static void table_place(struct table *table, uint64_t hash, uint64_t tag, pxt_entry *entry)
{
    size_t i = (size_t)hash & table->mask;
    while (tag_at(&table->slot[i]))
        i = (i + 1) & table->mask;
    slot_set(&table->slot[i], tag, entry);
}

/* Keeps the table at most five eighths full. */
static bool table_grow(struct shard *shard)
{
    struct table *old = table_of(shard);
    if ((atomic_load_explicit(&shard->used, memory_order_relaxed) + 1) * 8 <= (old->mask + 1) * 5)
        return true;
    struct table *table = table_new((old->mask + 1) * 2);
    if (!table)
        return false;
    for (struct slot *slot = old->slot; slot <= &old->slot[old->mask]; slot++)
        if (tag_at(slot))
            table_place(table, hash_of(shard, slot->entry), tag_at(slot), slot->entry);
    table->older = old;
    change_begin(shard);
    atomic_store_explicit(&shard->table, table, memory_order_release);
    for (struct slot *slot = old->slot; slot <= &old->slot[old->mask];
         slot++) /* hits in the old table must miss: it is not kept up to date */
        __atomic_store_n(&slot->entry, NULL, __ATOMIC_SEQ_CST);
    change_end(shard);
    return true;
}

/* Removes a slot and moves later slots back, so that no gap ends a probe early (Knuth, TAOCP 3, 6.4, algorithm R). */
static void table_remove(struct shard *shard, struct slot *gap)
{
    struct table *table = table_of(shard);
    change_begin(shard);
    for (size_t i = (size_t)(gap - table->slot);;) {
        i = (i + 1) & table->mask;
        struct slot *slot = &table->slot[i];
        if (!tag_at(slot))
            break;
        size_t home = (size_t)hash_of(shard, slot->entry) & table->mask;
        if (((i - home) & table->mask) >= ((i - (size_t)(gap - table->slot)) & table->mask)) {
            slot_set(gap, tag_at(slot), slot->entry);
            gap = slot;
        }
    }
    slot_set(gap, 0, NULL);
    change_end(shard);
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

static void replace(struct shard *shard, struct slot *slot, pxt_entry *entry)
{
    struct memory *memory = shard->memory;
    struct node *node = shard_node(shard, tag_number(tag_at(slot)));
    pxt_entry *old = node->entry;
    if (node->hits)
        memory_hits_publish(shard); /* they are hits of the old entry */
    node->entry = memory->host->entry_hold(entry);
    __atomic_store_n(&slot->entry, entry, __ATOMIC_SEQ_CST);
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
    if (shard->policy) {
        memset(node->state, 0, shard->node_size - sizeof *node);
        pxt_status status = memory->policy->inserted(shard->policy, node->state, key->hash, error);
        if (status) {
            node_free(shard, node);
            return status;
        }
    }
    node->entry = memory->host->entry_hold(entry);
    table_place(table_of(shard), key->hash, slot_tag(key->hash, node->generation, node->number), entry);
    atomic_fetch_add(&shard->used, 1);
    atomic_fetch_add(&memory->count, 1);
    return PXT_OK;
}

pxt_status memory_shard_put(struct shard *shard, const struct pxt_key *key, pxt_entry *entry, struct pxt_error *error)
{
    pthread_mutex_lock(&shard->lock);
    memory_hits_drain(shard);
    struct slot *slot = find_slot(shard, key);
    pxt_status status = PXT_OK;
    if (slot)
        replace(shard, slot, entry);
    else
        status = insert(shard, key, entry, error);
    pthread_mutex_unlock(&shard->lock);
    return status;
}

static pxt_entry *remove_slot(struct shard *shard, struct slot *slot, enum pxt_removal why)
{
    struct memory *memory = shard->memory;
    struct node *node = shard_node(shard, tag_number(tag_at(slot)));
    pxt_entry *entry = node->entry;
    if (node->hits)
        memory_hits_publish(shard); /* a free node is on another list */
    table_remove(shard, slot);
    if (shard->policy)
        memory->policy->removed(shard->policy, node->state, why);
    node->generation++;
    node->entry = NULL;
    node_free(shard, node);
    atomic_fetch_sub(&shard->used, 1);
    atomic_fetch_sub(&memory->count, 1);
    return entry;
}

pxt_entry *memory_shard_remove_node(struct shard *shard, struct node *node, enum pxt_removal why)
{
    return remove_slot(shard, slot_of(shard, node), why);
}

pxt_status memory_shard_remove(struct shard *shard, const struct pxt_key *key, enum pxt_removal why)
{
    pthread_mutex_lock(&shard->lock);
    memory_hits_drain(shard);
    struct slot *slot = find_slot(shard, key);
    pxt_entry *entry = slot ? remove_slot(shard, slot, why) : NULL;
    pthread_mutex_unlock(&shard->lock);
    if (!entry)
        return PXT_NOT_FOUND;
    shard->memory->host->entry_release(entry);
    return PXT_OK;
}

bool memory_shard_victim(struct shard *shard, pxt_entry **out)
{
    struct memory *memory = shard->memory;
    pthread_mutex_lock(&shard->lock);
    memory_hits_drain(shard);
    void *state = shard->policy ? memory->policy->victim(shard->policy) : NULL;
    if (state) {
        struct node *node = (struct node *)(void *)((char *)state - offsetof(struct node, state));
        if (node->hits)
            memory_hits_publish(shard); /* the victim takes its counts along */
        *out = memory->host->entry_hold(node->entry);
    }
    pthread_mutex_unlock(&shard->lock);
    return state != NULL;
}
