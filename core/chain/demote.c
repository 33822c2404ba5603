/* SPDX-License-Identifier: MIT
 *
 * demote.c: who leaves a full tier, and where to.
 *
 * The policy says who leaves before the new entry comes in, so that the newcomer is never weighed against the others;
 * the victim goes after the newcomer's lock is released, because handing it down needs its own. In between the tier
 * holds one more than its capacity. An entry leaves a tier only when the next one has it: it is never in none.
 */
#include "chain/chain.h"
#include "entry/entry.h"

enum { FEW = 64 }; /* entries over capacity, for as long as other threads hold the locks of those that should leave */

void pxt_evict_prepare(struct pxt_chain *chain, struct pxt_tier *tier)
{
    if ((tier->flags & PXT_TIER_POLICY_ORDER) && !(tier->flags & PXT_TIER_POLICY_STATE) && !tier->tracker)
        pxt_access_write(chain, tier, NULL);
}

static bool full(struct pxt_tier *tier, unsigned already_leaving)
{
    uint64_t count;
    return pxt_tier_count(tier, &count, NULL) == PXT_OK && count >= tier->max_entries + already_leaving;
}

void pxt_evict_choose(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *incoming,
                      struct pxt_victims *victims)
{
    unsigned already = 0;
    for (unsigned i = 0; i < victims->count; i++)
        already += victims->item[i].tier == tier->index;
    if (victims->count == sizeof victims->item / sizeof *victims->item || !pxt_tier_on(tier))
        return;
    if (!full(tier, already) || pxt_tier_contains(tier, incoming, NULL) == PXT_OK)
        return;
    pxt_evict_prepare(chain, tier);
    pxt_entry *victim = NULL;
    if (pxt_tier_victim(tier, incoming->hash, &victim, NULL) != PXT_OK)
        return;
    victims->item[victims->count].tier = tier->index;
    victims->item[victims->count++].entry = victim;
}

/* Whether no slower tier is meant to have what leaves `tier`: then it may be dropped. One that is off does not count as
 * none: what should go there stays, over capacity rather than lost. */
static bool is_last(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (pxt_tier_present(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            return false;
    return true;
}

/* The next tier that can have it; NULL where there is none. */
static struct pxt_tier *next_of(struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            return &chain->tier[i];
    return NULL;
}

/* A private tier hands out the very entry that it has: what it lacks of the faster one's hits is added there. While the
 * faster tier had the entry, it got none itself. */
static void raise_counts(struct pxt_tier *next, const struct pxt_key *key, const pxt_entry *from)
{
    pxt_entry *entry = NULL;
    if (pxt_tier_durable(next) || pxt_tier_get(next, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
        return;
    int64_t lacking = pxt_entry_number(from, PXT_FIELD_ACCESS_COUNT) - pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    if (lacking > 0) {
        pxt_entry_touch(entry, (uint64_t)lacking, pxt_entry_number(from, PXT_FIELD_LAST_ACCESSED));
        pxt_entry_take_unwritten(entry); /* noted already */
    }
    pxt_entry_release(entry);
}

/* A slower tier in memory that gave this entry to the faster ones may have hits noted for it: the copy is to have them. */
static void settle_below(struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = tier->index + 1; i < chain->count; i++)
        if (!pxt_tier_durable(&chain->tier[i]) && pxt_tier_on(&chain->tier[i]))
            pxt_tier_settle(&chain->tier[i], NULL);
}

/* Hits that came while the entry was on its way out. */
static void hand_down_late_hits(struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key,
                                pxt_entry *entry)
{
    struct pxt_tier *next = next_of(chain, tier);
    uint64_t late = pxt_tier_durable(tier) ? 0 : pxt_entry_take_unwritten(entry);
    if (late && chain->any_durable)
        pxt_access_note(chain, key, late, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    if (late && next)
        raise_counts(next, key, entry);
}

/* What a private tier has came through the slower ones, or was put there first; one without a capacity lets nothing go by
 * itself, and what was removed from it has made the private copy stale. Then there is no need to ask. */
static bool surely_has(const struct pxt_tier *tier, struct pxt_tier *next, const struct pxt_key *key)
{
    return !(tier->flags & PXT_TIER_SHARED) && (next->flags & PXT_TIER_SHARED) && pxt_tier_durable(next) &&
           !next->limited && pxt_hints_has(&next->hints, key) == PXT_KEY_VALID;
}

/* True where the entry may leave `tier`. */
static bool hand_down(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry,
                      struct pxt_victims *victims)
{
    bool from_first = tier->index == 0;
    struct pxt_tier *next = next_of(chain, tier);
    if (!next)
        return is_last(chain, tier);
    uint64_t unwritten = pxt_tier_durable(tier) ? 0 : pxt_entry_take_unwritten(entry);
    if (unwritten || from_first)
        pxt_access_note(chain, key, unwritten, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), from_first);
    if (surely_has(tier, next, key) || pxt_tier_contains(next, key, NULL) == PXT_OK) {
        raise_counts(next, key, entry);
        PXT_COUNT(tier, demotions, 1);
        return true;
    }
    settle_below(chain, tier);
    pxt_entry *copy = NULL;
    pxt_status status = pxt_entry_copy(entry, from_first, &copy, NULL);
    if (!status)
        pxt_entry_set_generation(copy, pxt_entry_generation(entry));
    if (!status)
        status = pxt_chain_insert(chain, next, copy, victims, NULL);
    pxt_entry_release(copy);
    if (!status) {
        PXT_COUNT(tier, demotions, 1);
        return true;
    }
    /* The next one failed. It may go where a slower one has it; else it stays, over capacity rather than lost. */
    for (unsigned i = next->index + 1; i < chain->count; i++)
        if (pxt_tier_contains(&chain->tier[i], key, NULL) == PXT_OK)
            return true;
    return false;
}

void pxt_evict_one(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                   struct pxt_victims *victims)
{
    pxt_entry *entry = NULL;
    if (pxt_chain_read(tier, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
        return; /* it left meanwhile */
    if (pxt_chain_stale(chain, tier, entry)) {
        pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
    } else if (pxt_chain_expired(chain, entry)) {
        pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
        PXT_COUNT(tier, evictions_ttl, 1);
    } else if (hand_down(chain, tier, key, entry, victims)) {
        if (pxt_tier_del(tier, key, PXT_REMOVE_POLICY, NULL) == PXT_OK)
            PXT_COUNT(tier, evictions_policy, 1);
        hand_down_late_hits(chain, tier, key, entry);
    }
    pxt_entry_release(entry);
}

/* The victim's stripe may be that of a thread which waits for its transaction: that is no reason to wait as well, as long
 * as there are few more than there may be. */
static bool lock_victim(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key)
{
    return pxt_chain_trylock(chain, key) || (full(tier, FEW) && pxt_chain_lock(chain, key, true, NULL) == PXT_OK);
}

/* False where it could not be locked. */
static bool finish_one(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *victim, struct pxt_victims *victims)
{
    struct pxt_key key;
    pxt_entry_key_of(victim, &key);
    if (!lock_victim(chain, tier, &key)) {
        atomic_store(&chain->over, true); /* it stays, over capacity, until that thread comes by here */
        if (!pxt_chain_trylock(chain, &key))
            return false; /* it has the lock now, and will see that */
    }
    pxt_evict_one(chain, tier, &key, victims);
    pxt_chain_unlock(chain, &key, true);
    return true;
}

/* Threads that inserted at once may each have found room: whoever comes last makes it good. */
static void trim(struct pxt_chain *chain, struct pxt_tier *tier, struct pxt_victims *victims)
{
    for (unsigned i = 0; i < 2 * FEW; i++) {
        pxt_entry *victim = NULL;
        if (!full(tier, 1) || pxt_tier_victim(tier, 0, &victim, NULL) != PXT_OK)
            return;
        bool done = finish_one(chain, tier, victim, victims);
        pxt_entry_release(victim);
        if (!done)
            return;
    }
}

/* What others could not make good, for this thread had the lock. */
static void trim_all(struct pxt_chain *chain, struct pxt_victims *victims)
{
    atomic_store(&chain->over, false);
    for (unsigned i = 0; i < chain->count; i++)
        if (chain->tier[i].limited && pxt_tier_stores(&chain->tier[i]))
            trim(chain, &chain->tier[i], victims);
}

void pxt_evict_finish(struct pxt_chain *chain, struct pxt_victims *victims)
{
    if (__builtin_expect(atomic_load(&chain->over), 0))
        trim_all(chain, victims);
    /* Who leaves one tier may push another out of the next: each round goes further down. */
    for (unsigned round = 0; victims->count && round < 2 * PXT_CHAIN_MAX; round++) {
        bool touched[PXT_CHAIN_MAX] = {false};
        while (victims->count) {
            victims->count--;
            unsigned index = victims->item[victims->count].tier;
            pxt_entry *victim = victims->item[victims->count].entry;
            finish_one(chain, &chain->tier[index], victim, victims);
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
