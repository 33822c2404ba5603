/* SPDX-License-Identifier: MIT
 *
 * learnt.c: a list or a caller says where a proxy is; what its use has taught (health, checks, hits) stays with the key.
 */
#include "chain/learnt.h"
#include "chain/key_ops.h"
#include "entry/entry.h"

/* Whether a put can go on without one of the tiers that decide whether it succeeds. */
static bool can_spare_a_tier(const struct pxt_chain *chain)
{
    unsigned takers = 0;
    for (unsigned i = 0; i < chain->count; i++)
        takers += pxt_tier_on(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]) &&
                  (pxt_tier_durable(&chain->tier[i]) || !chain->any_durable);
    return takers > 1;
}

/* Asks a tier that fails again, until its breaker turns it off: then the put goes on without it, as with every tier that
 * is off. So a process that makes one put only gets there too. */
static pxt_status find_replaced(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out,
                                struct pxt_error *error)
{
    pxt_status status;
    unsigned tries = chain->tier[0].breaker.threshold;
    do
        status = pxt_chain_find(chain, key, PXT_CHAIN_MAX, PXT_CHAIN_FIND_REPLACED, out, error);
    while (status != PXT_OK && status != PXT_NOT_FOUND && status != PXT_ENOMEM && tries-- && can_spare_a_tier(chain));
    return status;
}

pxt_status pxt_learnt_inherit(struct pxt_chain *chain, pxt_entry **entry, struct pxt_replaced *replaced,
                              struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(*entry, &key);
    replaced->entry = NULL;
    pxt_status status = find_replaced(chain, &key, &replaced->entry, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    replaced->hits = pxt_entry_number(replaced->entry, PXT_FIELD_ACCESS_COUNT);
    status = pxt_entry_inherit(entry, replaced->entry, error);
    if (status) {
        pxt_entry_release(replaced->entry);
        replaced->entry = NULL;
    }
    return status;
}

void pxt_learnt_finish(pxt_entry *entry, struct pxt_replaced *replaced)
{
    if (!replaced->entry)
        return;
    int64_t late = pxt_entry_number(replaced->entry, PXT_FIELD_ACCESS_COUNT) - replaced->hits;
    if (late > 0)
        pxt_entry_touch(entry, (uint64_t)late, pxt_entry_number(replaced->entry, PXT_FIELD_LAST_ACCESSED));
    pxt_entry_release(replaced->entry);
    replaced->entry = NULL;
}
