/* SPDX-License-Identifier: MIT
 *
 * tier_touch.c: adds accesses to an entry of a tier that does not offer to do that itself.
 */
#include "entry/entry.h"
#include "tier/tier.h"

pxt_status pxt_tier_touch_one(struct pxt_tier *tier, const struct pxt_touch *touch, struct pxt_error *error)
{
    pxt_entry *entry = NULL, *copy = NULL;
    pxt_status status = pxt_tier_get(tier, &touch->key, PXT_GET_PEEK, &entry, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    status = pxt_entry_copy(entry, touch->evicted_from_l1, &copy, error);
    if (!status) {
        pxt_entry_touch(copy, touch->hits, touch->last_accessed);
        status = pxt_tier_put(tier, copy, error);
    }
    pxt_entry_release(entry);
    pxt_entry_release(copy);
    return status;
}
