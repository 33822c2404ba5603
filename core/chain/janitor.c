/* SPDX-License-Identifier: MIT
 *
 * janitor.c: wakes at intervals, removes expired entries, writes hits down and maintains the tiers.
 */
#include "chain/janitor.h"
#include "base/fail.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

/* Waits for the next interval. False if the thread is to stop. */
static bool wait_for_turn(struct pxt_janitor *janitor)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(janitor->interval_ms / 1000);
    until.tv_nsec += (long)(janitor->interval_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&janitor->lock);
    while (!janitor->stop && pthread_cond_timedwait(&janitor->wake, &janitor->lock, &until) != ETIMEDOUT) {
    }
    bool go_on = !janitor->stop;
    pthread_mutex_unlock(&janitor->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct pxt_janitor *janitor = arg;
    while (wait_for_turn(janitor)) {
        uint64_t expired;
        pxt_chain_expire(janitor->chain, &expired, NULL);
        pxt_chain_write_accesses(janitor->chain, NULL);
        pxt_chain_maintain(janitor->chain);
    }
    return NULL;
}

pxt_status pxt_janitor_start(struct pxt_janitor *janitor, struct pxt_chain *chain, int64_t interval_ms,
                             struct pxt_error *error)
{
    pthread_condattr_t attributes;
    sigset_t all, before;
    janitor->chain = chain;
    janitor->interval_ms = interval_ms;
    pthread_mutex_init(&janitor->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&janitor->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&janitor->thread, NULL, run, janitor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    janitor->running = !code;
    if (!code)
        return PXT_OK;
    pthread_cond_destroy(&janitor->wake);
    pthread_mutex_destroy(&janitor->lock);
    return pxt_fail(error, PXT_ENOMEM, code, "cannot start the janitor's thread: set cleanup.background to false");
}

void pxt_janitor_stop(struct pxt_janitor *janitor)
{
    if (!janitor->running)
        return;
    pthread_mutex_lock(&janitor->lock);
    janitor->stop = true;
    pthread_cond_signal(&janitor->wake);
    pthread_mutex_unlock(&janitor->lock);
    pthread_join(janitor->thread, NULL);
    pthread_cond_destroy(&janitor->wake);
    pthread_mutex_destroy(&janitor->lock);
    janitor->running = false;
}
