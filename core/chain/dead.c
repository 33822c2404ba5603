/* SPDX-License-Identifier: MIT
 *
 * dead.c: how many proxies are known as dead, and until when one more is.
 */
#include "chain/dead.h"
#include "chain/change.h"

/* The slowest tier that is on and keeps tombstones; NULL: none. */
static struct pxt_tier *keeper(struct pxt_chain *chain)
{
    for (unsigned i = chain->count; i-- > 0;)
        if (pxt_tier_on(&chain->tier[i]) && (chain->tier[i].flags & PXT_TIER_VERSIONS) &&
            pxt_chain_keeps_tombstones(chain, &chain->tier[i]))
            return &chain->tier[i];
    return NULL;
}

bool pxt_chain_remembers_dead(struct pxt_chain *chain)
{
    const struct pxt_tier *tier = chain->dead_for ? keeper(chain) : NULL;
    return tier && tier->ops->known_dead;
}

pxt_time pxt_chain_known_until(struct pxt_chain *chain)
{
    pxt_time now = pxt_clock_now(&chain->clock);
    struct pxt_tier *tier = chain->dead_for ? keeper(chain) : NULL;
    uint64_t known = 0;
    if (!tier || !tier->ops->known_dead)
        return now;
    /* All tombstones: they are counted faster. */
    if (pxt_tier_tombstones(tier, &known, NULL) != PXT_OK || known >= chain->dead_max)
        if (pxt_tier_known_dead(tier, now, &known, NULL) != PXT_OK || known >= chain->dead_max)
            return now;
    return chain->dead_for < PXT_TIME_MAX - now ? now + chain->dead_for : PXT_TIME_MAX;
}

uint64_t pxt_chain_known_dead(struct pxt_chain *chain)
{
    struct pxt_tier *tier = keeper(chain);
    uint64_t known = 0;
    if (!tier || pxt_tier_known_dead(tier, pxt_clock_now(&chain->clock), &known, NULL) != PXT_OK)
        return 0;
    return known;
}
