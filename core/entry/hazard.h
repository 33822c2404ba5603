/* SPDX-License-Identifier: MIT
 *
 * hazard.h: who holds which entry, without a counter that threads share.
 */
#ifndef PXT_HAZARD_H
#define PXT_HAZARD_H

#include "base/thread_id.h"

struct pxt_key;
/* Takes a hold of the entry at `*place`: see pxt_host.entry_acquire and entry_acquire_key. */
pxt_entry *pxt_entry_acquire(pxt_entry *const *place);
pxt_entry *pxt_entry_acquire_key(pxt_entry *const *place, const struct pxt_key *key);
/* Frees the entries that nothing holds any more. Called in batches, and when a cache closes. */
void pxt_hazard_reclaim(void);

#endif
