/* SPDX-License-Identifier: MIT
 *
 * get.c: finds entries, and promotes them.
 */
#include "chain/chain.h"
#include "chain/demote.h"
#include "chain/get_counts.h"
#include "chain/key_ops.h"
#include "chain/stripes.h"
#include "entry/entry.h"
#include <pthread.h>

/* Copies an entry that tier `from` had into the faster tiers. */
static void promote(struct pxt_chain *chain, unsigned from, pxt_entry *entry, struct pxt_victims *victims)
{
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    for (unsigned i = from; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_on(tier))
            continue;
        if (pxt_chain_insert(tier, entry, victims, NULL) != PXT_OK)
            continue;
        pxt_access_forget_in(tier, &key); /* the entry has all hits already */
        PXT_COUNT(tier, promotions, 1);
    }
}

/* Counts a hit in a tier that does not count hits itself. */
static void count_access(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry)
{
    if (tier->ops->settle)
        return;
    pxt_time now = pxt_chain_stamp(chain, pxt_clock_now(&chain->clock));
    pxt_entry_touch(entry, 1, now);
    if (pxt_tier_durable(tier)) {
        pxt_entry_take_unflushed_hits(entry);
        pxt_access_note(chain, key, 1, now, false);
    }
}

/* Asks one tier; the key's lock is held. PXT_NOT_FOUND also if its copy is stale or has expired. An expired entry is
 * removed from all tiers if `may_remove`: the key is locked among processes too. */
static pxt_status ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, bool may_remove,
                      pxt_entry **out, struct pxt_error *error)
{
    pxt_status status = pxt_chain_read(chain, tier, key, 0, out, error);
    if (status)
        return status;
    if (pxt_chain_stale(chain, tier, *out)) {
        pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
    } else if (!pxt_chain_expired(chain, *out)) {
        return PXT_OK;
    } else if (may_remove) {
        pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
        PXT_COUNT(tier, evictions_ttl, 1);
    }
    pxt_entry_release(*out);
    *out = NULL;
    return PXT_NOT_FOUND;
}

/* Asks the tiers from the fastest down; the key's lock is held. If the key is not `locked` among processes too, nothing
 * is promoted or removed. */
static pxt_status descend(struct pxt_chain *chain, const struct pxt_key *key, bool locked, pxt_entry **out,
                          unsigned *found_in, struct pxt_victims *victims, struct pxt_error *error)
{
    struct pxt_thread_counts *counts = pxt_chain_counts(chain);
    pxt_status worst = PXT_NOT_FOUND;
    uint32_t generation = pxt_generation(&chain->coherence, key->hash);
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_stores(tier))
            continue;
        pxt_status status = ask(chain, tier, key, locked, out, worst == PXT_NOT_FOUND ? error : NULL);
        if (status == PXT_OK) {
            pxt_count_raise(chain, counts, &counts->hits[i]);
            count_access(chain, tier, key, *out);
            if (tier->flags & PXT_TIER_SHARED)
                pxt_entry_set_generation(*out, generation); /* made for this call: only this thread has it */
            if (locked)
                promote(chain, i, *out, victims);
            *found_in = i;
            return PXT_OK;
        }
        if (pxt_tier_present(tier))
            pxt_count_raise(chain, counts, &counts->misses[i]);
        if (status != PXT_NOT_FOUND && worst == PXT_NOT_FOUND && pxt_tier_present(tier))
            worst = status;
    }
    pxt_count_raise(chain, counts, &counts->nowhere);
    return worst;
}

/* Gets under the key's lock, from the first tier down. */
__attribute__((noinline)) static pxt_status get_locked(struct pxt_chain *chain, const struct pxt_key *key,
                                                       pxt_entry **out, unsigned *found_in, struct pxt_error *error)
{
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    pxt_chain_probe_down_tiers(chain);
    /* Another process that holds the key too long keeps this one from promoting, not from reading. */
    bool locked = pxt_chain_lock(chain, key, error) == PXT_OK;
    if (!locked)
        pxt_chain_lock_in_process(chain, key);
    pxt_status status = descend(chain, key, locked, out, found_in, &victims, error);
    if (locked)
        pxt_chain_unlock(chain, key);
    else
        pxt_chain_unlock_in_process(chain, key);
    pxt_demote_victims(chain, &victims);
    return status;
}

/* Counts a hit in a first tier that is a file or a database. Needs no lock: nothing is promoted. */
__attribute__((noinline)) static void count_first_hit(struct pxt_chain *chain, struct pxt_tier *tier,
                                                      const struct pxt_key *key, pxt_entry *entry)
{
    if (tier->flags & PXT_TIER_SHARED)
        pxt_access_add(tier, key, false, entry);
    count_access(chain, tier, key, entry);
}

/* Asks a first tier that other processes write to as well, which is a file or a database. A thread that is cancelled
 * inside would keep the locks of the plugin. */
__attribute__((noinline)) static pxt_status get_from_file(struct pxt_tier *tier, const struct pxt_key *key,
                                                          pxt_entry **out, struct pxt_error *error)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    pxt_status status = tier->ops->get(tier->self, key, 0, out, error);
    pthread_setcancelstate(cancel_state, NULL);
    return status;
}

/*
 * The fast path calls the first tier directly: without the key's lock, and without pxt_tier_get().
 * No lock, because a hit changes no tier, and what it returns was stored at the instant when the tier looked.
 * No pxt_tier_get(), because `hits_need_no_lock` says that the tier locks itself and keeps the state of its policy, and
 * the breaker and the hints are looked at here. A failure of the tier is left to get_locked(), which asks it again.
 */
pxt_status pxt_chain_get(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                         struct pxt_error *error)
{
    struct pxt_tier *first = &chain->tier[0];
    if (first->flags & PXT_TIER_SHARED)
        pxt_hint_log_replay(&chain->hint_log);
    if (first->hits_need_no_lock && pxt_tier_on(first) && !pxt_hints_pending(&first->hints)) {
        pxt_status status = first->flags & PXT_TIER_SHARED ? get_from_file(first, key, out, error)
                                                           : first->ops->get(first->self, key, 0, out, error);
        if (status == PXT_OK) {
            if (!pxt_chain_stale(chain, first, *out) && !pxt_chain_expired(chain, *out)) {
                struct pxt_thread_counts *counts = pxt_chain_counts(chain);
                pxt_count_raise(chain, counts, &counts->hits[0]);
                if (!first->ops->settle)
                    count_first_hit(chain, first, key, *out);
                *found_in = 0;
                return PXT_OK;
            }
            pxt_entry_release(*out);
            *out = NULL;
        }
    }
    return get_locked(chain, key, out, found_in, error);
}

pxt_status pxt_chain_peek(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, struct pxt_error *error)
{
    pxt_chain_lock_in_process(chain, key);
    pxt_hint_log_replay(&chain->hint_log);
    pxt_status status = pxt_chain_find(chain, key, PXT_CHAIN_MAX, 0, out, error);
    pxt_chain_unlock_in_process(chain, key);
    if (status == PXT_OK && pxt_chain_expired(chain, *out)) {
        pxt_entry_release(*out);
        *out = NULL;
        return PXT_NOT_FOUND;
    }
    return status;
}
