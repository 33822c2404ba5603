/* SPDX-License-Identifier: MIT
 *
 * learnt.c: a list or a caller says where a proxy is; what its use has taught (health, checks, hits) stays with the key.
 */
#include "chain/learnt.h"
#include "chain/key_ops.h"
#include "entry/entry.h"

pxt_status pxt_learnt_inherit(struct pxt_chain *chain, pxt_entry **entry, struct pxt_replaced *replaced,
                              struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(*entry, &key);
    replaced->entry = NULL;
    pxt_status status = pxt_chain_find(chain, &key, PXT_CHAIN_MAX, PXT_TIER_GET_FOR_WRITE, &replaced->entry, error);
    if (status)
        return status == PXT_ENOMEM ? status : PXT_OK;
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
