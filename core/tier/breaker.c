/* SPDX-License-Identifier: MIT
 *
 * breaker.c: a circuit breaker for one tier. ON until `threshold` failures in a row; then OFF for a back-off; then
 * PROBING while one caller tries; then ON, or OFF for twice as long, up to a limit. Back-offs go by the monotonic
 * clock.
 */
#include "tier/breaker.h"
#include <stdio.h>

void pxt_guard_init(struct pxt_guard *guard, unsigned threshold, int64_t backoff_ms, int64_t backoff_max_ms)
{
    pthread_mutex_init(&guard->lock, NULL);
    atomic_store(&guard->state, PXT_TIER_ON);
    guard->in_a_row = 0;
    guard->threshold = threshold;
    guard->backoff_ms = guard->backoff_first_ms = backoff_ms;
    guard->backoff_max_ms = backoff_max_ms < backoff_ms ? backoff_ms : backoff_max_ms;
    guard->reason[0] = '\0';
}

void pxt_guard_destroy(struct pxt_guard *guard)
{
    pthread_mutex_destroy(&guard->lock);
}

bool pxt_guard_failed(struct pxt_guard *guard, int64_t now_ms, const char *reason)
{
    bool turned_off = false;
    pthread_mutex_lock(&guard->lock);
    __atomic_store_n(&guard->in_a_row, guard->in_a_row + 1, __ATOMIC_RELAXED);
    if (guard->in_a_row >= guard->threshold && pxt_guard_on(guard)) {
        turned_off = true;
        guard->probe_at_ms = now_ms + guard->backoff_ms;
        snprintf(guard->reason, sizeof guard->reason, "%s", reason);
        atomic_store_explicit(&guard->state, PXT_TIER_OFF, memory_order_release);
    }
    pthread_mutex_unlock(&guard->lock);
    return turned_off;
}

void pxt_guard_succeeded(struct pxt_guard *guard)
{
    /* Read without the lock: on the way of every call to a tier that works. */
    if (__atomic_load_n(&guard->in_a_row, __ATOMIC_RELAXED) == 0)
        return;
    pthread_mutex_lock(&guard->lock);
    __atomic_store_n(&guard->in_a_row, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&guard->lock);
}

bool pxt_guard_may_probe(struct pxt_guard *guard, int64_t now_ms)
{
    if (atomic_load_explicit(&guard->state, memory_order_relaxed) != PXT_TIER_OFF)
        return false;
    pthread_mutex_lock(&guard->lock);
    bool may = atomic_load(&guard->state) == PXT_TIER_OFF && now_ms >= guard->probe_at_ms;
    if (may)
        atomic_store_explicit(&guard->state, PXT_TIER_PROBING, memory_order_release);
    pthread_mutex_unlock(&guard->lock);
    return may;
}

void pxt_guard_probed(struct pxt_guard *guard, bool good, int64_t now_ms, const char *reason)
{
    pthread_mutex_lock(&guard->lock);
    if (good) {
        guard->backoff_ms = guard->backoff_first_ms;
        __atomic_store_n(&guard->in_a_row, 0, __ATOMIC_RELAXED);
        guard->reason[0] = '\0';
    } else {
        guard->backoff_ms =
            guard->backoff_ms * 2 > guard->backoff_max_ms ? guard->backoff_max_ms : guard->backoff_ms * 2;
        guard->probe_at_ms = now_ms + guard->backoff_ms;
        snprintf(guard->reason, sizeof guard->reason, "%s", reason);
    }
    atomic_store_explicit(&guard->state, good ? PXT_TIER_ON : PXT_TIER_OFF, memory_order_release);
    pthread_mutex_unlock(&guard->lock);
}

void pxt_guard_reason(struct pxt_guard *guard, char *out, size_t size)
{
    pthread_mutex_lock(&guard->lock);
    snprintf(out, size, "%s", guard->reason);
    pthread_mutex_unlock(&guard->lock);
}
