/* SPDX-License-Identifier: MIT
 *
 * each.c: goes over the entries of all tiers, each key once.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/decide.h"
#include "chain/remote.h"
#include "chain/stripes.h"
#include "entry/entry.h"
#include <stdio.h>
#include <string.h>

struct walk {
    struct pxt_chain *chain;
    struct pxt_tier *tier;
    struct pxt_keymap keys; /* that were given, or are dead */
    pxt_entry_fn *fn;
    void *arg;
    pxt_time now;
    bool missing[PXT_CHAIN_MAX]; /* tiers that could not be asked */
    bool undecided;              /* a member that may have a newer version of a key did not answer */
    bool stopped, no_memory;
    bool authority_listed;                /* what it lacks, where it is not in doubt, was removed by another host */
    unsigned char doubted[PXT_WORDS / 8]; /* the words in doubt for the tier, before it was read */
};

/* Notes for which words a tier is in doubt. What it gives may be from before a repair that has cleared them since. */
static void note_doubted(struct walk *walk)
{
    pxt_doubts bit = pxt_chain_bit(walk->chain, walk->tier);
    memset(walk->doubted, 0, sizeof walk->doubted);
    if (!bit || !(pxt_words_doubted(&walk->chain->page, bit, NULL) & bit))
        return;
    for (unsigned i = 0; i < PXT_WORDS; i++)
        if (pxt_word_doubts(pxt_word(&walk->chain->page, i)) & bit)
            walk->doubted[i / 8] |= (unsigned char)(1u << i % 8);
}

static bool in_doubt(const struct walk *walk, const struct pxt_key *key)
{
    unsigned word = (unsigned)(key->hash % PXT_WORDS);
    return walk->doubted[word / 8] >> word % 8 & 1 ||
           (pxt_word_doubts(pxt_word(&walk->chain->page, word)) & pxt_chain_bit(walk->chain, walk->tier));
}

/* Gives an entry that counts. */
static void give(struct walk *walk, pxt_entry *entry)
{
    walk->stopped = !pxt_entry_expired(entry, walk->now) && !walk->fn(walk->arg, entry);
}

/* Gives what the tiers decide of a key for which this tier is in doubt. */
static void give_decided(struct walk *walk, const struct pxt_key *key)
{
    enum { TRIES = 100 };
    struct pxt_decision decision;
    pxt_status status = pxt_chain_decide(walk->chain, key, PXT_GET_PEEK | PXT_DECIDE_UNLOCKED, &decision, NULL);
    for (int i = 1; i < TRIES && pxt_word(&walk->chain->page, key->hash) != decision.word; i++) {
        pxt_entry_release(decision.entry);
        status = pxt_chain_decide(walk->chain, key, PXT_GET_PEEK | PXT_DECIDE_UNLOCKED, &decision, NULL);
    }
    walk->undecided |= status == PXT_EUNAVAILABLE;
    walk->no_memory |= status == PXT_ENOMEM;
    if (decision.entry) /* perhaps old: the list ends with an error then */
        give(walk, decision.entry);
    pxt_entry_release(decision.entry);
}

/* Whether the authority has been listed without this entry, and knows better. */
static bool was_removed(const struct walk *walk, const struct pxt_key *key)
{
    return walk->authority_listed && pxt_chain_bit(walk->chain, walk->tier) &&
           pxt_authority_decides(walk->chain, pxt_word(&walk->chain->page, key->hash));
}

static bool visit(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    if (pxt_chain_stale(walk->chain, walk->tier, entry))
        return true;
    if (!pxt_keymap_find(&walk->keys, &key) && was_removed(walk, &key))
        return true;
    size_t before = walk->keys.count;
    walk->no_memory = !pxt_keymap_add(&walk->keys, &key);
    if (walk->no_memory || walk->keys.count == before)
        return !walk->no_memory;
    if (in_doubt(walk, &key)) {
        give_decided(walk, &key);
        return !walk->stopped && !walk->no_memory;
    }
    pxt_entry *whole = pxt_entry_hold(entry);
    walk->no_memory = pxt_chain_complete(walk->chain, walk->tier, &key, &whole, NULL) != PXT_OK;
    if (!walk->no_memory)
        give(walk, whole);
    pxt_entry_release(whole);
    return !walk->stopped && !walk->no_memory;
}

/* No memory tier over durable ones does, as every entry is in a durable tier too, and no tier without capacity. */
bool pxt_chain_tier_may_have_more(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    if (!pxt_tier_stores(tier))
        return false;
    /* The flags of the tiers that it stands on are known only when it is open. */
    bool unknown = !tier->ops || (!pxt_tier_present(tier) && tier->ops->instance_ops);
    return unknown || pxt_tier_durable(tier) || (pxt_tier_present(tier) && !chain->any_durable);
}

static pxt_status walk_tier(struct walk *walk, unsigned index, struct pxt_error *error)
{
    struct pxt_chain *chain = walk->chain;
    walk->tier = &chain->tier[index];
    if (!pxt_tier_stores(walk->tier))
        return PXT_OK;
    if (!pxt_tier_on(walk->tier)) {
        walk->missing[index] = pxt_chain_tier_may_have_more(chain, walk->tier);
        return PXT_OK;
    }
    note_doubted(walk);
    pxt_status status = pxt_tier_each(walk->tier, visit, walk, error);
    walk->authority_listed |= status == PXT_OK && walk->tier == chain->authority && !chain->authority->limited;
    return status;
}

/* Goes from the fastest tier on: its copies have the exact counters. Only the authority comes before the other durable tiers,
 * which may be older. */
static pxt_status walk_tiers(struct walk *walk, struct pxt_error *error)
{
    struct pxt_chain *chain = walk->chain;
    pxt_remote_age(chain);
    pxt_status first = pxt_chain_settle(chain, error);
    if (!first)
        first = pxt_chain_stay_joined(chain, error);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < chain->count && !walk->stopped && !walk->no_memory; i++) {
            const struct pxt_tier *tier = &chain->tier[i];
            unsigned turn = !chain->authority || tier == chain->authority ? 1 : pxt_tier_durable(tier) ? 2 : 0;
            if (turn != round)
                continue;
            pxt_status status = walk_tier(walk, i, first ? NULL : error);
            first = first ? first : status;
        }
    return walk->no_memory ? pxt_fail_memory(error, "a list of keys") : first;
}

/* Whether the slowest member is on, and in doubt for no key. */
static bool slowest_is_whole(const struct pxt_chain *chain)
{
    const struct pxt_tier *slowest = chain->slowest;
    pxt_doubts bit = slowest ? pxt_chain_bit(chain, slowest) : 0;
    return bit && pxt_tier_on(slowest) && !(pxt_words_doubted(&chain->page, bit, NULL) & bit);
}

/* Names the tiers that may have entries which the walk did not give. PXT_OK if there are none. */
static pxt_status check_whole(const struct walk *walk, bool was_whole, struct pxt_error *error)
{
    char names[600], member[64];
    size_t at = 0;
    const struct pxt_chain *chain = walk->chain;
    if (was_whole && slowest_is_whole(chain))
        return PXT_OK;
    for (unsigned i = 0; i < chain->count && at < sizeof names; i++) {
        const struct pxt_tier *tier = &chain->tier[i];
        if (walk->missing[i])
            at += (size_t)snprintf(names + at, sizeof names - at, "%stier %s is %s", at ? ", " : "", tier->name,
                                   pxt_tier_present(tier) ? "off" : "absent");
    }
    if (!at && pxt_members_missing(chain, -1, member) >= 0)
        at = (size_t)snprintf(names, sizeof names, "tier %s belongs to the pool and is not in this chain", member);
    if (!at && walk->undecided)
        at = (size_t)snprintf(names, sizeof names, "a tier that may have newer versions does not answer");
    return at ? pxt_fail(error, PXT_EUNAVAILABLE, 0, "%s: entries may be missing; see `proxtier status`", names)
              : PXT_OK;
}

static pxt_status walk_chain(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, bool whole, struct pxt_error *error)
{
    struct walk walk = {.chain = chain, .fn = fn, .arg = arg, .now = pxt_clock_now(&chain->clock)};
    bool was_whole = slowest_is_whole(chain);
    pxt_status status = walk_tiers(&walk, error);
    if (!status && whole && !walk.stopped)
        status = check_whole(&walk, was_whole, error);
    pxt_keymap_free(&walk.keys);
    return status;
}

pxt_status pxt_chain_each(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    pxt_chain_probe_down_tiers(chain);
    return walk_chain(chain, fn, arg, true, error);
}

pxt_status pxt_chain_each_reachable(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    return walk_chain(chain, fn, arg, false, error);
}
