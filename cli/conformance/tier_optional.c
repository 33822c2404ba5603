/* SPDX-License-Identifier: MIT
 *
 * tier_optional.c: what a tier promises with clear, contains, put_many, maintain and sync.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

static void ignore_key(void *arg, const struct pxt_key *key)
{
    ++*(unsigned *)arg;
    (void)key;
}

static bool ignore_version(void *arg, const struct pxt_key *key, uint64_t version)
{
    ++*(unsigned *)arg;
    (void)key, (void)version;
    return true;
}

static bool count_entry(void *arg, pxt_entry *entry)
{
    ++*(unsigned *)arg;
    (void)entry;
    return true;
}

/* Nothing of the entries may be left, in whatever list or index the tier has. */
static void expect_empty(struct subject *subject, void *self)
{
    unsigned seen = 0;
    uint64_t removed = 77;
    const struct pxt_tier_ops *tier = tier_ops(subject);
    expect(count_of(subject, self) == 0 && version_named(subject, self, "f29") == -1,
           "after clear some entries remain");
    calling("each");
    expect_ok(subject, tier->each(self, count_entry, &seen, &subject->error), "each");
    expect(!seen, "after clear each gives %u entries", seen);
    calling("versions");
    if (tier->versions)
        expect_ok(subject, tier->versions(self, 0, ignore_version, &seen, &subject->error), "versions");
    expect(!seen, "after clear versions gives %u entries", seen);
    calling("expire");
    if (tier->expire) {
        expect_ok(subject, tier->expire(self, LATER, UINT64_MAX, 100, ignore_key, &seen, &removed, &subject->error),
                  "expire");
        expect(!seen && !removed, "after clear expire removes %llu entries", (unsigned long long)removed);
    }
}

static void clear_removes_all(struct subject *subject)
{
    uint64_t removed = 77; /* for the tier to set */
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 30);
    calling("clear");
    expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
    expect(removed == 30, "30 entries are cleared, it says %llu", (unsigned long long)removed);
    expect_empty(subject, self);
    put_named(subject, self, "f1", 5);
    expect(version_named(subject, self, "f1") == 5, "after clear nothing can be put");
    calling("clear");
    expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
    expect(removed == 1, "1 entry is cleared, it says %llu", (unsigned long long)removed);
    tier_close(subject, self);
}

static void contains_agrees_with_get(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 3);
    struct pxt_key there = key_named(subject, "f1"), not_there = key_named(subject, "f9");
    calling("contains");
    expect_ok(subject, tier_ops(subject)->contains(self, &there, &subject->error), "contains");
    expect(tier_ops(subject)->contains(self, &not_there, &subject->error) == PXT_NOT_FOUND,
           "contains finds a key that was never put");
    expect_ok(subject, delete_named(subject, self, "f1"), "del");
    expect(tier_ops(subject)->contains(self, &there, &subject->error) == PXT_NOT_FOUND,
           "contains finds a key that was deleted");
    tier_close(subject, self);
}

static void put_many_stores_all(struct subject *subject)
{
    pxt_entry *entries[100];
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 10);
    for (int i = 0; i < 100; i++) { /* the last ten once more, with another version */
        snprintf(key, sizeof key, "f%d", i < 90 ? i : i - 10);
        entries[i] = entry_named(subject, key, 1000 + i, LATER);
    }
    calling("put_many");
    expect_ok(subject, tier_ops(subject)->put_many(self, entries, 100, &subject->error), "put_many");
    expect_ok(subject, tier_ops(subject)->put_many(self, entries, 0, &subject->error), "put_many of 0 entries");
    for (int i = 0; i < 100; i++)
        let_go(entries[i]);
    expect(count_of(subject, self) == 90, "90 keys were put, %llu are counted",
           (unsigned long long)count_of(subject, self));
    for (int i = 0; i < 90; i++) {
        snprintf(key, sizeof key, "f%d", i);
        expect(version_named(subject, self, key) == (i < 80 ? 1000 + i : 1010 + i),
               "put_many loses an entry, or its order");
    }
    tier_close(subject, self);
    expect(holds_of_plugin() == 0,
           "after put_many and close it has taken %ld references to entries more (or fewer) than it has released",
           holds_of_plugin());
}

static void put_many_takes_any_number(struct subject *subject)
{
    enum { MANY = 2500 };
    static pxt_entry *entries[MANY];
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "m%d", i);
        entries[i] = entry_named(subject, key, i, LATER);
    }
    calling("put_many");
    expect_ok(subject, tier_ops(subject)->put_many(self, entries, MANY, &subject->error), "put_many");
    for (int i = 0; i < MANY; i++)
        let_go(entries[i]);
    expect(count_of(subject, self) == MANY, "put_many of %d entries says PXT_OK, %llu are counted", MANY,
           (unsigned long long)count_of(subject, self));
    expect(version_named(subject, self, "m2499") == 2499, "put_many of %d entries loses the last", MANY);
    tier_close(subject, self);
}

/* ---- work for idle times ---------------------------------------------------------------------------------------- */

static void idle_work(struct subject *subject, void *self, pxt_status (*work)(void *self, struct pxt_error *error),
                      const char *name)
{
    calling(name);
    expect_ok(subject, work(self, &subject->error), name);
}

/* Some entries have changed, for there is something to tidy then. */
static void changes_nothing_stored(struct subject *subject, pxt_status (*work)(void *self, struct pxt_error *error),
                                   const char *name)
{
    enum { KEYS = 50 };
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    idle_work(subject, self, work, name); /* of an empty tier */
    put_numbered(subject, self, "i", KEYS);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "i%d", i);
        if (i % 3 == 1)
            put_named(subject, self, key, 100 + i);
        if (i % 3 == 2)
            expect_ok(subject, delete_named(subject, self, key), "del");
    }
    for (int again = 0; again < 2; again++)
        idle_work(subject, self, work, name);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "i%d", i);
        int64_t version = version_named(subject, self, key);
        expect(version == (i % 3 == 0   ? i
                           : i % 3 == 1 ? 100 + i
                                        : -1),
               "%s changes or removes an entry, or brings one back", name);
    }
    uint64_t left = KEYS - KEYS / 3;
    expect(count_of(subject, self) == left, "after %s %llu of %llu entries are counted", name,
           (unsigned long long)count_of(subject, self), (unsigned long long)left);
    tier_close(subject, self);
}

static void maintain_changes_nothing(struct subject *subject)
{
    changes_nothing_stored(subject, tier_ops(subject)->maintain, "maintain");
}

static void sync_succeeds(struct subject *subject)
{
    changes_nothing_stored(subject, tier_ops(subject)->sync, "sync");
}

static const char *without_contains(const struct subject *subject)
{
    return tier_ops(subject)->contains ? NULL : "it leaves contains to the core";
}

static const char *without_maintain(const struct subject *subject)
{
    return tier_ops(subject)->maintain ? NULL : "it has no work for idle times";
}

static const char *without_sync(const struct subject *subject)
{
    return tier_ops(subject)->sync ? NULL : "it has no sync";
}

const struct check tier_optional_checks[] = {
    {"clear removes all, and counts them", clear_removes_all, without_clear},
    {"contains agrees with get", contains_agrees_with_get, without_contains},
    {"put_many stores all, in order", put_many_stores_all, without_put_many},
    {"put_many takes any number of entries", put_many_takes_any_number, without_put_many},
    {"maintain succeeds, and changes nothing that is stored", maintain_changes_nothing, without_maintain},
    {"sync succeeds, and changes nothing that is stored", sync_succeeds, without_sync},
    {NULL, NULL, NULL}};
