/* SPDX-License-Identifier: MIT
 *
 * key_ops.c: reads, inserts, finds and removes one key whose lock is held.
 */
#include "chain/key_ops.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "entry/entry.h"

pxt_status pxt_chain_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          pxt_entry **out, struct pxt_error *error)
{
    pxt_status status = pxt_tier_get(tier, key, flags, out, error);
    if (status == PXT_OK && (status = pxt_chain_complete(chain, tier, key, out, error))) {
        pxt_entry_release(*out);
        *out = NULL;
    }
    if (status == PXT_OK && (tier->flags & PXT_TIER_SHARED)) /* made for this call: only the caller has it */
        pxt_access_add(tier, key, flags & PXT_TIER_GET_FOR_WRITE, *out);
    return status;
}

/* Whether the error of a tier counts for PXT_CHAIN_FIND_REPLACED. */
static bool hides_replaced(const struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                           pxt_status status)
{
    return pxt_tier_on(tier) && (pxt_tier_durable(tier) || !chain->any_durable) && status != PXT_EINVAL &&
           status != PXT_ENOTSUP && pxt_hints_has(&tier->hints, key) != PXT_KEY_UNKNOWN;
}

/* A write replaces all copies by what it makes of the copy in `found`: the hits noted for the others go with them.
 * pxt_access_add() has done that for `found`. */
static void include_noted_hits(struct pxt_chain *chain, const struct pxt_key *key, unsigned found)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_durable(&chain->tier[i]) && !(i == found && (chain->tier[i].flags & PXT_TIER_SHARED)))
            pxt_access_include(&chain->tier[i], key);
}

pxt_status pxt_chain_find(struct pxt_chain *chain, const struct pxt_key *key, unsigned except, unsigned flags,
                          pxt_entry **out, struct pxt_error *error)
{
    pxt_status worst = PXT_NOT_FOUND;
    bool for_put = (flags & PXT_CHAIN_FIND_REPLACED) == PXT_CHAIN_FIND_REPLACED;
    unsigned i = 0;
    for (; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (i == except || !pxt_tier_stores(tier))
            continue;
        pxt_status status =
            pxt_chain_read(chain, tier, key, PXT_GET_PEEK | flags, out, worst == PXT_NOT_FOUND ? error : NULL);
        if (status == PXT_OK && !pxt_chain_stale(chain, tier, *out))
            break;
        if (status == PXT_OK)
            pxt_entry_release(*out);
        else if (status != PXT_NOT_FOUND && worst == PXT_NOT_FOUND && pxt_tier_present(tier) &&
                 (!for_put || hides_replaced(chain, tier, key, status)))
            worst = status;
    }
    if (flags & PXT_TIER_GET_FOR_WRITE)
        include_noted_hits(chain, key, i);
    if (i < chain->count)
        return PXT_OK;
    *out = NULL;
    return worst;
}

pxt_status pxt_chain_insert(struct pxt_tier *tier, pxt_entry *entry, struct pxt_victims *victims,
                            struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP; /* capacity 0: the tier passes everything on */
    if (tier->limited && victims)
        pxt_victims_choose(tier, &key, victims);
    return pxt_tier_put(tier, entry, error);
}

void pxt_hinted_before_note(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_hinted_before *before)
{
    for (unsigned i = 0; i < chain->count; i++)
        before->tier[i] = pxt_hints_has(&chain->tier[i].hints, key) == PXT_KEY_HINTED;
}

void pxt_hinted_before_restore(struct pxt_chain *chain, const struct pxt_key *key,
                               const struct pxt_hinted_before *before)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (!before->tier[i])
            pxt_tier_hint_done(&chain->tier[i], key);
}

pxt_status pxt_chain_remove(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error)
{
    bool found = false, reached = false;
    pxt_status first = PXT_OK;
    struct pxt_hinted_before before;
    pxt_hinted_before_note(chain, key, &before);
    pxt_access_forget(chain, key);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_present(tier)) {
            pxt_tier_add_hint(tier, key, true); /* it may be present for another process, or the next */
            continue;
        }
        pxt_status status = pxt_tier_del(tier, key, why, first ? NULL : error);
        found |= status == PXT_OK;
        if (status == PXT_OK || status == PXT_NOT_FOUND)
            reached |= pxt_tier_durable(tier) || !chain->any_durable;
        else
            first = first ? first : status;
    }
    pxt_generation_bump(&chain->coherence, key->hash);
    if (!reached) {
        pxt_hinted_before_restore(chain, key, &before);
        return first ? first : pxt_fail(error, PXT_EUNAVAILABLE, 0, "no tier could be asked: see `proxtier stats`");
    }
    return found ? PXT_OK : PXT_NOT_FOUND;
}
