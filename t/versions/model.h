/* SPDX-License-Identifier: MIT
 *
 * model.h: what is searched: the chain, the operations and faults that may happen, and the rules that are kept.
 */
#ifndef PXT_VERSIONS_MODEL_H
#define PXT_VERSIONS_MODEL_H

#include "state.h"
#include <stddef.h>

/* The switches: bit, number of the rule in doc/versions.md, what happens without it. */
#define RULES(X)                                                                                                       \
    X(VERSION_ABOVE_ALL, "1", "a version above what the page has seen, not only above what tiers answer")              \
    X(COPY_KEEPS_VERSION, "2", "a copy keeps its version")                                                             \
    X(WRITE_IF_NEWER, "3", "a tier replaces only what is older")                                                       \
    X(REMOVE_IF_SAME, "3", "a removal names the version that it removes")                                              \
    X(TOMBSTONE, "4", "a delete is written as a tombstone")                                                            \
    X(LOCK, "5", "a write holds the lock of its key")                                                                  \
    X(DOUBT_BEFORE_CHANGE, "6", "the doubt bits of all tiers are set before a change writes to the first")             \
    X(DOUBT_BEFORE_COPY, "6", "the doubt bit of a tier is set before a copy is written to it")                         \
    X(KEEP_FAILED, "7", "the bit of a tier that did not take the write stays set")                                     \
    X(KEEP_BEFORE, "7", "a bit that was set before the write stays set after it")                                      \
    X(GENERATION_FIRST, "6", "the generation is raised before the first tier is written")                              \
    X(GENERATION_BEFORE_PASS, "6", "the generation is raised before a pass writes")                                    \
    X(GENERATION_LAST, "7", "the generation is raised again after the last tier was written")                          \
    X(ACK_IF_TAKEN, "8", "a change is acknowledged only where a durable tier took it")                                 \
    X(SYNC_IS_PART, "9", "at level power, what is not synced is not taken")                                            \
    X(CLEAR_TIERS_ONLY, "10", "a tier in doubt does not answer alone")                                                 \
    X(CAPACITY_IS_NO_ANSWER, "10", "a tier with a capacity that has nothing is no answer")                             \
    X(ALL_OR_UNAVAILABLE, "10", "where no clear tier can tell, all tiers have to answer")                              \
    X(CHECK_WORD, "11", "a reader looks at the word again before it answers")                                          \
    X(MEMORY_IF_SURE, "12", "memory is filled only from a clear tier")                                                 \
    X(REPAIR_BEFORE_ANSWER, "13", "at level power, a key in doubt is repaired before it is told")                      \
    X(EXPIRED_STANDS, "14", "an expired version is its own tombstone")                                                 \
    X(EVICT_IF_CLEAR, "15", "an entry leaves a tier only while the slowest is clear")                                  \
    X(PASS_NEEDS_ALL, "16", "a pass needs the answers of all tiers")                                                   \
    X(PASS_WAITS, "16", "a pass waits until no earlier write can arrive")                                              \
    X(PASS_BETWEEN_CHANGES, "16", "a pass begins while no write is open")                                              \
    X(PASS_UNCHANGED, "16", "a pass clears bits only where the word did not change since it began to list keys")       \
    X(PASS_REWRITES, "17", "at level power, a pass writes again what it syncs")                                        \
    X(CHECKPOINT_IF_CLEAR, "18", "a checkpoint needs all bits clear")                                                  \
    X(CHECKPOINT_SYNCS, "18", "a checkpoint syncs all tiers first")                                                    \
    X(LOWEST_CHECKPOINT, "18", "the lowest checkpoint of all tiers counts")                                            \
    X(COLLECT_BELOW_CHECKPOINT, "19", "a tombstone is dropped only at or below the checkpoint")                        \
    X(VOID_PAGE, "20", "after another boot all tiers are in doubt")                                                    \
    X(LIST_DOWNWARDS, "21", "a listing asks the fastest tier first")                                                   \
    X(LIST_TELLS, "21", "a listing that is not certain to be complete says so")                                        \
    X(SLOWEST_FIRST, "", "a change writes to the slowest tier first")                                                  \
    X(PASS_CLEARS_AT_ONCE, "", "a pass clears all bits at once, at its end")

enum rule_index {
#define RULE_INDEX(name, number, text) RULE_##name,
    RULES(RULE_INDEX)
#undef RULE_INDEX
        RULE_COUNT
};

#define ALL_RULES ((UINT64_C(1) << RULE_COUNT) - 1)

struct config {
    const char *name;
    unsigned tiers, keys;
    unsigned changes; /* puts and deletes */
    unsigned kills, failures, absences, power_losses, expiries, lost_notes;
    bool no_deletes, evict, list, promote, checkpoint, late;
    bool sync;          /* level power: a change is synced before it is acknowledged */
    bool write_behind;  /* a change may leave the slowest tier for later */
    bool batch;         /* old rules: an old copy may be evicted between two tiers of a change */
    bool overflow;      /* old rules: a note may turn into "all keys" */
    bool old;           /* the rules at 6a09ef4, which keep notes of what a tier missed */
    enum property only; /* looks for this broken promise alone, where set */
    uint64_t rules;
    uint32_t most_states;
};

struct model {
    struct config config;
    /* Takes a successor; `step` is a printf format that names the step. */
    void (*take)(struct model *model, const struct state *next, const char *step, ...)
        __attribute__((format(printf, 3, 4)));
    unsigned refusals; /* gets that could not answer */
};

static inline bool keeps(const struct model *model, enum rule_index rule)
{
    return (model->config.rules >> rule) & 1;
}

static inline unsigned slowest(const struct model *model)
{
    return model->config.tiers - 1;
}

static inline unsigned all_tiers(const struct model *model)
{
    return (1u << model->config.tiers) - 1;
}

struct result {
    enum property broken;
    bool complete; /* every reachable state was searched */
    uint32_t states;
    unsigned depth;
    char last_step[120];
};

/* Searches all states breadth first, until a promise is broken or no state is left. Prints the steps that lead to a broken
 * promise where `print` is set. Ends the program where memory is short. */
struct result search(const struct config *config, bool print);

const char *property_name(enum property property);

#endif
