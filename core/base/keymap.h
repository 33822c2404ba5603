/* SPDX-License-Identifier: MIT
 *
 * keymap.h: a set of keys with a little data each: what a tier missed, and what accesses are to be written down.
 */
#ifndef PXT_KEYSET_H
#define PXT_KEYSET_H

#include <proxtier/tier.h>

struct pxt_keymap_item {
    struct pxt_keymap_item *next;
    uint64_t hits;
    pxt_time last_accessed;
    uint32_t evicted_from_l1;
    struct pxt_key key; /* its text stands behind the item */
    char text[];
};
/* Not locked: its owner does. */
struct pxt_keymap {
    struct pxt_keymap_item **bucket;
    size_t bucket_count, count;
};
void pxt_keymap_free(struct pxt_keymap *set);
struct pxt_keymap_item *pxt_keymap_find(const struct pxt_keymap *set, const struct pxt_key *key);
/* The item of a key, made where there is none; NULL when out of memory. */
struct pxt_keymap_item *pxt_keymap_add(struct pxt_keymap *set, const struct pxt_key *key);
void pxt_keymap_remove(struct pxt_keymap *set, const struct pxt_key *key);
/* Any item, or NULL where the set is empty. */
struct pxt_keymap_item *pxt_keymap_any(const struct pxt_keymap *set);
/* Moves all items into an empty set. */
void pxt_keymap_take(struct pxt_keymap *from, struct pxt_keymap *to);

#endif
