/* SPDX-License-Identifier: MIT
 *
 * judge.h: what callers were told in one replay, and whether the next answer, or what the tiers have, goes with that: the
 * promises P1 to P5 of doc/versions.md, by the numbers of the changes.
 */
#ifndef PXT_REPLAY_JUDGE_H
#define PXT_REPLAY_JUDGE_H

#include "board.h"

enum { CHANGES = 16, WRONG_SIZE = 500 };

struct change {
    unsigned key;
    bool is_delete, expired;
    bool nothing; /* it had no effect: the key was gone */
};

struct promises {
    unsigned changes;
    struct change change[CHANGES]; /* from 1 */
    unsigned acked[SHELF_KEYS];    /* the last change that was acknowledged */
    unsigned seen[SHELF_KEYS];     /* the last change that a reader was told of, at least */
    unsigned kept[SHELF_KEYS];     /* the same, of what lost power may not take away */
    char wrong[WRONG_SIZE];        /* the first breach; "": none */
};

/* The promises when a call begins. */
struct start {
    unsigned acked[SHELF_KEYS], seen[SHELF_KEYS];
    bool expired[CHANGES];
};

/* Notes that something is wrong, unless something was before. */
void judge_wrong(struct promises *promises, const char *format, ...) PXT_PRINTF(2, 3);
/* Returns the number of a new change. */
unsigned judge_begin_change(struct promises *promises, unsigned key, bool is_delete);
void judge_start(const struct promises *promises, struct start *start);

/* Judges the answer of each call. `told`: the number of the change that made the entry. */
void judge_change(struct promises *promises, const struct start *start, unsigned change, pxt_status status);
/* `kept`: lost power may not take away what was told; a peek does not promise that. */
void judge_get(struct promises *promises, const struct start *start, unsigned key, pxt_status status, unsigned told,
               bool kept);
/* A list that says that it is whole. `told` has 0 for a key that is not in it. */
void judge_list(struct promises *promises, const struct start *start, const unsigned told[SHELF_KEYS],
                const unsigned times[SHELF_KEYS]);

/* Judges what `tiers` tiers have: each tier whose bit in `doubt` is 0 has what was told, and if all are clear they agree. */
void judge_tiers(struct promises *promises, unsigned tiers, unsigned doubt);
/* A tier has lost a key: what no other tier has is no longer promised. */
void judge_lost(struct promises *promises, unsigned tiers, unsigned key);
/* The power failed. Below level `power` nothing of what was told is promised any more. */
void judge_power(struct promises *promises, bool level_power);

#endif
