/* SPDX-License-Identifier: MIT */
#include "reader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pxt_field field[PXT_FIELD_COUNT] = {
#define X(id, name, type, def, flags, since, help) {name, PXT_TYPE_##type, def, flags, since, help},
    PXT_FIELDS(X)
#undef X
};

void *room(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (memory)
        return memory;
    fprintf(stderr, "out of memory\n");
    exit(70);
}

struct copy *copies_add(struct copies *copies, const char *key, unsigned tier)
{
    if (copies->count == copies->capacity) {
        copies->capacity = 2 * copies->capacity + 64;
        copies->copy = room(copies->copy, copies->capacity * sizeof *copies->copy);
    }
    struct copy *copy = &copies->copy[copies->count++];
    *copy = (struct copy){.tier = tier};
    snprintf(copy->key, sizeof copy->key, "%s", key);
    return copy;
}

static void free_fields(struct copy *copy)
{
    for (unsigned i = 0; i < PXT_FIELD_COUNT; i++)
        free(copy->field[i]);
}

void copies_remove(struct copies *copies, const char *key, unsigned tier)
{
    for (size_t i = 0; i < copies->count; i++) {
        struct copy *copy = &copies->copy[i];
        if (copy->tier != tier || strcmp(copy->key, key))
            continue;
        free_fields(copy);
        *copy = copies->copy[--copies->count];
        return;
    }
}

static int by_key_and_tier(const void *a, const void *b)
{
    const struct copy *left = a, *right = b;
    int order = strcmp(left->key, right->key);
    return order ? order : (left->tier > right->tier) - (left->tier < right->tier);
}

void copies_sort(struct copies *copies)
{
    if (copies->count)
        qsort(copies->copy, copies->count, sizeof *copies->copy, by_key_and_tier);
}

void copies_free(struct copies *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        free_fields(&copies->copy[i]);
    free(copies->copy);
}

void field_column(unsigned id, char out[READER_TEXT])
{
    snprintf(out, READER_TEXT, "%s%s", field[id].name, field[id].type == PXT_TYPE_SECRET ? "_encrypted" : "");
}

void field_set(struct copy *copy, unsigned id, const char *text)
{
    size_t size = strlen(text) + 1;
    free(copy->field[id]);
    copy->field[id] = memcpy(room(NULL, size), text, size);
    if (id == PXT_FIELD_VERSION)
        copy->version = strtoull(text, NULL, 10);
    if (id == PXT_FIELD_REMOVED && strcmp(text, "0") != 0)
        copy->removed = true;
}

void field_set_number(struct copy *copy, unsigned id, long long number)
{
    char text[30];
    snprintf(text, sizeof text, "%lld", number);
    field_set(copy, id, text);
}

const char *field_text(const struct copy *copy, unsigned id)
{
    if (copy->field[id])
        return copy->field[id];
    switch (field[id].type) {
    case PXT_TYPE_COUNT:
    case PXT_TYPE_BOOL:
    case PXT_TYPE_VERSION:
        return "0";
    case PXT_TYPE_HEALTH:
        return "unknown";
    default:
        return "";
    }
}
