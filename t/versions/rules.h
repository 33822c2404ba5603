/* SPDX-License-Identifier: MIT
 *
 * rules.h: what is searched: the chain, the operations and faults that may happen, and the rules that are kept.
 */
#ifndef PXT_VERSIONS_RULES_H
#define PXT_VERSIONS_RULES_H

#include "state.h"
#include <stddef.h>

/* The switches: bit, number of the rule in doc/versions.md, what happens without it. */
#define RULES(X)                                                                                                       \
    X(VERSION_ABOVE_ALL, "1", "a version is above all that the page has seen, not only above what tiers answer")       \
    X(COPY_KEEPS_VERSION, "2", "a copy keeps its version")                                                             \
    X(WRITE_IF_NEWER, "3", "a tier replaces only what is older")                                                       \
    X(REMOVE_IF_SAME, "3", "a removal names the version that it removes")                                              \
    X(TOMBSTONE, "4", "a delete is written as a tombstone")                                                            \
    X(LOCK, "5", "a write holds the lock of its key")                                                                  \
    X(DOUBT_BEFORE_CHANGE, "6", "the doubt bits of all tiers are set before a change writes to the first")             \
    X(DOUBT_BEFORE_COPY, "6", "the doubt bit of a tier is set before a copy is written to it")                         \
    X(GENERATION_FIRST, "6", "the generation is raised before a change writes to the first tier")                      \
    X(GENERATION_BEFORE_PASS, "6", "the generation is raised before a pass writes")                                    \
    X(KEEP_FAILED, "7", "the bit of a tier that did not take the write stays set")                                     \
    X(VOID_IF_REFUSED, "7", "bits are put back after a failed change only where each tier surely refused it")          \
    X(KEEP_BEFORE, "7", "a bit that was set before the write stays set after it")                                      \
    X(GENERATION_LAST, "7", "the generation is raised again after the last tier was written")                          \
    X(ACK_IF_TAKEN, "8", "a change is acknowledged only where a durable tier took it")                                 \
    X(SYNC_IS_PART, "9", "at level power, a tier took only what it synced")                                            \
    X(CLEAR_TIERS_ONLY, "10", "a tier in doubt does not answer alone")                                                 \
    X(CAPACITY_IS_NO_ANSWER, "10", "a tier with a capacity that has nothing does not answer for the others")           \
    X(ALL_OR_UNAVAILABLE, "10", "where no clear tier decides, all tiers have to answer")                               \
    X(REPAIR_BEFORE_ANSWER, "10", "at level power, a key in doubt is repaired before it is told")                      \
    X(READ_UNCHANGED, "10", "a get looks at the word again before it answers")                                         \
    X(EXPIRED_STANDS, "11", "an expired version is its own tombstone")                                                 \
    X(MEMORY_IF_CLEAR, "12", "memory is filled only from a clear tier")                                                \
    X(PROMOTE_IF_UNCHANGED, "12", "a promotion is made only while the word is as it was when the entry was read")      \
    X(EVICT_IF_CLEAR, "13", "an entry leaves a tier only while the slowest tier is on and clear")                      \
    X(PASS_NEEDS_ALL, "14", "a pass needs the answers of all tiers")                                                   \
    X(PASS_BETWEEN_CHANGES, "14", "a pass notes the word while no write is open")                                      \
    X(PASS_WAITS, "14", "a pass waits until no earlier write can arrive")                                              \
    X(PASS_UNCHANGED, "14", "a pass clears bits only where the word did not change while it listed keys")              \
    X(PASS_CLEARS_LAST, "14", "a pass clears bits only when all is written and synced")                                \
    X(PASS_REWRITES, "15", "a tier in doubt is written again, not only synced again")                                  \
    X(CHECKPOINT_IF_CLEAR, "16", "a checkpoint needs all bits clear")                                                  \
    X(CHECKPOINT_SYNCS, "16", "a checkpoint syncs all tiers first")                                                    \
    X(LOWEST_CHECKPOINT, "16", "the lowest checkpoint of all tiers counts")                                            \
    X(COLLECT_BELOW_CHECKPOINT, "17", "a tombstone is dropped only at or below the checkpoint")                        \
    X(VOID_PAGE, "18", "after another boot all tiers are in doubt")                                                    \
    X(DAMAGE_DOUBTS, "19", "a tier that lost something is in doubt, and its checkpoint is 0")                          \
    X(GONE_BACK_IS_EMPTIED, "19", "a tier that went back to an older content is emptied")                              \
    X(LIST_DOWNWARDS, "20", "a listing asks the fastest tier first")                                                   \
    X(LIST_TELLS, "20", "a listing that is not certain to be complete says so")                                        \
    X(SLOWEST_FIRST, "", "a change writes to the slowest tier first")

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
    unsigned kills, failures, absences, power_losses, expiries, damages, lost_notes;
    bool no_deletes, evict, list, promote, checkpoint, late;
    bool sync;         /* level power: a change is synced before it is acknowledged */
    bool write_behind; /* a change may leave the slowest tier for later */
    bool batch;        /* old rules: an old copy may be evicted between two tiers of a change */
    bool overflow;     /* old rules: a note may turn into "all keys" */
    bool old;          /* the rules at 6a09ef4, which keep notes of what a tier missed */
    unsigned look_for; /* bits of the promises whose breach ends the search; 0: all */
    uint64_t rules;
    uint32_t most_states;
};

/* What a tier does with a write or a sync, other than what it is asked. */
enum fault { NO_FAULT, WRITE_REFUSED, WRITE_LOST, WRITE_DONE, WRITE_LATE, SYNC_FAILS };

/* The step that is handed to `take`, as far as the two states do not tell. */
struct doing {
    unsigned process; /* PROCESSES: none, something happens by itself */
    unsigned pc, key; /* where the process stands before the step; or what it begins, at its first place */
    bool is_delete;   /* of a change that begins */
    bool from_memory; /* of a get: no tier is asked */
    enum fault fault;
};

struct model {
    struct config config;
    struct doing doing;
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
