/* SPDX-License-Identifier: MIT
 *
 * forget.c: members of the pool that this chain does not have, and the end of their membership.
 */
#include "base/fail.h"
#include "chain/change.h"
#include "chain/members.h"
#include "chain/stripes.h"
#include <string.h>

/* Whether a tier of this chain is the member of a slot. Of one that is absent only the name is known. */
static bool has_member(const struct pxt_chain *chain, unsigned slot, const char *name)
{
    for (unsigned i = 0; i < chain->count; i++) {
        const struct pxt_tier *tier = &chain->tier[i];
        if (tier->slot == (int)slot || (!pxt_tier_present(tier) && !strcmp(tier->name, name)))
            return true;
    }
    return false;
}

int pxt_members_missing(const struct pxt_chain *chain, int after, char name[64])
{
    char id[PXT_MEMBER_ID + 1];
    if (!pxt_chain_members(chain))
        return -1;
    for (int slot = after + 1; slot < PXT_CHAIN_MAX; slot++)
        if (pxt_page_member(&chain->page, (unsigned)slot, id, name) && !has_member(chain, (unsigned)slot, name))
            return slot;
    return -1;
}

/* Ends the membership of a slot. If one member is left, it makes no tombstones any more: then all dead versions so far and
 * later may be dropped, and a store that comes back is older than that, and emptied. All keys are locked. */
static pxt_status leave(struct pxt_chain *chain, int slot, struct pxt_error *error)
{
    pxt_doubts left = pxt_page_members(&chain->page) & (pxt_doubts) ~(1u << slot);
    uint64_t now = left & (left - 1) ? 0 : pxt_version_next(&chain->page, 0);
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < chain->count && now && !status; i++)
        if (chain->tier[i].slot >= 0)
            status = pxt_member_store_checkpoint(&chain->tier[i], now, now, error);
    if (!status && now)
        pxt_page_set_checkpoint(&chain->page, now, now);
    if (!status)
        pxt_page_leave(&chain->page, (unsigned)slot);
    return status;
}

/* All keys are locked. A tier of this chain may have the same name, for names are given by place. */
static pxt_status forget_locked(struct pxt_chain *chain, const char *name, struct pxt_error *error)
{
    char called[64];
    int slot = -1;
    while ((slot = pxt_members_missing(chain, slot, called)) >= 0)
        if (!strcmp(called, name))
            return leave(chain, slot, error);
    for (unsigned i = 0; i < chain->count; i++)
        if (!strcmp(chain->tier[i].name, name))
            return pxt_fail(error, PXT_EINVAL, 0, "tier %s is in this chain: take it out of the configuration first",
                            name);
    return pxt_fail(error, PXT_NOT_FOUND, 0, "the pool has no member \"%s\"", name);
}

pxt_status pxt_members_forget(struct pxt_chain *chain, const char *name, struct pxt_error *error)
{
    pxt_status status = pxt_chain_lock_all(chain, error);
    if (status)
        return status;
    status = forget_locked(chain, name, error);
    pxt_chain_unlock_all(chain);
    return status ? status : pxt_members_check(chain, error);
}
