/* SPDX-License-Identifier: MIT
 *
 * delay.h: a process that makes a server far away.
 */
#ifndef BENCH_DELAY_H
#define BENCH_DELAY_H

#include <sys/types.h>

/* Starts a process that listens on the socket `path` and leads to the socket `to`, with so many milliseconds more for a round
 * trip: half of them in each direction. It ends by a signal, or with this process. */
pid_t bench_delay_start(const char *path, const char *to, double milliseconds);

#endif
