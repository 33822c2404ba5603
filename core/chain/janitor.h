/* SPDX-License-Identifier: MIT
 *
 * janitor.h: the one background thread of a cache.
 */
#ifndef PXT_JANITOR_H
#define PXT_JANITOR_H

#include "chain/chain.h"

struct pxt_janitor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running, stop;
    atomic_bool called; /* by a get */
    int64_t interval_ms;
    struct pxt_chain *chain;
};
/* Starts the thread, with all signals blocked in it. */
pxt_status pxt_janitor_start(struct pxt_janitor *janitor, struct pxt_chain *chain, int64_t interval_ms,
                             struct pxt_error *error);
/* Waits for the thread to end. Safe if it never started. */
void pxt_janitor_stop(struct pxt_janitor *janitor);

#endif
