/* SPDX-License-Identifier: MIT
 *
 * ending.h: the end of a schedule, at which nothing fails any more.
 */
#ifndef PXT_REPLAY_ENDING_H
#define PXT_REPLAY_ENDING_H

#include "conductor.h"

/* Ends all that goes on, makes the tiers equal and compares them. Then the next schedule begins above the checkpoint. */
void replay_end(struct replay *replay);

#endif
