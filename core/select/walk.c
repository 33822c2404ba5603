/* SPDX-License-Identifier: MIT
 *
 * walk.c: any choice, by going over all that match. Each match is given a score, and those with the lowest scores are
 * offered: so the memory depends on how many are wanted, not on how many match.
 */
#include "base/fail.h"
#include "entry/entry.h"
#include "select/best.h"
#include "select/round.h"
#include <string.h>

struct walk {
    struct pxt_search *search;
    struct pxt_best best;
    uint64_t start;    /* of the ring */
    uint64_t position; /* of ROUND_ROBIN, from which `start` comes */
    bool no_memory;
};

/* Positive doubles have the order of their bits. */
static uint64_t bits_of(double positive)
{
    uint64_t bits;
    memcpy(&bits, &positive, sizeof bits);
    return bits;
}

/* The order of signed numbers. */
static uint64_t score_of_number(int64_t number)
{
    return (uint64_t)number ^ (UINT64_C(1) << 63);
}

/* Above 0, below 1. */
static double uniform(struct pxt_search *search)
{
    return ((double)(pxt_search_random(search) >> 12) + 0.5) / (double)(UINT64_C(1) << 52);
}

/* A number of the exponential distribution, without a logarithm (von Neumann, "Various techniques used in connection with
 * random digits", 1951): a row of numbers that fall is of odd length with the chance e^-first. */
static double exponential(struct pxt_search *search)
{
    for (double whole = 0;; whole++) {
        double first = uniform(search), last = first, next;
        unsigned length = 1;
        for (; (next = uniform(search)) < last; last = next)
            length++;
        if (length % 2)
            return whole + first;
    }
}

/* `entry` is needed only for choices that look into it. */
static uint64_t score_of(struct walk *walk, const struct pxt_key *key, const pxt_entry *entry)
{
    switch (walk->search->choosing->choice) {
    case PXT_CHOOSE_LEAST_USED:
        return score_of_number(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT));
    case PXT_CHOOSE_LEAST_RECENTLY_USED:
        return score_of_number(pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED));
    case PXT_CHOOSE_FASTEST:
        return pxt_entry_has(entry, PXT_FIELD_LATENCY) ? score_of_number(pxt_entry_number(entry, PXT_FIELD_LATENCY))
                                                       : UINT64_MAX;
    case PXT_CHOOSE_WEIGHTED:
        /* The lowest one is that of each entry with a chance in proportion to its weight (Efraimidis, Spirakis, "Weighted
         * random sampling with a reservoir", 2006). */
        return bits_of(exponential(walk->search) / pxt_search_weight(entry));
    case PXT_CHOOSE_ROUND_ROBIN:
    case PXT_CHOOSE_STICKY:
        return ((uint64_t)PXT_RING(key->hash) - walk->start) & (PXT_RING_SIZE - 1);
    default:
        return pxt_search_random(walk->search);
    }
}

static bool needs_entry(enum pxt_choice choice)
{
    return choice != PXT_CHOOSE_RANDOM && choice != PXT_CHOOSE_ROUND_ROBIN && choice != PXT_CHOOSE_STICKY;
}

static bool consider(struct walk *walk, const struct pxt_key *key, const pxt_entry *entry)
{
    bool turns = walk->search->choosing->choice == PXT_CHOOSE_ROUND_ROBIN; /* all of a bucket are to be counted */
    if (turns || !pxt_search_was_offered(walk->search, key))
        walk->no_memory = !pxt_best_add(&walk->best, key, score_of(walk, key, entry));
    return !walk->no_memory;
}

static bool consider_entry(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    struct pxt_key key;
    if (!pxt_selection_matches(walk->search->choosing->selection, entry, walk->search->now))
        return true;
    pxt_entry_key_of(entry, &key);
    return consider(walk, &key, entry);
}

/* Considers what the tier has told. */
static void consider_found(struct walk *walk)
{
    struct pxt_search *search = walk->search;
    bool peeks = needs_entry(search->choosing->choice);
    for (size_t i = 0; i < search->found_count && !walk->no_memory; i++) {
        struct pxt_key key = pxt_found_key(&search->found[i]);
        pxt_entry *entry = peeks ? pxt_search_peek(search, &key) : NULL;
        if (entry || !peeks)
            consider(walk, &key, entry);
        pxt_entry_release(entry);
    }
}

/* Goes over the keys that the tier tells. */
static pxt_status walk_tier(struct walk *walk, struct pxt_error *error)
{
    struct pxt_search *search = walk->search;
    int64_t from = 0;
    struct pxt_key last;
    const struct pxt_key *after = NULL;
    do {
        pxt_status status = pxt_search_find(search, PXT_ORDER_RING, from, INT64_MAX, after, PXT_FOUND_MAX, error);
        if (status)
            return status;
        consider_found(walk);
        if (search->found_count) {
            from = search->found[search->found_count - 1].value;
            last = pxt_found_key(&search->found[search->found_count - 1]);
            after = &last;
        }
    } while (search->found_count == PXT_FOUND_MAX && !walk->no_memory);
    return PXT_OK;
}

static pxt_status offer_best(struct walk *walk, struct pxt_error *error)
{
    struct pxt_search *search = walk->search;
    pxt_status status = PXT_OK;
    pxt_best_sort(&walk->best);
    for (size_t i = 0; i < walk->best.count && !search->enough && !status; i++)
        if (!pxt_search_was_offered(search, &walk->best.item[i].key)) /* else it was met twice: it changed meanwhile */
            status = pxt_search_offer(search, &walk->best.item[i].key, error);
    return status;
}

static uint64_t bucket_of(const struct walk *walk, size_t item)
{
    return pxt_bucket_of(PXT_RING(walk->best.item[item].key.hash));
}

/* How far a bucket is from the one where the walk began. */
static uint64_t distance(const struct walk *walk, uint64_t bucket)
{
    return (bucket - pxt_position_bucket(walk->position)) & ((UINT64_C(1) << (63 - PXT_BUCKET_BITS)) - 1);
}

/* Whether the entry that is number `rank` of its bucket has its turn at a position, or later in this round. */
static bool is_due(const struct walk *walk, size_t item, size_t rank, uint64_t position)
{
    uint64_t place = distance(walk, bucket_of(walk, item)), at = distance(walk, pxt_position_bucket(position));
    return place > at || (place == at && rank >= pxt_position_rank(position));
}

/* Offers those that are due, in their order; each if no other thread or process moves the circle meanwhile. */
static pxt_status offer_due(struct walk *walk, uint64_t *position, struct pxt_error *error)
{
    struct pxt_search *search = walk->search;
    size_t rank = 0;
    for (size_t i = 0; i < walk->best.count && !search->enough; i++) {
        const struct pxt_key *key = &walk->best.item[i].key;
        rank = i && bucket_of(walk, i) == bucket_of(walk, i - 1) ? rank + 1 : 0;
        while (is_due(walk, i, rank, *position) && !pxt_search_was_offered(search, key)) {
            uint64_t behind = pxt_position_behind(bucket_of(walk, i), rank);
            if (!pxt_round_move(search, position, behind))
                continue;
            *position = behind;
            pxt_status status = pxt_search_offer(search, key, error);
            if (status)
                return status;
        }
    }
    return PXT_OK;
}

static bool any_is_left(const struct walk *walk)
{
    for (size_t i = 0; i < walk->best.count; i++)
        if (!pxt_search_was_offered(walk->search, &walk->best.item[i].key))
            return true;
    return false;
}

/* Offers entries by turns. `all`: no other entries match, so that behind the last one the circle begins again. */
static pxt_status offer_turns(struct walk *walk, bool all, struct pxt_error *error)
{
    struct pxt_search *search = walk->search;
    const uint64_t begin = pxt_position_bucket(walk->position) << PXT_RANK_BITS;
    uint64_t position = pxt_round_position(search);
    pxt_best_sort(&walk->best);
    pxt_status status = offer_due(walk, &position, error);
    while (!status && all && !search->enough && any_is_left(walk)) {
        if (pxt_round_move(search, &position, begin))
            position = begin;
        status = offer_due(walk, &position, error);
    }
    return status;
}

/* Offers the best `room` of those that were not offered; `*full`: there may be more. */
static pxt_status walk_once(struct pxt_search *search, size_t room, bool *full, struct pxt_error *error)
{
    struct walk walk = {.search = search};
    struct pxt_error local;
    bool turns = search->choosing->choice == PXT_CHOOSE_ROUND_ROBIN;
    walk.position = turns ? pxt_round_position(search) : 0;
    walk.start = turns ? (uint64_t)pxt_bucket_start(pxt_position_bucket(walk.position)) : 0;
    if (search->choosing->choice == PXT_CHOOSE_STICKY)
        walk.start = pxt_ring_start(search);
    size_t passed = pxt_position_rank(walk.position); /* they come first, and have had their turn */
    room = room < SIZE_MAX - passed ? room + passed : room;
    pxt_status status = pxt_best_init(&walk.best, room, &local);
    if (!status && search->tier)
        status = walk_tier(&walk, &local);
    else if (!status)
        status = pxt_chain_each(search->choosing->chain, consider_entry, &walk, &local);
    if (walk.no_memory)
        status = pxt_fail_memory(&local, "keys to choose from");
    /* With a tier off, any of the entries that can be read will do. */
    if (status == PXT_EUNAVAILABLE && !search->tier && (walk.best.count || search->offers))
        status = PXT_OK;
    *full = walk.best.count == room;
    if (!status)
        status = turns ? offer_turns(&walk, !*full, &local) : offer_best(&walk, &local);
    pxt_best_free(&walk.best);
    if (status && error)
        *error = local;
    return status;
}

pxt_status pxt_choose_by_walk(struct pxt_search *search, struct pxt_error *error)
{
    enum { SPARE = 8 }; /* for those that have gone when they are got */
    size_t room = search->choosing->expected;
    bool full = true;
    pxt_status status = PXT_OK;
    room = room < SIZE_MAX - SPARE ? room + SPARE : room;
    while (full && !status && !search->enough) {
        status = walk_once(search, room, &full, error);
        room = room < SIZE_MAX / 4 ? room * 4 : room;
    }
    return status;
}
