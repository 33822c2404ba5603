/* SPDX-License-Identifier: MIT
 *
 * turns.h: where each circle of ROUND_ROBIN stands, for all processes of the pool.
 */
#ifndef PXT_TURNS_H
#define PXT_TURNS_H

#include "base/log.h"
#include <pthread.h>
#include <stdint.h>

enum { PXT_TURNS = 512 };
struct pxt_turns {
    pthread_mutex_t lock;     /* a leaf: while the file is opened */
    _Atomic uint64_t *shared; /* PXT_TURNS slots of the file; NULL: none yet */
    bool tried;
    _Atomic uint64_t own[PXT_TURNS]; /* where there is no file */
};
/* The slot of the selection with this hash: where its circle stands, see round.h. Selections with
 * the same slot share a circle. The slots stand in PLACE.turn; in this process, if `place` is NULL or the file cannot be had. */
_Atomic uint64_t *pxt_turn(struct pxt_turns *turns, const char *place, const struct pxt_logger *logger,
                           uint64_t selection);
void pxt_turns_close(struct pxt_turns *turns);

#endif
