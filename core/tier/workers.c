/* SPDX-License-Identifier: MIT
 *
 * workers.c: a queue of jobs and the threads that take them. One lock, a leaf: no job runs under it.
 */
#include "tier/workers.h"
#include "base/alloc.h"
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum state { QUEUED, RUNNING, LEFT, ENDED };

struct pxt_workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct pxt_job *first, **last;
    unsigned queued, idle, count, max;
    bool stop;
    pid_t process; /* a child has none of the threads, and perhaps a lock that is taken for ever */
    pthread_t thread[PXT_WORKERS_MAX];
};

struct pxt_workers *pxt_workers_new(unsigned max)
{
    struct pxt_workers *workers = pxt_alloc(sizeof *workers);
    if (!workers)
        return NULL;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    workers->last = &workers->first;
    workers->max = max < PXT_WORKERS_MAX ? max : PXT_WORKERS_MAX;
    workers->process = getpid();
    return workers;
}

void pxt_workers_free(struct pxt_workers *workers)
{
    if (!workers)
        return;
    if (workers->process == getpid()) {
        pthread_mutex_lock(&workers->lock);
        workers->stop = true;
        pthread_cond_broadcast(&workers->work);
        pthread_mutex_unlock(&workers->lock);
        for (unsigned i = 0; i < workers->count; i++)
            pthread_join(workers->thread[i], NULL);
        pthread_cond_destroy(&workers->work);
        pthread_mutex_destroy(&workers->lock);
    }
    pxt_free(workers);
}

/* With the lock. */
static void take_off(struct pxt_workers *workers, const struct pxt_job *job)
{
    struct pxt_job **place = &workers->first;
    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
    if (workers->last == &job->next)
        workers->last = place;
    workers->queued--;
}

/* Runs the first job. The lock is held, but not while the job runs. */
static void run_first(struct pxt_workers *workers)
{
    struct pxt_job *job = workers->first;
    take_off(workers, job);
    job->state = RUNNING;
    pthread_mutex_unlock(&workers->lock);
    job->run(job);
    pthread_mutex_lock(&workers->lock);
    if (job->state == LEFT) {
        bool stopping = workers->stop;
        pthread_mutex_unlock(&workers->lock);
        pthread_cond_destroy(&job->ended);
        job->left(job, stopping);
        pthread_mutex_lock(&workers->lock);
    } else {
        job->state = ENDED;
        pthread_cond_signal(&job->ended);
    }
}

static void *work(void *arg)
{
    struct pxt_workers *workers = arg;
    pthread_mutex_lock(&workers->lock);
    while (workers->first || !workers->stop) {
        if (workers->first) {
            run_first(workers);
            continue;
        }
        workers->idle++;
        pthread_cond_wait(&workers->work, &workers->lock);
        workers->idle--;
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* With the lock. Returns whether there is a thread. */
static bool have_thread(struct pxt_workers *workers)
{
    sigset_t all, before;
    if (workers->queued <= workers->idle || workers->count >= workers->max)
        return workers->count;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    workers->count += !pthread_create(&workers->thread[workers->count], NULL, work, workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return workers->count;
}

static bool init_ended(struct pxt_job *job)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes))
        return false;
    bool made =
        !pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) && !pthread_cond_init(&job->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    return made;
}

static struct timespec after(int64_t microseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(microseconds / 1000000);
    until.tv_nsec += (long)(microseconds % 1000000 * 1000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* Waits, with the lock, for a job in the queue. */
static enum pxt_job_end wait_for(struct pxt_workers *workers, struct pxt_job *job, int64_t microseconds)
{
    struct timespec until = after(microseconds);
    int code = 0;
    while (job->state != ENDED && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&job->ended, &workers->lock, &until);
    if (job->state == ENDED)
        return PXT_JOB_DONE;
    if (job->state == RUNNING) {
        job->state = LEFT;
        return PXT_JOB_GOES_ON;
    }
    take_off(workers, job);
    return PXT_JOB_NOT_BEGUN;
}

static enum pxt_job_end run_here(struct pxt_job *job)
{
    job->run(job);
    return PXT_JOB_DONE;
}

enum pxt_job_end pxt_workers_run(struct pxt_workers *workers, struct pxt_job *job, int64_t microseconds)
{
    enum pxt_job_end end = PXT_JOB_NOT_BEGUN;
    int cancel_state;
    if (workers->process != getpid() || !init_ended(job))
        return run_here(job);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
                           &cancel_state); /* a thread that is cancelled would leave its job in the queue */
    pthread_mutex_lock(&workers->lock);
    job->state = QUEUED;
    job->next = NULL;
    *workers->last = job;
    workers->last = &job->next;
    workers->queued++;
    bool good = have_thread(workers);
    if (good) {
        pthread_cond_signal(&workers->work);
        end = wait_for(workers, job, microseconds);
    } else {
        take_off(workers, job);
    }
    pthread_mutex_unlock(&workers->lock);
    if (end != PXT_JOB_GOES_ON)
        pthread_cond_destroy(&job->ended);
    pthread_setcancelstate(cancel_state, NULL);
    return good ? end : run_here(job);
}
