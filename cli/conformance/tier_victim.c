/* SPDX-License-Identifier: MIT
 *
 * tier_victim.c: what a tier promises of victims.
 */
#include "tier_kit.h"
#include <string.h>

/* Removes the victim, which has to be `want` where that is not NULL. */
static void evict_one(struct subject *subject, void *self, const char *policy, const char *want)
{
    struct pxt_key key;
    pxt_entry *victim = victim_of_tier(subject, self);
    expect(victim != NULL, "there are entries, and no victim");
    subject->host->entry_key(victim, &key);
    expect(!want || !strcmp(key.text, want), "%s evicts \"%s\", it should evict \"%s\"", policy, key.text,
           want ? want : "");
    expect(version_named(subject, self, key.text) >= 0, "victim removes the entry: that is for the core to do");
    calling("del");
    expect_ok(subject, tier_ops(subject)->del(self, &key, PXT_REMOVE_POLICY, &subject->error), "del of a victim");
    let_go(victim);
}

/* Who leaves, one after the other, must be what the policy says; the tier is asked, and removes what it named. */
static void evict_in_order(struct subject *subject, const char *policy, const char *const *order, size_t n)
{
    pxt_trial *trial = policy_named(subject, policy);
    void *self = tier_open(subject, pxt_trial_plugin(trial)->ops, trial, n);
    expect(!victim_of_tier(subject, self), "an empty tier has a victim");
    put_named(subject, self, "a", 1);
    put_named(subject, self, "b", 2);
    put_named(subject, self, "c", 3);
    put_named(subject, self, "d", 4);
    for (int i = 0; i < 3; i++)
        version_named(subject, self, "a");
    version_named(subject, self, "c");
    if (tier_ops(subject)->settle)
        expect_ok(subject, tier_ops(subject)->settle(self, &subject->error), "settle");
    for (size_t i = 0; i < n; i++)
        evict_one(subject, self, policy, order ? order[i] : NULL);
    expect(count_of(subject, self) == 0, "after all entries were removed some remain");
    tier_close(subject, self);
    pxt_trial_close(trial);
}

static void evicts_in_fifo_order(struct subject *subject)
{
    static const char *const order[] = {"a", "b", "c", "d"};
    /* Where there are shards, each has its own order. */
    evict_in_order(subject, "fifo", tier_ops(subject)->flags & PXT_TIER_POLICY_STATE ? NULL : order, 4);
}

static void any_policy_empties_it(struct subject *subject)
{
    evict_in_order(subject, "lru", NULL, 4);
    evict_in_order(subject, "lfu", NULL, 4);
    if (tier_ops(subject)->flags & PXT_TIER_POLICY_STATE) {
        evict_in_order(subject, "sieve", NULL, 4);
        evict_in_order(subject, "s3fifo", NULL, 4);
    }
}

/* ---- by the order of fields ------------------------------------------------------------------------------------- */

static void put_accessed(struct subject *subject, void *self, const char *key, int64_t hits, pxt_time last)
{
    struct pxt_draft draft;
    pxt_entry *plain = entry_named(subject, key, 1, LATER), *entry = NULL;
    const struct pxt_host *host = pxt_trial_host(subject->trial);
    pxt_draft_init(&draft);
    host->entry_read(plain, &draft);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, hits);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, last);
    expect_ok(subject, host->entry_new(host, &draft, &entry, &subject->error), "making an entry");
    let_go(plain);
    expect_ok(subject, put_and_release(subject, self, entry), "put");
}

static void follows_all_fields_of_an_order(struct subject *subject)
{
    pxt_trial *trial = policy_named(subject, "lfu"); /* access_count, and among equals last_accessed */
    void *self = tier_open(subject, pxt_trial_plugin(trial)->ops, trial, 5);
    put_accessed(subject, self, "often, long ago", 9, TIME);
    put_accessed(subject, self, "twice, late", 2, TIME + 30);
    put_accessed(subject, self, "twice, early", 2, TIME + 10);
    put_accessed(subject, self, "twice, between", 2, TIME + 20);
    put_accessed(subject, self, "once, late", 1, TIME + 40);
    if (tier_ops(subject)->touch) { /* a touch moves an entry within the order */
        struct pxt_touch touched = {.key = key_named(subject, "twice, early"), .last_accessed = TIME + 25};
        calling("touch");
        expect_ok(subject, tier_ops(subject)->touch(self, &touched, 1, &subject->error), "touch");
    }
    evict_one(subject, self, "lfu", "once, late");
    evict_one(subject, self, "lfu", tier_ops(subject)->touch ? "twice, between" : "twice, early");
    evict_one(subject, self, "lfu", tier_ops(subject)->touch ? "twice, early" : "twice, between");
    evict_one(subject, self, "lfu", "twice, late");
    evict_one(subject, self, "lfu", "often, long ago");
    tier_close(subject, self);
    pxt_trial_close(trial);
}

/* ---- after clear ------------------------------------------------------------------------------------------------ */

static void clear_empties_the_order(struct subject *subject)
{
    uint64_t removed = 77;
    pxt_trial *trial = policy_named(subject, "fifo");
    void *self = tier_open(subject, pxt_trial_plugin(trial)->ops, trial, 20);
    put_numbered(subject, self, "v", 10);
    calling("clear");
    expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
    expect(!victim_of_tier(subject, self), "after clear there is a victim");
    put_named(subject, self, "new", 1);
    evict_one(subject, self, "fifo, after clear,", "new");
    expect(!victim_of_tier(subject, self), "after clear, and one put and del, there is a victim");
    tier_close(subject, self);
    pxt_trial_close(trial);
}

static const char *without_order(const struct subject *subject)
{
    if (without_victim(subject))
        return without_victim(subject);
    return tier_ops(subject)->flags & PXT_TIER_POLICY_ORDER ? NULL : "it does not follow the order of a policy";
}

static const char *without_clear_and_victim(const struct subject *subject)
{
    const char *why = without_victim(subject);
    return why ? why : without_clear(subject);
}

const struct check tier_victim_checks[] = {
    {"victim follows FIFO, and removes nothing", evicts_in_fifo_order, without_victim},
    {"victim serves every policy until it is empty", any_policy_empties_it, without_victim},
    {"victim follows all fields of an order", follows_all_fields_of_an_order, without_order},
    {"after clear there is no victim of before", clear_empties_the_order, without_clear_and_victim},
    {NULL, NULL, NULL}};
