/* SPDX-License-Identifier: MIT
 *
 * leases.c: writes the notes of leases for the judge of leases (t/lease/judge.h), and finds leases that ended before their time.
 */
#include "../lease/judge.h"
#include "pool.h"
#include "verdict.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int by_lease(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static bool is_of_lease(const struct event *event)
{
    return event->call == CALL_RELEASE || ((event->call == CALL_LEASE || event->call == CALL_RENEW) &&
                                           event->status <= PXT_NOT_FOUND && event->key >= 0);
}

/* Writes a note in microseconds: the end of a lease is rounded down, its begin up. */
static void write_note(FILE *log, const struct event *event)
{
    int64_t begin = event->begin / 1000, end = event->end / 1000 + 1;
    if (event->call == CALL_LEASE)
        fprintf(log, "B %d key%d %u %" PRId64 " %" PRId64 "\n", event->value, event->key, lease_limit(event->key),
                begin, end);
    else if (event->call == CALL_RELEASE || event->status == PXT_NOT_FOUND) /* given back, or known to be lost */
        fprintf(log, "E %d %" PRId64 "\n", event->value, begin);
    else
        fprintf(log, "R %d %" PRId64 "\n", event->value, begin);
}

/* A worker that is told in good time that it has lost a lease was told before that it has it. */
static void judge_end(const struct event *event, int64_t asked, struct findings *findings)
{
    const int64_t lasts = (int64_t)LEASE_TTL * 1000000000 / 10 * 9;
    if (event->call == CALL_RENEW && event->status == PXT_NOT_FOUND && event->end < asked + lasts)
        found(findings, FAULT_LEASE_LOST, "lease %d of key%d, asked for at %" PRId64 ", lost at %" PRId64 " ns",
              event->value, event->key, asked, event->end);
}

void judge_leases(const struct event *events, size_t count, const char *path, struct findings *findings)
{
    struct verdict verdict;
    const struct event **event = calloc(count + 1, sizeof *event);
    FILE *log = fopen(path, "w");
    size_t of_leases = 0;
    int64_t asked = 0;
    if (!event || !log)
        abort();
    for (size_t i = 0; i < count; i++)
        if (is_of_lease(&events[i]))
            event[of_leases++] = &events[i];
    qsort(event, of_leases, sizeof *event, by_lease);
    for (size_t i = 0; i < of_leases; i++) {
        write_note(log, event[i]);
        judge_end(event[i], asked, findings);
        if (event[i]->call != CALL_RELEASE && event[i]->status == PXT_OK)
            asked = event[i]->begin;
    }
    free(event);
    if (fclose(log))
        abort();
    judge(path, (int64_t)LEASE_TTL * 1000000, &verdict);
    if (!verdict.readable)
        found(findings, FAULT_LEASED_TWICE, "the notes in %s cannot be read", path);
    for (size_t i = 0; i < verdict.too_many; i++)
        found(findings, FAULT_LEASED_TWICE, "%s", verdict.first);
}
