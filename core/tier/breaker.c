/* SPDX-License-Identifier: MIT
 *
 * breaker.c: a circuit breaker for one tier. ON until `threshold` failures in a row; then OFF for a back-off; then
 * PROBING while one caller tries; then ON, or OFF for twice as long, up to a limit. Back-offs go by the monotonic
 * clock.
 */
#include "tier/breaker.h"
#include <stdio.h>

void pxt_breaker_init(struct pxt_breaker *breaker, unsigned threshold, int64_t backoff_ms, int64_t backoff_max_ms)
{
    pthread_mutex_init(&breaker->lock, NULL);
    atomic_store(&breaker->state, PXT_TIER_ON);
    breaker->in_a_row = 0;
    breaker->threshold = threshold;
    breaker->backoff_ms = breaker->backoff_first_ms = backoff_ms;
    breaker->backoff_max_ms = backoff_max_ms < backoff_ms ? backoff_ms : backoff_max_ms;
    breaker->reason[0] = '\0';
}

void pxt_breaker_destroy(struct pxt_breaker *breaker)
{
    pthread_mutex_destroy(&breaker->lock);
}

/* The lock is held. */
static void turn_off(struct pxt_breaker *breaker, int64_t now_ms, const char *reason)
{
    breaker->probe_at_ms = now_ms + breaker->backoff_ms;
    snprintf(breaker->reason, sizeof breaker->reason, "%s", reason);
    atomic_store_explicit(&breaker->state, PXT_TIER_OFF, memory_order_release);
}

void pxt_breaker_open(struct pxt_breaker *breaker, int64_t now_ms, const char *reason)
{
    pthread_mutex_lock(&breaker->lock);
    if (pxt_breaker_on(breaker))
        turn_off(breaker, now_ms, reason);
    pthread_mutex_unlock(&breaker->lock);
}

void pxt_breaker_probe_soon(struct pxt_breaker *breaker, int64_t now_ms)
{
    pthread_mutex_lock(&breaker->lock);
    breaker->probe_at_ms = now_ms;
    pthread_mutex_unlock(&breaker->lock);
}

bool pxt_breaker_failed(struct pxt_breaker *breaker, int64_t now_ms, const char *reason)
{
    bool turned_off = false;
    pthread_mutex_lock(&breaker->lock);
    __atomic_store_n(&breaker->in_a_row, breaker->in_a_row + 1, __ATOMIC_RELAXED);
    if (breaker->in_a_row >= breaker->threshold && pxt_breaker_on(breaker)) {
        turned_off = true;
        turn_off(breaker, now_ms, reason);
    }
    pthread_mutex_unlock(&breaker->lock);
    return turned_off;
}

void pxt_breaker_succeeded(struct pxt_breaker *breaker)
{
    /* Read without the lock: on the way of every call to a tier that works. */
    if (__atomic_load_n(&breaker->in_a_row, __ATOMIC_RELAXED) == 0)
        return;
    pthread_mutex_lock(&breaker->lock);
    __atomic_store_n(&breaker->in_a_row, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&breaker->lock);
}

static bool is_to_try(const struct pxt_breaker *breaker)
{
    int state = atomic_load_explicit(&breaker->state, memory_order_relaxed);
    return state == PXT_TIER_OFF || state == PXT_TIER_ABSENT;
}

bool pxt_breaker_probe_due(struct pxt_breaker *breaker, int64_t now_ms)
{
    if (!is_to_try(breaker))
        return false;
    pthread_mutex_lock(&breaker->lock);
    bool due = is_to_try(breaker) && now_ms >= breaker->probe_at_ms;
    pthread_mutex_unlock(&breaker->lock);
    return due;
}

bool pxt_breaker_may_probe(struct pxt_breaker *breaker, int64_t now_ms)
{
    if (atomic_load_explicit(&breaker->state, memory_order_relaxed) != PXT_TIER_OFF)
        return false;
    pthread_mutex_lock(&breaker->lock);
    bool may = atomic_load(&breaker->state) == PXT_TIER_OFF && now_ms >= breaker->probe_at_ms;
    if (may)
        atomic_store_explicit(&breaker->state, PXT_TIER_PROBING, memory_order_release);
    pthread_mutex_unlock(&breaker->lock);
    return may;
}

void pxt_breaker_absent(struct pxt_breaker *breaker, int64_t now_ms, const char *reason)
{
    pthread_mutex_lock(&breaker->lock);
    turn_off(breaker, now_ms, reason);
    atomic_store_explicit(&breaker->state, PXT_TIER_ABSENT, memory_order_release);
    pthread_mutex_unlock(&breaker->lock);
}

bool pxt_breaker_may_reopen(struct pxt_breaker *breaker, int64_t now_ms)
{
    pthread_mutex_lock(&breaker->lock);
    bool may = atomic_load(&breaker->state) == PXT_TIER_ABSENT && now_ms >= breaker->probe_at_ms;
    if (may)
        breaker->probe_at_ms = INT64_MAX; /* until the caller is done */
    pthread_mutex_unlock(&breaker->lock);
    return may;
}

/* After a trial. The lock is held. */
static void set_tried(struct pxt_breaker *breaker, bool good, int64_t now_ms, const char *reason)
{
    if (good) {
        breaker->backoff_ms = breaker->backoff_first_ms;
        __atomic_store_n(&breaker->in_a_row, 0, __ATOMIC_RELAXED);
        breaker->reason[0] = '\0';
    } else {
        breaker->backoff_ms =
            breaker->backoff_ms * 2 > breaker->backoff_max_ms ? breaker->backoff_max_ms : breaker->backoff_ms * 2;
        breaker->probe_at_ms = now_ms + breaker->backoff_ms;
        snprintf(breaker->reason, sizeof breaker->reason, "%s", reason);
    }
}

void pxt_breaker_reopened(struct pxt_breaker *breaker, bool good, int64_t now_ms, const char *reason)
{
    pthread_mutex_lock(&breaker->lock);
    set_tried(breaker, good, now_ms, reason);
    if (good)
        atomic_store_explicit(&breaker->state, PXT_TIER_ON, memory_order_release);
    pthread_mutex_unlock(&breaker->lock);
}

void pxt_breaker_probed(struct pxt_breaker *breaker, bool good, int64_t now_ms, const char *reason)
{
    pthread_mutex_lock(&breaker->lock);
    set_tried(breaker, good, now_ms, reason);
    atomic_store_explicit(&breaker->state, good ? PXT_TIER_ON : PXT_TIER_OFF, memory_order_release);
    pthread_mutex_unlock(&breaker->lock);
}

void pxt_breaker_reason(struct pxt_breaker *breaker, char *out, size_t size)
{
    pthread_mutex_lock(&breaker->lock);
    snprintf(out, size, "%s", breaker->reason);
    pthread_mutex_unlock(&breaker->lock);
}
