/* SPDX-License-Identifier: MIT
 *
 * tiers.c: what a write or a sync can do to a tier, what a reader may be told, and the first state of a search.
 */
#include "steps.h"
#include <string.h>

void first_state(const struct model *model, struct state *state)
{
    const struct config *config = &model->config;
    memset(state, 0, sizeof *state);
    for (unsigned t = 0; t < config->tiers; t++)
        state->on[t] = 1;
    for (unsigned k = 0; k < config->keys && config->power_losses; k++)
        for (unsigned t = 0; t < config->tiers; t++)
            state->images[k][t] = 1; /* nothing */
    state->kills_left = config->kills & 3;
    state->failures_left = config->failures & 3;
    state->absences_left = config->absences & 3;
    state->power_losses_left = config->power_losses & 1;
    state->expiries_left = config->expiries & 1;
    state->damages_left = config->damages & 1;
    state->lost_notes_left = config->lost_notes & 1;
}

void become_idle(struct state *state, unsigned process)
{
    if (state->lock == process + 1)
        state->lock = 0;
    state->pc[process] = IDLE;
    state->key[process] = state->best[process] = state->before[process] = state->failed[process] = 0;
    state->keys[process] = state->moved[process] = state->sure[process] = 0;
    state->acked_at_start[process] = state->seen_at_start[process] = 0;
}

bool lock_is_free(const struct model *model, const struct state *state)
{
    return !state->lock || !keeps(model, RULE_LOCK);
}

void raise_generation(struct state *state)
{
    memset(state->memory, 0, sizeof state->memory);
    for (unsigned p = 0; p < PROCESSES; p++)
        state->moved[p] = state->pc[p] != IDLE;
}

/* ---- changes and answers ----------------------------------------------------------------------------------------- */

/* The highest version that the tiers which answer have, for a maker that looks no further. */
static unsigned highest_answered(const struct state *state, unsigned key)
{
    unsigned highest = 0;
    for (unsigned t = 0; t < TIERS; t++)
        if (state->on[t] && state->version[key][t] > highest)
            highest = state->version[key][t];
    return highest;
}

/* Versions go up in steps of 2, so that a maker who does not know the highest can be shown with one in between. */
unsigned stamp_change(const struct model *model, struct state *state, unsigned key, bool is_delete)
{
    unsigned version = state->clock + 2u, lower = highest_answered(state, key) + 1;
    if (!keeps(model, RULE_VERSION_ABOVE_ALL) && lower < state->clock && !state->change_of[lower])
        version = lower;
    else
        state->clock = version & 15;
    state->changes = (state->changes + 1) & 7;
    state->change_of[version] = state->changes;
    if (is_delete)
        state->deletes |= (uint8_t)(1u << state->changes);
    return version;
}

void note_start(struct state *state, unsigned process)
{
    state->acked_at_start[process] = state->acked[state->key[process]];
    state->seen_at_start[process] = state->seen[state->key[process]];
}

/* Whether a reader that was given change number `told`, 0 for nothing, may have been given that after `promised`. */
static bool keeps_promise(const struct state *state, unsigned told, unsigned promised)
{
    unsigned dead = (unsigned)(state->deletes | state->expired) | 1; /* nothing at all is dead too */
    bool not_found = (dead >> told) & 1;
    bool dropped = state->collected >> promised; /* a tombstone that was as new, or newer */
    return told >= promised || (not_found && (((dead >> promised) & 1) || dropped));
}

void judge_answer(struct state *state, unsigned process, unsigned version)
{
    unsigned key = state->key[process], told = version ? state->change_of[version] : 0;
    unsigned acked = state->acked_at_start[process], seen = state->seen_at_start[process];
    if (!keeps_promise(state, told, acked > seen ? acked : seen))
        state->broken = keeps_promise(state, told, acked) ? P2_WENT_BACK : P1_LOST;
    if (told > state->seen[key])
        state->seen[key] = told & 7;
}

unsigned known_checkpoint(const struct model *model, const struct state *state)
{
    unsigned known = state->checkpoint[0];
    for (unsigned t = 1; t < model->config.tiers; t++)
        if (keeps(model, RULE_LOWEST_CHECKPOINT) ? state->checkpoint[t] < known : state->checkpoint[t] > known)
            known = state->checkpoint[t];
    return known;
}

/* ---- writes and syncs -------------------------------------------------------------------------------------------- */

void apply_write(const struct model *model, struct state *state, unsigned key, unsigned tier, unsigned version)
{
    bool removes = version && is_dead(state, version) && !keeps(model, RULE_TOMBSTONE);
    if (removes)
        version = 0;
    else if (version && version < state->version[key][tier] && keeps(model, RULE_WRITE_IF_NEWER))
        return;
    state->version[key][tier] = version & 15;
    if (model->config.power_losses) {
        state->images[key][tier] |= (uint16_t)(1u << version);
        state->sync_failed[key][tier] = 0;
    }
}

static void write_failures(struct model *model, const struct state *state, unsigned process, unsigned tier,
                           unsigned version, after_fn *after, const char *what)
{
    unsigned key = state->key[process];
    struct state next = *state;
    next.failures_left--;
    model->doing.fault = WRITE_REFUSED;
    after(model, &next, process, tier, REFUSED);
    model->take(model, &next, "P%u %s T%u: is refused", process, what, tier);
    next = *state;
    next.failures_left--;
    model->doing.fault = WRITE_LOST;
    after(model, &next, process, tier, UNKNOWN);
    model->take(model, &next, "P%u %s T%u: has no effect, and answers an error", process, what, tier);
    next = *state;
    next.failures_left--;
    model->doing.fault = WRITE_DONE;
    apply_write(model, &next, key, tier, version);
    after(model, &next, process, tier, UNKNOWN);
    model->take(model, &next, "P%u %s T%u: has its effect, and answers an error", process, what, tier);
    model->doing.fault = NO_FAULT;
    if (!model->config.late || state->late[key][tier])
        return;
    next = *state;
    next.failures_left--;
    model->doing.fault = WRITE_LATE;
    next.late[key][tier] = version & 15;
    after(model, &next, process, tier, UNKNOWN);
    model->take(model, &next, "P%u %s T%u: no answer in time, it may still arrive", process, what, tier);
    model->doing.fault = NO_FAULT;
}

void write_tier(struct model *model, const struct state *state, unsigned process, unsigned tier, unsigned version,
                after_fn *after, const char *what)
{
    struct state next = *state;
    if (state->on[tier])
        apply_write(model, &next, state->key[process], tier, version);
    after(model, &next, process, tier, state->on[tier] ? TAKEN : REFUSED);
    model->take(model, &next, "P%u %s T%u%s", process, what, tier, state->on[tier] ? "" : ": it is off");
    if (state->on[tier] && state->failures_left)
        write_failures(model, state, process, tier, version, after, what);
}

/* What a failed sync did not write is not written by the next one either, which nevertheless says OK. */
void sync_tier(struct model *model, const struct state *state, unsigned process, unsigned tier, after_fn *after,
               const char *what)
{
    struct state next = *state;
    for (unsigned k = 0; k < model->config.keys && state->on[tier]; k++)
        if (!state->sync_failed[k][tier])
            next.images[k][tier] = (uint16_t)(1u << state->version[k][tier]);
    after(model, &next, process, tier, state->on[tier] ? TAKEN : REFUSED);
    model->take(model, &next, "P%u %s T%u%s", process, what, tier, state->on[tier] ? "" : ": it is off");
    if (!state->on[tier] || !state->failures_left)
        return;
    next = *state;
    next.failures_left--;
    model->doing.fault = SYNC_FAILS;
    for (unsigned k = 0; k < model->config.keys; k++)
        next.sync_failed[k][tier] = state->images[k][tier] != 1u << state->version[k][tier];
    after(model, &next, process, tier, UNKNOWN);
    model->take(model, &next, "P%u %s T%u: fails", process, what, tier);
    model->doing.fault = NO_FAULT;
}
