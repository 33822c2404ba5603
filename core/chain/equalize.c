/* SPDX-License-Identifier: MIT
 *
 * equalize.c: gives all members the newest version of a key, or of many: then each member is read in one call, and the authority
 * written to in one, if they offer that.
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

/* How copies are read. */
static const unsigned reads = PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE;

static void release(struct copies *copies)
{
    for (unsigned i = 0; i < PXT_CHAIN_MAX; i++)
        pxt_entry_release(copies->entry[i]);
    pxt_entry_release(copies->newest);
}

/* What the answer of one member means: damaged, it has nothing. */
static pxt_status hear(struct pxt_tier *tier, const struct pxt_key *key, pxt_status status, const pxt_entry *entry)
{
    if (!entry)
        pxt_access_include(tier, key); /* hits that are noted for it are in the copies of the others */
    return status == PXT_NOT_FOUND || status == PXT_ECORRUPT ? PXT_OK : status;
}

static pxt_status read_copy(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                            struct copies *copies, struct pxt_error *error)
{
    pxt_entry **entry = &copies->entry[tier->index];
    pxt_status status = pxt_chain_read(chain, tier, key, reads, entry, NULL, error);
    return hear(tier, key, status, *entry);
}

static pxt_status read_copies(struct pxt_chain *chain, const struct pxt_key *key, struct copies *copies,
                              struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < chain->count && !status; i++)
        if (pxt_chain_bit(chain, &chain->tier[i]))
            status = read_copy(chain, &chain->tier[i], key, copies, error);
    return status;
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
    if (!status)
        status = pxt_tier_del(tier, key, PXT_REMOVE_POLICY, error);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* Before a tier is written to: sets its bit, if it lacks what no caller was told of. If the word was changed since (damage, a
 * notice, a server that is back), `*word` stays as it is: so the pass sees that when it ends. */
static void doubt(struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key, uint64_t *word)
{
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    uint64_t before;
    if (pxt_word_doubts(*word) & bit)
        return;
    uint64_t raised = pxt_word_begin(&chain->page, key->hash, bit, &before);
    *word = before == *word ? raised : *word;
}

static void note_given(struct pxt_tier *tier, const struct pxt_key *key)
{
    pxt_access_forget_included(tier, key);
    PXT_COUNT(tier, repairs, 1);
}

/* Writes the newest version to a tier that has `has`. A limited tier may lose its older copy instead: its disk may be full. */
static pxt_status give(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, uint64_t *word,
                       const pxt_entry *has, pxt_entry *newest, struct pxt_error *error)
{
    doubt(chain, tier, key, word);
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
        note_given(tier, key);
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
        doubt(chain, tier, key, word);
        status = pxt_tier_del(tier, key, PXT_REMOVE_DELETED, error);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
    }
    return status;
}

/* Finds out from the copies what all are to have. What the authority no longer has leaves the others. */
static pxt_status conclude(struct pxt_chain *chain, const struct pxt_key *key, uint64_t *word, struct copies *copies,
                           struct pxt_error *error)
{
    pxt_status status = find_newest(chain, *word, copies, error);
    if (!status && copies->removed)
        status = remove_from_others(chain, key, word, copies, error);
    if (!status && copies->newest)
        status = stamp(chain, copies, error);
    if (!status && copies->newest)
        pxt_version_learn(&chain->page, pxt_entry_effective_version(copies->newest));
    return status;
}

/* Gives one tier the newest version, if it needs that. */
static pxt_status give_if_needed(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                                 uint64_t *word, const struct copies *copies, struct pxt_error *error)
{
    const pxt_entry *has = copies->entry[tier->index];
    if (!copies->newest || !pxt_chain_bit(chain, tier) || !needs(chain, tier, has, copies->newest))
        return PXT_OK;
    return give(chain, tier, key, word, has, copies->newest, error);
}

static pxt_status equalize_once(struct pxt_chain *chain, const struct pxt_key *key, uint64_t *word, pxt_entry **newest,
                                struct pxt_error *error)
{
    struct copies copies = {0};
    pxt_status status = read_copies(chain, key, &copies, error);
    if (!status)
        status = conclude(chain, key, word, &copies, error);
    for (unsigned i = chain->count; i-- > 0 && !status;)
        status = give_if_needed(chain, &chain->tier[i], key, word, &copies, error);
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

/* ---- many keys -------------------------------------------------------------------------------------------------- */

/* Keys that are made equal together. */
struct together {
    const struct pxt_equal *equal;
    size_t n;
    pxt_status *status;
    const struct pxt_key *key[PXT_READING_MAX];
    struct copies copies[PXT_READING_MAX];
    struct pxt_reading reading; /* of one member: what the next three have */
    pxt_entry *read[PXT_READING_MAX];
    pxt_status read_status[PXT_READING_MAX];
    uint64_t noted[PXT_READING_MAX];
    /* What the authority is given. */
    size_t index[PXT_READING_MAX], count;
    pxt_entry *entry[PXT_READING_MAX];
    uint64_t expected[PXT_READING_MAX];
    pxt_status written[PXT_READING_MAX];
};

/* Reads one member. Where it has found damage the keys are read one by one: only one of them may be damaged. */
static void read_together(struct pxt_chain *chain, struct pxt_tier *tier, struct together *all, struct pxt_error *error)
{
    pxt_chain_read_many(chain, tier, all->key, all->n, reads, &all->reading, error);
    for (size_t i = 0; i < all->n; i++) {
        struct copies *copies = &all->copies[i];
        pxt_status status = all->reading.status[i];
        copies->entry[tier->index] = all->reading.entry[i];
        if (status == PXT_ECORRUPT)
            status = read_copy(chain, tier, all->key[i], copies, error);
        else
            status = hear(tier, all->key[i], status, copies->entry[tier->index]);
        all->status[i] = all->status[i] ? all->status[i] : status;
    }
}

/* Gives the authority what it needs, in place of what it was read to have. */
static void give_authority(struct pxt_chain *chain, struct pxt_tier *tier, struct together *all,
                           struct pxt_error *error)
{
    all->count = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct copies *copies = &all->copies[i];
        const pxt_entry *has = copies->entry[tier->index];
        if (all->status[i] || !copies->newest || !needs(chain, tier, has, copies->newest))
            continue;
        doubt(chain, tier, all->key[i], all->equal[i].word);
        all->index[all->count] = i;
        all->expected[all->count] = has ? pxt_entry_version(has) : 0;
        all->entry[all->count++] = copies->newest;
    }
    pxt_tier_put_if_many(tier, all->entry, all->expected, all->count, all->written, error);
    for (size_t j = 0; j < all->count; j++) {
        size_t i = all->index[j];
        all->status[i] = all->written[j];
        if (!all->status[i])
            note_given(tier, all->key[i]);
    }
}

/* Gives one tier what it needs: the authority, of which no copy is lost for want of room, in one call. */
static void give_together(struct pxt_chain *chain, struct pxt_tier *tier, struct together *all, struct pxt_error *error)
{
    if (tier == chain->authority && pxt_chain_bit(chain, tier) && !tier->limited) {
        give_authority(chain, tier, all, error);
        return;
    }
    for (size_t i = 0; i < all->n; i++)
        if (!all->status[i])
            all->status[i] = give_if_needed(chain, tier, all->key[i], all->equal[i].word, &all->copies[i], error);
}

void pxt_equalize_many(struct pxt_chain *chain, const struct pxt_equal *equal, size_t n, pxt_status *status,
                       struct pxt_error *error)
{
    struct together *all = n > 1 ? pxt_alloc(sizeof *all) : NULL;
    for (size_t i = 0; i < n; i++)
        status[i] = all ? PXT_OK : pxt_equalize(chain, equal[i].key, equal[i].word, NULL, error);
    if (!all) /* one by one needs less memory */
        return;
    all->equal = equal;
    all->n = n;
    all->status = status;
    all->reading = (struct pxt_reading){all->read, all->read_status, all->noted};
    for (size_t i = 0; i < n; i++)
        all->key[i] = equal[i].key;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_chain_bit(chain, &chain->tier[i]))
            read_together(chain, &chain->tier[i], all, error);
    for (size_t i = 0; i < n; i++)
        if (!status[i])
            status[i] = conclude(chain, equal[i].key, equal[i].word, &all->copies[i], error);
    for (unsigned i = chain->count; i-- > 0;)
        give_together(chain, &chain->tier[i], all, error);
    for (size_t i = 0; i < n; i++) {
        release(&all->copies[i]);
        if (status[i] == PXT_ESTALE && chain->authority) /* another host has changed it meanwhile */
            status[i] = pxt_equalize(chain, equal[i].key, equal[i].word, NULL, error);
    }
    pxt_free(all);
}
