/* SPDX-License-Identifier: MIT
 *
 * repair.c: gives tiers the entries that they lack: a tier that was off and is let back in, a tier in which a write
 * failed, a tier that found damage, and a write-behind tier. Called by the janitor, by pxt_cache_tick(), on open and
 * close, and by operations that find a back-off over.
 */
#include "chain/repair.h"
#include "base/fail.h"
#include "chain/key_ops.h"
#include "chain/stripes.h"
#include "entry/entry.h"
#include <stdio.h>

enum { REPAIR_BATCH = 4000 };

struct gathered {
    struct pxt_keymap keys;
    bool no_memory;
};

/* Whether a tier is to get an entry: in place of an older copy, or if it has room. */
static bool wants(struct pxt_tier *tier, const struct pxt_key *key)
{
    uint64_t size;
    if (!tier->limited || pxt_tier_holds(tier, key, NULL) == PXT_OK)
        return true;
    return pxt_tier_count(tier, &size, NULL) == PXT_OK && size < tier->max_entries;
}

/* Gives a tier the copy that the other tiers have of a key. If no other tier has a hinted key, the key was removed or has
 * expired meanwhile: it is deleted here. */
static pxt_status reconcile(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                            struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_chain_lock(chain, key, error);
    if (status)
        return status;
    status = pxt_chain_find(chain, key, tier->index, 0, &entry, error);
    if (status == PXT_OK && wants(tier, key))
        status = pxt_tier_put(tier, entry, error);
    else if (status == PXT_OK || (status == PXT_NOT_FOUND && pxt_hints_has(&tier->hints, key) == PXT_KEY_HINTED))
        status = pxt_tier_del(tier, key, PXT_REMOVE_DELETED, error);
    pxt_generation_bump(&chain->coherence, key->hash);
    pxt_chain_unlock(chain, key);
    pxt_entry_release(entry);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* Reads the other tiers' copies of the keys that were put, and stores them in batches. All keys are locked. */
static pxt_status store_puts(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_keymap *puts,
                             struct pxt_error *error)
{
    pxt_entry *entries[REPAIR_BATCH];
    size_t n = 0, left = puts->count;
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < puts->bucket_count; i++)
        for (const struct pxt_keymap_item *item = puts->bucket[i]; item; item = item->next) {
            if (!status) {
                status = pxt_chain_find(chain, &item->key, tier->index, 0, &entries[n], error);
                n += status == PXT_OK;
                if (status == PXT_NOT_FOUND)
                    status = pxt_tier_del(tier, &item->key, PXT_REMOVE_DELETED, error);
                status = status == PXT_NOT_FOUND ? PXT_OK : status;
            }
            if (--left && n < REPAIR_BATCH)
                continue;
            if (!status && n)
                status = pxt_tier_put_hinted(tier, entries, n, error);
            while (n)
                pxt_entry_release(entries[--n]);
        }
    return status;
}

/* Stores all puts that a tier lacks, in a few transactions. PXT_ENOTSUP if it has to be done key by key. */
static pxt_status replay_puts(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_error *error)
{
    struct pxt_keymap puts;
    bool removals;
    if (tier->limited || !tier->ops->put_many || tier->tracker)
        return PXT_ENOTSUP;
    pxt_status status = pxt_chain_lock_all(chain, error);
    if (status)
        return status;
    if (!pxt_hints_puts(&tier->hints, &puts, &removals) || removals) {
        status = PXT_ENOTSUP;
    } else {
        status = store_puts(chain, tier, &puts, error);
        if (!status && puts.count)
            pxt_tier_hints_all_done(tier);
    }
    pxt_keymap_free(&puts);
    pxt_chain_unlock_all(chain);
    return status;
}

/* Gives a tier all single keys that it lacks. */
static pxt_status replay_keys(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_error *error)
{
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    pxt_status status = replay_puts(chain, tier, error);
    if (status != PXT_ENOTSUP)
        return status;
    while (pxt_hints_any(&tier->hints, text, &key)) {
        status = reconcile(chain, tier, &key, error);
        if (status)
            return status;
    }
    return PXT_OK;
}

void pxt_chain_flush(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        size_t enough = tier->hints.puts_max / 2 < REPAIR_BATCH ? tier->hints.puts_max / 2 : REPAIR_BATCH;
        if (tier->write_behind && pxt_tier_on(tier) && pxt_hints_pending(&tier->hints) > enough)
            replay_keys(chain, tier, NULL);
    }
}

static bool gather_key(void *arg, pxt_entry *entry)
{
    struct gathered *gathered = arg;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    gathered->no_memory = !pxt_keymap_add(&gathered->keys, &key);
    return !gathered->no_memory;
}

/* Gathers the keys of a tier, whose copies may be old, and of the faster tiers, which it should have as well. */
static pxt_status gather_keys(struct pxt_chain *chain, struct gathered *gathered, struct pxt_tier *tier,
                              struct pxt_error *error)
{
    for (unsigned i = 0; i <= tier->index; i++) {
        if (i != tier->index && !pxt_tier_on(&chain->tier[i]))
            continue;
        pxt_status status = pxt_tier_each(&chain->tier[i], gather_key, gathered, error);
        if (!status && gathered->no_memory)
            status = pxt_fail_memory(error, "the keys of a tier");
        if (status)
            return status;
    }
    return PXT_OK;
}

/* Full resync, after more puts failed than were hinted. Keys that only this tier has are kept: the other tiers evicted
 * them, or never had them. They were not deleted: deletions are hinted by key. */
static pxt_status resync(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_error *error)
{
    struct gathered gathered = {0};
    unsigned overflows;
    if (!pxt_tier_resync_begin(tier, &overflows))
        return PXT_OK;
    pxt_status status = gather_keys(chain, &gathered, tier, error);
    for (size_t i = 0; !status && i < gathered.keys.bucket_count; i++)
        for (struct pxt_keymap_item *item = gathered.keys.bucket[i]; item && !status; item = item->next)
            status = reconcile(chain, tier, &item->key, error);
    pxt_keymap_free(&gathered.keys);
    if (!status && !pxt_tier_resync_end(tier, overflows))
        status = pxt_fail(error, PXT_EUNAVAILABLE, 0, "too much was written while it was being gone through");
    return status;
}

/* A tier that found damage has lost entries: puts those there again that the faster tiers have. */
static void refill(struct pxt_chain *chain, struct pxt_tier *tier)
{
    struct gathered gathered = {0};
    uint64_t found = tier->ops->corruptions ? tier->ops->corruptions(tier->self) : 0;
    if (!pxt_tier_durable(tier) || atomic_exchange(&tier->corruptions_seen, found) == found)
        return;
    for (unsigned i = 0; i < tier->index; i++)
        if (pxt_tier_on(&chain->tier[i]))
            pxt_tier_each(&chain->tier[i], gather_key, &gathered, NULL);
    for (size_t i = 0; i < gathered.keys.bucket_count; i++)
        for (struct pxt_keymap_item *item = gathered.keys.bucket[i]; item; item = item->next)
            if (pxt_tier_holds(tier, &item->key, NULL) == PXT_NOT_FOUND)
                reconcile(chain, tier, &item->key, NULL);
    pxt_keymap_free(&gathered.keys);
}

static pxt_status repair(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_error *error)
{
    pxt_status status = resync(chain, tier, error);
    return status ? status : replay_keys(chain, tier, error);
}

/* Makes one cheap call to a tier that is off. If it succeeds, repairs the tier and lets it back in. */
static void probe(struct pxt_chain *chain, struct pxt_tier *tier)
{
    struct pxt_error error = {.status = PXT_OK};
    uint64_t count;
    bool serial = !(tier->flags & PXT_TIER_CONCURRENT);
    if (serial)
        pthread_mutex_lock(&tier->serial);
    pxt_status status = tier->ops->count(tier->self, &count, &error);
    if (serial)
        pthread_mutex_unlock(&tier->serial);
    if (!status)
        status = repair(chain, tier, &error);
    pxt_breaker_probed(&tier->breaker, status == PXT_OK, pxt_clock_monotonic_ms(), error.message);
    if (status)
        pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain", "tier %s stays off: %s", tier->name, error.message);
    else
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain", "tier %s is on again: all its hints are done", tier->name);
}

void pxt_chain_probe_down_tiers(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!tier->self || (pxt_breaker_on(&tier->breaker) && !pxt_hints_pending(&tier->hints)))
            continue;
        if (pxt_breaker_may_probe(&tier->breaker, pxt_clock_monotonic_ms()))
            probe(chain, tier);
    }
}

void pxt_chain_repair_hinted(struct pxt_chain *chain)
{
    pxt_hint_log_replay(&chain->hint_log);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]) && pxt_hints_pending(&chain->tier[i].hints))
            repair(chain, &chain->tier[i], NULL);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]))
            refill(chain, &chain->tier[i]);
}
