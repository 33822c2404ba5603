/* SPDX-License-Identifier: MIT
 *
 * accesses.c: hits that are to be written down to durable tiers: gathered by key for each of them, and written in
 * batches by the janitor, before an ordered store chooses a victim, and on close. Losing them loses counts, never
 * entries.
 */
#include "chain/chain.h"
#include "entry/entry.h"

enum { BATCH = 512, SOON = 65536 }; /* when so many keys are noted, they are written without waiting for the janitor */

static bool writes_touches(const struct pxt_tier *tier)
{
    return tier->ops && tier->ops->touch;
}

void pxt_access_note(struct pxt_chain *chain, const struct pxt_key *key, uint64_t hits, pxt_time last, bool evicted)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_present(tier) || !pxt_tier_durable(tier))
            continue;
        pthread_mutex_lock(&tier->accesses.lock);
        bool many = tier->accesses.keys.count >= SOON;
        struct pxt_keymap_item *item = many && !pxt_tier_on(tier) ? pxt_keymap_find(&tier->accesses.keys, key)
                                                                  : pxt_keymap_add(&tier->accesses.keys, key);
        if (item) {
            item->hits += hits;
            item->last_accessed = last > item->last_accessed ? last : item->last_accessed;
            item->evicted_from_l1 |= evicted;
        }
        pthread_mutex_unlock(&tier->accesses.lock);
        if (many && writes_touches(tier))
            pxt_access_write(chain, tier, NULL);
    }
}

void pxt_access_add(struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry)
{
    pthread_mutex_lock(&tier->accesses.lock);
    const struct pxt_keymap_item *item = pxt_keymap_find(&tier->accesses.keys, key);
    if (item) {
        pxt_entry_touch(entry, item->hits, item->last_accessed);
        pxt_entry_take_unwritten(entry); /* it is noted already */
    }
    pthread_mutex_unlock(&tier->accesses.lock);
}

void pxt_access_forget_in(struct pxt_tier *tier, const struct pxt_key *key)
{
    if (!pxt_tier_durable(tier))
        return;
    pthread_mutex_lock(&tier->accesses.lock);
    pxt_keymap_remove(&tier->accesses.keys, key);
    pthread_mutex_unlock(&tier->accesses.lock);
}

void pxt_access_forget(struct pxt_chain *chain, const struct pxt_key *key)
{
    for (unsigned i = 0; i < chain->count; i++)
        pxt_access_forget_in(&chain->tier[i], key);
}

void pxt_access_forget_all(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_keymap forgotten;
        pthread_mutex_lock(&chain->tier[i].accesses.lock);
        pxt_keymap_take(&chain->tier[i].accesses.keys, &forgotten);
        pthread_mutex_unlock(&chain->tier[i].accesses.lock);
        pxt_keymap_free(&forgotten);
    }
}

static struct pxt_touch touch_of(const struct pxt_keymap_item *item)
{
    return (struct pxt_touch){.key = item->key,
                              .hits = item->hits,
                              .last_accessed = item->last_accessed,
                              .evicted_from_l1 = item->evicted_from_l1};
}

/* A tier with `touch` adds to what it has at that instant; what it no longer has is skipped. */
static pxt_status write_batches(struct pxt_tier *tier, const struct pxt_keymap *taken, struct pxt_error *error)
{
    struct pxt_touch touches[BATCH];
    pxt_status first = PXT_OK;
    size_t n = 0, left = taken->count;
    for (size_t i = 0; i < taken->bucket_count; i++)
        for (const struct pxt_keymap_item *item = taken->bucket[i]; item; item = item->next) {
            touches[n++] = touch_of(item);
            if (--left && n < BATCH)
                continue;
            pxt_status status = pxt_tier_touch(tier, touches, n, first ? NULL : error);
            first = first ? first : status;
            n = 0;
        }
    return first;
}

/* For others it is a get and a put, which only the key's lock makes one step. */
static pxt_status write_singly(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_keymap *taken,
                               struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (size_t i = 0; i < taken->bucket_count; i++)
        for (const struct pxt_keymap_item *item = taken->bucket[i]; item; item = item->next) {
            struct pxt_touch touch = touch_of(item);
            pxt_status status = pxt_chain_lock(chain, &item->key, true, first ? NULL : error);
            if (!status) {
                status = pxt_tier_touch(tier, &touch, 1, first ? NULL : error);
                pxt_chain_unlock(chain, &item->key, true);
            }
            first = first ? first : status;
        }
    return first;
}

static void take(struct pxt_tier *tier, struct pxt_keymap *taken)
{
    pthread_mutex_lock(&tier->accesses.lock);
    pxt_keymap_take(&tier->accesses.keys, taken);
    pthread_mutex_unlock(&tier->accesses.lock);
}

pxt_status pxt_access_write(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_error *error)
{
    struct pxt_keymap taken;
    (void)chain;
    if (!pxt_tier_on(tier) || !writes_touches(tier))
        return PXT_OK;
    take(tier, &taken);
    pxt_status status = write_batches(tier, &taken, error);
    pxt_keymap_free(&taken);
    return status;
}

pxt_status pxt_access_write_all(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        struct pxt_keymap taken;
        if (!pxt_tier_on(tier) || !pxt_tier_durable(tier))
            continue;
        take(tier, &taken);
        pxt_status status = writes_touches(tier) ? write_batches(tier, &taken, first ? NULL : error)
                                                 : write_singly(chain, tier, &taken, first ? NULL : error);
        pxt_keymap_free(&taken);
        first = first ? first : status;
    }
    return first;
}
