/* SPDX-License-Identifier: MIT
 *
 * stripes.c: locks keys. Every key belongs to one of PXT_STRIPES locks, by its hash.
 */
#include "chain/stripes.h"

/* Locks a stripe among processes; its mutex is held, and is unlocked on failure. */
static pxt_status lock_among_processes(struct pxt_chain *chain, unsigned stripe, struct pxt_error *error)
{
    struct pxt_error local;
    pxt_status status = pxt_page_lock(&chain->page, stripe, 1, &local);
    if (status) {
        pthread_mutex_unlock(&chain->stripe_lock[stripe]);
        pxt_tier_failed(chain->shared, &local);
        if (error)
            *error = local;
    }
    return status;
}

pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_error *error)
{
    unsigned stripe = pxt_stripe(key->hash);
    pthread_mutex_lock(&chain->stripe_lock[stripe]);
    return lock_among_processes(chain, stripe, error);
}

bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key)
{
    unsigned stripe = pxt_stripe(key->hash);
    return !pthread_mutex_trylock(&chain->stripe_lock[stripe]) && !lock_among_processes(chain, stripe, NULL);
}

void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key)
{
    unsigned stripe = pxt_stripe(key->hash);
    pxt_page_unlock(&chain->page, stripe, 1);
    pthread_mutex_unlock(&chain->stripe_lock[stripe]);
}

void pxt_chain_lock_in_process(struct pxt_chain *chain, const struct pxt_key *key)
{
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

void pxt_chain_unlock_all(struct pxt_chain *chain)
{
    pxt_page_unlock(&chain->page, 0, PXT_STRIPES);
    for (unsigned i = PXT_STRIPES; i-- > 0;)
        pthread_mutex_unlock(&chain->stripe_lock[i]);
}
