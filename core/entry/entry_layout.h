/* SPDX-License-Identifier: MIT
 *
 * entry_layout.h: how an entry lies in memory: one block, read-only once published but for the holds and the live
 * counters. What a hit reads (hash, expiry, generation, a key of the usual length) is in the first 64 bytes; what is
 * written while others read it (live counters) is apart from that.
 */
#ifndef PXT_ENTRY_LAYOUT_H
#define PXT_ENTRY_LAYOUT_H

#include "base/key.h"
#include <proxtier/plugin.h>
#include <stdatomic.h>

#define PXT_KEY_INLINE 24
#define PXT_ENTRY_ONE_HOLD 2 /* of `holds`; its lowest bit says whether hazard.c has listed the entry */

/* Slots: texts and credentials on one side, numbers on the other, numbered in the order of the table. */
#define PXT_IF_TEXT_TEXT(id) PXT_TEXT_##id,
#define PXT_IF_TEXT_SECRET(id) PXT_TEXT_##id,
#define PXT_IF_TEXT_TIME(id)
#define PXT_IF_TEXT_COUNT(id)
#define PXT_IF_TEXT_HEALTH(id)
#define PXT_IF_TEXT_BOOL(id)
#define PXT_IF_TEXT_VERSION(id)
enum pxt_text_slot {
#define X(id, name, type, def, flags, since, help) PXT_IF_TEXT_##type(id)
    PXT_FIELDS(X)
#undef X
        PXT_TEXT_SLOTS
};
#define PXT_IF_NUMBER_TEXT(id)
#define PXT_IF_NUMBER_SECRET(id)
#define PXT_IF_NUMBER_TIME(id) PXT_NUMBER_##id,
#define PXT_IF_NUMBER_COUNT(id) PXT_NUMBER_##id,
#define PXT_IF_NUMBER_HEALTH(id) PXT_NUMBER_##id,
#define PXT_IF_NUMBER_BOOL(id) PXT_NUMBER_##id,
#define PXT_IF_NUMBER_VERSION(id) PXT_NUMBER_##id,
enum pxt_number_slot {
#define X(id, name, type, def, flags, since, help) PXT_IF_NUMBER_##type(id)
    PXT_FIELDS(X)
#undef X
        PXT_NUMBER_SLOTS
};

struct pxt_entry {
    uint64_t hash;
    pxt_time expires_at;
    _Atomic uint32_t generation;
    _Atomic int32_t holds; /* counted holds; holds in slots come on top: see hazard.c */
    uint16_t key_length;
    _Atomic uint8_t frozen;        /* new holds are counted, not put into slots; set under the lock of hazard.c */
    bool stale;                    /* it was served where no tier could decide; set before it is handed out */
    uint32_t size;                 /* of the whole block, for wiping */
    char key[PXT_KEY_INLINE];      /* with NUL, where it fits: then its text slot points here */
    struct pxt_entry *next_listed; /* under the lock of hazard.c */
    _Atomic int64_t flushed_count; /* access_count as the slower tiers know it */
    uint64_t elsewhere;            /* a bit a field: see struct pxt_value */
    struct {
        uint32_t offset; /* from the start of the block; 0: absent */
        uint32_t length;
    } text[PXT_TEXT_SLOTS];
    _Atomic int64_t number[PXT_NUMBER_SLOTS]; /* atomic for the live ones; relaxed loads cost nothing */
};

static inline const char *pxt_entry_key_text(const pxt_entry *entry)
{
    return entry->key_length < PXT_KEY_INLINE ? entry->key : (const char *)entry + entry->text[PXT_TEXT_KEY].offset;
}
_Static_assert(PXT_FIELD_COUNT <= 64, "a bit a field");

static inline bool pxt_entry_has_key(const pxt_entry *entry, const struct pxt_key *key)
{
    return entry->hash == key->hash && entry->key_length == key->length &&
           pxt_key_same_bytes(pxt_entry_key_text(entry), key->text, key->length);
}

#endif
