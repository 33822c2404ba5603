/* SPDX-License-Identifier: MIT
 *
 * tier_hints.c: what a tier missed while it was off, or because a write failed. Until it was made good the key is not
 * read from this tier. Beyond a bound of puts all keys count as missed, and the tier is gone through as a whole: what was
 * put is in other tiers, which keep it. Removals are remembered whatever their number, for no tier can tell of them; the
 * item of a removed key has `hits` set.
 */
#include "base/fail.h"
#include "base/key.h"
#include "tier/tier.h"
#include <string.h>

bool pxt_link_tells(const struct pxt_link *link)
{
    return !link->self || (link->flags & PXT_TIER_SHARED);
}

/* Whether there is a file in which it was told: then the event is applied by reading that, in its order. */
static bool tell(struct pxt_link *link, enum pxt_missed_event event, const char *key)
{
    return pxt_link_tells(link) && pxt_missed_tell(link->journal, event, link, key);
}

/* Under missed_lock. */
static void count(struct pxt_link *link)
{
    atomic_store_explicit(&link->missed_count, link->missed.count + link->missed_all, memory_order_release);
}

static void forget_keys(struct pxt_link *link)
{
    struct pxt_keyset keys;
    pxt_keyset_take(&link->missed, &keys);
    pxt_keyset_free(&keys);
    link->missed_puts = 0;
}

/* What other tiers will show. */
static void forget_puts(struct pxt_link *link)
{
    struct pxt_keyset keys;
    pxt_keyset_take(&link->missed, &keys);
    for (size_t i = 0; i < keys.bucket_count; i++)
        for (struct pxt_keyset_item *item = keys.bucket[i]; item; item = item->next) {
            struct pxt_keyset_item *kept = item->hits ? pxt_keyset_add(&link->missed, &item->key) : NULL;
            if (kept)
                kept->hits = 1;
        }
    pxt_keyset_free(&keys);
    link->missed_puts = 0;
}

static void miss_all(struct pxt_link *link)
{
    forget_puts(link);
    link->missed_all = true;
    link->resyncing = false;
    link->missed_overflows++;
}

/* Under missed_lock. False where there is no memory. */
static bool remember(struct pxt_link *link, const struct pxt_key *key, bool removal)
{
    size_t before = link->missed.count;
    struct pxt_keyset_item *item = pxt_keyset_add(&link->missed, key);
    if (!item)
        return false;
    if (link->missed.count > before && !removal)
        link->missed_puts++;
    if (removal && !item->hits && link->missed.count == before)
        link->missed_puts--;
    item->hits |= removal;
    return true;
}

static void forget(struct pxt_link *link, const struct pxt_key *key)
{
    const struct pxt_keyset_item *item = pxt_keyset_find(&link->missed, key);
    if (item && !item->hits)
        link->missed_puts--;
    pxt_keyset_remove(&link->missed, key);
}

/* Whether nothing new has to be remembered: as a removal, or as any. */
static bool known(const struct pxt_link *link, const struct pxt_key *key, bool removal)
{
    const struct pxt_keyset_item *item = pxt_keyset_find(&link->missed, key);
    return item ? item->hits || !removal : link->missed_all && !link->resyncing && !removal;
}

/* A tier that has been away for that long had better be cleared before it comes back. */
static bool too_many_removals(const struct pxt_link *link)
{
    bool too_many = link->missed.count - link->missed_puts >= 100 * link->missed_max;
    if (too_many)
        pxt_log(link->logger, PXT_MESSAGE_ERROR, "chain",
                "tier %s missed more than %zu removals: clear it before it is used again", link->name,
                100 * link->missed_max);
    return too_many;
}

void pxt_link_missed(struct pxt_link *link, const struct pxt_key *key, bool removal)
{
    bool all = false;
    pthread_mutex_lock(&link->missed_lock);
    bool nothing_new = known(link, key, removal) || (removal && too_many_removals(link));
    if (!nothing_new && ((!removal && link->missed_puts >= link->missed_max) || !remember(link, key, removal))) {
        miss_all(link);
        all = true;
    }
    count(link);
    pthread_mutex_unlock(&link->missed_lock);
    if (nothing_new)
        return;
    if (all)
        tell(link, PXT_MISSED_ALL, NULL);
    else
        tell(link, removal ? PXT_MISSED_REMOVAL : PXT_MISSED_PUT, key->text);
    if (all)
        pxt_log(link->logger, PXT_MESSAGE_WARNING, "chain",
                "tier %s missed more than %zu puts: it will be gone through as a whole before it serves again",
                link->name, link->missed_max);
}

enum pxt_missed_key pxt_link_is_missed(struct pxt_link *link, const struct pxt_key *key)
{
    if (!pxt_link_has_missed(link))
        return PXT_KEY_VALID;
    pthread_mutex_lock(&link->missed_lock);
    bool known = pxt_keyset_find(&link->missed, key) != NULL;
    bool all = link->missed_all;
    pthread_mutex_unlock(&link->missed_lock);
    return known ? PXT_KEY_MISSED : all ? PXT_KEY_IN_DOUBT : PXT_KEY_VALID;
}

bool pxt_link_any_missed(struct pxt_link *link, char *text, struct pxt_key *key)
{
    pthread_mutex_lock(&link->missed_lock);
    const struct pxt_keyset_item *item = pxt_keyset_any(&link->missed);
    if (item) {
        memcpy(text, item->text, item->key.length + 1);
        pxt_key_init(key, text, item->key.length);
    }
    pthread_mutex_unlock(&link->missed_lock);
    return item != NULL;
}

bool pxt_link_missed_puts(struct pxt_link *link, struct pxt_keyset *out, bool *removals)
{
    bool good = true;
    *out = (struct pxt_keyset){0};
    pthread_mutex_lock(&link->missed_lock);
    *removals = link->missed.count != link->missed_puts;
    for (size_t i = 0; good && i < link->missed.bucket_count; i++)
        for (const struct pxt_keyset_item *item = link->missed.bucket[i]; item && good; item = item->next)
            good = item->hits || pxt_keyset_add(out, &item->key);
    pthread_mutex_unlock(&link->missed_lock);
    return good;
}

void pxt_link_nothing_missed(struct pxt_link *link)
{
    if (!tell(link, PXT_MISSED_NO_KEY, NULL))
        pxt_link_apply_missed(link, PXT_MISSED_NO_KEY, NULL);
}

void pxt_link_made_good(struct pxt_link *link, const struct pxt_key *key)
{
    if (!pxt_link_has_missed(link))
        return;
    pthread_mutex_lock(&link->missed_lock);
    bool was_missed = pxt_keyset_find(&link->missed, key) != NULL;
    forget(link, key);
    count(link);
    pthread_mutex_unlock(&link->missed_lock);
    if (was_missed)
        tell(link, PXT_MISSED_MADE_GOOD, key->text);
}

unsigned pxt_link_missed_overflows(struct pxt_link *link)
{
    pthread_mutex_lock(&link->missed_lock);
    unsigned overflows = link->missed_overflows;
    pthread_mutex_unlock(&link->missed_lock);
    return overflows;
}

bool pxt_link_resync_begin(struct pxt_link *link, unsigned *overflows)
{
    pthread_mutex_lock(&link->missed_lock);
    bool all = link->missed_all;
    *overflows = link->missed_overflows;
    pthread_mutex_unlock(&link->missed_lock);
    if (all && !tell(link, PXT_MISSED_RESYNC, NULL))
        pxt_link_apply_missed(link, PXT_MISSED_RESYNC, NULL);
    return all;
}

bool pxt_link_resync_end(struct pxt_link *link, unsigned overflows)
{
    if (pxt_link_tells(link) && link->journal && link->journal->fd >= 0)
        return pxt_missed_tell_end(link->journal, link, overflows);
    bool good = pxt_link_missed_overflows(link) == overflows;
    if (good)
        pxt_link_apply_missed(link, PXT_MISSED_RESYNCED, NULL);
    return good;
}

void pxt_link_apply_missed(struct pxt_link *link, enum pxt_missed_event event, const char *text)
{
    struct pxt_key key;
    size_t length = text ? strlen(text) : 0;
    if (text && (!length || length > PXT_KEY_MAX))
        return;
    if (text)
        pxt_key_init(&key, text, length);
    pthread_mutex_lock(&link->missed_lock);
    if ((event == PXT_MISSED_PUT || event == PXT_MISSED_REMOVAL) && !remember(link, &key, event == PXT_MISSED_REMOVAL))
        miss_all(link);
    else if (event == PXT_MISSED_MADE_GOOD)
        forget(link, &key);
    else if (event == PXT_MISSED_NO_KEY)
        forget_keys(link);
    else if (event == PXT_MISSED_ALL)
        miss_all(link);
    else if (event == PXT_MISSED_RESYNC)
        forget_puts(link), link->resyncing = link->missed_all;
    else if (event == PXT_MISSED_RESYNCED)
        link->missed_all = link->resyncing = false;
    count(link);
    pthread_mutex_unlock(&link->missed_lock);
}

void pxt_link_forget_missed(struct pxt_link *link)
{
    if (!pxt_link_tells(link))
        return;
    pthread_mutex_lock(&link->missed_lock);
    forget_keys(link);
    link->missed_all = link->resyncing = false;
    count(link);
    pthread_mutex_unlock(&link->missed_lock);
}
