/* SPDX-License-Identifier: MIT
 *
 * batch.c: many entries at once: every tier gets them in one call, so that a database needs one transaction.
 *
 * A batch is a load: what no one has asked for yet does not push out what someone has. A tier with a capacity is filled
 * as far as it has room, where a slower one has the whole batch; of the rest it only gets what it had before.
 *
 * All stripes are locked for the length of a batch, in ascending order, as one range among processes.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "entry/entry.h"
#include <string.h>

static void find_replaced(struct pxt_chain *chain, pxt_entry *const *entries, size_t n, bool *replaced)
{
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        replaced[i] = false;
        for (unsigned j = chain->count; j-- > 0 && !replaced[i];)
            replaced[i] = pxt_tier_on(&chain->tier[j]) && pxt_tier_contains(&chain->tier[j], &key, NULL) == PXT_OK;
    }
}

/* Those of the batch for which a tier with a capacity has room, or that it has already: they would be old. False where
 * it cannot be told. */
static bool choose(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, pxt_entry **chosen, size_t *count)
{
    uint64_t used = 0;
    *count = 0;
    if (pxt_tier_count(tier, &used, NULL) != PXT_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        bool room = used < tier->max_entries;
        bool had = pxt_tier_contains(tier, &key, NULL) != PXT_NOT_FOUND; /* in doubt it had */
        if (room || had)
            chosen[(*count)++] = entries[i];
        used += room && !had;
    }
    return true;
}

/* Makes room for those of the batch that are new to a tier with a capacity. The victims' locks are held already. */
static void make_room(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *const *entries, size_t n)
{
    uint64_t count = 0, fresh = 0;
    struct pxt_victims cascade = {.count = 0};
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        fresh += pxt_tier_contains(tier, &key, NULL) == PXT_NOT_FOUND;
    }
    if (pxt_tier_count(tier, &count, NULL) != PXT_OK)
        return;
    for (uint64_t need = count + fresh > tier->max_entries ? count + fresh - tier->max_entries : 0; need; need--) {
        pxt_entry *victim = NULL;
        struct pxt_key key;
        if (pxt_tier_victim(tier, 0, &victim, NULL) != PXT_OK)
            break;
        pxt_entry_key_of(victim, &key);
        pxt_evict_one(chain, tier, &key, &cascade);
        pxt_entry_release(victim);
        while (cascade.count) { /* who has to leave a slower tier in turn: its lock is held too */
            struct pxt_tier *next = &chain->tier[cascade.item[--cascade.count].tier];
            pxt_entry *pushed = cascade.item[cascade.count].entry;
            pxt_entry_key_of(pushed, &key);
            pxt_evict_one(chain, next, &key, &cascade);
            pxt_entry_release(pushed);
        }
    }
}

/* Into one tier, in steps no larger than its capacity. */
static pxt_status into_link(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *const *entries, size_t n,
                            struct pxt_error *error)
{
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    size_t step = tier->limited && tier->max_entries < n ? (size_t)tier->max_entries : n;
    pxt_status first = PXT_OK;
    for (size_t at = 0; at < n; at += step) {
        size_t some = n - at < step ? n - at : step;
        if (tier->limited && pxt_tier_on(tier)) {
            pxt_evict_prepare(chain, tier);
            make_room(chain, tier, entries + at, some);
        }
        pxt_status status = pxt_tier_put_many(tier, entries + at, some, first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

/* `elsewhere`: a slower tier has all of them. A tier that is off is told of all, to remember what it missed. */
static pxt_status fill_link(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *const *entries, size_t n,
                            bool elsewhere, struct pxt_error *error)
{
    size_t count;
    pxt_status status;
    bool fills = elsewhere && tier->limited && pxt_tier_stores(tier) && pxt_tier_on(tier);
    pxt_entry **chosen = fills ? pxt_alloc_array(n, sizeof(pxt_entry *)) : NULL;
    if (chosen && choose(tier, entries, n, chosen, &count))
        status = count ? pxt_tier_put_many(tier, chosen, count, error) : PXT_OK;
    else
        status = into_link(chain, tier, entries, n, error);
    pxt_free(chosen);
    return status;
}

static pxt_status store_all(struct pxt_chain *chain, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    bool taken = false, whole = false; /* by one tier, and all of them */
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_durable(tier) && chain->any_durable)
            continue;
        pxt_status status = fill_link(chain, tier, entries, n, whole, first ? NULL : error);
        taken |= status == PXT_OK;
        whole |= status == PXT_OK && (!tier->limited || tier->max_entries >= n);
        first = first ? first : status;
    }
    if (!taken)
        return first == PXT_ENOTSUP || first == PXT_EUNAVAILABLE
                   ? pxt_fail(error, PXT_EUNAVAILABLE, 0, "no tier could take the entries: see `proxtier stats`")
                   : first;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        pxt_access_forget(chain, &key);
        pxt_generation_bump(&chain->coherence, key.hash);
    }
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        pxt_entry_set_generation(entries[i], pxt_generation(&chain->coherence, key.hash));
    }
    for (unsigned i = chain->count; chain->any_durable && i-- > 0;)
        if (!pxt_tier_durable(&chain->tier[i]))
            fill_link(chain, &chain->tier[i], entries, n, whole, NULL);
    return PXT_OK;
}

pxt_status pxt_chain_lock_all(struct pxt_chain *chain, struct pxt_error *error)
{
    for (unsigned i = 0; i < PXT_STRIPES; i++)
        pthread_mutex_lock(&chain->stripe_lock[i]);
    pxt_status status = pxt_coherence_lock(&chain->coherence, 0, PXT_STRIPES, error);
    for (unsigned i = PXT_STRIPES; status && i-- > 0;)
        pthread_mutex_unlock(&chain->stripe_lock[i]);
    return status;
}

void pxt_chain_unlock_all(struct pxt_chain *chain)
{
    pxt_coherence_unlock(&chain->coherence, 0, PXT_STRIPES);
    for (unsigned i = PXT_STRIPES; i-- > 0;)
        pthread_mutex_unlock(&chain->stripe_lock[i]);
}

pxt_status pxt_chain_put_many(struct pxt_chain *chain, pxt_entry *const *entries, size_t n, bool *replaced,
                              struct pxt_error *error)
{
    pxt_chain_probe_down_tiers(chain);
    pxt_status status = pxt_chain_lock_all(chain, error);
    if (status)
        return status;
    pxt_hint_log_replay(&chain->hint_log);
    if (replaced)
        find_replaced(chain, entries, n, replaced);
    status = store_all(chain, entries, n, error);
    pxt_chain_unlock_all(chain);
    struct pxt_victims victims;
    victims.count = 0;
    pxt_evict_finish(chain, &victims);
    return status;
}
