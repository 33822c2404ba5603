/* SPDX-License-Identifier: MIT
 *
 * remove.c: removes a key from all tiers. In a pool of several members the removal is a version too, a tombstone: so no
 * older copy comes back.
 */
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/dead.h"
#include "chain/decide.h"
#include "chain/overtake.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "entry/entry.h"

/* The key leaves the tiers one by one: in a pool of one member the only tombstone that it may have says that it is known as
 * dead, and is no entry. */
static pxt_status remove_from_each(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                                   struct pxt_error *error)
{
    bool found = false, reached = false;
    pxt_status first = PXT_OK;
    struct pxt_change change;
    pxt_access_forget(chain, key);
    pxt_change_begin(chain, key->hash, NULL, &change);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_present(tier))
            continue;
        pxt_status status = pxt_tier_del(tier, key, why, first ? NULL : error);
        found |= status == PXT_OK;
        if (status == PXT_OK || status == PXT_NOT_FOUND)
            reached |= pxt_tier_durable(tier) || !chain->any_durable;
        else
            first = first ? first : status;
    }
    pxt_change_end(chain, &change);
    if (reached && why != PXT_REMOVE_EXPIRED)
        pxt_change_removed(chain, key->hash,
                           pxt_version_max(pxt_version_last(&chain->page), pxt_version_far(&chain->page)));
    if (!reached)
        return first ? first : pxt_fail(error, PXT_EUNAVAILABLE, 0, "no tier could be asked: see `proxtier status`");
    return found ? PXT_OK : PXT_NOT_FOUND;
}

/* A limited tier lets go of the key if a slower member has taken the tombstone. Other tiers than members let go of it. */
static pxt_status bury_in(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error)
{
    bool member = pxt_chain_keeps_tombstones(write->chain, tier);
    struct pxt_key key;
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    if (tier == write->chain->authority || (member && !(tier->limited && write->taken)))
        return pxt_write_put(write, tier, error);
    write->partly = true; /* no tombstone that could be synced here */
    pxt_entry_key_of(write->entries[0], &key);
    pxt_status status = pxt_tier_del(tier, &key, PXT_REMOVE_DELETED, error);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* Puts a tombstone in all tiers. */
static pxt_status bury(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why, uint64_t above,
                       struct pxt_seen seen, struct pxt_error *error)
{
    pxt_time at = why == PXT_REMOVE_HEALTH ? pxt_chain_known_until(chain) : pxt_clock_now(&chain->clock);
    struct pxt_change change;
    pxt_entry *tombstone = NULL;
    const struct pxt_stamp stamp = {
        .above = above, .supplied = PXT_VERSION_NEW, .learnt = PXT_VERSION_NEW, .seen = seen};
    pxt_status status = pxt_tombstone_new(key, 0, why, at, &tombstone, error);
    if (status)
        return status;
    pxt_access_forget(chain, key);
    pxt_change_begin(chain, key->hash, NULL, &change);
    struct pxt_write write = {.chain = chain,
                              .entries = &tombstone,
                              .count = 1,
                              .change = &change,
                              .into = bury_in,
                              .may_defer = true,
                              .seen = seen,
                              .unread = !seen.read,
                              .error = error};
    status = pxt_chain_stamp_version(chain, tombstone, &stamp, error);
    if (!status)
        status = pxt_write_deciding_tiers(&write);
    pxt_change_end(chain, &change);
    if (write.taken && why != PXT_REMOVE_EXPIRED)
        pxt_change_removed(chain, key->hash, pxt_entry_version(tombstone));
    if (!write.lost)
        pxt_write_private_tiers(&write);
    pxt_entry_release(tombstone);
    return status;
}

/* Reads what is there, and buries it; PXT_ESTALE, if another host changes that meanwhile. */
static pxt_status remove_once(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                              struct pxt_error *error)
{
    struct pxt_decision decision;
    unsigned flags = PXT_GET_PEEK | (chain->authority ? PXT_TIER_GET_FOR_WRITE : 0);
    pxt_status status = pxt_chain_decide(chain, key, flags, &decision, error);
    uint64_t version = decision.entry ? pxt_entry_effective_version(decision.entry) : 0;
    bool gone = decision.entry && pxt_chain_is_gone(chain, decision.entry, why);
    bool dead = decision.entry && pxt_chain_dead(chain, decision.entry);
    if (status == PXT_OK && gone)
        status = PXT_NOT_FOUND;
    if (status == PXT_NOT_FOUND)
        pxt_overtake_with_nothing(chain, key, &decision);
    pxt_entry_release(decision.entry);
    if (status != PXT_OK && status != PXT_EUNAVAILABLE)
        return status;
    bool expired = status == PXT_OK && dead; /* what was learnt of it goes too */
    if (status == PXT_EUNAVAILABLE)          /* the silent member may have a version far ahead */
        version = pxt_version_max(version, pxt_version_far(&chain->page));
    status = bury(chain, key, why, version, decision.seen, error);
    return status == PXT_OK && expired ? PXT_NOT_FOUND : status;
}

static void tell(const struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why)
{
    const char *reason = why == PXT_REMOVE_HEALTH    ? "it failed too often"
                         : why == PXT_REMOVE_EXPIRED ? "its time to live is over"
                                                     : "it was deleted";
    pxt_log(chain->logger, PXT_MESSAGE_DEBUG, "chain", "%s leaves all tiers: %s", key->text, reason);
}

static bool leaves_trace(struct pxt_chain *chain, enum pxt_removal why)
{
    return pxt_chain_has_tombstones(chain) || (why == PXT_REMOVE_HEALTH && pxt_chain_remembers_dead(chain));
}

pxt_status pxt_chain_remove_read(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                                 const pxt_entry *entry, struct pxt_seen seen, struct pxt_error *error)
{
    pxt_status status = leaves_trace(chain, why)
                            ? bury(chain, key, why, pxt_entry_effective_version(entry), seen, error)
                            : remove_from_each(chain, key, why, error);
    if (!status)
        tell(chain, key, why);
    return status;
}

pxt_status pxt_chain_remove(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error)
{
    pxt_status status;
    unsigned n = 0;
    if (!leaves_trace(chain, why))
        status = remove_from_each(chain, key, why, error);
    else
        do
            status = remove_once(chain, key, why, error);
        while (status == PXT_ESTALE && chain->authority && pxt_remote_try_again(n++));
    if (!status)
        tell(chain, key, why);
    return status;
}
