/* SPDX-License-Identifier: MIT
 *
 * equalize.h: gives all members the newest version of one key.
 */
#ifndef PXT_EQUALIZE_H
#define PXT_EQUALIZE_H

#include "chain/decide.h"

/* Asks all members for a key and writes the newest to each that has another version, that lacks it and must have every key,
 * or of which a sync has failed. The key's lock is held, and its word has all members in doubt. `*newest` (NULL is allowed) is held: what they have in
 * common; NULL: nothing. Adds to `*tried` the slots that it wrote to, also if that failed. Fails if a member does not answer,
 * or cannot take it. */
pxt_status pxt_equalize(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **newest, pxt_doubts *tried,
                        struct pxt_error *error);

#endif
