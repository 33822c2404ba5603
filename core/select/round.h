/* SPDX-License-Identifier: MIT
 *
 * round.h: whose turn it is in a circle of ROUND_ROBIN.
 *
 * Entries take turns in the order of the ring, and of keys where hashes are equal. The circle stands at a position, one number
 * that processes share: a bucket of the ring, and how many entries of the bucket had their turn. Nearly every bucket has one
 * entry at most; keys that were made to have one hash are in one bucket.
 */
#ifndef PXT_ROUND_H
#define PXT_ROUND_H

#include "select/search.h"

enum { PXT_BUCKET_BITS = 15, PXT_RANK_BITS = 16 };

static inline uint64_t pxt_bucket_of(int64_t place)
{
    return (uint64_t)place >> PXT_BUCKET_BITS;
}
static inline int64_t pxt_bucket_start(uint64_t bucket)
{
    return (int64_t)(bucket << PXT_BUCKET_BITS);
}
static inline uint64_t pxt_position_bucket(uint64_t position)
{
    return position >> PXT_RANK_BITS;
}
static inline size_t pxt_position_rank(uint64_t position)
{
    return position & ((1u << PXT_RANK_BITS) - 1);
}
/* Behind the entry that is number `rank`, from 0, of a bucket. An entry beyond those that can be counted ends the bucket. */
uint64_t pxt_position_behind(uint64_t bucket, size_t rank);

/* Where the circle of the search stands. */
uint64_t pxt_round_position(const struct pxt_search *search);
/* Moves it, if it still stands at `*position`; else tells where it stands. */
bool pxt_round_move(const struct pxt_search *search, uint64_t *position, uint64_t to);

/* Finds the entry whose turn it is at a position, from a tier that can search: `*found` is in search->found; NULL: no entry
 * matches. `*behind`: the position after its turn. */
pxt_status pxt_round_next(struct pxt_search *search, uint64_t position, const struct pxt_found_key **found,
                          uint64_t *behind, struct pxt_error *error);

#endif
