/* SPDX-License-Identifier: MIT
 *
 * eviction_admission.c: what a policy promises that is told who comes in and what was missed, and may keep a newcomer out.
 */
#include "eviction_kit.h"

enum { STEPS = 5000 };

static uint64_t hash_of(unsigned i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void miss(struct store *store, uint64_t hash)
{
    if (!store->ops->missed)
        return;
    calling("missed");
    store->ops->missed(store->self, hash);
}

/* Asks for room for a newcomer. NODES: the policy keeps it out. */
static unsigned victim_for(struct store *store, uint64_t newcomer)
{
    calling("victim, for a newcomer");
    const void *state = store->ops->victim(store->self, newcomer);
    if (state == PXT_VICTIM_NEWCOMER)
        return NODES;
    expect(state != NULL, "it has no victim for a newcomer, while it is full");
    for (unsigned i = 0; i < NODES; i++)
        if (state == state_of(store, i)) {
            expect(store->node[i].in, "its victim for a newcomer is an entry that was removed");
            return i;
        }
    expect(false, "its victim for a newcomer is not the state of any entry");
    return NODES;
}

/* Room for nobody in particular: nobody can be kept out. */
static unsigned victim_for_nobody(struct store *store)
{
    calling("victim, for nobody in particular");
    expect(store->ops->victim(store->self, 0) != PXT_VICTIM_NEWCOMER,
           "asked for room for nobody in particular, it keeps the newcomer out");
    return victim_of(store);
}

/* Entries come, as in the core: each is missed, and gets room, or is kept out, or comes in all the same. */
static void a_newcomer_is_kept_out_or_not(struct subject *subject)
{
    struct store store;
    uint64_t dice = 7;
    unsigned in = 0;
    store_open(&store, subject);
    for (unsigned step = 0; step < STEPS; step++) {
        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
        unsigned i = (unsigned)(dice >> 40) % NODES;
        if (store.node[i].in) {
            store.ops->accessed(store.self, state_of(&store, i), 1);
            continue;
        }
        miss(&store, hash_of(i));
        if (in == NODES / 2) {
            unsigned victim = victim_for(&store, hash_of(i));
            if (victim == NODES && step % 2)
                continue;
            victim = victim == NODES ? victim_for_nobody(&store) : victim;
            expect(victim < NODES, "it has no victim, while it is full");
            take_out(&store, victim, PXT_REMOVE_POLICY);
            in--;
        }
        insert_hashed(&store, i, hash_of(i));
        in++;
    }
    check_guards(&store);
    expect_all_evicted(&store, in, "after newcomers");
    store_close(&store);
}

static void nobody_is_no_newcomer(struct subject *subject)
{
    struct store store;
    store_open(&store, subject);
    for (unsigned i = 0; i < NODES / 2; i++)
        insert_hashed(&store, i, hash_of(i));
    for (unsigned i = 0; i < NODES; i++)
        victim_for_nobody(&store);
    store_close(&store);
}

static struct store missing;

static void miss_some(struct subject *subject)
{
    static uint64_t next;
    (void)subject;
    for (unsigned i = 0; i < 20000; i++)
        miss(&missing, ++next * UINT64_C(0x9e3779b97f4a7c15));
}

/* What is missed is no entry: whether it is remembered is up to the policy, but not without end. */
static void remembers_misses_with_an_end(struct subject *subject)
{
    store_open(&missing, subject);
    for (unsigned i = 0; i < NODES / 2; i++)
        insert_hashed(&missing, i, hash_of(i));
    expect_no_growth(miss_some, subject, 16000, "20000 misses");
    check_guards(&missing);
    expect_all_evicted(&missing, NODES / 2, "after many misses");
    store_close(&missing);
}

static const char *is_not_told(const struct subject *subject)
{
    return ((const struct pxt_eviction_ops *)subject->plugin->ops)->missed ? NULL : "it is not told of misses";
}

const struct check eviction_admission_checks[] = {
    {"a newcomer comes in, or is kept out", a_newcomer_is_kept_out_or_not, NULL},
    {"nobody in particular is not kept out", nobody_is_no_newcomer, NULL},
    {"what it remembers of misses has an end", remembers_misses_with_an_end, is_not_told},
    {NULL, NULL, NULL}};
