/* SPDX-License-Identifier: MIT
 *
 * complete.c: completes an entry of a tier that has no place for some of its fields (ProxyWhirl's L2 has none for the
 * health monitoring) from the slower tiers.
 */
#include "chain/key_ops.h"
#include "entry/entry.h"

/* Makes the entry that has of `slower` the fields for which the tier of `entry` has no place. */
static pxt_status merge(const pxt_entry *entry, const pxt_entry *slower, pxt_entry **out, struct pxt_error *error)
{
    struct pxt_draft draft, other;
    pxt_draft_init(&draft);
    pxt_draft_init(&other);
    pxt_entry_read(entry, &draft);
    pxt_entry_read(slower, &other);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        if (draft.value[id].elsewhere)
            draft.value[id] = other.value[id];
    return pxt_entry_new(&draft, out, error);
}

pxt_status pxt_chain_complete(struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_key *key,
                              pxt_entry **entry, struct pxt_error *error)
{
    for (unsigned i = tier->index + 1; i < chain->count && pxt_entry_is_partial(*entry); i++) {
        pxt_entry *slower = NULL, *whole = NULL;
        if (!pxt_tier_stores(&chain->tier[i]) ||
            pxt_tier_get(&chain->tier[i], key, PXT_GET_PEEK, &slower, NULL) != PXT_OK)
            continue;
        pxt_status status = merge(*entry, slower, &whole, error);
        pxt_entry_release(slower);
        if (status)
            return status;
        pxt_entry_release(*entry);
        *entry = whole;
    }
    return PXT_OK;
}
