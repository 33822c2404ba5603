/* SPDX-License-Identifier: MIT
 *
 * promote.h: copies entries that were found in a slower tier into the faster ones.
 */
#ifndef PXT_PROMOTE_H
#define PXT_PROMOTE_H

#include "chain/decide.h"

/* Copies the entry of a decision that a clear tier made into the faster tiers, memory last: a copy to a durable tier raises
 * the generation. The key's lock is held, also among processes. */
void pxt_promote(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                 struct pxt_victims *victims);
/* Whether a faster tier that other processes use as well would get a copy: then they must not change the key meanwhile. */
bool pxt_copies_to_others(const struct pxt_chain *chain, const struct pxt_decision *decision);
/* If the lock of the key is free and its word unchanged, removes old copies from memory, and does the same for an entry that
 * is `alive`. Otherwise does nothing: a later get finds the entry where it is. */
void pxt_promote_if_free(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                         bool alive, struct pxt_victims *victims);

#endif
