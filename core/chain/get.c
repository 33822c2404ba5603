/* SPDX-License-Identifier: MIT
 *
 * get.c: finds entries, and promotes them.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/get_counts.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "chain/stripes.h"
#include "entry/entry.h"
#include <pthread.h>

/* Whether a durable tier has this version already: the authority is asked before it. */
static bool has_version(struct pxt_tier *tier, const struct pxt_key *key, const pxt_entry *entry)
{
    pxt_entry *has = NULL;
    bool same = pxt_tier_get(tier, key, PXT_GET_PEEK, &has, NULL) == PXT_OK &&
                pxt_entry_effective_version(has) == pxt_entry_effective_version(entry);
    pxt_entry_release(has);
    return same;
}

/* Copies an entry into one faster tier. `*generation` is that of the copy. */
static void promote_into(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry,
                         uint32_t *generation, struct pxt_victims *victims)
{
    struct pxt_change change;
    if (!pxt_tier_on(tier) || !pxt_tier_stores(tier))
        return;
    if (pxt_chain_bit(chain, tier)) {
        if (pxt_word_doubts(pxt_word(&chain->page, key->hash)) & pxt_chain_bit(chain, tier))
            return; /* the next repair brings it */
        if (chain->authority && has_version(tier, key, entry))
            return;
        *generation += 2; /* by begin and end */
        pxt_change_begin(chain, key->hash, tier, &change);
        pxt_status status = pxt_chain_insert(tier, entry, victims, NULL);
        pxt_change_wrote(chain, &change, tier, status);
        pxt_change_end(chain, &change);
        if (status)
            return;
    } else {
        /* Another host may have changed the key since it was read. */
        pxt_entry_set_generation(entry, chain->authority ? *generation : pxt_generation(&chain->page, key->hash));
        if (pxt_chain_insert(tier, entry, victims, NULL) != PXT_OK)
            return;
    }
    pxt_access_forget_in(tier, key); /* the entry has all hits already */
    PXT_COUNT(tier, promotions, 1);
}

/* Copies an entry that tier `from` had into the faster tiers, memory last: a copy to a durable tier raises the
 * generation. The key's lock is held. */
static void promote(struct pxt_chain *chain, const struct pxt_decision *decision, const struct pxt_key *key,
                    struct pxt_victims *victims)
{
    uint32_t generation = decision->generation;
    victims->may_refuse = true;
    for (unsigned i = decision->found_in; i-- > 0;)
        promote_into(chain, &chain->tier[i], key, decision->entry, &generation, victims);
    victims->may_refuse = false;
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

/* Counts what each tier answered. */
static void count_answers(struct pxt_chain *chain, const struct pxt_decision *decision, bool hit)
{
    struct pxt_thread_counts *counts = pxt_chain_counts(chain);
    for (unsigned i = 0; i < chain->count; i++) {
        if (hit && i == decision->found_in)
            pxt_count_raise(chain, counts, &counts->hits[i]);
        else if (decision->asked[i] && pxt_tier_present(&chain->tier[i]))
            pxt_count_raise(chain, counts, &counts->misses[i]);
    }
    if (!hit)
        pxt_count_raise(chain, counts, &counts->nowhere);
}

/* Whether the answer may be given: nothing has changed since the tiers were asked. Under the key's lock only damage that
 * was found meanwhile changes anything. */
static bool still_true(const struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision)
{
    return pxt_word(&chain->page, key->hash) == decision->word;
}

/* Decides again while the word of the key changes, some times. */
static pxt_status decide(struct pxt_chain *chain, const struct pxt_key *key, bool locked, unsigned flags,
                         struct pxt_decision *decision, struct pxt_error *error)
{
    enum { TRIES = 100 };
    pxt_status status = PXT_OK;
    for (int i = 0; i < TRIES; i++) {
        status = pxt_chain_decide(chain, key, flags, decision, error);
        if (still_true(chain, key, decision))
            return status;
        if (decision->entry)
            pxt_entry_release(decision->entry);
        decision->entry = NULL;
    }
    return pxt_fail(error, PXT_EBUSY, 0, "key %s is changed all the time%s", key->text,
                    locked ? "" : ", and its lock cannot be had");
}

/* An expired entry of a pool with one member leaves at once; of other pools, by pxt_chain_expire(). */
static void remove_expired(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision)
{
    if (pxt_chain_members(chain) || chain->authority || pxt_entry_is_tombstone(decision->entry))
        return;
    pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
    PXT_COUNT(&chain->tier[decision->found_in], evictions_ttl, 1);
}

/* At level `power` nothing is told that lost power could take away. */
static pxt_status make_safe(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision,
                            struct pxt_error *error)
{
    pxt_entry *newest = NULL;
    pxt_status status = pxt_repair_key(chain, key, &newest, error);
    pxt_entry_release(decision->entry);
    decision->entry = newest;
    return status ? PXT_EUNAVAILABLE : newest ? PXT_OK : PXT_NOT_FOUND;
}

/* Asks the tiers. If the key is `locked` among processes too, promotes the entry, and removes an expired one. */
static pxt_status descend(struct pxt_chain *chain, const struct pxt_key *key, bool locked, pxt_entry **out,
                          unsigned *found_in, struct pxt_victims *victims, struct pxt_error *error)
{
    struct pxt_decision decision;
    pxt_status status = decide(chain, key, locked, 0, &decision, error);
    if (locked && !decision.clear && chain->power && status == PXT_OK)
        status = make_safe(chain, key, &decision, error);
    bool alive = status == PXT_OK && !pxt_chain_dead(chain, decision.entry);
    count_answers(chain, &decision, alive);
    if (decision.by_authority && pxt_chain_members(chain) && !(alive && locked))
        pxt_remote_follow(chain, key, &decision, locked);
    if (!alive) {
        if (status == PXT_OK && locked)
            remove_expired(chain, key, &decision);
        pxt_entry_release(decision.entry);
        return status == PXT_OK ? PXT_NOT_FOUND : status;
    }
    struct pxt_tier *tier = &chain->tier[decision.found_in];
    count_access(chain, tier, key, decision.entry);
    if (locked && decision.clear)
        promote(chain, &decision, key, victims);
    *found_in = decision.found_in;
    *out = decision.entry;
    return PXT_OK;
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
    struct pxt_call_frame frame;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    pxt_tier_begin_call(tier, &frame);
    pxt_status status = tier->ops->get(tier->self, key, 0, out, error);
    pxt_tier_end_call(tier, &frame);
    pthread_setcancelstate(cancel_state, NULL);
    return status;
}

/*
 * The fast path calls the first tier directly: without the key's lock, and without pxt_tier_get().
 * No lock, because a hit changes no tier, and what it returns was stored at the instant when the tier looked.
 * No pxt_tier_get(), because `hits_need_no_lock` says that the tier locks itself and keeps the state of its policy, and
 * the breaker and the doubts are looked at here. A failure of the tier is left to get_locked(), which asks it again.
 */
pxt_status pxt_chain_get(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                         struct pxt_error *error)
{
    pxt_remote_age(chain);
    struct pxt_tier *first = &chain->tier[0];
    bool shared = first->flags & PXT_TIER_SHARED;
    uint64_t word = shared ? pxt_word(&chain->page, key->hash) : 0;
    bool doubted = shared && (!pxt_chain_has_joined(chain) || (pxt_word_doubts(word) & pxt_chain_bit(chain, first)));
    if (first->hits_need_no_lock && pxt_tier_on(first) && !doubted) {
        pxt_status status =
            shared ? get_from_file(first, key, out, error) : first->ops->get(first->self, key, 0, out, error);
        if (status == PXT_OK) {
            bool old = shared ? pxt_word(&chain->page, key->hash) != word : pxt_chain_stale(chain, first, *out);
            if (!old && !pxt_chain_expired(chain, *out)) {
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
    struct pxt_decision decision;
    pxt_remote_age(chain);
    pxt_chain_lock_in_process(chain, key);
    pxt_status status = decide(chain, key, false, PXT_GET_PEEK, &decision, error);
    if (decision.by_authority && pxt_chain_members(chain))
        pxt_remote_follow(chain, key, &decision, false);
    pxt_chain_unlock_in_process(chain, key);
    if (status == PXT_OK && !pxt_chain_dead(chain, decision.entry)) {
        *out = decision.entry;
        return PXT_OK;
    }
    pxt_entry_release(decision.entry);
    *out = NULL;
    return status == PXT_OK ? PXT_NOT_FOUND : status;
}
