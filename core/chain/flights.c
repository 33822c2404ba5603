/* SPDX-License-Identifier: MIT
 *
 * flights.c: a few lists of the gets that are under way.
 */
#include "chain/flights.h"
#include "base/key.h"

void pxt_flights_init(struct pxt_flights *flights)
{
    for (unsigned i = 0; i < PXT_FLIGHT_BUCKETS; i++) {
        struct pxt_flight_bucket *bucket = &flights->bucket[i];
        pthread_mutex_init(&bucket->lock, NULL);
        pthread_cond_init(&bucket->landed, NULL);
        bucket->first = NULL;
        bucket->begun = 0;
        bucket->waiting = 0;
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

bool pxt_flight_begin(struct pxt_flights *flights, const struct pxt_key *key, struct pxt_flight *flight)
{
    struct pxt_flight_bucket *bucket = bucket_of(flights, key);
    pthread_mutex_lock(&bucket->lock);
    const struct pxt_flight *other = find(bucket, key);
    bool begins = !other;
    if (begins) {
        *flight = (struct pxt_flight){bucket->first, key, ++bucket->begun};
        bucket->first = flight;
    }
    for (uint64_t number = other ? other->number : 0; other && other->number == number; other = find(bucket, key)) {
        bucket->waiting++;
        pthread_cond_wait(&bucket->landed, &bucket->lock);
        bucket->waiting--;
    }
    pthread_mutex_unlock(&bucket->lock);
    return begins;
}

void pxt_flight_end(struct pxt_flights *flights, struct pxt_flight *flight)
{
    struct pxt_flight_bucket *bucket = bucket_of(flights, flight->key);
    pthread_mutex_lock(&bucket->lock);
    struct pxt_flight **place = &bucket->first;
    while (*place != flight)
        place = &(*place)->next;
    *place = flight->next;
    if (bucket->waiting)
        pthread_cond_broadcast(&bucket->landed);
    pthread_mutex_unlock(&bucket->lock);
}
