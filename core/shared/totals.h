/* SPDX-License-Identifier: MIT
 *
 * totals.h: the file PATH.stats beside a shared store: what all processes have counted since the file was made. A process adds
 * what it has counted now and then; nothing in the file belongs to one of them.
 */
#ifndef PXT_TOTALS_H
#define PXT_TOTALS_H

#include <proxtier/plugin.h>

/* Limits of the format: of tiers whose counters are kept, and of counters of a tier. */
enum { PXT_TOTALS_ROWS = 16, PXT_TOTALS_COUNTERS = 32, PXT_TOTALS_NAME = 64 };

/* Counters by their place in PXT_TIER_COUNTERS, or, in the row whose name is "", in PXT_CACHE_COUNTERS. */
struct pxt_totals_row {
    char name[PXT_TOTALS_NAME]; /* of the tier */
    uint64_t counter[PXT_TOTALS_COUNTERS];
};
struct pxt_totals {
    pxt_time since; /* when the file was made */
    uint64_t rows;
    struct pxt_totals_row row[PXT_TOTALS_ROWS];
};

/* The row of a name, which is added if there is none. NULL: there is no room for another. */
struct pxt_totals_row *pxt_totals_row(struct pxt_totals *totals, const char *name);
/* Adds `more` to the file beside `place`, and gives the sum in `*sum`. The file is made if it is not there, and made anew, with
 * `*damaged` set, if it cannot be read. Rows for which there is no room are left out. After an error the file has what it
 * had: PXT_ECONFIG if it has another format, PXT_EBUSY if another process holds its lock for a second. */
pxt_status pxt_totals_add(const char *place, const struct pxt_totals *more, pxt_time now, struct pxt_totals *sum,
                          bool *damaged, struct pxt_error *error);

#endif
