/* SPDX-License-Identifier: MIT
 *
 * versions_model_test.c: searches the model. The old rules lose data as it was found in practice; the rules of
 * doc/versions.md keep every promise in every reachable state; and without any one of them a promise is broken.
 *
 * With PXT_LONG the searches go further, and the traces are printed. With PXT_SLOW (valgrind) only the short ones are done.
 */
#include "rules.h"
#include "../lib/tap.h"

enum { MILLION = 1000000 };

#define NEW(tiers_, keys_, changes_)                                                                                   \
    .rules = ALL_RULES, .tiers = tiers_, .keys = keys_, .changes = changes_, .most_states = 20 * MILLION
#define OLD                                                                                                            \
    .rules = UINT64_C(1) << RULE_LOCK | UINT64_C(1) << RULE_VERSION_ABOVE_ALL, .old = true, .tiers = 2, .keys = 1,     \
    .changes = 2, .most_states = MILLION

/* ---- the old rules ----------------------------------------------------------------------------------------------- */

static const struct config old_case[] = {
    {OLD, .name = "A3: the notes are lost, and an overwritten or deleted entry is back", .failures = 1, .lost_notes = 1,
     .look_for = 1u << P1_LOST},
    {OLD, .name = "A4: kill -9 after one tier's failed put, and the older entry is lost", .failures = 1, .kills = 1,
     .evict = true, .no_deletes = true, .look_for = 1u << P1_LOST},
    {OLD, .name = "A5: kill -9 between the tiers of one put, and readers see old, new, old", .kills = 1, .evict = true,
     .no_deletes = true, .look_for = 1u << P2_WENT_BACK},
    {OLD, .name = "A18: one failed write in a batch, and an old copy replaces the new one for good", .failures = 1,
     .batch = true, .evict = true, .no_deletes = true, .look_for = 1u << P1_LOST},
    {OLD, .name = "A22: each of two tiers waits for the other, and the key is unreadable for good", .failures = 2,
     .overflow = true, .no_deletes = true, .look_for = 1u << P4_UNREADABLE},
};

/* ---- the new rules ----------------------------------------------------------------------------------------------- */

enum base {
    LISTS,
    AWAY,
    LATE,
    POWER,
    POWER_KILL,
    BELOW_POWER,
    TWO_KEYS,
    EXPIRY,
    BEHIND,
    DAMAGE,
    OFTEN,
    THREE_TIERS,
    BASES
};

static const struct config base[BASES] = {
    [LISTS] = {NEW(2, 1, 2), .name = "kill, failed writes, listings", .kills = 1, .failures = 1, .evict = true,
               .promote = true, .list = true, .no_deletes = true},
    [AWAY] = {NEW(2, 1, 2), .name = "kill, failed writes, a tier away and back", .kills = 1, .failures = 1,
              .absences = 1, .evict = true, .promote = true},
    [LATE] = {NEW(2, 1, 2), .name = "kill, late writes, dropped tombstones", .kills = 1, .failures = 1, .evict = true,
              .promote = true, .late = true, .checkpoint = true},
    [POWER] = {NEW(2, 1, 2), .name = "lost power at level power, failed syncs", .sync = true, .power_losses = 1,
               .failures = 1, .evict = true, .promote = true, .checkpoint = true, .no_deletes = true},
    [POWER_KILL] = {NEW(2, 1, 2), .name = "lost power at level power, kill, write-behind", .sync = true,
                    .power_losses = 1, .failures = 1, .kills = 1, .write_behind = true, .no_deletes = true},
    [BELOW_POWER] = {NEW(2, 1, 2), .name = "lost power below level power", .power_losses = 1, .failures = 1,
                     .evict = true, .promote = true, .checkpoint = true, .no_deletes = true},
    [TWO_KEYS] = {NEW(2, 2, 2), .name = "two keys of one word", .kills = 1, .failures = 1, .evict = true,
                  .no_deletes = true},
    [EXPIRY] = {NEW(2, 1, 2), .name = "two failures, expiry", .failures = 2, .expiries = 1, .evict = true,
                .promote = true},
    [BEHIND] = {NEW(2, 1, 2), .name = "write-behind, a tier away, listings", .failures = 1, .absences = 1, .list = true,
                .write_behind = true, .evict = true, .no_deletes = true},
    [DAMAGE] = {NEW(2, 1, 2), .name = "a damaged tier, dropped tombstones", .damages = 1, .failures = 1, .evict = true,
                .checkpoint = true},
    [OFTEN] = {NEW(2, 1, 3), .name = "three changes", .kills = 1, .failures = 1, .evict = true, .promote = true,
               .no_deletes = true},
    [THREE_TIERS] = {NEW(3, 1, 2), .name = "three tiers", .kills = 1, .failures = 1, .evict = true, .no_deletes = true},
};

static const struct config long_case[] = {
    {NEW(2, 1, 2), .name = "kill, failed writes, a tier away and back, listings", .kills = 1, .failures = 1,
     .absences = 1, .evict = true, .promote = true, .list = true, .write_behind = true},
    {NEW(2, 1, 3), .name = "three changes, late writes, dropped tombstones", .kills = 1, .failures = 1, .evict = true,
     .promote = true, .late = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "two kills, late writes, dropped tombstones", .kills = 2, .failures = 1, .evict = true,
     .promote = true, .late = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "late writes, a tier away and back", .failures = 1, .absences = 1, .evict = true,
     .promote = true, .late = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "lost power at level power, expiry", .sync = true, .power_losses = 1, .failures = 1,
     .expiries = 1, .evict = true, .promote = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "lost power at level power, write-behind, kill", .sync = true, .power_losses = 1,
     .failures = 1, .kills = 1, .write_behind = true, .evict = true, .promote = true, .no_deletes = true},
    {NEW(2, 2, 3), .name = "three changes of two keys, kill", .kills = 1, .evict = true},
    {NEW(3, 1, 2), .name = "three tiers, promotion, deletes", .kills = 1, .failures = 1, .evict = true,
     .promote = true},
    {NEW(2, 1, 2), .name = "a damaged tier, kill, promotion", .damages = 1, .failures = 1, .kills = 1, .evict = true,
     .promote = true, .checkpoint = true},
    {NEW(2, 1, 3), .name = "write-behind, a tier away, kill", .failures = 1, .absences = 1, .kills = 1,
     .write_behind = true, .evict = true},
    {NEW(2, 2, 2), .name = "two keys, late writes, promotion", .kills = 1, .failures = 1, .evict = true,
     .promote = true, .late = true, .no_deletes = true},
    {NEW(2, 2, 2), .name = "two keys, dropped tombstones", .failures = 1, .evict = true, .promote = true,
     .checkpoint = true},
    {NEW(3, 1, 2), .name = "three tiers, one away and back", .failures = 1, .absences = 1, .evict = true,
     .promote = true},
    {NEW(3, 1, 2), .name = "three tiers, late writes", .kills = 1, .failures = 1, .evict = true, .promote = true,
     .late = true, .no_deletes = true},
};

/* ---- without one rule -------------------------------------------------------------------------------------------- */

#define TOLD (1u << P1_LOST | 1u << P2_WENT_BACK)

static const struct {
    enum rule_index rule;
    enum base base;
    unsigned look_for; /* what a caller notices, where tiers that differ would be found sooner */
} without[] = {
    {RULE_VERSION_ABOVE_ALL, LATE, TOLD},
    {RULE_COPY_KEEPS_VERSION, LISTS, 0},
    {RULE_WRITE_IF_NEWER, LATE, TOLD},
    {RULE_REMOVE_IF_SAME, LISTS, TOLD},
    {RULE_TOMBSTONE, LATE, TOLD},
    {RULE_LOCK, LISTS, TOLD},
    {RULE_DOUBT_BEFORE_CHANGE, LISTS, TOLD},
    {RULE_DOUBT_BEFORE_COPY, LATE, TOLD},
    {RULE_GENERATION_FIRST, LISTS, TOLD},
    {RULE_GENERATION_BEFORE_PASS, LATE, TOLD},
    {RULE_KEEP_FAILED, LISTS, TOLD},
    {RULE_VOID_IF_REFUSED, EXPIRY, TOLD},
    {RULE_KEEP_BEFORE, TWO_KEYS, TOLD},
    {RULE_GENERATION_LAST, LATE, TOLD},
    {RULE_ACK_IF_TAKEN, EXPIRY, TOLD},
    {RULE_SYNC_IS_PART, POWER, TOLD},
    {RULE_CLEAR_TIERS_ONLY, LISTS, TOLD},
    {RULE_CAPACITY_IS_NO_ANSWER, LISTS, TOLD},
    {RULE_ALL_OR_UNAVAILABLE, BEHIND, TOLD},
    {RULE_REPAIR_BEFORE_ANSWER, POWER, TOLD},
    {RULE_READ_UNCHANGED, LATE, TOLD},
    {RULE_EXPIRED_STANDS, EXPIRY, TOLD},
    {RULE_MEMORY_IF_CLEAR, LISTS, TOLD},
    {RULE_PROMOTE_IF_UNCHANGED, LISTS, TOLD},
    {RULE_EVICT_IF_CLEAR, LISTS, TOLD},
    {RULE_PASS_NEEDS_ALL, BEHIND, TOLD},
    {RULE_PASS_BETWEEN_CHANGES, LISTS, TOLD},
    {RULE_PASS_WAITS, LATE, TOLD},
    {RULE_PASS_UNCHANGED, LISTS, TOLD},
    {RULE_PASS_CLEARS_LAST, POWER, TOLD},
    {RULE_PASS_REWRITES, POWER, TOLD},
    {RULE_CHECKPOINT_IF_CLEAR, LATE, TOLD},
    {RULE_CHECKPOINT_SYNCS, BELOW_POWER, TOLD},
    {RULE_LOWEST_CHECKPOINT, DAMAGE, TOLD},
    {RULE_COLLECT_BELOW_CHECKPOINT, LATE, TOLD},
    {RULE_VOID_PAGE, POWER, TOLD},
    {RULE_DAMAGE_DOUBTS, DAMAGE, TOLD},
    {RULE_GONE_BACK_IS_EMPTIED, DAMAGE, TOLD},
    {RULE_LIST_DOWNWARDS, LISTS, 1u << P5_LISTING_SHORT},
    {RULE_LIST_TELLS, BEHIND, 1u << P5_LISTING_SHORT},
};

static const struct {
    const char *number, *text;
} rule[] = {
#define RULE_TEXT(name, number, text) {number, text},
    RULES(RULE_TEXT)
#undef RULE_TEXT
};

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void old_rules_fail(const struct config *config)
{
    struct result result = search(config, true);
    ok(result.broken, "old rules: %s (%s)", config->name, property_name(result.broken));
}

static void promises_hold(const struct config *config)
{
    struct result result = search(config, true);
    ok(!result.broken, "%s: no promise is broken in %u states", config->name, result.states);
    ok(result.complete, "%s: the search came to its end", config->name);
}

static void breaks_without(size_t i)
{
    struct config config = base[without[i].base];
    unsigned index = without[i].rule;
    config.rules &= ~(UINT64_C(1) << index);
    config.look_for = without[i].look_for;
    struct result result = search(&config, getenv("PXT_LONG") != NULL);
    ok(result.broken, "without rule %s (%s): %s, in %u steps", rule[index].number, rule[index].text,
       property_name(result.broken), result.depth);
}

/* A rule is either shown to be needed or known to be superfluous; a new one cannot be forgotten here. */
static void each_rule_is_tried(void)
{
    uint64_t tried = UINT64_C(1) << RULE_SLOWEST_FIRST;
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        tried |= UINT64_C(1) << without[i].rule;
    ok(tried == ALL_RULES, "each rule is tried");
}

static void superfluous(enum base which)
{
    struct config config = base[which];
    config.rules &= ~(UINT64_C(1) << RULE_SLOWEST_FIRST);
    struct result result = search(&config, true);
    ok(!result.broken, "the order in which a change writes to the tiers is free: %s", config.name);
}

int main(void)
{
    bool slow = getenv("PXT_SLOW") != NULL;
    for (size_t i = 0; i < sizeof old_case / sizeof *old_case; i++)
        old_rules_fail(&old_case[i]);
    each_rule_is_tried();
    for (size_t i = 0; i < BASES && !slow; i++)
        promises_hold(&base[i]);
    for (size_t i = 0; i < sizeof without / sizeof *without && !slow; i++)
        breaks_without(i);
    for (size_t i = 0; i < (getenv("PXT_LONG") ? BASES : 1) && !slow; i++)
        superfluous((enum base)i);
    for (size_t i = 0; i < sizeof long_case / sizeof *long_case && getenv("PXT_LONG"); i++)
        promises_hold(&long_case[i]);
    return tap_done();
}
