/* SPDX-License-Identifier: MIT
 *
 * l1_memory.c: the tier l1_memory: entries in memory, in shards, with the policy's state beside each entry.
 *
 * A hit takes no lock and writes no memory that another thread reads: the table is read without a lock, the entry is
 * held through host->entry_acquire_key(), and the hit is recorded in a ring of the thread (hit_ring.c). Hits are
 * drained under the shard's lock: when a ring is full, before an entry is put or removed, before a victim is chosen,
 * and in settle(). Each shard evicts exactly in the order of the policy, as far as hits of different threads have
 * an order; with one shard this is the order over all entries.
 *
 * Locks: one mutex a shard, for everything of the shard but what hits read. A thread never holds two.
 */
#include "memory.h"
#include <stdlib.h>
#include <string.h>

enum { SHARDS_DEFAULT = 16, SHARD_ENTRIES_MIN = 64 };

static const struct pxt_option options[] = {
    {"shards", PXT_OPTION_INTEGER, NULL, 1, MEMORY_SHARDS_MAX, NULL,
     "parts with a lock and an order of eviction of their own; default: max_entries / 64, but 1 to 16"},
    {0}};

/* Returns the number of shards. Without the option it follows the capacity: an order of eviction over few entries is far
 * from the order over all. */
static unsigned shards_for(const struct pxt_host *host, const struct pxt_tier_setup *setup)
{
    if (host->setting_given(setup->settings, "shards"))
        return (unsigned)host->setting_number(setup->settings, "shards");
    if (!setup->max_entries || setup->max_entries >= (uint64_t)SHARDS_DEFAULT * SHARD_ENTRIES_MIN)
        return SHARDS_DEFAULT;
    return setup->max_entries < 2 * SHARD_ENTRIES_MIN ? 1 : (unsigned)(setup->max_entries / SHARD_ENTRIES_MIN);
}

static void memory_close(void *self)
{
    struct memory *memory = self;
    for (unsigned i = 0; i < memory->shard_count; i++)
        memory_shard_close(&memory->shard[i]);
    memory_hits_free(memory);
    free(memory);
}

static pxt_status memory_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                              struct pxt_error *error)
{
    if (!PXT_HOST_HAS(host, entry_acquire_key))
        return host->fail(
            host, error, PXT_EPLUGIN, 0,
            "l1_memory needs a core with plugin ABI 1.1 or newer: install plugins and core of one release");
    unsigned shards = shards_for(host, setup);
    size_t size = (sizeof(struct memory) + shards * sizeof(struct shard) + 63) & ~(size_t)63;
    struct memory *memory = aligned_alloc(64, size);
    if (!memory)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for %u shards", shards);
    memset(memory, 0, size);
    memory->host = host;
    memory->policy = setup->policy;
    uint64_t capacity = setup->max_entries ? (setup->max_entries + shards - 1) / shards : 0;
    for (; memory->shard_count < shards; memory->shard_count++) {
        pxt_status status = memory_shard_open(memory, &memory->shard[memory->shard_count], setup, capacity, error);
        if (status) {
            memory_close(memory);
            return status;
        }
    }
    *self = memory;
    return PXT_OK;
}

static struct shard *shard_of(struct memory *memory, uint64_t hash)
{
    /* The upper half of the hash picks the shard, the lower the place in its table. */
    return &memory->shard[((hash >> 32) * memory->shard_count) >> 32];
}

static pxt_status memory_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                             struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    *out = memory_shard_get(shard_of(memory, key->hash), key, flags & PXT_GET_PEEK);
    return *out ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status memory_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct memory *memory = self;
    struct pxt_key key;
    memory->host->entry_key(entry, &key);
    return memory_shard_put(shard_of(memory, key.hash), &key, entry, error);
}

static pxt_status memory_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    return memory_shard_remove(shard_of(memory, key->hash), key, why);
}

static pxt_status memory_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    for (unsigned i = 0; i < memory->shard_count; i++)
        if (!memory_shard_each(&memory->shard[i], fn, arg))
            break;
    return PXT_OK;
}

static pxt_status memory_count(void *self, uint64_t *out, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    *out = atomic_load_explicit(&memory->count, memory_order_relaxed);
    return PXT_OK;
}

static pxt_status memory_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    *removed = 0;
    for (unsigned i = 0; i < memory->shard_count; i++)
        *removed += memory_shard_clear(&memory->shard[i]);
    return PXT_OK;
}

static pxt_status memory_contains(void *self, const struct pxt_key *key, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    pxt_entry *entry = memory_shard_get(shard_of(memory, key->hash), key, true);
    memory->host->entry_release(entry);
    return entry ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status memory_settle(void *self, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    for (unsigned i = 0; i < memory->shard_count; i++) {
        pthread_mutex_lock(&memory->shard[i].lock);
        memory_hits_drain(&memory->shard[i]);
        memory_hits_publish(&memory->shard[i]);
        pthread_mutex_unlock(&memory->shard[i].lock);
    }
    return PXT_OK;
}

/* Asks the shard that the incoming entry goes to; if that shard is empty, the fullest. */
static pxt_status memory_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    if (memory_shard_victim(shard_of(memory, incoming), out))
        return PXT_OK;
    struct shard *fullest = &memory->shard[0];
    for (unsigned i = 1; i < memory->shard_count; i++)
        if (atomic_load(&memory->shard[i].used) > atomic_load(&fullest->used))
            fullest = &memory->shard[i];
    return memory_shard_victim(fullest, out) ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status memory_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                                uint64_t *removed, struct pxt_error *error)
{
    (void)error;
    struct memory *memory = self;
    *removed = 0;
    for (unsigned i = 0; i < memory->shard_count && *removed < limit; i++)
        *removed += memory_shard_expire(&memory->shard[i], now, up_to, limit - (size_t)*removed, fn, arg);
    return PXT_OK;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_CONCURRENT | PXT_TIER_POLICY_STATE,
                                        .open = memory_open,
                                        .close = memory_close,
                                        .get = memory_get,
                                        .put = memory_put,
                                        .del = memory_del,
                                        .each = memory_each,
                                        .count = memory_count,
                                        .clear = memory_clear,
                                        .contains = memory_contains,
                                        .settle = memory_settle,
                                        .victim = memory_victim,
                                        .expire = memory_expire};

PXT_PLUGIN(PXT_KIND_TIER, "l1_memory", "1.0.0", "MIT", "entries in memory, sharded, with lock-free hits", options,
           &ops);
