/* SPDX-License-Identifier: MIT
 *
 * walk.h: schedules: walks through the states that the search goes through, step by step, for a replay in the real core.
 */
#ifndef PXT_VERSIONS_WALK_H
#define PXT_VERSIONS_WALK_H

#include "settings.h"

enum { SCHEDULE_STEPS = 48 };

enum action {
    /* of a process: its operation begins. The first access to a tier may be part of it: see `reads`. */
    BEGIN_PUT,
    BEGIN_DELETE,
    BEGIN_GET,
    BEGIN_LIST,
    BEGIN_EVICT,
    BEGIN_PASS,
    BEGIN_CHECKPOINT,
    /* its operation goes on: with an access to `tier`, or with none */
    READ_TIER,
    WRITE_TIER,
    SYNC_TIER,
    STORE_CHECKPOINT,
    GO_ON,
    /* of the world */
    KILL,
    TIER_GOES,
    TIER_COMES,
    EXPIRE,
    DROP_TOMBSTONE,
    DAMAGE_TIER,
    LOSE_POWER,
    ACTIONS
};

struct step {
    uint8_t action;  /* enum action */
    uint8_t process; /* PROCESSES: none */
    uint8_t tier, key;
    uint8_t change;             /* EXPIRE: its number */
    uint8_t fault;              /* enum fault: what the tier does with the write or the sync */
    uint8_t ends;               /* the operation of the process is over */
    uint8_t reads;              /* a beginning that reads `tier` as well */
    uint8_t image[KEYS][TIERS]; /* LOSE_POWER: the change that each tier has afterwards */
};

struct schedule {
    struct config config;
    unsigned count;
    struct step step[SCHEDULE_STEPS];
    uint64_t hash; /* of the steps: schedules with another hash differ */
};

/* Walks from the first state, by dice that `number` starts. If `tell`, prints each step. Writes that arrive late are not
 * walked: the core has local tiers only, whose writes have ended when the call returns. */
void walk(const struct config *config, uint64_t number, bool tell, struct schedule *schedule);

/* Throws dice: splitmix64 (G. Steele, D. Lea, C. Flood, 2014). */
unsigned throw_dice(uint64_t *dice, unsigned sides);

#endif
