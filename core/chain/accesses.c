/* SPDX-License-Identifier: MIT
 *
 * accesses.c: a write-back buffer of hits for each durable tier: gathered by key, and written in batches by the janitor,
 * before a policy that orders stored fields chooses a victim, and on close. Losing the buffer loses counts, never
 * entries.
 */
#include "chain/accesses.h"
#include "chain/stripes.h"
#include "entry/entry.h"

/* At FLUSH_AT_KEYS noted keys the buffer is written before the next turn of the janitor. At KEYS_MAX, or where no janitor
 * runs, the thread that notes a hit writes it. */
enum { TOUCH_BATCH = 512, FLUSH_AT_KEYS = 65536, KEYS_MAX = 4 * FLUSH_AT_KEYS };

pxt_time pxt_chain_stamp(struct pxt_chain *chain, pxt_time now)
{
    pxt_time stamp, last = atomic_load(&chain->last_stamp);
    do {
        stamp = now > last ? now : last + 1;
        if (last - now > PXT_SECOND) /* the clock was set back: follow it */
            stamp = now;
    } while (!atomic_compare_exchange_weak(&chain->last_stamp, &last, stamp));
    return stamp;
}

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
        size_t count = tier->accesses.keys.count;
        bool many = count >= FLUSH_AT_KEYS;
        struct pxt_keymap_item *item = many && !pxt_tier_on(tier) ? pxt_keymap_find(&tier->accesses.keys, key)
                                                                  : pxt_keymap_add(&tier->accesses.keys, key);
        if (item) {
            item->value += hits;
            item->last_accessed = last > item->last_accessed ? last : item->last_accessed;
            item->evicted_from_l1 |= evicted;
        }
        pthread_mutex_unlock(&tier->accesses.lock);
        if (many && writes_touches(tier) && chain->call_janitor && count < KEYS_MAX)
            chain->call_janitor(chain->call_janitor_arg);
        else if (many && writes_touches(tier))
            pxt_access_write(tier, NULL);
    }
}

static void include(struct pxt_keymap_item *item)
{
    item->included = item->value < UINT32_MAX ? (uint32_t)item->value : UINT32_MAX;
}

uint64_t pxt_access_add(struct pxt_tier *tier, const struct pxt_key *key, bool for_write, pxt_entry *entry)
{
    uint64_t hits = 0;
    pthread_mutex_lock(&tier->accesses.lock);
    struct pxt_keymap_item *item = pxt_keymap_find(&tier->accesses.keys, key);
    if (item) {
        hits = item->value;
        pxt_entry_touch(entry, hits, item->last_accessed);
        pxt_entry_take_unflushed_hits(entry); /* these hits are noted already */
        if (for_write)
            include(item);
    }
    pthread_mutex_unlock(&tier->accesses.lock);
    return hits;
}

void pxt_access_include(struct pxt_tier *tier, const struct pxt_key *key)
{
    pthread_mutex_lock(&tier->accesses.lock);
    struct pxt_keymap_item *item = pxt_keymap_find(&tier->accesses.keys, key);
    if (item)
        include(item);
    pthread_mutex_unlock(&tier->accesses.lock);
}

void pxt_access_forget_included(struct pxt_tier *tier, const struct pxt_key *key)
{
    pthread_mutex_lock(&tier->accesses.lock);
    struct pxt_keymap_item *item = pxt_keymap_find(&tier->accesses.keys, key);
    if (item) {
        item->value -= item->included;
        item->included = 0;
        if (!item->value)
            pxt_keymap_remove(&tier->accesses.keys, key);
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

void pxt_access_copied(struct pxt_tier *tier, struct pxt_tier *from, const struct pxt_key *key, uint64_t noted)
{
    uint64_t late = 0;
    if (!pxt_tier_durable(tier))
        return;
    pthread_mutex_lock(&from->accesses.lock);
    const struct pxt_keymap_item *item = pxt_keymap_find(&from->accesses.keys, key);
    if (item) /* fewer than before: they were written, and these have come since */
        late = item->value >= noted ? item->value - noted : item->value;
    pthread_mutex_unlock(&from->accesses.lock);
    pthread_mutex_lock(&tier->accesses.lock);
    struct pxt_keymap_item *own = pxt_keymap_find(&tier->accesses.keys, key);
    if (own && own->value > late)
        own->value = late;
    if (own && !own->value)
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
    return (struct pxt_touch){.size = sizeof(struct pxt_touch),
                              .key = item->key,
                              .hits = item->value,
                              .last_accessed = item->last_accessed,
                              .evicted_from_l1 = item->evicted_from_l1};
}

/* For a tier with `touch`, which adds the hits to the entries that it has at that instant, and skips other keys. */
static pxt_status write_batches(struct pxt_tier *tier, const struct pxt_keymap *taken, struct pxt_error *error)
{
    struct pxt_touch room[TOUCH_BATCH];
    const struct pxt_touch *touches[TOUCH_BATCH];
    pxt_status first = PXT_OK;
    size_t n = 0, left = taken->count;
    for (size_t i = 0; i < taken->bucket_count; i++)
        for (const struct pxt_keymap_item *item = taken->bucket[i]; item; item = item->next) {
            room[n] = touch_of(item);
            touches[n] = &room[n];
            n++;
            if (--left && n < TOUCH_BATCH)
                continue;
            pxt_status status = pxt_tier_touch(tier, touches, n, first ? NULL : error);
            first = first ? first : status;
            n = 0;
        }
    return first;
}

/* For a tier without `touch`: a get and a put, made one step by the key's lock. */
static pxt_status write_singly(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_keymap *taken,
                               struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (size_t i = 0; i < taken->bucket_count; i++)
        for (const struct pxt_keymap_item *item = taken->bucket[i]; item; item = item->next) {
            const struct pxt_touch touch = touch_of(item), *touches[] = {&touch};
            pxt_status status = pxt_chain_lock(chain, &item->key, first ? NULL : error);
            if (!status) {
                status = pxt_tier_touch(tier, touches, 1, first ? NULL : error);
                pxt_chain_unlock(chain, &item->key);
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

pxt_status pxt_access_write(struct pxt_tier *tier, struct pxt_error *error)
{
    struct pxt_keymap taken;
    if (!pxt_tier_on(tier) || !writes_touches(tier))
        return PXT_OK;
    take(tier, &taken);
    pxt_status status = write_batches(tier, &taken, error);
    pxt_keymap_free(&taken);
    return status;
}

void pxt_access_write_many(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pthread_mutex_lock(&tier->accesses.lock);
        bool many = tier->accesses.keys.count >= FLUSH_AT_KEYS;
        pthread_mutex_unlock(&tier->accesses.lock);
        if (many)
            pxt_access_write(tier, NULL);
    }
}

/* No lock may be held. */
static pxt_status write_all(struct pxt_chain *chain, struct pxt_error *error)
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

pxt_status pxt_chain_settle(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (unsigned i = 0; i < chain->count; i++) {
        if (!pxt_tier_on(&chain->tier[i]))
            continue;
        pxt_status status = pxt_tier_settle(&chain->tier[i], first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

static bool note_unwritten(void *arg, pxt_entry *entry)
{
    struct pxt_chain *chain = arg;
    struct pxt_key key;
    uint64_t hits = pxt_entry_take_unflushed_hits(entry);
    if (hits) {
        pxt_entry_key_of(entry, &key);
        pxt_access_note(chain, &key, hits, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    }
    return true;
}

pxt_status pxt_chain_write_accesses(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status status = pxt_chain_settle(chain, error);
    for (unsigned i = 0; chain->any_durable && i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]) && !pxt_tier_durable(&chain->tier[i]))
            pxt_tier_each(&chain->tier[i], note_unwritten, chain, NULL);
    pxt_status written = write_all(chain, status ? NULL : error);
    return status ? status : written;
}
