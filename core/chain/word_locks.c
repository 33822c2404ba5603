/* SPDX-License-Identifier: MIT
 *
 * word_locks.c: a bit for each word that is held, and a mutex for each stripe that protects its bits. A mutex for each word
 * would need a megabyte, and a batch would hold more mutexes than thread sanitizers follow.
 */
#include "chain/word_locks.h"
#include <string.h>

void pxt_word_locks_init(struct pxt_word_locks *locks)
{
    for (unsigned i = 0; i < PXT_STRIPES; i++) {
        struct pxt_word_stripe *stripe = &locks->stripe[i];
        pthread_mutex_init(&stripe->lock, NULL);
        pthread_cond_init(&stripe->freed, NULL);
        stripe->held = stripe->waiting = stripe->wanted = 0;
        stripe->whole = false;
        memset(stripe->word, 0, sizeof stripe->word);
    }
}

void pxt_word_locks_destroy(struct pxt_word_locks *locks)
{
    for (unsigned i = 0; i < PXT_STRIPES; i++) {
        pthread_cond_destroy(&locks->stripe[i].freed);
        pthread_mutex_destroy(&locks->stripe[i].lock);
    }
}

static struct pxt_word_stripe *stripe_of(struct pxt_word_locks *locks, unsigned number)
{
    return &locks->stripe[number / PXT_STRIPE_WORDS];
}

static uint64_t *bits_of(struct pxt_word_stripe *stripe, unsigned number)
{
    return &stripe->word[number % PXT_STRIPE_WORDS / 64];
}

static uint64_t bit_of(unsigned number)
{
    return UINT64_C(1) << number % 64;
}

static bool any_held(struct pxt_word_stripe *stripe, const unsigned *number, size_t n)
{
    if (stripe->whole || stripe->wanted)
        return true;
    for (size_t i = 0; i < n; i++)
        if (*bits_of(stripe, number[i]) & bit_of(number[i]))
            return true;
    return false;
}

/* Waits until a word may be free. The stripe's mutex is held. A thread that is cancelled while it waits would keep it. */
static void wait_for_change(struct pxt_word_stripe *stripe)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    stripe->waiting++;
    pthread_cond_wait(&stripe->freed, &stripe->lock);
    stripe->waiting--;
    pthread_setcancelstate(cancel_state, NULL);
}

static void hold(struct pxt_word_stripe *stripe, const unsigned *number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *bits_of(stripe, number[i]) |= bit_of(number[i]);
    stripe->held += (unsigned)n;
}

/* Locks words of one stripe. */
static void lock_in_stripe(struct pxt_word_stripe *stripe, const unsigned *number, size_t n)
{
    pthread_mutex_lock(&stripe->lock);
    while (any_held(stripe, number, n))
        wait_for_change(stripe);
    hold(stripe, number, n);
    pthread_mutex_unlock(&stripe->lock);
}

static void unlock_in_stripe(struct pxt_word_stripe *stripe, const unsigned *number, size_t n)
{
    pthread_mutex_lock(&stripe->lock);
    for (size_t i = 0; i < n; i++)
        *bits_of(stripe, number[i]) &= ~bit_of(number[i]);
    stripe->held -= (unsigned)n;
    if (stripe->waiting)
        pthread_cond_broadcast(&stripe->freed);
    pthread_mutex_unlock(&stripe->lock);
}

void pxt_word_lock(struct pxt_word_locks *locks, unsigned number)
{
    lock_in_stripe(stripe_of(locks, number), &number, 1);
}

bool pxt_word_trylock(struct pxt_word_locks *locks, unsigned number)
{
    struct pxt_word_stripe *stripe = stripe_of(locks, number);
    pthread_mutex_lock(&stripe->lock);
    bool is_free = !any_held(stripe, &number, 1);
    if (is_free)
        hold(stripe, &number, 1);
    pthread_mutex_unlock(&stripe->lock);
    return is_free;
}

void pxt_word_unlock(struct pxt_word_locks *locks, unsigned number)
{
    unlock_in_stripe(stripe_of(locks, number), &number, 1);
}

/* How many of the words, from the first on, belong to its stripe. */
static size_t run_of(const unsigned *number, size_t n)
{
    size_t i = 1;
    while (i < n && number[i] / PXT_STRIPE_WORDS == number[0] / PXT_STRIPE_WORDS)
        i++;
    return i;
}

void pxt_word_lock_many(struct pxt_word_locks *locks, const unsigned *number, size_t n)
{
    for (size_t at = 0, some; at < n; at += some) {
        some = run_of(number + at, n - at);
        lock_in_stripe(stripe_of(locks, number[at]), number + at, some);
    }
}

void pxt_word_unlock_many(struct pxt_word_locks *locks, const unsigned *number, size_t n)
{
    for (size_t at = 0, some; at < n; at += some) {
        some = run_of(number + at, n - at);
        unlock_in_stripe(stripe_of(locks, number[at]), number + at, some);
    }
}

void pxt_word_lock_stripe(struct pxt_word_locks *locks, unsigned index)
{
    struct pxt_word_stripe *stripe = &locks->stripe[index];
    pthread_mutex_lock(&stripe->lock);
    stripe->wanted++;
    while (stripe->whole || stripe->held)
        wait_for_change(stripe);
    stripe->wanted--;
    stripe->whole = true;
    pthread_mutex_unlock(&stripe->lock);
}

void pxt_word_unlock_stripe(struct pxt_word_locks *locks, unsigned index)
{
    struct pxt_word_stripe *stripe = &locks->stripe[index];
    pthread_mutex_lock(&stripe->lock);
    stripe->whole = false;
    if (stripe->waiting)
        pthread_cond_broadcast(&stripe->freed);
    pthread_mutex_unlock(&stripe->lock);
}
