/* SPDX-License-Identifier: MIT
 *
 * tick.c: what has to be done now and then: expiry, writing down accesses, letting tiers back in, maintenance. Called
 * by the janitor, by pxt_cache_tick(), and in part on the way of calls that find a back-off over.
 */
#include "chain.h"
#include "entry.h"
#include "fail.h"
#include <stdio.h>

/* ---- expiry --------------------------------------------------------------------------------------------------- */

struct sweep {
    struct pxt_chain *chain;
    struct pxt_keyset keys; /* expired in the link that is swept; to be removed from the others */
    bool no_memory;
};

static void expired_key(void *arg, const struct pxt_key *key)
{
    struct sweep *sweep = arg;
    if (!pxt_keyset_add(&sweep->keys, key))
        sweep->no_memory = true; /* the others' own sweep, and every get, find it expired as well */
}

static bool remove_if_expired(struct pxt_chain *chain, struct pxt_link *link, const struct pxt_key *key, pxt_time now)
{
    pxt_entry *entry = NULL;
    bool removed = false;
    if (pxt_link_get(link, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
        return false;
    if (pxt_entry_expired(entry, now))
        removed = pxt_link_del(link, key, PXT_REMOVE_EXPIRED, NULL) == PXT_OK;
    pxt_entry_release(entry);
    pxt_access_forget(chain, key);
    return removed;
}

/* The copies in the other tiers go with it, each under its key's lock: it may have been put anew meanwhile. True where
 * it was removed from `from`, if that was not done before. */
static bool remove_everywhere(struct pxt_chain *chain, const struct pxt_link *from, const struct pxt_key *key,
                              pxt_time now)
{
    bool removed = false;
    if (pxt_chain_lock(chain, key, true, NULL) != PXT_OK)
        return false;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_link_on(&chain->link[i]) && remove_if_expired(chain, &chain->link[i], key, now))
            removed |= &chain->link[i] == from;
    pxt_chain_unlock(chain, key, true);
    return removed;
}

/* One batch. `*removed` from this link; `*more` where another batch may find something. */
static pxt_status sweep_batch(struct pxt_chain *chain, struct pxt_link *link, uint64_t *removed, bool *more,
                              struct pxt_error *error)
{
    struct sweep sweep = {.chain = chain};
    pxt_time now = pxt_clock_now(&chain->clock);
    bool native = pxt_link_expires(link);
    *removed = 0;
    pxt_status status = native ? pxt_link_expire(link, now, chain->expire_batch, expired_key, &sweep, removed, error)
                               : pxt_link_gather_expired(link, now, chain->expire_batch, &sweep.keys, error);
    *more = !status && (native ? *removed : sweep.keys.count) >= chain->expire_batch;
    for (size_t i = 0; (chain->count > 1 || !native) && i < sweep.keys.bucket_count; i++)
        for (struct pxt_keyset_item *item = sweep.keys.bucket[i]; item; item = item->next)
            *removed += remove_everywhere(chain, link, &item->key, now);
    pxt_keyset_free(&sweep.keys);
    *more = *more && *removed;
    return status;
}

/* One link, from batch to batch: readers wait for no more than one. */
static pxt_status sweep_link(struct pxt_chain *chain, struct pxt_link *link, uint64_t *expired, struct pxt_error *error)
{
    pxt_status status;
    uint64_t removed;
    bool more;
    do {
        status = sweep_batch(chain, link, &removed, &more, error);
        PXT_COUNT(link, evictions_ttl, removed);
        *expired += removed;
    } while (!status && more);
    return status;
}

/* From the slowest, which has everything: what expired is counted there, once. */
pxt_status pxt_chain_expire(struct pxt_chain *chain, uint64_t *expired, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    *expired = 0;
    for (unsigned i = chain->count; i-- > 0;) {
        if (!pxt_link_on(&chain->link[i]))
            continue;
        pxt_status status = sweep_link(chain, &chain->link[i], expired, first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

/* ---- accesses ------------------------------------------------------------------------------------------------- */

pxt_status pxt_chain_settle(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (unsigned i = 0; i < chain->count; i++) {
        if (!pxt_link_on(&chain->link[i]))
            continue;
        pxt_status status = pxt_link_settle(&chain->link[i], first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

static bool note_unwritten(void *arg, pxt_entry *entry)
{
    struct pxt_chain *chain = arg;
    struct pxt_key key;
    uint64_t hits = pxt_entry_take_unwritten(entry);
    if (hits) {
        pxt_entry_key_of(entry, &key);
        pxt_access_note(chain, &key, hits, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    }
    return true;
}

pxt_status pxt_chain_write_accesses(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status status = pxt_chain_settle(chain, error);
    for (unsigned i = 0; chain->any_durable && i < chain->count; i++)
        if (pxt_link_on(&chain->link[i]) && !pxt_link_durable(&chain->link[i]))
            pxt_link_each(&chain->link[i], note_unwritten, chain, NULL);
    pxt_status written = pxt_access_write_all(chain, status ? NULL : error);
    return status ? status : written;
}

/* ---- degraded tiers ------------------------------------------------------------------------------------------- */

/* Whether a tier is to have what the others have: in place of an older one, or where there is room. */
static bool wants(struct pxt_link *link, const struct pxt_key *key)
{
    uint64_t size;
    if (!link->limited || pxt_link_holds(link, key, NULL) == PXT_OK)
        return true;
    return pxt_link_count(link, &size, NULL) == PXT_OK && size < link->max_entries;
}

/* Gives a tier what the others have for a key; a key that it `missed` and that the others have not is removed. */
static pxt_status reconcile(struct pxt_chain *chain, struct pxt_link *link, const struct pxt_key *key, bool missed,
                            struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_chain_lock(chain, key, true, error);
    if (status)
        return status;
    status = pxt_chain_find(chain, key, link->index, &entry, error);
    if (status == PXT_OK && wants(link, key))
        status = pxt_link_put(link, entry, error);
    else if (status == PXT_OK || (status == PXT_NOT_FOUND && missed))
        status = pxt_link_del(link, key, PXT_REMOVE_DELETED, error);
    pxt_generation_bump(&chain->coherence, key->hash);
    pxt_chain_unlock(chain, key, true);
    pxt_entry_release(entry);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

static pxt_status make_keys_good(struct pxt_chain *chain, struct pxt_link *link, struct pxt_error *error)
{
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    while (pxt_link_any_missed(link, text, &key)) {
        pxt_status status = reconcile(chain, link, &key, true, error);
        if (status)
            return status;
    }
    return PXT_OK;
}

static bool gather_key(void *arg, pxt_entry *entry)
{
    struct sweep *sweep = arg;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    sweep->no_memory = !pxt_keyset_add(&sweep->keys, &key);
    return !sweep->no_memory;
}

/* The keys that it has, which may be old, and those of the faster tiers, which it should have as well. */
static pxt_status gather_keys(struct pxt_chain *chain, struct sweep *sweep, struct pxt_link *link,
                              struct pxt_error *error)
{
    for (unsigned i = 0; i <= link->index; i++) {
        if (i != link->index && !pxt_link_on(&chain->link[i]))
            continue;
        pxt_status status = pxt_link_each(&chain->link[i], gather_key, sweep, error);
        if (!status && sweep->no_memory)
            status = pxt_fail_memory(error, "the keys of a tier");
        if (status)
            return status;
    }
    return PXT_OK;
}

/* The tier missed more puts than were remembered: it is gone through as a whole. What it has and the others have not, it
 * keeps: they never knew it, or let it go; what was removed meanwhile is remembered by key. */
static pxt_status resync(struct pxt_chain *chain, struct pxt_link *link, struct pxt_error *error)
{
    struct sweep sweep = {.chain = chain};
    unsigned overflows;
    if (!pxt_link_resync_begin(link, &overflows))
        return PXT_OK;
    pxt_status status = gather_keys(chain, &sweep, link, error);
    for (size_t i = 0; !status && i < sweep.keys.bucket_count; i++)
        for (struct pxt_keyset_item *item = sweep.keys.bucket[i]; item && !status; item = item->next)
            status = reconcile(chain, link, &item->key, false, error);
    pxt_keyset_free(&sweep.keys);
    if (!status && !pxt_link_resync_end(link, overflows))
        status = pxt_fail(error, PXT_EUNAVAILABLE, 0, "too much was written while it was being gone through");
    return status;
}

/* A tier that found damage lost something: what the faster ones have and it has not is put there again. */
static void refill(struct pxt_chain *chain, struct pxt_link *link)
{
    struct sweep sweep = {.chain = chain};
    uint64_t found = link->ops->corruptions ? link->ops->corruptions(link->self) : 0;
    if (!pxt_link_durable(link) || atomic_exchange(&link->corruptions_seen, found) == found)
        return;
    for (unsigned i = 0; i < link->index; i++)
        if (pxt_link_on(&chain->link[i]))
            pxt_link_each(&chain->link[i], gather_key, &sweep, NULL);
    for (size_t i = 0; i < sweep.keys.bucket_count; i++)
        for (struct pxt_keyset_item *item = sweep.keys.bucket[i]; item; item = item->next)
            if (pxt_link_holds(link, &item->key, NULL) == PXT_NOT_FOUND)
                reconcile(chain, link, &item->key, false, NULL);
    pxt_keyset_free(&sweep.keys);
}

static pxt_status catch_up(struct pxt_chain *chain, struct pxt_link *link, struct pxt_error *error)
{
    pxt_status status = resync(chain, link, error);
    return status ? status : make_keys_good(chain, link, error);
}

/* The probe: one call that asks little; then everything that was missed. */
static void probe(struct pxt_chain *chain, struct pxt_link *link)
{
    struct pxt_error error = {.status = PXT_OK};
    uint64_t count;
    bool serial = !(link->flags & PXT_TIER_CONCURRENT);
    if (serial)
        pthread_mutex_lock(&link->serial);
    pxt_status status = link->ops->count(link->self, &count, &error);
    if (serial)
        pthread_mutex_unlock(&link->serial);
    if (!status)
        status = catch_up(chain, link, &error);
    pxt_guard_probed(&link->guard, status == PXT_OK, pxt_clock_monotonic_ms(), error.message);
    if (status)
        pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain", "tier %s stays off: %s", link->name, error.message);
    else
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain", "tier %s is on again, with all that it missed", link->name);
}

void pxt_chain_readmit(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_link *link = &chain->link[i];
        if (!link->self || (pxt_guard_on(&link->guard) && !atomic_load(&link->missed_count)))
            continue;
        if (pxt_guard_may_probe(&link->guard, pxt_clock_monotonic_ms()))
            probe(chain, link);
    }
}

void pxt_chain_make_good(struct pxt_chain *chain)
{
    pxt_missed_learn(&chain->missed);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_link_on(&chain->link[i]) && pxt_link_has_missed(&chain->link[i]))
            catch_up(chain, &chain->link[i], NULL);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_link_on(&chain->link[i]))
            refill(chain, &chain->link[i]);
}

void pxt_chain_maintain(struct pxt_chain *chain)
{
    pxt_chain_readmit(chain);
    pxt_chain_make_good(chain);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_link_on(&chain->link[i]))
            pxt_link_maintain(&chain->link[i], NULL);
}
