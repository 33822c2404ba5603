/* SPDX-License-Identifier: MIT
 *
 * steps.c: all that can happen next in a state, and what has to hold in a state at rest.
 */
#include "steps.h"

static void begin(struct model *model, const struct state *state, unsigned process)
{
    if (model->config.old) {
        begin_old(model, state, process);
        return;
    }
    begin_change(model, state, process);
    begin_get(model, state, process);
    begin_evict(model, state, process);
    begin_pass(model, state, process);
    begin_list(model, state, process);
    begin_checkpoint(model, state, process);
}

static void step(struct model *model, const struct state *state, unsigned process)
{
    unsigned pc = state->pc[process];
    model->doing = (struct doing){.process = process, .pc = pc, .key = state->key[process]};
    if (pc >= OLD_WRITE_T || model->config.old)
        step_old(model, state, process);
    else if (pc >= CHECKPOINT_SYNC_T)
        step_checkpoint(model, state, process);
    else if (pc >= LIST_READ_T)
        step_list(model, state, process);
    else if (pc >= PASS_LIST_T)
        step_pass(model, state, process);
    else if (pc >= EVICT_REMOVE_T)
        step_evict(model, state, process);
    else if (pc >= GET_READ_T)
        step_get(model, state, process);
    else
        step_change(model, state, process);
}

/* ---- at rest ----------------------------------------------------------------------------------------------------- */

/* Whether the tiers agree on a key: a tier may only have nothing where it has a capacity, or where the key is dead. */
static bool agree(const struct model *model, const struct state *state, unsigned key)
{
    unsigned newest = 0;
    for (unsigned t = 0; t < model->config.tiers; t++)
        newest = state->version[key][t] > newest ? state->version[key][t] : newest;
    for (unsigned t = 0; t < model->config.tiers; t++) {
        unsigned has = state->version[key][t];
        if (has != newest && (has || (t == slowest(model) && !is_dead(state, newest))))
            return false;
    }
    return true;
}

static bool at_rest(const struct model *model, const struct state *state)
{
    bool rests = !state->doubt && !state->missed_all && !state->damaged;
    for (unsigned p = 0; p < PROCESSES && model->config.old; p++)
        rests = rests && state->pc[p] == IDLE;
    for (unsigned k = 0; k < model->config.keys; k++)
        for (unsigned t = 0; t < model->config.tiers; t++)
            rests = rests && !state->late[k][t] && !state->note[k][t];
    return rests;
}

static void check_agreement(struct model *model, const struct state *state)
{
    if (!at_rest(model, state))
        return;
    for (unsigned k = 0; k < model->config.keys; k++)
        if (!agree(model, state, k)) {
            struct state next = *state;
            next.broken = P3_TIERS_DIFFER;
            model->take(model, &next, "nothing is in doubt: key %u has change %u in T0, change %u in T1", k,
                        state->change_of[state->version[k][0]], state->change_of[state->version[k][1]]);
        }
}

/* What a clear bit means: the tier has the newest version that a caller was told of, or, with a capacity, nothing. */
static bool clear_is_true(const struct model *model, const struct state *state, unsigned key, unsigned tier)
{
    unsigned told = state->acked[key] > state->seen[key] ? state->acked[key] : state->seen[key];
    unsigned version = state->version[key][tier];
    if (version || tier != slowest(model))
        return !version || state->change_of[version] >= told;
    return !told || state->collected >> told || ((state->deletes | state->expired) >> told & 1);
}

static void check_clear_bits(struct model *model, const struct state *state)
{
    for (unsigned k = 0; k < model->config.keys && !model->config.old; k++)
        for (unsigned t = 0; t < model->config.tiers; t++)
            if (!((state->doubt | state->damaged) >> t & 1) && !clear_is_true(model, state, k, t)) {
                struct state next = *state;
                next.broken = P3_TIERS_DIFFER;
                model->take(model, &next, "T%u is clear, but has not what was told of key %u", t, k);
            }
}

/* Follows one process alone, without faults: the first successor of each step. */
struct follower {
    struct model model; /* first: `take` gets a pointer to it */
    struct state state;
    bool taken;
};

static void take_first(struct model *model, const struct state *next, const char *text, ...)
{
    struct follower *follower = (struct follower *)model;
    (void)text;
    if (!follower->taken)
        follower->state = *next;
    follower->taken = true;
}

static void follow(struct follower *follower, void (*first)(struct model *, const struct state *, unsigned))
{
    for (bool begun = false; !begun || follower->state.pc[0] != IDLE; begun = true) {
        struct state from = follower->state;
        follower->taken = false;
        (begun ? step : first)(&follower->model, &from, 0);
        if (!follower->taken)
            return;
    }
}

/* With all tiers on and nobody else about, a pass must end all doubt and a get must answer. */
static void check_readable(struct model *model, const struct state *state)
{
    for (unsigned p = 0; p < PROCESSES; p++)
        if (state->pc[p] != IDLE)
            return;
    for (unsigned t = 0; t < model->config.tiers; t++)
        if (!state->on[t])
            return;
    struct follower follower = {.model = {.config = model->config, .take = take_first}, .state = *state};
    follower.model.config.promote = false;
    follower.state.failures_left = 0;
    for (unsigned k = 0; k < model->config.keys; k++)
        for (unsigned t = 0; t < model->config.tiers; t++)
            follower.state.late[k][t] = 0;
    follow(&follower, model->config.old ? begin_old_catch_up : begin_pass);
    raise_generation(&follower.state);
    follow(&follower, model->config.old ? begin_old_get : begin_get);
    if (!follower.model.refusals && !follower.state.doubt)
        return;
    struct state next = *state;
    next.broken = P4_UNREADABLE;
    model->take(model, &next, "all tiers are on and gone through, and a get does not answer");
}

void all_steps(struct model *model, const struct state *state)
{
    if (state->broken)
        return;
    check_agreement(model, state);
    check_clear_bits(model, state);
    if (state->doubt || state->missed_all)
        check_readable(model, state);
    for (unsigned p = 0; p < PROCESSES; p++)
        if (state->pc[p] == IDLE)
            begin(model, state, p);
        else
            step(model, state, p);
    model->doing = (struct doing){.process = PROCESSES};
    world_steps(model, state);
}
