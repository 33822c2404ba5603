/* SPDX-License-Identifier: MIT
 *
 * each.c: goes over the entries of all tiers, each key once.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/key_ops.h"
#include "entry/entry.h"
#include <stdio.h>

/* What is known of a key: its entry was given, or only a tier that waits for a full resync has shown it so far. */
enum { GIVEN = 1, DOUBTFUL };

struct walk {
    struct pxt_chain *chain;
    struct pxt_tier *tier;
    struct pxt_keymap keys;
    pxt_entry_fn *fn;
    void *arg;
    pxt_time now;
    size_t doubtful;             /* keys that are DOUBTFUL */
    bool missing[PXT_CHAIN_MAX]; /* tiers that could not be asked */
    bool waits[PXT_CHAIN_MAX];   /* tiers that have shown doubtful keys */
    bool stopped, no_memory;
};

static bool visit(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    enum pxt_hint_key hint = pxt_hints_has(&walk->tier->hints, &key);
    if (pxt_entry_expired(entry, walk->now) || pxt_chain_stale(walk->chain, walk->tier, entry) ||
        hint == PXT_KEY_HINTED)
        return true;
    struct pxt_keymap_item *item = pxt_keymap_add(&walk->keys, &key);
    if (!item) {
        walk->no_memory = true;
        return false;
    }
    if (item->value == GIVEN)
        return true;
    if (hint == PXT_KEY_UNKNOWN) {
        walk->doubtful += item->value != DOUBTFUL;
        walk->waits[walk->tier->index] = true;
        item->value = DOUBTFUL;
        return true;
    }
    walk->doubtful -= item->value == DOUBTFUL;
    item->value = GIVEN;
    pxt_entry *whole = pxt_entry_hold(entry);
    walk->no_memory = pxt_chain_complete(walk->chain, walk->tier, &key, &whole, NULL) != PXT_OK;
    walk->stopped = walk->no_memory || !walk->fn(walk->arg, whole);
    pxt_entry_release(whole);
    return !walk->stopped;
}

/* No memory tier over durable ones does, as every entry is in a durable tier too, and no tier without capacity. */
bool pxt_chain_tier_may_have_more(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    if (!pxt_tier_stores(tier))
        return false;
    /* The flags of the tiers that it stands on are known only when it is open. */
    bool unknown = !tier->ops || (!pxt_tier_present(tier) && tier->ops->instance_ops);
    return unknown || pxt_tier_durable(tier) || (pxt_tier_present(tier) && !chain->any_durable);
}

/* Goes from the fastest tier on: its copies have the exact counters. */
static pxt_status walk_tiers(struct walk *walk, struct pxt_error *error)
{
    struct pxt_chain *chain = walk->chain;
    pxt_hint_log_replay(&chain->hint_log);
    pxt_status first = pxt_chain_settle(chain, error);
    for (unsigned i = 0; i < chain->count && !walk->stopped && !walk->no_memory; i++) {
        walk->tier = &chain->tier[i];
        if (!pxt_tier_on(walk->tier)) {
            walk->missing[i] = pxt_chain_tier_may_have_more(chain, walk->tier);
            continue;
        }
        pxt_status status = pxt_tier_each(walk->tier, visit, walk, first ? NULL : error);
        first = first ? first : status;
    }
    return walk->no_memory ? pxt_fail_memory(error, "a list of keys") : first;
}

/* Names the tiers that may have entries which the walk did not give. PXT_OK if there are none. */
static pxt_status check_whole(const struct walk *walk, struct pxt_error *error)
{
    char names[600];
    size_t at = 0;
    for (unsigned i = 0; i < walk->chain->count && at < sizeof names; i++) {
        const struct pxt_tier *tier = &walk->chain->tier[i];
        const char *state = walk->missing[i]                   ? pxt_tier_present(tier) ? "is off" : "is absent"
                            : walk->doubtful && walk->waits[i] ? "waits for a full resync"
                                                               : NULL;
        if (state)
            at += (size_t)snprintf(names + at, sizeof names - at, "%stier %s %s", at ? ", " : "", tier->name, state);
    }
    return at ? pxt_fail(error, PXT_EUNAVAILABLE, 0, "%s: entries that only it has are missing; see `proxtier stats`",
                         names)
              : PXT_OK;
}

static pxt_status walk_chain(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, bool whole, struct pxt_error *error)
{
    struct walk walk = {.chain = chain, .fn = fn, .arg = arg, .now = pxt_clock_now(&chain->clock)};
    pxt_status status = walk_tiers(&walk, error);
    if (!status && whole && !walk.stopped)
        status = check_whole(&walk, error);
    pxt_keymap_free(&walk.keys);
    return status;
}

pxt_status pxt_chain_each(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    pxt_chain_probe_down_tiers(chain);
    return walk_chain(chain, fn, arg, true, error);
}

pxt_status pxt_chain_each_reachable(struct pxt_chain *chain, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    return walk_chain(chain, fn, arg, false, error);
}
