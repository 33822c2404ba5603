/* SPDX-License-Identifier: MIT
 *
 * warm.h: what the parts of loading lists share: warm.c opens lists, warm_record.c makes drafts of records, warm_masks.c
 * keeps credentials that a list hides, warm_batch.c stores drafts.
 */
#ifndef PXT_WARM_H
#define PXT_WARM_H

#include "base/key.h"
#include "lists/digest_set.h"
#include "lists/list.h"

/* Records that are stored at once, with 4 KiB each for drafts, entries and what they replace. More where a tier is on another
 * machine: to read and to write a batch costs a round trip each there. */
enum { PXT_WARM_BATCH = 1000, PXT_WARM_BATCH_FAR = 4000, PXT_WARM_ARENA = 1 << 20 };

/* One call. Collects records until a batch is full; their texts lie in an arena of fixed size. */
struct pxt_warming {
    pxt_cache *cache;
    struct pxt_list *list;
    uint64_t total; /* size of the list; 0: unknown */
    struct pxt_warm_options options;
    struct pxt_warm_counts counts, before, of_list; /* of all lists; of those before this one; of this one */
    struct pxt_list_result result;                  /* of this list */
    bool stopped;
    struct pxt_digest_set seen; /* the keys of all lists */
    struct pxt_draft *draft;
    uint64_t *line;
    pxt_status *put;
    bool *replaced, *repeated, *dead, *existed;
    size_t count, batch; /* records that wait, and of how many they are stored */
    char *arena;
    size_t used;
    struct pxt_proxy proxy;
};

/* warm_record.c: the list's receiver. */
pxt_status pxt_warm_take(void *arg, struct pxt_list_record *record);

/* warm_masks.c */
/* Takes masked credentials off the record and off the address; `masked` says which. */
void pxt_warm_drop_masks(struct pxt_list_record *record, struct pxt_proxy *proxy, bool masked[PXT_LIST_CREDENTIALS]);
/* Gives the draft the credentials that are stored under its key, where it had masks. They are borrowed from `*stored`,
 * which the caller releases. */
pxt_status pxt_warm_keep_stored(struct pxt_warming *warming, struct pxt_draft *draft, const struct pxt_key *key,
                                const bool masked[PXT_LIST_CREDENTIALS], pxt_entry **stored);

/* warm_batch.c */
bool pxt_warm_make_room(struct pxt_warming *warming);
/* Wipes texts and frees all. */
void pxt_warm_free(struct pxt_warming *warming);
/* Tells of a refused record, and counts it: the list's other receiver. */
void pxt_warm_refuse(void *arg, uint64_t line, uint64_t column, const char *reason);
/* Copies the record into the batch; a full batch is stored first. */
pxt_status pxt_warm_enqueue(struct pxt_warming *warming, struct pxt_list_record *record, bool repeated);
/* Stores the batch. */
pxt_status pxt_warm_flush(struct pxt_warming *warming);
/* Whether the call goes on. */
bool pxt_warm_tell_progress(struct pxt_warming *warming);

#endif
