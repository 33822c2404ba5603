/* SPDX-License-Identifier: MIT
 *
 * select.c: the operation select(): keys in an order, page by page. No lock or statement is held while the caller's
 * function runs.
 */
#include "select.h"
#include <string.h>

enum { SAMPLE = 8, TRIES = 40 };

/* Whether the set leaves a condition to be looked at. */
static bool is_filtered(const struct select_plan *plan, const struct select_candidate *candidate)
{
    const struct pxt_selection *selection = plan->selection;
    enum select_kind kind = (enum select_kind)candidate->kind;
    bool host = kind == SELECT_HOST || kind == SELECT_LEFT || kind == SELECT_RIGHT;
    return (selection->source && kind != SELECT_SOURCE) || (selection->scheme && kind != SELECT_SCHEME) ||
           (selection->country && kind != SELECT_COUNTRY) || (selection->tag && kind != SELECT_TAG) ||
           (selection->host && !(host && candidate->exact)) ||
           (selection->max_failures >= 0 && kind != SELECT_FAILURES) ||
           (plan->latency >= 0 && kind != SELECT_LATENCY && plan->order != PXT_ORDER_FASTEST);
}

/* How many entries of a set there are, in proportion to others: places in the ring are random, so the distance of a few of
 * them says it. */
static pxt_status estimate(struct select_search *search, const struct select_candidate *candidate, double *density,
                           struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    const uint64_t place = (uint64_t)search->plan.expires * UINT64_C(0x9E3779B97F4A7C15) >> 2;
    const struct select_place from = {.from = (int64_t)place, .to = INT64_MAX};
    struct select_stream *head = NULL;
    int found = 0;
    int64_t last = INT64_MAX;
    walk->candidate = candidate;
    walk->filtered = walk->unknown = false;
    pxt_status status = sqlite_select_walk_begin(walk, &from, PXT_ORDER_RING, error);
    while (!status && found < SAMPLE && (head = sqlite_select_walk_head(walk))) {
        found++;
        last = head->value;
        status = sqlite_select_walk_step(walk, head, error);
    }
    sqlite_select_walk_end(walk);
    *density = found / ((double)(head ? last : INT64_MAX) - (double)from.from);
    return status;
}

/* The smallest of the sets is walked. */
static pxt_status choose(struct select_search *search, struct pxt_error *error)
{
    struct select_plan *plan = &search->plan;
    double least = 0;
    unsigned best = 0;
    pxt_status status = PXT_OK;
    if (plan->candidates == 1)
        return PXT_OK;
    bool known = sqlite_select_smallest(search, &best);
    for (unsigned i = 0; i < plan->candidates && !known && !status; i++) {
        double density;
        status = estimate(search, &plan->candidate[i], &density, error);
        if (!i || density < least) {
            least = density;
            best = i;
        }
    }
    if (status)
        return status;
    if (!known)
        sqlite_select_keep_smallest(search, best);
    plan->candidate[0] = plan->candidate[best];
    plan->candidates = 1;
    return PXT_OK;
}

/* Whether a row was written by a program that places none. It is not looked for again until something is written: the data
 * version is that of the walk before this. */
static pxt_status look_for_unplaced(struct store *store, struct select_search *search, struct pxt_error *error)
{
    const struct select_set set = {.kind = SELECT_UNPLACED};
    struct connection *connection = search->walk.connection;
    struct select_statement *kept = NULL;
    const unsigned version = sqlite_data_version(connection);
    if (version && version == connection->placed_version)
        return PXT_OK;
    int rc = sqlite_select_statement(store, connection, set, SELECT_PLAIN, &kept);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(kept->statement);
        sqlite3_reset(kept->statement);
        kept->busy = false;
    }
    search->unplaced = rc == SQLITE_ROW;
    if (rc == SQLITE_DONE && version == sqlite_data_version(connection))
        connection->placed_version = version;
    if (rc == SQLITE_ERROR) {
        search->walk.missing = set;
        return PXT_ENOTSUP;
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE || rc == SQLITE_OK
               ? PXT_OK
               : sqlite_fail(store, connection->db, rc, error, "look for entries without a place");
}

/* A damaged index may lead back to where the walk has been: it would not end. */
static bool is_behind(const struct select_search *search, const struct select_stream *head)
{
    const struct select_page *page = &search->page;
    const struct select_found *last = page->count ? &page->found[page->count - 1] : NULL;
    int64_t value = last ? last->value : search->place.from;
    const char *key = last ? last->key : search->place.after;
    size_t length = last ? last->length : (size_t)search->place.after_length;
    if (head->value != value || !length)
        return head->value >= value;
    int order = memcmp(head->key, key, length < (size_t)head->length ? length : (size_t)head->length);
    return order > 0 || (!order && (size_t)head->length >= length);
}

/* An entry that has a tag twice is met twice. */
static bool is_again(const struct select_page *page, const struct select_stream *head)
{
    const struct select_found *last = page->count ? &page->found[page->count - 1] : NULL;
    return last && last->value == head->value && last->length == head->length &&
           !memcmp(last->key, head->key, last->length);
}

/* Fills the page from where the walk is. */
static pxt_status fill(struct select_search *search, struct pxt_error *error)
{
    struct select_page *page = &search->page;
    struct select_walk *walk = &search->walk;
    const unsigned most = search->limit < SELECT_PAGE ? (unsigned)search->limit : SELECT_PAGE;
    pxt_status status = PXT_OK;
    while (!status && page->count < most) {
        struct select_stream *head = sqlite_select_walk_head(walk);
        if (!head) {
            page->last = true;
            return PXT_OK;
        }
        if (!is_behind(search, head))
            return sqlite_fail(walk->store, walk->connection->db, SQLITE_CORRUPT, error, "read an index in order");
        if (!is_again(page, head)) {
            struct select_found *found = &page->found[page->count++];
            found->value = head->value;
            found->length = (uint8_t)head->length;
            memcpy(found->key, head->key, (size_t)head->length);
        }
        if (page->count < most)
            status = sqlite_select_walk_step(walk, head, error);
    }
    return status;
}

static pxt_status walk_once(struct select_search *search, bool unknown, struct pxt_error *error)
{
    const unsigned order = (unsigned)search->plan.order;
    struct select_place place = search->place;
    search->walk.unknown = unknown;
    if (unknown && place.from < INT64_MAX) {
        place.after[0] = '\0';
        place.after_length = 0;
    }
    pxt_status status = sqlite_select_walk_begin(&search->walk, &place, order, error);
    if (!status)
        status = fill(search, error);
    sqlite_select_walk_end(&search->walk);
    return status;
}

/* The walk, without the sets that are remembered to have nothing. If something was written meanwhile it is done again with all. */
static pxt_status walk_sets(struct select_search *search, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    unsigned version;
    pxt_status status = sqlite_select_sets_with_entries(walk, search->hash, &version, error);
    if (!status)
        status = walk_once(search, false, error);
    walk->only = 0;
    if (status || !version || version == sqlite_data_version(walk->connection))
        return status;
    search->page.count = 0;
    search->page.last = false;
    return walk_once(search, false, error);
}

/* Entries whose latency is not known come last in their order. */
static pxt_status read_found(struct select_search *search, struct pxt_error *error)
{
    const struct select_plan *plan = &search->plan;
    const bool unknown_too = plan->order == PXT_ORDER_FASTEST && plan->latency < 0 && search->place.to == INT64_MAX;
    pxt_status status = PXT_OK;
    if (!search->dense && !search->walk.filtered && plan->selection->min_ttl > 0 &&
        search->walk.candidate->kind == SELECT_ALL) {
        bool found = false;
        status = sqlite_select_by_ttl(search, &found, error);
        if (status || found)
            return status;
        search->dense = true;
    }
    search->walk.filtered = is_filtered(plan, search->walk.candidate);
    search->walk.unknown = false;
    search->page.last = true;
    if (!unknown_too || search->place.from < INT64_MAX) {
        search->page.last = false;
        status = walk_sets(search, error);
    }
    if (!status && search->page.last && unknown_too) {
        search->page.last = false;
        status = walk_once(search, true, error);
    }
    return status;
}

static pxt_status not_here(struct store *store, struct pxt_error *error, const char *why)
{
    return store->host->fail(store->host, error, PXT_ENOTSUP, 0, "%s: no selection here: %s", store->path, why);
}

static pxt_status find(struct store *store, struct select_search *search, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    pxt_status status = choose(search, error);
    walk->candidate = &search->plan.candidate[0];
    walk->filtered = is_filtered(&search->plan, walk->candidate);
    walk->unknown = false;
    if (!status)
        status = search->random ? sqlite_select_pick(search, error) : read_found(search, error);
    return status ? status : look_for_unplaced(store, search, error);
}

/* PXT_ENOTSUP: walk.missing is to be made; or rows are to be placed. */
static pxt_status read_once(struct store *store, struct select_search *search, struct pxt_error *error)
{
    struct select_walk *walk = &search->walk;
    search->page.count = 0;
    search->unplaced = search->hopeless = false;
    pxt_status status = sqlite_pool_read(store, &walk->connection, error);
    if (status)
        return status;
    walk->store = store;
    if (!walk->connection->placed_version) /* before an index is made that each of them would change */
        status = look_for_unplaced(store, search, error);
    if (!status && !search->unplaced)
        status = find(store, search, error);
    sqlite_pool_release(store, walk->connection);
    return status;
}

static pxt_status read_page(struct store *store, struct select_search *search, struct pxt_error *error)
{
    for (int tries = 0; tries < TRIES; tries++) {
        pxt_status status = read_once(store, search, error);
        if (status == PXT_ENOTSUP)
            status = sqlite_select_make_index(store, search->walk.missing, error);
        else if (!status && search->unplaced)
            status = sqlite_select_place_rows(store, error);
        else if (!status && search->hopeless)
            return not_here(store, error, "no picks can be made");
        else
            return status;
        if (status)
            return status;
    }
    return store->host->fail(store->host, error, PXT_ENOTSUP, 0,
                             "%s: another program takes away the indexes of selections", store->path);
}

/* Tells the page, and goes on behind it. False: it was enough. */
static bool tell(struct store *store, struct select_search *search, pxt_selected_fn *fn, void *arg)
{
    struct select_page *page = &search->page;
    for (unsigned i = 0; i < page->count; i++) {
        struct pxt_key key;
        page->found[i].key[page->found[i].length] = '\0';
        store->host->key_init(&key, page->found[i].key, page->found[i].length);
        search->limit--;
        if (!fn(arg, &key, page->found[i].value))
            return false;
    }
    if (page->last || !page->count || !search->limit)
        return false;
    const struct select_found *last = &page->found[page->count - 1];
    search->place.from = last->value;
    search->place.after_length = last->length;
    memcpy(search->place.after, last->key, last->length);
    return true;
}

pxt_status sqlite_store_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                               struct pxt_error *error)
{
    struct store *store = self;
    struct select_search search;
    pxt_status status = PXT_OK;
    if (store->schema.shared)
        return not_here(store, error, "ProxyWhirl's table has no place for the order of keys");
    const bool random = select->order == PXT_ORDER_RANDOM;
    struct pxt_select on_ring = *select;
    if (random) {
        on_ring.order = PXT_ORDER_RING;
        on_ring.from = 0;
        on_ring.to = INT64_MAX;
        on_ring.after = NULL;
        select = &on_ring;
    }
    if (select->order > PXT_ORDER_FASTEST)
        return not_here(store, error, "it has no index in this order");
    if (!sqlite_select_plan(&search.plan, select))
        return not_here(store, error, "a text is too long for an index");
    if (search.plan.impossible || select->from > select->to)
        return PXT_OK;
    search.place = (struct select_place){.from = select->from, .to = select->to};
    if (select->after) {
        search.place.after_length = (int)select->after->length;
        memcpy(search.place.after, select->after->text, select->after->length);
    }
    if (select->order == PXT_ORDER_FASTEST && search.plan.latency >= 0 && search.plan.latency < select->to)
        search.place.to = search.plan.latency;
    if (random && select->selection->min_ttl > 0 && search.plan.candidate[0].kind == SELECT_ALL)
        return not_here(store, error, "the time to live alone has no index in the order of the ring");
    search.random = random;
    search.hash = sqlite_select_hash(select);
    search.limit = select->limit;
    search.dense = search.walk.any_ttl = search.walk.nth = search.page.last = false;
    search.walk.plan = &search.plan;
    search.walk.streams = search.walk.sets = search.walk.only = 0;
    do {
        unsigned tries = 0;
        do
            status = read_page(store, &search, error);
        while (sqlite_try_again(status, &tries));
    } while (!status && tell(store, &search, fn, arg));
    return status;
}
