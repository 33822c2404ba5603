/* SPDX-License-Identifier: MIT
 *
 * events.c: what happens by itself in a schedule.
 */
#include "events.h"
#include "calls.h"
#include "pool.h"
#include <string.h>

static void kill_worker(struct replay *replay, unsigned p)
{
    replay->fidelity->kills += replay->crew->pid[p] != 0;
    crew_kill(replay->crew, p);
    replay->player[p].call = CALL_NONE;
    memset(replay->player[p].off, 0, sizeof replay->player[p].off);
}

static void expire(struct replay *replay, const struct step *step)
{
    replay_board->now += (SHORT_TTL + 1) * PXT_SECOND;
    if (step->change <= replay->promises.changes)
        replay->promises.change[step->change].expired = true;
}

/* A process that is idle drops what is dead up to the checkpoint: from all tiers. */
static void drop(struct replay *replay)
{
    for (unsigned p = 0; p < WORKERS; p++)
        if (replay->crew->pid[p] && !is_busy(replay, p)) {
            learn_absences(replay, p);
            call_whole(replay, p, CALL_DROP, 0);
            return;
        }
}

static void damage(struct replay *replay, const struct step *step)
{
    struct promises *promises = &replay->promises;
    pool_damage(step->tier, step->key);
    replay->shaken = true;
    judge_lost(promises, tiers(replay), step->key);
    for (unsigned p = 0; p < WORKERS; p++) {
        struct start *start = &replay->player[p].start;
        start->acked[step->key] = promises->acked[step->key] ? start->acked[step->key] : 0;
        start->seen[step->key] = promises->seen[step->key] ? start->seen[step->key] : 0;
    }
}

void come_back(struct replay *replay, unsigned tier)
{
    unsigned p = replay->crew->pid[0] && !is_busy(replay, 0) ? 0 : 1;
    if (replay_board->shelf[tier].damaged) {
        finish(replay, p);
        start_worker(replay, p); /* which finds the tier off */
        make_way(replay, p);
    }
    replay_board->shelf[tier].away = false;
    if (!replay_board->shelf[tier].damaged || !replay->crew->pid[p])
        return;
    call_whole(replay, p, throw_dice(&replay->dice, 2) ? CALL_PROBE : CALL_TIER_COMES, tier + 1);
    replay->player[p].off[tier] = false;
}

static void lose_power(struct replay *replay, const struct step *step)
{
    for (unsigned p = 0; p < WORKERS; p++)
        kill_worker(replay, p);
    pool_lose_power(step, &replay->dice);
    judge_power(&replay->promises, replay->schedule->config.sync);
}

void replay_event(struct replay *replay, const struct step *step)
{
    replay->player[0].alone = replay->player[1].alone = false;
    switch (step->action) {
    case KILL:
        kill_worker(replay, step->process);
        break;
    case TIER_GOES:
        replay_board->shelf[step->tier].away = true;
        replay->shaken = true; /* until the end: a failure in between may have turned it off for one process only */
        break;
    case TIER_COMES:
        come_back(replay, step->tier);
        break;
    case EXPIRE:
        expire(replay, step);
        break;
    case DROP_TOMBSTONE:
        drop(replay);
        break;
    case DAMAGE_TIER:
        damage(replay, step);
        break;
    case LOSE_POWER:
        lose_power(replay, step);
        break;
    default:
        break;
    }
}
