/* SPDX-License-Identifier: MIT
 *
 * judge.h: reads what workers have noted of their leases, and says whether a proxy ever had too many at once. It knows nothing of
 * the library.
 *
 * The log has a line for each event. T is the monotonic clock in microseconds, ID names a lease:
 *   B ID KEY MAX T0 T1   begun: asked for at T0, had at T1; at most MAX workers may have KEY
 *   R ID T               renewed: asked for at T
 *   E ID T               is about to be given back
 * A worker may be killed, so that a lease has no E, or stopped for longer than its lease lasts. So a lease counts from T1 up to E,
 * but never after nine tenths of its time to live from the last T0 or R.
 */
#ifndef LEASE_JUDGE_H
#define LEASE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct verdict {
    size_t leases;  /* begun */
    size_t unended; /* of them, without an E */
    size_t renewals;
    size_t too_many; /* moments at which a proxy had more workers than it may */
    bool readable;
    char first[200]; /* the first of those */
};
void judge(const char *log, int64_t ttl, struct verdict *verdict);

#endif
