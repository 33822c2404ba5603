/* SPDX-License-Identifier: MIT
 *
 * read.c: get with promotion, and listing. Neither holds a lock while it reads.
 */
#include "steps.h"

static void begin_reading(struct state *state, unsigned p, unsigned key, unsigned pc)
{
    state->pc[p] = pc & 63;
    state->key[p] = key & 1;
    state->before[p] = state->doubt;
    note_start(state, p);
}

/* Whether the answer of a tier decides by itself. */
static bool decides(const struct model *model, const struct state *state, unsigned p, unsigned tier, unsigned version)
{
    bool clear = !(state->before[p] >> tier & 1) || !keeps(model, RULE_CLEAR_TIERS_ONLY);
    return clear && (version || tier == slowest(model) || !keeps(model, RULE_CAPACITY_IS_NO_ANSWER));
}

/* Whether what was read may be told. */
static bool may_answer(const struct model *model, const struct state *state, unsigned p)
{
    if (state->moved[p] && keeps(model, RULE_READ_UNCHANGED))
        return false;
    if (!state->sure[p] && state->failed[p] && keeps(model, RULE_ALL_OR_UNAVAILABLE))
        return false;
    return true;
}

/* At level power, what no clear tier decided may not be on any disk: it is repaired, and told then. */
static void repair_first(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    next.pc[p] = PASS_LOCK;
    next.keys[p] = (uint8_t)(1u << state->key[p]);
    next.sure[p] = 1; /* for one key only, and to be answered */
    next.best[p] = next.failed[p] = next.before[p] = 0;
    model->take(model, &next, "P%u gets key %u, reads T%u, will repair the key", p, state->key[p], tier);
}

static void end_get(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    unsigned key = state->key[p], version = state->best[p];
    if (!may_answer(model, state, p)) {
        model->refusals++;
        become_idle(&next, p);
        model->take(model, &next, "P%u gets key %u, reads T%u: cannot tell, or begins again", p, key, tier);
        return;
    }
    if (!state->sure[p] && model->config.sync && keeps(model, RULE_REPAIR_BEFORE_ANSWER)) {
        repair_first(model, state, p, tier);
        return;
    }
    judge_answer(&next, p, version);
    bool live = version && !is_dead(state, version);
    if (live && !state->moved[p] && (state->sure[p] || !keeps(model, RULE_MEMORY_IF_CLEAR)))
        next.memory[p][key] = version & 15; /* tagged with the generation that it looked at first */
    struct state promoting = next;
    become_idle(&next, p);
    model->take(model, &next, "P%u gets key %u, reads T%u, answers change %u", p, key, tier,
                version ? state->change_of[version] : 0);
    if (!model->config.promote || !live || !state->sure[p])
        return;
    promoting.pc[p] = COPY_BEGIN;
    promoting.failed[p] = promoting.sure[p] = promoting.before[p] = 0;
    promoting.acked_at_start[p] = promoting.seen_at_start[p] = 0;
    model->take(model, &promoting, "P%u gets key %u, reads T%u, answers change %u, will promote it", p, key, tier,
                state->change_of[version]);
}

static void read_one(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    unsigned version = state->on[tier] ? state->version[state->key[p]][tier] : 0;
    bool behind = version && !keeps(model, RULE_EXPIRED_STANDS) && (state->expired >> state->change_of[version] & 1);
    if (behind)
        version = 0;
    if (!state->on[tier])
        next.failed[p] |= (uint8_t)(1u << tier);
    else if (decides(model, state, p, tier, version) && !(behind && tier < slowest(model)))
        next.sure[p] = 1;
    if (next.sure[p] || version > state->best[p])
        next.best[p] = version & 15;
    next.pc[p] = (uint8_t)(GET_READ_T + tier + 1);
    if (next.sure[p] || tier == slowest(model))
        end_get(model, &next, p, tier);
    else
        model->take(model, &next, "P%u gets key %u, reads T%u: change %u", p, state->key[p], tier,
                    version ? state->change_of[version] : 0);
}

void begin_get(struct model *model, const struct state *state, unsigned process)
{
    for (unsigned key = 0; key < model->config.keys; key++) {
        struct state next = *state;
        model->doing = (struct doing){.process = process, .pc = GET_READ_T, .key = key};
        begin_reading(&next, process, key, GET_READ_T);
        if (state->memory[process][key] && !is_dead(state, state->memory[process][key])) {
            struct state hit = next;
            model->doing.from_memory = true;
            judge_answer(&hit, process, state->memory[process][key]);
            become_idle(&hit, process);
            model->take(model, &hit, "P%u gets key %u from memory: change %u", process, key,
                        state->change_of[state->memory[process][key]]);
            model->doing.from_memory = false;
        }
        read_one(model, &next, process, 0);
    }
}

/* ---- promotion --------------------------------------------------------------------------------------------------- */

static void begin_copy(struct model *model, const struct state *state, unsigned p)
{
    unsigned key = state->key[p];
    struct state next = *state;
    become_idle(&next, p);
    model->take(model, &next, "P%u promotes nothing", p);
    if (!lock_is_free(model, state) || (state->moved[p] && keeps(model, RULE_PROMOTE_IF_UNCHANGED)))
        return;
    for (unsigned tier = 0; tier < slowest(model); tier++) {
        if (!state->on[tier] || state->version[key][tier] >= state->best[p])
            continue;
        next = *state;
        next.lock = (p + 1) & 3;
        next.before[p] = state->doubt;
        next.pc[p] = (uint8_t)(COPY_WRITE_T + tier);
        if (keeps(model, RULE_DOUBT_BEFORE_COPY)) {
            next.doubt |= (uint8_t)(1u << tier);
            raise_generation(&next);
        }
        next.moved[p] = 0;
        if (!keeps(model, RULE_COPY_KEEPS_VERSION) && state->clock + 2u < VERSIONS) {
            next.clock = (state->clock + 2u) & 15;
            next.change_of[next.clock] = state->change_of[state->best[p]];
            next.best[p] = next.clock;
        }
        model->take(model, &next, "P%u begins to promote change %u to T%u: lock, page", p,
                    state->change_of[state->best[p]], tier);
    }
}

static void after_copy(const struct model *model, struct state *state, unsigned p, unsigned tier, enum answer answer)
{
    unsigned bit = 1u << tier, key = state->key[p], version = state->best[p];
    unsigned left = state->doubt & ~bit;
    if (keeps(model, RULE_KEEP_BEFORE))
        left |= state->before[p] & bit;
    if (answer != TAKEN && keeps(model, RULE_KEEP_FAILED))
        left |= bit;
    state->doubt = left & 7;
    if (keeps(model, RULE_DOUBT_BEFORE_COPY))
        raise_generation(state);
    become_idle(state, p);
    state->memory[p][key] = version & 15;
}

void step_get(struct model *model, const struct state *state, unsigned process)
{
    unsigned pc = state->pc[process];
    if (pc < COPY_BEGIN)
        read_one(model, state, process, pc - GET_READ_T);
    else if (pc == COPY_BEGIN)
        begin_copy(model, state, process);
    else
        write_tier(model, state, process, pc - COPY_WRITE_T, state->best[process], after_copy, "copies to");
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */

static void end_list(struct model *model, const struct state *state, unsigned p, unsigned tier)
{
    struct state next = *state;
    unsigned last = 1u << slowest(model);
    bool complete = !state->failed[p] || !((state->failed[p] | state->before[p] | state->doubt) & last);
    if (complete || !keeps(model, RULE_LIST_TELLS)) {
        unsigned seen = state->seen[state->key[p]];
        next.seen_at_start[p] = 0; /* P5 is about what was acknowledged */
        judge_answer(&next, p, state->best[p]);
        next.seen[state->key[p]] = seen & 7;
        if (next.broken)
            next.broken = P5_LISTING_SHORT;
    }
    become_idle(&next, p);
    model->take(model, &next, "P%u lists T%u and ends: change %u%s", p, tier,
                state->best[p] ? state->change_of[state->best[p]] : 0, complete ? "" : ", perhaps not all");
}

static void list_one(struct model *model, const struct state *state, unsigned p)
{
    struct state next = *state;
    unsigned tier = state->pc[p] - (unsigned)LIST_READ_T, version = state->version[state->key[p]][tier];
    bool down = keeps(model, RULE_LIST_DOWNWARDS);
    if (!state->on[tier])
        next.failed[p] |= (uint8_t)(1u << tier);
    else if (version > state->best[p])
        next.best[p] = version & 15;
    if (down ? tier == slowest(model) : tier == 0) {
        end_list(model, &next, p, tier);
        return;
    }
    next.pc[p] = (uint8_t)(state->pc[p] + (down ? 1 : -1));
    model->take(model, &next, "P%u lists T%u: change %u", p, tier, version ? state->change_of[version] : 0);
}

void begin_list(struct model *model, const struct state *state, unsigned process)
{
    if (!model->config.list)
        return;
    for (unsigned key = 0; key < model->config.keys; key++) {
        struct state next = *state;
        unsigned first = keeps(model, RULE_LIST_DOWNWARDS) ? 0 : slowest(model);
        model->doing = (struct doing){.process = process, .pc = LIST_READ_T, .key = key};
        begin_reading(&next, process, key, LIST_READ_T + first);
        list_one(model, &next, process);
    }
}

void step_list(struct model *model, const struct state *state, unsigned process)
{
    list_one(model, state, process);
}
