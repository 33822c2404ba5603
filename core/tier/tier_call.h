/* SPDX-License-Identifier: MIT
 *
 * tier_call.h: the frame around each call of a plugin: it looks after the breaker, the serial lock and the cancellation of
 * threads, and gives the call its deadline. For the files *_calls.c alone.
 */
#ifndef PXT_TIER_CALL_H
#define PXT_TIER_CALL_H

#include "base/fail.h"
#include "entry/entry.h"
#include "tier/tier.h"

/* One call of a plugin. */
struct call {
    struct pxt_error error;
    int cancel_state;
    bool timed, counted;
    struct pxt_call_frame frame; /* if `timed` */
};

/* Counts a call that may be one too many. It is refused as by a tier that is off: nothing was tried, and nothing has failed. */
static inline bool come_in(struct pxt_tier *tier, struct pxt_error *error)
{
    if (atomic_fetch_add_explicit(&tier->inside, 1, memory_order_relaxed) < tier->max_waiting)
        return true;
    atomic_fetch_sub_explicit(&tier->inside, 1, memory_order_relaxed);
    PXT_COUNT(tier, turned_away, 1);
    pxt_fail(error, PXT_EUNAVAILABLE, 0, "%u calls wait for tier %s already: see max_waiting", tier->max_waiting,
             tier->name);
    return false;
}

/* Prepares a call of the plugin, whose error goes to `call->error`. False if the tier is off, or not present. A call that
 * goes through the whole store is not `timed`: how long it takes depends on the size of the store. */
static inline bool enter_as(struct pxt_tier *tier, bool timed, struct call *call, struct pxt_error *error)
{
    if (!pxt_tier_on(tier)) {
        PXT_COUNT(tier, skipped, 1);
        pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s is off", tier->name);
        return false;
    }
    call->counted = timed && tier->max_waiting;
    if (call->counted && !come_in(tier, error))
        return false;
    /* On the way of every call: the text of an error is a kilobyte that need not be zeroed each time. */
    call->error.status = PXT_OK;
    call->error.system_errno = 0;
    call->error.message[0] = '\0';
    /* A thread that is cancelled inside the plugin would keep its locks, and leave half a write. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel_state);
    call->timed = timed;
    if (timed) /* the wait for the lock is part of what the caller waits */
        pxt_tier_begin_call(tier, &call->frame);
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_lock(&tier->serial);
    return true;
}

static inline bool enter(struct pxt_tier *tier, struct call *call, struct pxt_error *error)
{
    return enter_as(tier, true, call, error);
}

static inline bool enter_for_all(struct pxt_tier *tier, struct call *call, struct pxt_error *error)
{
    return enter_as(tier, false, call, error);
}

/* Ends a call of the plugin: reports its status to the breaker, and returns it with its error. Whether a success
 * `ends_failures` in a row is up to the caller. */
static inline pxt_status leave_as(struct pxt_tier *tier, pxt_status status, bool ends_failures, const struct call *call,
                                  struct pxt_error *error)
{
    pxt_tier_look_for_damage(tier);
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_unlock(&tier->serial);
    if (call->timed)
        pxt_tier_end_call(tier, &call->frame);
    if (call->counted)
        atomic_fetch_sub_explicit(&tier->inside, 1, memory_order_relaxed);
    pthread_setcancelstate(call->cancel_state, NULL);
    if (status == PXT_OK || status == PXT_NOT_FOUND) {
        if (ends_failures)
            pxt_breaker_succeeded(&tier->breaker);
        return status;
    }
    /* The others are the caller's fault, or the machine's: no reason to turn the tier off. */
    if (status != PXT_EINVAL && status != PXT_ENOTSUP && status != PXT_ENOMEM && status != PXT_ESTALE)
        pxt_tier_failed(tier, &call->error);
    if (error)
        *error = call->error;
    return status;
}

static inline pxt_status leave(struct pxt_tier *tier, pxt_status status, const struct call *call,
                               struct pxt_error *error)
{
    return leave_as(tier, status, true, call, error);
}

/* The policy's state of an entry that was put. A tombstone has none. */
static inline pxt_status track_put(struct pxt_tier *tier, const struct pxt_key *key, const pxt_entry *entry,
                                   struct pxt_error *error)
{
    if (!tier->tracker)
        return PXT_OK;
    if (!pxt_entry_is_tombstone(entry))
        return pxt_policy_tracker_put(tier->tracker, key, error);
    pxt_policy_tracker_remove(tier->tracker, key, PXT_REMOVE_DELETED);
    return PXT_OK;
}

#endif
