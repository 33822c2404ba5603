/* SPDX-License-Identifier: MIT
 *
 * on_ring.c: ROUND_ROBIN and STICKY. Each takes the first match from a place of the ring on, and begins again at 0 behind
 * the end; round.c has the places of ROUND_ROBIN. The ring is the order of the hashes of keys: an entry that comes or goes moves no other (Karger et al.,
 * "Consistent hashing and random trees", STOC 1997).
 */
#include "base/key.h"
#include "select/round.h"
#include <string.h>

uint64_t pxt_ring_start(const struct pxt_search *search)
{
    const char *session = search->choosing->session;
    return (uint64_t)PXT_RING(pxt_key_hash(session, strlen(session)));
}

/* A key is offered by the thread, of all processes, that moves the circle behind the key. It ends when keys come again. */
static pxt_status go_round(struct pxt_search *search, struct pxt_error *error)
{
    enum { REPEATS = 16 }; /* others move the circle too: a key that comes again does not show that all came */
    uint64_t position = pxt_round_position(search), behind;
    size_t repeats = 0;
    while (!search->enough && repeats < search->offers + REPEATS) {
        const struct pxt_found_key *found;
        pxt_status status = pxt_round_next(search, position, &found, &behind, error);
        if (status || !found)
            return status;
        struct pxt_key key = pxt_found_key(found);
        if (!pxt_round_move(search, &position, behind))
            continue;
        position = behind;
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
