/* SPDX-License-Identifier: MIT
 *
 * on_ring.c: ROUND_ROBIN and STICKY. Each takes the first match from a place of the ring on, and begins again at 0 behind
 * the end. The ring is the order of the hashes of keys: an entry that comes or goes moves no other (Karger et al.,
 * "Consistent hashing and random trees", STOC 1997).
 */
#include "base/key.h"
#include "select/search.h"
#include <stdatomic.h>
#include <string.h>

static _Atomic uint64_t *turn_of(const struct pxt_search *search)
{
    const struct pxt_chain *chain = search->choosing->chain;
    return pxt_turn(&search->choosing->selector->turns, chain->page_place, chain->logger, search->hash);
}

uint64_t pxt_ring_start(const struct pxt_search *search)
{
    const char *session = search->choosing->session;
    uint64_t start = search->choosing->choice == PXT_CHOOSE_STICKY
                         ? (uint64_t)PXT_RING(pxt_key_hash(session, strlen(session)))
                         : atomic_load(turn_of(search));
    return start < PXT_RING_SIZE ? start : 0;
}

void pxt_ring_passed(const struct pxt_search *search, int64_t place)
{
    atomic_store(turn_of(search), (uint64_t)place + 1);
}

/* The first matches from `start` on. */
static pxt_status find_from(struct pxt_search *search, int64_t start, size_t limit, struct pxt_error *error)
{
    pxt_status status = pxt_search_find(search, PXT_ORDER_RING, start, INT64_MAX, NULL, limit, error);
    if (!status && !search->found_count && start > 0)
        status = pxt_search_find(search, PXT_ORDER_RING, 0, start - 1, NULL, limit, error);
    return status;
}

/* A key is offered by the thread, of all processes, that moves the place behind the key. It ends when keys come again. */
static pxt_status go_round(struct pxt_search *search, struct pxt_error *error)
{
    enum { REPEATS = 16 }; /* others move the place too: a key that comes again does not show that all came */
    _Atomic uint64_t *turn = turn_of(search);
    size_t repeats = 0;
    while (!search->enough && repeats < search->offers + REPEATS) {
        uint64_t place = atomic_load(turn);
        pxt_status status = find_from(search, place < PXT_RING_SIZE ? (int64_t)place : 0, 1, error);
        if (status || !search->found_count)
            return status;
        const struct pxt_found_key *found = search->found;
        struct pxt_key key = pxt_found_key(found);
        if (!atomic_compare_exchange_strong(turn, &place, (uint64_t)found->value + 1))
            continue;
        if (pxt_search_was_offered(search, &key)) {
            repeats++;
            continue;
        }
        status = pxt_search_offer(search, &key, error);
        if (status)
            return status;
    }
    return PXT_OK;
}

/* Offers what was found. */
static pxt_status offer_found(struct pxt_search *search, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < search->found_count && !search->enough && !status; i++) {
        struct pxt_key key = pxt_found_key(&search->found[i]);
        if (!pxt_search_was_offered(search, &key))
            status = pxt_search_offer(search, &key, error);
    }
    return status;
}

/* Offers the matches of an arc, in their order. */
static pxt_status offer_arc(struct pxt_search *search, int64_t from, int64_t to, struct pxt_error *error)
{
    size_t limit = search->choosing->expected;
    struct pxt_key last;
    const struct pxt_key *after = NULL;
    do {
        limit = limit < PXT_FOUND_MAX ? limit : PXT_FOUND_MAX;
        pxt_status status = pxt_search_find(search, PXT_ORDER_RING, from, to, after, limit, error);
        if (!status)
            status = offer_found(search, error);
        if (status)
            return status;
        if (search->found_count < limit)
            break;
        from = search->found[limit - 1].value;
        last = pxt_found_key(&search->found[limit - 1]);
        after = &last;
        limit *= 4;
    } while (!search->enough);
    return PXT_OK;
}

pxt_status pxt_choose_on_ring(struct pxt_search *search, struct pxt_error *error)
{
    if (search->choosing->choice == PXT_CHOOSE_ROUND_ROBIN)
        return go_round(search, error);
    int64_t start = (int64_t)pxt_ring_start(search);
    pxt_status status = offer_arc(search, start, INT64_MAX, error);
    if (!status && !search->enough && start > 0)
        status = offer_arc(search, 0, start - 1, error);
    return status;
}
