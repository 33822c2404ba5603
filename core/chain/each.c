/* SPDX-License-Identifier: MIT
 *
 * each.c: over all entries of the chain, each once; and clearing.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "entry/entry.h"

struct walk {
    struct pxt_chain *chain;
    struct pxt_tier *tier;
    struct pxt_keymap *seen; /* NULL in a chain of one */
    pxt_entry_fn *fn;
    void *arg;
    pxt_time now;
    bool stopped, no_memory;
};

static bool visit(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    if (pxt_entry_expired(entry, walk->now) || pxt_chain_stale(walk->chain, walk->tier, entry) ||
        pxt_hints_has(&walk->tier->hints, &key))
        return true;
    if (walk->seen) {
        struct pxt_keymap_item *item = pxt_keymap_add(walk->seen, &key);
        if (!item) {
            walk->no_memory = true;
            return false;
        }
        if (item->hits++)
            return true;
    }
    walk->stopped = !walk->fn(walk->arg, entry);
    return !walk->stopped;
}

/* From the fastest: its copies have the exact counters. */
pxt_status pxt_chain_each(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct pxt_keymap seen = {0};
    struct walk walk = {.chain = chain,
                        .seen = chain->count > 1 ? &seen : NULL,
                        .fn = fn,
                        .arg = arg,
                        .now = pxt_clock_now(&chain->clock)};
    pxt_hint_log_replay(&chain->hint_log);
    pxt_status first = pxt_chain_settle(chain, error);
    for (unsigned i = 0; i < chain->count && !walk.stopped && !walk.no_memory; i++) {
        walk.tier = &chain->tier[i];
        if (!pxt_tier_on(walk.tier))
            continue;
        pxt_status status = pxt_tier_each(walk.tier, visit, &walk, first ? NULL : error);
        first = first ? first : status;
    }
    if (walk.no_memory)
        first = pxt_fail_memory(error, "a list of keys");
    pxt_keymap_free(&seen);
    return first;
}

static bool count_one(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(uint64_t *)arg;
    return true;
}

static pxt_status clear_locked(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (unsigned i = chain->count; i-- > 0;) {
        uint64_t removed;
        if (!pxt_tier_present(&chain->tier[i]))
            continue;
        pxt_status status = pxt_tier_clear(&chain->tier[i], &removed, first ? NULL : error);
        first = first ? first : status;
    }
    pxt_access_forget_all(chain);
    pxt_generation_bump_all(&chain->coherence);
    return first;
}

pxt_status pxt_chain_clear(struct pxt_chain *chain, uint64_t *removed, struct pxt_error *error)
{
    uint64_t distinct = 0;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_present(&chain->tier[i]) && !pxt_tier_on(&chain->tier[i]))
            return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                            "tier %s is off and cannot be cleared: nothing was removed; see `proxtier stats`",
                            chain->tier[i].name);
    pxt_status status = pxt_chain_lock_all(chain, error);
    if (!status) {
        status = pxt_chain_each(chain, count_one, &distinct, error);
        if (!status)
            status = clear_locked(chain, error);
        pxt_chain_unlock_all(chain);
    }
    if (removed)
        *removed = status ? 0 : distinct;
    return status;
}
