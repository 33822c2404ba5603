/* SPDX-License-Identifier: MIT
 *
 * copy.c: entries that are made like another one.
 */
#include "entry/entry.h"

pxt_status pxt_entry_copy_with(const pxt_entry *entry, const struct pxt_draft *changes, pxt_entry **out,
                               struct pxt_error *error)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_entry_read(entry, &draft);
    for (size_t id = 0; id < PXT_FIELD_COUNT && id < changes->field_count; id++)
        if (changes->value[id].set)
            draft.value[id] = changes->value[id];
    return pxt_entry_new(&draft, out, error);
}

pxt_status pxt_entry_copy(const pxt_entry *entry, bool evicted_from_l1, pxt_entry **out, struct pxt_error *error)
{
    struct pxt_draft changes;
    pxt_draft_init(&changes);
    if (evicted_from_l1)
        pxt_draft_set_number(&changes, PXT_FIELD_EVICTED_FROM_L1, 1);
    return pxt_entry_copy_with(entry, &changes, out, error);
}
