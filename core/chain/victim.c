/* SPDX-License-Identifier: MIT
 *
 * victim.c: chooses victims, by the policies of full tiers.
 */
#include "chain/victim.h"
#include "chain/accesses.h"

bool pxt_chain_tier_full(struct pxt_tier *tier, unsigned over)
{
    uint64_t count;
    return pxt_tier_count(tier, &count, NULL) == PXT_OK && count >= tier->max_entries + over;
}

void pxt_victims_prepare(struct pxt_tier *tier)
{
    if ((tier->flags & PXT_TIER_POLICY_ORDER) && !(tier->flags & PXT_TIER_POLICY_STATE) && !tier->tracker)
        pxt_access_write(tier, NULL);
}

bool pxt_victims_choose(struct pxt_tier *tier, const struct pxt_key *incoming, struct pxt_victims *victims)
{
    unsigned already = 0;
    for (unsigned i = 0; i < victims->count; i++)
        already += victims->item[i].tier == tier->index;
    if (victims->count == sizeof victims->item / sizeof *victims->item || !pxt_tier_on(tier))
        return true;
    if (!pxt_chain_tier_full(tier, already) || pxt_tier_contains(tier, incoming, NULL) == PXT_OK)
        return true;
    pxt_victims_prepare(tier);
    pxt_entry *victim = NULL;
    pxt_status status = pxt_tier_victim(tier, incoming->hash, &victim, NULL);
    if (status == PXT_OK && !victim && victims->may_refuse) {
        PXT_COUNT(tier, refusals, 1);
        return false;
    }
    if (status == PXT_OK && !victim)
        status = pxt_tier_victim(tier, 0, &victim, NULL);
    if (status == PXT_OK && victim) {
        victims->item[victims->count].tier = tier->index;
        victims->item[victims->count++].entry = victim;
    }
    return true;
}
