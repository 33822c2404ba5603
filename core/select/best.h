/* SPDX-License-Identifier: MIT
 *
 * best.h: the keys with the lowest scores of many, in constant memory.
 */
#ifndef PXT_BEST_H
#define PXT_BEST_H

#include <proxtier/eviction.h>

struct pxt_scored {
    uint64_t score;
    struct pxt_key key; /* owns its text */
};
struct pxt_best {
    size_t room, count;
    struct pxt_scored *item; /* a heap, the highest score first, until pxt_best_sort() */
};
/* PXT_ENOMEM; pxt_best_free() in any case. */
pxt_status pxt_best_init(struct pxt_best *best, size_t room, struct pxt_error *error);
void pxt_best_free(struct pxt_best *best);
/* Adds a key, unless there are `room` lower ones; of equal scores the key that comes first counts as lower. False: out of
 * memory. */
bool pxt_best_add(struct pxt_best *best, const struct pxt_key *key, uint64_t score);
/* Whether a key with that score would not be added. */
static inline bool pxt_best_beats(const struct pxt_best *best, uint64_t score)
{
    return best->count == best->room && score > best->item[0].score;
}
/* Brings the items into the order of their scores; nothing can be added afterwards. */
void pxt_best_sort(struct pxt_best *best);

#endif
