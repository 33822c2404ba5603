/* SPDX-License-Identifier: MIT
 *
 * repair.c: gives tiers what they missed: one that was off and is let back in, one that a write passed by, one that
 * found damage, and one that is written behind. Called by the janitor, by pxt_cache_tick(), on open and close, and on the
 * way of calls that find a back-off over.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "entry/entry.h"
#include <stdio.h>

enum { FLUSH = 4000 };

struct gathered {
    struct pxt_keyset keys;
    bool no_memory;
};

/* Whether a tier is to have what the others have: in place of an older one, or where there is room. */
static bool wants(struct pxt_link *link, const struct pxt_key *key)
{
    uint64_t size;
    if (!link->limited || pxt_link_holds(link, key, NULL) == PXT_OK)
        return true;
    return pxt_link_count(link, &size, NULL) == PXT_OK && size < link->max_entries;
}

/* Gives a tier what the others have for a key. One that was missed, and that the others have not, was removed or expired
 * meanwhile: what the tier has goes. */
static pxt_status reconcile(struct pxt_chain *chain, struct pxt_link *link, const struct pxt_key *key,
                            struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_chain_lock(chain, key, true, error);
    if (status)
        return status;
    status = pxt_chain_find(chain, key, link->index, &entry, error);
    if (status == PXT_OK && wants(link, key))
        status = pxt_link_put(link, entry, error);
    else if (status == PXT_OK || (status == PXT_NOT_FOUND && pxt_link_is_missed(link, key) == PXT_KEY_MISSED))
        status = pxt_link_del(link, key, PXT_REMOVE_DELETED, error);
    pxt_generation_bump(&chain->coherence, key->hash);
    pxt_chain_unlock(chain, key, true);
    pxt_entry_release(entry);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* With all stripes locked: reads what the others have for the keys that were put, and stores it in batches. */
static pxt_status store_puts(struct pxt_chain *chain, struct pxt_link *link, const struct pxt_keyset *puts,
                             struct pxt_error *error)
{
    pxt_entry *entries[FLUSH];
    size_t n = 0, left = puts->count;
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < puts->bucket_count; i++)
        for (const struct pxt_keyset_item *item = puts->bucket[i]; item; item = item->next) {
            if (!status) {
                status = pxt_chain_find(chain, &item->key, link->index, &entries[n], error);
                n += status == PXT_OK;
                if (status == PXT_NOT_FOUND)
                    status = pxt_link_del(link, &item->key, PXT_REMOVE_DELETED, error);
                status = status == PXT_NOT_FOUND ? PXT_OK : status;
            }
            if (--left && n < FLUSH)
                continue;
            if (!status && n)
                status = pxt_link_store_missed(link, entries, n, error);
            while (n)
                pxt_entry_release(entries[--n]);
        }
    return status;
}

/* All puts that a tier missed, in a few transactions. PXT_ENOTSUP where it has to be done key by key. */
static pxt_status flush(struct pxt_chain *chain, struct pxt_link *link, struct pxt_error *error)
{
    struct pxt_keyset puts;
    bool removals;
    if (link->limited || !link->ops->put_many || link->tracker)
        return PXT_ENOTSUP;
    pxt_status status = pxt_chain_lock_all(chain, error);
    if (status)
        return status;
    pxt_missed_learn(&chain->missed);
    if (!pxt_link_missed_puts(link, &puts, &removals) || removals) {
        status = PXT_ENOTSUP;
    } else {
        status = store_puts(chain, link, &puts, error);
        if (!status && puts.count)
            pxt_link_nothing_missed(link);
    }
    pxt_keyset_free(&puts);
    pxt_chain_unlock_all(chain);
    return status;
}

static pxt_status make_keys_good(struct pxt_chain *chain, struct pxt_link *link, struct pxt_error *error)
{
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    pxt_status status = flush(chain, link, error);
    if (status != PXT_ENOTSUP)
        return status;
    while (pxt_link_any_missed(link, text, &key)) {
        status = reconcile(chain, link, &key, error);
        if (status)
            return status;
    }
    return PXT_OK;
}

void pxt_chain_flush(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_link *link = &chain->link[i];
        size_t enough = link->missed_max / 2 < FLUSH ? link->missed_max / 2 : FLUSH;
        if (link->write_behind && pxt_link_on(link) &&
            atomic_load_explicit(&link->missed_count, memory_order_relaxed) > enough)
            make_keys_good(chain, link, NULL);
    }
}

static bool gather_key(void *arg, pxt_entry *entry)
{
    struct gathered *gathered = arg;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    gathered->no_memory = !pxt_keyset_add(&gathered->keys, &key);
    return !gathered->no_memory;
}

/* The keys that it has, which may be old, and those of the faster tiers, which it should have as well. */
static pxt_status gather_keys(struct pxt_chain *chain, struct gathered *gathered, struct pxt_link *link,
                              struct pxt_error *error)
{
    for (unsigned i = 0; i <= link->index; i++) {
        if (i != link->index && !pxt_link_on(&chain->link[i]))
            continue;
        pxt_status status = pxt_link_each(&chain->link[i], gather_key, gathered, error);
        if (!status && gathered->no_memory)
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
    struct gathered gathered = {0};
    unsigned overflows;
    if (!pxt_link_resync_begin(link, &overflows))
        return PXT_OK;
    pxt_status status = gather_keys(chain, &gathered, link, error);
    for (size_t i = 0; !status && i < gathered.keys.bucket_count; i++)
        for (struct pxt_keyset_item *item = gathered.keys.bucket[i]; item && !status; item = item->next)
            status = reconcile(chain, link, &item->key, error);
    pxt_keyset_free(&gathered.keys);
    if (!status && !pxt_link_resync_end(link, overflows))
        status = pxt_fail(error, PXT_EUNAVAILABLE, 0, "too much was written while it was being gone through");
    return status;
}

/* A tier that found damage lost something: what the faster ones have and it has not is put there again. */
static void refill(struct pxt_chain *chain, struct pxt_link *link)
{
    struct gathered gathered = {0};
    uint64_t found = link->ops->corruptions ? link->ops->corruptions(link->self) : 0;
    if (!pxt_link_durable(link) || atomic_exchange(&link->corruptions_seen, found) == found)
        return;
    for (unsigned i = 0; i < link->index; i++)
        if (pxt_link_on(&chain->link[i]))
            pxt_link_each(&chain->link[i], gather_key, &gathered, NULL);
    for (size_t i = 0; i < gathered.keys.bucket_count; i++)
        for (struct pxt_keyset_item *item = gathered.keys.bucket[i]; item; item = item->next)
            if (pxt_link_holds(link, &item->key, NULL) == PXT_NOT_FOUND)
                reconcile(chain, link, &item->key, NULL);
    pxt_keyset_free(&gathered.keys);
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
