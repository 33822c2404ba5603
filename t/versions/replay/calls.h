/* SPDX-License-Identifier: MIT
 *
 * calls.h: the calls of the workers in a replay: begun, led from access to access, finished and judged.
 */
#ifndef PXT_REPLAY_CALLS_H
#define PXT_REPLAY_CALLS_H

#include "conductor.h"

static inline struct worker *worker(unsigned p)
{
    return &replay_board->worker[p];
}

static inline unsigned tiers(const struct replay *replay)
{
    return replay->schedule->config.tiers;
}

bool is_busy(const struct replay *replay, unsigned p);
/* Whether a call that stands before an access holds the lock of the keys. */
bool holds_lock(const struct replay *replay, unsigned p);
/* The core holds the lock of the key where the model holds none: then the other call ends first. */
void make_way(struct replay *replay, unsigned p);
/* Starts a worker, if it is not there, and has it notice which tiers are off. It is idle. */
void start_worker(struct replay *replay, unsigned p);
/* Has an idle worker notice which tiers are off, and which are on again. */
void learn_absences(struct replay *replay, unsigned p);

/* Begins the call that stands in the worker, up to its first access. */
void begin_call(struct replay *replay, unsigned p);
/* Lets a worker go on to its next stop. If the call returns, it is judged. */
void go_on(struct replay *replay, unsigned p, enum route route);
/* Lets a call go on to its end. */
void finish(struct replay *replay, unsigned p);
/* Makes a call whose accesses are not stepped, in an idle worker. */
pxt_status call_whole(struct replay *replay, unsigned p, enum call call, unsigned tier);

#endif
