/* SPDX-License-Identifier: MIT
 *
 * checkpoint.c: stores up to which version all members agree, in the record of each and in the page.
 */
#include "base/fail.h"
#include "chain/change.h"
#include "chain/members.h"
#include "chain/stripes.h"
#include "shared/removals.h"

pxt_status pxt_member_store_checkpoint(struct pxt_tier *tier, uint64_t checkpoint, uint64_t dropped,
                                       struct pxt_error *error)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record record;
    pxt_status status = pxt_tier_record_get(tier, text, error);
    if (!status)
        status = pxt_record_read(&record, text, tier->name, error);
    if (status)
        return status == PXT_NOT_FOUND
                   ? pxt_fail(error, PXT_EUNAVAILABLE, 0, "the record of tier %s is gone", tier->name)
                   : status;
    record.checkpoint = checkpoint;
    record.dropped = dropped > record.dropped ? dropped : record.dropped;
    status = pxt_record_write(&record, text, error);
    return status ? status : pxt_tier_record_put(tier, text, error);
}

/* Syncs all members. If no key was in doubt after `failures` syncs of each had failed, all that they may have lost was
 * written again. */
static pxt_status sync_all(struct pxt_chain *chain, const unsigned *failures, struct pxt_error *error)
{
    pxt_doubts missing = pxt_chain_members(chain);
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pxt_doubts bit = pxt_chain_bit(chain, tier);
        if (!bit || !pxt_tier_on(tier))
            continue;
        pxt_status status = pxt_tier_sync(tier, error);
        if (status)
            return status;
        if (atomic_load(&tier->sync_failures) != failures[i])
            return pxt_fail(error, PXT_EUNAVAILABLE, 0, "a sync of tier %s has failed", tier->name);
        atomic_store(&tier->sync_failures_mended, failures[i]);
        missing &= (pxt_doubts)~bit;
    }
    return missing ? pxt_fail(error, PXT_EUNAVAILABLE, 0, "a member of the pool is off or absent") : PXT_OK;
}

/* Stores it in all members, then in the page: what is dropped must be known in all first. */
static pxt_status store_everywhere(struct pxt_chain *chain, uint64_t checkpoint, uint64_t dropped,
                                   struct pxt_error *error)
{
    const struct pxt_key key = {.hash = 0};
    uint64_t now, gone;
    pxt_status status = pxt_chain_lock(chain, &key, error);
    if (status)
        return status;
    pxt_page_checkpoint(&chain->page, &now, &gone);
    if (now <= checkpoint) {
        for (unsigned i = 0; i < chain->count && !status; i++)
            if (pxt_chain_bit(chain, &chain->tier[i]))
                status = pxt_member_store_checkpoint(&chain->tier[i], checkpoint, dropped, error);
        if (!status)
            pxt_page_set_checkpoint(&chain->page, checkpoint, dropped > gone ? dropped : gone);
    }
    pxt_chain_unlock(chain, &key);
    return status;
}

pxt_status pxt_members_checkpoint(struct pxt_chain *chain, bool drop, struct pxt_error *error)
{
    pxt_doubts members = pxt_chain_members(chain);
    uint64_t last = pxt_version_last(&chain->page), checkpoint, dropped;
    unsigned failures[PXT_CHAIN_MAX];
    if (!members)
        return PXT_OK;
    for (unsigned i = 0; i < chain->count; i++)
        failures[i] = atomic_load(&chain->tier[i].sync_failures);
    if (pxt_words_doubted(&chain->page, members, NULL) & members)
        return pxt_fail(error, PXT_EUNAVAILABLE, 0, "some tiers are in doubt");
    pxt_removals_settled(&chain->page);
    pxt_page_checkpoint(&chain->page, &checkpoint, &dropped);
    if (checkpoint == last && (!drop || dropped == last))
        return PXT_OK;
    pxt_status status = checkpoint == last ? PXT_OK : sync_all(chain, failures, error);
    if (!status && checkpoint != last)
        status = store_everywhere(chain, last, checkpoint, error);
    if (!status && drop)
        status = store_everywhere(chain, last, last, error);
    return status;
}
