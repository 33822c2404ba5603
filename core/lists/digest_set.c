/* SPDX-License-Identifier: MIT
 *
 * digest_set.c: a set of 64-bit digests in many small hash tables. A table grows by a quarter when it is 7/8 full, so it is
 * 7/10 full or more afterwards.
 */
#include "lists/digest_set.h"
#include "base/fail.h"
#include "base/key.h"
#include <sys/random.h>

enum { FIRST_CAPACITY = 8 };

/* 16 hexadecimal digits as the number that they are. */
static bool read_digest(const char *text, size_t length, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return length == 16;
}

/* Spreads numbers that are alike; each step can be undone, so that different ones stay different (the finalizer of
 * SplitMix64: G. Steele et al., "Fast splittable pseudorandom number generators", 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t digest_of(struct pxt_digest_set *set, const struct pxt_key *key)
{
    uint64_t digest;
    char text[17];
    if (!set->seeded) {
        if (getrandom(&set->seed, sizeof set->seed, GRND_NONBLOCK) != (ssize_t)sizeof set->seed)
            set->seed = 0; /* the order of keys in tables is known then, no more */
        set->seeded = true;
    }
    if (!read_digest(key->text, key->length, &digest)) {
        pxt_key_digest(key->text, key->length, text);
        read_digest(text, 16, &digest);
    }
    return mix(digest ^ set->seed);
}

/* The slot of a digest, or the free one where it belongs. */
static uint64_t *find(const struct pxt_digest_part *part, uint64_t digest)
{
    uint32_t at = (uint32_t)((digest & UINT32_MAX) * part->capacity >> 32);
    while (part->slot[at] && part->slot[at] != digest)
        at = at + 1 == part->capacity ? 0 : at + 1;
    return &part->slot[at];
}

static bool grow(struct pxt_digest_part *part)
{
    struct pxt_digest_part wide = {.count = part->count};
    wide.capacity = part->capacity ? part->capacity + part->capacity / 4 : FIRST_CAPACITY;
    wide.slot = pxt_alloc_array(wide.capacity, sizeof *wide.slot);
    if (!wide.slot)
        return false;
    for (uint32_t i = 0; i < part->capacity; i++)
        if (part->slot[i])
            *find(&wide, part->slot[i]) = part->slot[i];
    pxt_free(part->slot);
    *part = wide;
    return true;
}

bool pxt_digest_set_add(struct pxt_digest_set *set, const struct pxt_key *key, bool *seen)
{
    uint64_t digest = digest_of(set, key);
    if (!digest) {
        *seen = set->has_zero;
        set->has_zero = true;
        return true;
    }
    struct pxt_digest_part *part = &set->part[digest >> 56];
    if (part->count >= part->capacity - part->capacity / 8 && !grow(part))
        return false;
    uint64_t *slot = find(part, digest);
    *seen = *slot != 0;
    part->count += !*seen;
    *slot = digest;
    return true;
}

void pxt_digest_set_free(struct pxt_digest_set *set)
{
    for (size_t i = 0; i < PXT_DIGEST_PARTS; i++)
        pxt_free(set->part[i].slot);
    *set = (struct pxt_digest_set){.seeded = false};
}
