/* SPDX-License-Identifier: MIT
 *
 * promote.c: copies an entry into the faster tiers. doc/versions.md, rule 12.
 */
#include "chain/promote.h"
#include "chain/accesses.h"
#include "chain/overtake.h"
#include "chain/stripes.h"
#include "entry/entry.h"

static bool may_take(const struct pxt_tier *tier)
{
    return pxt_tier_on(tier) && pxt_tier_stores(tier);
}

/* Whether a durable tier has this version already: the authority is asked before it. `*older`: without the copy the tier would
 * answer with something else. */
static bool has_version(struct pxt_tier *tier, const struct pxt_key *key, const pxt_entry *entry, bool *older)
{
    pxt_entry *has = NULL;
    pxt_status status = pxt_tier_get(tier, key, PXT_GET_PEEK, &has, NULL);
    bool same = status == PXT_OK && pxt_entry_effective_version(has) == pxt_entry_effective_version(entry);
    *older = status != PXT_NOT_FOUND || !tier->limited;
    pxt_entry_release(has);
    return same;
}

/* Copies an entry into a member: as a copy, which keeps its version. Returns whether it is there. */
static bool copy_into_member(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                             pxt_entry *entry, uint32_t *generation, struct pxt_victims *victims)
{
    struct pxt_change change;
    bool older = false;
    /* The next repair brings it; but what an authority has said has to leave the memory of the other processes now, also if their
     * notices are still under way: the copy raises the generation. */
    if (!chain->authority && pxt_word_doubts(pxt_word(&chain->page, key->hash)) & pxt_chain_bit(chain, tier))
        return false;
    if (chain->authority && has_version(tier, key, entry, &older))
        return false;
    pxt_change_begin(chain, key->hash, tier, &change);
    pxt_status status = pxt_chain_insert(tier, entry, victims, NULL);
    if (older)
        pxt_change_followed(chain, &change, tier, status);
    else
        pxt_change_wrote(chain, &change, tier, status);
    pxt_change_end(chain, &change);
    *generation += 2; /* by begin and end. What a notice or another process raised meanwhile does not count */
    return status == PXT_OK;
}

/* Copies an entry into one faster tier. `*generation` is that under which it was read. */
static void promote_into(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                         const struct pxt_decision *decision, uint32_t *generation, struct pxt_victims *victims)
{
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    if (!may_take(tier)) { /* when it is on again, it must not answer for the authority */
        if (chain->authority && bit & ~pxt_word_doubts(pxt_word(&chain->page, key->hash)))
            pxt_word_notice(&chain->page, key->hash, bit);
        return;
    }
    /* Victims that could not be locked have stayed: a get does not wait for their locks, and lets no more in. What an authority
     * has said is copied in any case, so that the tier does not answer with something older while that is off. */
    if (tier->limited && !chain->authority && atomic_load_explicit(&chain->trim_pending, memory_order_relaxed) &&
        pxt_chain_tier_full(tier, PXT_OVER_CAPACITY_MAX))
        return;
    /* A choice would drive out of a file or database what gets by key have brought there, and have its policy look for a
     * victim, which takes a process that is new as long as reading the whole tier. */
    if (victims->chosen && tier->limited && !chain->authority && pxt_tier_durable(tier))
        return;
    if (bit) {
        if (!copy_into_member(chain, tier, key, decision->entry, generation, victims))
            return;
        /* Meanwhile another caller was told something else, without the lock: see pxt_overtake_unlocked(). */
        if (chain->authority && pxt_generation(&chain->page, key->hash) != *generation)
            pxt_word_notice(&chain->page, key->hash, bit);
    } else {
        pxt_entry_set_generation(decision->entry, *generation);
        if (pxt_chain_insert(tier, decision->entry, victims, NULL) != PXT_OK)
            return;
    }
    if (chain->tier[decision->found_in].flags & PXT_TIER_SHARED)
        pxt_access_copied(tier, &chain->tier[decision->found_in], key, decision->noted);
    else
        pxt_access_forget_in(tier, key); /* the entry has all hits already */
    PXT_COUNT(tier, promotions, 1);
    pxt_log(chain->logger, PXT_MESSAGE_DEBUG, tier->name, "%s is copied here from tier %s", key->text,
            chain->tier[decision->found_in].name);
}

void pxt_promote(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                 struct pxt_victims *victims)
{
    uint32_t generation = decision->generation;
    victims->may_refuse = true;
    for (unsigned i = decision->found_in; decision->clear && i-- > 0;)
        promote_into(chain, &chain->tier[i], key, decision, &generation, victims);
    victims->may_refuse = false;
}

bool pxt_copies_to_others(const struct pxt_chain *chain, const struct pxt_decision *decision)
{
    for (unsigned i = 0; i < decision->found_in; i++)
        if (may_take(&chain->tier[i]) && (pxt_tier_durable(&chain->tier[i]) || chain->tier[i].flags & PXT_TIER_SHARED))
            return true;
    return false;
}

void pxt_promote_if_free(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                         bool alive, struct pxt_victims *victims)
{
    bool copies = alive && decision->clear && decision->found_in;
    bool to_others = copies && pxt_copies_to_others(chain, decision);
    if (!copies && !decision->stale)
        return;
    if (!pxt_chain_trylock_for(chain, key, to_others))
        return;
    bool has = pxt_tidy_private_tiers(chain, key, decision);
    if (copies && !has && pxt_word(&chain->page, key->hash) == decision->word && pxt_chain_has_joined(chain))
        pxt_promote(chain, key, decision, victims);
    pxt_chain_unlock_for(chain, key, to_others);
}
