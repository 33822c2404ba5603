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

bool pxt_tier_tells(const struct pxt_tier *tier)
{
    return !tier->self || (tier->flags & PXT_TIER_SHARED);
}

/* Whether there is a file in which it was told: then the event is applied by reading that, in its order. */
static bool tell(struct pxt_tier *tier, enum pxt_hint_event event, const char *key)
{
    return pxt_tier_tells(tier) && pxt_hint_log_append(tier->journal, event, tier, key);
}

/* Under missed_lock. */
static void count(struct pxt_tier *tier)
{
    atomic_store_explicit(&tier->missed_count, tier->missed.count + tier->missed_all, memory_order_release);
}

static void forget_keys(struct pxt_tier *tier)
{
    struct pxt_keymap keys;
    pxt_keymap_take(&tier->missed, &keys);
    pxt_keymap_free(&keys);
    tier->missed_puts = 0;
}

/* What other tiers will show. */
static void forget_puts(struct pxt_tier *tier)
{
    struct pxt_keymap keys;
    pxt_keymap_take(&tier->missed, &keys);
    for (size_t i = 0; i < keys.bucket_count; i++)
        for (struct pxt_keymap_item *item = keys.bucket[i]; item; item = item->next) {
            struct pxt_keymap_item *kept = item->hits ? pxt_keymap_add(&tier->missed, &item->key) : NULL;
            if (kept)
                kept->hits = 1;
        }
    pxt_keymap_free(&keys);
    tier->missed_puts = 0;
}

static void miss_all(struct pxt_tier *tier)
{
    forget_puts(tier);
    tier->missed_all = true;
    tier->resyncing = false;
    tier->missed_overflows++;
}

/* Under missed_lock. False where there is no memory. */
static bool remember(struct pxt_tier *tier, const struct pxt_key *key, bool removal)
{
    size_t before = tier->missed.count;
    struct pxt_keymap_item *item = pxt_keymap_add(&tier->missed, key);
    if (!item)
        return false;
    if (tier->missed.count > before && !removal)
        tier->missed_puts++;
    if (removal && !item->hits && tier->missed.count == before)
        tier->missed_puts--;
    item->hits |= removal;
    return true;
}

static void forget(struct pxt_tier *tier, const struct pxt_key *key)
{
    const struct pxt_keymap_item *item = pxt_keymap_find(&tier->missed, key);
    if (item && !item->hits)
        tier->missed_puts--;
    pxt_keymap_remove(&tier->missed, key);
}

/* Whether nothing new has to be remembered: as a removal, or as any. */
static bool known(const struct pxt_tier *tier, const struct pxt_key *key, bool removal)
{
    const struct pxt_keymap_item *item = pxt_keymap_find(&tier->missed, key);
    return item ? item->hits || !removal : tier->missed_all && !tier->resyncing && !removal;
}

/* A tier that has been away for that long had better be cleared before it comes back. */
static bool too_many_removals(const struct pxt_tier *tier)
{
    bool too_many = tier->missed.count - tier->missed_puts >= 100 * tier->missed_max;
    if (too_many)
        pxt_log(tier->logger, PXT_MESSAGE_ERROR, "chain",
                "tier %s missed more than %zu removals: clear it before it is used again", tier->name,
                100 * tier->missed_max);
    return too_many;
}

void pxt_tier_missed(struct pxt_tier *tier, const struct pxt_key *key, bool removal)
{
    bool all = false;
    pthread_mutex_lock(&tier->missed_lock);
    bool nothing_new = known(tier, key, removal) || (removal && too_many_removals(tier));
    if (!nothing_new && ((!removal && tier->missed_puts >= tier->missed_max) || !remember(tier, key, removal))) {
        miss_all(tier);
        all = true;
    }
    count(tier);
    pthread_mutex_unlock(&tier->missed_lock);
    if (nothing_new)
        return;
    if (all)
        tell(tier, PXT_MISSED_ALL, NULL);
    else
        tell(tier, removal ? PXT_MISSED_REMOVAL : PXT_MISSED_PUT, key->text);
    if (all)
        pxt_log(tier->logger, PXT_MESSAGE_WARNING, "chain",
                "tier %s missed more than %zu puts: it will be gone through as a whole before it serves again",
                tier->name, tier->missed_max);
}

enum pxt_hint_key pxt_tier_is_missed(struct pxt_tier *tier, const struct pxt_key *key)
{
    if (!pxt_tier_has_missed(tier))
        return PXT_KEY_VALID;
    pthread_mutex_lock(&tier->missed_lock);
    bool known = pxt_keymap_find(&tier->missed, key) != NULL;
    bool all = tier->missed_all;
    pthread_mutex_unlock(&tier->missed_lock);
    return known ? PXT_KEY_MISSED : all ? PXT_KEY_IN_DOUBT : PXT_KEY_VALID;
}

bool pxt_tier_any_missed(struct pxt_tier *tier, char *text, struct pxt_key *key)
{
    pthread_mutex_lock(&tier->missed_lock);
    const struct pxt_keymap_item *item = pxt_keymap_any(&tier->missed);
    if (item) {
        memcpy(text, item->text, item->key.length + 1);
        pxt_key_init(key, text, item->key.length);
    }
    pthread_mutex_unlock(&tier->missed_lock);
    return item != NULL;
}

bool pxt_tier_missed_puts(struct pxt_tier *tier, struct pxt_keymap *out, bool *removals)
{
    bool good = true;
    *out = (struct pxt_keymap){0};
    pthread_mutex_lock(&tier->missed_lock);
    *removals = tier->missed.count != tier->missed_puts;
    for (size_t i = 0; good && i < tier->missed.bucket_count; i++)
        for (const struct pxt_keymap_item *item = tier->missed.bucket[i]; item && good; item = item->next)
            good = item->hits || pxt_keymap_add(out, &item->key);
    pthread_mutex_unlock(&tier->missed_lock);
    return good;
}

void pxt_tier_nothing_missed(struct pxt_tier *tier)
{
    if (!tell(tier, PXT_MISSED_NO_KEY, NULL))
        pxt_tier_apply_missed(tier, PXT_MISSED_NO_KEY, NULL);
}

void pxt_tier_made_good(struct pxt_tier *tier, const struct pxt_key *key)
{
    if (!pxt_tier_has_missed(tier))
        return;
    pthread_mutex_lock(&tier->missed_lock);
    bool was_missed = pxt_keymap_find(&tier->missed, key) != NULL;
    forget(tier, key);
    count(tier);
    pthread_mutex_unlock(&tier->missed_lock);
    if (was_missed)
        tell(tier, PXT_MISSED_MADE_GOOD, key->text);
}

unsigned pxt_tier_missed_overflows(struct pxt_tier *tier)
{
    pthread_mutex_lock(&tier->missed_lock);
    unsigned overflows = tier->missed_overflows;
    pthread_mutex_unlock(&tier->missed_lock);
    return overflows;
}

bool pxt_tier_resync_begin(struct pxt_tier *tier, unsigned *overflows)
{
    pthread_mutex_lock(&tier->missed_lock);
    bool all = tier->missed_all;
    *overflows = tier->missed_overflows;
    pthread_mutex_unlock(&tier->missed_lock);
    if (all && !tell(tier, PXT_MISSED_RESYNC, NULL))
        pxt_tier_apply_missed(tier, PXT_MISSED_RESYNC, NULL);
    return all;
}

bool pxt_tier_resync_end(struct pxt_tier *tier, unsigned overflows)
{
    if (pxt_tier_tells(tier) && tier->journal && tier->journal->fd >= 0)
        return pxt_hint_log_append_end(tier->journal, tier, overflows);
    bool good = pxt_tier_missed_overflows(tier) == overflows;
    if (good)
        pxt_tier_apply_missed(tier, PXT_MISSED_RESYNCED, NULL);
    return good;
}

void pxt_tier_apply_missed(struct pxt_tier *tier, enum pxt_hint_event event, const char *text)
{
    struct pxt_key key;
    size_t length = text ? strlen(text) : 0;
    if (text && (!length || length > PXT_KEY_MAX))
        return;
    if (text)
        pxt_key_init(&key, text, length);
    pthread_mutex_lock(&tier->missed_lock);
    if ((event == PXT_MISSED_PUT || event == PXT_MISSED_REMOVAL) && !remember(tier, &key, event == PXT_MISSED_REMOVAL))
        miss_all(tier);
    else if (event == PXT_MISSED_MADE_GOOD)
        forget(tier, &key);
    else if (event == PXT_MISSED_NO_KEY)
        forget_keys(tier);
    else if (event == PXT_MISSED_ALL)
        miss_all(tier);
    else if (event == PXT_MISSED_RESYNC)
        forget_puts(tier), tier->resyncing = tier->missed_all;
    else if (event == PXT_MISSED_RESYNCED)
        tier->missed_all = tier->resyncing = false;
    count(tier);
    pthread_mutex_unlock(&tier->missed_lock);
}

void pxt_tier_forget_missed(struct pxt_tier *tier)
{
    if (!pxt_tier_tells(tier))
        return;
    pthread_mutex_lock(&tier->missed_lock);
    forget_keys(tier);
    tier->missed_all = tier->resyncing = false;
    count(tier);
    pthread_mutex_unlock(&tier->missed_lock);
}
