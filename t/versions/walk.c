/* SPDX-License-Identifier: MIT
 *
 * walk.c: walks through the model, and says what each step is.
 */
#include "walk.h"
#include "steps.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct walker {
    struct model model; /* first: `take` gets a pointer to it */
    uint64_t dice;
    bool tell;
    struct state from, to;
    struct step step;
    unsigned weights; /* of all steps that were offered in this state */
    char text[160];
};

unsigned throw_dice(uint64_t *dice, unsigned sides)
{
    uint64_t z = (*dice += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % sides);
}

/* ---- what a step is ---------------------------------------------------------------------------------------------- */

static void begins(const struct walker *walker, struct step *step)
{
    const struct doing *doing = &walker->model.doing;
    step->action = doing->pc == PUT_WRITE_T   ? (doing->is_delete ? BEGIN_DELETE : BEGIN_PUT)
                   : doing->pc == GET_READ_T  ? BEGIN_GET
                   : doing->pc == LIST_READ_T ? BEGIN_LIST
                   : doing->pc == PASS_LIST_T ? BEGIN_PASS
                   : doing->pc >= EVICT_REMOVE_T && doing->pc < PASS_LIST_T ? BEGIN_EVICT
                                                                            : BEGIN_CHECKPOINT;
    if (step->action == BEGIN_EVICT)
        step->tier = (uint8_t)(doing->pc - EVICT_REMOVE_T);
    step->reads =
        (step->action == BEGIN_GET && !doing->from_memory) || step->action == BEGIN_LIST || step->action == BEGIN_PASS;
}

/* What a process does at each of its places. Those that end in _T stand for as many as there are tiers. */
static const struct {
    uint8_t first, count, action;
} places[] = {
    {PUT_WRITE_T, TIERS, WRITE_TIER},      {PUT_SYNC_T, TIERS, SYNC_TIER},
    {GET_READ_T, TIERS, READ_TIER},        {COPY_WRITE_T, TIERS, WRITE_TIER},
    {EVICT_REMOVE_T, TIERS, WRITE_TIER},   {PASS_LIST_T, TIERS, READ_TIER},
    {PASS_ASK_T, TIERS, READ_TIER},        {PASS_WRITE_T, TIERS, WRITE_TIER},
    {PASS_SYNC_T, TIERS, SYNC_TIER},       {LIST_READ_T, TIERS, READ_TIER},
    {CHECKPOINT_SYNC_T, TIERS, SYNC_TIER}, {CHECKPOINT_WRITE_T, TIERS, STORE_CHECKPOINT},
};

static void goes_on(const struct walker *walker, struct step *step)
{
    unsigned pc = walker->model.doing.pc;
    step->action = GO_ON;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++)
        if (pc >= places[i].first && pc < (unsigned)places[i].first + places[i].count) {
            step->action = places[i].action;
            step->tier = (uint8_t)(pc - places[i].first);
        }
}

static void of_process(const struct walker *walker, const struct state *next, struct step *step)
{
    const struct doing *doing = &walker->model.doing;
    step->process = (uint8_t)doing->process;
    step->key = doing->key & 1;
    step->fault = (uint8_t)doing->fault;
    step->ends = next->pc[step->process] == IDLE;
    if (walker->from.pc[step->process] == IDLE)
        begins(walker, step);
    else
        goes_on(walker, step);
}

static void note_images(const struct state *next, struct step *step)
{
    step->action = LOSE_POWER;
    for (unsigned k = 0; k < KEYS; k++)
        for (unsigned t = 0; t < TIERS; t++)
            step->image[k][t] = next->change_of[next->version[k][t]];
}

static void of_tier(const struct walker *walker, const struct state *next, struct step *step)
{
    const struct state *from = &walker->from;
    bool damaged = next->damages_left != from->damages_left;
    for (unsigned t = 0; t < TIERS; t++) {
        for (unsigned k = 0; k < KEYS; k++)
            if (next->version[k][t] != from->version[k][t]) {
                step->action = damaged ? DAMAGE_TIER : DROP_TOMBSTONE;
                step->tier = (uint8_t)t;
                step->key = k & 1;
            }
        if (!damaged && next->on[t] != from->on[t]) {
            step->action = next->on[t] ? TIER_COMES : TIER_GOES;
            step->tier = (uint8_t)t;
        }
    }
}

static void of_world(const struct walker *walker, const struct state *next, struct step *step)
{
    const struct state *from = &walker->from;
    step->process = PROCESSES;
    step->action = GO_ON;
    if (next->kills_left != from->kills_left) {
        step->action = KILL;
        step->process = next->pc[0] == from->pc[0];
        step->ends = 1;
    } else if (next->power_losses_left != from->power_losses_left) {
        note_images(next, step);
    } else if (next->expiries_left != from->expiries_left) {
        unsigned expired = next->expired & ~from->expired;
        step->action = EXPIRE;
        while (expired >>= 1)
            step->change++;
    } else {
        of_tier(walker, next, step);
    }
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

/* Whether some tier has the key, and not as a tombstone. */
static bool is_stored(const struct walker *walker, unsigned key)
{
    const struct state *from = &walker->from;
    for (unsigned t = 0; t < walker->model.config.tiers; t++)
        if (from->version[key][t] && !(from->deletes >> from->change_of[from->version[key][t]] & 1))
            return true;
    return false;
}

/* Whether the core does it too: a delete of what is not there writes nothing; a get asks no tier while memory has the key. */
static bool is_possible(const struct walker *walker, const struct step *step)
{
    const struct state *from = &walker->from;
    if (step->action == BEGIN_DELETE)
        return is_stored(walker, step->key);
    if (step->action != BEGIN_GET || !step->reads || !from->memory[step->process][step->key])
        return true;
    return is_dead(from, from->memory[step->process][step->key]);
}

/* Changes are few, and gets are many: so that a walk does not use up all its changes in a row, nor never come to one. */
static unsigned weight_of(const struct step *step)
{
    static const uint8_t weight[ACTIONS] = {
        [BEGIN_PUT] = 8,  [BEGIN_DELETE] = 6,      [BEGIN_GET] = 4,   [BEGIN_LIST] = 4,  [BEGIN_EVICT] = 6,
        [BEGIN_PASS] = 6, [BEGIN_CHECKPOINT] = 2,  [READ_TIER] = 16,  [WRITE_TIER] = 16, [SYNC_TIER] = 16,
        [GO_ON] = 16,     [STORE_CHECKPOINT] = 16, [KILL] = 1,        [TIER_GOES] = 3,   [TIER_COMES] = 4,
        [EXPIRE] = 2,     [DROP_TOMBSTONE] = 4,    [DAMAGE_TIER] = 2, [LOSE_POWER] = 1};
    return step->fault ? 6 : weight[step->action];
}

/* Takes one of all successors, each with a chance by its weight. */
static void take_one(struct model *model, const struct state *next, const char *text, ...)
{
    struct walker *walker = (struct walker *)model;
    struct step step = {0};
    if (model->doing.process < PROCESSES)
        of_process(walker, next, &step);
    else
        of_world(walker, next, &step);
    unsigned weight = is_possible(walker, &step) ? weight_of(&step) : 0;
    walker->weights += weight;
    if (!weight || throw_dice(&walker->dice, walker->weights) >= weight)
        return;
    walker->to = *next;
    walker->step = step;
    if (walker->tell) {
        va_list args;
        va_start(args, text);
        vsnprintf(walker->text, sizeof walker->text, text, args);
        va_end(args);
    }
}

static void add(struct schedule *schedule, const struct step *step)
{
    unsigned char bytes[sizeof *step];
    memcpy(bytes, step, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        schedule->hash = (schedule->hash ^ bytes[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    schedule->step[schedule->count++] = *step;
}

void walk(const struct config *config, uint64_t number, bool tell, struct schedule *schedule)
{
    struct walker walker = {.model = {.config = *config, .take = take_one}, .dice = number, .tell = tell};
    walker.model.config.late = false;
    *schedule = (struct schedule){.config = walker.model.config, .hash = UINT64_C(0xcbf29ce484222325)};
    first_state(&walker.model, &walker.to);
    unsigned length = 8 + throw_dice(&walker.dice, SCHEDULE_STEPS - 7);
    while (schedule->count < length) {
        walker.from = walker.to;
        walker.weights = 0;
        all_steps(&walker.model, &walker.from);
        if (!walker.weights)
            return;
        add(schedule, &walker.step);
        if (tell)
            printf("# %2u. %s\n", schedule->count, walker.text);
    }
}
