/* SPDX-License-Identifier: MIT
 *
 * removals.c: for each word of the page the version of the last removal that was acknowledged on this host, and whether a
 * member has missed one. Of a new page it is not known what was removed before: `removed_before` is the version up to which
 * a member may have missed a removal.
 */
#include "shared/removals.h"
#include "shared/page_layout.h"

static const uint64_t missed_bit = UINT64_C(1) << 63; /* versions have 63 bits */

static void raise_to(_Atomic uint64_t *removed, uint64_t version, bool missed)
{
    uint64_t old = atomic_load(removed), next;
    do {
        uint64_t known = old & ~missed_bit;
        next = (version > known ? version : known) | (missed ? missed_bit : old & missed_bit);
    } while (!atomic_compare_exchange_weak(removed, &old, next));
}

void pxt_removals_begin(struct pxt_page *page)
{
    uint64_t unknown = PXT_REMOVED_UNKNOWN;
    atomic_compare_exchange_strong(&page->file->removed_before, &unknown,
                                   pxt_version_max(pxt_version_last(page), pxt_version_far(page)));
}

void pxt_removal_note(struct pxt_page *page, uint64_t hash, uint64_t version, bool missed)
{
    raise_to(&page->file->removed[hash % PXT_WORDS], version, missed);
}

void pxt_removals_note_all(struct pxt_page *page)
{
    uint64_t last = pxt_version_max(pxt_version_last(page), pxt_version_far(page));
    for (unsigned i = 0; i < PXT_WORDS; i++)
        raise_to(&page->file->removed[i], last, false);
}

void pxt_removal_settled(struct pxt_page *page, uint64_t hash)
{
    atomic_fetch_and(&page->file->removed[hash % PXT_WORDS], ~missed_bit);
}

void pxt_removals_settled(struct pxt_page *page)
{
    atomic_store(&page->file->removed_before, 0);
}

bool pxt_removal_may_be_of_member(const struct pxt_page *page, uint64_t hash, uint64_t version)
{
    uint64_t removed = atomic_load(&page->file->removed[hash % PXT_WORDS]);
    return version <= atomic_load(&page->file->removed_before) ||
           ((removed & missed_bit) && version <= (removed & ~missed_bit));
}

bool pxt_removal_may_be_of_copy(const struct pxt_page *page, uint64_t hash, uint64_t version)
{
    /* What this process has in memory may be from before the page was made anew. */
    return atomic_load(&page->reopened) ||
           version <= (atomic_load(&page->file->removed[hash % PXT_WORDS]) & ~missed_bit);
}
