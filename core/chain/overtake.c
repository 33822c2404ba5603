/* SPDX-License-Identifier: MIT
 *
 * overtake.c: sees that nobody is told something older than what the authority has said before.
 *
 * Other hosts change the authority without a change of the word. So two gets may read two versions under one word, and the get
 * with the older one may be the last that fills memory. A count of answers tells it that it was overtaken.
 */
#include "chain/overtake.h"
#include "chain/remote.h"
#include "entry/entry.h"

/* Whether a copy is older than what the authority has decided. */
static bool is_older(const struct pxt_decision *decision, const pxt_entry *copy)
{
    return decision->by_authority &&
           (!decision->entry || pxt_entry_effective_version(copy) < pxt_entry_effective_version(decision->entry));
}

bool pxt_tidy_private_tiers(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision)
{
    bool has = false;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pxt_entry *entry = NULL;
        bool may_have = (decision->asked[i] && i != decision->found_in) || decision->by_authority;
        if (!may_have || (tier->flags & PXT_TIER_SHARED) ||
            pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
            continue;
        if (is_older(decision, entry)) /* it came when the tier had been asked */
            pxt_chain_drop_stale(chain, tier, key, PXT_GET_PEEK, entry);
        else if (pxt_chain_is_stale_copy(chain, tier, entry))
            pxt_chain_drop_stale(chain, tier, key, 0, entry);
        else
            has = true;
        pxt_entry_release(entry);
    }
    return has;
}

void pxt_overtake(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision)
{
    bool has = pxt_tidy_private_tiers(chain, key, decision);
    uint32_t given = atomic_fetch_add(&chain->answers[key->hash % PXT_ANSWER_SLOTS], 1);
    decision->overtaken = !has && given != decision->answers;
    decision->clear = !has && !decision->overtaken;
}

void pxt_overtake_with_nothing(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision)
{
    if (!decision->by_authority)
        return;
    pxt_overtake(chain, key, decision);
    if (pxt_chain_members(chain))
        pxt_remote_follow(chain, key, decision, !decision->overtaken);
}
