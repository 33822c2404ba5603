/* SPDX-License-Identifier: MIT
 *
 * tier_concurrent.c: what a tier promises to several threads, processes and instances, and beyond its end.
 */
#include "tier_kit.h"

static void own_keys(struct subject *subject, unsigned number, void *self)
{
    char key[30];
    int n = (int)rounds(400, 60, 36);
    for (int i = 0; i < n - n % 20; i++) {
        snprintf(key, sizeof key, "t%u-%d", number, i % 20);
        put_named(subject, self, key, i);
        expect(version_named(subject, self, key) == i, "a thread does not get the entry that it put");
        if (i % 5 == 4) {
            expect_ok(subject, delete_named(subject, self, key), "del by one of many threads");
            expect(version_named(subject, self, key) == -1, "a thread gets an entry that it deleted");
        }
    }
}

static void works_for_sixteen_threads(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    unsigned threads = in_many_threads(subject, own_keys, self);
    expect(count_of(subject, self) == threads * 16, "%u threads leave %u entries, %llu are counted", threads,
           threads * 16, (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static unsigned keys_each;

static void put_beside(struct subject *subject, void *self)
{
    char key[30];
    expect(version_named(subject, self, "before") == 1, "a second process does not see an entry");
    for (unsigned i = 0; i < keys_each; i++) {
        snprintf(key, sizeof key, "c%u", i);
        put_named(subject, self, key, i);
    }
    expect_ok(subject, delete_named(subject, self, "before"), "del by another process");
}

static void works_for_two_processes(struct subject *subject)
{
    char key[30];
    void *self = tier_open(subject, NULL, NULL, 0);
    keys_each = rounds(200, 40, 4);
    put_named(subject, self, "before", 1);
    pid_t child = in_another_process(subject, put_beside);
    for (unsigned i = 0; i < keys_each; i++) {
        snprintf(key, sizeof key, "p%u", i);
        put_named(subject, self, key, i);
    }
    wait_for(child);
    expect(version_named(subject, self, "before") == -1, "an entry that another process deleted is found");
    for (unsigned i = 0; i < keys_each; i++) {
        snprintf(key, sizeof key, "c%u", i);
        expect(version_named(subject, self, key) == i, "an entry that another process put is not found");
        snprintf(key, sizeof key, "p%u", i);
        expect(version_named(subject, self, key) == i,
               "an entry that this process put is lost beside those of another process");
    }
    expect(count_of(subject, self) == 2 * keys_each, "two processes have put %u entries, %llu are counted",
           2 * keys_each, (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static void change_others_entries(struct subject *subject, void *self)
{
    put_named(subject, self, "overwritten", 2);
    expect_ok(subject, delete_named(subject, self, "put anew"), "del by another process");
    put_named(subject, self, "put anew", 2);
    expect_ok(subject, delete_named(subject, self, "deleted"), "del by another process");
}

static void sees_what_another_process_changed(struct subject *subject)
{
    static const char *const keys[] = {"overwritten", "put anew", "deleted"};
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < 3; i++) {
        put_named(subject, self, keys[i], 1);
        expect(version_named(subject, self, keys[i]) == 1, "an entry that was put is not found");
    }
    wait_for(in_another_process(subject, change_others_entries));
    expect(version_named(subject, self, "overwritten") == 2,
           "get gives an entry that another process has replaced: a shared tier sees the writes of all");
    expect(version_named(subject, self, "put anew") == 2,
           "get gives an entry that another process has deleted and put anew");
    expect(version_named(subject, self, "deleted") == -1, "get gives an entry that another process has deleted");
    expect(count_of(subject, self) == 2, "after changes of another process 2 entries are there, %llu are counted",
           (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static void instances_are_their_own(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0), *other = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "k", 1);
    expect(version_named(subject, other, "k") == -1, "one instance gives an entry that was put into another");
    tier_close(subject, self);
    put_named(subject, other, "k", 2);
    expect(version_named(subject, other, "k") == 2, "closing one instance breaks another");
    tier_close(subject, other);
}

static void keeps_entries_when_closed(struct subject *subject)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "r%d", i);
        put_named(subject, self, key, i);
    }
    expect_ok(subject, delete_named(subject, self, "r7"), "del");
    put_named(subject, self, "r8", 1000);
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect(count_of(subject, self) == 49, "49 entries were there, %llu are after opening it again",
           (unsigned long long)count_of(subject, self));
    expect(version_named(subject, self, "r7") == -1, "a deleted entry is back after opening it again");
    expect(version_named(subject, self, "r8") == 1000, "a replaced entry is back after opening it again");
    expect(version_named(subject, self, "r49") == 49, "an entry is gone after opening it again");
    tier_close(subject, self);
}

const struct check tier_concurrent_checks[] = {
    {"works for sixteen threads", works_for_sixteen_threads, serialised},
    {"works for two processes", works_for_two_processes, private_tier},
    {"sees what another process has put in place of an entry", sees_what_another_process_changed, private_tier},
    {"instances are their own", instances_are_their_own, shares_by_options},
    {"keeps entries when it is closed", keeps_entries_when_closed, volatile_tier},
    {NULL, NULL, NULL}};
