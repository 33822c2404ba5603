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
/* Removes the old copies of private tiers, whose hits count. Returns whether one of them has a copy that counts: another get was
 * faster. The key's lock is held among threads. */
bool pxt_tidy_private_tiers(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision);
/* If the lock of the key is free and its word unchanged, removes old copies from memory, and does the same for an entry that
 * is `alive`. Otherwise does nothing: a later get finds the entry where it is. */
void pxt_promote_if_free(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                         bool alive, struct pxt_victims *victims);

#endif
