/* SPDX-License-Identifier: MIT
 *
 * select.c: the search of the tier, by a look at every entry, and its faults.
 */
#include "tier.h"
#include <stdio.h>

struct match {
    int64_t value;
    char key[PXT_KEY_MAX + 1];
};

static int compare(const void *a, const void *b)
{
    const struct match *left = a, *right = b;
    if (left->value != right->value && !lies("orders_by_the_key"))
        return left->value < right->value ? -1 : 1;
    return lies("orders_values_only") ? -strcmp(left->key, right->key) : strcmp(left->key, right->key);
}

static int64_t value_of(struct tier *tier, const pxt_entry *entry, uint32_t order)
{
    struct pxt_draft draft;
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    pxt_draft_init(&draft);
    tier->host->entry_read(entry, &draft);
    int64_t used = draft.value[PXT_FIELD_ACCESS_COUNT].as.number;
    bool known = draft.value[PXT_FIELD_LATENCY].set;
    switch (order) {
    case PXT_ORDER_LEAST_USED:
        return lies("takes_the_most_used") ? -used : used;
    case PXT_ORDER_LEAST_RECENTLY_USED:
        return draft.value[PXT_FIELD_LAST_ACCESSED].as.number;
    case PXT_ORDER_FASTEST:
        return known ? draft.value[PXT_FIELD_LATENCY].as.number : lies("has_unknown_latencies_first") ? 0 : INT64_MAX;
    default:
        return PXT_RING(key.hash);
    }
}

/* The selection as the tier understands it. */
static struct pxt_selection understood(const struct pxt_selection *given)
{
    struct pxt_selection selection, any;
    pxt_selection_init(&any);
    selection = lies("looks_at_no_selection") ? any : *given;
    selection.health = lies("looks_at_no_health") ? any.health : selection.health;
    selection.source = lies("looks_at_no_source") ? any.source : selection.source;
    selection.scheme = lies("looks_at_no_scheme") ? any.scheme : selection.scheme;
    selection.host = lies("looks_at_no_host") ? any.host : selection.host;
    selection.country = lies("looks_at_no_country") ? any.country : selection.country;
    selection.tag = lies("looks_at_no_tag") ? any.tag : selection.tag;
    selection.min_ttl = lies("looks_at_no_min_ttl") ? any.min_ttl : selection.min_ttl;
    selection.max_failures = lies("looks_at_no_max_failures") ? any.max_failures : selection.max_failures;
    selection.max_latency_ms = lies("looks_at_no_max_latency_ms") ? any.max_latency_ms : selection.max_latency_ms;
    return selection;
}

static bool is_match(struct tier *tier, const struct pxt_select *select, const pxt_entry *entry)
{
    struct pxt_selection selection = understood(select->selection);
    pxt_time now = lies("tells_expired_ones") ? 0 : select->now - lies("tells_a_microsecond_long");
    if (select->order == PXT_ORDER_RANDOM && lies("picks_any_entry"))
        pxt_selection_init(&selection);
    if (tier->host->entry_number(entry, PXT_FIELD_REMOVED))
        return lies("tells_tombstones");
    return tier->host->selection_matches(&selection, entry, now);
}

static bool is_in_part(const struct pxt_select *select, const struct match *match)
{
    if (select->order == PXT_ORDER_RANDOM)
        return true;
    if (match->value < select->from + lies("begins_after_from") ||
        (match->value >= select->to && (match->value > select->to || lies("ends_before_to"))))
        return false;
    bool early = match->value == select->from && select->after && strcmp(match->key, select->after->text) <= 0;
    if (select->after && match->value == select->from && lies("takes_after_for_a_value"))
        return false;
    return !early || lies("ignores_after");
}

/* Notes all matches, in order; returns how many. The store is locked. */
static size_t find(struct tier *tier, const struct pxt_select *select, struct match *match)
{
    size_t count = 0;
    for (struct slot *slot = tier->store->slot; slot < tier->store->slot + SLOTS; slot++) {
        pxt_entry *entry = NULL;
        if (!slot->used || slot_read(tier, slot, &entry, NULL))
            continue;
        match[count].value = value_of(tier, entry, select->order);
        memcpy(match[count].key, slot->key, sizeof match->key);
        count += is_match(tier, select, entry) && is_in_part(select, &match[count]);
        tier->host->entry_release(entry);
    }
    qsort(match, count, sizeof *match, compare);
    return count - (count && lies("forgets_the_last"));
}

static bool tell(struct tier *tier, const struct match *match, pxt_selected_fn *fn, void *arg)
{
    struct pxt_key key;
    tier->host->key_init(&key, match->key, strlen(match->key));
    return fn(arg, &key, lies("has_all_values_0") ? 0 : match->value) || lies("does_not_stop_select");
}

static void pick(struct tier *tier, uint64_t picks, const struct match *match, size_t count, pxt_selected_fn *fn,
                 void *arg)
{
    static _Thread_local uint64_t random = 1;
    if (lies("picks_of_the_first_ones"))
        count = (count + 1) / 2;
    for (uint64_t i = lies("picks_one_too_few"); i < picks && count; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        if (!tell(tier, &match[(random >> 33) % count], fn, arg))
            break;
    }
}

pxt_status tier_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                       struct pxt_error *error)
{
    struct tier *tier = self;
    struct match *match = calloc(SLOTS, sizeof *match);
    if (!match)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "no memory");
    lock(tier);
    size_t count = find(tier, select, match);
    unlock(tier);
    uint64_t limit = lies("ignores_the_limit") ? UINT64_MAX : select->limit;
    if (select->order == PXT_ORDER_RANDOM)
        pick(tier, select->limit, match, count, fn, arg);
    else
        for (size_t i = 0; i < count && i < limit; i++)
            if (!tell(tier, &match[i], fn, arg))
                break;
    free(match);
    return PXT_OK;
}
