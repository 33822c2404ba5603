/* SPDX-License-Identifier: MIT
 *
 * overtake.h: answers of the authority come back in another order than they were given. What is older than what a caller was told
 * does not stay in memory, and is copied nowhere. doc/versions.md, rule 25.
 */
#ifndef PXT_OVERTAKE_H
#define PXT_OVERTAKE_H

#include "chain/decide.h"

/* Removes the old copies of private tiers, whose hits count; if the authority has decided, also those that are older than what it
 * has. Returns whether a private tier has a copy that counts: another get was faster. The key's lock is held among threads. */
bool pxt_tidy_private_tiers(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision);
/* The authority has decided, and a caller will be told. Takes copies that are older out of the private tiers, and counts the
 * answer. If there is nothing to copy, the decision is no longer `clear`: a private tier has a copy that is as new; or another
 * caller was told something meanwhile, which may be newer (`overtaken`). The key's lock is held among threads. */
void pxt_overtake(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision);
/* The same where the key's lock is not free: what gets that are under way copy into private tiers is stale. */
static inline void pxt_overtake_unlocked(struct pxt_chain *chain, const struct pxt_key *key)
{
    pxt_word_notice(&chain->page, key->hash, 0);
}
/* A change finds nothing to change, and its caller is told so: no tier of this host says something else later, if the authority
 * has decided. The key's lock is held. */
void pxt_overtake_with_nothing(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision);

#endif
