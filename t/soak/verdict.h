/* SPDX-License-Identifier: MIT
 *
 * verdict.h: says whether what the processes of a soak were told can be true. Of the
 * library it knows the statuses only.
 *
 * A key is a register for the processes of one host. A change is known there once it was acknowledged there, or its value was
 * got there. What ended before a known change began is superseded: no later get of that host may answer with it. At rest this
 * holds for what both hosts know together.
 */
#ifndef SOAK_VERDICT_H
#define SOAK_VERDICT_H

#include "journal.h"

#define FAULTS(X)                                                                                                      \
    X(SUPERSEDED, "an answer had been replaced before")                                                                \
    X(BACK, "what was deleted came back")                                                                              \
    X(LOST, "what was put is missing")                                                                                 \
    X(INVENTED, "an answer was never put")                                                                             \
    X(VERSION_BACK, "a version went back")                                                                             \
    X(TWO_VALUES, "two values have one version")                                                                       \
    X(REPORTS_LOST, "acknowledged reports are missing")                                                                \
    X(REPORTS_MANY, "more reports count than were made")                                                               \
    X(UNEQUAL, "at rest, places have different answers")                                                               \
    X(LEASED_TWICE, "a proxy had too many leases at once")                                                             \
    X(LEASE_LOST, "a lease ended early")
enum fault {
#define X(id, text) FAULT_##id,
    FAULTS(X)
#undef X
        FAULT_COUNT
};
extern const char *const fault_text[FAULT_COUNT];

struct findings {
    size_t faults[FAULT_COUNT];
    char first[FAULT_COUNT][300]; /* the first of each kind */
};
void found(struct findings *findings, enum fault fault, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Judges puts, deletes, gets and reports. Sorts the events. `apart`: a set of hosts, 1 << number, without files: what one process
 * of such a host got from the server the others may still have older in memory, until the notice of the change comes. */
void judge_keys(struct event *events, size_t count, unsigned apart, struct findings *findings);
/* Judges leases; `path` is a file for its notes. */
void judge_leases(const struct event *events, size_t count, const char *path, struct findings *findings);

#endif
