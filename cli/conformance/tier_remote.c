/* SPDX-License-Identifier: MIT
 *
 * tier_remote.c: what a tier promises of conditional writes, of many gets in one call, and of calls with a deadline.
 */
#include "tier_kit.h"
#include <string.h>

/* ---- put_if, del_if --------------------------------------------------------------------------------------------- */

/* Lets go of the entry. */
static pxt_status put_if(struct subject *subject, void *self, pxt_entry *entry, uint64_t expected)
{
    calling("put_if");
    pxt_status status = tier_ops(subject)->put_if(self, entry, expected, &subject->error);
    let_go(entry);
    return status;
}

static pxt_status del_if(struct subject *subject, void *self, const char *text, uint64_t expected)
{
    struct pxt_key key = key_named(subject, text);
    calling("del_if");
    return tier_ops(subject)->del_if(self, &key, expected, PXT_REMOVE_DELETED, &subject->error);
}

static void replaces_what_was_read(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(put_if(subject, self, entry_of(subject, "k", 1, LATER, VERSION), VERSION - 1) == PXT_ESTALE,
           "nothing is stored, and put_if that expects a version does not give PXT_ESTALE");
    expect(!look(subject, self, "k").there, "put_if that gives PXT_ESTALE stores the entry");
    expect_ok(subject, put_if(subject, self, entry_of(subject, "k", 1, LATER, VERSION), 0), "put_if of a new key");
    expect_entry(subject, self, "k", 1, VERSION, "after put_if of a new key");
    expect(put_if(subject, self, entry_of(subject, "k", 2, LATER, VERSION + 9), 0) == PXT_ESTALE,
           "an entry is stored, and put_if that expects none does not give PXT_ESTALE");
    expect_entry(subject, self, "k", 1, VERSION, "after put_if that gives PXT_ESTALE");
    expect(put_if(subject, self, entry_of(subject, "k", 2, LATER, VERSION + 9), VERSION - 1) == PXT_ESTALE &&
               put_if(subject, self, entry_of(subject, "k", 2, LATER, VERSION + 9), VERSION + 1) == PXT_ESTALE,
           "put_if that expects another version than the stored one does not give PXT_ESTALE");
    expect_entry(subject, self, "k", 1, VERSION, "after put_if that gives PXT_ESTALE");
    expect_ok(subject, put_if(subject, self, entry_of(subject, "k", 2, LATER, VERSION + 2), VERSION), "put_if");
    expect_entry(subject, self, "k", 2, VERSION + 2, "after put_if");
    expect_ok(subject, put_if(subject, self, tombstone_of(subject, "k", VERSION + 4), VERSION + 2),
              "put_if of a tombstone");
    expect(put_if(subject, self, entry_of(subject, "k", 3, LATER, VERSION + 6), 0) == PXT_ESTALE,
           "a tombstone is stored, and put_if that expects nothing does not give PXT_ESTALE");
    expect_ok(subject, put_if(subject, self, entry_of(subject, "k", 3, LATER, VERSION + 6), VERSION + 4),
              "put_if in place of a tombstone");
    expect_entry(subject, self, "k", 3, VERSION + 6, "after put_if in place of a tombstone");
    tier_close(subject, self);
}

static void removes_what_was_read(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(del_if(subject, self, "k", VERSION) == PXT_NOT_FOUND, "del_if of a missing key does not give PXT_NOT_FOUND");
    expect_ok(subject, put_if(subject, self, entry_of(subject, "k", 1, LATER, VERSION), 0), "put_if of a new key");
    expect(del_if(subject, self, "k", VERSION - 1) == PXT_ESTALE && del_if(subject, self, "k", 0) == PXT_ESTALE,
           "del_if that expects another version than the stored one does not give PXT_ESTALE");
    expect_entry(subject, self, "k", 1, VERSION, "after del_if that gives PXT_ESTALE");
    expect_ok(subject, del_if(subject, self, "k", VERSION), "del_if");
    expect(!look(subject, self, "k").there, "del_if leaves the entry");
    tier_close(subject, self);
}

enum { TURNS = 20 };

/* Adds 1 to the number of an entry, as often as TURNS. */
static void add_by_turns(struct subject *subject, unsigned number, void *self)
{
    (void)number;
    for (unsigned turn = 0; turn < rounds(TURNS, 2, 32);) {
        struct found found = look(subject, self, "k");
        pxt_status status =
            put_if(subject, self, entry_of(subject, "k", found.number + 1, LATER, found.version + 1), found.version);
        expect(status == PXT_OK || status == PXT_ESTALE || status == PXT_EBUSY, "put_if gives %s",
               pxt_status_name(status));
        turn += status == PXT_OK;
    }
}

static void threads_lose_no_change(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect_ok(subject, put_if(subject, self, entry_of(subject, "k", 0, LATER, VERSION), 0), "put_if of a new key");
    unsigned threads = in_many_threads(subject, add_by_turns, self), turns = rounds(TURNS, 2, 32);
    int64_t number = look(subject, self, "k").number;
    expect(number == threads * turns, "%u threads change an entry by put_if %u times each, %lld changes are in it",
           threads, turns, (long long)number);
    tier_close(subject, self);
}

/* ---- put_if_many ------------------------------------------------------------------------------------------------ */

enum { MANY = 300 };

/* Of three keys one is new, one is stored as expected, and one is stored otherwise. */
static void puts_many_each_for_itself(struct subject *subject)
{
    static pxt_entry *entry[MANY];
    static uint64_t expected[MANY];
    static pxt_status results[MANY];
    void *self = tier_open(subject, NULL, NULL, 0);
    char key[20];
    unsigned n = rounds(MANY, 6, 2);
    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof key, "m%u", i);
        if (i % 3)
            expect_ok(subject, put_if(subject, self, entry_of(subject, key, 1, LATER, VERSION), 0), "put_if");
        entry[i] = entry_of(subject, key, 2, LATER, VERSION + 2);
        expected[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? VERSION : VERSION + 1;
        results[i] = PXT_EIO;
    }
    calling("put_if_many");
    expect_ok(subject, tier_ops(subject)->put_if_many(self, entry, expected, n, results, &subject->error),
              "put_if_many");
    for (unsigned i = 0; i < n; i++) {
        let_go(entry[i]);
        snprintf(key, sizeof key, "m%u", i);
        bool stale = i % 3 == 2;
        expect(results[i] == (stale ? PXT_ESTALE : PXT_OK),
               stale ? "of put_if_many the result of an entry that is stored otherwise is %s"
                     : "of put_if_many the result of an entry that is stored as expected is %s",
               pxt_status_name(results[i]));
        expect_entry(subject, self, key, stale ? 1 : 2, stale ? VERSION : VERSION + 2, "after put_if_many");
    }
    tier_close(subject, self);
}

/* ---- get_many --------------------------------------------------------------------------------------------------- */

static void gets_many_as_each(struct subject *subject)
{
    enum { KEYS = 7 };
    static const char *const names[KEYS] = {"a", "missing", "b", "a", "gone", "missing", "c"};
    struct pxt_key key[KEYS];
    const struct pxt_key *keys[KEYS];
    pxt_entry *entry[KEYS];
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "a", 1);
    put_named(subject, self, "b", 2);
    put_named(subject, self, "c", 3);
    put_named(subject, self, "gone", 4);
    expect_ok(subject, delete_named(subject, self, "gone"), "del");
    for (unsigned i = 0; i < KEYS; i++) {
        key[i] = key_named(subject, names[i]);
        keys[i] = &key[i];
        entry[i] = NULL;
    }
    calling("get_many");
    expect_ok(subject, tier_ops(subject)->get_many(self, keys, KEYS, 0, entry, &subject->error), "get_many");
    for (unsigned i = 0; i < KEYS; i++) {
        bool there = strlen(names[i]) == 1;
        expect(there == (entry[i] != NULL),
               there ? "get_many does not give the entry of \"%s\""
                     : "get_many gives an entry of \"%s\", which is not stored",
               names[i]);
        if (!there)
            continue;
        struct pxt_key found;
        handed_out();
        subject->host->entry_key(entry[i], &found);
        expect(!strcmp(found.text, names[i]), "get_many of \"%s\" gives the entry of \"%s\"", names[i], found.text);
        let_go(entry[i]);
    }
    tier_close(subject, self);
    expect(holds_of_plugin() == 0, "after get_many and close it has taken %ld references more (or fewer) than released",
           holds_of_plugin());
}

/* ---- deadlines -------------------------------------------------------------------------------------------------- */

/* A call whose deadline is over is to end. It may have done its work, or say that it could not. */
static void ends_by_the_deadline(struct subject *subject)
{
    enum { SLOWEST = 2 };
    pxt_entry *entry = NULL;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "k", 1);
    struct pxt_key key = key_named(subject, "k");
    host_has_deadline(true);
    double start = seconds_now();
    calling("get, with a deadline that is over");
    pxt_status status = tier_ops(subject)->get(self, &key, 0, &entry, &subject->error);
    double seconds = seconds_now() - start;
    host_has_deadline(false);
    if (status == PXT_OK) {
        handed_out();
        let_go(entry);
    }
    expect(status == PXT_OK || status == PXT_EBUSY || status == PXT_EUNAVAILABLE,
           "get with a deadline that is over gives %s", pxt_status_name(status));
    expect(seconds < SLOWEST, "get with a deadline that is over waits for %.1f seconds", seconds);
    expect(version_named(subject, self, "k") == 1, "after a call with a deadline that was over it gives another entry");
    tier_close(subject, self);
}

static const char *without_put_if(const struct subject *subject)
{
    return tier_ops(subject)->put_if && tier_ops(subject)->del_if ? NULL : "it does not offer put_if and del_if";
}

static const char *without_threads(const struct subject *subject)
{
    const char *why = without_put_if(subject);
    return why ? why : serialised(subject);
}

static const char *without_put_if_many(const struct subject *subject)
{
    return tier_ops(subject)->put_if_many ? NULL : "it leaves put_if_many to the core";
}

static const char *without_get_many(const struct subject *subject)
{
    return tier_ops(subject)->get_many ? NULL : "it leaves get_many to the core";
}

const struct check tier_remote_checks[] = {
    {"put_if stores in place of exactly what the caller has read", replaces_what_was_read, without_put_if},
    {"del_if removes exactly what the caller has read", removes_what_was_read, without_put_if},
    {"of changes by put_if in sixteen threads none is lost", threads_lose_no_change, without_threads},
    {"put_if_many is put_if of each", puts_many_each_for_itself, without_put_if_many},
    {"get_many gives what get gives of each", gets_many_as_each, without_get_many},
    {"a call with a deadline ends by then", ends_by_the_deadline, NULL},
    {NULL, NULL, NULL}};
