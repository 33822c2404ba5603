/* SPDX-License-Identifier: MIT
 *
 * change.c: marks tiers as in doubt before a write, and clears the doubt of those that took it.
 */
#include "chain/change.h"
#include "base/fail.h"
#include "shared/removals.h"
#include <stdlib.h>

pxt_doubts pxt_chain_members(const struct pxt_chain *chain)
{
    pxt_doubts members = pxt_page_members(&chain->page);
    return members & (members - 1) ? members : 0;
}

pxt_doubts pxt_chain_bit(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return tier->slot < 0 ? 0 : (pxt_doubts)(1u << tier->slot & pxt_chain_members(chain));
}

void pxt_change_begin(struct pxt_chain *chain, uint64_t hash, const struct pxt_tier *only, struct pxt_change *change)
{
    uint64_t before;
    *change = (struct pxt_change){.hash = hash, .members = pxt_chain_members(chain)};
    change->base = atomic_load(&chain->page.base);
    if (!chain->generations)
        return;
    if (only)
        change->members &= pxt_chain_bit(chain, only);
    change->begun = pxt_word_begin(&chain->page, hash, change->members, &before);
    change->before = pxt_word_doubts(before);
}

/* Whether a write that failed has certainly changed nothing: see tier.h. */
static bool is_certain(pxt_status status)
{
    return status == PXT_ENOSPC || status == PXT_EBUSY || status == PXT_EACCES || status == PXT_ENOTSUP ||
           status == PXT_ESTALE || status == PXT_EUNAVAILABLE;
}

/* At level `power` the slowest tier, for which others may let go of an entry, has only what is synced. */
static bool counts(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return !chain->power || tier != chain->slowest || (tier->flags & PXT_TIER_SYNCED);
}

void pxt_change_wrote(struct pxt_chain *chain, struct pxt_change *change, const struct pxt_tier *tier,
                      pxt_status status)
{
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    /* A tier that cannot hold the entry has nothing now: a limited one may. */
    bool nothing = status == PXT_EINVAL && tier->limited && tier != chain->slowest;
    if (status == PXT_OK)
        change->stored |= bit;
    if ((status == PXT_OK && counts(chain, tier)) || nothing)
        change->took |= bit;
    else if (status == PXT_OK || !is_certain(status))
        change->unsure |= bit;
}

void pxt_change_followed(struct pxt_chain *chain, struct pxt_change *change, const struct pxt_tier *tier,
                         pxt_status status)
{
    pxt_change_wrote(chain, change, tier, status);
    change->unsure |= pxt_chain_bit(chain, tier) & (pxt_doubts)~change->took;
}

uint32_t pxt_change_end(struct pxt_chain *chain, const struct pxt_change *change)
{
    bool touched = change->took || change->unsure;
    pxt_doubts clear = (touched ? change->took : change->members) & (pxt_doubts)~change->before;
    if (!chain->generations)
        return pxt_generation(&chain->page, change->hash);
    uint64_t end = pxt_word_end(&chain->page, change->hash, change->begun, clear);
    /* A notice that came meanwhile may be of a later change of the same key. */
    return change->base + pxt_word_generation(end) - pxt_word_notices(change->begun, end);
}

void pxt_change_removed(struct pxt_chain *chain, uint64_t hash, uint64_t version)
{
    bool missed = pxt_word_doubts(pxt_word(&chain->page, hash)) & pxt_chain_members(chain);
    pxt_removal_note(&chain->page, hash, version, missed);
}

static int by_word(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a % PXT_WORDS, y = *(const uint64_t *)b % PXT_WORDS;
    return (x > y) - (x < y);
}

pxt_status pxt_changes_begin(struct pxt_chain *chain, uint64_t *hash, size_t n, struct pxt_changes *changes,
                             struct pxt_error *error)
{
    *changes = (struct pxt_changes){.whole = {.members = pxt_chain_members(chain)}};
    changes->whole.base = atomic_load(&chain->page.base);
    if (!chain->generations)
        return PXT_OK;
    changes->word = pxt_alloc_array(n, sizeof *changes->word);
    if (!changes->word)
        return pxt_fail_memory(error, "a batch");
    qsort(hash, n, sizeof *hash, by_word);
    for (size_t i = 0; i < n; i++) {
        struct pxt_change_word *word = &changes->word[changes->count];
        uint64_t before;
        if (i && hash[i] % PXT_WORDS == hash[i - 1] % PXT_WORDS)
            continue;
        word->hash = hash[i];
        word->begun = pxt_word_begin(&chain->page, hash[i], changes->whole.members, &before);
        word->before = pxt_word_doubts(before);
        changes->count++;
    }
    return PXT_OK;
}

void pxt_changes_end(struct pxt_chain *chain, struct pxt_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct pxt_change change = changes->whole;
        change.hash = changes->word[i].hash;
        change.begun = changes->word[i].begun;
        change.before = changes->word[i].before;
        changes->word[i].generation = pxt_change_end(chain, &change);
    }
}

static int by_hash(const void *hash, const void *word)
{
    return by_word(hash, &((const struct pxt_change_word *)word)->hash);
}

uint32_t pxt_changes_generation(const struct pxt_chain *chain, const struct pxt_changes *changes, uint64_t hash)
{
    const struct pxt_change_word *word =
        changes->count ? bsearch(&hash, changes->word, changes->count, sizeof *changes->word, by_hash) : NULL;
    return word ? word->generation : pxt_generation(&chain->page, hash);
}

void pxt_changes_free(struct pxt_changes *changes)
{
    pxt_free(changes->word);
    changes->word = NULL;
    changes->count = 0;
}
