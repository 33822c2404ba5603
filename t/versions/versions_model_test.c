/* SPDX-License-Identifier: MIT
 *
 * versions_model_test.c: searches the model. The old rules lose data as it was found in practice; the rules of
 * doc/versions.md keep every promise in every reachable state; and without any one of them a promise is broken.
 *
 * With PXT_LONG the searches go further, and the traces are printed. With PXT_SLOW (valgrind) only the short ones are done.
 */
#include "settings.h"
#include "../lib/tap.h"

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

/* ---- without one rule -------------------------------------------------------------------------------------------- */

#define TOLD (1u << P1_LOST | 1u << P2_WENT_BACK)

static const struct {
    enum rule_index rule;
    enum setting setting;
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
    struct config config = settings[without[i].setting];
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

static void superfluous(enum setting which)
{
    struct config config = settings[which];
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
    for (size_t i = 0; i < SETTINGS && !slow; i++)
        promises_hold(&settings[i]);
    for (size_t i = 0; i < sizeof without / sizeof *without && !slow; i++)
        breaks_without(i);
    for (size_t i = 0; i < (getenv("PXT_LONG") ? SETTINGS : 1) && !slow; i++)
        superfluous((enum setting)i);
    for (size_t i = 0; i < LONG_SETTINGS && getenv("PXT_LONG"); i++)
        promises_hold(&long_settings[i]);
    return tap_done();
}
