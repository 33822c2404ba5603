/* SPDX-License-Identifier: MIT
 *
 * stripes.c: locks keys. Every key belongs to a word, by its hash, and each word has a lock; 1024 words are a stripe.
 */
#include "chain/stripes.h"
#include "base/fail.h"
#include <stdlib.h>

/* A batch of more words locks all: each lock of a word among processes is a call of the kernel, which looks through those
 * that are held. */
enum { TRIES = 10, WORDS_MAX = 256 };

pxt_status pxt_chain_stay_joined(struct pxt_chain *chain, struct pxt_error *error)
{
    return pxt_chain_has_joined(chain) ? PXT_OK : chain->join_again(chain, error);
}

/* A range of words that are locked together: one, a stripe, all, or those of a batch. */
struct range {
    const unsigned *number; /* NULL: `n` words from `first`: one, a stripe or all */
    unsigned first;
    size_t n;
};

static void lock_in_process(struct pxt_chain *chain, const struct range *range)
{
    if (range->number)
        pxt_word_lock_many(&chain->word_locks, range->number, range->n);
    else if (range->n == 1)
        pxt_word_lock(&chain->word_locks, range->first);
    for (size_t i = 0; !range->number && i < range->n / PXT_STRIPE_WORDS; i++)
        pxt_word_lock_stripe(&chain->word_locks, range->first / PXT_STRIPE_WORDS + (unsigned)i);
}

static void unlock_in_process(struct pxt_chain *chain, const struct range *range)
{
    if (range->number)
        pxt_word_unlock_many(&chain->word_locks, range->number, range->n);
    else if (range->n == 1)
        pxt_word_unlock(&chain->word_locks, range->first);
    for (size_t i = 0; !range->number && i < range->n / PXT_STRIPE_WORDS; i++)
        pxt_word_unlock_stripe(&chain->word_locks, range->first / PXT_STRIPE_WORDS + (unsigned)i);
}

static void unlock(struct pxt_chain *chain, const struct range *range)
{
    if (range->number)
        pxt_page_unlock_many(&chain->page, range->number, range->n);
    else
        pxt_page_unlock(&chain->page, range->first, (unsigned)range->n);
    unlock_in_process(chain, range);
}

/* A lock in the file that fails counts against the tier beside which the file lies, but for batches and joining. */
static pxt_status lock(struct pxt_chain *chain, const struct range *range, struct pxt_error *error)
{
    struct pxt_error local;
    lock_in_process(chain, range);
    pxt_status status = range->number ? pxt_page_lock_many(&chain->page, range->number, range->n, &local)
                                      : pxt_page_lock(&chain->page, range->first, (unsigned)range->n, &local);
    if (!status)
        return PXT_OK;
    unlock_in_process(chain, range);
    if (chain->shared && !range->number && range->n < PXT_WORDS)
        pxt_tier_failed(chain->shared, &local);
    if (error)
        *error = local;
    return status;
}

/* Locks while the members have joined: they have the slots by which the tiers are known in the page. */
static pxt_status lock_joined(struct pxt_chain *chain, const struct range *range, struct pxt_error *error)
{
    for (int i = 0; i < TRIES; i++) {
        pxt_status status = lock(chain, range, error);
        if (status || pxt_chain_has_joined(chain))
            return status;
        unlock(chain, range);
        status = pxt_chain_stay_joined(chain, error);
        if (status)
            return status;
    }
    return pxt_fail(error, PXT_EBUSY, 0, "the members of the pool change all the time");
}

static struct range range_of(const struct pxt_key *key)
{
    return (struct range){.first = pxt_lock_number(key->hash), .n = 1};
}

pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_error *error)
{
    const struct range word = range_of(key);
    return lock_joined(chain, &word, error);
}

bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key)
{
    unsigned number = pxt_lock_number(key->hash);
    if (!pxt_word_trylock(&chain->word_locks, number))
        return false;
    if (!pxt_page_trylock(&chain->page, number)) {
        pxt_word_unlock(&chain->word_locks, number);
        return false;
    }
    if (pxt_chain_has_joined(chain))
        return true;
    pxt_chain_unlock(chain, key);
    return false;
}

void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key)
{
    const struct range word = range_of(key);
    unlock(chain, &word);
}

void pxt_chain_lock_in_process(struct pxt_chain *chain, const struct pxt_key *key)
{
    pxt_chain_stay_joined(chain, NULL);
    pxt_word_lock(&chain->word_locks, pxt_lock_number(key->hash));
}

bool pxt_chain_trylock_in_process(struct pxt_chain *chain, const struct pxt_key *key)
{
    return pxt_word_trylock(&chain->word_locks, pxt_lock_number(key->hash));
}

void pxt_chain_unlock_in_process(struct pxt_chain *chain, const struct pxt_key *key)
{
    pxt_word_unlock(&chain->word_locks, pxt_lock_number(key->hash));
}

/* ---- many keys -------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

pxt_status pxt_chain_lock_keys(struct pxt_chain *chain, const uint64_t *hash, size_t n, struct pxt_locked_keys *locked,
                               struct pxt_error *error)
{
    *locked = (struct pxt_locked_keys){NULL, 0};
    if (n > WORDS_MAX)
        return pxt_chain_lock_all_joined(chain, error);
    locked->number = pxt_alloc_array(n ? n : 1, sizeof *locked->number);
    if (!locked->number)
        return pxt_fail_memory(error, "a list of locks");
    for (size_t i = 0; i < n; i++)
        locked->number[i] = pxt_lock_number(hash[i]);
    qsort(locked->number, n, sizeof *locked->number, ascending);
    for (size_t i = 0; i < n; i++)
        if (!i || locked->number[i] != locked->number[locked->count - 1])
            locked->number[locked->count++] = locked->number[i];
    const struct range words = {.number = locked->number, .n = locked->count};
    pxt_status status = lock_joined(chain, &words, error);
    if (status)
        pxt_free(locked->number);
    return status;
}

bool pxt_chain_has_locked(const struct pxt_locked_keys *locked, const struct pxt_key *key)
{
    unsigned number = pxt_lock_number(key->hash);
    return !locked->number || bsearch(&number, locked->number, locked->count, sizeof number, ascending);
}

void pxt_chain_unlock_keys(struct pxt_chain *chain, struct pxt_locked_keys *locked)
{
    const struct range words = {.number = locked->number, .n = locked->count};
    if (locked->number)
        unlock(chain, &words);
    else
        pxt_chain_unlock_all(chain);
    pxt_free(locked->number);
}

static struct range range_of_stripe(unsigned stripe)
{
    return (struct range){.first = stripe * PXT_STRIPE_WORDS, .n = PXT_STRIPE_WORDS};
}

pxt_status pxt_chain_lock_stripe(struct pxt_chain *chain, unsigned stripe, struct pxt_error *error)
{
    const struct range words = range_of_stripe(stripe);
    return lock_joined(chain, &words, error);
}

void pxt_chain_unlock_stripe(struct pxt_chain *chain, unsigned stripe)
{
    const struct range words = range_of_stripe(stripe);
    unlock(chain, &words);
}

static const struct range all = {.first = 0, .n = PXT_WORDS};

pxt_status pxt_chain_lock_all(struct pxt_chain *chain, struct pxt_error *error)
{
    return lock(chain, &all, error);
}

pxt_status pxt_chain_lock_all_joined(struct pxt_chain *chain, struct pxt_error *error)
{
    return lock_joined(chain, &all, error);
}

void pxt_chain_unlock_all(struct pxt_chain *chain)
{
    unlock(chain, &all);
}
