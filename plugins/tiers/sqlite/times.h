/* SPDX-License-Identifier: MIT
 *
 * times.h: times are REAL seconds in all tables, as ProxyWhirl has them: a double carries microseconds exactly until the year
 * 2242 if both directions round; truncation would lose one in two.
 */
#ifndef SQLITE_TIMES_H
#define SQLITE_TIMES_H

#include <math.h>
#include <proxtier/entry.h>

static inline double sqlite_seconds_of(pxt_time time)
{
    return (double)time / (double)PXT_SECOND;
}

/* Returns PXT_TIME_NONE if `seconds` is out of all bounds, or not a number. */
static inline pxt_time sqlite_time_of(double seconds)
{
    if (!(seconds > -sqlite_seconds_of(PXT_TIME_MAX) && seconds < 2 * sqlite_seconds_of(PXT_TIME_MAX)))
        return PXT_TIME_NONE;
    double whole = floor(seconds);
    return (pxt_time)whole * PXT_SECOND + llround((seconds - whole) * (double)PXT_SECOND);
}

#endif
