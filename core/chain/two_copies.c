/* SPDX-License-Identifier: MIT
 *
 * two_copies.c: what two copies of a key say together, and which members have not said what they have.
 */
#include "chain/decide.h"
#include "entry/entry.h"

/* Whether what was learnt of an entry was learnt by a process that had read the other, or knew that it was gone. */
static bool knows(const pxt_entry *entry, const pxt_entry *other)
{
    uint64_t version = pxt_entry_effective_version(other);
    return (uint64_t)pxt_entry_number(entry, PXT_FIELD_LEARNT_VERSION) > version &&
           version >= pxt_entry_blind_below(entry);
}

pxt_status pxt_chain_merge(const struct pxt_chain *chain, pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged,
                           struct pxt_error *error)
{
    bool tombstone = pxt_entry_is_tombstone(a) || pxt_entry_is_tombstone(b);
    /* Another host may have made the later one without having seen this one. */
    if (tombstone || chain->authority || (!knows(a, b) && !knows(b, a)))
        return pxt_entry_merge(a, b, out, merged, error);
    pxt_entry *last = knows(a, b) ? a : b;
    pxt_entry_raise_use(last, last == a ? b : a);
    *out = pxt_entry_hold(last);
    *merged = false;
    return PXT_OK;
}

pxt_status pxt_decision_take_newer(const struct pxt_chain *chain, struct pxt_decision *decision, pxt_entry *entry,
                                   unsigned tier, struct pxt_error *error)
{
    pxt_entry *both = NULL;
    bool merged = false;
    if (!decision->entry) {
        decision->entry = entry;
        decision->found_in = tier;
        return PXT_OK;
    }
    pxt_status status = pxt_chain_merge(chain, decision->entry, entry, &both, &merged, error);
    if (!status) {
        decision->found_in = both == entry ? tier : decision->found_in;
        if (merged) /* the reader sees the greater version; only a repair gives the two together a new one */
            pxt_entry_set_versions(both,
                                   pxt_entry_version(entry) > pxt_entry_version(decision->entry)
                                       ? pxt_entry_version(entry)
                                       : pxt_entry_version(decision->entry),
                                   (uint64_t)pxt_entry_number(both, PXT_FIELD_SUPPLIED_VERSION),
                                   (uint64_t)pxt_entry_number(both, PXT_FIELD_LEARNT_VERSION));
        pxt_entry_release(decision->entry);
        decision->entry = both;
    }
    pxt_entry_release(entry);
    return status;
}

uint32_t pxt_chain_silent_members(const struct pxt_chain *chain, const struct pxt_decision *decision)
{
    uint32_t silent = 0;
    for (unsigned i = 0; i < chain->count; i++) {
        pxt_doubts bit = pxt_chain_bit(chain, &chain->tier[i]);
        if (decision->failed[i] && (decision->clear ? bit & pxt_word_doubts(decision->word) : bit))
            silent |= UINT32_C(1) << i;
    }
    return silent;
}
