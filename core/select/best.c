/* SPDX-License-Identifier: MIT
 *
 * best.c: a binary heap (Williams, "Algorithm 232", 1964).
 */
#include "select/best.h"
#include "base/alloc.h"
#include "base/fail.h"
#include <stdlib.h>
#include <string.h>

pxt_status pxt_best_init(struct pxt_best *best, size_t room, struct pxt_error *error)
{
    *best = (struct pxt_best){.room = room, .item = pxt_alloc_array(room, sizeof *best->item)};
    return best->item ? PXT_OK : pxt_fail_memory(error, "keys to choose from");
}

void pxt_best_free(struct pxt_best *best)
{
    for (size_t i = 0; i < best->count; i++)
        pxt_free((char *)(uintptr_t)best->item[i].key.text);
    pxt_free(best->item);
    *best = (struct pxt_best){.room = 0};
}

static int compare(const void *left, const void *right)
{
    const struct pxt_scored *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    size_t shorter = a->key.length < b->key.length ? a->key.length : b->key.length;
    int order = memcmp(a->key.text, b->key.text, shorter);
    return order ? order : (a->key.length > b->key.length) - (a->key.length < b->key.length);
}

static void swap(struct pxt_scored *a, struct pxt_scored *b)
{
    struct pxt_scored old = *a;
    *a = *b;
    *b = old;
}

static void sink(struct pxt_best *best)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < best->count; i = child) {
        if (child + 1 < best->count && compare(&best->item[child + 1], &best->item[child]) > 0)
            child++;
        if (compare(&best->item[i], &best->item[child]) >= 0)
            return;
        swap(&best->item[i], &best->item[child]);
    }
}

static void rise(struct pxt_best *best, size_t i)
{
    for (size_t parent; i && compare(&best->item[i], &best->item[parent = (i - 1) / 2]) > 0; i = parent)
        swap(&best->item[i], &best->item[parent]);
}

bool pxt_best_add(struct pxt_best *best, const struct pxt_key *key, uint64_t score)
{
    struct pxt_scored item = {score, *key};
    bool full = best->count == best->room;
    if (full && compare(&item, &best->item[0]) >= 0)
        return true;
    item.key.text = pxt_strndup(key->text, key->length);
    if (!item.key.text)
        return false;
    if (full) {
        pxt_free((char *)(uintptr_t)best->item[0].key.text);
        best->item[0] = item;
        sink(best);
    } else {
        best->item[best->count++] = item;
        rise(best, best->count - 1);
    }
    return true;
}

void pxt_best_sort(struct pxt_best *best)
{
    qsort(best->item, best->count, sizeof *best->item, compare);
}
