/* SPDX-License-Identifier: MIT
 *
 * batch.c: stores many entries. Every tier gets them in one call, so that a database needs one transaction.
 *
 * If a slower tier takes the whole batch, a limited tier evicts nothing: it updates the entries that it has, and takes
 * new ones while it has room.
 *
 * `write_behind` does not apply to a batch: every tier gets it at once. A batch is one transaction in each tier already,
 * and would put many keys in doubt. A batch that fails in a tier leaves its keys in doubt there, even
 * if no tier took it: the tier may have stored a part of the batch.
 *
 * All stripes are locked for the length of a batch, in ascending order, as one range among processes.
 */
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/chain.h"
#include "chain/demote.h"
#include "chain/learnt.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "chain/stripes.h"
#include "entry/entry.h"

/* Takes a tombstone out of a limited tier that has no room for what replaces it. */
static pxt_status take_out_tombstone(struct pxt_tier *tier, const struct pxt_key *key)
{
    pxt_entry *tombstone = NULL;
    pxt_status status = pxt_tier_get(tier, key, PXT_GET_PEEK, &tombstone, NULL);
    if (!status)
        status = pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
    pxt_entry_release(tombstone);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* Chooses the entries for which a limited tier has room, and those that it has already: its copies would be old. False
 * if the tier cannot be asked. */
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
        bool had = pxt_tier_contains(tier, &key, NULL) != PXT_NOT_FOUND; /* in doubt, it has it */
        if (room || had || take_out_tombstone(tier, &key) != PXT_OK)
            chosen[(*count)++] = entries[i];
        used += room && !had;
    }
    return true;
}

/* Evicts from a limited tier as many entries as the batch has new keys for it. All keys are locked: the victims are
 * demoted at once. */
static void evict_for_batch(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *const *entries, size_t n)
{
    uint64_t count = 0, fresh = 0;
    struct pxt_victims cascade;
    pxt_victims_init(&cascade);
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
        pxt_demote_victim(chain, tier, &key, &cascade);
        pxt_entry_release(victim);
        while (cascade.count) { /* victims of slower tiers, in turn */
            struct pxt_tier *next = &chain->tier[cascade.item[--cascade.count].tier];
            pxt_entry *pushed = cascade.item[cascade.count].entry;
            pxt_entry_key_of(pushed, &key);
            pxt_demote_victim(chain, next, &key, &cascade);
            pxt_entry_release(pushed);
        }
    }
}

/* Puts the batch in steps no larger than the tier's capacity, and evicts before each. */
static pxt_status put_in_steps(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *const *entries, size_t n,
                               struct pxt_error *error)
{
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    size_t step = tier->limited && tier->max_entries < n ? (size_t)tier->max_entries : n;
    pxt_status first = PXT_OK;
    for (size_t at = 0; at < n; at += step) {
        size_t some = n - at < step ? n - at : step;
        if (tier->limited && pxt_tier_on(tier)) {
            pxt_victims_prepare(tier);
            evict_for_batch(chain, tier, entries + at, some);
        }
        pxt_status status = pxt_tier_put_many(tier, entries + at, some, first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

struct batch {
    struct pxt_write write; /* first: what into_tier() is called with */
    pxt_entry **entries;
    struct pxt_replaced *replaced;
};

/* Stores one entry in the place of what was seen in the authority; made anew, if another host has changed that meanwhile. */
static pxt_status put_over_seen(struct batch *batch, struct pxt_tier *tier, size_t i, struct pxt_error *error)
{
    struct pxt_chain *chain = batch->write.chain;
    struct pxt_replaced *replaced = &batch->replaced[i];
    pxt_status status = PXT_ESTALE;
    for (unsigned n = 0; status == PXT_ESTALE && pxt_remote_try_again(n); n++) {
        if (n) {
            pxt_entry_release(replaced->entry);
            replaced->entry = NULL;
            status = pxt_learnt_inherit(chain, &batch->entries[i], replaced, error);
            if (!status)
                status = pxt_chain_stamp_version(chain, batch->entries[i], &replaced->stamp, error);
            if (status)
                return status;
        }
        status = replaced->stamp.seen.read
                     ? pxt_tier_put_if(tier, batch->entries[i], replaced->stamp.seen.version, error)
                     : pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s did not answer", tier->name);
        if (!status) /* it is what a second try replaces */
            replaced->stamp.seen.version = pxt_entry_version(batch->entries[i]);
    }
    return status;
}

/* Writes the batch to the authority. If it takes some of the entries, others are left for a repair. */
static pxt_status into_authority(struct batch *batch, struct pxt_tier *tier, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    bool some = false;
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    if (tier->limited)
        evict_for_batch(batch->write.chain, tier, batch->entries, batch->write.count);
    for (size_t i = 0; i < batch->write.count && pxt_tier_on(tier); i++) {
        pxt_status status = put_over_seen(batch, tier, i, first ? NULL : error);
        first = first ? first : status;
        some |= !status;
    }
    if (!pxt_tier_on(tier) && !first)
        first = pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s is off", tier->name);
    return first && some ? PXT_EIO : first == PXT_ESTALE ? PXT_EBUSY : first; /* it has a part: no certain failure */
}

/* Writes the batch to one tier. */
static pxt_status into_tier(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    size_t count;
    pxt_status status;
    if (tier == write->chain->authority)
        return into_authority((struct batch *)(void *)write, tier, error);
    bool fills = write->below && tier->limited && pxt_tier_stores(tier) && pxt_tier_on(tier);
    pxt_entry **chosen = fills ? pxt_alloc_array(write->count, sizeof(pxt_entry *)) : NULL;
    if (chosen && choose(tier, write->entries, write->count, chosen, &count)) {
        write->partly = count < write->count;
        status = count ? pxt_tier_put_many(tier, chosen, count, error) : PXT_OK;
    } else {
        status = put_in_steps(write->chain, tier, write->entries, write->count, error);
    }
    pxt_free(chosen);
    return status;
}

/* Gives all entries the learnt fields of those that they replace. `replaced` has room for all. */
static pxt_status inherit_all(struct pxt_chain *chain, pxt_entry **entries, size_t n, struct pxt_replaced *replaced,
                              struct pxt_error *error)
{
    for (size_t i = 0; i < n; i++) {
        pxt_status status = pxt_learnt_inherit(chain, &entries[i], &replaced[i], error);
        if (status)
            return status;
    }
    return PXT_OK;
}

/* Marks the tiers in doubt for all keys. */
static pxt_status begin(struct pxt_chain *chain, pxt_entry **entries, size_t n, struct pxt_changes *changes,
                        struct pxt_error *error)
{
    struct pxt_key key;
    uint64_t *hash = pxt_alloc_array(n, sizeof *hash);
    if (!hash)
        return pxt_fail_memory(error, "a batch");
    for (size_t i = 0; i < n; i++) {
        pxt_entry_key_of(entries[i], &key);
        hash[i] = key.hash;
    }
    pxt_status status = pxt_changes_begin(chain, hash, n, changes, error);
    pxt_free(hash);
    return status;
}

/* Gives the entries their versions and writes them to the tiers that decide. */
static pxt_status write_once(struct pxt_write *write, const struct pxt_replaced *replaced, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    pxt_write_reset(write, error);
    for (size_t i = 0; i < write->count && !status; i++)
        status = pxt_chain_stamp_version(write->chain, write->entries[i], &replaced[i].stamp, error);
    return status ? status : pxt_write_deciding_tiers(write);
}

/* Tries again with greater versions as long as a tier has a newer one of a key, some times. */
static pxt_status write_above(struct pxt_write *write, struct pxt_replaced *replaced, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_status status = write_once(write, replaced, error);
    for (int tries = 1; write->stale && tries < PXT_STALE_TRIES; tries++) {
        for (size_t i = 0; i < write->count; i++) {
            pxt_entry_key_of(write->entries[i], &key);
            pxt_stamp_above(&replaced[i].stamp, pxt_chain_greatest_version(write->chain, &key));
        }
        status = write_once(write, replaced, error);
    }
    return status;
}

/* Makes the copies in the private tiers of other processes stale, and the entries current. */
static void publish(struct pxt_chain *chain, pxt_entry **entries, size_t n, const struct pxt_changes *changes)
{
    struct pxt_key key;
    for (size_t i = 0; i < n; i++) {
        pxt_entry_key_of(entries[i], &key);
        for (unsigned j = 0; j < chain->count; j++)
            pxt_access_forget_included(&chain->tier[j], &key);
        pxt_entry_set_generation(entries[i], pxt_changes_generation(chain, changes, key.hash));
    }
}

/* All keys are locked. */
static pxt_status put_locked(struct pxt_chain *chain, pxt_entry **entries, size_t n, struct pxt_replaced *replaced,
                             struct pxt_error *error)
{
    struct pxt_changes changes = {0};
    struct batch batch = {{.chain = chain, .entries = entries, .count = n, .change = &changes.whole, .into = into_tier},
                          entries,
                          replaced};
    pxt_status status = inherit_all(chain, entries, n, replaced, error);
    if (status)
        return status;
    status = begin(chain, entries, n, &changes, error);
    if (!status)
        status = write_above(&batch.write, replaced, error);
    pxt_changes_end(chain, &changes);
    if (!status) {
        publish(chain, entries, n, &changes);
        pxt_write_private_tiers(&batch.write);
    }
    pxt_changes_free(&changes);
    return status;
}

pxt_status pxt_chain_put_many(struct pxt_chain *chain, pxt_entry **entries, size_t n, bool *was_stored,
                              struct pxt_error *error)
{
    struct pxt_replaced *replaced = pxt_alloc_array(n, sizeof *replaced);
    if (!replaced)
        return pxt_fail_memory(error, "a batch");
    pxt_chain_probe_down_tiers(chain);
    pxt_status status = pxt_chain_lock_all_joined(chain, error);
    if (!status) {
        status = put_locked(chain, entries, n, replaced, error);
        for (size_t i = 0; i < n; i++) {
            if (was_stored)
                was_stored[i] = replaced[i].entry != NULL;
            pxt_learnt_finish(entries[i], &replaced[i]);
        }
        pxt_chain_unlock_all(chain);
        struct pxt_victims victims;
        pxt_victims_init(&victims);
        pxt_demote_victims(chain, &victims);
    }
    pxt_free(replaced);
    return status;
}
