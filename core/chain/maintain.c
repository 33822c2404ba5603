/* SPDX-License-Identifier: MIT
 *
 * maintain.c: removes expired entries, and maintains the tiers. Called by the janitor and by pxt_cache_tick().
 */
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/chain.h"
#include "chain/demote.h"
#include "chain/fail_safe.h"
#include "chain/key_ops.h"
#include "chain/members.h"
#include "chain/remote.h"
#include "chain/stripes.h"
#include "entry/entry.h"

struct sweep {
    struct pxt_chain *chain;
    struct pxt_keymap keys; /* expired in the tier that is swept; to be removed from the others */
    uint64_t expired;       /* how many the tier has removed by itself, without tombstones */
    bool no_memory;
};

static void expired_key(void *arg, const struct pxt_key *key)
{
    struct sweep *sweep = arg;
    sweep->expired++;
    if (!pxt_keymap_add(&sweep->keys, key))
        sweep->no_memory = true; /* the sweeps of the other tiers, and every get, find it expired too */
}

static bool remove_if_expired(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_time now)
{
    pxt_entry *entry = NULL;
    bool removed = false;
    if (!pxt_tier_on(tier) || pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
        return false;
    if (pxt_entry_may_drop(entry, now) && pxt_entry_version(entry) <= pxt_remote_may_drop(chain, tier, UINT64_MAX))
        removed = pxt_chain_evict(tier, key, entry, PXT_REMOVE_EXPIRED, NULL) == PXT_OK;
    pxt_entry_release(entry);
    pxt_access_forget(chain, key);
    return removed;
}

/* Removes the copies of an expired key from all tiers, under the key's lock: unless it was put anew meanwhile. Returns
 * whether this call removed it from `from`. */
static bool remove_everywhere(struct pxt_chain *chain, const struct pxt_tier *from, const struct pxt_key *key,
                              pxt_time now)
{
    bool removed = false;
    if (pxt_chain_lock(chain, key, NULL) != PXT_OK)
        return false;
    for (unsigned i = 0; i < chain->count; i++)
        if (remove_if_expired(chain, &chain->tier[i], key, now))
            removed |= &chain->tier[i] == from;
    pxt_chain_unlock(chain, key);
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    pxt_demote_victims(chain, &victims);
    return removed;
}

/* Removes one batch of expired keys. `*removed` counts those of this tier, without tombstones; `*more`: another batch may find
 * more. */
static pxt_status sweep_batch(struct pxt_chain *chain, struct pxt_tier *tier, uint64_t *removed, bool *more,
                              struct pxt_error *error)
{
    struct sweep sweep = {.chain = chain};
    pxt_time now = pxt_fail_safe_expired_by(chain);
    bool native = pxt_tier_expires(tier);
    uint64_t up_to = pxt_remote_may_drop(chain, tier, UINT64_MAX);
    uint64_t gone = 0;
    pxt_status status = native
                            ? pxt_tier_expire(tier, now, up_to, chain->expire_batch, expired_key, &sweep, &gone, error)
                            : pxt_tier_gather_expired(tier, now, up_to, chain->expire_batch, &sweep.keys, error);
    *more = !status && (native ? gone : sweep.keys.count) >= chain->expire_batch;
    *removed = sweep.expired;
    for (size_t i = 0; (chain->count > 1 || !native) && i < sweep.keys.bucket_count; i++)
        for (struct pxt_keymap_item *item = sweep.keys.bucket[i]; item; item = item->next)
            *removed += remove_everywhere(chain, tier, &item->key, now);
    pxt_keymap_free(&sweep.keys);
    *more = *more && (native || *removed);
    return status;
}

/* Sweeps one tier in batches: readers wait for one batch at most. */
static pxt_status sweep_tier(struct pxt_chain *chain, struct pxt_tier *tier, uint64_t *expired, struct pxt_error *error)
{
    pxt_status status;
    uint64_t removed;
    bool more;
    do {
        status = sweep_batch(chain, tier, &removed, &more, error);
        PXT_COUNT(tier, evictions_ttl, removed);
        *expired += removed;
    } while (!status && more);
    return status;
}

/* ---- a pool of several members: dead versions are dropped up to what all have agreed on ------------------------- */

struct drop {
    struct pxt_chain *chain;
    uint64_t expired;
};

static void dropped_key(void *arg, const struct pxt_key *key)
{
    struct drop *drop = arg;
    drop->expired++;
    pxt_access_forget(drop->chain, key);
}

/* For a tier that does not expire by itself. A key may have been put anew meanwhile: each is looked at under its lock. */
static pxt_status drop_singly(struct pxt_chain *chain, struct pxt_tier *tier, pxt_time now, uint64_t up_to,
                              struct drop *drop, struct pxt_error *error)
{
    struct pxt_keymap keys = {0};
    pxt_status status = pxt_tier_gather_expired(tier, now, up_to, SIZE_MAX, &keys, error);
    for (size_t i = 0; i < keys.bucket_count && !status; i++)
        for (const struct pxt_keymap_item *item = keys.bucket[i]; item; item = item->next) {
            pxt_entry *entry = NULL;
            if (pxt_chain_lock(chain, &item->key, NULL) != PXT_OK)
                continue;
            if (pxt_tier_get(tier, &item->key, PXT_GET_PEEK, &entry, NULL) == PXT_OK &&
                pxt_entry_may_drop(entry, now) && pxt_entry_version(entry) <= up_to) {
                bool tombstone = pxt_entry_is_tombstone(entry);
                if (pxt_chain_evict(tier, &item->key, entry, PXT_REMOVE_EXPIRED, NULL) == PXT_OK && !tombstone)
                    dropped_key(drop, &item->key);
            }
            pxt_entry_release(entry);
            pxt_chain_unlock(chain, &item->key);
        }
    pxt_keymap_free(&keys);
    return status;
}

static pxt_status drop_in(struct pxt_chain *chain, struct pxt_tier *tier, pxt_time now, uint64_t up_to,
                          struct drop *drop, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    uint64_t removed;
    if (!pxt_tier_expires(tier))
        return drop_singly(chain, tier, now, up_to, drop, error);
    do
        status = pxt_tier_expire(tier, now, up_to, chain->expire_batch, dropped_key, drop, &removed, error);
    while (!status && removed >= chain->expire_batch);
    return status;
}

/* From the slowest tier on, which has all entries: an expired entry is counted there. Other tiers than members have copies
 * only, which any expiry may remove. */
static pxt_status drop_dead(struct pxt_chain *chain, uint64_t *expired, struct pxt_error *error)
{
    pxt_time now = pxt_fail_safe_expired_by(chain);
    uint64_t checkpoint, up_to;
    pxt_status first = PXT_OK;
    pxt_members_checkpoint(chain, true, NULL); /* if it is not possible now, fewer are dropped */
    pxt_page_checkpoint(&chain->page, &checkpoint, &up_to);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        struct drop drop = {.chain = chain};
        if (!pxt_tier_on(tier) || (tier->flags & PXT_TIER_EXPIRES))
            continue;
        bool member = pxt_chain_bit(chain, tier);
        pxt_status status = drop_in(chain, tier, now, pxt_remote_may_drop(chain, tier, member ? up_to : UINT64_MAX),
                                    &drop, first ? NULL : error);
        first = first ? first : status;
        if (tier == chain->slowest) {
            PXT_COUNT(tier, evictions_ttl, drop.expired);
            *expired = drop.expired;
        }
    }
    return first;
}

/* From the slowest tier on, which has all entries: so each expired entry is counted once, there. */
pxt_status pxt_chain_expire(struct pxt_chain *chain, uint64_t *expired, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    *expired = 0;
    if (pxt_chain_members(chain))
        return drop_dead(chain, expired, error);
    for (unsigned i = chain->count; i-- > 0;) {
        if (!pxt_tier_on(&chain->tier[i]) || (chain->tier[i].flags & PXT_TIER_EXPIRES))
            continue;
        pxt_status status = sweep_tier(chain, &chain->tier[i], expired, first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

/* The members join again if the page was made anew, or the mark runs out. */
static void check_members(struct pxt_chain *chain)
{
    struct pxt_error error;
    if (pxt_members_check(chain, &error))
        pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain", "%s", error.message);
}

/* Says why doubts are left. */
static void repair(struct pxt_chain *chain)
{
    struct pxt_error error;
    if (pxt_chain_repair(chain, &error))
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain", "some tiers are in doubt: %s", error.message);
}

static void maintain(struct pxt_chain *chain, bool trim)
{
    struct pxt_victims victims;
    check_members(chain);
    pxt_chain_probe_down_tiers(chain);
    repair(chain);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]))
            pxt_tier_maintain(&chain->tier[i], NULL);
    if (atomic_exchange(&chain->victim_stayed, false) || trim)
        atomic_store(&chain->trim_pending, true);
    pxt_victims_init(&victims);
    pxt_demote_victims(chain, &victims);
    pxt_chain_add_totals(chain);
}

/* Other processes may have left tiers over capacity, too. */
void pxt_chain_maintain(struct pxt_chain *chain)
{
    maintain(chain, true);
}

void pxt_chain_leave(struct pxt_chain *chain)
{
    uint64_t expired;
    pxt_chain_write_accesses(chain, NULL);
    if (chain->with_proxywhirl) { /* it keeps no tombstones: none may be left in its files */
        check_members(chain);
        repair(chain);
        pxt_chain_expire(chain, &expired, NULL);
    }
    maintain(chain, false);                     /* to count the entries of a large log takes seconds */
    pxt_members_checkpoint(chain, false, NULL); /* if it is possible now */
    pxt_chain_add_totals(chain);
}
