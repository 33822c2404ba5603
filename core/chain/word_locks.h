/* SPDX-License-Identifier: MIT
 *
 * word_locks.h: locks of words among the threads of a process. A word is held alone, or with all words of its stripe.
 *
 * A thread may hold many words: it takes those of one stripe in one step, and stripe after stripe in ascending order. So
 * no thread that holds a word of a stripe waits for another one of it, and threads do not wait in a circle.
 */
#ifndef PXT_WORD_LOCKS_H
#define PXT_WORD_LOCKS_H

#include "shared/page.h"

struct pxt_word_stripe {
    _Alignas(64) pthread_mutex_t lock; /* a leaf: held for the look at what follows */
    pthread_cond_t freed;
    unsigned held;    /* how many words are held alone */
    unsigned waiting; /* threads that wait for anything here */
    unsigned wanted;  /* threads that wait for all words: no word is given away meanwhile */
    bool whole;       /* all words are held together */
    uint64_t word[PXT_STRIPE_WORDS / 64];
};
struct pxt_word_locks {
    struct pxt_word_stripe stripe[PXT_STRIPES];
};

void pxt_word_locks_init(struct pxt_word_locks *locks);
void pxt_word_locks_destroy(struct pxt_word_locks *locks);

/* Words are named by pxt_lock_number(). */
void pxt_word_lock(struct pxt_word_locks *locks, unsigned number);
bool pxt_word_trylock(struct pxt_word_locks *locks, unsigned number);
void pxt_word_unlock(struct pxt_word_locks *locks, unsigned number);
/* Locks several words; `number` is in ascending order, each once. */
void pxt_word_lock_many(struct pxt_word_locks *locks, const unsigned *number, size_t n);
void pxt_word_unlock_many(struct pxt_word_locks *locks, const unsigned *number, size_t n);
/* Locks all words of a stripe. */
void pxt_word_lock_stripe(struct pxt_word_locks *locks, unsigned stripe);
void pxt_word_unlock_stripe(struct pxt_word_locks *locks, unsigned stripe);

#endif
