/* SPDX-License-Identifier: MIT
 *
 * removals.h: which removals of entries the callers of this host were told of. An old copy that a get serves where no tier can
 * decide (chain/fail_safe.h) may not be one that such a removal is of. doc/versions.md, rule 36.
 */
#ifndef PXT_REMOVALS_H
#define PXT_REMOVALS_H

#include "shared/page.h"

/* The versions of all members are known to a new page: removals of before are not above the last one. */
void pxt_removals_begin(struct pxt_page *page);
/* Notes a removal with a version: of a key, or of any key. `missed`: a member may have an older copy all the same. The key's lock is
 * held, and nobody was told yet. */
void pxt_removal_note(struct pxt_page *page, uint64_t hash, uint64_t version, bool missed);
void pxt_removals_note_all(struct pxt_page *page);
/* All members agree on all keys of a word, or of all words: none has missed a removal. The keys' locks are held. */
void pxt_removal_settled(struct pxt_page *page, uint64_t hash);
void pxt_removals_settled(struct pxt_page *page);
/* Whether a copy with this version may be one that was removed: a copy of a member that is in doubt, or one of a private tier. */
bool pxt_removal_may_be_of_member(const struct pxt_page *page, uint64_t hash, uint64_t version);
bool pxt_removal_may_be_of_copy(const struct pxt_page *page, uint64_t hash, uint64_t version);

#endif
