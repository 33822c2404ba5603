/* SPDX-License-Identifier: MIT
 *
 * key_ops.c: reads and inserts one key in one tier.
 */
#include "chain/key_ops.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "entry/entry.h"

/* Completes an entry that was read, and adds the hits that are noted for it. */
static pxt_status finish_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                              pxt_entry **out, uint64_t *noted, struct pxt_error *error)
{
    pxt_status status = pxt_chain_complete(chain, tier, key, out, error);
    if (status) {
        pxt_entry_release(*out);
        *out = NULL;
        return status;
    }
    uint64_t added = 0;
    if (tier->flags & PXT_TIER_SHARED) /* made for this call: only the caller has it */
        added = pxt_access_add(tier, key, flags & PXT_TIER_GET_FOR_WRITE, *out);
    if (noted)
        *noted = added;
    return PXT_OK;
}

pxt_status pxt_chain_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          pxt_entry **out, uint64_t *noted, struct pxt_error *error)
{
    pxt_status status = pxt_tier_get(tier, key, flags, out, error);
    return status ? status : finish_read(chain, tier, key, flags, out, noted, error);
}

void pxt_chain_read_many(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *const *keys, size_t n,
                         unsigned flags, const struct pxt_reading *reading, struct pxt_error *error)
{
    pxt_tier_get_many(tier, keys, n, flags, reading->entry, reading->status, error);
    for (size_t i = 0; i < n; i++)
        if (!reading->status[i])
            reading->status[i] =
                finish_read(chain, tier, keys[i], flags, &reading->entry[i], &reading->noted[i], error);
}

void pxt_chain_include_hits(struct pxt_chain *chain, const struct pxt_key *key, unsigned found)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_durable(&chain->tier[i]) && !(i == found && (chain->tier[i].flags & PXT_TIER_SHARED)))
            pxt_access_include(&chain->tier[i], key);
}

pxt_status pxt_chain_insert(struct pxt_tier *tier, pxt_entry *entry, struct pxt_victims *victims,
                            struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP; /* capacity 0: the tier passes everything on */
    if (tier->limited && victims && !pxt_victims_choose(tier, &key, victims))
        return PXT_ENOTSUP;
    return pxt_tier_put(tier, entry, error);
}

pxt_status pxt_chain_evict(struct pxt_tier *tier, const struct pxt_key *key, const pxt_entry *entry,
                           enum pxt_removal why, struct pxt_error *error)
{
    if (tier->flags & PXT_TIER_REMOTE)
        return pxt_tier_del_if(tier, key, pxt_entry_version(entry), why, error);
    return pxt_tier_del(tier, key, why, error);
}
