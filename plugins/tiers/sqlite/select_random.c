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
#define RING (UINT64_C(1) << 63)
#define WIDEST (RING / 2) /* beyond it, all that match are walked through */

struct picking {
    struct select_search *search;
    uint64_t width, random;
    unsigned windows; /* in a row without a pick */
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

/* Whether one statement over one index has all that match. */
static bool has_one_stream(const struct select_search *search)
{
    const unsigned health = search->plan.health;
    const uint8_t kind = search->walk.candidate->kind;
    return !(health & (health - 1)) && kind != SELECT_TAG && kind != SELECT_FAILURES;
}

/* Walks to the match number `ticket` of a part of the ring. `*count`: the matches before it, or all of them. An entry that
 * has a tag twice is met twice. */
static pxt_status walk_to(struct select_search *search, const struct select_place *part, unsigned ticket,
                          struct select_found *picked, unsigned *count, bool *found, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    struct select_stream *head = NULL;
    *count = 0;
    *found = false;
    picked->length = 0;
    pxt_status status = sqlite_select_walk_begin(walk, part, PXT_ORDER_RING, error);
    while (!status && (head = sqlite_select_walk_head(walk))) {
        bool again = *count && picked->value == head->value && picked->length == head->length &&
                     !memcmp(picked->key, head->key, picked->length);
        take(picked, head);
        *found = !again && *count == ticket;
        if (*found)
            break;
        *count += !again;
        status = sqlite_select_walk_step(walk, head, error);
    }
    sqlite_select_walk_end(walk);
    return status;
}

/* The same, without a count, by SQLite itself where one statement can say it. */
static pxt_status go_to(struct select_search *search, const struct select_place *part, unsigned ticket,
                        struct select_found *picked, bool *found, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    unsigned count;
    if (!has_one_stream(search))
        return walk_to(search, part, ticket, picked, &count, found, error);
    pxt_status status = sqlite_select_walk_nth(walk, part, ticket, error);
    const struct select_stream *head = status ? NULL : sqlite_select_walk_head(walk);
    *found = head;
    if (head)
        take(picked, head);
    sqlite_select_walk_end(walk);
    return status;
}

/* Whether a window seems to have more than ROWS_MAX matches, by the distance of those before the picked one. */
static bool is_crowded(int64_t first, uint64_t width, int64_t picked, unsigned before)
{
    const double part = ((double)picked - (double)first) / (double)width;
    return before >= 8 && part * ROWS_MAX < before;
}

/* Lays a window, and picks if it has the match whose number is drawn. */
static pxt_status try_window(struct picking *picking, struct select_found *picked, bool *found, struct pxt_error *error)
{
    const uint64_t width = picking->width;
    /* It may hang over either end of the ring, so that a match near an end is in as many windows as any other. */
    int64_t first = (int64_t)(random_below(picking, RING + width - 1) - (width - 1));
    int64_t last = first > INT64_MAX - (int64_t)width ? INT64_MAX : first + (int64_t)width - 1;
    const struct select_place part = {.from = first > 0 ? first : 0, .to = last};
    const unsigned ticket = (unsigned)random_below(picking, ROWS_MAX);
    pxt_status status = go_to(picking->search, &part, ticket, picked, found, error);
    if (status)
        return status;
    if (!*found && picking->windows >= FRUITLESS)
        picking->width = WIDEST;
    else if (!*found)
        picking->width = scaled(width, 1 + (double)ROWS_AIM / (ROWS_MAX - ROWS_AIM) / STEADY);
    else if (is_crowded(first, width, picked->value, ticket))
        picking->width = scaled(width, 0.5);
    else /* this and the step above are in balance where a window has ROWS_AIM matches on the average */
        picking->width = scaled(width, 1 - 1.0 / STEADY);
    return status;
}

/* Picks among all that match, if they are few. Else the next window is smaller. */
static pxt_status try_all(struct picking *picking, struct select_found *picked, bool *found, struct pxt_error *error)
{
    struct select_search *search = picking->search;
    const struct select_place all = {.from = 0, .to = INT64_MAX};
    unsigned count;
    pxt_status status = walk_to(search, &all, ROWS_MAX, picked, &count, found, error);
    if (status)
        return status;
    if (*found) {
        *found = false;
        picking->width = scaled((uint64_t)picked->value, (double)ROWS_AIM / ROWS_MAX);
        return PXT_OK;
    }
    search->page.last = !count;
    return count ? go_to(search, &all, (unsigned)random_below(picking, count), picked, found, error) : PXT_OK;
}

pxt_status sqlite_select_pick(struct select_search *search, struct pxt_error *error)
{
    struct select_page *page = &search->page;
    struct picking picking = {.search = search, .width = sqlite_select_width(search)};
    const unsigned most = search->limit < PICKS_MAX ? (unsigned)search->limit : PICKS_MAX;
    pxt_status status = PXT_OK;
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
