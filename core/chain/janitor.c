/* SPDX-License-Identifier: MIT
 *
 * janitor.c: wakes at intervals, removes expired entries, writes hits down and maintains the tiers. Between
 * its turns it does what a get leaves to it: it probes tiers that are off, and writes hits if they are many.
 */
#include "chain/janitor.h"
#include "base/fail.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

enum turn { TURN_STOP, TURN_CALLED, TURN_ALL };

/* Returns the time of the next turn. */
static struct timespec next_turn(const struct pxt_janitor *janitor)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(janitor->interval_ms / 1000);
    until.tv_nsec += (long)(janitor->interval_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* Waits for the next turn, or until a get calls. */
static enum turn wait_for_turn(struct pxt_janitor *janitor, const struct timespec *until)
{
    int code = 0;
    pthread_mutex_lock(&janitor->lock);
    while (!janitor->stop && !atomic_load(&janitor->called) && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&janitor->wake, &janitor->lock, until);
    enum turn turn = janitor->stop ? TURN_STOP : code == ETIMEDOUT ? TURN_ALL : TURN_CALLED;
    pthread_mutex_unlock(&janitor->lock);
    return turn;
}

static void *run(void *arg)
{
    struct pxt_janitor *janitor = arg;
    struct timespec until = next_turn(janitor);
    for (enum turn turn; (turn = wait_for_turn(janitor, &until)) != TURN_STOP;) {
        uint64_t expired;
        atomic_store(&janitor->called, false);
        if (turn == TURN_CALLED) {
            pxt_chain_probe_down_tiers(janitor->chain);
            pxt_access_write_many(janitor->chain);
            continue;
        }
        pxt_chain_expire(janitor->chain, &expired, NULL);
        pxt_chain_write_accesses(janitor->chain, NULL);
        pxt_chain_maintain(janitor->chain);
        until = next_turn(janitor);
    }
    return NULL;
}

/* Has the thread do what a get leaves to it. */
static void call(void *arg)
{
    struct pxt_janitor *janitor = arg;
    if (atomic_exchange(&janitor->called, true))
        return;
    pthread_mutex_lock(&janitor->lock);
    pthread_cond_signal(&janitor->wake);
    pthread_mutex_unlock(&janitor->lock);
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
    chain->call_janitor_arg = janitor;
    chain->call_janitor = call;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&janitor->thread, NULL, run, janitor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    janitor->running = !code;
    if (!code)
        return PXT_OK;
    chain->call_janitor = NULL;
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
    janitor->chain->call_janitor = NULL;
    pthread_cond_destroy(&janitor->wake);
    pthread_mutex_destroy(&janitor->lock);
    janitor->running = false;
}
