/* SPDX-License-Identifier: MIT
 *
 * demote.c: evicts from full tiers, and demotes the victims to the next slower tier.
 *
 * Two steps. Before an insertion, under the lock of the new key, the policy chooses a victim (victim.c): so the new entry
 * is never a candidate. After that lock is released, the victim is demoted under the lock of its own key. Between the
 * steps the tier holds one entry more than its capacity. A victim is removed from its tier only when the next tier has
 * it: a key that is stored is in at least one tier at every instant.
 *
 * Which copy owns which hits. A memory tier counts hits in the entry that it stores; hits that the durable tiers have
 * not been told of are "unflushed" there. A durable tier has its hits in the buffer of accesses.c, and so its stored copy
 * may lack some. When a victim leaves a memory tier, its unflushed hits are taken out of it and noted for the durable
 * tiers, once before the demotion, and once more after the removal, for hits that came in between. A slower memory tier
 * is not told by the buffer: it gets a copy that has all hits, or, if it has the key already, the difference is added to
 * its own entry. While the faster tier had the key, the slower one got no hits of it.
 */
#include "chain/demote.h"
#include "chain/accesses.h"
#include "chain/key_ops.h"
#include "chain/repair.h"
#include "chain/store.h"
#include "chain/stripes.h"
#include "entry/entry.h"

/* Whether `tier` is the last that stores entries: then its victims are dropped. A slower tier that is off still counts, and so does
 * a server that was not there when the cache was opened: a victim that should go there stays, over capacity rather than lost. */
static bool is_last(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (pxt_tier_present(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            return false;
    return !pxt_tier_durable(tier) || !chain->authority || tier->index >= chain->authority->index;
}

/* Returns the next slower tier that can take a victim; NULL if there is none. */
static struct pxt_tier *next_of(struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            return &chain->tier[i];
    return NULL;
}

/* Adds the hits that `from` has, and the copy in `next` lacks, to that copy. Only for memory tiers, whose get() returns
 * the stored object itself. */
static void transfer_hits(struct pxt_tier *next, const struct pxt_key *key, const pxt_entry *from)
{
    pxt_entry *entry = NULL;
    if (pxt_tier_durable(next) || pxt_tier_get(next, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
        return;
    int64_t lacking = pxt_entry_number(from, PXT_FIELD_ACCESS_COUNT) - pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    if (lacking > 0) {
        pxt_entry_touch(entry, (uint64_t)lacking, pxt_entry_number(from, PXT_FIELD_LAST_ACCESSED));
        pxt_entry_take_unflushed_hits(entry); /* these hits are noted already */
    }
    pxt_entry_release(entry);
}

/* Has the slower memory tiers apply their buffered hits, so that a copy of the victim has them. */
static void settle_below(struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (!pxt_tier_durable(&chain->tier[i]) && pxt_tier_on(&chain->tier[i]))
            pxt_tier_settle(&chain->tier[i], NULL);
}

/* Passes on the hits that came after the demotion, before the victim was removed. */
static void transfer_late_hits(struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key,
                               pxt_entry *entry)
{
    struct pxt_tier *next = next_of(chain, tier);
    uint64_t late = pxt_tier_durable(tier) ? 0 : pxt_entry_take_unflushed_hits(entry);
    if (late && chain->any_durable)
        pxt_access_note(chain, key, late, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    if (late && next)
        transfer_hits(next, key, entry);
}

static bool in_doubt(const struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key)
{
    return pxt_word_doubts(pxt_word(&chain->page, key->hash)) & pxt_chain_bit(chain, tier);
}

/* True if `next` certainly has the key, so that asking it can be skipped. Every entry of a private tier was first stored
 * in the durable tiers; an unlimited tier never evicts; and a deletion there raises the generation, which makes the private
 * copy stale. */
static bool surely_has(const struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_tier *next,
                       const struct pxt_key *key)
{
    return !(tier->flags & PXT_TIER_SHARED) && (next->flags & PXT_TIER_SHARED) && pxt_tier_durable(next) &&
           !next->limited && !in_doubt(chain, next, key);
}

static bool has_copy(const struct pxt_chain *chain, const struct pxt_tier *tier, struct pxt_tier *next,
                     const struct pxt_key *key)
{
    return surely_has(chain, tier, next, key) || pxt_tier_contains(next, key, NULL) == PXT_OK;
}

/* Stores a copy of the victim in `next`: as a copy, which keeps its version. */
static pxt_status insert_copy(struct pxt_chain *chain, struct pxt_tier *next, const struct pxt_key *key,
                              pxt_entry *copy, struct pxt_victims *victims)
{
    struct pxt_change change;
    if (!pxt_chain_bit(chain, next))
        return pxt_chain_insert(next, copy, victims, NULL);
    pxt_change_begin(chain, key->hash, next, &change);
    pxt_status status = pxt_chain_insert(next, copy, victims, NULL);
    pxt_change_wrote(chain, &change, next, status);
    pxt_change_end(chain, &change);
    return status;
}

/* Stores a copy of the victim in `next`. */
static pxt_status demote_copy(struct pxt_chain *chain, const struct pxt_tier *tier, struct pxt_tier *next,
                              const struct pxt_key *key, pxt_entry *entry, struct pxt_victims *victims)
{
    settle_below(chain, tier);
    pxt_entry *copy = NULL;
    pxt_status status = pxt_entry_copy(entry, tier->index == 0, &copy, NULL);
    if (!status)
        pxt_entry_set_generation(copy, pxt_entry_generation(entry));
    if (!status)
        status = insert_copy(chain, next, key, copy, victims);
    if (!status)
        pxt_access_forget_in(next, key); /* the copy has all hits already */
    pxt_entry_release(copy);
    return status;
}

/* Whether the slowest member has what a limited member is about to let go of: it is on, and not in doubt. It need not be
 * asked: it has this version or a newer one. */
static bool slowest_has(const struct pxt_chain *chain, const struct pxt_key *key)
{
    const struct pxt_tier *slowest = chain->slowest;
    return slowest && pxt_tier_on(slowest) && pxt_chain_bit(chain, slowest) && !in_doubt(chain, slowest, key);
}

static bool has_copy_below(struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (pxt_tier_contains(&chain->tier[i], key, NULL) == PXT_OK)
            return true;
    return false;
}

/* Makes sure that a slower tier has the victim. Returns whether the victim may be removed from `tier`. */
static bool demote(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry,
                   struct pxt_victims *victims)
{
    bool from_first = tier->index == 0;
    struct pxt_tier *next = next_of(chain, tier);
    if (pxt_chain_bit(chain, tier) && tier != chain->slowest) {
        bool may_repair = !victims->in_hurry || (chain->slowest && chain->slowest->index <= victims->deepest);
        bool has = slowest_has(chain, key) || (may_repair && pxt_repair_key(chain, key, NULL, NULL) == PXT_OK);
        if (!may_repair && !has)
            atomic_store(&chain->trim_pending, true); /* for the next put, or the janitor */
        PXT_COUNT(tier, demotions, has);
        return has; /* if not, it stays, over capacity rather than lost */
    }
    if (!next)
        return is_last(chain, tier);
    uint64_t unflushed = pxt_tier_durable(tier) ? 0 : pxt_entry_take_unflushed_hits(entry);
    if (unflushed || from_first)
        pxt_access_note(chain, key, unflushed, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), from_first);
    if (in_doubt(chain, next, key) || (next->flags & PXT_TIER_REMOTE))
        return true; /* a repair brings it there; a durable tier has had it first */
    if (next->index > victims->deepest && chain->any_durable)
        return true; /* memory is never the only place of an entry */
    if (has_copy(chain, tier, next, key))
        transfer_hits(next, key, entry);
    else if (demote_copy(chain, tier, next, key, entry, victims) != PXT_OK)
        return has_copy_below(chain, next, key); /* else the victim stays, over capacity rather than lost */
    PXT_COUNT(tier, demotions, 1);
    return true;
}

bool pxt_demote_victim(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                       struct pxt_victims *victims)
{
    pxt_entry *entry = NULL;
    bool leaves = true;
    if (pxt_chain_read(chain, tier, key, PXT_GET_PEEK, &entry, NULL, NULL) != PXT_OK)
        return true; /* it is no longer there */
    if (pxt_entry_is_tombstone(entry)) {
        leaves = true; /* it was removed meanwhile: a tombstone takes no room, and leaves by its own rules */
    } else if (pxt_chain_stale(chain, tier, entry)) {
        pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
    } else if (pxt_chain_expired(chain, entry) && !pxt_chain_has_tombstones(chain) && !victims->in_hurry) {
        pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
        PXT_COUNT(tier, evictions_ttl, 1);
    } else if (pxt_chain_expired(chain, entry) && chain->any_durable && !pxt_tier_durable(tier)) {
        pxt_tier_del(tier, key, PXT_REMOVE_EXPIRED, NULL); /* durable tiers keep it until it is dropped there */
    } else if (demote(chain, tier, key, entry, victims)) {
        if (pxt_chain_evict(tier, key, entry, PXT_REMOVE_POLICY, NULL) == PXT_OK) {
            PXT_COUNT(tier, evictions_policy, 1);
            pxt_log(chain->logger, PXT_MESSAGE_DEBUG, tier->name, "%s leaves: the tier is full", key->text);
        }
        transfer_late_hits(chain, tier, key, entry);
    } else {
        atomic_store(&chain->victim_stayed, true);
        leaves = false;
    }
    pxt_entry_release(entry);
    return leaves;
}

/* Does not wait for a thread or process that holds the victim's lock (it may be inside a transaction), unless the tier is
 * PXT_OVER_CAPACITY_MAX entries over its capacity. */
static bool lock_victim(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, bool in_hurry)
{
    return pxt_chain_trylock(chain, key) || (!in_hurry && pxt_chain_tier_full(tier, PXT_OVER_CAPACITY_MAX) &&
                                             pxt_chain_lock(chain, key, NULL) == PXT_OK);
}

bool pxt_demote_if_free(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *victim, struct pxt_victims *victims)
{
    struct pxt_key key;
    pxt_entry_key_of(victim, &key);
    if (!lock_victim(chain, tier, &key, victims->in_hurry)) {
        /* The thread that holds the lock sees the flag when it comes to pxt_demote_victims(), and trims the tier. */
        atomic_store(&chain->trim_pending, true);
        if (!pxt_chain_trylock(chain, &key))
            return false;
    }
    bool leaves = pxt_demote_victim(chain, tier, &key, victims);
    pxt_chain_unlock(chain, &key);
    return leaves;
}

/* Trims a tier to its capacity: concurrent inserts may each have found room, and the last of them trims the excess. */
static void trim(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_victims *victims)
{
    for (unsigned i = 0; i < 2 * PXT_OVER_CAPACITY_MAX; i++) {
        pxt_entry *victim = NULL;
        if (!pxt_chain_tier_full(tier, 1) || pxt_tier_victim(tier, 0, &victim, NULL) != PXT_OK)
            return;
        bool done = pxt_demote_if_free(chain, tier, victim, victims);
        pxt_entry_release(victim);
        if (!done)
            return;
    }
}

/* Trims all tiers, for threads that could not because this one held the lock. */
static void trim_all(struct pxt_chain *chain, struct pxt_victims *victims)
{
    atomic_store(&chain->trim_pending, false);
    for (unsigned i = 0; i < chain->count; i++)
        if (chain->tier[i].limited && pxt_tier_stores(&chain->tier[i]))
            trim(chain, &chain->tier[i], victims);
}

void pxt_demote_victims(struct pxt_chain *chain, struct pxt_victims *victims)
{
    if (__builtin_expect(atomic_load(&chain->trim_pending), 0))
        trim_all(chain, victims);
    /* A victim of one tier may push another entry out of the next: each round goes further down. */
    for (unsigned round = 0; victims->count && round < 2 * PXT_CHAIN_MAX; round++) {
        bool touched[PXT_CHAIN_MAX] = {false};
        while (victims->count) {
            victims->count--;
            unsigned index = victims->item[victims->count].tier;
            pxt_entry *victim = victims->item[victims->count].entry;
            pxt_demote_if_free(chain, &chain->tier[index], victim, victims);
            pxt_entry_release(victim);
            touched[index] = true;
        }
        for (unsigned i = 0; i < chain->count; i++)
            if (touched[i])
                trim(chain, &chain->tier[i], victims);
    }
    while (victims->count)
        pxt_entry_release(victims->item[--victims->count].entry);
}
