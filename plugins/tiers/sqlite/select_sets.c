/* SPDX-License-Identifier: MIT
 *
 * select_sets.c: all sets of a tag in one statement, one set after the other: those of each place that a tag may have. Most of
 * them have nothing: a list gives its tags in one order. So a connection remembers which have entries, as long as nothing is
 * written.
 */
#include "select.h"

/* A bit for each set of a tag: the last one is SELECT_TAGS. */
enum { ALL_SETS = (1 << (SELECT_TAG_MAX + 1)) - 1 };

static pxt_status open_some(struct select_walk *walk, unsigned sets, const struct select_place *place,
                            struct pxt_error *error)
{
    walk->sets = sets;
    pxt_status status = sqlite_select_walk_begin(walk, place, PXT_ORDER_RING, error);
    walk->sets = 0;
    return status;
}

/* Those which have an entry that has not expired. */
static pxt_status find_sets(struct select_walk *walk, unsigned *sets, struct pxt_error *error)
{
    const struct select_place all = {.from = 0, .to = INT64_MAX};
    pxt_status status = PXT_OK;
    *sets = 0;
    walk->any_ttl = true;
    for (unsigned set = 1; set <= ALL_SETS && !status; set <<= 1) {
        status = open_some(walk, set, &all, error);
        *sets |= !status && sqlite_select_walk_head(walk) ? set : 0;
        sqlite_select_walk_end(walk);
    }
    if (status) /* what has been found so far is not all */
        *sets = 0;
    walk->any_ttl = false;
    return status;
}

/* Which sets are to be looked at, and the data version at which the others have nothing; 0: all are. They are found at the second
 * time only, for it costs as much as a pick. A filter would be looked at for each entry of a set without a match. */
static pxt_status recall(struct select_walk *walk, uint64_t hash, unsigned *sets, unsigned *version,
                         struct pxt_error *error)
{
    const struct select_set set = {
        .kind = walk->candidate->kind, .order = PXT_ORDER_RING, .health = walk->plan->health != 0};
    const unsigned now = sqlite_data_version(walk->connection);
    struct select_statement *kept = NULL;
    pxt_status status = PXT_OK;
    *sets = ALL_SETS;
    *version = 0;
    if (!now || walk->filtered ||
        sqlite_select_statement(walk->store, walk->connection, set, SELECT_SETS, &kept) != SQLITE_OK)
        return PXT_OK;
    kept->busy = false;
    if (kept->hash != hash || kept->version != now)
        kept->sets = 0;
    else if (!kept->sets)
        status = find_sets(walk, &kept->sets, error);
    kept->hash = hash;
    kept->version = now;
    if (kept->sets) {
        *sets = kept->sets;
        *version = now;
    }
    return status;
}

pxt_status sqlite_select_sets_with_entries(struct select_walk *walk, uint64_t hash, unsigned *version,
                                           struct pxt_error *error)
{
    const unsigned health = walk->plan->health;
    unsigned sets;
    *version = 0;
    /* In another order the indexes in that of the ring may not be there: to find that out costs more than to look at all sets. */
    if (walk->candidate->kind != SELECT_TAG || walk->plan->order != PXT_ORDER_RING || health & (health - 1))
        return PXT_OK;
    pxt_status status = recall(walk, hash, &sets, version, error);
    if (status == PXT_ENOTSUP) /* an index is missing: the walk says which */
        status = PXT_OK;
    else if (!status && *version)
        walk->only = sets;
    return status;
}

pxt_status sqlite_select_walk_sets(struct select_walk *walk, const struct select_place *place, struct pxt_error *error)
{
    return open_some(walk, ALL_SETS, place, error);
}

pxt_status sqlite_select_walk_some_sets(struct select_walk *walk, uint64_t hash, const struct select_place *place,
                                        unsigned *version, struct pxt_error *error)
{
    unsigned sets;
    pxt_status status = recall(walk, hash, &sets, version, error);
    return status ? status : open_some(walk, sets, place, error);
}

/* Opens the set of a bit at a match. */
static pxt_status open_nth(struct select_walk *walk, unsigned sets, const struct select_place *place, unsigned n,
                           struct pxt_error *error)
{
    const struct select_place at = {.from = place->from, .to = place->to, .after_length = (int)n};
    struct select_set set = {.kind = SELECT_TAG, .order = PXT_ORDER_RING, .health = walk->plan->health != 0};
    int number = 0, health = 0;
    while (!(sets >> number & 1))
        number++;
    while (set.health && !(walk->plan->health >> health & 1))
        health++;
    if (number == SELECT_TAG_MAX)
        set.kind = SELECT_TAGS;
    else
        set.degree = (uint8_t)(number + 1);
    walk->streams = 0;
    walk->nth = true;
    pxt_status status = sqlite_select_walk_open(walk, set, health, 0, &at, error);
    walk->nth = false;
    return status;
}

pxt_status sqlite_select_walk_nth_of_one_set(struct select_walk *walk, uint64_t hash, const struct select_place *place,
                                             unsigned n, unsigned *version, struct pxt_error *error)
{
    unsigned sets;
    pxt_status status = recall(walk, hash, &sets, version, error);
    if (status || !*version || sets & (sets - 1))
        return status ? status : PXT_NOT_FOUND;
    return open_nth(walk, sets, place, n, error);
}
