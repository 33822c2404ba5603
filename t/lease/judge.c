/* SPDX-License-Identifier: MIT
 *
 * judge.c: see judge.h.
 */
#include "judge.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct use {
    char id[33], key[40];
    unsigned max;
    int64_t from, asked, end; /* end < 0: none was noted */
};
struct moment {
    const struct use *use;
    int64_t time;
    bool begins;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct use *)a)->id, ((const struct use *)b)->id);
}

/* By key, then by time; at one time ends come first. */
static int by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    int order = strcmp(x->use->key, y->use->key);
    if (order)
        return order;
    return x->time != y->time ? (x->time < y->time ? -1 : 1) : x->begins - y->begins;
}

/* Reads the lines that begin with B. */
static struct use *read_uses(FILE *log, struct verdict *verdict)
{
    char line[200];
    size_t room = 0;
    struct use *uses = NULL;
    while (fgets(line, sizeof line, log)) {
        struct use use = {.end = -1};
        if (*line != 'B')
            continue;
        if (sscanf(line, "B %32s %39s %u %" SCNd64 " %" SCNd64, use.id, use.key, &use.max, &use.asked, &use.from) != 5)
            verdict->readable = false;
        if (verdict->leases == room) {
            room = room ? 2 * room : 1024;
            struct use *larger = realloc(uses, room * sizeof *uses);
            if (!larger)
                abort();
            uses = larger;
        }
        uses[verdict->leases++] = use;
    }
    qsort(uses, verdict->leases, sizeof *uses, by_id);
    return uses;
}

/* Reads the others. */
static void read_ends(FILE *log, struct use *uses, size_t count, struct verdict *verdict)
{
    char line[200], kind;
    struct use wanted;
    int64_t time;
    while (fgets(line, sizeof line, log)) {
        if (*line == 'B')
            continue;
        if (sscanf(line, "%c %32s %" SCNd64, &kind, wanted.id, &time) != 3) {
            verdict->readable = false;
            continue;
        }
        struct use *use = count ? bsearch(&wanted, uses, count, sizeof *uses, by_id) : NULL;
        if (!use) {
            verdict->readable = false;
        } else if (kind == 'R') {
            verdict->renewals++;
            use->asked = time > use->asked ? time : use->asked;
        } else {
            use->end = time;
        }
    }
}

static void count_uses(const struct moment *moments, size_t count, struct verdict *verdict)
{
    unsigned now = 0;
    for (size_t i = 0; i < count; i++) {
        const struct use *use = moments[i].use;
        if (i && strcmp(use->key, moments[i - 1].use->key))
            now = 0;
        now = moments[i].begins ? now + 1 : now - 1;
        if (moments[i].begins && now > use->max && !verdict->too_many++)
            snprintf(verdict->first, sizeof verdict->first, "%s had %u workers at %" PRId64 ", with lease %s", use->key,
                     now, moments[i].time, use->id);
    }
}

void judge(const char *path, int64_t ttl, struct verdict *verdict)
{
    FILE *log = fopen(path, "r");
    *verdict = (struct verdict){.readable = log != NULL};
    if (!log)
        return;
    size_t moment_count = 0;
    struct use *uses = read_uses(log, verdict);
    rewind(log);
    read_ends(log, uses, verdict->leases, verdict);
    fclose(log);
    struct moment *moments = calloc(2 * verdict->leases + 1, sizeof *moments);
    if (!moments)
        abort();
    for (size_t i = 0; i < verdict->leases; i++) {
        int64_t last = uses[i].asked + ttl / 10 * 9, end = uses[i].end;
        verdict->unended += end < 0;
        if (end < 0 || end > last)
            end = last;
        if (end <= uses[i].from) /* the worker was stopped before it could use the proxy */
            continue;
        moments[moment_count++] = (struct moment){&uses[i], uses[i].from, true};
        moments[moment_count++] = (struct moment){&uses[i], end, false};
    }
    qsort(moments, moment_count, sizeof *moments, by_time);
    count_uses(moments, moment_count, verdict);
    free(moments);
    free(uses);
}
