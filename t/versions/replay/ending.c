/* SPDX-License-Identifier: MIT
 *
 * ending.c: the end of a schedule.
 */
#include "ending.h"
#include "calls.h"
#include "events.h"
#include "pool.h"

/* All tiers are on, and nothing else goes on: a pass ends all doubt (P4). */
static void end_doubt(struct replay *replay, unsigned p)
{
    enum { PASSES = 4 };
    unsigned doubt = pool_doubt(tiers(replay));
    for (int i = 0; i < PASSES && doubt; i++) {
        call_whole(replay, p, CALL_PASS, 0);
        doubt = pool_doubt(tiers(replay));
    }
    if (doubt)
        judge_wrong(&replay->promises, "P4: all tiers are on, and tiers %#x stay in doubt: %s", doubt,
                    worker(p)->message);
}

/* Every process reads the same. */
static void read_all(struct replay *replay, unsigned told[SHELF_KEYS])
{
    for (unsigned k = 0; k < SHELF_KEYS; k++)
        for (unsigned p = 0; p < WORKERS; p++) {
            struct start start;
            judge_start(&replay->promises, &start);
            worker(p)->key = k;
            pxt_status status = call_whole(replay, p, CALL_GET, 0);
            unsigned change = worker(p)->told_change[k];
            judge_get(&replay->promises, &start, k, status, change, true);
            if (status != PXT_OK && status != PXT_NOT_FOUND)
                judge_wrong(&replay->promises, "P4: key %u stays unreadable: %s", k, worker(p)->message);
            else if (p && change != told[k])
                judge_wrong(&replay->promises, "at the end P0 reads change %u of key %u, P1 change %u", told[k], k,
                            change);
            told[k] = change;
        }
}

static void compare_at_end(struct replay *replay, unsigned p)
{
    unsigned told[SHELF_KEYS] = {0};
    judge_tiers(&replay->promises, tiers(replay), pool_doubt(tiers(replay)));
    read_all(replay, told);
    pxt_status status = call_whole(replay, 1 - p, CALL_LIST, 0);
    if (status != PXT_OK)
        judge_wrong(&replay->promises, "P5: with all tiers on a list answers %s", worker(1 - p)->message);
    for (unsigned k = 0; k < SHELF_KEYS; k++)
        if (worker(1 - p)->told_change[k] != told[k] || worker(1 - p)->told_times[k] != (told[k] != 0))
            judge_wrong(&replay->promises, "P5: at the end key %u is listed as change %u, and read as change %u", k,
                        worker(1 - p)->told_change[k], told[k]);
}

/* Stores a checkpoint. That a sync has failed before may be told only now, and puts all in doubt. */
static void store_checkpoint(struct replay *replay, unsigned p)
{
    enum { TRIES = 4 };
    pxt_status status = PXT_EIO;
    for (int i = 0; i < TRIES && status; i++) {
        end_doubt(replay, p);
        status = call_whole(replay, p, CALL_CHECKPOINT, 0);
    }
    if (status)
        judge_wrong(&replay->promises, "with all tiers on no checkpoint can be stored: %s", worker(p)->message);
}

static void bring_all_back(struct replay *replay)
{
    for (unsigned t = 0; t < tiers(replay); t++)
        come_back(replay, t);
    for (unsigned p = 0; p < WORKERS && !*replay->promises.wrong; p++) {
        start_worker(replay, p);
        for (unsigned t = 0; t < tiers(replay) && replay->crew->pid[p]; t++)
            call_whole(replay, p, CALL_TIER_COMES, t + 1);
    }
}

void replay_end(struct replay *replay)
{
    unsigned p = throw_dice(&replay->dice, 2);
    for (unsigned i = 0; i < WORKERS; i++)
        finish(replay, i);
    bring_all_back(replay);
    if (*replay->promises.wrong)
        return;
    end_doubt(replay, p);
    compare_at_end(replay, p);
    store_checkpoint(replay, p);
    store_checkpoint(replay, 1 - p);
    call_whole(replay, p, CALL_DROP, 0);
    judge_tiers(&replay->promises, tiers(replay), pool_doubt(tiers(replay)));
}
