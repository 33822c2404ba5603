/* SPDX-License-Identifier: MIT
 *
 * record.h: what each durable tier of a pool stores beside its entries: who it is, and up to which version it agrees with
 * the others. A text of lines `name value`, of which the first gives the format. Unknown names are passed over.
 */
#ifndef PXT_RECORD_H
#define PXT_RECORD_H

#include "shared/page.h"
#include <proxtier/tier.h>

#define PXT_FORMAT "1"
#define PXT_FORMAT_CANDIDATE "1-rc" /* has the same lines */

/* A tier of the pool, as another tier of the pool knows it. */
struct pxt_record_member {
    char id[PXT_MEMBER_ID + 1];
    char name[64];
    bool complete; /* the slowest without a capacity: it has every key */
};

struct pxt_record {
    char id[PXT_MEMBER_ID + 1];    /* of this tier: made once, random */
    uint64_t checkpoint;           /* the tier agrees with all others on all versions up to this */
    uint64_t dropped;              /* dead versions up to this may be missing in any tier */
    uint64_t mark;                 /* no version above this was given, unless it was stored here first */
    char page[PXT_RECORD_MAX / 2]; /* path of the page of the pool, without ".page"; "" in a new record */
    bool outdated;                 /* read in an earlier format: to be written anew */
    unsigned member_count;         /* the others included itself */
    struct pxt_record_member member[PXT_CHAIN_MAX];
};

/* Makes an empty record with a new random id. */
pxt_status pxt_record_new(struct pxt_record *record, struct pxt_error *error);
/* Reads a record of this format, or of the candidate of it. PXT_ECORRUPT: not a record. PXT_ECONFIG: it has another
 * format, and `name`'s data must be opened by that version of proxtier. `name` is that of the tier, for messages. */
pxt_status pxt_record_read(struct pxt_record *record, const char *text, const char *name, struct pxt_error *error);
/* PXT_EINVAL if it is longer than PXT_RECORD_MAX, or an id in it is none. */
pxt_status pxt_record_write(const struct pxt_record *record, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);

/* The default of record_get() and record_put() in <proxtier/tier.h>: the file PATH.record, replaced as a whole and
 * synced. */
pxt_status pxt_record_file_get(const char *shared_path, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status pxt_record_file_put(const char *shared_path, const char *text, struct pxt_error *error);

#endif
