/* SPDX-License-Identifier: MIT
 *
 * exchange.c: copies that hosts give each other through a store that may be emptied, or go back to older data, at any time. What
 * counts is what the members of this host have: a newer copy is stored there before anybody is told of it.
 */
#include "chain/exchange.h"
#include "base/fail.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/remote.h"
#include "chain/soft_read.h"
#include "chain/store.h"
#include "entry/entry.h"

void pxt_exchange_tell_lone(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    if (tier->lone && !(tier->ops->flags & PXT_TIER_DURABLE))
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain",
                "tier %s does not say that it is durable, and no other tier of this chain is: what is stored lasts as "
                "long as its server keeps it",
                tier->name);
}

/* Nothing is durable: what the slowest remote tier acknowledges is as safe as it can be. */
static void count_as_durable(struct pxt_chain *chain, struct pxt_tier *tier)
{
    tier->lone = true;
    tier->flags |= PXT_TIER_DURABLE;
    chain->authority = tier;
    chain->any_durable = true;
    pxt_exchange_tell_lone(chain, tier);
}

/* Whether no other tier of the chain is durable. Of servers that could not be reached it is not known: they may be. */
static bool is_only_durable(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    for (unsigned i = 0; i < chain->count; i++) {
        const struct pxt_tier *other = &chain->tier[i];
        if (other != tier && pxt_tier_durable(other) && (pxt_tier_present(other) || (other->flags & PXT_TIER_REMOTE)))
            return false;
    }
    return true;
}

pxt_status pxt_exchange_open(struct pxt_chain *chain, struct pxt_error *error)
{
    struct pxt_tier *authority = chain->authority;
    if (authority && !pxt_tier_present(authority))
        authority->lone = is_only_durable(chain, authority);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!(tier->flags & PXT_TIER_REMOTE) || pxt_tier_durable(tier))
            continue;
        if (!chain->any_durable) {
            count_as_durable(chain, tier);
            continue;
        }
        if (tier->limited)
            return pxt_fail(error, PXT_ECONFIG, 0,
                            "tier %s is shared with other hosts and keeps nothing for certain: its server evicts by "
                            "itself; remove max_entries",
                            tier->name);
        tier->exchanges = chain->exchanges = true;
        tier->hits_need_no_lock = false;
        pxt_log(
            chain->logger, PXT_MESSAGE_NOTICE, "chain",
            "tier %s does not say that it is durable: it exchanges copies with other hosts, and no put counts on it",
            tier->name);
    }
    return PXT_OK;
}

/* A copy that such a tier has. */
struct offer {
    struct pxt_tier *tier;
    const struct pxt_key *key;
    pxt_entry *entry; /* held */
    uint64_t word;    /* of the key, before the tier was asked */
    bool for_change;
};

/* What is older than this is not taken where the members have nothing: they may have dropped its tombstone. */
static bool is_newer(struct pxt_chain *chain, const struct offer *offer, const pxt_entry *own)
{
    uint64_t version = pxt_entry_version(offer->entry);
    /* It says what the members say. But if the page does not follow its version, a change has to find it to go above it; and a
     * list has to find what is known as dead. */
    if (!own && pxt_chain_dead(chain, offer->entry))
        return offer->for_change && (version > pxt_version_last(&chain->page) ||
                                     pxt_entry_known_dead(offer->entry, pxt_clock_now(&chain->clock)));
    return version > (own ? pxt_entry_effective_version(own) : pxt_remote_kept(chain));
}

/* Whether a copy is newer than what the members have. They have to know. */
static bool counts(struct pxt_chain *chain, const struct offer *offer, unsigned flags)
{
    struct pxt_decision decision;
    pxt_status status = pxt_chain_decide(chain, offer->key, flags, &decision, NULL);
    bool newer = (status == PXT_OK || status == PXT_NOT_FOUND) && is_newer(chain, offer, decision.entry);
    pxt_entry_release(decision.entry);
    return newer;
}

/* Looks whether the tier still has the copy, or another one, if the key was changed since: a clear leaves no version behind. The
 * key is locked. */
static bool stands(struct pxt_chain *chain, struct offer *offer)
{
    if (pxt_word(&chain->page, offer->key->hash) == offer->word)
        return true;
    pxt_entry_release(offer->entry);
    offer->entry = NULL;
    if (pxt_tier_get(offer->tier, offer->key, PXT_GET_PEEK, &offer->entry, NULL) != PXT_OK)
        return false;
    pxt_version_learn(&chain->page, pxt_entry_version(offer->entry));
    return true;
}

static void take_over(struct pxt_chain *chain, struct offer *offer)
{
    const struct pxt_stamp stamp = {.is_copy = true};
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    /* A change that is made after somebody was told what the copy says must be newer, also where the copy is not taken. */
    pxt_version_learn(&chain->page, pxt_entry_version(offer->entry));
    if (!counts(chain, offer, PXT_GET_PEEK | PXT_DECIDE_UNLOCKED))
        return;
    if (offer->for_change ? pxt_chain_lock(chain, offer->key, NULL) != PXT_OK : !pxt_chain_trylock(chain, offer->key))
        return;
    if (stands(chain, offer) && counts(chain, offer, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE) &&
        pxt_chain_store(chain, offer->entry, &stamp, &victims, NULL) == PXT_OK)
        PXT_COUNT(offer->tier, promotions, 1);
    pxt_chain_unlock(chain, offer->key);
    pxt_demote_victims(chain, &victims);
}

/* What a get did not wait for. */
static void take_over_late(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *key,
                           pxt_entry *entry)
{
    struct offer offer = {tier, key->key, pxt_entry_hold(entry), key->word, false};
    take_over(chain, &offer);
    pxt_entry_release(offer.entry);
}

/* Room for what a tier is asked for, and for what it offers. */
struct offers {
    const struct pxt_key **asked;
    struct pxt_soft_key *soft_key;
    struct pxt_reading reading;
    uint64_t *word;
};

static void read_softly(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *keys, size_t n,
                        const struct offers *offers)
{
    for (size_t i = 0; i < n; i++)
        offers->soft_key[i] = (struct pxt_soft_key){.key = &keys[i], .word = offers->word[i]};
    pxt_soft_read(chain, tier, offers->soft_key, n, PXT_GET_PEEK, take_over_late, &offers->reading, NULL);
}

/* Asks one tier, in one call if it offers that. */
static void take_from(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *keys, size_t n, bool wait,
                      const struct offers *offers)
{
    for (size_t i = 0; i < n; i++) {
        offers->asked[i] = &keys[i];
        offers->word[i] = pxt_word(&chain->page, keys[i].hash);
    }
    if (!wait && pxt_reads_softly(tier, 0))
        read_softly(chain, tier, keys, n, offers);
    else
        pxt_tier_get_many(tier, offers->asked, n, PXT_GET_PEEK, offers->reading.entry, offers->reading.status, NULL);
    for (size_t i = 0; i < n; i++) {
        struct offer offer = {tier, &keys[i], offers->reading.entry[i], offers->word[i], wait};
        if (offers->reading.status[i] == PXT_OK)
            take_over(chain, &offer);
        pxt_entry_release(offer.entry);
    }
}

static void take(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, size_t most, bool wait,
                 const struct offers *offers)
{
    for (unsigned i = 0; i < chain->count; i++)
        for (size_t at = 0; chain->tier[i].exchanges && pxt_tier_on(&chain->tier[i]) && at < n; at += most)
            take_from(chain, &chain->tier[i], keys + at, n - at < most ? n - at : most, wait, offers);
}

static void take_singly(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, bool wait)
{
    const struct pxt_key *asked;
    struct pxt_soft_key soft_key;
    pxt_entry *entry;
    pxt_status status;
    uint64_t noted, word;
    take(chain, keys, n, 1, wait, &(struct offers){&asked, &soft_key, {&entry, &status, &noted}, &word});
}

void pxt_exchange_take(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, bool wait)
{
    /* What the authority has is newer, or the same. */
    if (!chain->exchanges || (chain->authority && pxt_tier_on(chain->authority)))
        return;
    if (n < 2) {
        take_singly(chain, keys, n, wait);
        return;
    }
    const size_t most = n < PXT_WRITING_MAX ? n : PXT_WRITING_MAX;
    const struct offers offers = {.asked = pxt_alloc_array(most, sizeof *offers.asked),
                                  .soft_key = pxt_alloc_array(most, sizeof *offers.soft_key),
                                  .reading = {.entry = pxt_alloc_array(most, sizeof *offers.reading.entry),
                                              .status = pxt_alloc_array(most, sizeof *offers.reading.status),
                                              .noted = pxt_alloc_array(most, sizeof *offers.reading.noted)},
                                  .word = pxt_alloc_array(most, sizeof *offers.word)};
    if (offers.asked && offers.soft_key && offers.reading.entry && offers.reading.status && offers.reading.noted &&
        offers.word)
        take(chain, keys, n, most, wait, &offers);
    else /* needs no memory */
        take_singly(chain, keys, n, wait);
    pxt_free(offers.asked);
    pxt_free(offers.soft_key);
    pxt_free(offers.reading.entry);
    pxt_free(offers.reading.status);
    pxt_free(offers.reading.noted);
    pxt_free(offers.word);
}

void pxt_exchange_take_for(struct pxt_chain *chain, pxt_entry *const *entries, size_t n)
{
    struct pxt_key one;
    struct pxt_key *keys = chain->exchanges && n > 1 ? pxt_alloc_array(n, sizeof *keys) : NULL;
    for (size_t i = 0; i < n && chain->exchanges; i++) {
        pxt_entry_key_of(entries[i], keys ? &keys[i] : &one);
        if (!keys)
            pxt_exchange_take(chain, &one, 1, true);
    }
    if (keys)
        pxt_exchange_take(chain, keys, n, true);
    pxt_free(keys);
}

void pxt_exchange_give(struct pxt_chain *chain, pxt_entry *const *entries, size_t n)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!tier->exchanges || !pxt_tier_on(tier) || pxt_tier_put_many(tier, entries, n, NULL) != PXT_ESTALE || n == 1)
            continue;
        for (size_t j = 0; j < n; j++) /* it has a newer copy of one of them */
            pxt_tier_put(tier, entries[j], NULL);
    }
}
