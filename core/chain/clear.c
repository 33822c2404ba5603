/* SPDX-License-Identifier: MIT
 *
 * clear.c: removes all entries from all tiers.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/change.h"
#include "chain/repair.h"
#include "chain/stripes.h"
#include "shared/removals.h"

static bool count_one(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(uint64_t *)arg;
    return true;
}

/* Puts all members in doubt for all words. Returns the words as they are then, to be freed; NULL: the doubts stay. */
static uint64_t *begin(struct pxt_chain *chain, pxt_doubts members)
{
    bool alone = !chain->authority && !chain->exchanges && !chain->with_proxywhirl; /* no others write to the tiers */
    uint64_t *words = alone && members ? pxt_alloc_array(PXT_WORDS, sizeof *words) : NULL;
    for (unsigned i = 0; words && i < PXT_WORDS; i++)
        words[i] = pxt_word_begin(&chain->page, i, members, NULL);
    if (!words && chain->generations)
        pxt_words_doubt_all(&chain->page, members);
    return words;
}

/* Raises all generations: what was read meanwhile is gone, and must not be copied to another tier. With `words` every member
 * is empty, and no doubt is left: a pass over all keys would find nothing to compare (rule 14 in doc/versions.md). */
static void end(struct pxt_chain *chain, const uint64_t *words, pxt_doubts members)
{
    if (!words || pxt_repair_sync_members(chain, NULL) != PXT_OK) {
        pxt_words_doubt_all(&chain->page, members);
        return;
    }
    for (unsigned i = 0; i < PXT_WORDS; i++)
        pxt_word_end(&chain->page, i, words[i], members);
}

/* All keys are locked. */
static pxt_status clear_locked(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    pxt_doubts members = pxt_chain_members(chain), missing = members;
    for (unsigned i = 0; i < chain->count; i++)
        missing &= (pxt_doubts)~pxt_chain_bit(chain, &chain->tier[i]);
    if (missing)
        return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                        "a member of the pool is not in this chain and cannot be cleared: nothing was removed; see "
                        "`proxtier status`");
    uint64_t *words = begin(chain, members);
    pxt_removals_note_all(&chain->page);
    for (unsigned i = chain->count; i-- > 0;) {
        uint64_t removed;
        if (!pxt_tier_present(&chain->tier[i]))
            continue;
        pxt_status status = pxt_tier_clear(&chain->tier[i], &removed, first ? NULL : error);
        first = first ? first : status;
    }
    if (chain->generations)
        end(chain, first ? NULL : words, members);
    pxt_access_forget_all(chain);
    pxt_free(words);
    return first;
}

/* PXT_EUNAVAILABLE if a tier cannot be cleared now, and so its entries would come back. */
static pxt_status check_clearable(const struct pxt_chain *chain, struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++) {
        const struct pxt_tier *tier = &chain->tier[i];
        bool present = pxt_tier_present(tier);
        if (present ? !pxt_tier_on(tier) : tier->exchanges || pxt_chain_tier_may_have_more(chain, tier))
            return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                            "tier %s is %s and cannot be cleared: nothing was removed; see `proxtier status`",
                            tier->name, present ? "off" : "absent");
    }
    return PXT_OK;
}

pxt_status pxt_chain_clear(struct pxt_chain *chain, uint64_t *removed, struct pxt_error *error)
{
    uint64_t distinct = 0;
    pxt_status status = check_clearable(chain, error);
    if (!status)
        status = pxt_chain_lock_all_joined(chain, error);
    if (!status) {
        status = pxt_chain_each_reachable(chain, count_one, &distinct, error);
        if (!status)
            status = clear_locked(chain, error);
        pxt_chain_unlock_all(chain);
    }
    if (removed)
        *removed = status ? 0 : distinct;
    return status;
}
