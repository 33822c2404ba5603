/* SPDX-License-Identifier: MIT
 *
 * keymap.c: a chained hash table of keys.
 */
#include "base/keymap.h"
#include "base/alloc.h"
#include "base/fail.h"
#include <string.h>

void pxt_keymap_free(struct pxt_keymap *map)
{
    for (size_t i = 0; i < map->bucket_count; i++)
        for (struct pxt_keymap_item *item = map->bucket[i], *next; item; item = next) {
            next = item->next;
            pxt_free(item);
        }
    pxt_free(map->bucket);
    *map = (struct pxt_keymap){0};
}

static struct pxt_keymap_item **find_place(const struct pxt_keymap *map, const struct pxt_key *key)
{
    struct pxt_keymap_item **place = &map->bucket[key->hash & (map->bucket_count - 1)];
    while (*place && !((*place)->key.hash == key->hash && (*place)->key.length == key->length &&
                       !memcmp((*place)->text, key->text, key->length)))
        place = &(*place)->next;
    return place;
}

struct pxt_keymap_item *pxt_keymap_find(const struct pxt_keymap *map, const struct pxt_key *key)
{
    return map->count ? *find_place(map, key) : NULL;
}

static bool grow(struct pxt_keymap *map)
{
    if (map->count < map->bucket_count)
        return true;
    size_t wanted = map->bucket_count ? map->bucket_count * 2 : 64;
    struct pxt_keymap_item **bucket = pxt_alloc_array(wanted, sizeof(*bucket));
    if (!bucket)
        return map->bucket_count != 0; /* longer chains will do */
    for (size_t i = 0; i < map->bucket_count; i++)
        for (struct pxt_keymap_item *item = map->bucket[i], *next; item; item = next) {
            next = item->next;
            item->next = bucket[item->key.hash & (wanted - 1)];
            bucket[item->key.hash & (wanted - 1)] = item;
        }
    pxt_free(map->bucket);
    map->bucket = bucket;
    map->bucket_count = wanted;
    return true;
}

struct pxt_keymap_item *pxt_keymap_add(struct pxt_keymap *map, const struct pxt_key *key)
{
    if (!grow(map))
        return NULL;
    struct pxt_keymap_item **place = find_place(map, key);
    if (*place)
        return *place;
    struct pxt_keymap_item *item = pxt_alloc(sizeof *item + key->length + 1);
    if (!item)
        return NULL;
    memcpy(item->text, key->text, key->length);
    item->key = (struct pxt_key){.text = item->text, .length = key->length, .hash = key->hash};
    item->last_accessed = PXT_TIME_NONE;
    *place = item;
    map->count++;
    return item;
}

void pxt_keymap_remove(struct pxt_keymap *map, const struct pxt_key *key)
{
    if (!map->count)
        return;
    struct pxt_keymap_item **place = find_place(map, key), *item = *place;
    if (!item)
        return;
    *place = item->next;
    map->count--;
    pxt_free(item);
}

struct pxt_keymap_item *pxt_keymap_any(const struct pxt_keymap *map)
{
    for (size_t i = 0; map->count && i < map->bucket_count; i++)
        if (map->bucket[i])
            return map->bucket[i];
    return NULL;
}

void pxt_keymap_take(struct pxt_keymap *from, struct pxt_keymap *to)
{
    *to = *from;
    *from = (struct pxt_keymap){0};
}
