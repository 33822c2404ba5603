/* SPDX-License-Identifier: MIT
 *
 * delay.h: a server on a Unix socket as it is seen from afar: a relay that holds back what goes each way, for half of the latency.
 * What was sent after it is held back beside it, not behind it: so pipelining is worth what it is worth on a network.
 */
#ifndef BENCH_DELAY_H
#define BENCH_DELAY_H

#include <stdint.h>

struct bench_delay;

/* Listens on the socket `path`, and relays each connection to the socket `server`, in a thread of its own. A question and
 * its answer take `latency_us` longer. Ends the program where that cannot be set up. */
struct bench_delay *bench_delay_start(const char *path, const char *server, int64_t latency_us);
/* Sets another latency, of what arrives from now on. */
void bench_delay_set(struct bench_delay *delay, int64_t latency_us);
/* Cuts all connections, and removes the socket. */
void bench_delay_stop(struct bench_delay *delay);

#endif
