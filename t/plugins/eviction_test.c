/* SPDX-License-Identifier: MIT
 *
 * Policies choose as their definitions say: small cases by hand, a long random one against naive models, and, where it
 * is at hand, a real trace with published miss counts (t/cli/replay.t).
 */
#include "../lib/plugin_user.h"
#include "../lib/tap.h"
#include <stdlib.h>

enum { KEYS = 64, CAPACITY = 16, STATE = 32 };
struct slot {
    bool in;
    uint64_t hits, reached, inserted, used;
    uint64_t state[STATE];
};
static struct slot slot[KEYS];
static uint64_t tick;

struct run {
    struct plugin_user user;
    const struct pxt_eviction_ops *ops;
    void *self;
    unsigned count;
};

static void start(struct run *run, const char *name)
{
    use_plugin(&run->user, name, "{}");
    run->ops = run->user.module->ops;
    run->ops->open(&run->user.host.host, run->user.settings, CAPACITY, &run->self, &run->user.error);
    run->count = 0;
    memset(slot, 0, sizeof slot);
}

static void finish(struct run *run)
{
    run->ops->close(run->self);
    leave_plugin(&run->user);
}

static int victim_of(struct run *run)
{
    void *state = run->ops->victim(run->self, 0);
    for (int i = 0; i < KEYS; i++)
        if (state == slot[i].state)
            return i;
    return -1;
}

static void take_out(struct run *run, int key, enum pxt_removal why)
{
    run->ops->removed(run->self, slot[key].state, why);
    slot[key].in = false;
    run->count--;
}

/* A request: returns who left for it, or -1. */
static int request(struct run *run, int key)
{
    int victim = -1;
    tick++;
    if (slot[key].in) {
        run->ops->accessed(run->self, slot[key].state, 1);
        slot[key].hits++;
        slot[key].reached = slot[key].used = tick;
        return -1;
    }
    if (run->count == CAPACITY)
        victim = victim_of(run);
    slot[key] = (struct slot){.in = true, .hits = 1, .reached = tick, .inserted = tick, .used = tick, .state = {0}};
    run->ops->inserted(run->self, slot[key].state, (uint64_t)key * 0x9e3779b97f4a7c15u, NULL);
    return victim;
}

static int naive(const char *name)
{
    int best = -1;
    for (int i = 0; i < KEYS; i++) {
        if (!slot[i].in)
            continue;
        const struct slot *a = &slot[i], *b = best < 0 ? NULL : &slot[best];
        bool first = !b;
        if (b && !strcmp(name, "lru"))
            first = a->used < b->used;
        if (b && !strcmp(name, "fifo"))
            first = a->inserted < b->inserted;
        if (b && !strcmp(name, "lfu"))
            first = a->hits < b->hits || (a->hits == b->hits && a->reached < b->reached);
        if (first)
            best = i;
    }
    return best;
}

static void compare_with_naive(const char *name)
{
    struct run run;
    unsigned seed = 42, wrong = 0;
    static uint64_t state[KEYS][STATE];
    start(&run, name);
    memset(state, 0, sizeof state);
    for (int i = 0; i < 50000; i++) {
        seed = seed * 1664525u + 1013904223u;
        int key = (int)((seed >> 16) % KEYS * ((seed >> 8) % 4 ? 1 : 0) + (seed >> 20) % 8) % KEYS;
        tick++;
        if (slot[key].in && seed % 97 == 0) {
            run.ops->removed(run.self, state[key], PXT_REMOVE_DELETED);
            slot[key].in = false;
            run.count--;
            continue;
        }
        if (slot[key].in) {
            run.ops->accessed(run.self, state[key], 1);
            slot[key].hits++;
            slot[key].reached = slot[key].used = tick;
            continue;
        }
        if (run.count == CAPACITY) {
            void *chosen = run.ops->victim(run.self, 0);
            int want = naive(name);
            wrong += chosen != state[want];
            wrong += run.ops->victim(run.self, 0) != chosen; /* asked again it says the same */
            run.ops->removed(run.self, chosen, PXT_REMOVE_POLICY);
            for (int k = 0; k < KEYS; k++)
                if (state[k] == chosen)
                    slot[k].in = false;
            run.count--;
        }
        memset(state[key], 0, sizeof state[key]);
        run.ops->inserted(run.self, state[key], (uint64_t)key, NULL);
        slot[key].in = true;
        slot[key].hits = 1;
        slot[key].reached = slot[key].inserted = slot[key].used = tick;
        run.count++;
    }
    is_int(wrong, 0, "%s chooses as a naive model does, 50 000 requests long", name);
    finish(&run);
}

/* For policies without a naive model: whoever is chosen is in, everyone leaves at last, nothing is left behind. */
static void everyone_leaves(const char *name)
{
    struct run run;
    static uint64_t state[KEYS][STATE];
    bool in[KEYS] = {false}, sound = true;
    start(&run, name);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < KEYS; i++) {
            if (in[i]) {
                run.ops->accessed(run.self, state[i], (uint64_t)(i % 3) + 1);
                continue;
            }
            memset(state[i], 0, sizeof state[i]);
            run.ops->inserted(run.self, state[i], (uint64_t)i + 1, NULL);
            in[i] = true;
        }
        for (int left = round % 2 ? KEYS : KEYS / 2; left; left--) {
            uint64_t(*chosen)[STATE] = run.ops->victim(run.self, 0);
            ptrdiff_t i = chosen ? chosen - state : -1;
            sound = sound && i >= 0 && i < KEYS && in[i];
            if (!sound)
                break;
            run.ops->removed(run.self, state[i], PXT_REMOVE_POLICY);
            in[i] = false;
        }
    }
    ok(sound, "%s chooses among those that are in, until none is", name);
    ok(!run.ops->victim(run.self, 0), "%s: an empty policy chooses no one", name);
    finish(&run);
}

static void sieve_gives_a_second_chance(void)
{
    struct run run;
    start(&run, "sieve");
    for (int i = 0; i < 3; i++) {
        request(&run, i);
        run.count++;
    }
    request(&run, 0);
    is_int(victim_of(&run), 1, "the oldest was hit and stays, the next one goes");
    take_out(&run, 1, PXT_REMOVE_POLICY);
    is_int(victim_of(&run), 2, "the hand goes on from there");
    finish(&run);
}

int main(void)
{
    static const char *const all[] = {"lru", "lfu", "fifo", "sieve", "s3fifo"};
    for (int i = 0; i < 3; i++)
        compare_with_naive(all[i]);
    for (int i = 0; i < 5; i++)
        everyone_leaves(all[i]);
    sieve_gives_a_second_chance();
    return tap_done();
}
