/* SPDX-License-Identifier: MIT
 *
 * victim.h: entries that a policy has chosen to leave a full tier. demote.c makes them leave.
 */
#ifndef PXT_VICTIM_H
#define PXT_VICTIM_H

#include "chain/chain_layout.h"

/* Victims may stay that many entries over the capacity, while other threads hold the locks of their keys. */
enum { PXT_OVER_CAPACITY_MAX = 64 };

/* Victims that are chosen and not yet demoted; each is held. */
struct pxt_victims {
    unsigned count;
    bool may_refuse; /* a slower tier has what is inserted: the policy may keep it out */
    /* For a get, and where locks are held: a lock that is not free is not waited for, nothing is repaired, and tiers slower
     * than this one are not called. PXT_CHAIN_MAX: they are. */
    unsigned deepest;
    bool in_hurry;
    bool chosen; /* a choice led to what is inserted: it says nothing of the next get */
    struct {
        unsigned tier;
        pxt_entry *entry;
    } item[2 * PXT_CHAIN_MAX];
};

static inline void pxt_victims_init(struct pxt_victims *victims)
{
    victims->count = 0; /* the items need no zeroing */
    victims->may_refuse = false;
    victims->deepest = PXT_CHAIN_MAX;
    victims->in_hurry = victims->chosen = false;
}
/* Whether a tier has its capacity of entries, plus `over`. */
bool pxt_chain_tier_full(struct pxt_tier *tier, unsigned over);
/* Before an insertion, with the lock of `incoming` held: lets the policy of a full tier choose a victim.
 * False if the policy keeps the newcomer out, and may. */
bool pxt_victims_choose(struct pxt_tier *tier, const struct pxt_key *incoming, struct pxt_victims *victims);
/* Writes the noted hits to a tier that orders its entries by stored fields. To be called before its policy chooses. */
void pxt_victims_prepare(struct pxt_tier *tier);

#endif
