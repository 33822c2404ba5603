/* SPDX-License-Identifier: MIT
 *
 * walk.c: each, clear and expire of one shard of l1_memory. Each and expire go in steps of a few nodes, so that no thread
 * waits long for the shard's lock.
 */
#include "memory.h"

enum { STEP = 256 }; /* nodes looked at under one locking */

/* Takes a counted reference to the entries of up to STEP nodes. Returns how many. */
static unsigned gather(struct shard *shard, uint32_t from, pxt_entry *entries[STEP])
{
    const struct pxt_host *host = shard->memory->host;
    unsigned n = 0;
    pthread_mutex_lock(&shard->lock);
    if (!from) {
        memory_hits_drain(shard);
        memory_hits_publish(shard);
    }
    for (uint32_t i = from; i < shard->made && i < from + STEP; i++) {
        pxt_entry *entry = shard_node(shard, i)->entry;
        if (entry)
            entries[n++] = host->entry_hold(entry);
    }
    pthread_mutex_unlock(&shard->lock);
    return n;
}

static uint32_t made(struct shard *shard)
{
    pthread_mutex_lock(&shard->lock);
    uint32_t number = shard->made;
    pthread_mutex_unlock(&shard->lock);
    return number;
}

bool memory_shard_each(struct shard *shard, pxt_entry_fn *fn, void *arg)
{
    bool go_on = true;
    for (uint32_t from = 0, end = made(shard); from < end && go_on; from += STEP) {
        pxt_entry *entries[STEP];
        unsigned n = gather(shard, from, entries);
        for (unsigned i = 0; i < n; i++) {
            go_on = go_on && fn(arg, entries[i]);
            shard->memory->host->entry_release(entries[i]);
        }
    }
    return go_on;
}

uint64_t memory_shard_clear(struct shard *shard)
{
    const struct pxt_host *host = shard->memory->host;
    uint64_t removed = 0;
    pthread_mutex_lock(&shard->lock);
    for (uint32_t i = 0; i < shard->made; i++) {
        struct node *node = shard_node(shard, i);
        if (!node->entry)
            continue;
        host->entry_release(memory_shard_remove_node(shard, node, PXT_REMOVE_DELETED));
        removed++;
    }
    pthread_mutex_unlock(&shard->lock);
    return removed;
}

/* A tombstone has expired at any time, but for one that says until when the proxy is known as dead. */
static bool is_dead(const struct pxt_host *host, const pxt_entry *entry, pxt_time now, uint64_t up_to)
{
    if (host->entry_number(entry, PXT_FIELD_REMOVED) == 1 + PXT_REMOVE_HEALTH &&
        host->entry_number(entry, PXT_FIELD_FETCH_TIME) > now)
        return false;
    return host->entry_number(entry, PXT_FIELD_EXPIRES_AT) <= now &&
           (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION) <= up_to;
}

/* Removes the dead entries of up to STEP nodes. */
static unsigned expire_step(struct shard *shard, uint32_t from, pxt_time now, uint64_t up_to, size_t limit,
                            pxt_entry *entries[STEP])
{
    const struct pxt_host *host = shard->memory->host;
    unsigned n = 0;
    pthread_mutex_lock(&shard->lock);
    for (uint32_t i = from; i < shard->made && i < from + STEP && n < limit; i++) {
        struct node *node = shard_node(shard, i);
        if (node->entry && is_dead(host, node->entry, now, up_to))
            entries[n++] = memory_shard_remove_node(shard, node, PXT_REMOVE_EXPIRED);
    }
    pthread_mutex_unlock(&shard->lock);
    return n;
}

uint64_t memory_shard_expire(struct shard *shard, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg)
{
    const struct pxt_host *host = shard->memory->host;
    uint64_t removed = 0;
    for (uint32_t from = 0, end = made(shard); from < end && removed < limit; from += STEP) {
        pxt_entry *entries[STEP];
        unsigned n = expire_step(shard, from, now, up_to, limit - (size_t)removed, entries);
        for (unsigned i = 0; i < n; i++) {
            struct pxt_key key;
            host->entry_key(entries[i], &key);
            if (!host->entry_number(entries[i], PXT_FIELD_REMOVED))
                fn(arg, &key);
            host->entry_release(entries[i]);
        }
        removed += n;
    }
    return removed;
}
