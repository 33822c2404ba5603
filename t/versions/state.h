/* SPDX-License-Identifier: MIT
 *
 * state.h: one state of the modelled system, as the rules of doc/versions.md see it: the tiers, the word of the shared
 * page, the private memory of two processes, where each process stands in its operation, and what callers were told.
 */
#ifndef PXT_VERSIONS_STATE_H
#define PXT_VERSIONS_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* A tier with a lower number is faster. A version is 0 where a tier has nothing. */
enum { TIERS = 3, KEYS = 2, PROCESSES = 2, VERSIONS = 12, STATE_WORDS = 7 };

/* Which of the promises is broken. */
enum property { NOT_BROKEN, P1_LOST, P2_WENT_BACK, P3_TIERS_DIFFER, P4_UNREADABLE, P5_LISTING_SHORT };

/* type, name, dimensions, bits of each element. One table makes the struct and its packed form. */
#define STATE_FIELDS(X)                                                                                                \
    /* tiers: what they hold now, what a power loss may leave, and writes still under way */                           \
    X(uint8_t, on, [TIERS], 1)                                                                                         \
    X(uint8_t, version, [KEYS][TIERS], 4)                                                                              \
    X(uint16_t, images, [KEYS][TIERS], VERSIONS)                                                                       \
    X(uint8_t, sync_failed, [KEYS][TIERS], 1)                                                                          \
    X(uint8_t, late, [KEYS][TIERS], 4)                                                                                 \
    X(uint8_t, damaged, , TIERS)                                                                                       \
    X(uint8_t, checkpoint, [TIERS], 4)                                                                                 \
    /* the shared page: one doubt bit a tier, and the clock */                                                         \
    X(uint8_t, doubt, , TIERS)                                                                                         \
    X(uint8_t, clock, , 4)                                                                                             \
    X(uint8_t, lock, , 2)                                                                                              \
    /* the old rules: notes of what a tier missed, instead of doubt */                                                 \
    X(uint8_t, note, [KEYS][TIERS], 2)                                                                                 \
    X(uint8_t, missed_all, , TIERS)                                                                                    \
    /* the changes: which one a version carries, and what became of them */                                            \
    X(uint8_t, change_of, [VERSIONS], 3)                                                                               \
    X(uint8_t, changes, , 3)                                                                                           \
    X(uint8_t, deletes, , 8)                                                                                           \
    X(uint8_t, expired, , 8)                                                                                           \
    X(uint8_t, collected, , 8)                                                                                         \
    /* what callers were told, as numbers of changes */                                                                \
    X(uint8_t, acked, [KEYS], 3)                                                                                       \
    X(uint8_t, seen, [KEYS], 3)                                                                                        \
    /* processes; memory holds only what the generation still allows to be served */                                   \
    X(uint8_t, memory, [PROCESSES][KEYS], 4)                                                                           \
    X(uint8_t, pc, [PROCESSES], 6)                                                                                     \
    X(uint8_t, key, [PROCESSES], 1)                                                                                    \
    X(uint8_t, best, [PROCESSES], 4)                                                                                   \
    X(uint8_t, before, [PROCESSES], TIERS)                                                                             \
    X(uint8_t, failed, [PROCESSES], TIERS)                                                                             \
    X(uint8_t, keys, [PROCESSES], KEYS)                                                                                \
    X(uint8_t, moved, [PROCESSES], 1)                                                                                  \
    X(uint8_t, sure, [PROCESSES], 1)                                                                                   \
    X(uint8_t, acked_at_start, [PROCESSES], 3)                                                                         \
    X(uint8_t, seen_at_start, [PROCESSES], 3)                                                                          \
    /* how many faults may still happen */                                                                             \
    X(uint8_t, kills_left, , 2)                                                                                        \
    X(uint8_t, failures_left, , 2)                                                                                     \
    X(uint8_t, absences_left, , 2)                                                                                     \
    X(uint8_t, power_losses_left, , 1)                                                                                 \
    X(uint8_t, expiries_left, , 1)                                                                                     \
    X(uint8_t, damages_left, , 1)                                                                                      \
    X(uint8_t, lost_notes_left, , 1)                                                                                   \
    X(uint8_t, broken, , 3)

struct state {
#define STATE_MEMBER(type, name, dimensions, bits) type name dimensions;
    STATE_FIELDS(STATE_MEMBER)
#undef STATE_MEMBER
};

struct packed_state {
    uint64_t word[STATE_WORDS];
};

void state_pack(const struct state *state, struct packed_state *packed);
void state_unpack(const struct packed_state *packed, struct state *state);

/* Whether a version (not 0) is a tombstone or expired: to a reader there is nothing. */
static inline bool is_dead(const struct state *state, unsigned version)
{
    return ((unsigned)(state->deletes | state->expired) >> state->change_of[version]) & 1;
}

#endif
