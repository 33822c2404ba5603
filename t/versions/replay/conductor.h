/* SPDX-License-Identifier: MIT
 *
 * conductor.h: replays one schedule in the real core.
 */
#ifndef PXT_REPLAY_CONDUCTOR_H
#define PXT_REPLAY_CONDUCTOR_H

#include "../walk.h"
#include "crew.h"
#include "judge.h"

/* How far the calls of the core went with the steps of the model. */
struct fidelity {
    uint64_t schedules, steps, calls, kills;
    uint64_t accesses[ACTIONS], met[ACTIONS]; /* of the model, and those that the core made when the model did */
    uint64_t faults, faults_met;              /* faults of the model, and those that met an access */
    uint64_t not_interleaved;      /* calls that ended before another one, for the core holds the key's lock in both */
    uint64_t acked, told, refused; /* changes that were acknowledged, gets that gave an answer, and that gave none */
};

struct player {
    enum call call; /* CALL_NONE: idle */
    bool alone;     /* no step of the other one comes into the call, and no fault did */
    unsigned change;
    struct start start;
    bool off[SHELVES]; /* the tiers that the process knows to be off */
};

struct replay {
    const struct schedule *schedule;
    unsigned at; /* the step */
    bool tell;
    struct crew *crew;
    struct player player[WORKERS];
    struct promises promises;
    bool shaken; /* something goes on that is in no call */
    struct fidelity *fidelity;
    uint64_t dice;
};

/* Prepares the board for schedules of a setting: empty tiers, and the configuration of the pool. The folder is there. */
void conductor_set_up(const struct config *config, unsigned variant);
/* Replays a schedule; the workers may be there from the one before it. Returns NULL, or what is wrong. */
const char *conductor_replay(struct replay *replay, unsigned pair);

#endif
