/* SPDX-License-Identifier: MIT
 *
 * fail_safe.c: chooses the copy that a get serves where no tier can decide. What was removed on this host is not served again:
 * the page knows the last removal of each word.
 */
#include "chain/fail_safe.h"
#include "entry/entry.h"
#include "shared/removals.h"

/* The newest copy so far. */
struct candidate {
    pxt_entry *entry; /* held; NULL: none */
    unsigned tier;
    bool of_member;
};

/* Whether hosts share a store, and that did not answer: it may have a newer version of what has expired. */
static bool others_are_silent(const struct pxt_chain *chain, const struct pxt_decision *decision)
{
    if (chain->authority)
        return !decision->seen.read;
    for (unsigned i = 0; i < chain->count; i++)
        if (chain->tier[i].exchanges && !pxt_tier_on(&chain->tier[i]))
            return true;
    return false;
}

static bool nobody_decides(const struct pxt_chain *chain, const struct pxt_decision *decision, pxt_status status)
{
    if (status == PXT_OK)
        return decision->entry && pxt_chain_dead(chain, decision->entry) && !pxt_entry_is_tombstone(decision->entry) &&
               others_are_silent(chain, decision);
    return status != PXT_NOT_FOUND && status != PXT_ENOMEM && status != PXT_EINVAL;
}

bool pxt_fail_safe_keeps(const struct pxt_chain *chain, const struct pxt_decision *decision, pxt_status status)
{
    return chain->fail_safe && nobody_decides(chain, decision, status);
}

static void consider(struct candidate *best, pxt_entry *entry, unsigned tier, bool of_member)
{
    if (best->entry && pxt_entry_effective_version(entry) <= pxt_entry_effective_version(best->entry)) {
        pxt_entry_release(entry);
        return;
    }
    pxt_entry_release(best->entry);
    *best = (struct candidate){entry, tier, of_member};
}

/* The copy that the members gave, and those of private tiers, which may be old. */
static struct candidate find_newest(struct pxt_chain *chain, const struct pxt_key *key,
                                    const struct pxt_decision *decision)
{
    struct candidate best = {.entry = NULL};
    if (decision->entry)
        consider(&best, pxt_entry_hold(decision->entry), decision->found_in, true);
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pxt_entry *entry = NULL;
        if (!(tier->flags & PXT_TIER_SHARED) && !pxt_tier_durable(tier) && pxt_tier_on(tier) && pxt_tier_stores(tier) &&
            pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, NULL) == PXT_OK)
            consider(&best, entry, i, false);
    }
    return best;
}

/* What a clear member has is no removed version: only that of a member in doubt may be. */
static bool may_be_served(const struct pxt_chain *chain, const struct pxt_key *key, const struct candidate *candidate,
                          bool clear)
{
    uint64_t version = pxt_entry_effective_version(candidate->entry);
    int64_t ends = pxt_entry_number(candidate->entry, PXT_FIELD_EXPIRES_AT);
    if (pxt_entry_is_tombstone(candidate->entry) || pxt_clock_now(&chain->clock) - ends > chain->fail_safe_max)
        return false;
    if (candidate->of_member)
        return clear || !pxt_removal_may_be_of_member(&chain->page, key->hash, version);
    return !pxt_removal_may_be_of_copy(&chain->page, key->hash, version);
}

bool pxt_fail_safe_serve(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                         pxt_status status, pxt_entry **out, unsigned *found_in)
{
    const struct pxt_draft unchanged = {.field_count = 0};
    if (!pxt_fail_safe_keeps(chain, decision, status))
        return false;
    struct candidate best = find_newest(chain, key, decision);
    bool serves = best.entry && may_be_served(chain, key, &best, decision->clear && status == PXT_OK) &&
                  pxt_entry_copy_with(best.entry, &unchanged, out, NULL) == PXT_OK;
    pxt_entry_release(best.entry);
    if (!serves)
        return false;
    pxt_entry_set_stale(*out);
    *found_in = best.tier;
    PXT_COUNT(&chain->tier[best.tier], stale, 1);
    pxt_log(chain->logger, PXT_MESSAGE_DEBUG, "chain", "get %s: no tier decides; the copy of tier %s is served",
            key->text, chain->tier[best.tier].name);
    return true;
}

pxt_time pxt_fail_safe_expired_by(const struct pxt_chain *chain)
{
    pxt_time now = pxt_clock_now(&chain->clock);
    return chain->fail_safe && (chain->authority || chain->exchanges) ? now - chain->fail_safe_max : now;
}
