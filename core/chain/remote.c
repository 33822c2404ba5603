/* SPDX-License-Identifier: MIT
 *
 * remote.c: what a host does for a store that other hosts write to as well: it listens to notices, and forgets what is in
 * memory after max_staleness, as notices may be lost.
 */
#include "chain/remote.h"
#include "base/fail.h"
#include "chain/key_ops.h"
#include "entry/entry.h"
#include <time.h>

void pxt_remote_new_epoch(struct pxt_chain *chain, int64_t now_ms)
{
    int64_t ends = atomic_load(&chain->stale_at_ms);
    while (now_ms >= ends)
        if (atomic_compare_exchange_weak(&chain->stale_at_ms, &ends, now_ms + chain->max_staleness_ms)) {
            pxt_page_forget(&chain->page);
            return;
        }
}

/* The members that a notice from `tier` puts in doubt: all that are faster, also those that this process does not have. */
static pxt_doubts faster_members(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    if (tier->exchanges) /* the members of this host say what is true; memory asks them again */
        return 0;
    pxt_doubts members = pxt_chain_members(chain);
    for (unsigned i = tier->index; i < chain->count; i++)
        members &= (pxt_doubts)~pxt_chain_bit(chain, &chain->tier[i]);
    return members;
}

/* host->changed(). Takes no lock: the tier may be inside any call. */
static void changed(void *listener, const struct pxt_key *key)
{
    struct pxt_tier *tier = listener;
    struct pxt_chain *chain = tier->chain;
    if (!atomic_load(&chain->listening) || !(tier->flags & PXT_TIER_REMOTE))
        return;
    PXT_COUNT(tier, notices, 1);
    if (key)
        pxt_word_notice(&chain->page, key->hash, faster_members(chain, tier));
    else
        pxt_words_notice_all(&chain->page, faster_members(chain, tier));
}

void pxt_remote_is_back(struct pxt_chain *chain, const struct pxt_tier *tier)
{
    if (tier->exchanges) { /* notices may be lost */
        pxt_page_forget(&chain->page);
        return;
    }
    pxt_words_doubt_all(&chain->page, pxt_chain_members(chain));
    atomic_fetch_add(&chain->restarts, 1);
}

/* host->available(). Takes leaves only. */
static void available(void *listener, bool is)
{
    struct pxt_tier *tier = listener;
    struct pxt_chain *chain = tier->chain;
    if (!atomic_load(&chain->listening) || !(tier->flags & PXT_TIER_REMOTE))
        return;
    if (!is) {
        pxt_breaker_open(&tier->breaker, pxt_clock_monotonic_ms(), "its server cannot be reached");
        return;
    }
    pxt_remote_is_back(chain, tier);
    pxt_breaker_probe_soon(&tier->breaker, pxt_clock_monotonic_ms());
}

void pxt_remote_listen(struct pxt_chain *chain, struct pxt_tier *tier)
{
    tier->chain = chain;
    tier->instance.host.changed = changed;
    tier->instance.host.available = available;
    tier->instance.host.listener = tier;
}

bool pxt_remote_try_again(unsigned n)
{
    enum { TRIES = 200, AT_ONCE = 3, LONGEST_US = 5000 };
    if (n >= TRIES)
        return false;
    if (n >= AT_ONCE) {
        long us = (long)(n - AT_ONCE + 1) * 100;
        int cancel_state; /* a thread that is cancelled here would keep the lock of the key */
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
        nanosleep(&(struct timespec){.tv_nsec = (us < LONGEST_US ? us : LONGEST_US) * 1000}, NULL);
        pthread_setcancelstate(cancel_state, NULL);
    }
    return true;
}

/* Writes a dead version to a faster member, or has it let go of the key. */
static void give_dead(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *dead)
{
    struct pxt_change change;
    bool keeps = !tier->limited && pxt_entry_is_tombstone(dead);
    pxt_change_begin(chain, key->hash, tier, &change);
    pxt_status status = keeps ? pxt_tier_put(tier, dead, NULL) : pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
    pxt_change_followed(chain, &change, tier, status == PXT_NOT_FOUND ? PXT_OK : status);
    pxt_change_end(chain, &change);
}

/* Whether a member of this host would answer with something else than what the authority has. */
static bool differs(const struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                    const pxt_entry *entry)
{
    pxt_entry *has = NULL;
    bool must_have = entry && !tier->limited && !pxt_chain_dead(chain, entry);
    pxt_status status = pxt_tier_get(tier, key, PXT_GET_PEEK, &has, NULL);
    bool other = status == PXT_OK ? !entry || pxt_entry_effective_version(has) != pxt_entry_effective_version(entry)
                                  : status != PXT_NOT_FOUND || must_have;
    pxt_entry_release(has);
    return other;
}

void pxt_remote_follow(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                       bool locked)
{
    for (unsigned i = 0; i < chain->authority->index; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pxt_doubts bit = pxt_chain_bit(chain, tier);
        /* Also if it is in doubt: its generation is what other processes hold their memory against. But while it is off, what it
         * has cannot be known, and each get would make their memory stale. */
        bool unknown = (bit & pxt_word_doubts(decision->word)) && !pxt_tier_on(tier);
        if (!bit || unknown || !differs(chain, tier, key, decision->entry))
            continue;
        if (!locked || !decision->entry)
            pxt_word_notice(&chain->page, key->hash, bit);
        else if (pxt_chain_dead(chain, decision->entry))
            give_dead(chain, tier, key, decision->entry);
    }
}

uint64_t pxt_remote_above(const struct pxt_chain *chain, const struct pxt_tier *tier, uint64_t checkpoint)
{
    uint64_t skew =
        chain->authority && (tier->flags & PXT_TIER_REMOTE) ? pxt_version_of_time(chain->clock_tolerance) : 0;
    return checkpoint > skew ? checkpoint - skew : 0;
}

uint64_t pxt_remote_kept(struct pxt_chain *chain)
{
    pxt_time since = pxt_clock_now(&chain->clock) - chain->tombstone_keep;
    return since > 0 ? pxt_version_of_time(since) : 0;
}

/* Whether an older copy may be offered to this host. A remote tier that is absent may be one that exchanges copies. */
static bool may_meet_older(const struct pxt_chain *chain)
{
    bool may = chain->exchanges;
    for (unsigned i = 0; i < chain->count; i++)
        may |= (chain->tier[i].flags & PXT_TIER_REMOTE) && !pxt_tier_present(&chain->tier[i]);
    return may;
}

uint64_t pxt_remote_may_drop(struct pxt_chain *chain, const struct pxt_tier *tier, uint64_t up_to)
{
    if (!(tier->flags & PXT_TIER_REMOTE) && !may_meet_older(chain))
        return up_to;
    uint64_t kept = pxt_remote_kept(chain);
    return kept < up_to ? kept : up_to;
}
