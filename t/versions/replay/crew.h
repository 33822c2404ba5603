/* SPDX-License-Identifier: MIT
 *
 * crew.h: the two worker processes of a replay, and the steps that lead them: one of them runs at a time, up to its next
 * access to a tier or to the end of its call.
 */
#ifndef PXT_REPLAY_CREW_H
#define PXT_REPLAY_CREW_H

#include "worker.h"
#include <sys/types.h>

/* Keeps the three processes on one processor, chosen by the id of this one: as one of them runs at a time, that halves the time of going from one to the
 * other. */
void crew_stay_together(void);

struct crew {
    pid_t pid[WORKERS]; /* 0: none */
};

/* Each returns false if a worker has ended, or has not stopped for a minute: then the replay cannot go on. */

/* Starts a worker, if it is not there. `no_repair`: see struct worker. */
bool crew_start(struct crew *crew, unsigned number, bool no_repair);
/* Starts the call that stands in the worker, and waits until it stops or returns. */
bool crew_call(struct crew *crew, unsigned number);
/* Lets the worker make the access before which it stands, and waits until it stops again or returns. */
bool crew_go_on(struct crew *crew, unsigned number, enum route route);
/* Kills a worker, whatever it does. */
void crew_kill(struct crew *crew, unsigned number);
/* Has a worker close the pool. */
void crew_close(struct crew *crew, unsigned number);

#endif
