/* SPDX-License-Identifier: MIT
 *
 * select_random.c: PXT_ORDER_RANDOM: picks, each of any match with the same chance.
 *
 * Places in the ring are random, but the gaps between them are not equal. So a window of the ring is laid at a random place,
 * and one of the numbers 0 to ROWS_MAX - 1 is drawn: the match of that number in the window is picked. If the window has
 * fewer, another one is laid. Each match is in as many windows as any other, and its number is drawn with the same chance:
 * so its chance depends neither on the gap before it nor on its neighbours (rejection sampling). The walk through a window
 * ends at the match that is picked. Only a window that has more than ROWS_MAX matches, which comes about once in 10^6, hides
 * some of them.
 *
 * The width follows what windows had. A pick depends only on the width before it, so that no match gains by that.
 */
#include "select.h"
#include <string.h>

enum { ROWS_MAX = 44, ROWS_AIM = 20, WINDOWS_MAX = 500, PICKS_MAX = 32, STEADY = 64, FRUITLESS = 12 };
enum { SETS_MAX = 31, SETS_AIM = 12 }; /* in place of ROWS_MAX and ROWS_AIM where several sets have the matches */
#define RING (UINT64_C(1) << 63)
#define WIDEST (RING / 2) /* beyond it, all that match are walked through */

enum outcome { NOTHING, PICKED, REFUSED, CROWDED };
struct picking {
    struct select_search *search;
    uint64_t width, random;
    unsigned max, aim; /* matches of a window */
    unsigned windows;  /* in a row without a pick */
};

/* SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t next_random(struct picking *picking)
{
    uint64_t z = picking->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* An integer below `bound`, which is not 0, without bias. */
static uint64_t random_below(struct picking *picking, uint64_t bound)
{
    uint64_t number, limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        number = next_random(picking);
    } while (number >= limit);
    return number % bound;
}

static uint64_t scaled(uint64_t width, double factor)
{
    double wanted = (double)width * factor;
    return wanted >= (double)WIDEST ? WIDEST : wanted < 1 ? 1 : (uint64_t)wanted;
}

static void take(struct select_found *found, const struct select_stream *head)
{
    found->value = head->value;
    found->length = (uint8_t)head->length;
    memcpy(found->key, head->key, (size_t)head->length);
}

static bool is_same(const struct select_found *a, const struct select_found *b)
{
    return a->value == b->value && a->length == b->length && !memcmp(a->key, b->key, a->length);
}

/* Whether one set has all that match, or several have in one statement. Else a walk goes through several streams. */
static bool has_one_set(const struct select_search *search)
{
    const uint8_t kind = search->walk.candidate->kind;
    return !(search->plan.health & (search->plan.health - 1)) && kind != SELECT_TAG && kind != SELECT_FAILURES;
}

static bool has_several_sets(const struct select_search *search)
{
    const uint8_t kind = search->walk.candidate->kind;
    return !(search->plan.health & (search->plan.health - 1)) && (kind == SELECT_TAG || kind == SELECT_FAILURES);
}

/* Walks to the match number `ticket` of a part of the ring. An entry that has a tag twice is met twice. */
static pxt_status walk_to(struct select_search *search, const struct select_place *part, unsigned ticket,
                          struct select_found *picked, enum outcome *outcome, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    struct select_stream *head = NULL;
    struct select_found last = {.length = 0};
    unsigned count = 0;
    *outcome = NOTHING;
    pxt_status status = sqlite_select_walk_begin(walk, part, PXT_ORDER_RING, error);
    while (!status && *outcome == NOTHING && (head = sqlite_select_walk_head(walk))) {
        take(picked, head);
        if (!count || !is_same(picked, &last)) {
            *outcome = count++ == ticket ? PICKED : NOTHING;
            take(&last, head);
        }
        if (*outcome == NOTHING)
            status = sqlite_select_walk_step(walk, head, error);
    }
    sqlite_select_walk_end(walk);
    return status;
}

/* The same by SQLite itself, where one set has all that match. */
static pxt_status go_to(struct select_search *search, const struct select_place *part, unsigned ticket,
                        struct select_found *picked, enum outcome *outcome, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    pxt_status status = sqlite_select_walk_nth(walk, part, ticket, error);
    const struct select_stream *head = status ? NULL : sqlite_select_walk_head(walk);
    *outcome = head ? PICKED : NOTHING;
    if (head)
        take(picked, head);
    sqlite_select_walk_end(walk);
    return status;
}

/* How often an entry is met in the sets: once, or more if it has a tag twice or more tags than there are sets. */
static pxt_status count_times(struct select_search *search, const struct select_found *entry, unsigned *times,
                              struct pxt_error *error)
{
    const struct select_place place = {.from = entry->value, .to = entry->value};
    struct select_walk *walk = &search->walk;
    struct select_stream *head = NULL;
    unsigned rows = 0; /* a damaged index may have no end */
    *times = 0;
    pxt_status status = sqlite_select_walk_sets(walk, &place, error);
    while (!status && rows++ < 2 * SETS_MAX && (head = sqlite_select_walk_head(walk))) {
        *times += head->length == entry->length && !memcmp(head->key, entry->key, entry->length);
        status = sqlite_select_walk_step(walk, head, error);
    }
    sqlite_select_walk_end(walk);
    return status;
}

/* The same where only one of several sets has anything, as of all tags in one list. */
static pxt_status go_to_in_set(struct picking *picking, const struct select_place *part, unsigned ticket,
                               struct select_found *picked, enum outcome *outcome, struct pxt_error *error)
{
    struct select_walk *walk = &picking->search->walk;
    unsigned version;
    pxt_status status = sqlite_select_walk_nth_of_one_set(walk, picking->search->hash, part, ticket, &version, error);
    const struct select_stream *head = status ? NULL : sqlite_select_walk_head(walk);
    *outcome = head ? PICKED : NOTHING;
    if (head)
        take(picked, head);
    sqlite_select_walk_end(walk);
    if (!status && version != sqlite_data_version(walk->connection)) /* now another set may have something */
        *outcome = REFUSED;
    return status;
}

/* Picks the match number `ticket` of a part of the ring where several sets have the matches: one set after the other, so in no
 * order. A part with more than SETS_MAX would hide the same ones each time, so nothing is picked there. Of an entry that is met
 * several times only some picks count. */
static pxt_status pick_of_sets(struct picking *picking, const struct select_place *part, unsigned ticket,
                               struct select_found *picked, enum outcome *outcome, struct pxt_error *error)
{
    struct select_walk *walk = &picking->search->walk;
    struct select_stream *stream = &walk->stream[0];
    int64_t places[SETS_MAX];
    unsigned count = 0, times = 0, version;
    bool readable = true;
    pxt_status status = sqlite_select_walk_some_sets(walk, picking->search->hash, part, &version, error);
    while (!status && stream->kept && count < SETS_MAX) {
        if (count == ticket && (readable = sqlite_select_walk_key(stream)))
            take(picked, stream);
        places[count++] = stream->value;
        status = sqlite_select_walk_next_place(walk, stream, error);
    }
    *outcome = stream->kept ? CROWDED : ticket < count ? PICKED : NOTHING;
    sqlite_select_walk_end(walk);
    /* Now another set may have something. */
    const bool changed = version && version != sqlite_data_version(walk->connection);
    if (changed || !readable)
        *outcome = REFUSED;
    for (unsigned i = 0; i < count && *outcome == PICKED; i++)
        times += places[i] == places[ticket];
    if (!status && times > 1) /* it may be another entry's place, too */
        status = count_times(picking->search, picked, &times, error);
    if (times > 1 && random_below(picking, times))
        *outcome = REFUSED;
    return status;
}

/* Whether a window seems to have more matches than may be picked, by the distance of those before the picked one. */
static bool is_crowded(const struct picking *picking, int64_t first, int64_t picked, unsigned before)
{
    const double part = ((double)picked - (double)first) / (double)picking->width;
    return before >= 8 && part * picking->max < before;
}

/* Picks the match number `ticket` of a window that begins at `first`. */
static pxt_status pick_of(struct picking *picking, int64_t first, unsigned ticket, struct select_found *picked,
                          enum outcome *outcome, struct pxt_error *error)
{
    struct select_search *search = picking->search;
    const int64_t width = (int64_t)picking->width;
    const struct select_place part = {.from = first > 0 ? first : 0,
                                      .to = first > INT64_MAX - width ? INT64_MAX : first + width - 1};
    pxt_status status = PXT_ENOTSUP;
    if (has_several_sets(search)) {
        status = go_to_in_set(picking, &part, ticket, picked, outcome, error);
        if (status == PXT_NOT_FOUND) {
            status = pick_of_sets(picking, &part, ticket, picked, outcome, error);
            if (status != PXT_ENOTSUP)
                return status;
        }
    }
    /* If an index is missing a walk says which. */
    if (status == PXT_ENOTSUP)
        status = has_one_set(search) ? go_to(search, &part, ticket, picked, outcome, error)
                                     : walk_to(search, &part, ticket, picked, outcome, error);
    if (!status && *outcome == PICKED && is_crowded(picking, first, picked->value, ticket))
        picking->width = scaled(picking->width, 0.5);
    return status;
}

/* Lays a window, and picks if it has the match whose number is drawn. */
static pxt_status try_window(struct picking *picking, struct select_found *picked, bool *found, struct pxt_error *error)
{
    const uint64_t width = picking->width;
    /* It may hang over either end of the ring, so that a match near an end is in as many windows as any other. */
    int64_t first = (int64_t)(random_below(picking, RING + width - 1) - (width - 1));
    const unsigned ticket = (unsigned)random_below(picking, picking->max);
    enum outcome outcome = NOTHING;
    pxt_status status = pick_of(picking, first, ticket, picked, &outcome, error);
    *found = !status && outcome == PICKED;
    if (status)
        return status;
    if (outcome == CROWDED)
        picking->width = scaled(width, 0.5);
    else if (outcome == NOTHING && picking->windows >= FRUITLESS)
        picking->width = WIDEST;
    else if (outcome == NOTHING)
        picking->width = scaled(width, 1 + (double)picking->aim / (picking->max - picking->aim) / STEADY);
    else /* this and the step above are in balance where a window has `aim` matches on the average */
        picking->width = scaled(picking->width, 1 - 1.0 / STEADY);
    return PXT_OK;
}

/* Picks among all that match, if they are few: each that is met takes the place of the one before it with a chance of one in
 * those met so far (reservoir sampling). Else the next window is smaller. */
static pxt_status try_all(struct picking *picking, struct select_found *picked, bool *found, struct pxt_error *error)
{
    struct select_search *search = picking->search;
    struct select_walk *walk = &search->walk;
    const struct select_place all = {.from = 0, .to = INT64_MAX};
    struct select_stream *head = NULL;
    struct select_found last = {.length = 0};
    unsigned count = 0;
    pxt_status status = sqlite_select_walk_begin(walk, &all, PXT_ORDER_RING, error);
    while (!status && count <= ROWS_MAX && (head = sqlite_select_walk_head(walk))) {
        struct select_found met;
        take(&met, head);
        if (!count || !is_same(&met, &last)) {
            take(&last, head);
            if (!random_below(picking, ++count))
                take(picked, head);
        }
        status = sqlite_select_walk_step(walk, head, error);
    }
    sqlite_select_walk_end(walk);
    if (status)
        return status;
    if (count > ROWS_MAX)
        picking->width = scaled((uint64_t)last.value, (double)picking->aim / ROWS_MAX);
    *found = count && count <= ROWS_MAX;
    search->page.last = !count;
    return PXT_OK;
}

pxt_status sqlite_select_pick(struct select_search *search, struct pxt_error *error)
{
    struct select_page *page = &search->page;
    struct picking picking = {.search = search, .width = sqlite_select_width(search)};
    const bool sets = has_several_sets(search);
    const unsigned most = search->limit < PICKS_MAX ? (unsigned)search->limit : PICKS_MAX;
    pxt_status status = PXT_OK;
    picking.max = sets ? SETS_MAX : ROWS_MAX;
    picking.aim = sets ? SETS_AIM : ROWS_AIM;
    sqlite3_randomness(sizeof picking.random, &picking.random);
    page->last = false;
    while (!status && page->count < most && !page->last && picking.windows < WINDOWS_MAX) {
        bool found = false;
        picking.windows++;
        status = picking.width < WIDEST ? try_window(&picking, &page->found[page->count], &found, error)
                                        : try_all(&picking, &page->found[page->count], &found, error);
        if (!status && found) {
            page->count++;
            picking.windows = 0;
        }
    }
    /* Keys that were made to have one place. */
    search->hopeless = !status && !page->count && !page->last;
    sqlite_select_keep_width(search, picking.width);
    return status;
}
