/* SPDX-License-Identifier: MIT
 *
 * flights.h: threads that miss one key at once send one of them to the slower tiers (single flight); the others wait until
 * the entry is in memory, or is not.
 */
#ifndef PXT_FLIGHTS_H
#define PXT_FLIGHTS_H

#include <proxtier/plugin.h>
#include <pthread.h>
#include <stdatomic.h>

enum { PXT_FLIGHT_BUCKETS = 64 };

/* A thread that waits for a flight; on its stack. */
struct pxt_flight_waiter {
    struct pxt_flight_waiter *next;
    unsigned late;
    bool landed;
};
/* A get that is under way; it lies on the stack of its thread. */
struct pxt_flight {
    struct pxt_flight *next;
    const struct pxt_key *key;
    struct pxt_flight_waiter *waiter;
};
struct pxt_flights {
    struct pxt_flight_bucket {
        _Alignas(64) pthread_mutex_t lock; /* a leaf */
        pthread_cond_t landed;
        struct pxt_flight *first;
    } bucket[PXT_FLIGHT_BUCKETS];
    _Atomic uint64_t joined; /* gets that waited for the end of another thread's flight */
};

void pxt_flights_init(struct pxt_flights *flights);
void pxt_flights_destroy(struct pxt_flights *flights);
/* Begins a flight, which this thread must end; or, if another thread has one for the key, waits for its end, and adds to `*late`
 * what that was told. Returns whether this thread has begun one. */
bool pxt_flight_begin(struct pxt_flights *flights, const struct pxt_key *key, struct pxt_flight *flight,
                      unsigned *late);
/* Begins one for one of many keys, without waiting. This thread may wait for no other flight before it has ended all its own. */
bool pxt_flight_try(struct pxt_flights *flights, const struct pxt_key *key, struct pxt_flight *flight);
/* Waits for the end of another thread's flight for a key, if there is one. */
void pxt_flight_wait(struct pxt_flights *flights, const struct pxt_key *key, unsigned *late);
/* `late`: the tiers that did not answer in time, as bits of PXT_DECIDE_LATE(); those that wait do not ask them again. */
void pxt_flight_end(struct pxt_flights *flights, struct pxt_flight *flight, unsigned late);

#endif
