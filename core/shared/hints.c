/* SPDX-License-Identifier: MIT
 *
 * hints.c: the keys of which one tier lacks the last write.
 */
#include "shared/hints.h"
#include "base/fail.h"
#include "base/key.h"
#include <string.h>

enum { REMOVALS_PER_PUT = 100 };

void pxt_hints_init(struct pxt_hints *hints, const char *name, size_t puts_max)
{
    hints->name = name;
    hints->puts_max = puts_max;
    pthread_mutex_init(&hints->lock, NULL);
}

void pxt_hints_destroy(struct pxt_hints *hints)
{
    pxt_keymap_free(&hints->keys);
    pthread_mutex_destroy(&hints->lock);
}

/* ---- under the lock --------------------------------------------------------------------------------------------- */

/* An item of the key map carries one bit here: whether its hint is a removal. */
static bool is_removal(const struct pxt_keymap_item *item)
{
    return item->value != 0;
}

static void make_removal(struct pxt_keymap_item *item)
{
    item->value = 1;
}

static void publish(struct pxt_hints *hints)
{
    atomic_store_explicit(&hints->pending, hints->keys.count + hints->overflowed, memory_order_release);
}

static void drop_keys(struct pxt_hints *hints)
{
    struct pxt_keymap keys;
    pxt_keymap_take(&hints->keys, &keys);
    pxt_keymap_free(&keys);
    hints->puts = 0;
}

static void drop_puts(struct pxt_hints *hints)
{
    struct pxt_keymap keys;
    pxt_keymap_take(&hints->keys, &keys);
    for (size_t i = 0; i < keys.bucket_count; i++)
        for (struct pxt_keymap_item *item = keys.bucket[i]; item; item = item->next) {
            struct pxt_keymap_item *kept = is_removal(item) ? pxt_keymap_add(&hints->keys, &item->key) : NULL;
            if (kept)
                make_removal(kept);
        }
    pxt_keymap_free(&keys);
    hints->puts = 0;
}

static void overflow(struct pxt_hints *hints)
{
    drop_puts(hints);
    hints->overflowed = true;
    hints->resyncing = false;
    hints->overflow_count++;
}

/* False when out of memory. */
static bool remember(struct pxt_hints *hints, const struct pxt_key *key, bool removal)
{
    size_t before = hints->keys.count;
    struct pxt_keymap_item *item = pxt_keymap_add(&hints->keys, key);
    if (!item)
        return false;
    bool is_new = hints->keys.count > before;
    if (is_new && !removal)
        hints->puts++;
    if (!is_new && removal && !is_removal(item))
        hints->puts--;
    if (removal)
        make_removal(item);
    return true;
}

static void forget(struct pxt_hints *hints, const struct pxt_key *key)
{
    const struct pxt_keymap_item *item = pxt_keymap_find(&hints->keys, key);
    if (item && !is_removal(item))
        hints->puts--;
    pxt_keymap_remove(&hints->keys, key);
}

/* Returns whether a hint would add nothing: the key has one as strong, or the next full resync covers the put. */
static bool known(const struct pxt_hints *hints, const struct pxt_key *key, bool removal)
{
    const struct pxt_keymap_item *item = pxt_keymap_find(&hints->keys, key);
    return item ? is_removal(item) || !removal : hints->overflowed && !hints->resyncing && !removal;
}

static enum pxt_hint_added add(struct pxt_hints *hints, const struct pxt_key *key, bool removal)
{
    if (known(hints, key, removal))
        return PXT_HINT_KNOWN;
    if (removal && hints->keys.count - hints->puts >= REMOVALS_PER_PUT * hints->puts_max)
        return PXT_HINT_TOO_MANY_REMOVALS;
    if ((removal || hints->puts < hints->puts_max) && remember(hints, key, removal))
        return PXT_HINT_ADDED;
    overflow(hints);
    return PXT_HINT_OVERFLOWED;
}

static void apply(struct pxt_hints *hints, enum pxt_hint_event event, const struct pxt_key *key)
{
    switch (event) {
    case PXT_HINT_PUT:
    case PXT_HINT_REMOVAL:
        if (!remember(hints, key, event == PXT_HINT_REMOVAL))
            overflow(hints);
        break;
    case PXT_HINT_DONE:
        forget(hints, key);
        break;
    case PXT_HINT_ALL_DONE:
        drop_keys(hints);
        break;
    case PXT_HINT_OVERFLOW:
        overflow(hints);
        break;
    case PXT_HINT_RESYNC_BEGIN:
        drop_puts(hints);
        hints->resyncing = hints->overflowed;
        break;
    case PXT_HINT_RESYNC_END:
        hints->overflowed = hints->resyncing = false;
        break;
    }
}

/* ---- takes the lock --------------------------------------------------------------------------------------------- */

enum pxt_hint_added pxt_hints_add(struct pxt_hints *hints, const struct pxt_key *key, bool removal)
{
    pthread_mutex_lock(&hints->lock);
    enum pxt_hint_added added = add(hints, key, removal);
    publish(hints);
    pthread_mutex_unlock(&hints->lock);
    return added;
}

bool pxt_hints_done(struct pxt_hints *hints, const struct pxt_key *key)
{
    if (!pxt_hints_pending(hints))
        return false;
    pthread_mutex_lock(&hints->lock);
    bool had = pxt_keymap_find(&hints->keys, key) != NULL;
    forget(hints, key);
    publish(hints);
    pthread_mutex_unlock(&hints->lock);
    return had;
}

enum pxt_hint_key pxt_hints_has(struct pxt_hints *hints, const struct pxt_key *key)
{
    if (!pxt_hints_pending(hints))
        return PXT_KEY_VALID;
    pthread_mutex_lock(&hints->lock);
    bool hinted = pxt_keymap_find(&hints->keys, key) != NULL;
    bool overflowed = hints->overflowed;
    pthread_mutex_unlock(&hints->lock);
    return hinted ? PXT_KEY_HINTED : overflowed ? PXT_KEY_UNKNOWN : PXT_KEY_VALID;
}

bool pxt_hints_any(struct pxt_hints *hints, char *text, struct pxt_key *key)
{
    pthread_mutex_lock(&hints->lock);
    const struct pxt_keymap_item *item = pxt_keymap_any(&hints->keys);
    if (item) {
        memcpy(text, item->text, item->key.length + 1);
        pxt_key_init(key, text, item->key.length);
    }
    pthread_mutex_unlock(&hints->lock);
    return item != NULL;
}

bool pxt_hints_puts(struct pxt_hints *hints, struct pxt_keymap *out, bool *removals)
{
    bool good = true;
    *out = (struct pxt_keymap){0};
    pthread_mutex_lock(&hints->lock);
    *removals = hints->keys.count != hints->puts;
    for (size_t i = 0; good && i < hints->keys.bucket_count; i++)
        for (const struct pxt_keymap_item *item = hints->keys.bucket[i]; item && good; item = item->next)
            good = is_removal(item) || pxt_keymap_add(out, &item->key);
    pthread_mutex_unlock(&hints->lock);
    return good;
}

bool pxt_hints_each(struct pxt_hints *hints, pxt_hint_fn *fn, void *arg)
{
    pthread_mutex_lock(&hints->lock);
    bool good = !hints->overflowed || fn(arg, PXT_HINT_OVERFLOW, NULL);
    for (size_t i = 0; good && i < hints->keys.bucket_count; i++)
        for (const struct pxt_keymap_item *item = hints->keys.bucket[i]; item && good; item = item->next)
            good = fn(arg, is_removal(item) ? PXT_HINT_REMOVAL : PXT_HINT_PUT, item->text);
    pthread_mutex_unlock(&hints->lock);
    return good;
}

bool pxt_hints_overflowed(struct pxt_hints *hints, unsigned *count)
{
    pthread_mutex_lock(&hints->lock);
    bool overflowed = hints->overflowed;
    *count = hints->overflow_count;
    pthread_mutex_unlock(&hints->lock);
    return overflowed;
}

void pxt_hints_apply(struct pxt_hints *hints, enum pxt_hint_event event, const char *text)
{
    struct pxt_key key = {0};
    size_t length = text ? strlen(text) : 0;
    bool needs_key = event == PXT_HINT_PUT || event == PXT_HINT_REMOVAL || event == PXT_HINT_DONE;
    if (length > PXT_KEY_MAX || (needs_key && !length))
        return;
    if (needs_key)
        pxt_key_init(&key, text, length);
    pthread_mutex_lock(&hints->lock);
    apply(hints, event, &key);
    publish(hints);
    pthread_mutex_unlock(&hints->lock);
}

void pxt_hints_clear(struct pxt_hints *hints)
{
    pthread_mutex_lock(&hints->lock);
    drop_keys(hints);
    hints->overflowed = hints->resyncing = false;
    publish(hints);
    pthread_mutex_unlock(&hints->lock);
}
