/* SPDX-License-Identifier: MIT
 *
 * tier_call.h: the frame around each call of a plugin: it looks after the breaker, the serial lock and the cancellation of
 * threads. For the files *_calls.c alone.
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
};

/* Prepares a call of the plugin, whose error goes to `call->error`. False if the tier is off, or not present. */
static inline bool enter(struct pxt_tier *tier, struct call *call, struct pxt_error *error)
{
    if (!pxt_tier_on(tier)) {
        PXT_COUNT(tier, skipped, 1);
        pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s is off", tier->name);
        return false;
    }
    /* On the way of every call: the text of an error is a kilobyte that need not be zeroed each time. */
    call->error.status = PXT_OK;
    call->error.system_errno = 0;
    call->error.message[0] = '\0';
    /* A thread that is cancelled inside the plugin would keep its locks, and leave half a write. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel_state);
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_lock(&tier->serial);
    return true;
}

/* Ends a call of the plugin: reports its status to the breaker, and returns it with its error. Whether a success
 * `ends_failures` in a row is up to the caller. */
static inline pxt_status leave_as(struct pxt_tier *tier, pxt_status status, bool ends_failures, const struct call *call,
                                  struct pxt_error *error)
{
    pxt_tier_look_for_damage(tier);
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_unlock(&tier->serial);
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
