/* SPDX-License-Identifier: MIT
 *
 * searching: a tier for tests: an array of this process in the order of the ring, which can be searched.
 */
#include <proxtier/tier.h>
#include <stdlib.h>
#include <string.h>

static const struct pxt_option options[] = {
    {"picks", PXT_OPTION_BOOL, "false", 0, 0, NULL, "select() offers PXT_ORDER_RANDOM"},
    {"orders", PXT_OPTION_BOOL, "true", 0, 0, NULL, "select() offers the orders of fields"},
    {"rings", PXT_OPTION_BOOL, "true", 0, 0, NULL, "select() offers PXT_ORDER_RING"},
    {"twice", PXT_OPTION_BOOL, "false", 0, 0, NULL,
     "select() tells each key of the ring twice, as if it had changed meanwhile"},
    {"stale", PXT_OPTION_INTEGER, "0", 0, 1000, NULL,
     "select() tells so many of each 1000 keys as if they matched, also of those that do not"},
    {0}};

struct slot {
    int64_t place;
    struct pxt_key key; /* of the entry */
    pxt_entry *entry;
};
struct searching {
    const struct pxt_host *host;
    struct slot *slot; /* by place, then by key */
    size_t count, room;
    bool picks, orders, rings, twice;
    uint64_t stale, random;
};

static int compare_keys(const struct pxt_key *a, const struct pxt_key *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, shorter);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare(const struct slot *slot, int64_t place, const struct pxt_key *key)
{
    if (slot->place != place)
        return slot->place < place ? -1 : 1;
    return key ? compare_keys(&slot->key, key) : 1;
}

/* The first slot that is not before a place and key; NULL: before all keys of the place. */
static size_t find(const struct searching *all, int64_t place, const struct pxt_key *key)
{
    size_t low = 0, high = all->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&all->slot[middle], place, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct slot *slot_of(const struct searching *all, const struct pxt_key *key)
{
    size_t i = find(all, PXT_RING(key->hash), key);
    return i < all->count && !compare(&all->slot[i], PXT_RING(key->hash), key) ? &all->slot[i] : NULL;
}

static pxt_status searching_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                                struct pxt_error *error)
{
    struct searching *all = self;
    const struct slot *slot = slot_of(all, key);
    (void)flags, (void)error;
    if (!slot)
        return PXT_NOT_FOUND;
    *out = all->host->entry_hold(slot->entry);
    return PXT_OK;
}

static pxt_status searching_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct searching *all = self;
    struct pxt_key key;
    all->host->entry_key(entry, &key);
    struct slot *slot = slot_of(all, &key);
    if (slot) {
        all->host->entry_release(slot->entry);
        *slot = (struct slot){slot->place, key, all->host->entry_hold(entry)};
        return PXT_OK;
    }
    if (all->count == all->room) {
        size_t room = all->room ? 2 * all->room : 64;
        struct slot *grown = realloc(all->slot, room * sizeof *grown);
        if (!grown)
            return all->host->fail(all->host, error, PXT_ENOMEM, 0, "out of memory for an entry");
        all->slot = grown;
        all->room = room;
    }
    size_t i = find(all, PXT_RING(key.hash), &key);
    memmove(&all->slot[i + 1], &all->slot[i], (all->count++ - i) * sizeof *all->slot);
    all->slot[i] = (struct slot){PXT_RING(key.hash), key, all->host->entry_hold(entry)};
    return PXT_OK;
}

static pxt_status searching_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct searching *all = self;
    struct slot *slot = slot_of(all, key);
    (void)why, (void)error;
    if (!slot)
        return PXT_NOT_FOUND;
    all->host->entry_release(slot->entry);
    size_t i = (size_t)(slot - all->slot);
    memmove(slot, slot + 1, (--all->count - i) * sizeof *slot);
    return PXT_OK;
}

static pxt_status searching_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct searching *all = self;
    (void)error;
    for (size_t i = 0; i < all->count && fn(arg, all->slot[i].entry); i++) {
    }
    return PXT_OK;
}

static pxt_status searching_count(void *self, uint64_t *out, struct pxt_error *error)
{
    (void)error;
    *out = ((struct searching *)self)->count;
    return PXT_OK;
}

/* ---- search ----------------------------------------------------------------------------------------------------- */

static uint64_t next_random(struct searching *all)
{
    uint64_t z = all->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 27);
}

static bool is_told(struct searching *all, const struct pxt_select *select, const struct slot *slot)
{
    return all->host->selection_matches(select->selection, slot->entry, select->now) ||
           (all->stale && next_random(all) % 1000 < all->stale);
}

static void tell_picks(struct searching *all, const struct pxt_select *select, pxt_selected_fn *fn, void *arg)
{
    size_t matches = 0;
    for (size_t i = 0; i < all->count; i++)
        matches += is_told(all, select, &all->slot[i]);
    for (uint64_t told = 0; matches && told < select->limit; told++) {
        size_t skip = next_random(all) % matches, i = 0;
        for (; i < all->count; i++)
            if (is_told(all, select, &all->slot[i]) && !skip--)
                break;
        if (i < all->count && !fn(arg, &all->slot[i].key, 0))
            return;
    }
}

static void tell_ring(struct searching *all, const struct pxt_select *select, pxt_selected_fn *fn, void *arg)
{
    uint64_t told = 0;
    size_t i = find(all, select->from, select->after);
    if (select->after && i < all->count && !compare(&all->slot[i], select->from, select->after))
        i++;
    for (; i < all->count && all->slot[i].place <= select->to && told < select->limit; i++)
        if (is_told(all, select, &all->slot[i])) {
            told++;
            if (!fn(arg, &all->slot[i].key, all->slot[i].place) ||
                (all->twice && told++ < select->limit && !fn(arg, &all->slot[i].key, all->slot[i].place)))
                return;
        }
}

static int64_t value_of(const struct searching *all, uint32_t order, const pxt_entry *entry)
{
    int64_t latency = all->host->entry_number(entry, PXT_FIELD_LATENCY);
    return order == PXT_ORDER_LEAST_USED            ? all->host->entry_number(entry, PXT_FIELD_ACCESS_COUNT)
           : order == PXT_ORDER_LEAST_RECENTLY_USED ? all->host->entry_number(entry, PXT_FIELD_LAST_ACCESSED)
                                                    : (latency ? latency : INT64_MAX);
}

static int compare_values(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    return compare(a, b->place, &b->key);
}

/* Sorts all that match anew in each call: good enough for a test. */
static pxt_status tell_order(struct searching *all, const struct pxt_select *select, pxt_selected_fn *fn, void *arg)
{
    struct searching sorted = {.host = all->host, .slot = calloc(all->count + 1, sizeof *sorted.slot)};
    if (!sorted.slot)
        return PXT_ENOMEM;
    for (size_t i = 0; i < all->count; i++)
        if (is_told(all, select, &all->slot[i]))
            sorted.slot[sorted.count++] =
                (struct slot){value_of(all, select->order, all->slot[i].entry), all->slot[i].key, all->slot[i].entry};
    qsort(sorted.slot, sorted.count, sizeof *sorted.slot, compare_values);
    struct pxt_selection any;
    pxt_selection_init(&any);
    struct pxt_select rest = *select;
    rest.selection = &any;
    tell_ring(&sorted, &rest, fn, arg);
    free(sorted.slot);
    return PXT_OK;
}

static pxt_status searching_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                                   struct pxt_error *error)
{
    struct searching *all = self;
    bool offered = select->order == PXT_ORDER_RANDOM ? all->picks
                   : select->order == PXT_ORDER_RING ? all->rings
                                                     : all->orders;
    if (!offered)
        return all->host->fail(all->host, error, PXT_ENOTSUP, 0, "it does not tell this order");
    if (select->order == PXT_ORDER_RANDOM)
        tell_picks(all, select, fn, arg);
    else if (select->order == PXT_ORDER_RING)
        tell_ring(all, select, fn, arg);
    else
        return tell_order(all, select, fn, arg);
    return PXT_OK;
}

/* ---- the instance ----------------------------------------------------------------------------------------------- */

static void searching_close(void *self)
{
    struct searching *all = self;
    for (size_t i = 0; i < all->count; i++)
        all->host->entry_release(all->slot[i].entry);
    free(all->slot);
    free(all);
}

static pxt_status searching_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                                 struct pxt_error *error)
{
    struct searching *all = calloc(1, sizeof *all);
    if (!all)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a tier");
    all->host = host;
    all->picks = host->setting_number(setup->settings, "picks");
    all->orders = host->setting_number(setup->settings, "orders");
    all->rings = host->setting_number(setup->settings, "rings");
    all->twice = host->setting_number(setup->settings, "twice");
    all->stale = (uint64_t)host->setting_number(setup->settings, "stale");
    *self = all;
    return PXT_OK;
}

static const struct pxt_tier_ops ops = {
    .size = sizeof ops,
    .open = searching_open,
    .close = searching_close,
    .get = searching_get,
    .put = searching_put,
    .del = searching_del,
    .each = searching_each,
    .count = searching_count,
    .select = searching_select,
};

PXT_PLUGIN(PXT_KIND_TIER, "searching", "1.0.0", "MIT", "an array that can be searched, for tests", options, &ops);
