/* SPDX-License-Identifier: MIT
 *
 * stripes.h: the locks of keys, among threads and among processes. chain_layout.h has the order of all locks.
 */
#ifndef PXT_STRIPES_H
#define PXT_STRIPES_H

#include "chain/chain_layout.h"

/* Locks a key among threads and processes. On failure nothing is locked. */
pxt_status pxt_chain_lock(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_error *error);
/* Locks a key likewise, but does not wait for another thread. False if it is not locked. */
bool pxt_chain_trylock(struct pxt_chain *chain, const struct pxt_key *key);
void pxt_chain_unlock(struct pxt_chain *chain, const struct pxt_key *key);

/* Locks a key among the threads of this process only: its tiers may be read, not changed. */
void pxt_chain_lock_in_process(struct pxt_chain *chain, const struct pxt_key *key);
void pxt_chain_unlock_in_process(struct pxt_chain *chain, const struct pxt_key *key);

/* Locks all keys at once, among threads and processes. On failure nothing is locked. */
pxt_status pxt_chain_lock_all(struct pxt_chain *chain, struct pxt_error *error);
void pxt_chain_unlock_all(struct pxt_chain *chain);

#endif
