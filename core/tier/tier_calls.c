/* SPDX-License-Identifier: MIT
 *
 * tier_calls.c: the operations of a tier, with the defaults for those that its plugin does not offer. Each call of the
 * plugin stands between enter() and leave().
 */
#include "base/fail.h"
#include "base/key.h"
#include "entry/entry.h"
#include "tier/tier_call.h"
#include <string.h>

/* A tier that has found damage has lost entries: before the result of the call counts, all keys are in doubt there. */
void pxt_tier_look_for_damage(struct pxt_tier *tier)
{
    uint64_t found = tier->ops->corruptions ? tier->ops->corruptions(tier->self) : 0;
    if (atomic_load_explicit(&tier->corruptions_seen, memory_order_relaxed) != found &&
        atomic_exchange(&tier->corruptions_seen, found) != found && tier->damaged)
        tier->damaged(tier);
}

pxt_status pxt_tier_get(struct pxt_tier *tier, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                        struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status status = tier->ops->get(tier->self, key, flags & PXT_GET_PEEK, out, &call.error);
    status = leave_as(tier, status, !(flags & PXT_TIER_GET_FOR_WRITE), &call, error);
    if (!status && tier->tracker && !(flags & PXT_GET_PEEK))
        pxt_policy_tracker_hit(tier->tracker, key);
    if (status == PXT_NOT_FOUND && tier->tracker && !(flags & PXT_GET_PEEK))
        pxt_policy_tracker_missed(tier->tracker, key->hash);
    return status;
}

static pxt_status get_in_one_call(struct pxt_tier *tier, const struct pxt_key *const *keys, size_t n, unsigned flags,
                                  pxt_entry **out, struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status status = tier->ops->get_many(tier->self, keys, n, flags & PXT_GET_PEEK, out, &call.error);
    status = leave_as(tier, status, !(flags & PXT_TIER_GET_FOR_WRITE), &call, error);
    for (size_t i = 0; i < n && !status && !(flags & PXT_GET_PEEK); i++)
        if (tier->tracker && out[i])
            pxt_policy_tracker_hit(tier->tracker, keys[i]);
    return status;
}

void pxt_tier_get_many(struct pxt_tier *tier, const struct pxt_key *const *keys, size_t n, unsigned flags,
                       pxt_entry **out, pxt_status *status, struct pxt_error *error)
{
    memset(out, 0, n * sizeof *out);
    bool together = n > 1 && pxt_tier_gets_many(tier);
    pxt_status all = together ? get_in_one_call(tier, keys, n, flags, out, error) : PXT_EINVAL;
    for (size_t i = 0; i < n; i++)
        if (all == PXT_EINVAL) /* one of the keys cannot be held: the others can */
            status[i] = pxt_tier_get(tier, keys[i], flags, &out[i], error);
        else
            status[i] = all || out[i] ? all : PXT_NOT_FOUND;
}

pxt_status pxt_tier_put(struct pxt_tier *tier, pxt_entry *entry, struct pxt_error *error)
{
    struct call call;
    struct pxt_key key;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_entry_key_of(entry, &key);
    pxt_status status = tier->grouped ? pxt_group_commit_put(&tier->group, tier->ops, tier->self, entry, &call.error)
                                      : tier->ops->put(tier->self, entry, &call.error);
    if (status == PXT_EINVAL) { /* it cannot hold this entry: then it must not keep an older one */
        leave(tier, status, &call, error);
        pxt_tier_del(tier, &key, PXT_REMOVE_DELETED, NULL);
        return status;
    }
    if (!status)
        status = track_put(tier, &key, entry, &call.error);
    return leave(tier, status, &call, error);
}

static pxt_status put_singly(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (size_t i = 0; i < n; i++) {
        pxt_status status = pxt_tier_put(tier, entries[i], first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

pxt_status pxt_tier_put_many(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    if (!pxt_tier_puts_many(tier))
        return put_singly(tier, entries, n, error);
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status status = leave(tier, tier->ops->put_many(tier->self, entries, n, &call.error), &call, error);
    if (status == PXT_EINVAL) /* one of them cannot be held: the others can */
        return put_singly(tier, entries, n, error);
    return status;
}

pxt_status pxt_tier_del(struct pxt_tier *tier, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct call call;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status status = tier->ops->del(tier->self, key, why, &call.error);
    if (tier->tracker && (!status || status == PXT_NOT_FOUND))
        pxt_policy_tracker_remove(tier->tracker, key, why);
    return leave(tier, status, &call, error);
}

pxt_status pxt_tier_contains(struct pxt_tier *tier, const struct pxt_key *key, struct pxt_error *error)
{
    struct call call;
    if (tier->ops && tier->ops->contains) {
        if (!enter(tier, &call, error))
            return PXT_EUNAVAILABLE;
        return leave(tier, tier->ops->contains(tier->self, key, &call.error), &call, error);
    }
    pxt_entry *entry = NULL;
    pxt_status status = pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, error);
    if (!status && pxt_entry_is_tombstone(entry))
        status = PXT_NOT_FOUND;
    pxt_entry_release(entry);
    return status;
}

pxt_status pxt_tier_count(struct pxt_tier *tier, uint64_t *out, struct pxt_error *error)
{
    struct call call;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->count(tier->self, out, &call.error), &call, error);
}

pxt_status pxt_tier_tombstones(struct pxt_tier *tier, uint64_t *out, struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->tombstones)
        return PXT_ENOTSUP;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->tombstones(tier->self, out, &call.error), &call, error);
}

pxt_status pxt_tier_known_dead(struct pxt_tier *tier, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->known_dead)
        return PXT_ENOTSUP;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->known_dead(tier->self, now, out, &call.error), &call, error);
}

struct held {
    pxt_entry **entry;
    size_t count, capacity;
    bool no_memory;
};

static bool hold(void *arg, pxt_entry *entry)
{
    struct held *held = arg;
    if (held->count == held->capacity) {
        size_t capacity = held->capacity ? held->capacity * 2 : 64;
        pxt_entry **larger = pxt_realloc(held->entry, capacity * sizeof(pxt_entry *));
        held->no_memory = !larger;
        if (!larger)
            return false;
        held->entry = larger;
        held->capacity = capacity;
    }
    held->entry[held->count++] = pxt_entry_hold(entry);
    return true;
}

/* Calls `fn` inside the tier. */
static pxt_status each_inside(struct pxt_tier *tier, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct call call;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->each(tier->self, fn, arg, &call.error), &call, error);
}

/* Holds all entries, leaves the tier, and then calls `fn`, which may call a serialised tier again. */
static pxt_status each_outside(struct pxt_tier *tier, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct held held = {0};
    pxt_status status = each_inside(tier, hold, &held, error);
    if (!status && held.no_memory)
        status = pxt_fail_memory(error, "a list of entries");
    bool go_on = !status;
    for (size_t i = 0; i < held.count; i++) {
        go_on = go_on && fn(arg, held.entry[i]);
        pxt_entry_release(held.entry[i]);
    }
    pxt_free(held.entry);
    return status;
}

pxt_status pxt_tier_each(struct pxt_tier *tier, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        return each_outside(tier, fn, arg, error);
    return each_inside(tier, fn, arg, error);
}

/* ---- defaults that go over all entries: gather keys first, since `each` may not call the tier -------------------- */

struct gathering {
    struct pxt_keymap keys;
    pxt_time expired_by; /* INT64_MAX: all */
    uint64_t up_to;      /* version */
    size_t limit;
    bool failed;
};

static bool gather(void *arg, pxt_entry *entry)
{
    struct gathering *gathering = arg;
    struct pxt_key key;
    if (!pxt_entry_may_drop(entry, gathering->expired_by) || pxt_entry_version(entry) > gathering->up_to)
        return true;
    pxt_entry_key_of(entry, &key);
    gathering->failed = !pxt_keymap_add(&gathering->keys, &key);
    return !gathering->failed && gathering->keys.count < gathering->limit;
}

/* Deletes all entries one by one. All stripes are locked. */
static pxt_status clear_singly(struct pxt_tier *tier, uint64_t *removed, struct pxt_error *error)
{
    struct gathering all = {.expired_by = INT64_MAX, .up_to = UINT64_MAX, .limit = SIZE_MAX};
    pxt_status status = pxt_tier_each(tier, gather, &all, error);
    if (!status && all.failed)
        status = pxt_fail_memory(error, "a list of keys");
    for (struct pxt_keymap_item *item; !status && (item = pxt_keymap_any(&all.keys));) {
        struct pxt_key key = item->key;
        status = pxt_tier_del(tier, &key, PXT_REMOVE_DELETED, error);
        *removed += status == PXT_OK;
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
        pxt_keymap_remove(&all.keys, &key);
    }
    pxt_keymap_free(&all.keys);
    return status;
}

pxt_status pxt_tier_clear(struct pxt_tier *tier, uint64_t *removed, struct pxt_error *error)
{
    struct call call;
    *removed = 0;
    if (tier->tracker || !tier->ops || !tier->ops->clear)
        return clear_singly(tier, removed, error);
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->clear(tier->self, removed, &call.error), &call, error);
}

bool pxt_tier_expires(const struct pxt_tier *tier)
{
    return !tier->tracker && tier->ops && tier->ops->expire;
}

pxt_status pxt_tier_expire(struct pxt_tier *tier, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                           uint64_t *removed, struct pxt_error *error)
{
    struct call call;
    *removed = 0;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->expire(tier->self, now, up_to, limit, fn, arg, removed, &call.error), &call, error);
}

pxt_status pxt_tier_gather_expired(struct pxt_tier *tier, pxt_time now, uint64_t up_to, size_t limit,
                                   struct pxt_keymap *out, struct pxt_error *error)
{
    struct gathering expired = {.expired_by = now, .up_to = up_to, .limit = limit};
    pxt_status status = pxt_tier_each(tier, gather, &expired, error);
    if (!status && expired.failed)
        status = pxt_fail_memory(error, "a list of keys");
    *out = expired.keys;
    return status;
}

pxt_status pxt_tier_touch(struct pxt_tier *tier, const struct pxt_touch *const *touches, size_t n,
                          struct pxt_error *error)
{
    struct call call;
    if (tier->ops && tier->ops->touch) {
        if (!enter(tier, &call, error))
            return PXT_EUNAVAILABLE;
        return leave(tier, tier->ops->touch(tier->self, touches, n, &call.error), &call, error);
    }
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < n && !status; i++)
        status = pxt_tier_touch_one(tier, touches[i], error);
    return status;
}

pxt_status pxt_tier_settle(struct pxt_tier *tier, struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->settle)
        return PXT_OK;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->settle(tier->self, &call.error), &call, error);
}

pxt_status pxt_tier_victim(struct pxt_tier *tier, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    struct call call;
    if (!tier->tracker) {
        if (!enter(tier, &call, error))
            return PXT_EUNAVAILABLE;
        return leave(tier, tier->ops->victim(tier->self, incoming, out, &call.error), &call, error);
    }
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    while (pxt_policy_tracker_victim(tier->tracker, incoming, text, &key)) {
        *out = NULL;
        if (!text[0])
            return PXT_OK;
        pxt_status status = pxt_tier_get(tier, &key, PXT_GET_PEEK, out, error);
        bool buried = status == PXT_OK && pxt_entry_is_tombstone(*out);
        if (status != PXT_NOT_FOUND && !buried)
            return status;
        if (buried)
            pxt_entry_release(*out);
        *out = NULL;
        pxt_policy_tracker_remove(tier->tracker, &key, PXT_REMOVE_DELETED); /* another process removed it */
    }
    return PXT_NOT_FOUND;
}

pxt_status pxt_tier_check_add(struct pxt_tier *tier, const struct pxt_check *check, uint64_t keep,
                              struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->check_add)
        return PXT_OK;
    if (!enter(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->check_add(tier->self, check, keep, &call.error), &call, error);
}

pxt_status pxt_tier_check_each(struct pxt_tier *tier, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                               struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->check_each)
        return PXT_ENOTSUP;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->check_each(tier->self, key, fn, arg, &call.error), &call, error);
}

pxt_status pxt_tier_maintain(struct pxt_tier *tier, struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->maintain)
        return PXT_OK;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->maintain(tier->self, &call.error), &call, error);
}

/* Linux tells an error once, and drops what could not be written: the next sync says OK. */
static void note_lost_sync(struct pxt_tier *tier, pxt_status status)
{
    if (status == PXT_OK || status == PXT_EBUSY || status == PXT_ENOMEM)
        return;
    atomic_fetch_add(&tier->sync_failures, 1);
    if (tier->unsynced)
        tier->unsynced(tier);
}

pxt_status pxt_tier_sync(struct pxt_tier *tier, struct pxt_error *error)
{
    struct call call;
    if (!tier->ops || !tier->ops->sync)
        return PXT_OK;
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    pxt_status status = leave(tier, tier->ops->sync(tier->self, &call.error), &call, error);
    note_lost_sync(tier, status);
    return status;
}

/* ---- versions --------------------------------------------------------------------------------------- */

struct listing {
    uint64_t above;
    pxt_version_fn *fn;
    void *arg;
};

static bool list_version(void *arg, pxt_entry *entry)
{
    const struct listing *listing = arg;
    struct pxt_key key;
    uint64_t version = pxt_entry_version(entry);
    if (version && version <= listing->above)
        return true;
    pxt_entry_key_of(entry, &key);
    return listing->fn(listing->arg, &key, version);
}

pxt_status pxt_tier_versions(struct pxt_tier *tier, uint64_t above, pxt_version_fn *fn, void *arg,
                             struct pxt_error *error)
{
    struct call call;
    struct listing listing = {above, fn, arg};
    if (!tier->ops || !tier->ops->versions)
        return pxt_tier_each(tier, list_version, &listing, error);
    if (!enter_for_all(tier, &call, error))
        return PXT_EUNAVAILABLE;
    return leave(tier, tier->ops->versions(tier->self, above, fn, arg, &call.error), &call, error);
}
