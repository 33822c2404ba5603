/* SPDX-License-Identifier: MIT
 *
 * progress.c: drawn at most ten times a second, wiped at the end.
 */
#include "progress.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

double progress_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_start(struct progress *progress, bool wanted)
{
    progress->shown = wanted && isatty(STDERR_FILENO);
    progress->started = progress_seconds();
    progress->drawn = 0;
}

/* Whether it is time to draw again: ten times a second. */
static bool is_due(struct progress *progress, double now)
{
    bool due = progress->shown && now - progress->drawn >= 0.1;
    if (due)
        progress->drawn = now;
    return due;
}

void progress_step(void *arg, uint64_t done, uint64_t total, const struct pxt_warm_counts *counts)
{
    struct progress *progress = arg;
    enum { WIDTH = 30 };
    double now = progress_seconds(), spent = now - progress->started;
    if (!is_due(progress, now))
        return;
    uint64_t stored = counts->loaded + counts->updated + counts->duplicate;
    if (!total) {
        fprintf(stderr, "\r%llu stored, %.0f a second\033[K", (unsigned long long)stored,
                spent > 0 ? (double)stored / spent : 0);
        return;
    }
    double part = done < total ? (double)done / (double)total : 1;
    int filled = (int)(part * WIDTH);
    fputs("\r[", stderr);
    for (int i = 0; i < WIDTH; i++)
        fputc(i < filled ? '#' : ' ', stderr);
    fprintf(stderr, "] %3.0f %% %llu stored, %.0f s left\033[K", part * 100, (unsigned long long)stored,
            part > 0 ? spent / part - spent : 0);
}

void progress_checked(struct progress *progress, uint64_t good, uint64_t failed, size_t in_flight)
{
    double now = progress_seconds(), spent = now - progress->started;
    if (is_due(progress, now))
        fprintf(stderr, "\r%llu good, %llu failed, %zu in flight, %.0f a second\033[K", (unsigned long long)good,
                (unsigned long long)failed, in_flight, spent > 0 ? (double)(good + failed) / spent : 0);
}

void progress_end(struct progress *progress)
{
    if (progress->shown && progress->drawn > 0)
        fputs("\r\033[K", stderr);
}
