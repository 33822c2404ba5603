/* SPDX-License-Identifier: MIT
 *
 * pass.c: the pass, which makes tiers equal and clears doubt, and the checkpoint, up to which all tiers are known to agree.
 */
#include "steps.h"

/* ---- pass: note the word, list the keys, lock, repair each, clear ------------------------------------------------ */

static bool write_may_arrive(const struct state *state)
{
    for (unsigned k = 0; k < KEYS; k++)
        for (unsigned t = 0; t < TIERS; t++)
            if (state->late[k][t])
                return true;
    return false;
}

static void give_up(struct model *model, const struct state *state, unsigned p, const char *why)
{
    struct state next = *state;
    become_idle(&next, p);
    model->take(model, &next, "P%u gives up the pass: %s", p, why);
}

/* Without a lock: the keys that changed since the checkpoint. */
static void list_keys(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    unsigned known = known_checkpoint(model, state);
    if (!state->on[tier] && keeps(model, RULE_PASS_NEEDS_ALL)) {
        give_up(model, state, p, "a tier is off");
        return;
    }
    for (unsigned k = 0; k < model->config.keys && state->on[tier]; k++)
        if (state->version[k][tier] > known)
            next.keys[p] |= (uint8_t)(1u << k);
    next.pc[p] = (uint8_t)(tier == slowest(model) ? (unsigned)PASS_LOCK : PASS_LIST_T + tier + 1);
    model->take(model, &next, "P%u, for a pass, lists what changed in T%u", p, tier);
}

void begin_pass(struct model *model, const struct state *state, unsigned process)
{
    if (!state->doubt || (write_may_arrive(state) && keeps(model, RULE_PASS_WAITS)) ||
        (state->lock && keeps(model, RULE_PASS_BETWEEN_CHANGES)))
        return;
    model->doing = (struct doing){.process = process, .pc = PASS_LIST_T};
    list_keys(model, state, process, 0);
}

/* Whether the pass writes to a tier. One with a capacity that has nothing need not have the newest; but where power may be
 * lost, that it has nothing may not have been synced. */
static bool pass_writes(const struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    unsigned has = state->version[state->key[p]][tier];
    if (!(state->doubt >> tier & 1) || (state->failed[p] >> tier & 1) || !state->best[p])
        return false;
    if (model->config.power_losses && keeps(model, RULE_PASS_REWRITES))
        return true;
    return (has || tier == slowest(model)) && has != state->best[p];
}

/* Gives a tier the newest, or takes away again what it should not have. A tier with a capacity that has an older version may
 * as well lose that: its disk may be full. Not at level power, where the newest is not yet synced elsewhere; and not where
 * tiers are damaged: the newest may be lost in that moment, and then the older version is gone too. */
static void repair(struct model *model, const struct state *state, unsigned p, unsigned tier, after_fn *after)
{
    unsigned has = state->version[state->key[p]][tier];
    bool limited = tier != slowest(model), may_lose = !has || !(model->config.sync || model->config.damages);
    if (has || !limited)
        write_tier(model, state, p, tier, state->best[p], after, "repairs");
    if (limited && has < state->best[p] && may_lose)
        write_tier(model, state, p, tier, 0, after, "takes the old version out of");
}

static void next_key(const struct model *model, struct state *state, unsigned p)
{
    if (state->keys[p]) {
        state->best[p] = 0;
        state->key[p] = !(state->keys[p] & 1);
        state->keys[p] &= (uint8_t) ~(1u << state->key[p]);
        state->pc[p] = PASS_ASK_T;
    } else {
        if (!state->sure[p])
            state->best[p] = state->key[p] = 0;
        state->pc[p] = (uint8_t)(model->config.sync ? PASS_SYNC_T + slowest(model) : (unsigned)PASS_CLEAR);
    }
}

static void lock_word(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    if (!lock_is_free(model, state))
        return;
    if (state->moved[p] && !state->sure[p] && keeps(model, RULE_PASS_UNCHANGED)) {
        give_up(model, state, p, "the word changed");
        return;
    }
    next.lock = (p + 1) & 3;
    if (keeps(model, RULE_GENERATION_BEFORE_PASS))
        raise_generation(&next);
    next_key(model, &next, p);
    next.moved[p] = 0;
    model->take(model, &next, "P%u locks for its pass", p);
}

/* Goes to the next tier below `tiers` that is to be written, or to the next key. */
static void next_write(const struct model *model, struct state *state, unsigned p, unsigned tiers)
{
    while (tiers-- > 0)
        if (pass_writes(model, state, p, tiers)) {
            state->pc[p] = (uint8_t)(PASS_WRITE_T + tiers);
            return;
        }
    next_key(model, state, p);
}

static void ask(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    unsigned version = state->version[state->key[p]][tier];
    if (!state->on[tier] && keeps(model, RULE_PASS_NEEDS_ALL)) {
        give_up(model, state, p, "a tier is off");
        return;
    }
    if (!state->on[tier])
        next.failed[p] |= (uint8_t)(1u << tier);
    else if (version > state->best[p])
        next.best[p] = version & 15;
    if (tier == slowest(model))
        next_write(model, &next, p, model->config.tiers);
    else
        next.pc[p]++;
    model->take(model, &next, "P%u asks T%u for key %u", p, tier, state->key[p]);
}

static void after_repair(const struct model *model, struct state *state, unsigned p, unsigned tier, enum answer answer)
{
    if (answer != TAKEN) {
        become_idle(state, p);
        return;
    }
    if (!keeps(model, RULE_PASS_CLEARS_LAST) && !state->keys[p]) {
        state->doubt &= (uint8_t) ~(1u << tier);
        raise_generation(state);
    }
    next_write(model, state, p, tier);
}

static void after_sync(const struct model *model, struct state *state, unsigned p, unsigned tier, enum answer answer)
{
    (void)model;
    if (answer != TAKEN)
        become_idle(state, p);
    else
        state->pc[p] = (uint8_t)(tier ? PASS_SYNC_T + tier - 1 : (unsigned)PASS_CLEAR);
}

/* The end of the repair of one key for a get: no bit is cleared, for the word has other keys. */
static void answer_repaired(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    judge_answer(&next, p, state->best[p]);
    raise_generation(&next);
    become_idle(&next, p);
    model->take(model, &next, "P%u unlocks, and answers the repaired key: change %u", p,
                state->best[p] ? state->change_of[state->best[p]] : 0);
}

static void clear(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    next.doubt &= state->failed[p];
    raise_generation(&next);
    become_idle(&next, p);
    model->take(model, &next, "P%u ends its pass: page, unlock; tiers in doubt: %#x", p, next.doubt);
}

void step_pass(struct model *model, const struct state *state, unsigned process)
{
    unsigned pc = state->pc[process];
    if (pc < PASS_LOCK)
        list_keys(model, state, process, pc - PASS_LIST_T);
    else if (pc == PASS_LOCK)
        lock_word(model, state, process);
    else if (pc < PASS_WRITE_T)
        ask(model, state, process, pc - PASS_ASK_T);
    else if (pc < PASS_SYNC_T)
        repair(model, state, process, pc - PASS_WRITE_T, after_repair);
    else if (pc < PASS_CLEAR)
        sync_tier(model, state, process, pc - PASS_SYNC_T, after_sync, "syncs");
    else if (state->sure[process])
        answer_repaired(model, state, process);
    else
        clear(model, state, process);
}

/* ---- checkpoint -------------------------------------------------------------------------------------------------- */

void begin_checkpoint(struct model *model, const struct state *state, unsigned process)
{
    bool in_doubt = state->doubt && keeps(model, RULE_CHECKPOINT_IF_CLEAR);
    bool syncs = model->config.power_losses && keeps(model, RULE_CHECKPOINT_SYNCS);
    if (!model->config.checkpoint || !lock_is_free(model, state) || in_doubt ||
        known_checkpoint(model, state) == state->clock)
        return;
    struct state next = *state;
    model->doing = (struct doing){.process = process, .pc = CHECKPOINT_SYNC_T};
    next.lock = (process + 1) & 3;
    next.best[process] = state->clock;
    next.pc[process] = syncs ? CHECKPOINT_SYNC_T : CHECKPOINT_WRITE_T;
    model->take(model, &next, "P%u begins a checkpoint", process);
}

static void after_checkpoint_sync(const struct model *model, struct state *state, unsigned p, unsigned tier,
                                  enum answer answer)
{
    if (answer == TAKEN) {
        state->pc[p] = (uint8_t)(tier == slowest(model) ? (unsigned)CHECKPOINT_WRITE_T : CHECKPOINT_SYNC_T + tier + 1);
        return;
    }
    if (state->on[tier]) {
        state->doubt |= (uint8_t)(1u << tier);
        raise_generation(state);
    }
    become_idle(state, p);
}

void step_checkpoint(struct model *model, const struct state *state, unsigned process)
{
    unsigned pc = state->pc[process], tier = pc - (unsigned)CHECKPOINT_WRITE_T;
    if (pc < CHECKPOINT_WRITE_T) {
        sync_tier(model, state, process, pc - CHECKPOINT_SYNC_T, after_checkpoint_sync, "syncs for a checkpoint");
        return;
    }
    struct state next = *state;
    if (state->on[tier])
        next.checkpoint[tier] = state->best[process];
    if (!state->on[tier] || tier == slowest(model))
        become_idle(&next, process);
    else
        next.pc[process]++;
    model->take(model, &next, "P%u writes the checkpoint to T%u%s", process, tier,
                state->on[tier] ? "" : ": it is off");
}
