/* SPDX-License-Identifier: MIT
 *
 * reader.c: compares the tiers of a chain that is at rest with each other, and with what callers were told.
 *   reader LOG TIER...
 * TIER is jsonl:FOLDER, l2:FILE or l3:FILE, from the fastest durable tier to the slowest; with ~ before it where the tier
 * has a capacity, and so may have nothing for a key. Prints each difference; exit code 1 if there are any.
 */
#include "reader.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIFFERENCES_SHOWN = 25 };
static unsigned differences;

void differs(const char *format, ...)
{
    va_list args;
    if (++differences > DIFFERENCES_SHOWN)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

struct chain {
    const char *name[READER_TIERS];
    bool may_lack[READER_TIERS];
    unsigned count;
    struct copies copies;
};

static void read_tier(struct chain *chain, const char *text)
{
    unsigned tier = chain->count++;
    chain->may_lack[tier] = text[0] == '~';
    text += text[0] == '~';
    chain->name[tier] = text;
    if (!strncmp(text, "jsonl:", 6)) {
        read_jsonl(&chain->copies, text + 6, tier);
    } else if (!strncmp(text, "l2:", 3)) {
        read_sqlite(&chain->copies, text + 3, "l2_cache", "proxtier_l2_health", tier);
    } else if (!strncmp(text, "l3:", 3)) {
        read_sqlite(&chain->copies, text + 3, "cache_entries", "proxtier_l3_extra", tier);
    } else {
        fprintf(stderr, "not a tier: %s\n", text);
        exit(64);
    }
}

/* Fields that use of an entry changes without a version. */
static bool is_access(unsigned field)
{
    return field == PXT_FIELD_ACCESS_COUNT || field == PXT_FIELD_LAST_ACCESSED || field == PXT_FIELD_EVICTED_FROM_L1;
}

static void compare_pair(const struct chain *chain, const struct copy *a, const struct copy *b)
{
    char name[READER_TEXT];
    if (a->tier == b->tier) {
        differs("twice: %s has %s twice", chain->name[a->tier], a->key);
    } else if (a->version != b->version || a->removed != b->removed) {
        differs("differ: %s: version %llu%s (%s) in %s, %llu%s (%s) in %s", a->key, (unsigned long long)a->version,
                a->removed ? " removed" : "", field_text(a, PXT_FIELD_SOURCE), chain->name[a->tier],
                (unsigned long long)b->version, b->removed ? " removed" : "", field_text(b, PXT_FIELD_SOURCE),
                chain->name[b->tier]);
    } else if (!a->removed) {
        for (unsigned i = 0; i < PXT_FIELD_COUNT; i++) {
            if (is_access(i) || !strcmp(field_text(a, i), field_text(b, i)))
                continue;
            field_column(i, name);
            differs("differ: %s: %s is %s in %s, %s in %s", a->key, name, field_text(a, i), chain->name[a->tier],
                    field_text(b, i), chain->name[b->tier]);
        }
    }
}

/* A put is whole: its URL has the value too. */
static void check_whole(const struct chain *chain, const struct copy *copy)
{
    char url[2 * READER_TEXT];
    snprintf(url, sizeof url, "http://%s.example:8080", field_text(copy, PXT_FIELD_SOURCE));
    if (!copy->removed && strcmp(url, field_text(copy, PXT_FIELD_PROXY_URL)) != 0)
        differs("mixed: %s: %s and %s in %s", copy->key, field_text(copy, PXT_FIELD_SOURCE),
                field_text(copy, PXT_FIELD_PROXY_URL), chain->name[copy->tier]);
}

static const struct copy *find(const struct copies *copies, const char *key, size_t *n)
{
    size_t from = 0;
    while (from < copies->count && strcmp(copies->copy[from].key, key) != 0)
        from++;
    for (*n = 0; from + *n < copies->count && !strcmp(copies->copy[from + *n].key, key);)
        ++*n;
    return &copies->copy[from];
}

/* A tier that has to have every entry and lacks this one. Of a tombstone that may be dropped nothing need be there. */
static void check_complete(const struct chain *chain, const struct copy *copy, size_t n)
{
    bool has[READER_TIERS] = {false};
    for (size_t i = 0; i < n; i++)
        has[copy[i].tier] = true;
    for (unsigned tier = 0; tier < chain->count; tier++)
        if (!has[tier] && !chain->may_lack[tier] && !copy->removed && !is_fleeting(copy->key))
            differs("missing: %s lacks %s, which %s has", chain->name[tier], copy->key, chain->name[copy->tier]);
}

static const struct copy *newest_of(const struct copy *copy, size_t n)
{
    const struct copy *newest = NULL;
    for (size_t i = 0; i < n; i++)
        if (!newest || copy[i].version >= newest->version)
            newest = &copy[i];
    return newest;
}

static void check_key(void *arg, const char *key)
{
    const struct chain *chain = arg;
    size_t n;
    const struct copy *copy = find(&chain->copies, key, &n), *newest = newest_of(copy, n);
    for (size_t i = 1; i < n; i++)
        compare_pair(chain, &copy[0], &copy[i]);
    for (size_t i = 0; i < n; i++)
        check_whole(chain, &copy[i]);
    if (n)
        check_complete(chain, copy, n);
    bool is_there = newest && !newest->removed;
    told_check_last(key, is_there ? field_text(newest, PXT_FIELD_SOURCE) : NULL,
                    is_there ? strtoll(field_text(newest, PXT_FIELD_TOTAL_HEALTH_CHECKS), NULL, 10) : 0);
}

int main(int argc, char **argv)
{
    struct chain chain = {.count = 0};
    if (argc < 3 || argc > 2 + READER_TIERS) {
        fprintf(stderr, "usage: reader LOG TIER...\n");
        return 64;
    }
    told_read(argv[1]);
    for (int i = 2; i < argc; i++)
        read_tier(&chain, argv[i]);
    copies_sort(&chain.copies);
    told_each_key(check_key, &chain);
    told_check_answers();
    copies_free(&chain.copies);
    if (differences > DIFFERENCES_SHOWN)
        printf("and %u more differences\n", differences - DIFFERENCES_SHOWN);
    return differences != 0;
}
