/* SPDX-License-Identifier: MIT
 *
 * worker.h: a process that has the pool open, makes the calls that the conductor asks for, and can be killed at any access
 * to a tier.
 */
#ifndef PXT_REPLAY_WORKER_H
#define PXT_REPLAY_WORKER_H

#include "board.h"

/* How long an entry lives that expires in a schedule, and one that does not. */
enum { SHORT_TTL = 1000, LONG_TTL = 500000000 };

/* How many failures in a row turn a tier off. */
enum { OFF_AFTER = 3 };

/* Opens the pool, and makes calls until CALL_CLOSE. For a process of its own: returns its exit status. */
int work(unsigned number);
/* Opens the pool and closes it, so that processes that are forked afterwards have all plugins loaded. */
bool warm_up(void);

#endif
