/* SPDX-License-Identifier: MIT
 *
 * keymap.h: a hash map from key to a small record.
 */
#ifndef PXT_KEYMAP_H
#define PXT_KEYMAP_H

#include <proxtier/tier.h>

struct pxt_keymap_item {
    struct pxt_keymap_item *next;
    uint64_t value; /* what it says is up to the owner of the map */
    pxt_time last_accessed;
    uint32_t evicted_from_l1;
    uint32_t included;  /* of `value`, for hits: see pxt_access_include() */
    struct pxt_key key; /* its text stands behind the item */
    char text[];
};
/* Not locked: its owner does. */
struct pxt_keymap {
    struct pxt_keymap_item **bucket;
    size_t bucket_count, count;
};
void pxt_keymap_free(struct pxt_keymap *map);
struct pxt_keymap_item *pxt_keymap_find(const struct pxt_keymap *map, const struct pxt_key *key);
/* The item of a key, made where there is none; NULL when out of memory. */
struct pxt_keymap_item *pxt_keymap_add(struct pxt_keymap *map, const struct pxt_key *key);
void pxt_keymap_remove(struct pxt_keymap *map, const struct pxt_key *key);
/* Any item, or NULL where the map is empty. */
struct pxt_keymap_item *pxt_keymap_any(const struct pxt_keymap *map);
/* Moves all items into an empty map. */
void pxt_keymap_take(struct pxt_keymap *from, struct pxt_keymap *to);

#endif
