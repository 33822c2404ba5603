/* SPDX-License-Identifier: MIT
 *
 * calls.c: leads the calls of the workers, and has each answer judged.
 */
#include "calls.h"
#include <stdio.h>
#include <string.h>

bool is_busy(const struct replay *replay, unsigned p)
{
    return replay->player[p].call != CALL_NONE;
}

bool holds_lock(const struct replay *replay, unsigned p)
{
    enum call call = replay->player[p].call;
    return call == CALL_PUT || call == CALL_DELETE || call == CALL_GET || call == CALL_EVICT ||
           (call == CALL_PASS && worker(p)->access != ACCESS_VERSIONS) ||
           (call == CALL_CHECKPOINT && worker(p)->access != ACCESS_SYNC);
}

static void lost_worker(struct replay *replay, unsigned p)
{
    judge_wrong(&replay->promises, "worker %u has ended, or hangs", p);
    crew_kill(replay->crew, p);
    replay->player[p].call = CALL_NONE;
}

/* With nothing else going on, a call may not give up. */
static void judge_alone(struct replay *replay, unsigned p)
{
    const struct player *player = &replay->player[p];
    pxt_status status = worker(p)->status;
    bool answered =
        status == PXT_OK || (status == PXT_NOT_FOUND && player->call != CALL_PUT && player->call <= CALL_PEEK);
    if (!player->alone || answered || player->call == CALL_CHECKPOINT || player->call == CALL_DROP)
        return;
    judge_wrong(&replay->promises, "P4: with all tiers on, call %d answers status %d: %s", (int)player->call,
                (int)status, worker(p)->message);
}

/* What a damaged tier alone had is lost also to a change under way; and memory may have it until the damage is noticed. */
static bool is_somewhere(const struct replay *replay, unsigned change)
{
    if (!replay->schedule->config.damages)
        return true;
    unsigned key = replay->promises.change[change].key;
    for (unsigned t = 0; t < tiers(replay); t++)
        if (newest_image(&replay_board->shelf[t].place[key])->change >= change)
            return true;
    return false;
}

/* Judges a call that has returned. */
static void returned(struct replay *replay, unsigned p)
{
    struct player *player = &replay->player[p];
    const struct worker *w = worker(p);
    struct promises *promises = &replay->promises;
    pxt_status status = w->status;
    judge_alone(replay, p);
    if (strstr(w->message, "holds a lock"))
        judge_wrong(promises, "call %d of worker %u waits for a lock in vain", (int)player->call, p);
    if (replay->tell)
        printf("#     P%u: call %d returns %d, change %u\n", p, (int)player->call, (int)status, w->told_change[w->key]);
    switch (player->call) {
    case CALL_PUT:
    case CALL_DELETE:
        replay->fidelity->acked += status == PXT_OK;
        if (status != PXT_OK || is_somewhere(replay, player->change))
            judge_change(promises, &player->start, player->change, status);
        break;
    case CALL_GET:
    case CALL_PEEK:
        *(status == PXT_OK || status == PXT_NOT_FOUND ? &replay->fidelity->told : &replay->fidelity->refused) += 1;
        if (!w->told_change[w->key] || is_somewhere(replay, w->told_change[w->key]))
            judge_get(promises, &player->start, w->key, status, w->told_change[w->key], player->call == CALL_GET);
        break;
    case CALL_LIST:
        if (status == PXT_OK)
            judge_list(promises, &player->start, w->told_change, w->told_times);
        break;
    default:
        break;
    }
    player->call = CALL_NONE;
}

void go_on(struct replay *replay, unsigned p, enum route route)
{
    bool locks_next =
        !holds_lock(replay, p) && (replay->player[p].call == CALL_PASS || replay->player[p].call == CALL_CHECKPOINT);
    if (locks_next)
        make_way(replay, p);
    if (!crew_go_on(replay->crew, p, route))
        lost_worker(replay, p);
    else if (!worker(p)->running)
        returned(replay, p);
}

void begin_call(struct replay *replay, unsigned p)
{
    if (!crew_call(replay->crew, p))
        lost_worker(replay, p);
    else if (!worker(p)->running)
        returned(replay, p);
}

void finish(struct replay *replay, unsigned p)
{
    worker(p)->stops = 0;
    while (is_busy(replay, p))
        go_on(replay, p, ROUTE_SHELF);
}

void make_way(struct replay *replay, unsigned p)
{
    unsigned other = 1 - p;
    if (!is_busy(replay, other) || !holds_lock(replay, other))
        return;
    replay->fidelity->not_interleaved++;
    finish(replay, other);
}

pxt_status call_whole(struct replay *replay, unsigned p, enum call call, unsigned tier)
{
    worker(p)->call = call;
    worker(p)->tier = tier;
    worker(p)->stops = 0;
    if (crew_call(replay->crew, p))
        return worker(p)->status;
    lost_worker(replay, p);
    return PXT_EIO;
}

/* The first tier of the chain is memory. */
void learn_absences(struct replay *replay, unsigned p)
{
    for (unsigned t = 0; t < tiers(replay); t++) {
        bool away = replay_board->shelf[t].away;
        if (replay->player[p].off[t] != away &&
            call_whole(replay, p, away ? CALL_TIER_GOES : CALL_TIER_COMES, t + 1) != PXT_OK)
            judge_wrong(&replay->promises, "tier %u cannot be turned %s", t, away ? "off" : "on");
        replay->player[p].off[t] = away;
    }
}

void start_worker(struct replay *replay, unsigned p)
{
    if (!replay->crew->pid[p]) {
        make_way(replay, p);
        memset(replay->player[p].off, 0, sizeof replay->player[p].off);
        replay->player[0].alone = replay->player[1].alone = false;
        if (!crew_start(replay->crew, p, throw_dice(&replay->dice, 2)))
            lost_worker(replay, p);
    }
    if (replay->crew->pid[p])
        learn_absences(replay, p);
}
