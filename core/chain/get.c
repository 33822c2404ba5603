/* SPDX-License-Identifier: MIT
 *
 * get.c: finds entries.
 *
 * A get holds no lock while it asks the tiers (doc/versions.md, rule 10): it compares the word of the key afterwards. So it
 * waits for no tier that it does not need. The lock is taken only if the word changes all the time, or if a change
 * that is open may be the reason that no tier decides.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/exchange.h"
#include "chain/fail_safe.h"
#include "chain/get_counts.h"
#include "chain/overtake.h"
#include "chain/promote.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "chain/stripes.h"
#include "entry/entry.h"
#include <pthread.h>

/* Counts a hit in a tier that does not count hits itself. Returns whether it is noted for the tier. */
static bool count_access(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry)
{
    if (tier->ops->settle)
        return false;
    pxt_time now = pxt_chain_stamp(chain, pxt_clock_now(&chain->clock));
    pxt_entry_touch(entry, 1, now);
    if (pxt_tier_durable(tier)) {
        pxt_entry_take_unflushed_hits(entry);
        pxt_access_note(chain, key, 1, now, false);
    }
    return pxt_tier_durable(tier);
}

/* Hits in the first tier are not told: to look whether they should be would cost each of them. */
static void tell_answer(const struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                        bool hit)
{
    if (hit)
        pxt_log(chain->logger, PXT_MESSAGE_DEBUG, "chain", "get %s: tier %s answers", key->text,
                chain->tier[decision->found_in].name);
    else
        pxt_log(chain->logger, PXT_MESSAGE_DEBUG, "chain", "get %s: no tier has it", key->text);
}

/* Whether an answer without the key's lock is not good enough: see make_safe(). */
static bool needs_lock(const struct pxt_chain *chain, const struct pxt_decision *decision, pxt_status status)
{
    return pxt_decision_may_be_open(chain, decision, status) || (status == PXT_OK && !decision->clear && chain->power);
}

/* An expired entry of a pool with one member leaves at once; of other pools, by pxt_chain_expire(). */
static void remove_expired(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision)
{
    pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
    PXT_COUNT(&chain->tier[decision->found_in], evictions_ttl, 1);
}

static bool may_remove_expired(const struct pxt_chain *chain, const struct pxt_decision *decision)
{
    return !pxt_chain_has_tombstones(chain) && !pxt_entry_is_tombstone(decision->entry);
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

/* Counts the answer, and gives the entry that was decided, if it is alive. Removes it if it has expired, and else promotes
 * it. `locked`: the key is locked among processes; otherwise, if `may_lock`, only what needs no waiting is done. */
static pxt_status answer(struct pxt_chain *chain, const struct pxt_key *key, bool locked, bool may_lock,
                         struct pxt_decision *decision, pxt_status status, pxt_entry **out, unsigned *found_in,
                         struct pxt_victims *victims)
{
    bool alive = status == PXT_OK && !pxt_chain_dead(chain, decision->entry);
    pxt_chain_count_answers(chain, decision, alive);
    tell_answer(chain, key, decision, alive);
    if (decision->by_authority && !locked)
        pxt_overtake_unlocked(chain, key);
    if (decision->by_authority && pxt_chain_members(chain) && !(alive && locked && !decision->overtaken))
        pxt_remote_follow(chain, key, decision, locked && !decision->overtaken);
    if (alive)
        decision->noted += count_access(chain, &chain->tier[decision->found_in], key, decision->entry);
    bool tidies = decision->stale && !pxt_fail_safe_keeps(chain, decision, status);
    if (locked && alive)
        pxt_promote(chain, key, decision, victims);
    else if (locked && tidies)
        pxt_tidy_private_tiers(chain, key, decision);
    else if (!locked && may_lock && (alive || tidies))
        pxt_promote_if_free(chain, key, decision, alive, victims);
    if (alive) {
        *found_in = decision->found_in;
        *out = decision->entry;
        return PXT_OK;
    }
    if (status == PXT_OK && may_remove_expired(chain, decision)) {
        bool free = !locked && may_lock && pxt_chain_trylock(chain, key);
        if (locked || (free && pxt_decision_stands(chain, key, decision)))
            remove_expired(chain, key, decision);
        if (free)
            pxt_chain_unlock(chain, key);
    }
    bool served = pxt_fail_safe_serve(chain, key, decision, status, out, found_in);
    pxt_entry_release(decision->entry);
    return served ? PXT_OK : status == PXT_OK ? PXT_NOT_FOUND : status;
}

/* Gets under the key's lock, from the first tier down. `*late`: the tiers that did not answer this get in time. */
static pxt_status get_locked(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                             struct pxt_victims *victims, unsigned *late, struct pxt_error *error)
{
    enum { TRIES = 100 };
    struct pxt_decision decision;
    bool open;
    /* Another process that holds the key too long keeps this one from promoting, not from reading. */
    bool locked = pxt_chain_lock(chain, key, error) == PXT_OK;
    if (!locked)
        pxt_chain_lock_in_process(chain, key);
    pxt_status status = pxt_chain_decide_again(chain, key, TRIES, *late, &decision, &open, error);
    *late |= decision.late;
    if (locked && !decision.clear && chain->power && status == PXT_OK)
        status = make_safe(chain, key, &decision, error);
    if (decision.by_authority)
        pxt_overtake(chain, key, &decision);
    status = answer(chain, key, locked, false, &decision, status, out, found_in, victims);
    if (locked)
        pxt_chain_unlock(chain, key);
    else
        pxt_chain_unlock_in_process(chain, key);
    return status;
}

static bool may_read_freely(const struct pxt_chain *chain)
{
    return chain->gets_need_no_lock && pxt_chain_has_joined(chain) && !pxt_page_is_replaced(&chain->page);
}

/* Answers what was decided without the key's lock. What the authority says is copied to the members of this host before the
 * caller is told; if the lock is not free now, those of them that have something else are in doubt instead. */
static pxt_status answer_freely(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision,
                                pxt_status status, pxt_entry **out, unsigned *found_in, struct pxt_victims *victims)
{
    bool by_authority = decision->by_authority;
    bool processes = pxt_chain_members(chain) || pxt_copies_to_others(chain, decision);
    bool locked = by_authority && pxt_chain_trylock_for(chain, key, processes);
    bool copies = locked && pxt_decision_stands(chain, key, decision);
    if (locked && !copies)
        pxt_chain_unlock_for(chain, key, processes);
    if (copies)
        pxt_overtake(chain, key, decision);
    victims->deepest = decision->found_in;
    status = answer(chain, key, copies, !by_authority, decision, status, out, found_in, victims);
    if (copies)
        pxt_chain_unlock_for(chain, key, processes);
    return status;
}

/* Gets without a lock. False if the lock is needed: to wait for a change that is open, or to repair the answer. */
static bool get_freely(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                       pxt_status *status, struct pxt_victims *victims, unsigned *late, struct pxt_error *error)
{
    enum { TRIES = 4 };
    struct pxt_decision decision;
    bool open;
    if (!may_read_freely(chain))
        return false;
    *status = pxt_chain_decide_again(chain, key, TRIES, PXT_DECIDE_UNLOCKED | *late, &decision, &open, error);
    *late |= decision.late;
    if (open || needs_lock(chain, &decision, *status) || !pxt_chain_has_joined(chain)) {
        pxt_entry_release(decision.entry);
        return false;
    }
    *status = answer_freely(chain, key, &decision, *status, out, found_in, victims);
    return true;
}

/* Where memory is the first tier, one thread of those that miss a key goes on, and the others find it in memory when they have
 * waited. */
static bool waits_for_others(const struct pxt_chain *chain)
{
    const struct pxt_tier *first = &chain->tier[0];
    return chain->count > 1 && chain->gets_need_no_lock && !(first->flags & PXT_TIER_SHARED) && pxt_tier_on(first) &&
           pxt_tier_stores(first);
}

/* Gets from the tiers below the first. `late`: the tiers that did not answer this get in time. */
static pxt_status get_from_tiers(struct pxt_chain *chain, const struct pxt_key *key, bool chosen, pxt_entry **out,
                                 unsigned *found_in, struct pxt_victims *victims, unsigned *late,
                                 struct pxt_error *error)
{
    pxt_status status;
    pxt_victims_init(victims);
    victims->chosen = chosen;
    victims->in_hurry = true;
    if (get_freely(chain, key, out, found_in, &status, victims, late, error))
        return status;
    victims->in_hurry = false;
    return get_locked(chain, key, out, found_in, victims, late, error);
}

/* Gets from the first tier down. */
__attribute__((noinline)) static pxt_status get_below(struct pxt_chain *chain, const struct pxt_key *key, bool chosen,
                                                      pxt_entry **out, unsigned *found_in, struct pxt_error *error)
{
    struct pxt_victims victims;
    struct pxt_flight flight;
    unsigned late = 0;
    int cancel_state;
    bool flies = waits_for_others(chain);
    pxt_chain_have_down_tiers_probed(chain);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* others wait for the end of the flight */
    bool leads = flies && pxt_flight_begin(&chain->flights, key, &flight, &late);
    if (leads || !flies)
        pxt_exchange_take(chain, key, 1, false);
    pxt_status status = get_from_tiers(chain, key, chosen, out, found_in, &victims, &late, error);
    if (leads)
        pxt_flight_end(&chain->flights, &flight, late);
    pthread_setcancelstate(cancel_state, NULL);
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
 * the breaker and the doubts are looked at here. A failure of the tier is left to get_below(), which asks it again.
 */
__attribute__((always_inline)) static inline bool get_first(struct pxt_chain *chain, const struct pxt_key *key,
                                                            pxt_entry **out, struct pxt_error *error)
{
    pxt_remote_age(chain);
    struct pxt_tier *first = &chain->tier[0];
    bool shared = first->flags & PXT_TIER_SHARED;
    uint64_t word = shared ? pxt_word(&chain->page, key->hash) : 0;
    bool doubted = shared && (!pxt_chain_has_joined(chain) || (pxt_word_doubts(word) & pxt_chain_bit(chain, first)));
    if (!first->hits_need_no_lock || !pxt_tier_on(first) || doubted)
        return false;
    pxt_status status =
        shared ? get_from_file(first, key, out, error) : first->ops->get(first->self, key, 0, out, error);
    if (status != PXT_OK)
        return false;
    bool old = shared ? pxt_word(&chain->page, key->hash) != word : pxt_chain_stale(chain, first, *out);
    if (old || pxt_chain_expired(chain, *out)) {
        pxt_entry_release(*out);
        *out = NULL;
        return false;
    }
    struct pxt_thread_counts *counts = pxt_chain_counts(chain);
    pxt_count_raise(chain, counts, &counts->hits[0]);
    if (!first->ops->settle)
        count_first_hit(chain, first, key, *out);
    return true;
}

pxt_status pxt_chain_get(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                         struct pxt_error *error)
{
    if (!get_first(chain, key, out, error))
        return get_below(chain, key, false, out, found_in, error);
    *found_in = 0;
    return PXT_OK;
}

pxt_status pxt_chain_get_chosen(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                                struct pxt_error *error)
{
    if (!get_first(chain, key, out, error))
        return get_below(chain, key, true, out, found_in, error);
    *found_in = 0;
    return PXT_OK;
}

/* ---- many keys -------------------------------------------------------------------------------------------------- */

/* Keys that the first tier does not have. */
struct missed {
    size_t count;
    struct pxt_key key[PXT_READING_MAX];
    size_t index[PXT_READING_MAX]; /* of the caller's key */
    struct pxt_decision decision[PXT_READING_MAX];
    pxt_status status[PXT_READING_MAX];
    struct pxt_flight flight[PXT_READING_MAX];
    struct missed *later; /* keys for which another thread, or this one, has a flight; NULL: none yet */
};

/* Where the results of the keys go. */
struct answers {
    pxt_entry **out;
    unsigned *found_in;
    pxt_status *result;
    struct pxt_error *error;
};

static void add_missed(struct missed *missed, const struct pxt_key *key, size_t index)
{
    missed->key[missed->count] = *key;
    missed->index[missed->count++] = index;
}

/* Answers a key that was decided together with others; or gets it alone, if its word has changed or the lock is needed. */
static void answer_one(struct pxt_chain *chain, struct missed *missed, size_t j, const struct answers *answers)
{
    const struct pxt_key *key = &missed->key[j];
    struct pxt_decision *decision = &missed->decision[j];
    pxt_status status = missed->status[j];
    size_t i = missed->index[j];
    struct pxt_victims victims;
    if (!pxt_decision_stands(chain, key, decision) || !pxt_chain_has_joined(chain) ||
        needs_lock(chain, decision, status)) {
        pxt_entry_release(decision->entry);
        status = get_from_tiers(chain, key, false, &answers->out[i], &answers->found_in[i], &victims, &decision->late,
                                answers->error);
    } else {
        pxt_victims_init(&victims);
        victims.in_hurry = true;
        status = answer_freely(chain, key, decision, status, &answers->out[i], &answers->found_in[i], &victims);
    }
    answers->result[i] = status;
    pxt_demote_victims(chain, &victims);
}

/* Gets several keys with one call of each tier that offers that. `late`: the tiers that did not answer in time. */
static void get_together(struct pxt_chain *chain, struct missed *missed, unsigned late, const struct answers *answers)
{
    pxt_exchange_take(chain, missed->key, missed->count, false);
    if (missed->count && pxt_chain_decide_many(chain, missed->key, missed->count, PXT_DECIDE_UNLOCKED | late,
                                               missed->decision, missed->status, answers->error))
        for (size_t j = 0; j < missed->count; j++) { /* no memory: get_from_tiers() needs less */
            missed->decision[j] = (struct pxt_decision){.late = late};
            missed->status[j] = PXT_EUNAVAILABLE;
        }
    for (size_t j = 0; j < missed->count; j++)
        answer_one(chain, missed, j, answers);
}

/* Begins flights for the keys. One that is on its way already is left for later. */
static void begin_flights(struct pxt_chain *chain, struct missed *missed)
{
    size_t kept = 0;
    for (size_t j = 0; j < missed->count; j++) {
        missed->key[kept] = missed->key[j];
        missed->index[kept] = missed->index[j];
        if (pxt_flight_try(&chain->flights, &missed->key[kept], &missed->flight[kept]))
            kept++;
        else
            add_missed(missed->later, &missed->key[j], missed->index[j]);
    }
    missed->count = kept;
}

/* Gets the keys that were left for later: what other threads were on the way for is in memory now, or nowhere. */
static void get_later(struct pxt_chain *chain, struct missed *later, const struct answers *answers)
{
    unsigned late = 0;
    size_t left = 0;
    for (size_t j = 0; j < later->count; j++)
        pxt_flight_wait(&chain->flights, &later->key[j], &late);
    for (size_t j = 0; j < later->count; j++) {
        size_t i = later->index[j];
        answers->result[i] = PXT_OK;
        if (get_first(chain, &later->key[j], &answers->out[i], answers->error))
            continue;
        later->key[left] = later->key[j];
        later->index[left++] = i;
    }
    later->count = left;
    get_together(chain, later, late, answers);
    later->count = 0;
}

/* Gets the keys that were missed. */
static void get_missed(struct pxt_chain *chain, struct missed *missed, const struct answers *answers)
{
    int cancel_state;
    if (missed->count < 2 || !may_read_freely(chain)) {
        for (size_t j = 0; j < missed->count; j++) {
            size_t i = missed->index[j];
            answers->result[i] =
                get_below(chain, &missed->key[j], false, &answers->out[i], &answers->found_in[i], answers->error);
        }
        missed->count = 0;
        return;
    }
    pxt_chain_have_down_tiers_probed(chain);
    if (!missed->later && waits_for_others(chain))
        missed->later = pxt_alloc(sizeof *missed->later);
    bool flies = missed->later && waits_for_others(chain);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* others wait for the end of the flights */
    if (flies)
        begin_flights(chain, missed);
    get_together(chain, missed, 0, answers);
    for (size_t j = 0; j < missed->count && flies; j++)
        pxt_flight_end(&chain->flights, &missed->flight[j], missed->decision[j].late);
    pthread_setcancelstate(cancel_state, NULL);
    if (flies && missed->later->count)
        get_later(chain, missed->later, answers);
    missed->count = 0;
}

pxt_status pxt_chain_get_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, pxt_entry **out,
                              unsigned *found_in, pxt_status *result, struct pxt_error *error)
{
    const struct answers answers = {out, found_in, result, error};
    struct missed *missed = pxt_alloc(sizeof *missed);
    if (!missed)
        return pxt_fail_memory(error, "a batch");
    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        found_in[i] = 0;
        result[i] = PXT_OK;
        if (get_first(chain, &keys[i], &out[i], error))
            continue;
        add_missed(missed, &keys[i], i);
        if (missed->count == PXT_READING_MAX)
            get_missed(chain, missed, &answers);
    }
    get_missed(chain, missed, &answers);
    pxt_free(missed->later);
    pxt_free(missed);
    return PXT_OK;
}

/* Sees that no tier of this host says something older than what the authority says. */
static void peek_follows(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision)
{
    if (pxt_chain_trylock_in_process(chain, key)) {
        pxt_overtake(chain, key, decision);
        pxt_chain_unlock_in_process(chain, key);
    } else {
        pxt_overtake_unlocked(chain, key);
    }
    if (pxt_chain_members(chain))
        pxt_remote_follow(chain, key, decision, false);
}

pxt_status pxt_chain_peek(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, struct pxt_error *error)
{
    enum { TRIES = 4, TRIES_LOCKED = 100 };
    const unsigned flags = PXT_GET_PEEK | PXT_DECIDE_UNLOCKED;
    struct pxt_decision decision = {.clear = false};
    pxt_status status = PXT_OK;
    bool open = true;
    pxt_remote_age(chain);
    if (may_read_freely(chain))
        status = pxt_chain_decide_again(chain, key, TRIES, flags, &decision, &open, error);
    if (open) {
        pxt_entry_release(decision.entry);
        pxt_chain_lock_in_process(chain, key);
        status = pxt_chain_decide_again(chain, key, TRIES_LOCKED, flags | decision.late, &decision, &open, error);
        pxt_chain_unlock_in_process(chain, key);
    }
    if (decision.by_authority)
        peek_follows(chain, key, &decision);
    if (status == PXT_OK && !pxt_chain_dead(chain, decision.entry)) {
        *out = decision.entry;
        return PXT_OK;
    }
    pxt_entry_release(decision.entry);
    *out = NULL;
    return status == PXT_OK ? PXT_NOT_FOUND : status;
}
