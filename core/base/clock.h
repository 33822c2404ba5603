/* SPDX-License-Identifier: MIT
 *
 * clock.h: the clock. It belongs to a cache and is not global.
 */
#ifndef PXT_CLOCK_H
#define PXT_CLOCK_H

#include <proxtier/cache.h>
#include <stdbool.h>

#define PXT_VERSION_SHIFT 11 /* a version is a time in microseconds, shifted by this, and a count */

struct pxt_clock {
    pxt_clock_fn *fn; /* NULL: the system's */
    void *arg;
    pxt_clock_fn *monotonic; /* with `arg`; NULL: the system's */
};
/* Microseconds since the epoch. */
pxt_time pxt_clock_now(const struct pxt_clock *clock);
/* Returns true if `time` is surely in the future. Costs a tenth of pxt_clock_now(), is exact to two seconds, and always
 * returns false with a clock other than the system's. */
bool pxt_clock_surely_before(const struct pxt_clock *clock, pxt_time time);
/* Microseconds of a clock that is never set: for the deadlines of calls. */
int64_t pxt_clock_monotonic(const struct pxt_clock *clock);
/* Milliseconds of the system's: for timeouts and back-offs of the core. */
int64_t pxt_clock_monotonic_ms(void);

#endif
