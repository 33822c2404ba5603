/* SPDX-License-Identifier: MIT
 *
 * progress_page.h: memory that the runner shares with a check, its threads and its children: what they do now, so that the
 * runner can tell where they hang or crash.
 */
#ifndef CONFORMANCE_PROGRESS_PAGE_H
#define CONFORMANCE_PROGRESS_PAGE_H

#include "suite.h"

struct progress_page {
    unsigned seconds;                /* the time limit of a call */
    double call_seconds;             /* what a call of this plugin takes; 0: not measured yet */
    _Atomic double since;            /* when the last call began */
    const char *_Atomic operation;   /* its name: static text, at the same address in each process */
    _Atomic unsigned wanted, rounds; /* of the check: see rounds(); equal where it does all */
};
/* Made by the runner before the first check. */
extern struct progress_page *progress_page;

#define HANGS "it hangs in "
#define SKIPPED "\1" /* before the reason, when that is what a check says */

/* child.c: the process of one check. What goes wrong is written to `report`; it does not return. */
_Noreturn void run_child(const struct check *check, struct subject *subject, const char *folder, int report);

#endif
