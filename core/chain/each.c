/* SPDX-License-Identifier: MIT
 *
 * each.c: goes over the entries of all tiers, each key once.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/key_ops.h"
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
        if (item->value++) /* 0: not seen yet */
            return true;
    }
    walk->stopped = !walk->fn(walk->arg, entry);
    return !walk->stopped;
}

/* From the fastest tier on: its copies have the exact counters. */
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
