/* SPDX-License-Identifier: MIT
 *
 * dead.h: proxies that failed too often, and stay known as dead for a time: as tombstones whose time says until when.
 */
#ifndef PXT_DEAD_H
#define PXT_DEAD_H

#include "chain/chain_layout.h"
#include "entry/entry.h"
#include <proxtier/eviction.h>

/* Whether a pool with one member keeps the tombstone of a proxy that failed too often. */
bool pxt_chain_remembers_dead(struct pxt_chain *chain);
/* Returns until when a proxy that fails too often now is known as dead: the time of its tombstone. That is now, if as many as
 * may be are known. */
pxt_time pxt_chain_known_until(struct pxt_chain *chain);
/* Returns how many proxies are known as dead; 0 if no tier tells. */
uint64_t pxt_chain_known_dead(struct pxt_chain *chain);

/* Whether there is nothing to remove for `why`: a tombstone stands in the place of the key. To delete a key that is known as
 * dead makes another tombstone: then the proxy is forgotten. */
static inline bool pxt_chain_is_gone(const struct pxt_chain *chain, const pxt_entry *entry, enum pxt_removal why)
{
    return pxt_entry_is_tombstone(entry) &&
           !(why == PXT_REMOVE_DELETED && pxt_entry_known_dead(entry, pxt_clock_now(&chain->clock)));
}

#endif
