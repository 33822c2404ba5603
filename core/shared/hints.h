/* SPDX-License-Identifier: MIT
 *
 * hints.h: the keys of which one tier lacks the last write, as in hinted handoff. Memory only: no file, no tier.
 *
 * A hint is a key without a value; the value is in the other tiers. More than `puts_max` hints of puts overflow: the
 * single puts are forgotten, and the tier needs a full resync. Hints of removals are kept by key whatever their number,
 * because no tier could tell that a key was removed.
 */
#ifndef PXT_HINTS_H
#define PXT_HINTS_H

#include "base/keymap.h"
#include <pthread.h>
#include <stdatomic.h>

/* What can happen to hints. The values are the first characters of the lines of the hint log. */
enum pxt_hint_event {
    PXT_HINT_PUT = '+',
    PXT_HINT_REMOVAL = 'x',
    PXT_HINT_DONE = '-',
    PXT_HINT_ALL_DONE = '=',
    PXT_HINT_OVERFLOW = '*',
    PXT_HINT_RESYNC_BEGIN = '#',
    PXT_HINT_RESYNC_END = '.'
};

struct pxt_hints {
    const char *name; /* of the tier, in the log */
    bool shared;      /* the hints concern other processes too; constant after open */
    size_t puts_max;
    pthread_mutex_t lock; /* a leaf, around all that follows */
    struct pxt_keymap keys;
    size_t puts; /* keys whose hint is not a removal */
    bool overflowed;
    bool resyncing; /* overflowed, and the full resync is under way */
    unsigned overflow_count;
    _Atomic uint64_t pending; /* keys, and 1 if overflowed; read without the lock: usually 0 */
};

void pxt_hints_init(struct pxt_hints *hints, const char *name, size_t puts_max);
void pxt_hints_destroy(struct pxt_hints *hints);

/* Adds a hint. The result is PXT_HINT_OVERFLOWED also when there is no memory for the key, and
 * PXT_HINT_TOO_MANY_REMOVALS when the hint was not added, since the removals exceed 100 * puts_max. */
enum pxt_hint_added { PXT_HINT_ADDED, PXT_HINT_KNOWN, PXT_HINT_OVERFLOWED, PXT_HINT_TOO_MANY_REMOVALS };
enum pxt_hint_added pxt_hints_add(struct pxt_hints *hints, const struct pxt_key *key, bool removal);
/* Drops the hint of a key that the tier has again. Returns whether there was a hint. */
bool pxt_hints_done(struct pxt_hints *hints, const struct pxt_key *key);

/* Tells whether the tier's copy of a key counts: it does, it does not, or (after an overflow) it may. */
enum pxt_hint_key { PXT_KEY_VALID, PXT_KEY_HINTED, PXT_KEY_UNKNOWN };
enum pxt_hint_key pxt_hints_has(struct pxt_hints *hints, const struct pxt_key *key);
static inline uint64_t pxt_hints_pending(const struct pxt_hints *hints)
{
    return atomic_load_explicit(&hints->pending, memory_order_acquire);
}
/* Copies one hinted key into `text` (PXT_KEY_MAX + 1 bytes); false if there is none. */
bool pxt_hints_any(struct pxt_hints *hints, char *text, struct pxt_key *key);
/* Copies all keys with a hint of a put to `out`, and tells whether there are removals as well; false when out of
 * memory. */
bool pxt_hints_puts(struct pxt_hints *hints, struct pxt_keymap *out, bool *removals);
/* Calls `fn` with the events that make the same hints of none. The lock is held. */
typedef bool pxt_hint_fn(void *arg, enum pxt_hint_event event, const char *key);
bool pxt_hints_each(struct pxt_hints *hints, pxt_hint_fn *fn, void *arg);
/* Tells whether a full resync is needed, and in `*count` how often the hints have overflowed. */
bool pxt_hints_overflowed(struct pxt_hints *hints, unsigned *count);

/* Applies one event of the log. `key` is NULL for an event that has none; a key of no valid length is ignored. */
void pxt_hints_apply(struct pxt_hints *hints, enum pxt_hint_event event, const char *key);
/* Forgets all hints. */
void pxt_hints_clear(struct pxt_hints *hints);

#endif
