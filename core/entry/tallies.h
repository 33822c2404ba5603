/* SPDX-License-Identifier: MIT
 *
 * tallies.h: the checks of an entry, counted apart for each writer, so that the counts of two copies can be put together
 * and no check is counted twice. The text is that of PXT_FIELD_TALLIES.
 */
#ifndef PXT_TALLIES_H
#define PXT_TALLIES_H

#include "entry/entry.h"

#define PXT_TALLY_NOBODY 0 /* the slot "0": checks whose writer is not known, or for whose writer there was no room */
#define PXT_TALLIES_MAX (PXT_TEXT_MAX / 13 + 1) /* "00000000:1:0;" is the shortest one of a writer */

struct pxt_tally {
    uint64_t writer; /* PXT_TALLY_NOBODY, or the writer's number + 1 */
    int64_t checks, failures;
};
/* In ascending order of the writers; the first is that of PXT_TALLY_NOBODY, also where it is 0. */
struct pxt_tallies {
    /* The entry was put while a copy with a smaller version may have been in a silent tier: its tallies are not in these,
     * and later checks are counted in slots of their own, so that the two add up. 0: no such put. */
    uint64_t blind_below;
    size_t count;
    struct pxt_tally tally[PXT_TALLIES_MAX + 1];
};

/* Reads the tallies of a draft. What its totals have beyond them is nobody's; what is malformed is left out, and so becomes
 * nobody's. */
void pxt_tallies_read(const struct pxt_draft *draft, struct pxt_tallies *tallies);
/* Writes tallies and totals into a draft; `room` keeps the text. Where there are only nobody's, the draft gets no text.
 * Those that the text has no room for become nobody's. */
void pxt_tallies_write(struct pxt_tallies *tallies, struct pxt_draft *draft, char room[PXT_TALLIES_ROOM]);
/* Gives `tallies` of each writer the greater tally of the two. */
void pxt_tallies_merge(struct pxt_tallies *tallies, const struct pxt_tallies *other);
/* Whether they are the same. */
bool pxt_tallies_same(const struct pxt_tallies *a, const struct pxt_tallies *b);

#endif
