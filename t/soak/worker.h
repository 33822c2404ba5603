/* SPDX-License-Identifier: MIT
 *
 * worker.h: one process of a host: puts, deletes, reports, gets and leases at random, and notes each answer.
 */
#ifndef SOAK_WORKER_H
#define SOAK_WORKER_H

#include "pool.h"
#include <stdatomic.h>

struct worker {
    struct host host;
    unsigned host_number, process;
    uint64_t seed;
    struct journal *journal;
    atomic_long *done; /* calls of all workers that were answered; refused ones do not count */
    long enough;       /* the worker ends when there are so many */
    int32_t *last;     /* the last number that this worker gave to a put or a lease */
};
/* Works, and returns the exit status of the process. */
int work(const struct worker *worker);

#endif
