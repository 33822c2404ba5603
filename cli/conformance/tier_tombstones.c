/* SPDX-License-Identifier: MIT
 *
 * tier_tombstones.c: what a durable tier promises of tombstones.
 */
#include "tier_kit.h"
#include <string.h>

static void delete_tombstone(struct subject *subject, void *self, const char *key)
{
    expect(
        delete_named(subject, self, key) == PXT_NOT_FOUND,
        "del of a tombstone is not PXT_NOT_FOUND, though there is no entry: the command would say that it deleted one");
}

static void keeps_a_tombstone(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_tombstone(subject, self, "never there", VERSION);
    expect_tombstone(subject, self, "never there", VERSION, "where there was no entry,");
    put_version(subject, self, "k", 1, VERSION);
    put_tombstone(subject, self, "k", VERSION + 1);
    expect_tombstone(subject, self, "k", VERSION + 1, "in place of an entry,");
    put_tombstone(subject, self, "k", VERSION + 2);
    expect_tombstone(subject, self, "k", VERSION + 2, "in place of another tombstone,");
    put_version(subject, self, "k", 2, VERSION + 3);
    expect_entry(subject, self, "k", 2, VERSION + 3, "after a put in place of a tombstone");
    put_tombstone(subject, self, "k", VERSION + 4);
    delete_tombstone(subject, self, "k");
    expect(!look(subject, self, "k").there, "after del of a tombstone get finds something");
    expect(delete_named(subject, self, "k") == PXT_NOT_FOUND, "a second del of a tombstone is not PXT_NOT_FOUND");
    tier_close(subject, self);
    expect(
        holds_of_plugin() == 0,
        "after use of tombstones and close it has taken %ld references to entries more (or fewer) than it has released",
        holds_of_plugin());
}

/* Checks the number of tombstones, if the tier tells it. */
static void expect_tombstones(struct subject *subject, void *self, uint64_t want)
{
    uint64_t count = 0;
    if (!tier_ops(subject)->tombstones)
        return;
    calling("tombstones");
    expect_ok(subject, tier_ops(subject)->tombstones(self, &count, &subject->error), "tombstones");
    expect(count == want, "there are %llu tombstones, the tier counts %llu", (unsigned long long)want,
           (unsigned long long)count);
}

static void counts_no_tombstones(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "a", 1, VERSION);
    put_version(subject, self, "b", 1, VERSION + 1);
    put_tombstone(subject, self, "c", VERSION + 2);
    expect(count_of(subject, self) == 2, "there are 2 entries and a tombstone, count is %llu",
           (unsigned long long)count_of(subject, self));
    put_tombstone(subject, self, "b", VERSION + 3);
    expect(count_of(subject, self) == 1, "a tombstone took the place of one of 2 entries, count is %llu",
           (unsigned long long)count_of(subject, self));
    expect_tombstones(subject, self, 2);
    put_version(subject, self, "b", 2, VERSION + 4);
    expect_tombstones(subject, self, 1);
    expect(count_of(subject, self) == 2, "an entry took the place of its tombstone beside another one, count is %llu",
           (unsigned long long)count_of(subject, self));
    delete_tombstone(subject, self, "c");
    expect(count_of(subject, self) == 2, "del of a tombstone changes the count of 2 entries to %llu",
           (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static void tombstones_are_no_victims(struct subject *subject)
{
    pxt_trial *trial = NULL;
    pxt_entry *victim = NULL;
    struct pxt_key key;
    expect_ok(subject, pxt_trial_open(NULL, "fifo", NULL, &trial, &subject->error), "loading a policy");
    void *self = tier_open(subject, pxt_trial_plugin(trial)->ops, trial, 4);
    put_tombstone(subject, self, "gone", VERSION);
    put_version(subject, self, "a", 1, VERSION + 1);
    put_tombstone(subject, self, "a", VERSION + 2);
    calling("victim");
    expect(tier_ops(subject)->victim(self, 1, &victim, &subject->error) == PXT_NOT_FOUND,
           "a tier that has tombstones only has a victim");
    put_version(subject, self, "b", 2, VERSION + 3);
    expect_ok(subject, tier_ops(subject)->victim(self, 1, &victim, &subject->error), "victim");
    handed_out();
    subject->host->entry_key(victim, &key);
    expect(!strcmp(key.text, "b"), "the victim is the tombstone \"%s\"", key.text);
    let_go(victim);
    tier_close(subject, self);
    pxt_trial_close(trial);
}

static void tombstones_survive_close(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "back", 1, VERSION);
    put_tombstone(subject, self, "back", VERSION + 1);
    put_version(subject, self, "back", 2, VERSION + 2);
    put_version(subject, self, "gone", 1, VERSION + 3);
    put_tombstone(subject, self, "gone", VERSION + 4);
    put_tombstone(subject, self, "deleted", VERSION + 5);
    delete_tombstone(subject, self, "deleted");
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect_tombstone(subject, self, "gone", VERSION + 4, "opened again,");
    expect_entry(subject, self, "back", 2, VERSION + 2, "opened again, after a put in place of a tombstone,");
    expect(!look(subject, self, "deleted").there, "opened again, a tombstone that was deleted is back");
    expect(count_of(subject, self) == 1, "opened again, count is %llu, there are a tombstone and an entry",
           (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static void clear_removes_tombstones(struct subject *subject)
{
    uint64_t removed = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "a", 1, VERSION);
    put_tombstone(subject, self, "b", VERSION + 1);
    calling("clear");
    expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
    expect(removed == 1, "there are an entry and a tombstone, clear says that it removed %llu entries",
           (unsigned long long)removed);
    expect(!look(subject, self, "b").there, "after clear a tombstone is there");
    expect_tombstones(subject, self, 0);
    put_version(subject, self, "b", 1, VERSION);
    expect_entry(subject, self, "b", 1, VERSION, "after clear, of an older version than the tombstone,");
    tier_close(subject, self);
}

static void ignore_key(void *arg, const struct pxt_key *key)
{
    (void)arg, (void)key;
}

static uint64_t known_dead(struct subject *subject, void *self, pxt_time now)
{
    uint64_t count = 0;
    calling("known_dead");
    expect_ok(subject, tier_ops(subject)->known_dead(self, now, &count, &subject->error), "known_dead");
    return count;
}

static uint64_t expire_at(struct subject *subject, void *self, pxt_time now)
{
    uint64_t removed = 0;
    calling("expire");
    expect_ok(subject,
              tier_ops(subject)->expire(self, now, UINT64_MAX, 100, ignore_key, NULL, &removed, &subject->error),
              "expire");
    return removed;
}

static void keeps_what_is_known_as_dead(struct subject *subject)
{
    const struct pxt_host *host = pxt_trial_host(subject->trial);
    struct pxt_key dead = key_named(subject, "dead"), deleted = key_named(subject, "deleted");
    pxt_entry *entry = NULL;
    void *self = tier_open(subject, NULL, NULL, 0);
    expect_ok(subject, host->tombstone_new(host, &dead, VERSION, PXT_REMOVE_HEALTH, TIME + 9, &entry, &subject->error),
              "making a tombstone");
    expect_ok(subject, put_and_release(subject, self, entry), "put of a tombstone");
    expect_ok(subject,
              host->tombstone_new(host, &deleted, VERSION + 1, PXT_REMOVE_DELETED, TIME + 9, &entry, &subject->error),
              "making a tombstone");
    expect_ok(subject, put_and_release(subject, self, entry), "put of a tombstone");
    expect(known_dead(subject, self, TIME + 8) == 1, "known_dead does not count the one proxy that is known as dead");
    expire_at(subject, self, TIME + 8);
    expect(look(subject, self, "dead").there, "expire drops a proxy that is known as dead before its time");
    expect(!look(subject, self, "deleted").there, "expire keeps a tombstone of a deleted entry for its time");
    put_version(subject, self, "dead", 1, VERSION + 2);
    expect(!known_dead(subject, self, TIME + 8), "known_dead counts a proxy that was put again");
    expect_ok(subject,
              host->tombstone_new(host, &dead, VERSION + 3, PXT_REMOVE_HEALTH, TIME + 9, &entry, &subject->error),
              "making a tombstone");
    expect_ok(subject, put_and_release(subject, self, entry), "put of a tombstone");
    expect(!known_dead(subject, self, TIME + 9), "known_dead counts a proxy whose time has come");
    expire_at(subject, self, TIME + 9);
    expect(!look(subject, self, "dead").there, "expire keeps a proxy as dead beyond its time");
    tier_close(subject, self);
}

static const char *without_known_dead(const struct subject *subject)
{
    if (!tier_ops(subject)->known_dead || !tier_ops(subject)->expire)
        return "it does not offer known_dead";
    return without_tombstones(subject);
}

static const char *without_clear_or_tombstones(const struct subject *subject)
{
    return tier_ops(subject)->clear ? without_tombstones(subject) : without_clear(subject);
}

static const char *without_victim_or_tombstones(const struct subject *subject)
{
    return tier_ops(subject)->victim ? without_tombstones(subject) : without_victim(subject);
}

const struct check tier_tombstone_checks[] = {
    {"keeps a tombstone, with its version, reason and time", keeps_a_tombstone, without_tombstones},
    {"counts no tombstones", counts_no_tombstones, without_tombstones},
    {"names no tombstone as a victim", tombstones_are_no_victims, without_victim_or_tombstones},
    {"clear removes tombstones, and does not count them", clear_removes_tombstones, without_clear_or_tombstones},
    {"expire keeps what is known as dead until its time, and known_dead counts it", keeps_what_is_known_as_dead,
     without_known_dead},
    {"keeps tombstones when it is closed", tombstones_survive_close, without_tombstones},
    {NULL, NULL, NULL}};
