/* SPDX-License-Identifier: MIT
 *
 * chain.c: get, put and delete across the tiers.
 *
 * Whatever changes a key in more than one tier holds that key's stripe, so that for the threads of this process, and
 * through the coherence file for other processes, it is one step: a reader never sees a deleted entry come back through
 * a promotion that was under way. A hit in the first tier holds nothing: what it returns was stored when it looked.
 */
#include "chain/chain.h"
#include "base/fail.h"
#include "entry/entry.h"
#include "entry/entry_layout.h"
#include "entry/hazard.h"
#include <string.h>

pxt_status pxt_chain_open(struct pxt_chain *chain, const struct pxt_config *config, const struct pxt_logger *logger,
                          const struct pxt_clock *clock, struct pxt_error *error)
{
    chain->clock = *clock;
    chain->logger = logger;
    chain->coherence.fd = -1;
    chain->hint_log.fd = -1; /* close looks at both wherever open ended */
    chain->expire_batch = (size_t)pxt_settings_number(config->settings, "cleanup.batch");
    for (unsigned i = 0; i < PXT_STRIPES; i++)
        pthread_mutex_init(&chain->stripe_lock[i], NULL);
    for (; chain->count < config->tier_count; chain->count++) {
        struct pxt_tier *tier = &chain->tier[chain->count];
        pxt_status status = pxt_tier_open(
            tier, chain->count, &config->tier[chain->count],
            &(struct pxt_tier_context){config->settings, config->plugin_folders, logger, &chain->clock}, error);
        if (status) {
            chain->count++; /* its locks exist */
            return status;
        }
        chain->any_durable |= pxt_tier_present(tier) && pxt_tier_durable(tier);
        if (tier->self && (tier->flags & PXT_TIER_SHARED) && tier->ops->shared_path)
            chain->shared = tier; /* the slowest has everything */
    }
    const char *shared = chain->shared ? chain->shared->ops->shared_path(chain->shared->self) : NULL;
    pxt_status status = pxt_coherence_open(&chain->coherence, shared,
                                           pxt_settings_number(config->settings, "lock_timeout") / 1000, error);
    if (!status)
        status = pxt_tier_open_hint_log(&chain->hint_log, chain->tier, chain->count, shared, &chain->coherence, error);
    return status;
}

void pxt_chain_close(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++)
        pxt_tier_close(&chain->tier[i]);
    pxt_hint_log_close(&chain->hint_log);
    pxt_coherence_close(&chain->coherence);
    for (unsigned i = 0; i < PXT_THREAD_MAX; i++)
        pxt_free(atomic_load(&chain->counts[i]));
    for (unsigned i = 0; i < PXT_STRIPES; i++)
        pthread_mutex_destroy(&chain->stripe_lock[i]);
    pxt_holds_reclaim();
}

pxt_time pxt_chain_stamp(struct pxt_chain *chain, pxt_time now)
{
    pxt_time stamp, last = atomic_load(&chain->last_stamp);
    do {
        stamp = now > last ? now : last + 1;
        if (last - now > PXT_SECOND) /* the clock was set back: follow it */
            stamp = now;
    } while (!atomic_compare_exchange_weak(&chain->last_stamp, &last, stamp));
    return stamp;
}

/* With the stripe's mutex, which is let go of where this fails. */
static pxt_status lock_among_processes(struct pxt_chain *chain, unsigned stripe, bool shared, struct pxt_error *error)
{
    struct pxt_error local;
    pxt_status status = shared ? pxt_coherence_lock(&chain->coherence, stripe, 1, &local) : PXT_OK;
    if (status) {
        pthread_mutex_unlock(&chain->stripe_lock[stripe]);
        pxt_tier_failed(chain->shared, &local);
        if (error)
            *error = local;
    } else {
        pxt_hint_log_replay(&chain->hint_log);
    }
    return status;
}

pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, bool shared, struct pxt_error *error)
{
    unsigned stripe = pxt_stripe(key->hash);
    pthread_mutex_lock(&chain->stripe_lock[stripe]);
    return lock_among_processes(chain, stripe, shared, error);
}

bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key)
{
    unsigned stripe = pxt_stripe(key->hash);
    return !pthread_mutex_trylock(&chain->stripe_lock[stripe]) &&
           lock_among_processes(chain, stripe, true, NULL) == PXT_OK;
}

void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key, bool shared)
{
    unsigned stripe = pxt_stripe(key->hash);
    if (shared)
        pxt_coherence_unlock(&chain->coherence, stripe, 1);
    pthread_mutex_unlock(&chain->stripe_lock[stripe]);
}

static inline bool stale(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry)
{
    return !(tier->flags & PXT_TIER_SHARED) && atomic_load_explicit(&entry->generation, memory_order_relaxed) !=
                                                   pxt_generation(&chain->coherence, entry->hash);
}

bool pxt_chain_stale(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry)
{
    return stale(chain, tier, entry);
}

/* Of `counts`, those of this thread, which alone writes to them: no locked instruction. */
static inline void raise_count(struct pxt_chain *chain, const struct pxt_thread_counts *counts, _Atomic uint64_t *count)
{
    if (__builtin_expect(counts == &chain->shared_counts, 0))
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed); /* of all threads that have none */
    else
        atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Whether its time has come; the exact clock is asked only close to the end. */
static inline bool expired(const struct pxt_chain *chain, const pxt_entry *entry)
{
    return !pxt_clock_surely_before(&chain->clock, entry->expires_at) &&
           pxt_entry_expired(entry, pxt_clock_now(&chain->clock));
}

bool pxt_chain_expired(const struct pxt_chain *chain, const pxt_entry *entry)
{
    return expired(chain, entry);
}

pxt_status pxt_chain_insert(struct pxt_chain *chain, struct pxt_tier *tier, pxt_entry *entry,
                            struct pxt_victims *victims, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP; /* capacity 0: a tier that only passes on */
    if (tier->limited && victims)
        pxt_evict_choose(chain, tier, &key, victims);
    pxt_status status = pxt_tier_put(tier, entry, error);
    if (!status)
        pxt_access_forget_in(tier, &key); /* what is put has all accesses */
    return status;
}

/* Copies what tier `from` answered into the faster ones. */
static void promote(struct pxt_chain *chain, unsigned from, pxt_entry *entry, struct pxt_victims *victims)
{
    for (unsigned i = from; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_on(tier))
            continue;
        if (pxt_chain_insert(chain, tier, entry, victims, NULL) == PXT_OK)
            PXT_COUNT(tier, promotions, 1);
    }
}

/* A hit in a tier that does not count by itself. */
static void count_access(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry)
{
    if (tier->ops->settle)
        return;
    pxt_time now = pxt_chain_stamp(chain, pxt_clock_now(&chain->clock));
    pxt_entry_touch(entry, 1, now);
    if (pxt_tier_durable(tier)) {
        pxt_entry_take_unwritten(entry);
        pxt_access_note(chain, key, 1, now, false);
    }
}

pxt_status pxt_chain_read(struct pxt_tier *tier, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                          struct pxt_error *error)
{
    pxt_status status = pxt_tier_get(tier, key, flags, out, error);
    if (status == PXT_OK && (tier->flags & PXT_TIER_SHARED)) /* made for this call: no one else has it */
        pxt_access_add(tier, key, *out);
    return status;
}

/* Asks one tier. PXT_NOT_FOUND also where what it has is old; an expired entry is removed everywhere, if the key is locked
 * among processes too. */
static pxt_status ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, bool locked,
                      pxt_entry **out, struct pxt_error *error)
{
    pxt_status status = pxt_chain_read(tier, key, 0, out, error);
    if (status)
        return status;
    if (pxt_chain_stale(chain, tier, *out)) {
        pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
    } else if (!expired(chain, *out)) {
        return PXT_OK;
    } else if (locked) {
        pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
        PXT_COUNT(tier, evictions_ttl, 1);
    }
    pxt_entry_release(*out);
    *out = NULL;
    return PXT_NOT_FOUND;
}

/* The way down, with the key's lock held. Without `victims`, that is, where another process has the key, nothing is
 * changed in any tier. */
static pxt_status descend(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                          struct pxt_victims *victims, struct pxt_error *error)
{
    struct pxt_thread_counts *counts = pxt_chain_counts(chain);
    pxt_status worst = PXT_NOT_FOUND;
    uint32_t generation = pxt_generation(&chain->coherence, key->hash);
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_stores(tier))
            continue;
        pxt_status status = ask(chain, tier, key, victims != NULL, out, worst == PXT_NOT_FOUND ? error : NULL);
        if (status == PXT_OK) {
            raise_count(chain, counts, &counts->hits[i]);
            count_access(chain, tier, key, *out);
            if (tier->flags & PXT_TIER_SHARED)
                pxt_entry_set_generation(*out, generation); /* made for this get: no one else has it yet */
            if (victims)
                promote(chain, i, *out, victims);
            *found_in = i;
            return PXT_OK;
        }
        if (pxt_tier_present(tier))
            raise_count(chain, counts, &counts->misses[i]);
        if (status != PXT_NOT_FOUND && worst == PXT_NOT_FOUND && pxt_tier_present(tier))
            worst = status;
    }
    raise_count(chain, counts, &counts->nowhere);
    return worst;
}

/* In a first tier that is a file or a database: its hits are noted, as for any other, but there is no faster tier to put
 * it into, and so nothing that needs the key's lock. */
__attribute__((noinline)) static void count_first_hit(struct pxt_chain *chain, struct pxt_tier *tier,
                                                      const struct pxt_key *key, pxt_entry *entry)
{
    if (tier->flags & PXT_TIER_SHARED)
        pxt_access_add(tier, key, entry);
    count_access(chain, tier, key, entry);
}

/* Under the key's lock, from the first tier down. */
__attribute__((noinline)) static pxt_status get_locked(struct pxt_chain *chain, const struct pxt_key *key,
                                                       pxt_entry **out, unsigned *found_in, struct pxt_error *error)
{
    struct pxt_victims victims;
    victims.count = 0;
    pxt_chain_probe_down_tiers(chain);
    pxt_status status = pxt_chain_lock(chain, key, true, error);
    bool shared = status == PXT_OK;
    if (!shared)
        pthread_mutex_lock(&chain->stripe_lock[pxt_stripe(key->hash)]);
    /* Another process that holds the key too long keeps this one from promoting, not from reading. */
    status = descend(chain, key, out, found_in, shared ? &victims : NULL, error);
    pxt_chain_unlock(chain, key, shared);
    pxt_evict_finish(chain, &victims);
    return status;
}

pxt_status pxt_chain_get(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, unsigned *found_in,
                         struct pxt_error *error)
{
    struct pxt_tier *first = &chain->tier[0];
    if (first->flags & PXT_TIER_SHARED)
        pxt_hint_log_replay(&chain->hint_log);
    if (first->hits_need_no_lock && pxt_tier_on(first) && !pxt_hints_pending(&first->hints)) {
        pxt_status status = first->ops->get(first->self, key, 0, out, error);
        if (status == PXT_OK) {
            if (!stale(chain, first, *out) && !expired(chain, *out)) {
                struct pxt_thread_counts *counts = pxt_chain_counts(chain);
                raise_count(chain, counts, &counts->hits[0]);
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

pxt_status pxt_chain_find(struct pxt_chain *chain, const struct pxt_key *key, unsigned except, pxt_entry **out,
                          struct pxt_error *error)
{
    pxt_status worst = PXT_NOT_FOUND;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (i == except || !pxt_tier_stores(tier))
            continue;
        pxt_status status = pxt_chain_read(tier, key, PXT_GET_PEEK, out, worst == PXT_NOT_FOUND ? error : NULL);
        if (status == PXT_OK && !pxt_chain_stale(chain, tier, *out))
            return PXT_OK;
        if (status == PXT_OK)
            pxt_entry_release(*out);
        else if (status != PXT_NOT_FOUND && worst == PXT_NOT_FOUND && pxt_tier_present(tier))
            worst = status;
    }
    *out = NULL;
    return worst;
}

pxt_status pxt_chain_peek(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **out, struct pxt_error *error)
{
    pthread_mutex_lock(&chain->stripe_lock[pxt_stripe(key->hash)]);
    pxt_hint_log_replay(&chain->hint_log);
    pxt_status status = pxt_chain_find(chain, key, PXT_CHAIN_MAX, out, error);
    pthread_mutex_unlock(&chain->stripe_lock[pxt_stripe(key->hash)]);
    if (status == PXT_OK && expired(chain, *out)) {
        pxt_entry_release(*out);
        *out = NULL;
        return PXT_NOT_FOUND;
    }
    return status;
}

/* A write that no tier took has changed nothing: what they had counts as before. */
struct hinted_before {
    bool tier[PXT_CHAIN_MAX];
};

static void note_hinted(struct pxt_chain *chain, const struct pxt_key *key, struct hinted_before *before)
{
    for (unsigned i = 0; i < chain->count; i++)
        before->tier[i] = pxt_hints_has(&chain->tier[i].hints, key) == PXT_KEY_HINTED;
}

static void forget_new_hints(struct pxt_chain *chain, const struct pxt_key *key, const struct hinted_before *before)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (!before->tier[i])
            pxt_tier_hint_done(&chain->tier[i], key);
}

/* Whether a faster tier that is on keeps entries safe. */
static bool durable_before(const struct pxt_chain *chain, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (pxt_tier_on(&chain->tier[i]) && pxt_tier_durable(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            return true;
    return false;
}

pxt_status pxt_chain_store(struct pxt_chain *chain, pxt_entry *entry, struct pxt_victims *victims,
                           struct pxt_error *error)
{
    struct pxt_key key;
    pxt_status first = PXT_OK;
    bool taken = false;
    pxt_entry_key_of(entry, &key);
    struct hinted_before before;
    bool later[PXT_CHAIN_MAX] = {false};
    note_hinted(chain, &key, &before);
    pxt_access_forget(chain, &key);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_durable(tier) && chain->any_durable)
            continue; /* memory comes last: it may not have what no durable tier took */
        if (!pxt_tier_on(tier) || (tier->write_behind && pxt_tier_may_defer(tier) && durable_before(chain, i))) {
            PXT_COUNT(tier, skipped, !pxt_tier_on(tier));
            later[i] = true;
            continue;
        }
        pxt_status status = pxt_chain_insert(chain, tier, entry, victims, first ? NULL : error);
        taken |= status == PXT_OK;
        first = first ? first : status;
    }
    for (unsigned i = 0; i < chain->count; i++)
        if (later[i] && !taken) { /* who should have had it before did not take it */
            pxt_status status = pxt_chain_insert(chain, &chain->tier[i], entry, victims, first ? NULL : error);
            taken = status == PXT_OK;
            first = first ? first : status;
        } else if (later[i]) /* only now: a key that no other tier has would be taken for a removed one */
            pxt_tier_add_hint(&chain->tier[i], &key, false);
    if (!taken) {
        forget_new_hints(chain, &key, &before);
        return first == PXT_ENOTSUP || first == PXT_EUNAVAILABLE
                   ? pxt_fail(error, PXT_EUNAVAILABLE, 0, "no tier could take the entry: see `proxtier stats`")
                   : first;
    }
    pxt_generation_bump(&chain->coherence, key.hash);
    pxt_entry_set_generation(entry, pxt_generation(&chain->coherence, key.hash));
    for (unsigned i = chain->count; chain->any_durable && i-- > 0;)
        if (!pxt_tier_durable(&chain->tier[i]))
            pxt_chain_insert(chain, &chain->tier[i], entry, victims, NULL);
    return PXT_OK;
}

pxt_status pxt_chain_put(struct pxt_chain *chain, pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_victims victims;
    victims.count = 0;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    pxt_chain_probe_down_tiers(chain);
    pxt_status status = pxt_chain_lock(chain, &key, true, error);
    if (status)
        return status;
    status = pxt_chain_store(chain, entry, &victims, error);
    pxt_chain_unlock(chain, &key, true);
    pxt_evict_finish(chain, &victims);
    pxt_chain_flush(chain);
    return status;
}

pxt_status pxt_chain_remove(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error)
{
    bool found = false, reached = false;
    pxt_status first = PXT_OK;
    struct hinted_before before;
    note_hinted(chain, key, &before);
    pxt_access_forget(chain, key);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_present(tier)) {
            pxt_tier_add_hint(tier, key, true); /* it may be present for another process, or the next */
            continue;
        }
        pxt_status status = pxt_tier_del(tier, key, why, first ? NULL : error);
        found |= status == PXT_OK;
        if (status == PXT_OK || status == PXT_NOT_FOUND)
            reached |= pxt_tier_durable(tier) || !chain->any_durable;
        else
            first = first ? first : status;
    }
    pxt_generation_bump(&chain->coherence, key->hash);
    if (!reached) {
        forget_new_hints(chain, key, &before);
        return first ? first : pxt_fail(error, PXT_EUNAVAILABLE, 0, "no tier could be asked: see `proxtier stats`");
    }
    return found ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status pxt_chain_delete(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error)
{
    pxt_chain_probe_down_tiers(chain);
    pxt_status status = pxt_chain_lock(chain, key, true, error);
    if (status)
        return status;
    status = pxt_chain_remove(chain, key, why, error);
    pxt_chain_unlock(chain, key, true);
    struct pxt_victims victims;
    victims.count = 0;
    pxt_evict_finish(chain, &victims);
    return status;
}

static pxt_status change_locked(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                                enum pxt_removal why, struct pxt_victims *victims, struct pxt_error *error)
{
    pxt_entry *entry = NULL, *changed = NULL;
    pxt_status status = pxt_chain_find(chain, key, PXT_CHAIN_MAX, &entry, error);
    if (status)
        return status;
    if (expired(chain, entry)) {
        pxt_chain_remove(chain, key, PXT_REMOVE_EXPIRED, NULL);
        PXT_COUNT(&chain->tier[0], evictions_ttl, 1);
        status = PXT_NOT_FOUND;
    } else {
        status = change(arg, entry, &changed, error);
    }
    if (!status && changed)
        status = pxt_chain_store(chain, changed, victims, error);
    else if (!status)
        status = pxt_chain_remove(chain, key, why, error);
    pxt_entry_release(entry);
    pxt_entry_release(changed);
    return status;
}

pxt_status pxt_chain_change(struct pxt_chain *chain, const struct pxt_key *key, pxt_change_fn *change, void *arg,
                            enum pxt_removal why, struct pxt_error *error)
{
    struct pxt_victims victims = {.count = 0};
    pxt_chain_settle(chain, NULL); /* the copy that is stored anew has all hits so far */
    pxt_chain_probe_down_tiers(chain);
    pxt_status status = pxt_chain_lock(chain, key, true, error);
    if (status)
        return status;
    status = change_locked(chain, key, change, arg, why, &victims, error);
    pxt_chain_unlock(chain, key, true);
    pxt_evict_finish(chain, &victims);
    return status;
}
