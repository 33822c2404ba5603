/* SPDX-License-Identifier: MIT
 *
 * progress.h: a progress bar, or a line of counts, on a terminal.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <proxtier/proxtier.h>

struct progress {
    bool shown;
    double started, drawn;
};
/* Shows nothing where standard error is no terminal. */
void progress_start(struct progress *progress, bool wanted);
/* Draws the bar; `arg` is the progress. */
void progress_step(void *arg, uint64_t done, uint64_t total, const struct pxt_warm_counts *counts);
/* Draws what `proxtier check` has done. */
void progress_checked(struct progress *progress, uint64_t good, uint64_t failed, size_t in_flight);
void progress_end(struct progress *progress);
double progress_seconds(void);

#endif
