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
 * The keys of the batch are locked for its length; if they are many, all keys.
 */
#include "chain/batch.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/chain.h"
#include "chain/demote.h"
#include "chain/exchange.h"
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

/* Finds out which of up to PXT_READING_MAX entries a tier has: in one call, if it offers that. */
static void find_had(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, bool *had)
{
    struct pxt_key key[PXT_READING_MAX];
    const struct pxt_key *keys[PXT_READING_MAX];
    pxt_entry *entry[PXT_READING_MAX];
    pxt_status status[PXT_READING_MAX];
    for (size_t i = 0; i < n; i++) {
        pxt_entry_key_of(entries[i], &key[i]);
        keys[i] = &key[i];
    }
    bool together = pxt_tier_gets_many(tier);
    if (together)
        pxt_tier_get_many(tier, keys, n, PXT_GET_PEEK, entry, status, NULL);
    for (size_t i = 0; i < n; i++) {
        if (!together) {
            had[i] = pxt_tier_contains(tier, keys[i], NULL) != PXT_NOT_FOUND; /* in doubt, it has it */
            continue;
        }
        had[i] = status[i] != PXT_NOT_FOUND && !(entry[i] && pxt_entry_is_tombstone(entry[i]));
        pxt_entry_release(entry[i]);
    }
}

/* Chooses the entries for which a limited tier has room, and those that it has already: its copies would be old. False
 * if the tier cannot be asked. */
static bool choose(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, pxt_entry **chosen, size_t *count)
{
    bool had[PXT_READING_MAX];
    uint64_t used = 0;
    *count = 0;
    if (pxt_tier_count(tier, &used, NULL) != PXT_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        size_t at = i % PXT_READING_MAX;
        if (!at)
            find_had(tier, entries + i, n - i < PXT_READING_MAX ? n - i : PXT_READING_MAX, had);
        pxt_entry_key_of(entries[i], &key);
        bool room = used < tier->max_entries;
        if (room || had[at] || take_out_tombstone(tier, &key) != PXT_OK)
            chosen[(*count)++] = entries[i];
        used += room && !had[at];
    }
    return true;
}

/* Demotes a victim of a batch, whose key is in the batch or free. False if it stays. */
static bool demote(struct pxt_write *write, struct pxt_tier *tier, pxt_entry *victim, struct pxt_victims *cascade)
{
    struct pxt_key key;
    pxt_entry_key_of(victim, &key);
    if (!pxt_chain_has_locked(write->locked, &key))
        return pxt_demote_if_free(write->chain, tier, victim, cascade);
    return pxt_demote_victim(write->chain, tier, &key, cascade);
}

void pxt_batch_evict(struct pxt_write *write, struct pxt_tier *tier, pxt_entry *const *entries, size_t n)
{
    bool had[PXT_READING_MAX];
    uint64_t count = 0, fresh = 0;
    struct pxt_victims cascade;
    pxt_victims_init(&cascade);
    cascade.in_hurry = true; /* locks are held */
    for (size_t i = 0; i < n; i++) {
        size_t at = i % PXT_READING_MAX;
        if (!at)
            find_had(tier, entries + i, n - i < PXT_READING_MAX ? n - i : PXT_READING_MAX, had);
        fresh += !had[at];
    }
    if (pxt_tier_count(tier, &count, NULL) != PXT_OK)
        return;
    for (uint64_t need = count + fresh > tier->max_entries ? count + fresh - tier->max_entries : 0; need; need--) {
        pxt_entry *victim = NULL;
        if (pxt_tier_victim(tier, 0, &victim, NULL) != PXT_OK)
            break;
        bool done = demote(write, tier, victim, &cascade);
        pxt_entry_release(victim);
        while (cascade.count) { /* victims of slower tiers, in turn */
            struct pxt_tier *next = &write->chain->tier[cascade.item[--cascade.count].tier];
            pxt_entry *pushed = cascade.item[cascade.count].entry;
            demote(write, next, pushed, &cascade);
            pxt_entry_release(pushed);
        }
        if (!done)
            break; /* the policy would choose it again; the tier is trimmed later */
    }
}

/* Puts the batch in steps no larger than the tier's capacity, and evicts before each. */
static pxt_status put_in_steps(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    pxt_entry *const *entries = write->entries;
    size_t n = write->count;
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    size_t step = tier->limited && tier->max_entries < n ? (size_t)tier->max_entries : n;
    pxt_status first = PXT_OK;
    for (size_t at = 0; at < n; at += step) {
        size_t some = n - at < step ? n - at : step;
        if (tier->limited && pxt_tier_on(tier)) {
            pxt_victims_prepare(tier);
            pxt_batch_evict(write, tier, entries + at, some);
        }
        pxt_status status = pxt_tier_put_many(tier, entries + at, some, first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

/* Writes the batch to one tier. */
static pxt_status into_tier(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    size_t count;
    pxt_status status;
    if (tier == write->chain->authority)
        return pxt_batch_into_authority((struct pxt_batch *)(void *)write, tier, error);
    bool fills = write->below && tier->limited && pxt_tier_stores(tier) && pxt_tier_on(tier);
    pxt_entry **chosen = fills ? pxt_alloc_array(write->count, sizeof(pxt_entry *)) : NULL;
    if (chosen && choose(tier, write->entries, write->count, chosen, &count)) {
        write->partly = count < write->count;
        status = count ? pxt_tier_put_many(tier, chosen, count, error) : PXT_OK;
    } else {
        status = put_in_steps(write, tier, error);
    }
    pxt_free(chosen);
    return status;
}

/* Gives the entries their versions and writes them to the tiers that decide. */
static pxt_status write_once(struct pxt_write *write, const struct pxt_replaced *replaced, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    pxt_write_reset(write, error);
    for (size_t i = 0; i < write->count; i++)
        write->silent |= replaced[i].stamp.silent;
    for (size_t i = 0; i < write->count && !status; i++)
        status = pxt_chain_stamp_version(write->chain, write->entries[i], &replaced[i].stamp, error);
    return status ? status : pxt_write_deciding_tiers(write);
}

pxt_status pxt_batch_write(struct pxt_write *write, struct pxt_replaced *replaced, struct pxt_error *error)
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

static pxt_status put_locked(struct pxt_chain *chain, pxt_entry **entries, size_t n, struct pxt_batch *batch,
                             struct pxt_error *error)
{
    struct pxt_changes changes = {0};
    batch->write = (struct pxt_write){.chain = chain,
                                      .entries = entries,
                                      .count = n,
                                      .change = &changes.whole,
                                      .into = into_tier,
                                      .locked = &batch->locked};
    pxt_status status = pxt_learnt_inherit_many(chain, entries, n, batch->replaced, error);
    if (status)
        return status;
    status = pxt_changes_begin(chain, batch->hash, n, &changes, error);
    if (!status)
        status = pxt_batch_write(&batch->write, batch->replaced, error);
    pxt_changes_end(chain, &changes);
    if (!status) {
        publish(chain, entries, n, &changes);
        pxt_write_private_tiers(&batch->write);
    }
    pxt_changes_free(&changes);
    return status;
}

pxt_status pxt_batch_make(struct pxt_batch *batch, size_t n, struct pxt_error *error)
{
    batch->hash = pxt_alloc_array(n, sizeof *batch->hash);
    batch->replaced = pxt_alloc_array(n, sizeof *batch->replaced);
    return batch->hash && batch->replaced ? PXT_OK : pxt_fail_memory(error, "a batch");
}

void pxt_batch_free(struct pxt_batch *batch, size_t n)
{
    for (size_t i = 0; batch->given && i < n; i++)
        pxt_entry_release(batch->given[i]);
    pxt_free(batch->given);
    pxt_free(batch->hash);
    pxt_free(batch->replaced);
}

/* Keeps what was given, where another host may have an entry made again. */
static pxt_status keep_given(struct pxt_chain *chain, struct pxt_batch *batch, size_t n, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    if (!chain->authority)
        return PXT_OK;
    batch->given = pxt_alloc_array(n, sizeof(pxt_entry *));
    if (!batch->given)
        return pxt_fail_memory(error, "a batch");
    for (size_t i = 0; i < n && !status; i++)
        status = pxt_entry_copy(batch->entries[i], false, &batch->given[i], error);
    return status;
}

pxt_status pxt_chain_put_many(struct pxt_chain *chain, pxt_entry **entries, size_t n, bool *was_stored,
                              struct pxt_error *error)
{
    struct pxt_batch batch = {.entries = entries};
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    pxt_status status = pxt_batch_make(&batch, n, error);
    if (!status)
        status = keep_given(chain, &batch, n, error);
    if (status)
        goto out;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        batch.hash[i] = key.hash;
    }
    pxt_chain_probe_down_tiers(chain);
    pxt_exchange_take_for(chain, entries, n);
    status = pxt_chain_lock_keys(chain, batch.hash, n, &batch.locked, error);
    if (status)
        goto out;
    status = put_locked(chain, entries, n, &batch, error);
    for (size_t i = 0; i < n; i++) {
        if (was_stored)
            was_stored[i] = batch.replaced[i].entry != NULL;
        pxt_learnt_finish(entries[i], &batch.replaced[i]);
    }
    pxt_chain_unlock_keys(chain, &batch.locked);
    pxt_demote_victims(chain, &victims);
out:
    pxt_batch_free(&batch, n);
    return status;
}
