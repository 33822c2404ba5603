/* SPDX-License-Identifier: MIT
 *
 * breaker.h: turns a tier off after failures in a row, and lets it back in after a back-off that doubles.
 */
#ifndef PXT_GUARD_H
#define PXT_GUARD_H

#include <proxtier/stats.h>
#include <pthread.h>
#include <stdatomic.h>

struct pxt_guard {
    _Atomic int state; /* enum pxt_tier_state */
    /* Under `lock`, a leaf. */
    pthread_mutex_t lock;
    unsigned in_a_row, threshold;
    int64_t backoff_ms, backoff_first_ms, backoff_max_ms;
    int64_t probe_at_ms; /* by the monotonic clock */
    char reason[256];
};
void pxt_guard_init(struct pxt_guard *guard, unsigned threshold, int64_t backoff_ms, int64_t backoff_max_ms);
void pxt_guard_destroy(struct pxt_guard *guard);
static inline bool pxt_guard_on(const struct pxt_guard *guard)
{
    return atomic_load_explicit(&guard->state, memory_order_acquire) == PXT_TIER_ON;
}
/* Counts a failure; true where it turned the tier off. */
bool pxt_guard_failed(struct pxt_guard *guard, int64_t now_ms, const char *reason);
void pxt_guard_succeeded(struct pxt_guard *guard);
/* True for the one caller that may probe now. It must end with pxt_guard_probed(). */
bool pxt_guard_may_probe(struct pxt_guard *guard, int64_t now_ms);
void pxt_guard_probed(struct pxt_guard *guard, bool good, int64_t now_ms, const char *reason);
void pxt_guard_reason(struct pxt_guard *guard, char *out, size_t size);

#endif
