/* SPDX-License-Identifier: MIT
 *
 * tier_arguments.c: what a tier may take from its arguments and its host, and what it has to leave alone.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

static void tells_keys_of_one_hash_apart(struct subject *subject)
{
    enum { KEYS = 20 };
    char key[20];
    host_gives_one_hash();
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "h", KEYS);
    expect(count_of(subject, self) == KEYS, "%d keys that have one hash are counted as %llu", KEYS,
           (unsigned long long)count_of(subject, self));
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "h%d", i);
        expect(version_named(subject, self, key) == i,
               "of keys that have one hash \"%s\" gives the entry of another key, or no entry", key);
    }
    expect_ok(subject, delete_named(subject, self, "h3"), "del");
    expect(version_named(subject, self, "h3") == -1 && version_named(subject, self, "h4") == 4,
           "of keys that have one hash del removes another one");
    tier_close(subject, self);
}

static void gives_nothing_that_is_not_there(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    pxt_entry *mark = entry_named(subject, "mark", 1, LATER), *out = mark;
    struct pxt_key key = key_named(subject, "nobody");
    put_named(subject, self, "somebody", 1);
    calling("get");
    expect(tier_ops(subject)->get(self, &key, 0, &out, &subject->error) == PXT_NOT_FOUND,
           "get of a key that was never put is not PXT_NOT_FOUND");
    expect(!out || out == mark, "get sets *out to an entry where it returns PXT_NOT_FOUND");
    let_go(mark);
    tier_close(subject, self);
}

static void copies_keys(struct subject *subject)
{
    char key_text[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "k", 10);
    for (int i = 0; i < 20; i++) { /* in one place, so that a key that was kept is overwritten by the next */
        pxt_entry *entry = NULL;
        memset(key_text, 0, sizeof key_text);
        snprintf(key_text, sizeof key_text, "k%d", i % 10);
        struct pxt_key key = key_named(subject, key_text);
        calling(i < 10 ? "get" : "del");
        if (i >= 10) {
            expect_ok(subject, tier_ops(subject)->del(self, &key, PXT_REMOVE_DELETED, &subject->error), "del");
        } else {
            expect_ok(subject, tier_ops(subject)->get(self, &key, 0, &entry, &subject->error), "get");
            handed_out();
            expect(subject->host->entry_number(entry, PXT_FIELD_RECOVERY_ATTEMPT) == i,
                   "get gives the entry of another key, which was in the same memory: a key is valid during the call");
            let_go(entry);
        }
    }
    memset(key_text, 'x', sizeof key_text - 1);
    for (int i = 0; i < 10; i++) {
        char text[20];
        snprintf(text, sizeof text, "k%d", i);
        expect(version_named(subject, self, text) == -1,
               "a deleted key is found after the memory of the key has changed");
    }
    tier_close(subject, self);
}

static void deletes_for_any_reason(struct subject *subject)
{
    static const struct {
        enum pxt_removal why;
        const char *name;
    } reason[] = {{PXT_REMOVE_DELETED, "PXT_REMOVE_DELETED"},
                  {PXT_REMOVE_POLICY, "PXT_REMOVE_POLICY"},
                  {PXT_REMOVE_EXPIRED, "PXT_REMOVE_EXPIRED"},
                  {PXT_REMOVE_HEALTH, "PXT_REMOVE_HEALTH"},
                  {PXT_REMOVE_CORRUPTION, "PXT_REMOVE_CORRUPTION"}};
    void *self = tier_open(subject, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof reason / sizeof *reason; i++) {
        struct pxt_key key = key_named(subject, "k");
        put_named(subject, self, "k", 1);
        calling("del");
        expect_ok(subject, tier_ops(subject)->del(self, &key, reason[i].why, &subject->error), reason[i].name);
        expect(version_named(subject, self, "k") == -1, "del for the reason %s removes nothing", reason[i].name);
    }
    expect(count_of(subject, self) == 0, "after del for each reason count is not 0");
    tier_close(subject, self);
}

static void leaves_the_capacity_to_the_core(struct subject *subject)
{
    char key[20];
    pxt_trial *trial = policy_named(subject, "fifo");
    void *self = tier_open(subject, pxt_trial_plugin(trial)->ops, trial, 4);
    for (int i = 0; i < 6; i++) {
        snprintf(key, sizeof key, "c%d", i);
        put_named(subject, self, key, i);
    }
    put_numbered(subject, self, "d", 6);
    for (int i = 0; i < 12; i++) {
        snprintf(key, sizeof key, "%c%d", i % 2 ? 'c' : 'd', i / 2);
        expect(version_named(subject, self, key) == i / 2,
               "a tier of the capacity 4 has dropped \"%s\" by itself: who leaves is for the core to ask", key);
    }
    tier_close(subject, self);
    pxt_trial_close(trial);
}

static void ignores_the_clock(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    pxt_time now = subject->host->now(subject->host);
    expect_ok(subject, put_and_release(subject, self, entry_named(subject, "long ago", 1, TIME)), "put");
    expect_ok(subject, put_and_release(subject, self, entry_named(subject, "now", 1, now - 1)), "put");
    if (tier_ops(subject)->maintain) {
        calling("maintain");
        expect_ok(subject, tier_ops(subject)->maintain(self, &subject->error), "maintain");
    }
    expect(version_named(subject, self, "long ago") == 1 && version_named(subject, self, "now") == 1,
           "an entry is gone that has expired: expiry is for the core to ask");
    expect(count_of(subject, self) == 2, "an entry that has expired, and is still there, is not counted");
    tier_close(subject, self);
}

const struct check tier_argument_checks[] = {
    {"tells keys of one hash apart", tells_keys_of_one_hash_apart, NULL},
    {"get gives no entry where it finds nothing", gives_nothing_that_is_not_there, NULL},
    {"keeps no key that it was handed", copies_keys, NULL},
    {"del removes, for whatever reason", deletes_for_any_reason, NULL},
    {"leaves the capacity to the core", leaves_the_capacity_to_the_core, NULL},
    {"leaves expiry to the core", ignores_the_clock, NULL},
    {NULL, NULL, NULL}};
