/* SPDX-License-Identifier: MIT
 *
 * equalize.c: gives all members the newest version of one key.
 */
#include "chain/equalize.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "entry/entry.h"

/* What each member has of the key. */
struct copies {
    pxt_entry *entry[PXT_CHAIN_MAX]; /* held; NULL: nothing, or no member */
    pxt_entry *newest;               /* held */
    bool merged;                     /* no member has it yet */
    bool removed;                    /* the authority has nothing, as another host has removed the key */
};

static void release(struct copies *copies)
{
    for (unsigned i = 0; i < PXT_CHAIN_MAX; i++)
        pxt_entry_release(copies->entry[i]);
    pxt_entry_release(copies->newest);
}

static pxt_status read_copies(struct pxt_chain *chain, const struct pxt_key *key, struct copies *copies,
                              struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_chain_bit(chain, tier))
            continue;
        pxt_status status =
            pxt_chain_read(chain, tier, key, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE, &copies->entry[i], NULL, error);
        if (!copies->entry[i])
            pxt_access_include(tier, key); /* hits that are noted for it are in the copies of the others */
        if (status != PXT_OK && status != PXT_NOT_FOUND && status != PXT_ECORRUPT) /* damaged: it has nothing */
            return status;
    }
    return PXT_OK;
}

static uint64_t greatest_version(const struct pxt_chain *chain, const struct copies *copies)
{
    uint64_t greatest = 0;
    for (unsigned i = 0; i < chain->count; i++) {
        uint64_t version = copies->entry[i] ? pxt_entry_effective_version(copies->entry[i]) : 0;
        greatest = version > greatest ? version : greatest;
    }
    return greatest;
}

/* Whether the copy of the authority is the newest, also if it is nothing: no caller was told of a newer one, or all had
 * agreed on what the others have. */
static bool authority_says_all(const struct pxt_chain *chain, uint64_t word, const struct copies *copies)
{
    const struct pxt_tier *authority = chain->authority;
    if (!authority || !pxt_chain_bit(chain, authority))
        return false;
    const pxt_entry *entry = copies->entry[authority->index];
    uint64_t greatest = greatest_version(chain, copies);
    if (!entry)
        return pxt_authority_decides(chain, word) || pxt_chain_agreed(chain, greatest);
    return pxt_authority_decides(chain, word) && pxt_entry_effective_version(entry) == greatest;
}

static pxt_status find_newest(const struct pxt_chain *chain, uint64_t word, struct copies *copies,
                              struct pxt_error *error)
{
    if (authority_says_all(chain, word, copies)) {
        pxt_entry *entry = copies->entry[chain->authority->index];
        copies->newest = entry ? pxt_entry_hold(entry) : NULL;
        copies->removed = !entry;
        return PXT_OK;
    }
    for (unsigned i = 0; i < chain->count; i++) {
        pxt_entry *both = NULL;
        bool merged = false;
        if (!copies->entry[i])
            continue;
        if (!copies->newest) {
            copies->newest = pxt_entry_hold(copies->entry[i]);
            continue;
        }
        pxt_status status = pxt_chain_merge(chain, copies->newest, copies->entry[i], &both, &merged, error);
        if (status)
            return status;
        copies->merged = merged || (copies->merged && both == copies->newest);
        pxt_entry_release(copies->newest);
        copies->newest = both;
    }
    return PXT_OK;
}

/* Gives a new version to what only all copies together say. What another program wrote is ordered by its own time, and stays
 * as it is. */
static pxt_status stamp(struct pxt_chain *chain, struct copies *copies, struct pxt_error *error)
{
    pxt_entry *copy = NULL;
    if (!copies->merged)
        return PXT_OK;
    pxt_status status =
        pxt_entry_copy(copies->newest, pxt_entry_number(copies->newest, PXT_FIELD_EVICTED_FROM_L1), &copy, error);
    if (status)
        return status;
    const struct pxt_stamp merged = {.above = greatest_version(chain, copies),
                                     .supplied = (uint64_t)pxt_entry_number(copy, PXT_FIELD_SUPPLIED_VERSION),
                                     .learnt = (uint64_t)pxt_entry_number(copy, PXT_FIELD_LEARNT_VERSION)};
    status = pxt_chain_stamp_version(chain, copy, &merged, error);
    pxt_entry_release(copies->newest);
    copies->newest = copy;
    return status;
}

/* Whether a member needs the newest version: it has another, it may have it in memory only, or it must have every key. */
static bool needs(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *has,
                  const pxt_entry *newest)
{
    if (pxt_tier_unsynced(tier))
        return true;
    if (!has)
        return tier == chain->slowest || !tier->limited;
    return pxt_entry_effective_version(has) != pxt_entry_effective_version(newest);
}

/* Puts the newest version into a tier; into the authority in place of what it was read to have. */
static pxt_status put(struct pxt_chain *chain, struct pxt_tier *tier, const pxt_entry *has, pxt_entry *newest,
                      struct pxt_error *error)
{
    if (tier == chain->authority)
        return pxt_tier_put_if(tier, newest, has ? pxt_entry_version(has) : 0, error);
    return pxt_tier_put(tier, newest, error);
}

/* Makes a removal again that a failed sync may have lost. */
static pxt_status remove_again(struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *newest,
                               struct pxt_error *error)
{
    pxt_status status = pxt_tier_put(tier, newest, error);
    return status ? status : pxt_tier_del(tier, key, PXT_REMOVE_POLICY, error);
}

/* Writes the newest version to a tier that has `has`. A limited tier may lose its older copy instead: its disk may be full. */
static pxt_status give(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, uint64_t *word,
                       const pxt_entry *has, pxt_entry *newest, struct pxt_error *error)
{
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    if (!(pxt_word_doubts(*word) & bit)) /* it lacks what no caller was told of */
        *word = pxt_word_begin(&chain->page, key->hash, bit, NULL);
    bool faster = tier->limited && tier != chain->slowest, may_lose = faster && !chain->power;
    pxt_status status = PXT_EINVAL;
    if (!has && faster && tier != chain->authority)
        return remove_again(tier, key, newest, error);
    if (!(may_lose && pxt_entry_is_tombstone(newest)))
        status = put(chain, tier, has, newest, error);
    if (status && may_lose && tier != chain->authority) {
        status = pxt_tier_del(tier, key, PXT_REMOVE_DELETED, error);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
    } else if (!status) {
        pxt_access_forget_included(tier, key);
        PXT_COUNT(tier, repairs, 1);
    }
    return status;
}

/* Removes from the others what the authority no longer has. If that has become another store meanwhile, the word was changed:
 * then nothing is removed. */
static pxt_status remove_from_others(struct pxt_chain *chain, const struct pxt_key *key, uint64_t *word,
                                     const struct copies *copies, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < chain->count && !status; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!copies->entry[i])
            continue;
        if (pxt_word(&chain->page, key->hash) != *word)
            return pxt_fail(error, PXT_EUNAVAILABLE, 0, "key %s is changed all the time", key->text);
        if (!(pxt_word_doubts(*word) & pxt_chain_bit(chain, tier)))
            *word = pxt_word_begin(&chain->page, key->hash, pxt_chain_bit(chain, tier), NULL);
        status = pxt_tier_del(tier, key, PXT_REMOVE_DELETED, error);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
    }
    return status;
}

static pxt_status equalize_once(struct pxt_chain *chain, const struct pxt_key *key, uint64_t *word, pxt_entry **newest,
                                struct pxt_error *error)
{
    struct copies copies = {0};
    pxt_status status = read_copies(chain, key, &copies, error);
    if (!status)
        status = find_newest(chain, *word, &copies, error);
    if (!status && copies.removed)
        status = remove_from_others(chain, key, word, &copies, error);
    if (!status && copies.newest)
        status = stamp(chain, &copies, error);
    if (!status && copies.newest)
        pxt_version_learn(&chain->page, pxt_entry_effective_version(copies.newest));
    for (unsigned i = chain->count; i-- > 0 && !status && copies.newest;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (pxt_chain_bit(chain, tier) && needs(chain, tier, copies.entry[i], copies.newest))
            status = give(chain, tier, key, word, copies.entry[i], copies.newest, error);
    }
    if (newest)
        *newest = !status && copies.newest ? pxt_entry_hold(copies.newest) : NULL;
    release(&copies);
    return status;
}

pxt_status pxt_equalize(struct pxt_chain *chain, const struct pxt_key *key, uint64_t *word, pxt_entry **newest,
                        struct pxt_error *error)
{
    pxt_status status;
    unsigned n = 0;
    do
        status = equalize_once(chain, key, word, newest, error);
    while (status == PXT_ESTALE && chain->authority && pxt_remote_try_again(n++));
    return status;
}
