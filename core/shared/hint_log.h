/* SPDX-License-Identifier: MIT
 *
 * hint_log.h: the hint log, PATH.hints: which keys each shared tier lacks. It stands beside the slowest shared tier, so
 * that other processes, and this one after a restart, know.
 *
 * A write that a shared tier could not take leaves an older entry there, or a deleted one. Each process that opens the
 * same tiers has to know of it, or it would answer with that entry. One line an event, with tabs between:
 *   ! ID         the first line: another ID means that the file was emptied or replaced
 *   + TIER KEY   the tier lacks a put of the key             x TIER KEY   the tier lacks the removal of the key
 *   - TIER KEY   the tier has the last write of the key      = TIER       the same for all keys
 *   * TIER       the puts overflowed: a full resync is due   # TIER       the full resync begins
 *   . TIER       the full resync is complete
 * When no tier has a hint any more the file is emptied, and the process that does so raises PXT_WORD_HINTS_RESETS. A file
 * that was cut, removed or replaced in another way loses no hint: each process reads it from the start, and appends the
 * hints that it knows.
 */
#ifndef PXT_HINT_LOG_H
#define PXT_HINT_LOG_H

#include "base/log.h"
#include "shared/coherence.h"
#include "shared/hints.h"
#include <proxtier/stats.h>
#include <pthread.h>
#include <sys/types.h>

enum { PXT_HINT_LOG_ID = 40 };

struct pxt_hint_log {
    struct pxt_coherence *coherence;
    const struct pxt_logger *logger;
    struct pxt_hints *hints[PXT_CHAIN_MAX];
    unsigned hints_count;
    char *path;           /* NULL: no tier is shared, and there is no file */
    pthread_mutex_t lock; /* taken before the lock among processes; guards all that follows */
    int cancel_state;     /* of the thread that has the lock */
    int fd;
    off_t read_to;
    char id[PXT_HINT_LOG_ID]; /* of the file that was read so far; empty: it has none yet */
    bool lost_lines;          /* the file lacks hints that this process knows */
    bool has_foreign_lines;   /* lines of tiers that this chain does not configure: the file is not emptied */
    _Atomic uint32_t epoch_seen;
    uint32_t resets_seen;
    unsigned coherence_seen; /* coherence->reopened */
};
/* Opens the log and replays it into `hints`, one a tier, which must outlive the log. `shared_path` as for
 * pxt_coherence_open(). */
pxt_status pxt_hint_log_open(struct pxt_hint_log *log, const char *shared_path, struct pxt_coherence *coherence,
                             struct pxt_hints *const *hints, unsigned count, const struct pxt_logger *logger,
                             struct pxt_error *error);
void pxt_hint_log_close(struct pxt_hint_log *log);
/* Appends an event, if these hints are shared. True: the event has also been applied to the hints, by replaying the
 * log, so that all processes apply events in one order. False: there is no file, or it cannot be written (which is
 * logged); the caller applies the event. `log` may be NULL. */
bool pxt_hint_log_append(struct pxt_hint_log *log, enum pxt_hint_event event, struct pxt_hints *hints, const char *key);
/* Appends the end of a full resync and applies it, unless the hints have overflowed again: since then their count is no
 * longer `overflow_count`. False if the resync does not count. */
bool pxt_hint_log_append_resync_end(struct pxt_hint_log *log, struct pxt_hints *hints, unsigned overflow_count);
/* Replays what other processes appended; one load if there is nothing new. */
void pxt_hint_log_replay(struct pxt_hint_log *log);
/* Does the same whether there is something new or not, and looks whether the coherence file and the log are still those
 * that their paths name. For maintenance. */
void pxt_hint_log_check(struct pxt_hint_log *log);

#endif
