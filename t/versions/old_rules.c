/* SPDX-License-Identifier: MIT
 *
 * old_rules.c: the rules at commit 6a09ef4. No tier knows a version: a note says which tier missed which key, as a put or
 * as a removal, and all keys of a tier may have been missed. A write that succeeds takes the note back. Only what happens
 * between the tiers of one change is split into steps here; that is enough to find the known faults.
 */
#include "steps.h"

enum note { NO_NOTE, MISSED_PUT, MISSED_REMOVAL };

/* What a read of one tier comes to. */
enum found { FOUND, NOT_FOUND, CANNOT_TELL };

static bool is_noted(const struct state *state, unsigned key, unsigned tier)
{
    return state->note[key][tier] != NO_NOTE;
}

static enum found read_old(const struct state *state, unsigned key, unsigned tier)
{
    if (is_noted(state, key, tier))
        return NOT_FOUND;
    if (!state->on[tier] || (state->missed_all >> tier & 1))
        return CANNOT_TELL;
    return state->version[key][tier] ? FOUND : NOT_FOUND;
}

/* The first tier, other than `except`, that has the key. */
static enum found find_old(const struct model *model, const struct state *state, unsigned key, unsigned except,
                           unsigned *tier)
{
    enum found worst = NOT_FOUND;
    for (*tier = 0; *tier < model->config.tiers; ++*tier) {
        enum found found = *tier == except ? NOT_FOUND : read_old(state, key, *tier);
        if (found == FOUND)
            return FOUND;
        worst = found == CANNOT_TELL ? CANNOT_TELL : worst;
    }
    return worst;
}

static void make_note(struct state *state, unsigned key, unsigned tier, bool removal)
{
    if (removal)
        state->note[key][tier] = MISSED_REMOVAL;
    else if (!is_noted(state, key, tier) && !(state->missed_all >> tier & 1))
        state->note[key][tier] = MISSED_PUT;
}

/* ---- put, delete ------------------------------------------------------------------------------------------------- */

static bool is_delete(const struct state *state, unsigned p)
{
    return state->deletes >> state->change_of[state->best[p]] & 1;
}

static void begin_old_change(struct model *model, const struct state *state, unsigned p, bool delete)
{
    struct state next = *state;
    next.lock = (p + 1) & 3;
    next.best[p] = stamp_change(model, &next, 0, delete) & 15;
    next.pc[p] = (uint8_t)(OLD_WRITE_T + slowest(model));
    for (unsigned t = 0; t < model->config.tiers; t++)
        if (is_noted(state, 0, t))
            next.before[p] |= (uint8_t)(1u << t);
    model->take(model, &next, "P%u begins to %s as change %u: lock", p, delete ? "delete" : "put", next.changes);
}

static void after_old_write(const struct model *model, struct state *state, unsigned p, unsigned tier,
                            enum answer answer)
{
    unsigned bit = 1u << tier;
    (void)model;
    if (answer == TAKEN) {
        state->note[0][tier] = NO_NOTE;
    } else {
        state->failed[p] |= (uint8_t)bit;
        if (!state->on[tier] && !is_delete(state, p))
            state->keys[p] |= (uint8_t)bit; /* off: noted only when another tier took it */
        else
            make_note(state, 0, tier, is_delete(state, p));
    }
    state->pc[p] = (uint8_t)(tier ? OLD_WRITE_T + tier - 1 : (unsigned)OLD_END);
}

/* The same, where there are too many notes for one more: all keys of the tier count as missed. */
static void after_overflow(const struct model *model, struct state *state, unsigned p, unsigned tier,
                           enum answer answer)
{
    after_old_write(model, state, p, tier, answer);
    if (answer != TAKEN && state->note[0][tier] == MISSED_PUT) {
        state->note[0][tier] = NO_NOTE;
        state->missed_all |= (uint8_t)(1u << tier);
    }
}

static void end_old_change(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    bool taken = state->failed[p] != all_tiers(model), delete = is_delete(state, p);
    for (unsigned t = 0; t < TIERS; t++)
        if (!taken && !(state->before[p] >> t & 1))
            next.note[0][t] = NO_NOTE;
        else if (taken && (state->keys[p] >> t & 1))
            make_note(&next, 0, t, false);
    raise_generation(&next);
    become_idle(&next, p);
    if (taken) {
        next.acked[0] = state->change_of[state->best[p]];
        next.memory[p][0] = delete ? 0 : state->best[p];
    }
    model->take(model, &next, "P%u ends change %u: generation, unlock, %s", p, state->change_of[state->best[p]],
                taken ? "acknowledge" : "answer an error");
}

/* ---- eviction: "the lower tier has the key" or is given the copy ------------------------------------------------- */

static bool evict_copy(struct state *state)
{
    if (read_old(state, 0, 0) != FOUND || !state->on[1])
        return false;
    if (read_old(state, 0, 1) != FOUND) {
        state->version[0][1] = state->version[0][0];
        state->note[0][1] = NO_NOTE;
    }
    state->version[0][0] = 0;
    state->note[0][0] = NO_NOTE;
    return true;
}

/* A batch makes room for its entries, and hands down what leaves, while it is under way. */
static void make_room(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    if (!model->config.batch || state->pc[p] != OLD_WRITE_T || state->sure[p] || !evict_copy(&next))
        return;
    next.sure[p] = 1;
    model->take(model, &next, "P%u makes room in T0: hands its old copy down to T1", p);
}

void step_old(struct model *model, const struct state *state, unsigned process)
{
    if (state->pc[process] == OLD_END) {
        end_old_change(model, state, process);
        return;
    }
    unsigned tier = state->pc[process] - (unsigned)OLD_WRITE_T;
    make_room(model, state, process);
    write_tier(model, state, process, tier, state->best[process], after_old_write, "writes the change to");
    if (model->config.overflow)
        write_tier(model, state, process, tier, state->best[process], after_overflow, "(full of notes) writes to");
}

/* ---- catching up ------------------------------------------------------------------------------------------------- */

/* False where it cannot be told what the tier should have. */
static bool reconcile(const struct model *model, struct state *state, unsigned tier)
{
    unsigned from;
    enum found found = find_old(model, state, 0, tier, &from);
    bool wants = tier == slowest(model) || state->version[0][tier];
    if (found == CANNOT_TELL)
        return false;
    if (found == FOUND && wants)
        state->version[0][tier] = state->version[0][from];
    else if (found == FOUND || state->note[0][tier] != NO_NOTE)
        state->version[0][tier] = 0;
    state->note[0][tier] = NO_NOTE;
    return true;
}

void begin_old_catch_up(struct model *model, const struct state *state, unsigned process)
{
    struct state next = *state;
    if (state->lock)
        return;
    for (unsigned t = 0; t < model->config.tiers; t++) {
        unsigned all = next.missed_all >> t & 1;
        if (!next.on[t] || (!all && !is_noted(&next, 0, t)))
            continue;
        if (reconcile(model, &next, t) && all)
            next.missed_all &= (uint8_t) ~(1u << t);
    }
    raise_generation(&next);
    model->take(model, &next, "P%u lets the tiers catch up: now change %u in T0, change %u in T1", process,
                next.change_of[next.version[0][0]], next.change_of[next.version[0][1]]);
}

/* ---- get --------------------------------------------------------------------------------------------------------- */

static void answer(struct model *model, const struct state *state, unsigned p, unsigned version, const char *from)
{
    struct state next = *state;
    note_start(&next, p);
    judge_answer(&next, p, version);
    become_idle(&next, p);
    next.memory[p][0] = version & 15;
    model->take(model, &next, "P%u gets change %u from %s", p, version ? state->change_of[version] : 0, from);
}

void begin_old_get(struct model *model, const struct state *state, unsigned process)
{
    unsigned tier;
    if (state->memory[process][0])
        answer(model, state, process, state->memory[process][0], "memory");
    if (state->lock)
        return;
    enum found found = find_old(model, state, 0, TIERS, &tier);
    if (found == CANNOT_TELL)
        model->refusals++;
    else if (found == NOT_FOUND)
        answer(model, state, process, 0, "no tier");
    else
        answer(model, state, process, state->version[0][tier], tier ? "T1" : "T0");
    if (found != FOUND || tier == 0 || !state->on[0])
        return;
    struct state promoted = *state;
    promoted.version[0][0] = state->version[0][tier];
    promoted.note[0][0] = NO_NOTE;
    answer(model, &promoted, process, state->version[0][tier], "T1, and promotes it to T0");
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void lose_notes(struct model *model, const struct state *state)
{
    struct state next = *state;
    if (!state->lost_notes_left)
        return;
    for (unsigned p = 0; p < PROCESSES; p++) {
        if (state->pc[p] != IDLE)
            return;
        next.memory[p][0] = 0;
    }
    next.lost_notes_left = 0;
    next.missed_all = 0;
    for (unsigned t = 0; t < TIERS; t++)
        next.note[0][t] = NO_NOTE;
    model->take(model, &next, "the notes are lost: both processes end, and the file was not written");
}

void begin_old(struct model *model, const struct state *state, unsigned process)
{
    struct state next = *state;
    lose_notes(model, state);
    begin_old_get(model, state, process);
    if (state->lock)
        return;
    if (state->changes < model->config.changes) {
        begin_old_change(model, state, process, false);
        if (!model->config.no_deletes)
            begin_old_change(model, state, process, true);
    }
    begin_old_catch_up(model, state, process);
    if (model->config.evict && evict_copy(&next))
        model->take(model, &next, "P%u evicts the key from T0", process);
}
