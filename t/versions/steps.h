/* SPDX-License-Identifier: MIT
 *
 * steps.h: the atomic steps of the modelled system. Each function hands every state that one step can lead to, for each
 * outcome of that step, to model->take().
 */
#ifndef PXT_VERSIONS_STEPS_H
#define PXT_VERSIONS_STEPS_H

#include "rules.h"

/* Where a process stands. The number of a tier is added to the names that end in _T. */
enum pc {
    IDLE,
    PUT_WRITE_T,
    PUT_SYNC_T = PUT_WRITE_T + TIERS,
    PUT_END = PUT_SYNC_T + TIERS,
    GET_READ_T,
    COPY_BEGIN = GET_READ_T + TIERS,
    COPY_WRITE_T,
    EVICT_REMOVE_T = COPY_WRITE_T + TIERS,
    PASS_LIST_T = EVICT_REMOVE_T + TIERS,
    PASS_LOCK = PASS_LIST_T + TIERS,
    PASS_ASK_T,
    PASS_WRITE_T = PASS_ASK_T + TIERS,
    PASS_SYNC_T = PASS_WRITE_T + TIERS,
    PASS_CLEAR = PASS_SYNC_T + TIERS,
    LIST_READ_T,
    CHECKPOINT_SYNC_T = LIST_READ_T + TIERS,
    CHECKPOINT_WRITE_T = CHECKPOINT_SYNC_T + TIERS,
    OLD_WRITE_T = CHECKPOINT_WRITE_T + TIERS,
    OLD_END = OLD_WRITE_T + TIERS,
    PC_COUNT
};
_Static_assert(PC_COUNT <= 64, "pc has 6 bits");

void first_state(const struct model *model, struct state *state);
void all_steps(struct model *model, const struct state *state);

/* operations: begin one in an idle process, or take its next step */
void begin_change(struct model *model, const struct state *state, unsigned process);
void step_change(struct model *model, const struct state *state, unsigned process);
void begin_get(struct model *model, const struct state *state, unsigned process);
void step_get(struct model *model, const struct state *state, unsigned process);
void begin_evict(struct model *model, const struct state *state, unsigned process);
void step_evict(struct model *model, const struct state *state, unsigned process);
void begin_pass(struct model *model, const struct state *state, unsigned process);
void step_pass(struct model *model, const struct state *state, unsigned process);
void begin_list(struct model *model, const struct state *state, unsigned process);
void step_list(struct model *model, const struct state *state, unsigned process);
void begin_checkpoint(struct model *model, const struct state *state, unsigned process);
void step_checkpoint(struct model *model, const struct state *state, unsigned process);
void begin_old(struct model *model, const struct state *state, unsigned process);
void begin_old_get(struct model *model, const struct state *state, unsigned process);
void begin_old_catch_up(struct model *model, const struct state *state, unsigned process);
void step_old(struct model *model, const struct state *state, unsigned process);

/* faults, time, and tiers by themselves */
void world_steps(struct model *model, const struct state *state);

/* The lowest checkpoint that any tier has (the highest, where rule LOWEST_CHECKPOINT is off). */
unsigned known_checkpoint(const struct model *model, const struct state *state);

/* What a process knows of a write: a tier refused it where it surely had no effect, or where it was not sent at all. */
enum answer { TAKEN, REFUSED, UNKNOWN };

/* What is done to a state after a tier answered, or did not. */
typedef void after_fn(const struct model *model, struct state *state, unsigned process, unsigned tier,
                      enum answer answer);

/* A write of `version` (0: a removal) by a process, with every outcome: taken, refused, failed before or after its effect, late. */
void write_tier(struct model *model, const struct state *state, unsigned process, unsigned tier, unsigned version,
                after_fn *after, const char *what);
void sync_tier(struct model *model, const struct state *state, unsigned process, unsigned tier, after_fn *after,
               const char *what);

/* The effect of a write: conditional, where rule WRITE_IF_NEWER is kept. */
void apply_write(const struct model *model, struct state *state, unsigned key, unsigned tier, unsigned version);

/* Forgets where a process stood: its operation is over, or it was killed. */
void become_idle(struct state *state, unsigned process);
bool lock_is_free(const struct model *model, const struct state *state);
/* Raises the generation of the word: nothing in memory may be served, and readers under way notice. */
void raise_generation(struct state *state);
/* Notes the promises that hold when a read or a listing begins. */
void note_start(struct state *state, unsigned process);
/* Judges the answer of a reader that found `version` (0: nothing), and remembers what was told. */
void judge_answer(struct state *state, unsigned process, unsigned version);
/* Adds `version` to the results of change number state->changes + 1 and returns it. */
unsigned stamp_change(const struct model *model, struct state *state, unsigned key, bool is_delete);

#endif
