/* SPDX-License-Identifier: MIT
 *
 * change.c: put and delete, and what a tier with a capacity evicts.
 */
#include "steps.h"

/* ---- put, delete ------------------------------------------------------------------------------------------------- */

static unsigned first_tier(const struct model *model)
{
    return keeps(model, RULE_SLOWEST_FIRST) ? slowest(model) : 0;
}

/* After `tier` the next one, or PUT_END. */
static uint8_t pc_after(const struct model *model, unsigned pc_t, unsigned tier)
{
    if (keeps(model, RULE_SLOWEST_FIRST) ? tier > 0 : tier < slowest(model))
        return (uint8_t)(pc_t + (keeps(model, RULE_SLOWEST_FIRST) ? tier - 1 : tier + 1));
    if (pc_t == PUT_WRITE_T && model->config.sync && keeps(model, RULE_SYNC_IS_PART))
        return (uint8_t)(PUT_SYNC_T + first_tier(model));
    return PUT_END;
}

static void begin_change_of(struct model *model, const struct state *state, unsigned p, unsigned key, bool is_delete)
{
    struct state next = *state;
    model->doing = (struct doing){.process = p, .pc = PUT_WRITE_T, .key = key, .is_delete = is_delete};
    next.pc[p] = (uint8_t)(PUT_WRITE_T + first_tier(model));
    next.lock = (p + 1) & 3;
    next.key[p] = key & 1;
    next.best[p] = stamp_change(model, &next, key, is_delete) & 15;
    next.before[p] = state->doubt;
    next.sure[p] = 1; /* that no tier has it, until one is asked that does not surely refuse */
    if (keeps(model, RULE_DOUBT_BEFORE_CHANGE))
        next.doubt = all_tiers(model) & 7;
    if (keeps(model, RULE_GENERATION_FIRST))
        raise_generation(&next);
    next.moved[p] = 0;
    model->take(model, &next, "P%u begins to %s key %u as change %u: lock, page", p, is_delete ? "delete" : "put", key,
                next.changes);
}

void begin_change(struct model *model, const struct state *state, unsigned process)
{
    if (state->changes == model->config.changes || !lock_is_free(model, state))
        return;
    for (unsigned key = 0; key < model->config.keys; key++) {
        begin_change_of(model, state, process, key, false);
        if (!model->config.no_deletes)
            begin_change_of(model, state, process, key, true);
    }
}

static void after_write(const struct model *model, struct state *state, unsigned p, unsigned tier, enum answer answer)
{
    if (answer != REFUSED)
        state->sure[p] = 0;
    if (answer != TAKEN)
        state->failed[p] |= (uint8_t)(1u << tier);
    state->pc[p] = pc_after(model, PUT_WRITE_T, tier);
}

static void after_sync(const struct model *model, struct state *state, unsigned p, unsigned tier, enum answer answer)
{
    if (answer != REFUSED)
        state->sure[p] = 0;
    if (answer != TAKEN)
        state->failed[p] |= (uint8_t)(1u << tier);
    state->pc[p] = pc_after(model, PUT_SYNC_T, tier);
}

/* The doubt bits that a write leaves behind. `open`: those that it set at its beginning. */
static uint8_t doubt_after(const struct model *model, const struct state *state, unsigned p, unsigned open)
{
    unsigned left = state->doubt & ~open;
    bool taken = state->failed[p] != all_tiers(model);
    if (state->sure[p] || (!taken && !keeps(model, RULE_VOID_IF_REFUSED)))
        return (left | state->before[p]) & 7; /* it never happened */
    if (keeps(model, RULE_KEEP_BEFORE))
        left |= state->before[p];
    if (keeps(model, RULE_KEEP_FAILED))
        left |= state->failed[p];
    return left & 7;
}

/* Whether a change that was taken is still there: a tier may have been damaged since, and nothing is promised then. */
static bool still_there(const struct model *model, const struct state *state, unsigned p)
{
    bool there = !model->config.damages;
    for (unsigned t = 0; t < model->config.tiers; t++)
        there = there || state->version[state->key[p]][t] >= state->best[p];
    return there;
}

static void end_change(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    unsigned key = state->key[p], version = state->best[p], change = state->change_of[version];
    bool taken =
        (state->failed[p] != all_tiers(model) && still_there(model, state, p)) || !keeps(model, RULE_ACK_IF_TAKEN);
    next.doubt = doubt_after(model, state, p, all_tiers(model));
    if (!keeps(model, RULE_DOUBT_BEFORE_CHANGE))
        next.doubt |= state->doubt;
    if (keeps(model, RULE_GENERATION_LAST))
        raise_generation(&next);
    become_idle(&next, p);
    if (taken) {
        next.acked[key] = change & 7;
        next.memory[p][key] = is_dead(state, version) ? 0 : version & 15;
    }
    model->take(model, &next, "P%u ends change %u: page, unlock, %s; tiers in doubt: %#x", p, change,
                taken ? "acknowledge" : "answer an error", next.doubt);
}

static void leave_for_later(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    after_write(model, &next, p, tier, REFUSED);
    model->take(model, &next, "P%u leaves T%u for later", p, tier);
}

void step_change(struct model *model, const struct state *state, unsigned process)
{
    unsigned pc = state->pc[process];
    if (pc == PUT_END) {
        end_change(model, state, process);
    } else if (pc >= PUT_SYNC_T) {
        unsigned tier = pc - PUT_SYNC_T;
        struct state next = *state;
        if (!(state->failed[process] >> tier & 1)) {
            sync_tier(model, state, process, tier, after_sync, "syncs");
            return;
        }
        next.pc[process] = pc_after(model, PUT_SYNC_T, tier);
        model->take(model, &next, "P%u has nothing to sync in T%u", process, tier);
    } else {
        unsigned tier = pc - PUT_WRITE_T;
        write_tier(model, state, process, tier, state->best[process], after_write, "writes the change to");
        if (model->config.write_behind && tier == slowest(model))
            leave_for_later(model, state, process, tier);
    }
}

/* ---- eviction from a tier with a capacity ------------------------------------------------------------------------ */

static bool may_evict(const struct model *model, const struct state *state, unsigned key, unsigned tier)
{
    unsigned last = slowest(model);
    if (!state->on[tier] || !state->version[key][tier])
        return false;
    if (!keeps(model, RULE_EVICT_IF_CLEAR))
        return state->on[last] && state->version[key][last]; /* "it has the key" */
    return state->on[last] && !(state->doubt >> last & 1);
}

void begin_evict(struct model *model, const struct state *state, unsigned process)
{
    if (!model->config.evict)
        return;
    for (unsigned key = 0; key < model->config.keys; key++)
        for (unsigned tier = 0; tier < slowest(model); tier++) {
            if (!may_evict(model, state, key, tier))
                continue;
            struct state next = *state;
            model->doing = (struct doing){.process = process, .pc = EVICT_REMOVE_T + tier, .key = key};
            next.pc[process] = (uint8_t)(EVICT_REMOVE_T + tier);
            next.key[process] = key & 1;
            next.best[process] = state->version[key][tier];
            model->take(model, &next, "P%u finds that key %u may leave T%u", process, key, tier);
        }
}

void step_evict(struct model *model, const struct state *state, unsigned process)
{
    struct state next = *state;
    unsigned tier = state->pc[process] - (unsigned)EVICT_REMOVE_T, key = state->key[process];
    bool same = state->version[key][tier] == state->best[process] || !keeps(model, RULE_REMOVE_IF_SAME);
    if (state->on[tier] && same)
        apply_write(model, &next, key, tier, 0);
    become_idle(&next, process);
    model->take(model, &next, "P%u evicts key %u from T%u%s", process, key, tier, same ? "" : ": another version");
}
