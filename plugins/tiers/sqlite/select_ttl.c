/* SPDX-License-Identifier: MIT
 *
 * select_ttl.c: the entries that have some time to live. The time moves on, so no index has them in the order asked for.
 * If they are many a walk through all entries soon meets one. If they are few in all, the index by time has them together.
 * In between, parts of the ring are looked at, one after the other: an index has the entries of each part by time.
 */
#include "select.h"
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 8, SAMPLES = 4, DENSE = 4, FEW = 64 };

static int by_place(const void *a, const void *b)
{
    const struct select_found *left = a, *right = b;
    if (left->value != right->value)
        return left->value < right->value ? -1 : 1;
    size_t length = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->key, right->key, length);
    return order ? order : (int)left->length - (int)right->length;
}

static bool is_asked_for(const struct select_place *place, const struct select_found *found)
{
    struct select_found after = {.value = place->from, .length = (uint8_t)place->after_length};
    memcpy(after.key, place->after, (size_t)place->after_length);
    return found->value <= place->to && by_place(found, &after) > 0;
}

/* Adds to the page what a stream leads to. `*left`: so many may be looked at. */
static pxt_status take_all(struct select_search *search, struct select_stream *stream, unsigned *left,
                           struct pxt_error *error)
{
    struct select_page *page = &search->page;
    pxt_status status = PXT_OK;
    while (!status && stream->kept && *left) {
        struct select_found *found = &page->found[page->count];
        found->value = stream->value;
        found->length = (uint8_t)stream->length;
        memcpy(found->key, stream->key, (size_t)stream->length);
        page->count += is_asked_for(&search->place, found);
        --*left;
        status = sqlite_select_walk_step(&search->walk, stream, error);
    }
    if (stream->kept)
        *left = 0;
    return status;
}

/* Adds a set to the page. `*all`: the page had room for all that had to be looked at, which must be fewer than `most`. */
static pxt_status gather(struct select_search *search, enum select_kind kind, int64_t number, unsigned most, bool *all,
                         struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    const struct select_set set = {
        .kind = (uint8_t)kind, .order = (uint8_t)search->plan.order, .health = search->plan.health != 0};
    unsigned left = most - search->page.count;
    pxt_status status = PXT_OK;
    walk->streams = 0;
    for (int health = 0; health < PXT_HEALTH_COUNT && !status && left; health++) {
        if (set.health ? !(search->plan.health & PXT_HEALTH_BIT(health)) : health > 0)
            continue;
        status = sqlite_select_walk_open(walk, set, health, number, &search->place, error);
        if (!status)
            status = take_all(search, &walk->stream[walk->streams - 1], &left, error);
    }
    sqlite_select_walk_end(walk);
    *all = left > 0;
    return status;
}

static void finish(struct select_search *search, unsigned most)
{
    struct select_page *page = &search->page;
    qsort(page->found, page->count, sizeof *page->found, by_place);
    if (page->count > most)
        page->count = most;
}

/* Looks where there should be some dozens of entries: are there many that live long enough? */
static pxt_status look_around(struct select_search *search, bool *dense, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    struct select_place place = {.from = search->place.from > 0 ? search->place.from : 0, .to = INT64_MAX};
    walk->any_ttl = true;
    pxt_status status = sqlite_select_walk_nth(walk, &place, SAMPLE - 1, error);
    const struct select_stream *head = status ? NULL : sqlite_select_walk_head(walk);
    if (head) {
        uint64_t distance = (uint64_t)head->value - (uint64_t)place.from;
        if (distance < (uint64_t)(INT64_MAX - place.from) / SAMPLES)
            place.to = place.from + (int64_t)distance * SAMPLES;
    }
    const bool any = head;
    sqlite_select_walk_end(walk);
    walk->any_ttl = false;
    if (!any)
        return status;
    status = sqlite_select_walk_nth(walk, &place, DENSE - 1, error);
    *dense = !status && sqlite_select_walk_head(walk);
    sqlite_select_walk_end(walk);
    return status;
}

/* Whether FEW entries or more live long enough, of one health: then it is not worth while to gather them. */
static pxt_status look_for_many(struct select_search *search, bool *many, struct pxt_error *error)
{
    const struct select_place all = {.from = INT64_MIN, .to = INT64_MAX, .after_length = FEW - 1};
    const struct select_set set = {
        .kind = SELECT_TTL, .order = (uint8_t)search->plan.order, .health = search->plan.health != 0};
    struct select_walk *walk = &search->walk;
    pxt_status status = PXT_OK;
    *many = false;
    walk->streams = 0;
    walk->nth = true;
    for (int health = 0; health < PXT_HEALTH_COUNT && !status && !*many; health++) {
        if (set.health ? !(search->plan.health & PXT_HEALTH_BIT(health)) : health > 0)
            continue;
        status = sqlite_select_walk_open(walk, set, health, 0, &all, error);
        *many = !status && sqlite_select_walk_head(walk);
    }
    walk->nth = false;
    sqlite_select_walk_end(walk);
    return status;
}

/* Part after part, until the page has what was asked for. */
static pxt_status read_parts(struct select_search *search, unsigned most, bool *found, struct pxt_error *error)
{
    struct select_page *page = &search->page;
    const int64_t last = search->place.to >> SELECT_PART_SHIFT;
    int64_t part = search->place.from > 0 ? search->place.from >> SELECT_PART_SHIFT : 0;
    pxt_status status = PXT_OK;
    *found = true;
    for (; !status && part <= last && page->count < most; part++) {
        const unsigned before = page->count;
        status = gather(search, SELECT_TTL_PART, part, SELECT_PAGE, found, error);
        if (!*found) { /* what the parts before have is a page, if there is anything */
            page->count = before;
            *found = before > 0;
            page->last = false;
            finish(search, most);
            return status;
        }
    }
    page->last = part > last;
    if (page->count > most)
        page->last = false;
    finish(search, most);
    return status;
}

pxt_status sqlite_select_by_ttl(struct select_search *search, bool *found, struct pxt_error *error)
{
    const bool ring = search->plan.order == PXT_ORDER_RING;
    const unsigned most = search->limit < FEW ? (unsigned)search->limit : FEW;
    const bool were_few = sqlite_select_was_few(search);
    bool dense = false, many = false;
    *found = false;
    search->walk.filtered = search->walk.unknown = false;
    pxt_status status = ring && !were_few ? look_around(search, &dense, error) : PXT_OK;
    if (status || dense)
        return status;
    if (!were_few)
        status = look_for_many(search, &many, error);
    search->page.count = 0;
    if (!status && !many)
        status = gather(search, SELECT_TTL, 0, FEW, found, error);
    sqlite_select_keep_few(search, !status && *found);
    if (!status && *found) {
        search->page.last = search->page.count <= most;
        finish(search, most);
        return PXT_OK;
    }
    search->page.count = 0;
    return status || !ring ? status : read_parts(search, most, found, error);
}
