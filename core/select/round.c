/* SPDX-License-Identifier: MIT
 *
 * round.c: the turns of ROUND_ROBIN.
 */
#include "select/round.h"
#include "base/key.h"
#include <stdatomic.h>

static _Atomic uint64_t *turn_of(const struct pxt_search *search)
{
    const struct pxt_chain *chain = search->choosing->chain;
    return pxt_turn(&search->choosing->selector->turns, chain->page_place, chain->logger, search->hash);
}

uint64_t pxt_position_behind(uint64_t bucket, size_t rank)
{
    const size_t most = (1u << PXT_RANK_BITS) - 1;
    return rank < most ? bucket << PXT_RANK_BITS | (rank + 1) : (bucket + 1) << PXT_RANK_BITS;
}

uint64_t pxt_round_position(const struct pxt_search *search)
{
    return atomic_load(turn_of(search));
}

bool pxt_round_move(const struct pxt_search *search, uint64_t *position, uint64_t to)
{
    return atomic_compare_exchange_strong(turn_of(search), position, to);
}

/* The first match from a place on, but for those of `bucket` that had their turn. */
static pxt_status find_behind(struct pxt_search *search, uint64_t bucket, size_t passed,
                              const struct pxt_found_key **found, size_t *rank, struct pxt_error *error)
{
    int64_t from = pxt_bucket_start(bucket);
    const struct pxt_key *after = NULL;
    struct pxt_key last;
    size_t seen = 0, limit;
    *found = NULL;
    do {
        limit = passed - seen < PXT_FOUND_MAX ? passed - seen + 1 : PXT_FOUND_MAX;
        pxt_status status = pxt_search_find(search, PXT_ORDER_RING, from, INT64_MAX, after, limit, error);
        if (status)
            return status;
        for (size_t i = 0; i < search->found_count; i++) {
            bool inside = pxt_bucket_of(search->found[i].value) == bucket;
            if (inside && seen++ < passed)
                continue;
            *rank = inside ? seen - 1 : 0;
            *found = &search->found[i];
            return PXT_OK;
        }
        if (search->found_count) {
            from = search->found[search->found_count - 1].value;
            last = pxt_found_key(&search->found[search->found_count - 1]);
            after = &last;
        }
    } while (search->found_count == limit);
    return PXT_OK;
}

pxt_status pxt_round_next(struct pxt_search *search, uint64_t position, const struct pxt_found_key **found,
                          uint64_t *behind, struct pxt_error *error)
{
    uint64_t bucket = pxt_position_bucket(position);
    size_t passed = pxt_position_rank(position), rank = 0;
    pxt_status status = find_behind(search, bucket, passed, found, &rank, error);
    if (!status && !*found && position) /* behind the end of the ring it begins again */
        status = find_behind(search, 0, 0, found, &rank, error);
    if (!status && *found)
        *behind = pxt_position_behind(pxt_bucket_of((*found)->value), rank);
    return status;
}
