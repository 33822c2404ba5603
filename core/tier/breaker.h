/* SPDX-License-Identifier: MIT
 *
 * breaker.h: the circuit breaker of one tier: turns the tier off after failures in a row, and on again after a probe.
 */
#ifndef PXT_BREAKER_H
#define PXT_BREAKER_H

#include <proxtier/stats.h>
#include <pthread.h>
#include <stdatomic.h>

struct pxt_breaker {
    _Atomic int state; /* enum pxt_tier_state */
    /* Under `lock`, a leaf. */
    pthread_mutex_t lock;
    unsigned in_a_row, threshold;
    int64_t backoff_ms, backoff_first_ms, backoff_max_ms;
    int64_t probe_at_ms; /* by the monotonic clock */
    char reason[256];
};
void pxt_breaker_init(struct pxt_breaker *breaker, unsigned threshold, int64_t backoff_ms, int64_t backoff_max_ms);
void pxt_breaker_destroy(struct pxt_breaker *breaker);
static inline bool pxt_breaker_on(const struct pxt_breaker *breaker)
{
    return atomic_load_explicit(&breaker->state, memory_order_acquire) == PXT_TIER_ON;
}
/* Counts a failure; true if that turned the tier off. */
bool pxt_breaker_failed(struct pxt_breaker *breaker, int64_t now_ms, const char *reason);
/* Turns the tier off at once; it is probed after the back-off. */
void pxt_breaker_open(struct pxt_breaker *breaker, int64_t now_ms, const char *reason);
/* Has a tier that is off probed with the next call. */
void pxt_breaker_probe_soon(struct pxt_breaker *breaker, int64_t now_ms);
void pxt_breaker_succeeded(struct pxt_breaker *breaker);
/* Whether a probe is due, or an absent tier may be opened. */
bool pxt_breaker_probe_due(struct pxt_breaker *breaker, int64_t now_ms);
/* Returns true to the one caller that may probe now, which must call pxt_breaker_probed() afterwards. */
bool pxt_breaker_may_probe(struct pxt_breaker *breaker, int64_t now_ms);
void pxt_breaker_probed(struct pxt_breaker *breaker, bool good, int64_t now_ms, const char *reason);
/* Leaves the tier absent, for a reason; pxt_breaker_may_reopen() is true after the back-off. */
void pxt_breaker_absent(struct pxt_breaker *breaker, int64_t now_ms, const char *reason);
/* Returns true to the one caller that may open an absent tier now, which must call pxt_breaker_reopened() afterwards. */
bool pxt_breaker_may_reopen(struct pxt_breaker *breaker, int64_t now_ms);
void pxt_breaker_reopened(struct pxt_breaker *breaker, bool good, int64_t now_ms, const char *reason);
void pxt_breaker_reason(struct pxt_breaker *breaker, char *out, size_t size);

#endif
