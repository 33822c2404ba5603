/* SPDX-License-Identifier: MIT
 *
 * remove_many.c: removes many keys from all tiers: as remove.c does each, but their tombstones are one batch. A tier that stands alone
 * needs no tombstones; but a database takes many in one transaction, and drops them in another.
 */
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/batch.h"
#include "chain/chain.h"
#include "chain/dead.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/exchange.h"
#include "chain/overtake.h"
#include "entry/entry.h"

/* The removal of many keys under way. */
struct removal {
    struct pxt_batch batch; /* first: what bury_all_in() is called with */
    enum pxt_removal why;
    struct pxt_tier *alone; /* the only durable tier, which drops its tombstones at once; NULL: there are several */
    size_t *index;          /* in the caller's keys, of each tombstone */
    bool *nothing;          /* what the tombstone replaces counts as not found: it has expired, or is known as dead */
};

static pxt_status release_from(struct pxt_tier *tier, pxt_entry *const *tombstones, size_t n, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(tombstones[i], &key);
        pxt_status status = pxt_tier_del(tier, &key, PXT_REMOVE_DELETED, first ? NULL : error);
        first = first || status == PXT_NOT_FOUND ? first : status;
    }
    return first;
}

/* A limited tier lets go of the keys if a slower member has taken the tombstones; or takes them too, if that is one call. Other
 * tiers than members let go of them. */
static pxt_status bury_all_in(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    struct removal *removal = (struct removal *)(void *)write;
    bool member = pxt_chain_keeps_tombstones(write->chain, tier) || tier == removal->alone;
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    if (tier == write->chain->authority)
        return pxt_batch_into_authority(&removal->batch, tier, error);
    if (member && !(tier->limited && write->taken))
        return pxt_tier_put_many(tier, write->entries, write->count, error);
    if (member && pxt_tier_puts_many(tier) && pxt_tier_put_many(tier, write->entries, write->count, NULL) == PXT_OK)
        return PXT_OK;
    write->partly = true; /* no tombstones that could be synced here */
    return release_from(tier, write->entries, write->count, error);
}

/* Makes the tombstone of a key, if it is needed. What `decision` has is released. */
static pxt_status begin_one(struct pxt_chain *chain, struct removal *removal, const struct pxt_key *key, size_t index,
                            pxt_status status, struct pxt_decision *decision, struct pxt_error *error)
{
    struct pxt_write *write = &removal->batch.write;
    struct pxt_stamp stamp = {.supplied = PXT_VERSION_NEW, .learnt = PXT_VERSION_NEW, .seen = decision->seen};
    bool gone = decision->entry && pxt_chain_is_gone(chain, decision->entry, removal->why);
    /* A removal from a tier that stands alone finds what has expired, too. */
    bool nothing = decision->entry &&
                   (removal->alone ? pxt_entry_is_tombstone(decision->entry) : pxt_chain_dead(chain, decision->entry));
    if (decision->entry)
        pxt_stamp_above(&stamp, pxt_entry_effective_version(decision->entry));
    if (status == PXT_OK && gone)
        status = PXT_NOT_FOUND;
    if (status == PXT_NOT_FOUND)
        pxt_overtake_with_nothing(chain, key, decision);
    pxt_entry_release(decision->entry);
    if (status != PXT_OK && status != PXT_EUNAVAILABLE)
        return status;
    if (status == PXT_EUNAVAILABLE) /* the silent member may have a version far ahead */
        pxt_stamp_above(&stamp, pxt_version_far(&chain->page));
    pxt_entry **tombstone = &removal->batch.entries[write->count];
    pxt_status made = pxt_tombstone_new(key, 0, removal->why, pxt_clock_now(&chain->clock), tombstone, error);
    if (made)
        return made;
    removal->index[write->count] = index;
    removal->nothing[write->count] = status == PXT_OK && nothing; /* what was learnt of it goes too */
    removal->batch.replaced[write->count++].stamp = stamp;
    pxt_access_forget(chain, key);
    return PXT_OK;
}

/* Finds out what there is of each key, and makes the tombstones. A key without one has its result. */
static pxt_status begin_all(struct pxt_chain *chain, struct removal *removal, const struct pxt_key *keys, size_t n,
                            pxt_status *results, struct pxt_error *error)
{
    const size_t most = n < PXT_WRITING_MAX ? n : PXT_WRITING_MAX;
    unsigned flags = PXT_GET_PEEK | (chain->authority ? PXT_TIER_GET_FOR_WRITE : 0);
    struct pxt_decision *decision = pxt_alloc_array(most, sizeof *decision);
    pxt_status *status = pxt_alloc_array(most, sizeof *status);
    pxt_status first = decision && status ? PXT_OK : pxt_fail_memory(error, "a batch");
    for (size_t at = 0; at < n && !first; at += most) {
        size_t some = n - at < most ? n - at : most;
        first = pxt_chain_decide_many(chain, keys + at, some, flags, decision, status, error);
        for (size_t i = 0; i < some && !first; i++)
            results[at + i] = begin_one(chain, removal, &keys[at + i], at + i, status[i], &decision[i], error);
    }
    pxt_free(decision);
    pxt_free(status);
    return first;
}

static uint64_t hash_of(const pxt_entry *entry)
{
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    return key.hash;
}

/* Writes the tombstones to all tiers. */
static pxt_status bury_all(struct pxt_chain *chain, struct removal *removal, struct pxt_error *error)
{
    struct pxt_changes changes = {0};
    struct pxt_write *write = &removal->batch.write;
    for (size_t i = 0; i < write->count; i++)
        removal->batch.hash[i] = hash_of(write->entries[i]);
    pxt_status status = pxt_changes_begin(chain, removal->batch.hash, write->count, &changes, error);
    if (status)
        return status;
    write->change = &changes.whole;
    write->error = error;
    status = pxt_batch_write(write, removal->batch.replaced, error);
    pxt_changes_end(chain, &changes);
    for (size_t i = 0; i < write->count && write->taken; i++)
        pxt_change_removed(chain, hash_of(write->entries[i]), pxt_entry_version(write->entries[i]));
    if (!status)
        pxt_write_private_tiers(write);
    pxt_changes_free(&changes);
    return status;
}

/* After the batch, which ended with `status`: gives each key that had a tombstone its result. If no tier has taken the batch,
 * each key is removed alone: one that cannot be removed does not keep the others. */
static void end_all(struct pxt_chain *chain, const struct removal *removal, const struct pxt_key *keys,
                    pxt_status status, pxt_status *results, struct pxt_error *error)
{
    for (size_t i = 0; i < removal->batch.write.count; i++) {
        size_t index = removal->index[i];
        pxt_status alone = status ? pxt_chain_remove(chain, &keys[index], removal->why, error) : PXT_OK;
        if (alone == PXT_NOT_FOUND) /* its tombstone had reached a tier */
            alone = PXT_OK;
        results[index] = alone == PXT_OK && removal->nothing[i] ? PXT_NOT_FOUND : alone;
        pxt_entry_release(removal->batch.entries[i]);
    }
}

static void ignore_key(void *arg, const struct pxt_key *key)
{
    (void)arg, (void)key;
}

/* Drops the tombstones of a tier that stands alone. What a failure leaves goes with the next expiry. */
static void drop_tombstones(struct pxt_tier *alone, size_t n)
{
    const pxt_time never = INT64_MIN; /* nothing has expired by then */
    uint64_t removed;
    if (alone)
        pxt_tier_expire(alone, never, UINT64_MAX, n, ignore_key, NULL, &removed, NULL);
}

static pxt_status remove_locked(struct pxt_chain *chain, struct removal *removal, const struct pxt_key *keys, size_t n,
                                pxt_status *results, struct pxt_error *error)
{
    struct pxt_error local;
    removal->batch.write = (struct pxt_write){
        .chain = chain, .entries = removal->batch.entries, .into = bury_all_in, .locked = &removal->batch.locked};
    pxt_status status = begin_all(chain, removal, keys, n, results, error);
    if (!status && removal->batch.write.count) {
        end_all(chain, removal, keys, bury_all(chain, removal, &local), results, error);
        drop_tombstones(removal->alone, removal->batch.write.count);
        return PXT_OK;
    }
    for (size_t i = 0; i < removal->batch.write.count; i++)
        pxt_entry_release(removal->batch.entries[i]);
    return status;
}

/* Returns the only durable tier of a pool, if to bury many keys there and to drop the tombstones takes two transactions; else NULL.
 * In what ProxyWhirl reads a tombstone might be left. */
static struct pxt_tier *alone_in(struct pxt_chain *chain)
{
    const uint32_t flags = PXT_TIER_TRANSACTION | PXT_TIER_VERSIONS;
    struct pxt_tier *only = NULL;
    for (unsigned i = 0; i < chain->count; i++) {
        if (only && pxt_tier_durable(&chain->tier[i]))
            return NULL;
        only = pxt_tier_durable(&chain->tier[i]) ? &chain->tier[i] : only;
    }
    bool can = only && !chain->with_proxywhirl && pxt_tier_on(only) && (only->flags & flags) == flags;
    return can && pxt_tier_puts_many(only) && pxt_tier_expires(only) ? only : NULL;
}

/* Without tombstones the keys leave the tiers one by one. */
static pxt_status remove_singly(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, enum pxt_removal why,
                                pxt_status *results, struct pxt_error *error)
{
    for (size_t i = 0; i < n; i++)
        results[i] = pxt_chain_delete(chain, &keys[i], why, error);
    return PXT_OK;
}

pxt_status pxt_chain_delete_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, enum pxt_removal why,
                                 pxt_status *results, struct pxt_error *error)
{
    struct pxt_victims victims;
    struct removal removal = {.why = why, .batch = {.removes = true}};
    if (!pxt_chain_has_tombstones(chain))
        removal.alone = alone_in(chain);
    if (n < 2 || !(pxt_chain_has_tombstones(chain) || removal.alone))
        return remove_singly(chain, keys, n, why, results, error);
    removal.batch.entries = pxt_alloc_array(n, sizeof(pxt_entry *));
    removal.index = pxt_alloc_array(n, sizeof *removal.index);
    removal.nothing = pxt_alloc_array(n, sizeof *removal.nothing);
    pxt_status status = pxt_batch_make(&removal.batch, n, error);
    if (!status && !(removal.batch.entries && removal.index && removal.nothing))
        status = pxt_fail_memory(error, "a batch");
    if (status)
        goto out;
    for (size_t i = 0; i < n; i++)
        removal.batch.hash[i] = keys[i].hash;
    pxt_chain_probe_down_tiers(chain);
    pxt_exchange_take(chain, keys, n, true);
    status = pxt_chain_lock_keys(chain, removal.batch.hash, n, &removal.batch.locked, error);
    if (status)
        goto out;
    status = remove_locked(chain, &removal, keys, n, results, error);
    pxt_chain_unlock_keys(chain, &removal.batch.locked);
    pxt_victims_init(&victims);
    pxt_demote_victims(chain, &victims);
out:
    pxt_batch_free(&removal.batch, n);
    pxt_free(removal.batch.entries);
    pxt_free(removal.index);
    pxt_free(removal.nothing);
    return status;
}
