/* SPDX-License-Identifier: MIT
 *
 * keymap.h: a set of keys with a little data each: what a tier missed, and what accesses are to be written down.
 */
#ifndef PXT_KEYSET_H
#define PXT_KEYSET_H

#include <proxtier/tier.h>

struct pxt_keyset_item {
    struct pxt_keyset_item *next;
    uint64_t hits;
    pxt_time last_accessed;
    uint32_t evicted_from_l1;
    struct pxt_key key; /* its text stands behind the item */
    char text[];
};
/* Not locked: its owner does. */
struct pxt_keyset {
    struct pxt_keyset_item **bucket;
    size_t bucket_count, count;
};
void pxt_keyset_free(struct pxt_keyset *set);
struct pxt_keyset_item *pxt_keyset_find(const struct pxt_keyset *set, const struct pxt_key *key);
/* The item of a key, made where there is none; NULL when out of memory. */
struct pxt_keyset_item *pxt_keyset_add(struct pxt_keyset *set, const struct pxt_key *key);
void pxt_keyset_remove(struct pxt_keyset *set, const struct pxt_key *key);
/* Any item, or NULL where the set is empty. */
struct pxt_keyset_item *pxt_keyset_any(const struct pxt_keyset *set);
/* Moves all items into an empty set. */
void pxt_keyset_take(struct pxt_keyset *from, struct pxt_keyset *to);

#endif
