/* SPDX-License-Identifier: MIT
 *
 * remote.h: pools of several hosts. The authority is the slowest tier with PXT_TIER_REMOTE: every change of a key is based on
 * the copy there, and replaces exactly that. doc/versions.md, "Several hosts".
 */
#ifndef PXT_REMOTE_H
#define PXT_REMOTE_H

#include "chain/change.h"
#include "chain/decide.h"

/* Says to `tier` that this chain hears what it tells; before it is opened. */
void pxt_remote_listen(struct pxt_chain *chain, struct pxt_tier *tier);

/* remote_place.c: finds out where page and records stand. The local tiers are open. */
pxt_status pxt_remote_places(struct pxt_chain *chain, const struct pxt_config *config, struct pxt_error *error);

/* A remote store can be reached again: what it has by now is not known, all is compared, once the members have joined again,
 * which looks whether it is the same store. Any lock may be held, or none. */
void pxt_remote_is_back(struct pxt_chain *chain, const struct pxt_tier *tier);

void pxt_remote_new_epoch(struct pxt_chain *chain, int64_t now_ms) __attribute__((cold));
/* Makes what is in memory stale if it is max_staleness old. On the way of every get. */
static inline void pxt_remote_age(struct pxt_chain *chain)
{
    if (__builtin_expect(chain->max_staleness_ms != 0, 0)) {
        int64_t now_ms = pxt_clock_monotonic_ms();
        if (now_ms >= atomic_load_explicit(&chain->stale_at_ms, memory_order_relaxed))
            pxt_remote_new_epoch(chain, now_ms);
    }
}

/* Waits before a change is tried again that another host came before: the n-th time, from 0. */
bool pxt_remote_try_again(unsigned n);

/* The authority has decided on a key, and a caller will be told. Sees that no other member of this host answers with something
 * else while the authority is off. With the key's lock held and `locked`: gives them the version that was found dead; if the
 * authority has nothing, or without the lock, they are in doubt. What is alive is promoted by the caller that has the lock. */
void pxt_remote_follow(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                       bool locked);

/* The version above which a tier lists its keys for a repair: the clocks of other hosts may be behind. */
uint64_t pxt_remote_above(const struct pxt_chain *chain, const struct pxt_tier *tier, uint64_t checkpoint);

/* The version above which nothing dead is dropped where other hosts may have older copies. */
uint64_t pxt_remote_kept(struct pxt_chain *chain);
/* The dead versions up to `up_to` that may be dropped from a tier: a remote store keeps tombstones for hosts that were away; so do
 * all members that exchange copies. */
uint64_t pxt_remote_may_drop(struct pxt_chain *chain, const struct pxt_tier *tier, uint64_t up_to);

#endif
