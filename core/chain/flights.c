/* SPDX-License-Identifier: MIT
 *
 * flights.c: a few lists of the gets that are under way.
 */
#include "chain/flights.h"
#include "base/key.h"

void pxt_flights_init(struct pxt_flights *flights)
{
    atomic_init(&flights->joined, 0);
    for (unsigned i = 0; i < PXT_FLIGHT_BUCKETS; i++) {
        struct pxt_flight_bucket *bucket = &flights->bucket[i];
        pthread_mutex_init(&bucket->lock, NULL);
        pthread_cond_init(&bucket->landed, NULL);
        bucket->first = NULL;
    }
}

void pxt_flights_destroy(struct pxt_flights *flights)
{
    for (unsigned i = 0; i < PXT_FLIGHT_BUCKETS; i++) {
        pthread_cond_destroy(&flights->bucket[i].landed);
        pthread_mutex_destroy(&flights->bucket[i].lock);
    }
}

static struct pxt_flight_bucket *bucket_of(struct pxt_flights *flights, const struct pxt_key *key)
{
    return &flights->bucket[key->hash % PXT_FLIGHT_BUCKETS];
}

static struct pxt_flight *find(const struct pxt_flight_bucket *bucket, const struct pxt_key *key)
{
    struct pxt_flight *flight = bucket->first;
    while (flight && (flight->key->hash != key->hash || flight->key->length != key->length ||
                      !pxt_key_same_bytes(flight->key->text, key->text, key->length)))
        flight = flight->next;
    return flight;
}

/* Begins a flight, with the lock; or returns that of another thread. */
static struct pxt_flight *begin(struct pxt_flight_bucket *bucket, const struct pxt_key *key, struct pxt_flight *flight)
{
    struct pxt_flight *other = find(bucket, key);
    if (!other) {
        *flight = (struct pxt_flight){bucket->first, key, NULL};
        bucket->first = flight;
    }
    return other;
}

/* Waits, with the lock, until a flight has ended. */
static void wait_for(struct pxt_flights *flights, struct pxt_flight_bucket *bucket, struct pxt_flight *flight,
                     unsigned *late)
{
    struct pxt_flight_waiter waiter = {.next = flight->waiter};
    flight->waiter = &waiter;
    while (!waiter.landed)
        pthread_cond_wait(&bucket->landed, &bucket->lock);
    *late |= waiter.late;
    atomic_fetch_add_explicit(&flights->joined, 1, memory_order_relaxed);
}

bool pxt_flight_begin(struct pxt_flights *flights, const struct pxt_key *key, struct pxt_flight *flight, unsigned *late)
{
    struct pxt_flight_bucket *bucket = bucket_of(flights, key);
    pthread_mutex_lock(&bucket->lock);
    struct pxt_flight *other = begin(bucket, key, flight);
    if (other)
        wait_for(flights, bucket, other, late);
    pthread_mutex_unlock(&bucket->lock);
    return !other;
}

bool pxt_flight_try(struct pxt_flights *flights, const struct pxt_key *key, struct pxt_flight *flight)
{
    struct pxt_flight_bucket *bucket = bucket_of(flights, key);
    pthread_mutex_lock(&bucket->lock);
    bool begins = !begin(bucket, key, flight);
    pthread_mutex_unlock(&bucket->lock);
    return begins;
}

void pxt_flight_wait(struct pxt_flights *flights, const struct pxt_key *key, unsigned *late)
{
    struct pxt_flight_bucket *bucket = bucket_of(flights, key);
    pthread_mutex_lock(&bucket->lock);
    struct pxt_flight *other = find(bucket, key);
    if (other)
        wait_for(flights, bucket, other, late);
    pthread_mutex_unlock(&bucket->lock);
}

void pxt_flight_end(struct pxt_flights *flights, struct pxt_flight *flight, unsigned late)
{
    struct pxt_flight_bucket *bucket = bucket_of(flights, flight->key);
    pthread_mutex_lock(&bucket->lock);
    struct pxt_flight **place = &bucket->first;
    while (*place != flight)
        place = &(*place)->next;
    *place = flight->next;
    for (struct pxt_flight_waiter *waiter = flight->waiter; waiter; waiter = waiter->next) {
        waiter->late = late;
        waiter->landed = true;
    }
    if (flight->waiter)
        pthread_cond_broadcast(&bucket->landed);
    pthread_mutex_unlock(&bucket->lock);
}
