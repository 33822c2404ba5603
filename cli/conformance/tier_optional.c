/* SPDX-License-Identifier: MIT
 *
 * tier_optional.c: what a tier promises with the operations that it need not offer.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

#define NEEDS(operation)                                                                                               \
    static const char *without_##operation(const struct subject *subject)                                              \
    {                                                                                                                  \
        return tier_ops(subject)->operation ? NULL : "it leaves " #operation " to the core";                           \
    }
NEEDS(clear)
NEEDS(contains)
NEEDS(put_many)
NEEDS(touch)
NEEDS(expire)
NEEDS(victim)
NEEDS(settle)
NEEDS(check_add)

static void *filled(struct subject *subject, int n)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "f%d", i);
        put_named(subject, self, key, i);
    }
    return self;
}

static void clear_removes_all(struct subject *subject)
{
    uint64_t removed = 0;
    void *self = filled(subject, 30);
    calling("clear");
    expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
    expect(removed == 30, "30 entries are cleared, it says %llu", (unsigned long long)removed);
    expect(count_of(subject, self) == 0 && version_named(subject, self, "f29") == -1,
           "after clear some entries remain");
    put_named(subject, self, "f1", 5);
    expect(version_named(subject, self, "f1") == 5, "after clear nothing can be put");
    tier_close(subject, self);
}

static void contains_agrees_with_get(struct subject *subject)
{
    void *self = filled(subject, 3);
    struct pxt_key there = key_named(subject, "f1"), not_there = key_named(subject, "f9");
    calling("contains");
    expect_ok(subject, tier_ops(subject)->contains(self, &there, &subject->error), "contains");
    expect(tier_ops(subject)->contains(self, &not_there, &subject->error) == PXT_NOT_FOUND,
           "contains finds a key that was never put");
    tier_close(subject, self);
}

static void put_many_stores_all(struct subject *subject)
{
    pxt_entry *entries[100];
    char key[20];
    void *self = filled(subject, 10);
    for (int i = 0; i < 100; i++) { /* the last ten once more, with another version */
        snprintf(key, sizeof key, "f%d", i < 90 ? i : i - 10);
        entries[i] = entry_named(subject, key, 1000 + i, TIME + 3600 * PXT_SECOND);
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

static void touch_adds_accesses(struct subject *subject)
{
    void *self = filled(subject, 5);
    const struct pxt_touch *touches[2] = {
        &(struct pxt_touch){.size = sizeof(struct pxt_touch),
                            .key = key_named(subject, "f3"),
                            .hits = 7,
                            .last_accessed = TIME + 9 * PXT_SECOND},
        &(struct pxt_touch){
            .size = sizeof(struct pxt_touch), .key = key_named(subject, "unknown"), .hits = 1, .last_accessed = TIME}};
    pxt_entry *entry = NULL;
    calling("touch");
    expect_ok(subject, tier_ops(subject)->touch(self, touches, 2, &subject->error), "touch");
    expect(count_of(subject, self) == 5, "touch of an unknown key stores one");
    expect_ok(subject, tier_ops(subject)->get(self, &touches[0]->key, PXT_GET_PEEK, &entry, &subject->error), "get");
    handed_out();
    expect(subject->host->entry_number(entry, PXT_FIELD_ACCESS_COUNT) == 7, "7 hits are touched, access_count is %lld",
           (long long)subject->host->entry_number(entry, PXT_FIELD_ACCESS_COUNT));
    expect(subject->host->entry_number(entry, PXT_FIELD_LAST_ACCESSED) == TIME + 9 * PXT_SECOND,
           "touch does not set last_accessed");
    let_go(entry);
    tier_close(subject, self);
}

static void settled_counts_are_exact(struct subject *subject)
{
    void *self = filled(subject, 5);
    for (int i = 0; i < 1000; i++)
        version_named(subject, self, "f2");
    struct pxt_key key = key_named(subject, "f2");
    pxt_entry *entry = NULL;
    calling("settle");
    expect_ok(subject, tier_ops(subject)->settle(self, &subject->error), "settle");
    expect_ok(subject, tier_ops(subject)->get(self, &key, PXT_GET_PEEK, &entry, &subject->error), "get");
    handed_out();
    long long count = subject->host->entry_number(entry, PXT_FIELD_ACCESS_COUNT);
    expect(count == 1000, "after 1000 hits and settle, access_count is %lld", count);
    let_go(entry);
    tier_close(subject, self);
}

struct history {
    unsigned count, stop_after;
};

static bool newest_first(void *arg, const struct pxt_check *check)
{
    struct history *history = arg;
    unsigned number = 9 - history->count++;
    char message[30];
    snprintf(message, sizeof message, "refused %u", number);
    expect(!strcmp(check->key.text, "h"), "check_each gives a check of another key");
    expect(check->time == TIME + (int64_t)number, "check_each does not give the newest check first");
    expect(check->status == PXT_HEALTH_UNHEALTHY && check->response_time_ms == 12.5 + number && check->error_message &&
               !strcmp(check->error_message, message) && check->check_url &&
               !strcmp(check->check_url, "http://192.0.2.1/"),
           "a check comes back changed");
    return history->count != history->stop_after;
}

static void keeps_a_history(struct subject *subject)
{
    struct history all = {0}, some = {.stop_after = 2}, none = {0};
    void *self = filled(subject, 1);
    struct pxt_key key = key_named(subject, "h"), other = key_named(subject, "other");
    put_named(subject, self, "h", 1);
    calling("check_add");
    for (unsigned i = 0; i < 10; i++) {
        char message[30];
        snprintf(message, sizeof message, "refused %u", i);
        struct pxt_check check = {.size = sizeof check,
                                  .key = key,
                                  .time = TIME + (int64_t)i,
                                  .status = PXT_HEALTH_UNHEALTHY,
                                  .response_time_ms = 12.5 + i,
                                  .error_message = message,
                                  .check_url = "http://192.0.2.1/"};
        expect_ok(subject, tier_ops(subject)->check_add(self, &check, 4, &subject->error), "check_add");
    }
    expect(tier_ops(subject)->check_each != NULL, "it has check_add without check_each");
    calling("check_each");
    expect_ok(subject, tier_ops(subject)->check_each(self, &key, newest_first, &all, &subject->error), "check_each");
    expect(all.count == 4, "of 10 checks 4 are to be kept, %u are kept", all.count);
    expect_ok(subject, tier_ops(subject)->check_each(self, &key, newest_first, &some, &subject->error), "check_each");
    expect(some.count == 2, "check_each goes on after its function returned false");
    expect_ok(subject, tier_ops(subject)->check_each(self, &other, newest_first, &none, &subject->error), "check_each");
    tier_close(subject, self);
}

struct told {
    struct subject *subject;
    unsigned count;
};

static void count_key(void *arg, const struct pxt_key *key)
{
    struct told *told = arg;
    told->count++;
    expect(key->text[0] == 'x', "expire reports \"%s\", which has not expired", key->text);
}

static void expire_removes_what_expired(struct subject *subject)
{
    struct told told = {.subject = subject};
    uint64_t removed = 0;
    char key[20];
    void *self = filled(subject, 10); /* these live an hour */
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "x%d", i);
        pxt_entry *entry = entry_named(subject, key, i, TIME + i);
        expect_ok(subject, tier_ops(subject)->put(self, entry, &subject->error), "put");
        let_go(entry);
    }
    calling("expire");
    expect_ok(subject,
              tier_ops(subject)->expire(self, TIME + 9, UINT64_MAX, 4, count_key, &told, &removed, &subject->error),
              "expire");
    expect(removed == 4 && told.count == 4, "with a limit of 4, %llu entries are removed and %u reported",
           (unsigned long long)removed, told.count);
    expect_ok(subject,
              tier_ops(subject)->expire(self, TIME + 9, UINT64_MAX, 100, count_key, &told, &removed, &subject->error),
              "expire");
    expect(removed == 6 && told.count == 10,
           "10 entries have expired, the last at that very time: %llu are removed and %u reported",
           (unsigned long long)removed + 4, told.count);
    expect(count_of(subject, self) == 10, "10 entries have not expired, %llu are counted",
           (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static pxt_trial *policy_named(struct subject *subject, const char *name)
{
    pxt_trial *trial = NULL;
    expect_ok(subject, pxt_trial_open(NULL, name, NULL, &trial, &subject->error), "loading a policy");
    return trial;
}

/* Who leaves, one after the other, must be what the policy says; the tier is asked, and removes what it named. */
static void evict_in_order(struct subject *subject, const char *policy, const char *const *order, size_t n)
{
    pxt_trial *trial = policy_named(subject, policy);
    void *self = tier_open(subject, pxt_trial_plugin(trial)->ops, trial, n);
    pxt_entry *victim = NULL;
    expect(tier_ops(subject)->victim(self, 1, &victim, &subject->error) == PXT_NOT_FOUND, "an empty tier has a victim");
    put_named(subject, self, "a", 1);
    put_named(subject, self, "b", 2);
    put_named(subject, self, "c", 3);
    put_named(subject, self, "d", 4);
    for (int i = 0; i < 3; i++)
        version_named(subject, self, "a");
    version_named(subject, self, "c");
    if (tier_ops(subject)->settle)
        expect_ok(subject, tier_ops(subject)->settle(self, &subject->error), "settle");
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        calling("victim");
        expect_ok(subject, tier_ops(subject)->victim(self, 1, &victim, &subject->error), "victim");
        handed_out();
        subject->host->entry_key(victim, &key);
        expect(!order || !strcmp(key.text, order[i]), "%s evicts \"%s\", it should evict \"%s\"", policy, key.text,
               order ? order[i] : "");
        expect(version_named(subject, self, key.text) >= 0, "victim removes the entry: that is for the core to do");
        expect_ok(subject, tier_ops(subject)->del(self, &key, PXT_REMOVE_POLICY, &subject->error), "del of a victim");
        let_go(victim);
    }
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

const struct check tier_optional_checks[] = {
    {"clear removes all, and counts them", clear_removes_all, without_clear},
    {"contains agrees with get", contains_agrees_with_get, without_contains},
    {"put_many stores all, in order", put_many_stores_all, without_put_many},
    {"touch adds accesses, to what is stored", touch_adds_accesses, without_touch},
    {"settled counts are exact", settled_counts_are_exact, without_settle},
    {"keeps a history of checks, newest first, no longer than asked", keeps_a_history, without_check_add},
    {"expire removes expired entries, up to a limit, and reports each", expire_removes_what_expired, without_expire},
    {"victim follows FIFO, and removes nothing", evicts_in_fifo_order, without_victim},
    {"victim serves every policy until it is empty", any_policy_empties_it, without_victim},
    {NULL, NULL, NULL}};
