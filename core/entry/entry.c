/* SPDX-License-Identifier: MIT
 *
 * entry.c: makes entries from drafts, checked against the field table, and reads them back.
 */
#include "entry/entry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/key.h"
#include "entry/entry_layout.h"
#include <proxtier/eviction.h>
#include <string.h>

/* Where a field's value lies: its slot among the texts or among the numbers. */
#define SLOT_TEXT(id) PXT_TEXT_##id
#define SLOT_SECRET(id) PXT_TEXT_##id
#define SLOT_TIME(id) PXT_NUMBER_##id
#define SLOT_COUNT(id) PXT_NUMBER_##id
#define SLOT_HEALTH(id) PXT_NUMBER_##id
#define SLOT_BOOL(id) PXT_NUMBER_##id
#define SLOT_VERSION(id) PXT_NUMBER_##id
static const struct {
    uint8_t slot;
    uint8_t type;
    bool optional;
} place_of[PXT_FIELD_COUNT] = {
#define X(id, name, type, def, flags, since, help)                                                                     \
    {SLOT_##type(id), PXT_TYPE_##type, ((flags)&PXT_FIELD_OPTIONAL) != 0},
    PXT_FIELDS(X)
#undef X
};

static bool is_text(unsigned type)
{
    return type == PXT_TYPE_TEXT || type == PXT_TYPE_SECRET;
}

/* By Table 3-7 of Unicode. */
size_t pxt_utf8_step(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < n)
        return 0;
    unsigned low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Whether the next 8 bytes are ASCII without control characters: what most text is made of (the word tricks of "Hacker's
 * Delight", 6-1). */
static bool plain8(const unsigned char *s)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    uint64_t x, low, del;
    memcpy(&x, s, 8);
    low = (x - ones * 0x20) & ~x;
    del = ((x ^ ones * 0x7f) - ones) & ~(x ^ ones * 0x7f);
    return !((x | low | del) & high);
}

static pxt_status check_text(const struct pxt_field *field, const struct pxt_value *value, size_t max,
                             struct pxt_error *error)
{
    const unsigned char *bytes = (const unsigned char *)value->as.text;
    if (!bytes)
        return pxt_fail(error, PXT_EINVAL, 0, "%s is NULL: leave it unset where there is none", field->name);
    if (value->length > max)
        return pxt_fail(error, PXT_EINVAL, 0, "%s has %u bytes: at most %zu are allowed", field->name,
                        (unsigned)value->length, max);
    if (!value->length && (field->flags & PXT_FIELD_REQUIRED))
        return pxt_fail(error, PXT_EINVAL, 0, "%s is empty", field->name);
    for (size_t i = 0; i < value->length;) {
        if (value->length - i >= 8 && plain8(bytes + i)) {
            i += 8;
            continue;
        }
        size_t step = pxt_utf8_step(bytes + i, value->length - i);
        if (!step)
            return pxt_fail(error, PXT_EINVAL, 0, "%s has a control character or malformed UTF-8 at byte %zu",
                            field->name, i + 1);
        i += step;
    }
    return PXT_OK;
}

static pxt_status check_secret(const struct pxt_field *field, const struct pxt_value *value, struct pxt_error *error)
{
    if (!value->sealed)
        return pxt_fail(error, PXT_EINVAL, 0, "%s is not sealed: an entry never holds a credential in the clear",
                        field->name);
    if (!value->as.text || !value->length || value->length > 4 * PXT_SECRET_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "%s: a token has 1 to %d bytes", field->name, 4 * PXT_SECRET_MAX);
    return PXT_OK;
}

static pxt_status check_number(const struct pxt_field *field, int64_t *number, struct pxt_error *error)
{
    switch (field->type) {
    case PXT_TYPE_TIME:
        if (*number == PXT_TIME_NONE) {
            if (field->flags & PXT_FIELD_OPTIONAL)
                return PXT_OK;
            return pxt_fail(error, PXT_EINVAL, 0, "%s is not set", field->name);
        }
        if (*number > PXT_TIME_MAX)
            *number = PXT_TIME_MAX;
        if (*number < -PXT_TIME_MAX)
            return pxt_fail(error, PXT_EINVAL, 0, "%s is not a time", field->name);
        return PXT_OK;
    case PXT_TYPE_COUNT:
        if (*number < 0 || *number > PXT_COUNT_MAX)
            return pxt_fail(error, PXT_EINVAL, 0, "%s is %lld: it must be between 0 and 2^53-1", field->name,
                            (long long)*number);
        return PXT_OK;
    case PXT_TYPE_VERSION:
        return *number >= 0 ? PXT_OK : pxt_fail(error, PXT_EINVAL, 0, "%s is negative", field->name);
    case PXT_TYPE_HEALTH:
        if (*number < 0 || *number >= PXT_HEALTH_COUNT)
            return pxt_fail(error, PXT_EINVAL, 0, "%s is %lld: it must be a health state", field->name,
                            (long long)*number);
        return PXT_OK;
    default:
        if (*number != 0 && *number != 1)
            return pxt_fail(error, PXT_EINVAL, 0, "%s must be 0 or 1", field->name);
        return PXT_OK;
    }
}

/* Checks one field and, for numbers, says what is stored. */
static pxt_status check_field(const struct pxt_draft *draft, size_t id, const struct pxt_field *field, int64_t *number,
                              struct pxt_error *error)
{
    const struct pxt_value *value = id < draft->field_count && draft->value[id].set ? &draft->value[id] : NULL;
    if (!value) {
        if (field->flags & PXT_FIELD_REQUIRED)
            return pxt_fail(error, PXT_EINVAL, 0, "%s is not set", field->name);
        *number = field->default_number;
        return PXT_OK;
    }
    if (field->type == PXT_TYPE_TEXT)
        return check_text(field, value, id == PXT_FIELD_KEY ? PXT_KEY_MAX : PXT_TEXT_MAX, error);
    if (field->type == PXT_TYPE_SECRET)
        return check_secret(field, value, error);
    *number = value->as.number;
    return check_number(field, number, error);
}

static void store_text(pxt_entry *entry, unsigned slot, uint32_t *end, const struct pxt_value *value)
{
    entry->text[slot].offset = *end;
    entry->text[slot].length = value->length;
    memcpy((char *)entry + *end, value->as.text, value->length);
    ((char *)entry)[*end + value->length] = '\0';
    *end += value->length + 1;
}

static bool present(const struct pxt_draft *draft, size_t id)
{
    return id < draft->field_count && draft->value[id].set;
}

/* A key of the usual length stands in the entry's first cache line, and nowhere else. */
static bool key_inline(const struct pxt_draft *draft, size_t id)
{
    return id == PXT_FIELD_KEY && draft->value[id].length < PXT_KEY_INLINE;
}

static inline void store_field(pxt_entry *entry, enum pxt_field_id id, enum pxt_field_type type, unsigned flags,
                               const struct pxt_draft *draft, const int64_t number[PXT_FIELD_COUNT], uint32_t *end)
{
    const unsigned slot = place_of[id].slot;
    if (!is_text(type))
        atomic_init(&entry->number[slot], number[id]);
    else if (key_inline(draft, id))
        store_text(entry, slot, &(uint32_t){offsetof(pxt_entry, key)}, &draft->value[id]);
    else if (present(draft, id))
        store_text(entry, slot, end, &draft->value[id]);
    if (id < draft->field_count && draft->value[id].elsewhere && !(flags & PXT_FIELD_INTERNAL))
        entry->elsewhere |= UINT64_C(1) << id;
}

/* Makes an entry of fields that are checked, with the numbers of all fields. */
static pxt_status make_entry(const struct pxt_draft *draft, const int64_t number[PXT_FIELD_COUNT], pxt_entry **out,
                             struct pxt_error *error)
{
    size_t size = sizeof(pxt_entry);
#define X(id, name, type, def, flags, since, help)                                                                     \
    if (is_text(PXT_TYPE_##type) && present(draft, PXT_FIELD_##id) && !key_inline(draft, PXT_FIELD_##id))              \
        size += draft->value[PXT_FIELD_##id].length + 1;
    PXT_FIELDS(X)
#undef X
    pxt_entry *entry = pxt_alloc(size);
    if (!entry)
        return pxt_fail_memory(error, "an entry");
    uint32_t end = sizeof(pxt_entry);
    /* Written out, so that the compiler knows type and place of each field: this is a part of every get of a file. */
#define X(id, name, type, def, flags, since, help)                                                                     \
    store_field(entry, PXT_FIELD_##id, PXT_TYPE_##type, flags, draft, number, &end);
    PXT_FIELDS(X)
#undef X
    const struct pxt_value *key = &draft->value[PXT_FIELD_KEY];
    entry->key_length = (uint16_t)key->length;
    entry->hash = pxt_key_hash(key->as.text, key->length);
    entry->expires_at = number[PXT_FIELD_EXPIRES_AT];
    entry->size = (uint32_t)size;
    atomic_init(&entry->holds, PXT_ENTRY_ONE_HOLD);
    atomic_init(&entry->flushed_count, number[PXT_FIELD_ACCESS_COUNT]);
    *out = entry;
    return PXT_OK;
}

/* A tombstone needs no more than its key; what else it may have is its version, why and when. */
static pxt_status tombstone_of_draft(const struct pxt_draft *draft, pxt_entry **out, struct pxt_error *error)
{
    static const enum pxt_field_id parts[] = {PXT_FIELD_KEY, PXT_FIELD_FETCH_TIME, PXT_FIELD_VERSION,
                                              PXT_FIELD_REMOVED};
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    int64_t number[PXT_FIELD_COUNT] = {0};
    const struct pxt_value *key_value = &draft->value[PXT_FIELD_KEY], *at = &draft->value[PXT_FIELD_FETCH_TIME];
    struct pxt_key key;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        pxt_status status = PXT_OK;
        if (parts[i] == PXT_FIELD_FETCH_TIME && (!at->set || at->as.number == PXT_TIME_NONE))
            number[parts[i]] = PXT_TIME_NONE;
        else
            status = check_field(draft, parts[i], &field[parts[i]], &number[parts[i]], error);
        if (status)
            return status;
    }
    if (number[PXT_FIELD_REMOVED] > UINT32_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "removed is %lld: it must be below 2^32",
                        (long long)number[PXT_FIELD_REMOVED]);
    key.text = key_value->as.text;
    key.length = (uint16_t)key_value->length;
    return pxt_tombstone_new(&key, (uint64_t)number[PXT_FIELD_VERSION], (unsigned)(number[PXT_FIELD_REMOVED] - 1),
                             number[PXT_FIELD_FETCH_TIME], out, error);
}

pxt_status pxt_entry_new(const struct pxt_draft *draft, pxt_entry **out, struct pxt_error *error)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    int64_t number[PXT_FIELD_COUNT] = {0};
    if (present(draft, PXT_FIELD_REMOVED) && draft->value[PXT_FIELD_REMOVED].as.number > 0)
        return tombstone_of_draft(draft, out, error);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        pxt_status status = check_field(draft, id, &field[id], &number[id], error);
        if (status)
            return status;
    }
    return make_entry(draft, number, out, error);
}

pxt_status pxt_tombstone_new(const struct pxt_key *key, uint64_t version, unsigned why, pxt_time at, pxt_entry **out,
                             struct pxt_error *error)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    struct pxt_draft draft;
    int64_t number[PXT_FIELD_COUNT] = {0};
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        number[id] = field[id].default_number;
    number[PXT_FIELD_FETCH_TIME] = number[PXT_FIELD_LAST_ACCESSED] = at;
    number[PXT_FIELD_EXPIRES_AT] = PXT_TIME_NONE;
    number[PXT_FIELD_VERSION] = (int64_t)version;
    number[PXT_FIELD_REMOVED] = (int64_t)why + 1;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key->text, key->length);
    return make_entry(&draft, number, out, error);
}

uint64_t pxt_entry_version(const pxt_entry *entry)
{
    return (uint64_t)pxt_entry_number(entry, PXT_FIELD_VERSION);
}

/* The version, or where that is 0 the one of a change at the fetch_time. */
static uint64_t or_by_time(const pxt_entry *entry, enum pxt_field_id field)
{
    int64_t version = pxt_entry_number(entry, field);
    pxt_time at = pxt_entry_number(entry, PXT_FIELD_FETCH_TIME);
    return version ? (uint64_t)version : (uint64_t)(at > 0 ? at : 0) << PXT_VERSION_SHIFT;
}

uint64_t pxt_entry_effective_version(const pxt_entry *entry)
{
    return or_by_time(entry, PXT_FIELD_VERSION);
}

uint64_t pxt_entry_effective_supplied(const pxt_entry *entry)
{
    return or_by_time(entry, PXT_FIELD_SUPPLIED_VERSION);
}

void pxt_entry_set_versions(pxt_entry *entry, uint64_t version, uint64_t supplied, uint64_t learnt)
{
    atomic_store_explicit(&entry->number[PXT_NUMBER_VERSION], (int64_t)version, memory_order_relaxed);
    atomic_store_explicit(&entry->number[PXT_NUMBER_SUPPLIED_VERSION], (int64_t)supplied, memory_order_relaxed);
    atomic_store_explicit(&entry->number[PXT_NUMBER_LEARNT_VERSION], (int64_t)learnt, memory_order_relaxed);
}

bool pxt_entry_is_tombstone(const pxt_entry *entry)
{
    return pxt_entry_number(entry, PXT_FIELD_REMOVED) != 0;
}

bool pxt_entry_was_deleted(const pxt_entry *entry)
{
    return pxt_entry_number(entry, PXT_FIELD_REMOVED) == 1 + PXT_REMOVE_DELETED;
}

void pxt_tombstone_set_time(pxt_entry *tombstone, pxt_time at)
{
    atomic_store_explicit(&tombstone->number[PXT_NUMBER_FETCH_TIME], at, memory_order_relaxed);
    atomic_store_explicit(&tombstone->number[PXT_NUMBER_LAST_ACCESSED], at, memory_order_relaxed);
}

bool pxt_entry_known_dead(const pxt_entry *entry, pxt_time now)
{
    return pxt_entry_number(entry, PXT_FIELD_REMOVED) == 1 + PXT_REMOVE_HEALTH &&
           pxt_entry_number(entry, PXT_FIELD_FETCH_TIME) > now;
}

bool pxt_entry_may_drop(const pxt_entry *entry, pxt_time now)
{
    return pxt_entry_expired(entry, now) && !pxt_entry_known_dead(entry, now);
}

const char *pxt_entry_token(const pxt_entry *entry, enum pxt_field_id field, size_t *length)
{
    if (length)
        *length = 0;
    if ((unsigned)field >= PXT_FIELD_COUNT || !is_text(place_of[field].type))
        return NULL;
    unsigned slot = place_of[field].slot;
    if (!entry->text[slot].offset)
        return NULL;
    if (length)
        *length = entry->text[slot].length;
    return (const char *)entry + entry->text[slot].offset;
}

const char *pxt_entry_text(const pxt_entry *entry, enum pxt_field_id field, size_t *length)
{
    if (length)
        *length = 0;
    if ((unsigned)field >= PXT_FIELD_COUNT || place_of[field].type != PXT_TYPE_TEXT)
        return NULL;
    return pxt_entry_token(entry, field, length);
}

int64_t pxt_entry_number(const pxt_entry *entry, enum pxt_field_id field)
{
    if ((unsigned)field >= PXT_FIELD_COUNT || is_text(place_of[field].type))
        return 0;
    return atomic_load_explicit(&entry->number[place_of[field].slot], memory_order_relaxed);
}

bool pxt_entry_has(const pxt_entry *entry, enum pxt_field_id field)
{
    if ((unsigned)field >= PXT_FIELD_COUNT)
        return false;
    if (is_text(place_of[field].type))
        return entry->text[place_of[field].slot].offset != 0;
    int64_t number = pxt_entry_number(entry, field);
    return place_of[field].type == PXT_TYPE_TIME ? number != PXT_TIME_NONE : !place_of[field].optional || number != 0;
}

void pxt_entry_read(const pxt_entry *entry, struct pxt_draft *draft)
{
    for (size_t id = 0; id < draft->field_count; id++) {
        pxt_draft_unset(draft, (enum pxt_field_id)id);
        if (id >= PXT_FIELD_COUNT)
            continue;
        draft->value[id].elsewhere = entry->elsewhere >> id & 1;
        if (!pxt_entry_has(entry, (enum pxt_field_id)id))
            continue;
        struct pxt_value *value = &draft->value[id];
        value->set = 1;
        if (is_text(place_of[id].type)) {
            size_t length;
            value->as.text = pxt_entry_token(entry, (enum pxt_field_id)id, &length);
            value->length = (uint32_t)length;
            value->sealed = place_of[id].type == PXT_TYPE_SECRET;
        } else {
            value->as.number = pxt_entry_number(entry, (enum pxt_field_id)id);
        }
    }
}

/* Whether use has taught anything about an entry. Every entry has the required ones of the learnt fields. */
static bool has_learnt(const pxt_entry *entry)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        if (!(field[id].flags & PXT_FIELD_LEARNT) || (field[id].flags & PXT_FIELD_REQUIRED))
            continue;
        if (is_text(field[id].type) ? entry->text[place_of[id].slot].offset != 0
                                    : pxt_entry_number(entry, (enum pxt_field_id)id) != field[id].default_number)
            return true;
    }
    return false;
}

/* Whether one of the entries has a text that is learnt. */
static bool has_learnt_text(const pxt_entry *a, const pxt_entry *b)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        if ((field[id].flags & PXT_FIELD_LEARNT) && is_text(field[id].type) &&
            (a->text[place_of[id].slot].offset || b->text[place_of[id].slot].offset))
            return true;
    return false;
}

/* Makes a new entry: texts lie in the block of the entry, which has no room for others. */
static pxt_status inherit_texts(pxt_entry **entry, const pxt_entry *old, struct pxt_error *error)
{
    struct pxt_draft draft, learnt;
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    pxt_entry *merged;
    pxt_draft_init(&draft);
    pxt_draft_init(&learnt);
    pxt_entry_read(*entry, &draft);
    pxt_entry_read(old, &learnt);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        if (field[id].flags & PXT_FIELD_LEARNT)
            draft.value[id] = learnt.value[id];
    draft.value[PXT_FIELD_LEARNT_VERSION] = learnt.value[PXT_FIELD_LEARNT_VERSION];
    pxt_status status = pxt_entry_new(&draft, &merged, error);
    if (status)
        return status;
    pxt_entry_release(*entry);
    *entry = merged;
    return PXT_OK;
}

pxt_status pxt_entry_inherit(pxt_entry **entry, const pxt_entry *old, struct pxt_error *error)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    if (!has_learnt(old))
        return PXT_OK;
    if (has_learnt_text(*entry, old))
        return inherit_texts(entry, old, error);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        if ((field[id].flags & PXT_FIELD_LEARNT) && !is_text(field[id].type))
            atomic_init(&(*entry)->number[place_of[id].slot], pxt_entry_number(old, (enum pxt_field_id)id));
    atomic_init(&(*entry)->number[PXT_NUMBER_LEARNT_VERSION], pxt_entry_number(old, PXT_FIELD_LEARNT_VERSION));
    atomic_init(&(*entry)->flushed_count, pxt_entry_number(old, PXT_FIELD_ACCESS_COUNT));
    return PXT_OK;
}

bool pxt_entry_is_partial(const pxt_entry *entry)
{
    return entry->elsewhere != 0;
}

bool pxt_entry_expired(const pxt_entry *entry, pxt_time now)
{
    return now >= entry->expires_at;
}

void pxt_entry_key_of(const pxt_entry *entry, struct pxt_key *key)
{
    key->text = pxt_entry_key_text(entry);
    key->length = entry->key_length;
    key->hash = entry->hash;
}

void pxt_entry_touch(pxt_entry *entry, uint64_t hits, pxt_time last_accessed)
{
    _Atomic int64_t *count = &entry->number[PXT_NUMBER_ACCESS_COUNT];
    int64_t old = atomic_load_explicit(count, memory_order_relaxed), raised;
    do {
        raised = hits > (uint64_t)(PXT_COUNT_MAX - old) ? PXT_COUNT_MAX : old + (int64_t)hits;
    } while (!atomic_compare_exchange_weak_explicit(count, &old, raised, memory_order_relaxed, memory_order_relaxed));
    _Atomic int64_t *last = &entry->number[PXT_NUMBER_LAST_ACCESSED];
    int64_t seen = atomic_load_explicit(last, memory_order_relaxed);
    while (seen < last_accessed && !atomic_compare_exchange_weak_explicit(last, &seen, last_accessed,
                                                                          memory_order_relaxed, memory_order_relaxed)) {
    }
}

void pxt_entry_raise_use(pxt_entry *entry, const pxt_entry *other)
{
    int64_t more = pxt_entry_number(other, PXT_FIELD_ACCESS_COUNT) - pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    if (more > 0)
        atomic_fetch_add_explicit(&entry->flushed_count, more, memory_order_relaxed);
    pxt_entry_touch(entry, more > 0 ? (uint64_t)more : 0, pxt_entry_number(other, PXT_FIELD_LAST_ACCESSED));
    if (pxt_entry_number(other, PXT_FIELD_EVICTED_FROM_L1))
        atomic_store_explicit(&entry->number[PXT_NUMBER_EVICTED_FROM_L1], 1, memory_order_relaxed);
}

uint64_t pxt_entry_take_unflushed_hits(pxt_entry *entry)
{
    int64_t now = pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    int64_t written = atomic_exchange_explicit(&entry->flushed_count, now, memory_order_relaxed);
    return now > written ? (uint64_t)(now - written) : 0;
}

uint32_t pxt_entry_generation(const pxt_entry *entry)
{
    return atomic_load_explicit(&entry->generation, memory_order_relaxed);
}

void pxt_entry_set_stale(pxt_entry *entry)
{
    entry->stale = true;
}

bool pxt_entry_is_stale(const pxt_entry *entry)
{
    return entry && entry->stale;
}

void pxt_entry_set_generation(pxt_entry *entry, uint32_t generation)
{
    atomic_store_explicit(&entry->generation, generation, memory_order_relaxed);
}
