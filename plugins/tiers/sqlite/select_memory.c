/* SPDX-License-Identifier: MIT
 *
 * select_memory.c: what a store remembers of the last selections: the width of windows, which of the sets is the
 * smallest, and whether the entries that have some time to live are few. Two selections may share a slot: what was
 * remembered is only an advice, and is found anew.
 *
 * A slot is one number: some bits of the hash of the selection, and the value.
 */
#include "select.h"
#include <string.h>

enum { TAG_SHIFT = 48, USES_SHIFT = 8, USES_MAX = 64 };
#define WIDTH_SHIFT 15 /* a width has 63 bits */
#define VALUE_MASK ((UINT64_C(1) << TAG_SHIFT) - 1)

static uint64_t add(uint64_t hash, const void *bytes, size_t n)
{
    for (const unsigned char *at = bytes; n; n--) /* FNV-1a */
        hash = (hash ^ *at++) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    return text ? add(hash, text, strlen(text) + 1) : add(hash, "\1", 2);
}

uint64_t sqlite_select_hash(const struct pxt_select *select)
{
    const struct pxt_selection *selection = select->selection;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = add(hash, &selection->health, sizeof selection->health);
    hash = add_text(hash, selection->source);
    hash = add_text(hash, selection->scheme);
    hash = add_text(hash, selection->host);
    hash = add_text(hash, selection->country);
    hash = add_text(hash, selection->tag);
    hash = add(hash, &selection->min_ttl, sizeof selection->min_ttl);
    hash = add(hash, &selection->max_failures, sizeof selection->max_failures);
    hash = add(hash, &selection->max_latency_ms, sizeof selection->max_latency_ms);
    return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static _Atomic uint64_t *slot_of(_Atomic uint64_t slots[STORE_SELECTIONS], uint64_t hash)
{
    return &slots[hash % STORE_SELECTIONS];
}

/* The value of the selection; 0: it is not known. */
static uint64_t recall(_Atomic uint64_t slots[STORE_SELECTIONS], uint64_t hash)
{
    uint64_t slot = atomic_load_explicit(slot_of(slots, hash), memory_order_relaxed);
    return slot >> TAG_SHIFT == hash >> TAG_SHIFT ? slot & VALUE_MASK : 0;
}

static void keep(_Atomic uint64_t slots[STORE_SELECTIONS], uint64_t hash, uint64_t value)
{
    uint64_t slot = (hash >> TAG_SHIFT) << TAG_SHIFT | value;
    atomic_store_explicit(slot_of(slots, hash), slot, memory_order_relaxed);
}

uint64_t sqlite_select_width(const struct select_search *search)
{
    uint64_t value = recall(search->walk.store->widths, search->hash);
    return value ? value << WIDTH_SHIFT : UINT64_MAX;
}

void sqlite_select_keep_width(const struct select_search *search, uint64_t width)
{
    keep(search->walk.store->widths, search->hash, width >> WIDTH_SHIFT & VALUE_MASK);
}

bool sqlite_select_smallest(const struct select_search *search, unsigned *candidate)
{
    struct store *store = search->walk.store;
    uint64_t value = recall(store->smallest, search->hash), uses = value >> USES_SHIFT;
    *candidate = (unsigned)(value & ((1u << USES_SHIFT) - 1));
    if (!uses || *candidate >= search->plan.candidates)
        return false;
    keep(store->smallest, search->hash, (uses - 1) << USES_SHIFT | *candidate);
    return true;
}

void sqlite_select_keep_smallest(const struct select_search *search, unsigned candidate)
{
    keep(search->walk.store->smallest, search->hash, (uint64_t)USES_MAX << USES_SHIFT | candidate);
}

bool sqlite_select_was_few(const struct select_search *search)
{
    return recall(search->walk.store->widths, search->hash) == 1;
}

void sqlite_select_keep_few(const struct select_search *search, bool few)
{
    keep(search->walk.store->widths, search->hash, few);
}
