/* SPDX-License-Identifier: MIT
 *
 * remote_calls.c: the operations of tiers that several hosts use, and the records of all tiers.
 */
#include "tier/remote_record.h"
#include "tier/tier_call.h"

pxt_status pxt_tier_put_if(struct pxt_tier *tier, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    struct call call;
    struct pxt_key key;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_entry_key_of(entry, &key);
    pxt_status status = tier->ops->put_if(tier->self, entry, expected, &call.error);
    if (!status)
        status = track_put(tier, &key, entry, &call.error);
    else if (status == PXT_EINVAL) /* it cannot hold this entry: then it must not keep an older one */
        tier->ops->del_if(tier->self, &key, expected, PXT_REMOVE_DELETED, NULL);
    PXT_COUNT(tier, conflicts, status == PXT_ESTALE);
    return leave(tier, status, &call, error);
}

static pxt_status put_in_one_call(struct pxt_tier *tier, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                                  pxt_status *status, struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status all = tier->ops->put_if_many(tier->self, entries, expected, n, status, &call.error);
    for (size_t i = 0; i < n && !all && tier->tracker; i++) {
        struct pxt_key key;
        pxt_entry_key_of(entries[i], &key);
        if (!status[i])
            status[i] = track_put(tier, &key, entries[i], &call.error);
    }
    return leave(tier, all, &call, error);
}

void pxt_tier_put_if_many(struct pxt_tier *tier, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                          pxt_status *status, struct pxt_error *error)
{
    bool together = n > 1 && tier->ops && tier->ops->put_if_many;
    pxt_status all = together ? put_in_one_call(tier, entries, expected, n, status, error) : PXT_OK;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        if (!together) {
            status[i] = pxt_tier_put_if(tier, entries[i], expected[i], error);
            continue;
        }
        status[i] = all ? all : status[i];
        PXT_COUNT(tier, conflicts, status[i] == PXT_ESTALE);
        if (all || !status[i] || status[i] == PXT_ESTALE)
            continue;
        pxt_entry_key_of(entries[i], &key);
        pxt_fail(error, status[i], 0, "tier %s: key %s could not be stored", tier->name, key.text);
        if (status[i] == PXT_EINVAL) /* it cannot hold this entry: then it must not keep an older one */
            pxt_tier_del_if(tier, &key, expected[i], PXT_REMOVE_DELETED, NULL);
    }
}

pxt_status pxt_tier_del_if(struct pxt_tier *tier, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                           struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status status = tier->ops->del_if(tier->self, key, expected, why, &call.error);
    if (tier->tracker && (!status || status == PXT_NOT_FOUND))
        pxt_policy_tracker_remove(tier->tracker, key, why);
    return leave(tier, status, &call, error);
}

static const char *path_of_record(const struct pxt_tier *tier)
{
    return (tier->flags & PXT_TIER_SHARED) && tier->ops->shared_path ? tier->ops->shared_path(tier->self) : NULL;
}

pxt_status pxt_tier_record_get(struct pxt_tier *tier, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct call call;
    pxt_status status = PXT_NOT_FOUND;
    const char *path;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    if (tier->flags & PXT_TIER_REMOTE)
        status = pxt_remote_record_get(tier, text, &call.error);
    else if (tier->ops->record_get)
        status = tier->ops->record_get(tier->self, text, &call.error);
    else if ((path = path_of_record(tier)))
        status = pxt_record_file_get(path, text, &call.error);
    return leave(tier, status, &call, error);
}

pxt_status pxt_tier_record_put(struct pxt_tier *tier, const char *text, struct pxt_error *error)
{
    struct call call;
    pxt_status status = PXT_OK; /* a tier of this process alone is gone through at each start */
    const char *path;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    if (tier->flags & PXT_TIER_REMOTE)
        status = pxt_remote_record_put(tier, text, &call.error);
    else if (tier->ops->record_put)
        status = tier->ops->record_put(tier->self, text, &call.error);
    else if ((path = path_of_record(tier)))
        status = pxt_record_file_put(path, text, &call.error);
    return leave(tier, status, &call, error);
}
