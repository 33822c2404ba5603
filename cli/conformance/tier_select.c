/* SPDX-License-Identifier: MIT
 *
 * tier_select.c: what select promises: it tells what a look at every entry would.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 150, HOUR = 3600, TOLD = ENTRIES + 50 };

/* A key, and its place in an order. */
struct place {
    int64_t value;
    char key[PXT_KEY_MAX + 1];
};

/* A store with entries of all kinds. */
struct pool {
    struct subject *subject;
    void *self;
    pxt_time now;
};

struct list {
    const struct pool *pool;
    const struct pxt_select *select;
    size_t count, stop_after; /* 0: does not stop */
    struct place place[TOLD];
};

/* ---- entries ---------------------------------------------------------------------------------------------------- */

/* A number below `n`, for property `what` of entry `i`, so that properties do not go together. */
static unsigned pick(unsigned i, unsigned what, unsigned n)
{
    uint64_t z = ((uint64_t)i << 8 | what) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)((z ^ (z >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) >> 40) % n;
}

static pxt_entry *entry_of_kind(const struct pool *pool, const char *key, unsigned i, pxt_time expires)
{
    static const char *const scheme[] = {"http", "https", "socks5"}, *const source[] = {"free", "paid", "it's"},
                             *const tags[] = {NULL, "fast", "slow,fast", "slow", "faster,cheap"},
                             *const host[] = {"192.0.2.1", "198.51.100.20", "a.example.com", "example.org"},
                             *const country[] = {NULL, "DE", "US", "NO"};
    struct pxt_draft draft;
    char url[100];
    pxt_entry *plain = entry_named(pool->subject, key, i, expires), *entry = NULL;
    const struct pxt_host *real = pxt_trial_host(pool->subject->trial);
    pxt_draft_init(&draft);
    real->entry_read(plain, &draft);
    snprintf(url, sizeof url, "%s://%s:%u", scheme[pick(i, 1, 3)], host[pick(i, 2, 4)], 1000 + i);
    set_text(&draft, PXT_FIELD_PROXY_URL, url);
    set_text(&draft, PXT_FIELD_SOURCE, source[pick(i, 3, 3)]);
    if (pick(i, 4, 4))
        set_text(&draft, PXT_FIELD_COUNTRY, country[pick(i, 4, 4)]);
    if (pick(i, 5, 5))
        set_text(&draft, PXT_FIELD_TAGS, tags[pick(i, 5, 5)]);
    if (pick(i, 6, 4))
        pxt_draft_set_number(&draft, PXT_FIELD_LATENCY, 1000 * (1 + pick(i, 7, 9)));
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, pick(i, 8, PXT_HEALTH_COUNT));
    pxt_draft_set_number(&draft, PXT_FIELD_FAILURE_COUNT, pick(i, 9, 6));
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, pick(i, 10, 8));
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, pool->now - pick(i, 11, 9) * PXT_SECOND);
    expect_ok(pool->subject, real->entry_new(real, &draft, &entry, &pool->subject->error), "making an entry");
    let_go(plain);
    return entry;
}

static void put_kind(const struct pool *pool, const char *prefix, unsigned i, pxt_time expires)
{
    char key[30];
    snprintf(key, sizeof key, "%s%u", prefix, i);
    expect_ok(pool->subject, put_and_release(pool->subject, pool->self, entry_of_kind(pool, key, i, expires)), "put");
}

/* `entries` of all kinds, of which one in ten has expired; and tombstones where the tier keeps them. */
static struct pool fill(struct subject *subject, unsigned entries)
{
    char key[30];
    struct pool pool = {.subject = subject, .now = subject->host->now(subject->host)};
    pool.self = tier_open(subject, NULL, NULL, 0);
    for (unsigned i = 0; i < entries; i++) {
        int64_t seconds = i % 10 == 3 ? -1 - (int64_t)pick(i, 12, 50) : HOUR + 600 * (int64_t)pick(i, 12, 9);
        put_kind(&pool, i % 10 == 3 ? "expired" : "k", i, pool.now + seconds * PXT_SECOND);
    }
    for (unsigned i = 0; i < 5 && !without_tombstones(subject); i++) {
        snprintf(key, sizeof key, "removed%u", i);
        put_tombstone(subject, pool.self, key, VERSION + i);
    }
    return pool;
}

static struct pool fill_some(struct subject *subject)
{
    return fill(subject, rounds(ENTRIES, 60, 1));
}

/* ---- what a look at every entry tells --------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return left->value != right->value ? left->value < right->value ? -1 : 1 : strcmp(left->key, right->key);
}

static int64_t value_of(const struct subject *subject, const pxt_entry *entry, uint32_t order)
{
    struct pxt_key key;
    struct pxt_draft draft;
    subject->host->entry_key(entry, &key);
    pxt_draft_init(&draft);
    subject->host->entry_read(entry, &draft);
    const struct pxt_value *latency = &draft.value[PXT_FIELD_LATENCY];
    return order == PXT_ORDER_LEAST_USED            ? subject->host->entry_number(entry, PXT_FIELD_ACCESS_COUNT)
           : order == PXT_ORDER_LEAST_RECENTLY_USED ? subject->host->entry_number(entry, PXT_FIELD_LAST_ACCESSED)
           : order == PXT_ORDER_FASTEST             ? latency->set ? latency->as.number : INT64_MAX
                                                    : PXT_RING(key.hash);
}

static bool note_match(void *arg, pxt_entry *entry)
{
    struct list *list = arg;
    struct pxt_key key;
    const struct pxt_select *select = list->select;
    const struct subject *subject = list->pool->subject;
    struct place *place = &list->place[list->count];
    subject->host->entry_key(entry, &key);
    place->value = value_of(subject, entry, select->order);
    snprintf(place->key, sizeof place->key, "%s", key.text);
    bool early = place->value < select->from ||
                 (select->after && place->value == select->from && strcmp(place->key, select->after->text) <= 0);
    if (early || place->value > select->to || list->count + 1 == TOLD)
        return true;
    list->count += pxt_trial_host(subject->trial)->selection_matches(select->selection, entry, select->now);
    return true;
}

/* By each(), in order, without a look at `limit`. */
static void look_at_each(const struct pool *pool, const struct pxt_select *select, struct list *list)
{
    struct subject *subject = pool->subject;
    list->pool = pool;
    list->select = select;
    list->count = 0;
    calling("each");
    expect_ok(subject, tier_ops(subject)->each(pool->self, note_match, list, &subject->error), "each");
    qsort(list->place, list->count, sizeof *list->place, compare);
}

/* ---- what select tells ------------------------------------------------------------------------------------------ */

static bool note_told(void *arg, const struct pxt_key *key, int64_t value)
{
    struct list *list = arg;
    if (list->count < TOLD) {
        list->place[list->count].value = value;
        snprintf(list->place[list->count].key, sizeof list->place->key, "%s", key->text);
    }
    return ++list->count != list->stop_after;
}

/* False: the tier leaves this to the core. */
static bool ask(const struct pool *pool, const struct pxt_select *select, size_t stop_after, struct list *told)
{
    struct subject *subject = pool->subject;
    told->count = 0;
    told->stop_after = stop_after;
    calling("select");
    pxt_status status = tier_ops(subject)->select(pool->self, select, note_told, told, &subject->error);
    if (status == PXT_ENOTSUP)
        return false;
    expect_ok(subject, status, "select");
    return true;
}

static struct pxt_select all_of(const struct pool *pool, uint32_t order, const struct pxt_selection *selection)
{
    return (struct pxt_select){.size = sizeof(struct pxt_select),
                               .order = order,
                               .selection = selection,
                               .now = pool->now,
                               .from = INT64_MIN,
                               .to = INT64_MAX,
                               .limit = UINT64_MAX};
}

static bool is_in(const struct list *list, const char *key)
{
    for (size_t i = 0; i < list->count && i < TOLD; i++)
        if (!strcmp(list->place[i].key, key))
            return true;
    return false;
}

static const char *const order_name[] = {"ring", "random", "least used", "least recently used", "fastest"};

/* Expects that select tells what a look at each entry tells, but no more than `limit`, and ends where its function says
 * so. False: the tier leaves it to the core. */
static bool expect_same(const struct pool *pool, const struct pxt_select *select, size_t stop_after, const char *what)
{
    static struct list each, told;
    const char *order = order_name[select->order];
    if (!ask(pool, select, stop_after, &told))
        return false;
    look_at_each(pool, select, &each);
    size_t wanted = each.count < select->limit ? each.count : (size_t)select->limit;
    if (stop_after)
        expect(told.count <= stop_after, "select goes on after its function returned false");
    expect(told.count <= select->limit, "select tells %zu keys, and the limit is %llu", told.count,
           (unsigned long long)select->limit);
    wanted = stop_after && stop_after < wanted ? stop_after : wanted;
    for (size_t i = 0; i < told.count && i < TOLD; i++)
        expect(is_in(&each, told.place[i].key), "select (%s, %s) tells \"%s\", which is not asked for", order, what,
               told.place[i].key);
    for (size_t i = 0; i < wanted && i < told.count; i++) {
        const struct place *got = &told.place[i], *right = &each.place[i];
        expect(!strcmp(got->key, right->key), "select (%s, %s) tells \"%s\" where \"%s\" is next in the order", order,
               what, got->key, right->key);
        expect(got->value == right->value, "select (%s, %s) tells \"%s\" with the place %lld, not %lld", order, what,
               got->key, (long long)got->value, (long long)right->value);
    }
    expect(told.count == wanted, "select (%s, %s) tells %zu keys, %zu are asked for", order, what, told.count, wanted);
    return true;
}

/* ---- orders ----------------------------------------------------------------------------------------------------- */

/* All entries; parts of the order, whose ends are at entries and between them; pages. */
static void is_in_order(struct subject *subject, uint32_t order)
{
    static struct list each;
    struct pxt_selection any;
    struct pool pool = fill_some(subject);
    pxt_selection_init(&any);
    struct pxt_select all = all_of(&pool, order, &any), part = all;
    if (!expect_same(&pool, &all, 0, "of all"))
        skip_check("it leaves this order to the core");
    look_at_each(&pool, &all, &each);
    for (size_t i = 0; i < each.count; i += 7) {
        struct pxt_key after = key_named(subject, each.place[i].key), low = key_named(subject, "!"),
                       high = key_named(subject, "~");
        const struct pxt_key *const keys[] = {NULL, &after, &low, &high};
        part.from = each.place[i].value;
        for (size_t j = 0; j < 4; j++) {
            part.after = keys[j];
            part.limit = UINT64_MAX;
            part.to = each.place[i + (each.count - i) / 2].value;
            expect_same(&pool, &part, 0, keys[j] ? "from a value and after a key" : "from a value up to another");
            part.to = part.from;
            expect_same(&pool, &part, 0, keys[j] ? "one value, after a key" : "one value");
            part.to = INT64_MAX;
            part.limit = 1 + i;
            expect_same(&pool, &part, 0, "with a limit");
            expect_same(&pool, &part, 1 + i / 2, "until its function returns false");
        }
    }
    tier_close(subject, pool.self);
}

#define ORDER(id)                                                                                                      \
    static void orders_by_##id(struct subject *subject)                                                                \
    {                                                                                                                  \
        is_in_order(subject, PXT_ORDER_##id);                                                                          \
    }
ORDER(RING)
ORDER(LEAST_USED)
ORDER(LEAST_RECENTLY_USED)
ORDER(FASTEST)

enum { PICKS = 100, TIMES = 20 };

static void picks_at_random(struct subject *subject)
{
    static struct list each, told;
    static unsigned picked[TOLD];
    struct pxt_selection selection;
    struct pool pool = fill(subject, 60);
    pxt_selection_init(&selection);
    selection.source = "free";
    struct pxt_select select = all_of(&pool, PXT_ORDER_RANDOM, &selection);
    select.limit = PICKS;
    for (unsigned time = 0; time < TIMES; time++) {
        if (!ask(&pool, &select, 0, &told))
            skip_check("it leaves this order to the core");
        look_at_each(&pool, &select, &each);
        expect(told.count == PICKS, "%d picks are asked for, select tells %zu", PICKS, told.count);
        for (size_t i = 0; i < told.count; i++) {
            expect(is_in(&each, told.place[i].key), "select at random tells \"%s\", which does not match",
                   told.place[i].key);
            for (size_t j = 0; j < each.count; j++)
                picked[j] += !strcmp(each.place[j].key, told.place[i].key);
        }
    }
    for (size_t j = 0; j < each.count; j++)
        expect(picked[j] > PICKS * TIMES / each.count / 4, "of %d picks among %zu matches \"%s\" is %u", PICKS * TIMES,
               each.count, each.place[j].key, picked[j]);
    selection.source = "nobody";
    if (ask(&pool, &select, 0, &told))
        expect(told.count == 0, "nothing matches, and select at random tells \"%s\"", told.place[0].key);
    tier_close(subject, pool.self);
}

/* ---- matches ---------------------------------------------------------------------------------------------------- */

/* In each order, but RANDOM. False: the tier leaves it to the core in all of them. */
static bool expect_same_in_orders(const struct pool *pool, const struct pxt_selection *selection, const char *what)
{
    static const uint32_t orders[] = {PXT_ORDER_RING, PXT_ORDER_LEAST_USED, PXT_ORDER_LEAST_RECENTLY_USED,
                                      PXT_ORDER_FASTEST};
    bool any = false;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct pxt_select select = all_of(pool, orders[i], selection);
        if (expect_same(pool, &select, 0, what)) {
            any = true;
            select.limit = 3;
            expect_same(pool, &select, 0, what);
        }
    }
    return any;
}

/* select by one criterion, for some of its values. */
#define CRITERION(field, type, ...)                                                                                    \
    static void selects_by_##field(struct subject *subject)                                                            \
    {                                                                                                                  \
        static type const values[] = {__VA_ARGS__};                                                                    \
        bool any = false;                                                                                              \
        struct pool pool = fill_some(subject);                                                                         \
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {                                                  \
            struct pxt_selection selection;                                                                            \
            pxt_selection_init(&selection);                                                                            \
            selection.field = values[i];                                                                               \
            any = expect_same_in_orders(&pool, &selection, #field) || any;                                             \
        }                                                                                                              \
        tier_close(subject, pool.self);                                                                                \
        if (!any)                                                                                                      \
            skip_check("it leaves this criterion to the core");                                                        \
    }
CRITERION(health, uint32_t, PXT_HEALTH_BIT(PXT_HEALTH_UNKNOWN), PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY),
          PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY) | PXT_HEALTH_BIT(PXT_HEALTH_DEGRADED), (1u << PXT_HEALTH_COUNT) - 1)
CRITERION(source, char *, "free", "paid", "it's", "Free", "fre", "nobody")
CRITERION(scheme, char *, "http", "https", "socks5", "ftp")
CRITERION(host, char *, "192.0.2.1", "192.0.*", "*.example.com", "*EXAMPLE*", "?.example.com", "*", "example")
CRITERION(country, char *, "DE", "de", "US", "XX")
CRITERION(tag, char *, "fast", "slow", "faster", "cheap", "fas", "slow,fast")
CRITERION(max_failures, int64_t, 0, 2, 100)
CRITERION(max_latency_ms, double, 0.5, 3, 4.5, 1e6)
CRITERION(min_ttl, int64_t, 1, HOUR, HOUR + 1200, HOUR + 1201, 10 * HOUR)

/* An entry is no match from the microsecond on at which it expires. */
static void passes_over_the_dead(struct subject *subject)
{
    static struct list told;
    struct pxt_selection any;
    struct pool pool = fill_some(subject);
    pxt_selection_init(&any);
    struct pxt_select select = all_of(&pool, PXT_ORDER_RING, &any);
    if (!ask(&pool, &select, 0, &told))
        skip_check("it leaves the order of the ring to the core");
    for (size_t i = 0; i < told.count && i < TOLD; i++) {
        expect(strncmp(told.place[i].key, "expired", 7) != 0, "select tells \"%s\", which has expired",
               told.place[i].key);
        expect(strncmp(told.place[i].key, "removed", 7) != 0, "select tells \"%s\", which is a tombstone",
               told.place[i].key);
    }
    pxt_time end = pool.now + 2 * HOUR * PXT_SECOND;
    put_kind(&pool, "edge", 1, end);
    for (int late = 0; late < 2; late++) {
        select.now = end - 1 + late;
        ask(&pool, &select, 0, &told);
        expect(is_in(&told, "edge1") == !late, late ? "select tells an entry at the microsecond at which it expires"
                                                    : "select does not tell an entry a microsecond before it expires");
        expect_same(&pool, &select, 0, "at another time");
    }
    tier_close(subject, pool.self);
}

static void follows_changes(struct subject *subject)
{
    struct pxt_selection selection;
    struct pool pool = fill_some(subject);
    bool any = false;
    pxt_selection_init(&selection);
    selection.source = "free";
    for (unsigned turn = 0; turn < 4; turn++) {
        any = expect_same_in_orders(&pool, &selection, turn ? "after changes" : "source") || any;
        for (unsigned i = 0; i < 20; i++) {
            char key[30];
            snprintf(key, sizeof key, "k%u", 20 * turn / 2 + i);
            pxt_time expires = pool.now + (i % 7 ? HOUR : -1) * PXT_SECOND;
            if (i % 3)
                expect_ok(subject,
                          put_and_release(subject, pool.self, entry_of_kind(&pool, key, 1000 * turn + i, expires)),
                          "put");
            else
                delete_named(subject, pool.self, key);
        }
    }
    tier_close(subject, pool.self);
    if (!any)
        skip_check("it leaves selections by source to the core");
}

static const char *without_select(const struct subject *subject)
{
    return tier_ops(subject)->select ? NULL : "it leaves select to the core";
}

const struct check tier_select_checks[] = {
    {"select goes by the order of the ring", orders_by_RING, without_select},
    {"select goes by the least used", orders_by_LEAST_USED, without_select},
    {"select goes by the least recently used", orders_by_LEAST_RECENTLY_USED, without_select},
    {"select goes by the fastest", orders_by_FASTEST, without_select},
    {"select at random picks each match", picks_at_random, without_select},
    {"select passes over expired entries and tombstones", passes_over_the_dead, without_select},
    {"select finds by health", selects_by_health, without_select},
    {"select finds by source", selects_by_source, without_select},
    {"select finds by scheme", selects_by_scheme, without_select},
    {"select finds by host", selects_by_host, without_select},
    {"select finds by country", selects_by_country, without_select},
    {"select finds by tag", selects_by_tag, without_select},
    {"select finds by failures", selects_by_max_failures, without_select},
    {"select finds by latency", selects_by_max_latency_ms, without_select},
    {"select finds by time to live", selects_by_min_ttl, without_select},
    {"select tells what was changed", follows_changes, without_select},
    {NULL, NULL, NULL}};
