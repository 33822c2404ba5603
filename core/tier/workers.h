/* SPDX-License-Identifier: MIT
 *
 * workers.h: a few threads that make calls for others, which wait for them no longer than they want. A thread is started when
 * it is needed first.
 */
#ifndef PXT_WORKERS_H
#define PXT_WORKERS_H

#include <proxtier/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { PXT_WORKERS_MAX = 64 };
struct pxt_workers;

/* A call; the first member of a larger struct, which was allocated. */
struct pxt_job {
    void (*run)(struct pxt_job *job);
    /* Called by the worker after a call that was not waited for any more: frees the job. `stopping`: its result is not wanted. */
    void (*left)(struct pxt_job *job, bool stopping);
    /* Of the pool. */
    struct pxt_job *next;
    pthread_cond_t ended;
    int state;
};
enum pxt_job_end {
    PXT_JOB_DONE,     /* it has run */
    PXT_JOB_GOES_ON,  /* it runs, and belongs to the pool from here on */
    PXT_JOB_NOT_BEGUN /* no thread was free: it does not run */
};

/* A pool of at most `max` threads, and at most PXT_WORKERS_MAX. NULL: out of memory. */
struct pxt_workers *pxt_workers_new(unsigned max);
/* Waits for the calls that go on, and ends the threads. NULL is allowed. */
void pxt_workers_free(struct pxt_workers *workers);
/* Has a job run by a thread of the pool, and waits for it that many microseconds. Runs it itself where no thread can be had, and in a
 * child that was forked. */
enum pxt_job_end pxt_workers_run(struct pxt_workers *workers, struct pxt_job *job, int64_t microseconds);

#endif
