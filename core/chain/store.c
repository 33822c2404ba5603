/* SPDX-License-Identifier: MIT
 *
 * store.c: the steps of a write across the tiers, for one entry and for a batch.
 *
 * The slowest tier comes first, and memory last: memory may not have an entry that no durable tier took.
 */
#include "chain/store.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/key_ops.h"
#include "entry/entry.h"

/* Writes to one of the tiers that decide whether the write succeeds. */
static void write_to(struct pxt_write *write, struct pxt_tier *tier)
{
    pxt_status status = write->into(write, tier, write->first ? NULL : write->error);
    write->taken |= status == PXT_OK;
    write->below |= status == PXT_OK && (!tier->limited || tier->max_entries >= write->count);
    write->first = write->first ? write->first : status;
}

static bool is_private(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return chain->any_durable && !pxt_tier_durable(tier);
}

static bool has_durable_before(const struct pxt_chain *chain, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (pxt_tier_on(&chain->tier[i]) && pxt_tier_durable(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            return true;
    return false;
}

/* Whether a tier gets the write later: it is off, or it is written behind a faster durable tier. */
static bool is_deferred(const struct pxt_write *write, struct pxt_tier *tier)
{
    if (!write->may_defer)
        return false;
    PXT_COUNT(tier, skipped, !pxt_tier_on(tier));
    return !pxt_tier_on(tier) ||
           (tier->write_behind && pxt_tier_may_defer(tier) && has_durable_before(write->chain, tier->index));
}

/* Writes to the durable tiers (in a chain without one: to all), but for the deferred ones. */
static void write_durable(struct pxt_write *write, bool deferred[])
{
    for (unsigned i = write->chain->count; i-- > 0;) {
        struct pxt_tier *tier = &write->chain->tier[i];
        deferred[i] = !is_private(write->chain, tier) && is_deferred(write, tier);
        if (!is_private(write->chain, tier) && !deferred[i])
            write_to(write, tier);
    }
}

/* Hints the keys to the deferred tiers. Only now that another tier has them: repair.c deletes a hinted key that no other
 * tier has. If the faster durable tier refused the entries, a write-behind tier gets them at once. */
static void settle_deferred(struct pxt_write *write, const bool deferred[])
{
    struct pxt_key key;
    for (unsigned i = 0; i < write->chain->count; i++) {
        if (deferred[i] && !write->taken) {
            write_to(write, &write->chain->tier[i]);
        } else if (deferred[i]) {
            for (size_t j = 0; j < write->count; j++) {
                pxt_entry_key_of(write->entries[j], &key);
                pxt_tier_add_hint(&write->chain->tier[i], &key, false);
            }
        }
    }
}

/* Makes the copies in the private tiers of other processes stale, and the entries current. The hits noted for the keys
 * before the old entries were read are in the new ones. Keys of a batch may share a generation: all are bumped before the first is read. */
static void publish(struct pxt_write *write)
{
    struct pxt_key key;
    for (size_t i = 0; i < write->count; i++) {
        pxt_entry_key_of(write->entries[i], &key);
        for (unsigned j = 0; j < write->chain->count; j++)
            pxt_access_forget_included(&write->chain->tier[j], &key);
        pxt_generation_bump(&write->chain->coherence, key.hash);
    }
    for (size_t i = 0; i < write->count; i++) {
        pxt_entry_key_of(write->entries[i], &key);
        pxt_entry_set_generation(write->entries[i], pxt_generation(&write->chain->coherence, key.hash));
    }
}

/* Writes to the tiers that are not durable. They may fail: get then reads from a durable tier. */
static void write_private(struct pxt_write *write)
{
    for (unsigned i = write->chain->count; i-- > 0;)
        if (is_private(write->chain, &write->chain->tier[i]))
            write->into(write, &write->chain->tier[i], NULL);
}

pxt_status pxt_write_all_tiers(struct pxt_write *write)
{
    bool deferred[PXT_CHAIN_MAX];
    write_durable(write, deferred);
    settle_deferred(write, deferred);
    if (!write->taken)
        return write->first == PXT_ENOTSUP || write->first == PXT_EUNAVAILABLE
                   ? pxt_fail(write->error, PXT_EUNAVAILABLE, 0, "no tier could take %s: see `proxtier stats`",
                              write->count == 1 ? "the entry" : "the entries")
                   : write->first;
    publish(write);
    write_private(write);
    return PXT_OK;
}

static pxt_status into_tier(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    return pxt_chain_insert(tier, write->entries[0], write->victims, error);
}

pxt_status pxt_chain_store(struct pxt_chain *chain, pxt_entry *entry, struct pxt_victims *victims,
                           struct pxt_error *error)
{
    struct pxt_write write = {.chain = chain,
                              .entries = &entry,
                              .count = 1,
                              .into = into_tier,
                              .victims = victims,
                              .may_defer = true,
                              .error = error};
    struct pxt_key key;
    struct pxt_hinted_before before;
    pxt_entry_key_of(entry, &key);
    pxt_hinted_before_note(chain, &key, &before);
    pxt_status status = pxt_write_all_tiers(&write);
    if (!write.taken)
        pxt_hinted_before_restore(chain, &key, &before);
    return status;
}
