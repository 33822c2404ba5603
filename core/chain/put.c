/* SPDX-License-Identifier: MIT
 *
 * put.c: stores, changes and deletes entries in all tiers.
 *
 * An operation that changes a key in more than one tier holds the key's lock. So it is one step for the threads of this
 * process, and through the page for other processes: a deleted entry never comes back through a promotion that
 * was under way.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/exchange.h"
#include "chain/learnt.h"
#include "chain/overtake.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "chain/stripes.h"
#include "entry/entry.h"

/* Puts an entry in place of what is stored; again, if another host changes that meanwhile. */
static pxt_status put_locked(struct pxt_chain *chain, pxt_entry **entry, struct pxt_victims *victims,
                             struct pxt_error *error)
{
    struct pxt_replaced replaced;
    pxt_entry *given = NULL;
    pxt_status status = chain->authority ? pxt_entry_copy(*entry, false, &given, error) : PXT_OK;
    for (unsigned n = 0; !status; n++) {
        status = pxt_learnt_inherit(chain, entry, &replaced, error);
        if (!status)
            status = pxt_chain_store(chain, *entry, &replaced.stamp, victims, error);
        pxt_learnt_finish(*entry, &replaced);
        if (status != PXT_ESTALE || !given || !pxt_remote_try_again(n))
            break;
        pxt_entry_release(*entry); /* it has what the replaced one had learnt */
        status = pxt_entry_copy(given, false, entry, error);
        *entry = status ? given : *entry;
        given = status ? NULL : given;
    }
    pxt_entry_release(given);
    return status;
}

pxt_status pxt_chain_put(struct pxt_chain *chain, pxt_entry **entry, struct pxt_error *error)
{
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    struct pxt_key key;
    pxt_entry_key_of(*entry, &key);
    uint64_t hash = key.hash; /* the entry may become another object */
    pxt_chain_probe_down_tiers(chain);
    pxt_exchange_take(chain, &key, 1, true);
    pxt_status status = pxt_chain_lock(chain, &key, error);
    if (status)
        return status;
    status = put_locked(chain, entry, &victims, error);
    pxt_chain_unlock(chain, &(struct pxt_key){.hash = hash});
    if (!status) {
        pxt_entry_key_of(*entry, &key);
        pxt_log(chain->logger, PXT_MESSAGE_DEBUG, "chain", "put %s: stored", key.text);
    }
    pxt_demote_victims(chain, &victims);
    pxt_chain_flush(chain);
    return status;
}

pxt_status pxt_chain_delete(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error)
{
    pxt_chain_probe_down_tiers(chain);
    pxt_exchange_take(chain, key, 1, true);
    pxt_status status = pxt_chain_lock(chain, key, error);
    if (status)
        return status;
    status = pxt_chain_remove(chain, key, why, error);
    pxt_chain_unlock(chain, key);
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    pxt_demote_victims(chain, &victims);
    return status;
}

/* The tiers that have an entry of the key, a bit for each index. */
static uint32_t tiers_with(struct pxt_chain *chain, const struct pxt_key *key)
{
    uint32_t with = 0;
    for (unsigned i = 0; i < chain->count; i++) {
        pxt_entry *entry = NULL;
        if (pxt_tier_on(&chain->tier[i]) && !pxt_tier_get(&chain->tier[i], key, PXT_GET_PEEK, &entry, NULL) &&
            !pxt_entry_is_tombstone(entry))
            with |= UINT32_C(1) << i;
        pxt_entry_release(entry);
    }
    return with;
}

/* Removes an entry, and counts that in each tier that had it. */
static pxt_status remove_and_count(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                                   const struct pxt_decision *decision, struct pxt_error *error)
{
    uint32_t with = why == PXT_REMOVE_HEALTH ? tiers_with(chain, key) : 0;
    pxt_status status = pxt_chain_remove_read(chain, key, why, decision->entry, decision->seen, error);
    for (unsigned i = 0; i < chain->count && !status; i++)
        if (with >> i & 1)
            PXT_COUNT(&chain->tier[i], evictions_health, 1);
    return status;
}

/* Changes what is stored; PXT_ESTALE, if another host changes that meanwhile. */
static pxt_status change_once(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                              enum pxt_removal why, struct pxt_victims *victims, struct pxt_error *error)
{
    pxt_entry *changed = NULL;
    struct pxt_decision decision;
    pxt_status status = pxt_chain_decide(chain, key, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE, &decision, error);
    pxt_entry *entry = decision.entry;
    if (status == PXT_OK && pxt_chain_dead(chain, entry)) {
        if (!pxt_chain_has_tombstones(chain) && !pxt_entry_is_tombstone(entry)) {
            pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
            PXT_COUNT(&chain->tier[0], evictions_ttl, 1);
        }
        status = PXT_NOT_FOUND;
    } else if (status == PXT_OK) {
        status = change(arg, entry, &changed, error);
    }
    if (status == PXT_NOT_FOUND)
        pxt_overtake_with_nothing(chain, key, &decision);
    if (!status && changed) {
        uint64_t supplied = pxt_entry_effective_supplied(entry);
        const struct pxt_stamp stamp = {.above = pxt_entry_effective_version(entry),
                                        .supplied = supplied,
                                        .learnt = PXT_VERSION_NEW,
                                        .seen = decision.seen,
                                        .silent = pxt_chain_silent_members(chain, &decision)};
        status = pxt_chain_store(chain, changed, &stamp, victims, error);
    } else if (!status) {
        status = remove_and_count(chain, key, why, &decision, error);
    }
    pxt_entry_release(entry);
    pxt_entry_release(changed);
    return status;
}

static pxt_status change_locked(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                                enum pxt_removal why, struct pxt_victims *victims, struct pxt_error *error)
{
    enum { TRIES = 10 };
    pxt_status status;
    unsigned n = 0;
    do /* an authority that fails may answer when it is asked again */
        status = change_once(chain, key, change, arg, why, victims, error);
    while (chain->authority && (status == PXT_ESTALE || (status == PXT_EUNAVAILABLE && n < TRIES)) &&
           pxt_remote_try_again(n++));
    return status;
}

pxt_status pxt_chain_change(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                            enum pxt_removal why, struct pxt_error *error)
{
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    pxt_chain_settle(chain, NULL); /* the changed copy is to have all hits so far */
    pxt_chain_probe_down_tiers(chain);
    pxt_exchange_take(chain, key, 1, true);
    pxt_status status = pxt_chain_lock(chain, key, error);
    if (status)
        return status;
    status = change_locked(chain, key, change, arg, why, &victims, error);
    pxt_chain_unlock(chain, key);
    pxt_demote_victims(chain, &victims);
    return status;
}
