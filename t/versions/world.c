/* SPDX-License-Identifier: MIT
 *
 * world.c: what happens by itself: processes are killed, tiers go away and come back, writes arrive late, time passes,
 * power fails; and what must hold in a state at rest.
 */
#include "steps.h"

/* ---- faults ------------------------------------------------------------------------------------------------------ */

/* Whether the next step of a process writes to a tier that may still get that write after the process is dead. */
static bool is_writing(const struct state *state, unsigned p, unsigned *tier)
{
    static const unsigned char first[] = {PUT_WRITE_T, COPY_WRITE_T, PASS_WRITE_T};
    for (unsigned i = 0; i < sizeof first; i++)
        if (state->pc[p] >= first[i] && state->pc[p] < first[i] + TIERS) {
            *tier = (unsigned)(state->pc[p] - first[i]);
            return true;
        }
    return false;
}

static void kill(struct model *model, const struct state *state, unsigned p)
{
    unsigned tier = 0, key = state->key[p];
    struct state next = *state;
    if (state->pc[p] == IDLE || !state->kills_left)
        return;
    next.kills_left--;
    for (unsigned k = 0; k < KEYS; k++)
        next.memory[p][k] = 0;
    become_idle(&next, p);
    model->take(model, &next, "kill -9 of P%u", p);
    if (!model->config.late || !is_writing(state, p, &tier) || state->late[key][tier] || !state->on[tier])
        return;
    next.late[key][tier] = state->best[p];
    model->take(model, &next, "kill -9 of P%u, its write to T%u may still arrive", p, tier);
}

static void come_and_go(struct model *model, const struct state *state, unsigned tier)
{
    struct state next = *state;
    if (state->on[tier] && !state->absences_left)
        return;
    if ((state->damaged >> tier & 1) && !lock_is_free(model, state))
        return;
    if ((state->damaged >> tier & 1) && keeps(model, RULE_DAMAGE_DOUBTS)) {
        next.doubt |= (uint8_t)(1u << tier);
        next.checkpoint[tier] = 0;
        raise_generation(&next);
    }
    next.damaged &= (uint8_t) ~(1u << tier);
    next.on[tier] = !state->on[tier];
    next.absences_left -= state->on[tier] & 3;
    model->take(model, &next, "T%u %s", tier, state->on[tier] ? "goes off" : "is on again");
}

static void late_write(struct model *model, const struct state *state, unsigned key, unsigned tier)
{
    struct state next = *state;
    if (!state->late[key][tier])
        return;
    next.late[key][tier] = 0;
    model->take(model, &next, "a late write to T%u can no longer arrive", tier);
    apply_write(model, &next, key, tier, state->late[key][tier]);
    model->take(model, &next, "a late write arrives in T%u: change %u", tier, state->change_of[state->late[key][tier]]);
}

static void expire(struct model *model, const struct state *state)
{
    for (unsigned change = 1; change <= state->changes && state->expiries_left; change++) {
        struct state next = *state;
        unsigned bit = 1u << change;
        if ((state->deletes | state->expired) & bit)
            continue;
        next.expiries_left--;
        next.expired |= (uint8_t)bit;
        model->take(model, &next, "change %u expires", change);
    }
}

static void collect(struct model *model, const struct state *state, unsigned key, unsigned tier)
{
    struct state next = *state;
    unsigned version = state->version[key][tier];
    bool agreed = version <= known_checkpoint(model, state) || !keeps(model, RULE_COLLECT_BELOW_CHECKPOINT);
    if (!model->config.checkpoint || !state->on[tier] || !version || !is_dead(state, version) || !agreed)
        return;
    apply_write(model, &next, key, tier, 0);
    next.collected |= (uint8_t)(1u << state->change_of[version]);
    model->take(model, &next, "the tombstone of key %u is dropped from T%u", key, tier);
}

/* The last promise is void unless another tier has that change or a later one; earlier ones it had replaced. */
static void lower(uint8_t *acked, uint8_t *seen, unsigned change)
{
    if (*acked > change || *seen > change)
        *acked = *seen = 0;
}

/* A tier that lost something: the promise holds for what another tier took, not for what memory alone still has. */
static void lower_promises(const struct model *model, struct state *state, unsigned key, unsigned tier)
{
    unsigned newest = 0;
    for (unsigned t = 0; t < model->config.tiers; t++)
        if (t != tier && state->version[key][t] > newest)
            newest = state->version[key][t];
    unsigned change = newest ? state->change_of[newest] : 0;
    lower(&state->acked[key], &state->seen[key], change);
    for (unsigned p = 0; p < PROCESSES; p++)
        lower(&state->acked_at_start[p], &state->seen_at_start[p], change);
    raise_generation(state); /* stands for memory and readers that still have what no tier has */
}

static void damage_to(struct model *model, const struct state *state, unsigned key, unsigned tier, unsigned version)
{
    struct state next = *state;
    next.damages_left = 0;
    next.version[key][tier] = version & 15;
    lower_promises(model, &next, key, tier);
    next.on[tier] = 0;
    next.damaged |= (uint8_t)(1u << tier);
    model->take(model, &next, "T%u is damaged, and off: of key %u it has change %u", tier, key,
                version ? state->change_of[version] : 0);
}

/* Whether a process acts on what a tier answered before: an eviction, a promotion, a listing. What a tier loses meanwhile it
 * might as well have lost after that, when no other tier had it. */
static bool acts_on_answer(const struct state *state, unsigned p)
{
    return (state->pc[p] >= COPY_WRITE_T && state->pc[p] < EVICT_REMOVE_T + TIERS) ||
           (state->pc[p] >= LIST_READ_T && state->pc[p] < LIST_READ_T + TIERS);
}

/* A tier loses a key, or goes back to an older content: a backup, or what an expelled tier comes back with. It is off until
 * that is noted in the page, under the lock. */
static void damage(struct model *model, const struct state *state, unsigned key, unsigned tier)
{
    for (unsigned p = 0; p < PROCESSES; p++)
        if (acts_on_answer(state, p))
            return;
    if (!state->damages_left || !state->on[tier])
        return;
    if (state->version[key][tier])
        damage_to(model, state, key, tier, 0);
    for (unsigned version = 1; version < state->clock && !keeps(model, RULE_GONE_BACK_IS_EMPTIED); version++)
        if (state->change_of[version] && version != state->version[key][tier])
            damage_to(model, state, key, tier, version);
}

/* For each mix of the images that the tiers may have after the power failed. */
static void lose_power(struct model *model, struct state *next, unsigned place)
{
    unsigned key = place / TIERS, tier = place % TIERS;
    if (place == model->config.keys * TIERS) {
        model->take(model, next, "power fails: key 0 has change %u in T0, change %u in T1",
                    next->change_of[next->version[0][0]], next->change_of[next->version[0][1]]);
        return;
    }
    if (tier > slowest(model)) {
        lose_power(model, next, place + 1);
        return;
    }
    uint16_t images = next->images[key][tier];
    uint8_t failed = next->sync_failed[key][tier];
    for (unsigned version = 0; version < VERSIONS; version++)
        if (images >> version & 1) {
            next->version[key][tier] = version & 15;
            next->images[key][tier] = (uint16_t)(1u << version);
            next->sync_failed[key][tier] = 0;
            lose_power(model, next, place + 1);
        }
    next->images[key][tier] = images;
    next->sync_failed[key][tier] = failed;
}

static void power_loss(struct model *model, const struct state *state)
{
    struct state next = *state;
    next.power_losses_left = 0;
    next.lock = 0;
    for (unsigned p = 0; p < PROCESSES; p++)
        become_idle(&next, p);
    raise_generation(&next);
    if (keeps(model, RULE_VOID_PAGE))
        next.doubt = all_tiers(model) & 7;
    else
        next.doubt = 0;
    for (unsigned k = 0; k < KEYS && !model->config.sync; k++)
        next.acked[k] = next.seen[k] = 0; /* nothing was promised below level power */
    lose_power(model, &next, 0);
}

void world_steps(struct model *model, const struct state *state)
{
    for (unsigned p = 0; p < PROCESSES; p++)
        kill(model, state, p);
    for (unsigned t = 0; t < model->config.tiers; t++)
        come_and_go(model, state, t);
    for (unsigned k = 0; k < model->config.keys; k++)
        for (unsigned t = 0; t < model->config.tiers; t++) {
            late_write(model, state, k, t);
            damage(model, state, k, t);
            if (!model->config.old)
                collect(model, state, k, t);
        }
    expire(model, state);
    if (state->power_losses_left)
        power_loss(model, state);
}
