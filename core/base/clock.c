/* SPDX-License-Identifier: MIT
 *
 * clock.c: the one place where the library asks for the time.
 */
#include "base/clock.h"
#include <time.h>

pxt_time pxt_clock_now(const struct pxt_clock *clock)
{
    if (clock && clock->fn)
        return clock->fn(clock->arg);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (pxt_time)now.tv_sec * PXT_SECOND + now.tv_nsec / 1000;
}

bool pxt_clock_surely_before(const struct pxt_clock *clock, pxt_time point)
{
    /* time() is behind clock_gettime() by up to a tick: two whole seconds are far enough. */
    return !clock->fn && ((pxt_time)time(NULL) + 2) * PXT_SECOND <= point;
}

static int64_t system_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * PXT_SECOND + now.tv_nsec / 1000;
}

int64_t pxt_clock_monotonic(const struct pxt_clock *clock)
{
    return clock && clock->monotonic ? clock->monotonic(clock->arg) : system_monotonic();
}

int64_t pxt_clock_monotonic_ms(void)
{
    return system_monotonic() / 1000;
}
