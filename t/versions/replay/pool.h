/* SPDX-License-Identifier: MIT
 *
 * pool.h: the pool of a replay, seen from outside: its configuration, its keys, its shelves, and which tiers are in doubt.
 */
#ifndef PXT_REPLAY_POOL_H
#define PXT_REPLAY_POOL_H

#include "../walk.h"
#include "board.h"

enum { PAIRS = 64 };

/* Makes the folder and the shared memory. False: not possible. */
bool pool_make(void);
void pool_remove(void);
/* Prepares the board for schedules of a setting: empty tiers, no page, and a configuration. No worker is there. At level
 * power, `variant` says which tiers sync each write. */
void pool_set_up(const struct config *config, unsigned variant);
/* Takes a pair of keys of one word, which no tier has. */
void pool_take_keys(unsigned pair);
/* The tiers that are in doubt for the word of the keys: bits. All of them, if there is no page. */
unsigned pool_doubt(unsigned tiers);
/* Lets each tier have one of the images that lost power may leave, by change if there is such an image; and ends the boot. */
void pool_lose_power(const struct step *step, uint64_t *dice);
/* A tier loses what it has of a key, and is away. */
void pool_damage(unsigned tier, unsigned key);

#endif
