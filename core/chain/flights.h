/* SPDX-License-Identifier: MIT
 *
 * flights.h: threads that miss one key at once send one of them to the slower tiers (single flight); the others wait until
 * the entry is in memory, or is not.
 */
#ifndef PXT_FLIGHTS_H
#define PXT_FLIGHTS_H

#include <proxtier/plugin.h>
#include <pthread.h>

enum { PXT_FLIGHT_BUCKETS = 64 };

/* A get that is under way; it lies on the stack of its thread. */
struct pxt_flight {
    struct pxt_flight *next;
    const struct pxt_key *key;
    uint64_t number; /* the next one may lie at the same place */
};
struct pxt_flights {
    struct pxt_flight_bucket {
        _Alignas(64) pthread_mutex_t lock; /* a leaf */
        pthread_cond_t landed;
        struct pxt_flight *first;
        uint64_t begun;
        unsigned waiting;
    } bucket[PXT_FLIGHT_BUCKETS];
};

void pxt_flights_init(struct pxt_flights *flights);
void pxt_flights_destroy(struct pxt_flights *flights);
/* Begins a flight, which this thread must end; or, if another thread has one for the key, waits for its end. Returns
 * whether this thread has begun one. */
bool pxt_flight_begin(struct pxt_flights *flights, const struct pxt_key *key, struct pxt_flight *flight);
void pxt_flight_end(struct pxt_flights *flights, struct pxt_flight *flight);

#endif
