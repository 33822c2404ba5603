/* SPDX-License-Identifier: MIT
 *
 * stripes.c: locks keys. Every key belongs to one of PXT_STRIPES locks, by its hash.
 */
#include "chain/stripes.h"
#include "base/fail.h"

enum { TRIES = 10 };

pxt_status pxt_chain_stay_joined(struct pxt_chain *chain, struct pxt_error *error)
{
    return pxt_chain_has_joined(chain) ? PXT_OK : chain->join_again(chain, error);
}

static pxt_status never_joined(struct pxt_error *error)
{
    return pxt_fail(error, PXT_EBUSY, 0, "the members of the pool change all the time");
}

/* Locks a stripe among processes; its mutex is held, and is unlocked on failure. */
static pxt_status lock_among_processes(struct pxt_chain *chain, unsigned stripe, struct pxt_error *error)
{
    struct pxt_error local;
    pxt_status status = pxt_page_lock(&chain->page, stripe, 1, &local);
    if (status) {
        pthread_mutex_unlock(&chain->stripe_lock[stripe]);
        if (chain->shared)
            pxt_tier_failed(chain->shared, &local);
        if (error)
            *error = local;
    }
    return status;
}

pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_error *error)
{
    unsigned stripe = pxt_stripe(key->hash);
    for (int i = 0; i < TRIES; i++) {
        pthread_mutex_lock(&chain->stripe_lock[stripe]);
        pxt_status status = lock_among_processes(chain, stripe, error);
        if (status || pxt_chain_has_joined(chain))
            return status;
        pxt_chain_unlock(chain, key);
        status = pxt_chain_stay_joined(chain, error);
        if (status)
            return status;
    }
    return never_joined(error);
}

bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key)
{
    unsigned stripe = pxt_stripe(key->hash);
    if (pthread_mutex_trylock(&chain->stripe_lock[stripe]) || lock_among_processes(chain, stripe, NULL))
        return false;
    if (pxt_chain_has_joined(chain))
        return true;
    pxt_chain_unlock(chain, key);
    return false;
}

void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key)
{
    unsigned stripe = pxt_stripe(key->hash);
    pxt_page_unlock(&chain->page, stripe, 1);
    pthread_mutex_unlock(&chain->stripe_lock[stripe]);
}

void pxt_chain_lock_in_process(struct pxt_chain *chain, const struct pxt_key *key)
{
    pxt_chain_stay_joined(chain, NULL);
    pthread_mutex_lock(&chain->stripe_lock[pxt_stripe(key->hash)]);
}

void pxt_chain_unlock_in_process(struct pxt_chain *chain, const struct pxt_key *key)
{
    pthread_mutex_unlock(&chain->stripe_lock[pxt_stripe(key->hash)]);
}

pxt_status pxt_chain_lock_all(struct pxt_chain *chain, struct pxt_error *error)
{
    for (unsigned i = 0; i < PXT_STRIPES; i++)
        pthread_mutex_lock(&chain->stripe_lock[i]);
    pxt_status status = pxt_page_lock(&chain->page, 0, PXT_STRIPES, error);
    for (unsigned i = PXT_STRIPES; status && i-- > 0;)
        pthread_mutex_unlock(&chain->stripe_lock[i]);
    return status;
}

pxt_status pxt_chain_lock_all_joined(struct pxt_chain *chain, struct pxt_error *error)
{
    for (int i = 0; i < TRIES; i++) {
        pxt_status status = pxt_chain_lock_all(chain, error);
        if (status || pxt_chain_has_joined(chain))
            return status;
        pxt_chain_unlock_all(chain);
        status = pxt_chain_stay_joined(chain, error);
        if (status)
            return status;
    }
    return never_joined(error);
}

void pxt_chain_unlock_all(struct pxt_chain *chain)
{
    pxt_page_unlock(&chain->page, 0, PXT_STRIPES);
    for (unsigned i = PXT_STRIPES; i-- > 0;)
        pthread_mutex_unlock(&chain->stripe_lock[i]);
}
