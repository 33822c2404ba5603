/* SPDX-License-Identifier: MIT
 *
 * events.h: what happens by itself in a schedule: processes are killed, tiers go away and come back, power fails, time passes.
 */
#ifndef PXT_REPLAY_EVENTS_H
#define PXT_REPLAY_EVENTS_H

#include "conductor.h"

void replay_event(struct replay *replay, const struct step *step);
/* A tier is there again. The first process that asks a tier which has lost something notices that, before anything else relies
 * on the tier. */
void come_back(struct replay *replay, unsigned tier);

#endif
