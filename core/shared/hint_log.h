/* SPDX-License-Identifier: MIT
 *
 * hint_log.h: what tiers missed, told to other processes and to the next one: the file PATH.missed beside the store that
 * has everything.
 *
 * A write that a shared tier could not take leaves an older entry there, or one that was deleted. Every process that
 * opens the same tiers has to know, now and after a restart, or it would be served. One line an event:
 *   + TIER KEY   the tier missed a put of the key            x TIER KEY   it missed that the key was removed
 *   - TIER KEY   that was made good                          = TIER       every key was
 *   * TIER       it missed more puts than are remembered     # TIER       it is being gone through as a whole
 *   . TIER       that was done
 * with tabs between. When nothing is missed any more the file is emptied.
 */
#ifndef PXT_MISSED_H
#define PXT_MISSED_H

#include "base/log.h"
#include "shared/coherence.h"
#include <pthread.h>
#include <sys/types.h>

struct pxt_tier;

enum pxt_hint_event {
    PXT_MISSED_PUT = '+',
    PXT_MISSED_REMOVAL = 'x',
    PXT_MISSED_MADE_GOOD = '-',
    PXT_MISSED_NO_KEY = '=',
    PXT_MISSED_ALL = '*',
    PXT_MISSED_RESYNC = '#',
    PXT_MISSED_RESYNCED = '.'
};

struct pxt_hint_log {
    struct pxt_coherence *coherence;
    const struct pxt_logger *logger;
    struct pxt_tier *tier;
    unsigned tier_count;
    char *path; /* NULL: nothing is shared, nothing to tell */
    pthread_mutex_t lock;
    int fd;
    off_t read_to;
    bool strangers; /* it has lines of tiers that this chain has not: they stay */
    _Atomic uint32_t epoch_seen;
    uint32_t resets_seen;
};
/* Reads what is missed already into the tiers. `shared_path` as for pxt_coherence_open(). */
pxt_status pxt_hint_log_open(struct pxt_hint_log *missed, const char *shared_path, struct pxt_coherence *coherence,
                             struct pxt_tier *tiers, unsigned count, const struct pxt_logger *logger,
                             struct pxt_error *error);
void pxt_hint_log_close(struct pxt_hint_log *missed);
/* Tells the others of an event, and applies it to the tier in the file's order. False where there is no file, or it
 * cannot be written (which is logged: this process knows, the others do not). */
bool pxt_hint_log_append(struct pxt_hint_log *missed, enum pxt_hint_event event, struct pxt_tier *tier,
                         const char *key);
/* The end of going through a tier, which counts only where not all was missed again since `overflows` was read. */
bool pxt_hint_log_append_end(struct pxt_hint_log *missed, struct pxt_tier *tier, unsigned overflows);
/* Learns what others told; one load where there is nothing new. */
void pxt_hint_log_replay(struct pxt_hint_log *missed);

#endif
