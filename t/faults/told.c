/* SPDX-License-Identifier: MIT
 *
 * told.c: the log of what callers were told. A key is a register: an answer is right if some order of the operations
 * that keeps those apart that did not overlap gives it. The number of a line is its time.
 */
#include "reader.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum what { PUT, DELETE, REPORT, GET, LIST };
enum { UNKNOWN = -1, MAPPED = 1 << 21 };

struct operation {
    char id[64], value[64];
    enum what what;
    unsigned key;
    long begin, end; /* end: LONG_MAX while it is under way */
    int status;      /* UNKNOWN: no answer */
};
static struct operation *operation;
static size_t operation_count, operation_capacity;
static uint32_t map[MAPPED]; /* of ids: 1 + index; 0: free */

static struct known_key {
    char text[PXT_KEY_MAX + 1];
    uint32_t *operations; /* indexes of those that are not lists, in the order of their beginning */
    size_t count, capacity;
} * known;
static unsigned known_count;

/* What one list gave. Lists overlap, so each line names its list. */
struct seen {
    uint32_t list;
    unsigned key;
    char value[64];
};
static struct seen *seen;
static size_t seen_count, seen_capacity;

/* ---- reading ---- */

static uint32_t *place_of(const char *id)
{
    uint32_t hash = 2166136261u;
    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    uint32_t *place = &map[hash % MAPPED];
    while (*place && strcmp(operation[*place - 1].id, id) != 0)
        place = place + 1 == map + MAPPED ? map : place + 1;
    return place;
}

static unsigned key_of(const char *text)
{
    unsigned i = 0;
    while (i < known_count && strcmp(known[i].text, text) != 0)
        i++;
    if (i == known_count) {
        known = room(known, ++known_count * sizeof *known);
        known[i] = (struct known_key){.count = 0};
        snprintf(known[i].text, sizeof known[i].text, "%s", text);
    }
    return i;
}

static void add_to_key(unsigned number, size_t index)
{
    struct known_key *key = &known[number];
    if (key->count == key->capacity)
        key->operations = room(key->operations, (key->capacity = 2 * key->capacity + 16) * sizeof *key->operations);
    key->operations[key->count++] = (uint32_t)index;
}

static const char *const name[] = {"put", "delete", "report", "get", "list"};

static void begin(const char *id, const char *what, const char *key, long line)
{
    if (operation_count == MAPPED / 2) {
        fprintf(stderr, "the log is too long\n");
        exit(70);
    }
    if (operation_count == operation_capacity)
        operation = room(operation, (operation_capacity = 2 * operation_capacity + 1024) * sizeof *operation);
    struct operation *new = &operation[operation_count++];
    *new = (struct operation){.begin = line, .end = LONG_MAX, .status = UNKNOWN};
    snprintf(new->id, sizeof new->id, "%s", id);
    for (unsigned i = 0; i < sizeof name / sizeof *name; i++)
        if (!strcmp(what, name[i]))
            new->what = (enum what)i;
    *place_of(id) = (uint32_t)operation_count;
    if (new->what == LIST)
        return;
    new->key = key_of(key);
    add_to_key(new->key, operation_count - 1);
}

static void saw(const char *id, const char *key, const char *value)
{
    if (seen_count == seen_capacity)
        seen = room(seen, (seen_capacity = 2 * seen_capacity + 1024) * sizeof *seen);
    struct seen *new = &seen[seen_count];
    *new = (struct seen){.list = *place_of(id) - 1, .key = key_of(key)};
    snprintf(new->value, sizeof new->value, "%s", value);
    seen_count++;
}

static void killed(const char *caller, long line)
{
    for (size_t i = 0; i < operation_count; i++)
        if (operation[i].end == LONG_MAX && !strncmp(operation[i].id, caller, strlen(caller)))
            operation[i].end = line;
}

/* ---- judging ---- */

static bool is_change(const struct operation *one)
{
    return (one->what == PUT || one->what == DELETE) && one->status != PXT_NOT_FOUND;
}

/* The change that an operation shows to be done: an acknowledged one itself, or one whose value was read. */
static const struct operation *shown_by(const struct operation *one)
{
    uint32_t index;
    if (one->status != PXT_OK)
        return NULL;
    if (one->what == GET) {
        index = *place_of(one->value);
        return index ? &operation[index - 1] : NULL;
    }
    return is_change(one) ? one : NULL;
}

/* The begin of the last change of those that were known to be done before a time: what ended before that is superseded. */
static long superseded_before(const struct known_key *key, long time)
{
    long last = 0;
    for (size_t i = 0; i < key->count; i++) {
        const struct operation *one = &operation[key->operations[i]], *change = shown_by(one);
        if (change && one->end < time && change->begin > last)
            last = change->begin;
    }
    return last;
}

/* Judges what a key had at some time between two lines; NULL if it is right. */
static const char *judge(const struct known_key *key, const char *value, long from, long to)
{
    long superseded = superseded_before(key, from);
    if (is_fleeting(key->text) || (!value && !superseded))
        return NULL;
    for (size_t i = 0; i < key->count; i++) {
        const struct operation *one = &operation[key->operations[i]];
        if (!is_change(one) || one->begin > to)
            continue;
        if (!value && one->what == DELETE && one->end >= superseded)
            return NULL;
        if (value && one->what == PUT && !strcmp(one->id, value)) {
            if (one->end >= superseded)
                return NULL;
            for (size_t j = 0; j < key->count; j++)
                if (operation[key->operations[j]].begin == superseded && operation[key->operations[j]].what == DELETE)
                    return "back: it was deleted";
            return "old: it was replaced";
        }
    }
    return value ? "never put" : "lost";
}

static void judge_told(const struct operation *one, unsigned key, const char *value)
{
    const char *wrong = judge(&known[key], value, one->begin, one->end);
    if (wrong)
        differs("told by %s: %s: %s (%s)",
                one->what == LIST  ? "a list"
                : one->what == GET ? "get"
                                   : "a change",
                known[key].text, wrong, value ? value : "nothing");
}

static int by_list(const void *a, const void *b)
{
    const struct seen *left = a, *right = b;
    return (left->list > right->list) - (left->list < right->list);
}

static size_t first_seen(uint32_t list)
{
    size_t low = 0, high = seen_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (seen[middle].list < list)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A list that answered OK has every key that is there, and what it has is right. */
static void judge_list(uint32_t list)
{
    bool *has = room(NULL, known_count + 1);
    memset(has, 0, known_count + 1);
    for (size_t i = first_seen(list); i < seen_count && seen[i].list == list; i++) {
        has[seen[i].key] = true;
        judge_told(&operation[list], seen[i].key, seen[i].value);
    }
    for (unsigned key = 0; key < known_count; key++)
        if (!has[key])
            judge_told(&operation[list], key, NULL);
    free(has);
}

static void end(const char *id, int status, const char *value, long line)
{
    uint32_t index = *place_of(id);
    if (!index)
        return;
    struct operation *one = &operation[index - 1];
    one->end = line;
    one->status = status;
    snprintf(one->value, sizeof one->value, "%s", value);
}

void told_check_answers(void)
{
    if (seen_count)
        qsort(seen, seen_count, sizeof *seen, by_list);
    for (size_t i = 0; i < operation_count; i++) {
        const struct operation *one = &operation[i];
        if (one->what == LIST && one->status == PXT_OK)
            judge_list((uint32_t)i);
        else if (one->what == GET && one->status == PXT_OK)
            judge_told(one, one->key, one->value);
        else if (one->what != LIST && one->status == PXT_NOT_FOUND)
            judge_told(one, one->key, NULL);
    }
}

void told_read(const char *path)
{
    char line[400], id[64], word[64], rest[256];
    FILE *in = fopen(path, "r");
    if (!in) {
        perror(path);
        exit(66);
    }
    for (long n = 1; fgets(line, sizeof line, in); n++) {
        id[0] = word[0] = rest[0] = '\0';
        int found = sscanf(line + 1, " %63s %63s %255s", id, word, rest);
        if (line[0] == 'B' && found == 3)
            begin(id, word, rest, n);
        else if (line[0] == 'E' && found >= 2)
            end(id, atoi(word), rest, n);
        else if (line[0] == 'S' && found == 3 && *place_of(id))
            saw(id, word, rest);
        else if (line[0] == 'K' && found == 1)
            killed(id, n);
        else
            differs("unreadable: line %ld of the log: %s", n, line);
    }
    fclose(in);
}

/* ---- the end ---- */

/* How many health checks a key may have: all that were acknowledged since it was made, and any that were not. */
static void count_checks(const struct known_key *key, long long *least, long long *most)
{
    long made = 0, removed = 0;
    *least = *most = 0;
    for (size_t i = 0; i < key->count; i++) {
        const struct operation *one = &operation[key->operations[i]];
        if (one->what != DELETE || one->status == PXT_NOT_FOUND)
            continue;
        made = one->end > made ? one->end : made;
        removed = one->status == PXT_OK && one->begin > removed ? one->begin : removed;
    }
    for (size_t i = 0; i < key->count; i++) {
        const struct operation *one = &operation[key->operations[i]];
        if (one->what != REPORT || one->status == PXT_NOT_FOUND)
            continue;
        *least += one->status == PXT_OK && one->begin > made;
        *most += one->end > removed;
    }
}

void told_check_last(const char *text, const char *value, long long checks)
{
    long long least, most;
    const struct known_key *key = &known[key_of(text)];
    const char *wrong = judge(key, value, LONG_MAX - 1, LONG_MAX);
    if (wrong)
        differs("at rest: %s: %s (%s)", text, wrong, value ? value : "nothing");
    count_checks(key, &least, &most);
    if (value && !is_fleeting(text) && (checks < least || checks > most))
        differs("reports: %s has %lld health checks, not %lld to %lld", text, checks, least, most);
}

void told_each_key(void (*fn)(void *arg, const char *key), void *arg)
{
    for (unsigned i = 0; i < known_count; i++)
        fn(arg, known[i].text);
}
