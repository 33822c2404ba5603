/* SPDX-License-Identifier: MIT
 *
 * equalize.h: gives all members the newest version of keys.
 */
#ifndef PXT_EQUALIZE_H
#define PXT_EQUALIZE_H

#include "chain/decide.h"

/* Asks all members for a key and writes the newest to each that has another version, that lacks it and must have every key,
 * or of which a sync has failed (a limited one that lacks it gets the removal instead). The key's lock
 * is held. `*word` is the word of the key as it is; it is raised when a tier that was not in doubt is written to. `*newest`
 * (NULL is allowed) is held: what they have in common; NULL: nothing. Fails if one does not answer, or cannot take it. */
pxt_status pxt_equalize(struct pxt_chain *chain, const struct pxt_key *key, uint64_t *word, pxt_entry **newest,
                        struct pxt_error *error);
/* The same for up to PXT_READING_MAX keys, whose locks are all held; with one call of a member that offers that. `status[i]` is that
 * of equal[i]; `error` is that of the last that failed. */
struct pxt_equal {
    const struct pxt_key *key;
    uint64_t *word;
};
void pxt_equalize_many(struct pxt_chain *chain, const struct pxt_equal *equal, size_t n, pxt_status *status,
                       struct pxt_error *error);

#endif
