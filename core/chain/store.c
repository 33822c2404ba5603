/* SPDX-License-Identifier: MIT
 *
 * store.c: the steps of a write across the tiers, for one entry and for a batch.
 *
 * The slowest tier comes first, and memory last: memory may not have an entry that no durable tier took. Before them comes the
 * authority, which alone can say that another host has changed the key meanwhile.
 */
#include "chain/store.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/exchange.h"
#include "chain/key_ops.h"
#include "entry/entry.h"

/* Writes to one of the tiers that decide whether the write succeeds. */
static void write_to(struct pxt_write *write, struct pxt_tier *tier)
{
    write->partly = false;
    pxt_status status = write->into(write, tier, write->first ? NULL : write->error);
    pxt_change_wrote(write->chain, write->change, tier, status);
    if (write->partly)
        write->change->stored &= (pxt_doubts)~pxt_chain_bit(write->chain, tier);
    write->lost |= status == PXT_ESTALE && tier == write->chain->authority;
    write->stale |= status == PXT_ESTALE;
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
    return !pxt_tier_on(tier) || (tier->write_behind && has_durable_before(write->chain, tier->index));
}

/* At level `power` one of the tiers that took the write must have synced it. */
static pxt_status make_safe(struct pxt_write *write)
{
    struct pxt_chain *chain = write->chain;
    pxt_status status = PXT_EUNAVAILABLE;
    if (!chain->power)
        return PXT_OK;
    for (unsigned i = 0; i < chain->count; i++)
        if ((write->change->stored & pxt_chain_bit(chain, &chain->tier[i])) && (chain->tier[i].flags & PXT_TIER_SYNCED))
            return PXT_OK;
    for (unsigned i = 0; status && i < chain->count; i++)
        if (write->change->stored & pxt_chain_bit(chain, &chain->tier[i]))
            status = pxt_tier_sync(&chain->tier[i], write->error);
    return status;
}

void pxt_write_reset(struct pxt_write *write, struct pxt_error *error)
{
    write->taken = write->below = write->stale = write->lost = false;
    write->change->unsure |= write->change->took;
    write->change->took = write->change->stored = 0;
    write->first = PXT_OK;
    write->error = error;
}

pxt_status pxt_write_deciding_tiers(struct pxt_write *write)
{
    struct pxt_chain *chain = write->chain;
    bool deferred[PXT_CHAIN_MAX] = {0};
    struct pxt_tier *authority = chain->authority;
    if (authority && pxt_tier_on(authority) && !write->unread) {
        write_to(write, authority);
        if (write->lost)
            return PXT_ESTALE;
    } else if (authority) {
        PXT_COUNT(authority, skipped, 1);
    }
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (tier == authority || (write->silent & UINT32_C(1) << i))
            continue;
        deferred[i] = !is_private(chain, tier) && is_deferred(write, tier);
        if (!is_private(chain, tier) && !deferred[i])
            write_to(write, tier);
        if (deferred[i] && tier->write_behind)
            atomic_fetch_add_explicit(&chain->written_behind, 1, memory_order_relaxed);
    }
    /* If the faster durable tier refused the entries, a write-behind tier gets them at once. */
    for (unsigned i = 0; i < chain->count && !write->taken; i++)
        if (deferred[i])
            write_to(write, &chain->tier[i]);
    if (write->taken && pxt_chain_members(chain)) {
        pxt_status status = make_safe(write);
        if (status)
            return status;
    }
    if (write->taken)
        return PXT_OK;
    return write->first == PXT_OK || write->first == PXT_ENOTSUP || write->first == PXT_EUNAVAILABLE
               ? pxt_fail(write->error, PXT_EUNAVAILABLE, 0, "no tier could take %s: see `proxtier status`",
                          write->count == 1 ? "the entry" : "the entries")
               : write->first;
}

void pxt_write_private_tiers(struct pxt_write *write)
{
    for (unsigned i = write->chain->count; i-- > 0;)
        if (is_private(write->chain, &write->chain->tier[i]))
            write->into(write, &write->chain->tier[i], NULL);
    if (write->chain->exchanges && write->taken && !write->is_copy)
        pxt_exchange_give(write->chain, write->entries, write->count);
}

/* Counts a change of an entry whose version is too far ahead of the clock, and tells it once a minute. */
static void note_skew(struct pxt_chain *chain, uint64_t version)
{
    enum { TELL_EVERY_MS = 60000 };
    int64_t now = pxt_clock_monotonic_ms(), told = atomic_load(&chain->skew_told_ms);
    uint64_t clock = pxt_version_of_time(pxt_clock_now(&chain->clock));
    atomic_fetch_add_explicit(&chain->skewed, 1, memory_order_relaxed);
    if ((!told || now - told >= TELL_EVERY_MS) && atomic_compare_exchange_strong(&chain->skew_told_ms, &told, now))
        pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain",
                "an entry was changed by a clock %llu s ahead of this one, more than max_skew: set the clocks",
                (unsigned long long)((version - clock) >> PXT_VERSION_SHIFT) / PXT_SECOND);
}

pxt_status pxt_chain_stamp_version(struct pxt_chain *chain, pxt_entry *entry, const struct pxt_stamp *stamp,
                                   struct pxt_error *error)
{
    if (!pxt_version_learn(&chain->page, stamp->above))
        note_skew(chain, stamp->above);
    uint64_t version = pxt_version_next(&chain->page, stamp->above);
    if (!version)
        return pxt_fail(error, PXT_EUNAVAILABLE, 0, "the stored version of key %s has no successor: delete the entry",
                        pxt_entry_key(entry));
    if (!chain->generations) { /* it is current as soon as the first tier has it */
        struct pxt_key key;
        pxt_entry_key_of(entry, &key);
        pxt_entry_set_generation(entry, pxt_generation(&chain->page, key.hash));
    }
    pxt_entry_set_versions(entry, version, stamp->supplied == PXT_VERSION_NEW ? version : stamp->supplied,
                           stamp->learnt == PXT_VERSION_NEW ? version : stamp->learnt);
    if (stamp->supplied == PXT_VERSION_NEW && pxt_entry_was_deleted(entry)) /* it keeps that when it is stamped anew */
        pxt_tombstone_set_time(entry, (pxt_time)(version >> PXT_VERSION_SHIFT));
    return PXT_OK;
}

/* Whether the policy of a tier may keep the entry out: a slower tier has taken it, and of a pool the slowest. At level `power`
 * the slowest may not yet have synced it. A tier that other hosts use has everything. */
static bool may_refuse(const struct pxt_write *write, const struct pxt_tier *tier)
{
    const struct pxt_chain *chain = write->chain;
    if (!pxt_chain_bit(chain, tier))
        return write->taken;
    const struct pxt_tier *slowest = chain->slowest; /* NULL: it is absent */
    return !chain->power && !(tier->flags & PXT_TIER_REMOTE) && slowest && tier != slowest &&
           (write->change->took & pxt_chain_bit(chain, slowest));
}

pxt_status pxt_write_put(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    if (tier != write->chain->authority)
        return pxt_tier_put(tier, write->entries[0], error);
    pxt_status status = pxt_tier_put_if(tier, write->entries[0], write->seen.version, error);
    if (!status) /* it is what a second try replaces */
        write->seen.version = pxt_entry_version(write->entries[0]);
    return status;
}

/* After the policy of a tier has kept the entry out. A tombstone that the tier may have is older than what the others have. */
static pxt_status refused(struct pxt_tier *tier, const struct pxt_key *key, struct pxt_error *error)
{
    if (!pxt_tier_durable(tier))
        return PXT_ENOTSUP;
    pxt_status status = pxt_tier_del(tier, key, PXT_REMOVE_DELETED, error);
    /* With PXT_EINVAL pxt_change_wrote() knows that the tier has nothing. */
    return status == PXT_OK || status == PXT_NOT_FOUND ? PXT_EINVAL : status;
}

static pxt_status into_tier(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(write->entries[0], &key);
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP; /* capacity 0: the tier passes everything on */
    write->victims->may_refuse = may_refuse(write, tier);
    bool has_room = !tier->limited || pxt_victims_choose(tier, &key, write->victims);
    write->victims->may_refuse = false;
    return has_room ? pxt_write_put(write, tier, error) : refused(tier, &key, error);
}

uint64_t pxt_chain_greatest_version(struct pxt_chain *chain, const struct pxt_key *key)
{
    uint64_t greatest = 0;
    for (unsigned i = 0; i < chain->count; i++) {
        pxt_entry *entry = NULL;
        if (!pxt_tier_durable(&chain->tier[i]) || pxt_tier_get(&chain->tier[i], key, PXT_GET_PEEK, &entry, NULL))
            continue;
        uint64_t version = pxt_entry_version(entry);
        greatest = pxt_version_max(greatest, version);
        pxt_entry_release(entry);
    }
    return greatest;
}

/* The hits that were noted for the key before the old entry was read are in the new one. */
static void forget_included_hits(struct pxt_chain *chain, const struct pxt_key *key)
{
    for (unsigned i = 0; i < chain->count; i++)
        pxt_access_forget_included(&chain->tier[i], key);
}

pxt_status pxt_chain_store(struct pxt_chain *chain, pxt_entry *entry, const struct pxt_stamp *given,
                           struct pxt_victims *victims, struct pxt_error *error)
{
    struct pxt_stamp stamp = *given;
    struct pxt_change change;
    struct pxt_write write = {.chain = chain,
                              .entries = &entry,
                              .count = 1,
                              .change = &change,
                              .into = into_tier,
                              .victims = victims,
                              .seen = given->seen,
                              .unread = !given->seen.read,
                              .silent = given->silent,
                              .is_copy = given->is_copy,
                              .may_defer = true};
    struct pxt_key key;
    pxt_status status;
    int tries = 0;
    pxt_entry_key_of(entry, &key);
    pxt_change_begin(chain, key.hash, NULL, &change);
    do {
        pxt_write_reset(&write, error);
        if (stamp.is_copy)
            pxt_version_learn(&chain->page, pxt_entry_version(entry));
        status = stamp.is_copy ? PXT_OK : pxt_chain_stamp_version(chain, entry, &stamp, error);
        if (!status)
            status = pxt_write_deciding_tiers(&write);
        if (write.lost || stamp.is_copy)
            break;
        if (write.stale)
            pxt_stamp_above(&stamp, pxt_chain_greatest_version(chain, &key));
    } while (write.stale && ++tries < PXT_STALE_TRIES);
    if (!status)
        forget_included_hits(chain, &key);
    uint32_t generation = pxt_change_end(chain, &change);
    if (status)
        return status;
    pxt_entry_set_generation(entry, generation);
    pxt_write_private_tiers(&write);
    return PXT_OK;
}
