/* SPDX-License-Identifier: MIT
 *
 * conductor.c: leads the workers through a schedule. Each operation of the model is a call of the core, and each access to a
 * tier in the model lets the call go on by one access of the same kind. What the model does in another order, or not at
 * all, the call does when the operation of the model ends. README.md has the mapping.
 */
#include "conductor.h"
#include "calls.h"
#include "ending.h"
#include "events.h"
#include "pool.h"
#include <stdio.h>

/* ---- beginnings -------------------------------------------------------------------------------------------------- */

/* Whether a get may take the lock of its key: no other call needs it before the get ends. Else it is made a peek, which
 * takes none, as the get of the model does. */
static bool may_lock(const struct replay *replay, unsigned p)
{
    const struct schedule *schedule = replay->schedule;
    if (is_busy(replay, 1 - p))
        return schedule->step[replay->at].ends && !holds_lock(replay, 1 - p);
    for (unsigned i = replay->at; i < schedule->count; i++) {
        const struct step *step = &schedule->step[i];
        if (step->process == p && step->ends)
            return true;
        if (step->process == 1 - p && step->action <= BEGIN_CHECKPOINT && step->action != BEGIN_LIST)
            return false;
    }
    return true;
}

static enum call call_of(const struct replay *replay, const struct step *step)
{
    switch (step->action) {
    case BEGIN_PUT:
        return CALL_PUT;
    case BEGIN_DELETE:
        return CALL_DELETE;
    case BEGIN_GET:
        return may_lock(replay, step->process) ? CALL_GET : CALL_PEEK;
    case BEGIN_LIST:
        return CALL_LIST;
    case BEGIN_EVICT:
        return CALL_EVICT;
    case BEGIN_PASS:
        return CALL_PASS;
    default:
        return CALL_CHECKPOINT;
    }
}

static unsigned stops_of(enum call call)
{
    switch (call) {
    case CALL_PUT:
    case CALL_DELETE:
    case CALL_EVICT:
        return ACCESS_CHANGES;
    case CALL_LIST:
        return ACCESS_EACH;
    case CALL_CHECKPOINT:
        return ACCESS_SYNC | ACCESS_RECORD;
    default:
        return ACCESS_GET | ACCESS_VERSIONS | ACCESS_CHANGES;
    }
}

/* An entry lives long, unless it expires in this schedule. */
static int64_t ttl_of(const struct replay *replay, unsigned model_change)
{
    for (unsigned i = replay->at; i < replay->schedule->count; i++)
        if (replay->schedule->step[i].action == EXPIRE && replay->schedule->step[i].change == model_change)
            return SHORT_TTL;
    return LONG_TTL;
}

static void access_tier(struct replay *replay, const struct step *step, unsigned action);

/* The janitor drops what is dead, and stores a checkpoint if it can, whenever its time has come. */
static void wake_janitor(struct replay *replay, unsigned p)
{
    enum call other = replay->player[1 - p].call;
    if (replay->schedule->config.checkpoint && replay->crew->pid[p] && other != CALL_PASS && other != CALL_CHECKPOINT &&
        !throw_dice(&replay->dice, 8))
        call_whole(replay, p, CALL_DROP, 0);
}

static void begin(struct replay *replay, const struct step *step)
{
    unsigned p = step->process;
    struct player *player = &replay->player[p];
    enum call call = call_of(replay, step);
    if (call != CALL_PEEK && call != CALL_LIST)
        make_way(replay, p);
    start_worker(replay, p);
    if (!replay->crew->pid[p])
        return;
    wake_janitor(replay, p);
    struct worker *w = worker(p);
    w->call = player->call = call;
    w->key = step->key;
    w->tier = step->tier + 1u;
    w->stops = stops_of(call);
    judge_start(&replay->promises, &player->start);
    if (call == CALL_PUT || call == CALL_DELETE) {
        player->change = w->change = judge_begin_change(&replay->promises, step->key, call == CALL_DELETE);
        w->ttl = ttl_of(replay, w->change);
    }
    replay->player[1 - p].alone = false;
    player->alone = !is_busy(replay, 1 - p) && !replay->shaken;
    replay->fidelity->calls++;
    begin_call(replay, p);
    if (step->reads)
        access_tier(replay, step, READ_TIER);
}

/* ---- accesses ---------------------------------------------------------------------------------------------------- */

static enum route route_of(unsigned fault)
{
    switch (fault) {
    case WRITE_REFUSED:
        return ROUTE_REFUSED;
    case WRITE_LOST:
    case WRITE_LATE:
        return ROUTE_LOST;
    case WRITE_DONE:
        return ROUTE_DONE;
    case SYNC_FAILS:
        return ROUTE_SYNC_FAILS;
    default:
        return ROUTE_SHELF;
    }
}

/* Lets the call go on to its next access that is one of `kinds`, past those of `others`, and past the end of the last. */
static void go_to(struct replay *replay, unsigned p, unsigned kinds, unsigned others)
{
    const struct worker *w = worker(p);
    while (is_busy(replay, p) && !(w->access & kinds) && (!w->access || (w->access & others))) {
        go_on(replay, p, ROUTE_SHELF);
    }
}

/* The call makes the access that the model makes, if it comes to one of its kind. A write has to be to the same tier. */
static void access_tier(struct replay *replay, const struct step *step, unsigned action)
{
    unsigned p = step->process;
    unsigned kinds = action == READ_TIER    ? ACCESS_READ
                     : action == WRITE_TIER ? ACCESS_WRITE
                     : action == SYNC_TIER  ? ACCESS_SYNC
                                            : ACCESS_RECORD;
    replay->fidelity->accesses[action]++;
    replay->fidelity->faults += step->fault != NO_FAULT;
    replay->player[1 - p].alone = false;
    /* The model syncs for a checkpoint only where power may fail; the core always does. */
    go_to(replay, p, kinds, action == READ_TIER ? 0 : ACCESS_READ | (kinds == ACCESS_RECORD ? ACCESS_SYNC : 0));
    const struct worker *w = worker(p);
    if (!is_busy(replay, p) || !(w->access & kinds) || (action == WRITE_TIER && w->access_tier != step->tier))
        return;
    replay->fidelity->met[action]++;
    replay->fidelity->faults_met += step->fault != NO_FAULT;
    if (step->fault)
        replay->player[p].alone = false;
    replay->shaken |= step->fault == SYNC_FAILS; /* other processes are told of that later */
    go_on(replay, p, route_of(step->fault));
}

/* ---- a schedule -------------------------------------------------------------------------------------------------- */

static void play(struct replay *replay, const struct step *step)
{
    if (step->process == PROCESSES || step->action == KILL) {
        replay_event(replay, step);
        return;
    }
    if (step->action <= BEGIN_CHECKPOINT)
        begin(replay, step);
    else if (step->action != GO_ON)
        access_tier(replay, step, step->action);
    if (step->ends && !*replay->promises.wrong)
        finish(replay, step->process);
}

/* The clock goes on by a millisecond, or is set back by some seconds: not where an entry that has expired would live again. */
static void step_clock(struct replay *replay)
{
    bool back = !replay->schedule->config.expiries && !throw_dice(&replay->dice, 16);
    replay_board->now += back ? -5 * PXT_SECOND : PXT_SECOND / 1000;
}

const char *conductor_replay(struct replay *replay, unsigned pair)
{
    const struct schedule *schedule = replay->schedule;
    pool_take_keys(pair);
    replay->player[0].call = replay->player[1].call = CALL_NONE;
    replay->fidelity->schedules++;
    for (unsigned t = 0; t < tiers(replay);
         t++) /* a process may be told only now of what failed in an earlier schedule */
        replay->shaken |= replay_board->shelf[t].sync_errors;
    for (replay->at = 0; replay->at < schedule->count && !*replay->promises.wrong; replay->at++) {
        step_clock(replay);
        replay->fidelity->steps++;
        if (replay->tell)
            printf("#   step %u\n", replay->at + 1);
        play(replay, &schedule->step[replay->at]);
        judge_tiers(&replay->promises, tiers(replay), pool_doubt(tiers(replay)));
    }
    if (!*replay->promises.wrong)
        replay_end(replay);
    return *replay->promises.wrong ? replay->promises.wrong : NULL;
}
