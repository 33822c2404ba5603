/* SPDX-License-Identifier: MIT
 *
 * merge.c: puts two copies of one key together. What was supplied, what was learnt and how often a proxy was checked are
 * changed by different callers, on hosts that may not have seen each other: of each, the newer counts.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "entry/tallies.h"
#include <string.h>

struct copy {
    pxt_entry *entry;
    struct pxt_draft draft;
    struct pxt_tallies tallies;
    uint64_t version, supplied, learnt;
};
struct merging {
    struct copy a, b;
    struct pxt_draft draft; /* what both say */
    struct pxt_tallies tallies;
    char room[PXT_TALLIES_ROOM];
};

static uint64_t max_version(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void read_copy(struct copy *copy, pxt_entry *entry)
{
    copy->entry = entry;
    copy->version = pxt_entry_effective_version(entry);
    copy->supplied = pxt_entry_effective_supplied(entry);
    copy->learnt = (uint64_t)pxt_entry_number(entry, PXT_FIELD_LEARNT_VERSION);
    pxt_draft_init(&copy->draft);
    pxt_entry_read(entry, &copy->draft);
    pxt_tallies_read(&copy->draft, &copy->tallies);
}

/* What was supplied or learnt at one version is the same in both copies, but for what no version is known of: there the
 * newer copy counts. */
static bool supplied_by_b(const struct copy *a, const struct copy *b)
{
    return b->supplied > a->supplied || (b->supplied == a->supplied && b->version > a->version);
}

/* Where no report was made, the put says what was learnt. */
static bool learnt_by_b(const struct copy *a, const struct copy *b)
{
    return b->learnt > a->learnt || (b->learnt == a->learnt && supplied_by_b(a, b));
}

static bool is_use(size_t id)
{
    return id == PXT_FIELD_ACCESS_COUNT || id == PXT_FIELD_LAST_ACCESSED || id == PXT_FIELD_EVICTED_FROM_L1;
}

static bool is_total(size_t id)
{
    return id == PXT_FIELD_TOTAL_HEALTH_CHECKS || id == PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES;
}

/* Sets tallies and totals. A total for which neither copy has a place is still elsewhere. */
static void merge_tallies(struct merging *merging)
{
    const struct copy *a = &merging->a, *b = &merging->b;
    merging->tallies = a->tallies;
    pxt_tallies_merge(&merging->tallies, &b->tallies);
    pxt_tallies_write(&merging->tallies, &merging->draft, merging->room);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        if (is_total(id) && a->draft.value[id].elsewhere && b->draft.value[id].elsewhere)
            merging->draft.value[id].elsewhere = 1;
}

/* Fills merging->draft. */
static void merge_fields(struct merging *merging)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    const struct copy *a = &merging->a, *b = &merging->b;
    struct pxt_value *value = merging->draft.value;
    bool supplied = supplied_by_b(a, b), learnt = learnt_by_b(a, b);
    pxt_draft_init(&merging->draft);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        const struct pxt_value *of_a = &a->draft.value[id], *of_b = &b->draft.value[id];
        bool from_b = is_use(id) ? of_b->set && (!of_a->set || of_b->as.number > of_a->as.number)
                                 : (field[id].flags & PXT_FIELD_LEARNT ? learnt : supplied);
        const struct pxt_value *taken = from_b ? of_b : of_a, *other = from_b ? of_a : of_b;
        value[id] = taken->elsewhere ? *other : *taken;
    }
    merge_tallies(merging);
    pxt_draft_set_number(&merging->draft, PXT_FIELD_VERSION, (int64_t)max_version(a->version, b->version));
    pxt_draft_set_number(&merging->draft, PXT_FIELD_SUPPLIED_VERSION, (int64_t)max_version(a->supplied, b->supplied));
    pxt_draft_set_number(&merging->draft, PXT_FIELD_LEARNT_VERSION, (int64_t)max_version(a->learnt, b->learnt));
}

static bool same_value(const struct pxt_value *a, const struct pxt_value *b, enum pxt_field_type type)
{
    if (a->set != b->set || a->elsewhere != b->elsewhere)
        return false;
    if (!a->set)
        return true;
    if (type == PXT_TYPE_TEXT || type == PXT_TYPE_SECRET)
        return a->length == b->length && !memcmp(a->as.text, b->as.text, a->length);
    return a->as.number == b->as.number;
}

/* Whether a copy is all that both say, but for how often the entry was used. */
static bool says_it_all(const struct merging *merging, const struct copy *copy)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    const struct pxt_value *value = merging->draft.value;
    if (copy->supplied != (uint64_t)value[PXT_FIELD_SUPPLIED_VERSION].as.number ||
        copy->learnt != (uint64_t)value[PXT_FIELD_LEARNT_VERSION].as.number ||
        !pxt_tallies_same(&copy->tallies, &merging->tallies))
        return false;
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        bool skipped = is_use(id) || (field[id].flags & PXT_FIELD_INTERNAL);
        if (!skipped && !same_value(&value[id], &copy->draft.value[id], field[id].type))
            return false;
    }
    return true;
}

/* The copy that says it all, or NULL. It must not be the older one: the tier of the newer one would not take it. */
static const struct copy *whole_copy(const struct merging *merging)
{
    const struct copy *a = &merging->a, *b = &merging->b;
    if (a->version >= b->version && says_it_all(merging, a))
        return a;
    return b->version >= a->version && says_it_all(merging, b) ? b : NULL;
}

static pxt_status merge_entries(pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    struct merging *merging = pxt_alloc(sizeof *merging);
    if (!merging)
        return pxt_fail_memory(error, "two copies of an entry");
    read_copy(&merging->a, a);
    read_copy(&merging->b, b);
    merge_fields(merging);
    const struct copy *whole = whole_copy(merging);
    *merged = !whole;
    if (whole) {
        pxt_entry_raise_use(whole->entry, whole == &merging->a ? b : a);
        *out = pxt_entry_hold(whole->entry);
    } else {
        status = pxt_entry_new(&merging->draft, out, error);
    }
    pxt_free(merging);
    return status;
}

/* The version of the put or delete. A tombstone that was stamped anew has the time of its delete, which is nearly that. */
static uint64_t decided_at(const pxt_entry *entry)
{
    uint64_t version = pxt_entry_effective_version(entry);
    pxt_time at = pxt_entry_number(entry, PXT_FIELD_FETCH_TIME);
    if (!pxt_entry_is_tombstone(entry))
        return pxt_entry_effective_supplied(entry);
    uint64_t last = at >= 0 && pxt_entry_was_deleted(entry) ? (((uint64_t)at + 1) << PXT_VERSION_SHIFT) - 1 : version;
    return version < last ? version : last;
}

/* Whether the entry is a put or a delete: other removals are as old as their versions. */
static bool is_put_or_deleted(const pxt_entry *entry)
{
    return !pxt_entry_is_tombstone(entry) || pxt_entry_was_deleted(entry);
}

/* Of a put and a delete, and of two deletes, the later one says it all, also if a report or a repair has made a newer version of
 * the other. */
static pxt_status merge_with_tombstone(pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged,
                                       struct pxt_error *error)
{
    pxt_entry *newer = pxt_entry_effective_version(b) > pxt_entry_effective_version(a) ? b : a;
    pxt_entry *older = newer == a ? b : a;
    *merged = is_put_or_deleted(a) && is_put_or_deleted(b) && decided_at(older) > decided_at(newer) &&
              pxt_entry_effective_version(newer) > pxt_entry_effective_version(older);
    if (!*merged) {
        *out = pxt_entry_hold(newer);
        return PXT_OK;
    }
    pxt_status status = pxt_entry_copy(older, pxt_entry_number(older, PXT_FIELD_EVICTED_FROM_L1) != 0, out, error);
    if (!status)
        pxt_entry_set_versions(*out, pxt_entry_effective_version(newer),
                               (uint64_t)pxt_entry_number(older, PXT_FIELD_SUPPLIED_VERSION),
                               (uint64_t)pxt_entry_number(older, PXT_FIELD_LEARNT_VERSION));
    return status;
}

pxt_status pxt_entry_merge(pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged, struct pxt_error *error)
{
    if (!pxt_entry_is_tombstone(a) && !pxt_entry_is_tombstone(b))
        return merge_entries(a, b, out, merged, error);
    return merge_with_tombstone(a, b, out, merged, error);
}
