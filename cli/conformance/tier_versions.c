/* SPDX-License-Identifier: MIT
 *
 * tier_versions.c: what a tier promises of versions.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- versions --------------------------------------------------------------------------------------------------- */

enum { KEYS = 60 };

struct versions {
    struct subject *subject;
    unsigned seen[KEYS], calls, stop_after;
    uint64_t version[KEYS];
};

static bool note_version(void *arg, const struct pxt_key *key, uint64_t version)
{
    struct versions *versions = arg;
    unsigned i = (unsigned)atoi(key->text + 1);
    expect(key->text[0] == 'v' && i < KEYS, "versions gives the key \"%s\", which was not put", key->text);
    versions->seen[i]++;
    versions->version[i] = version;
    return ++versions->calls != versions->stop_after;
}

static bool note_entry(void *arg, pxt_entry *entry)
{
    struct versions *versions = arg;
    struct pxt_key key;
    versions->subject->host->entry_key(entry, &key);
    return note_version(arg, &key, (uint64_t)versions->subject->host->entry_number(entry, PXT_FIELD_VERSION));
}

/* As the core asks for them. */
static void list_versions(struct subject *subject, void *self, uint64_t above, struct versions *versions)
{
    versions->subject = subject;
    calling("versions");
    expect_ok(subject,
              tier_ops(subject)->versions
                  ? tier_ops(subject)->versions(self, above, note_version, versions, &subject->error)
                  : tier_ops(subject)->each(self, note_entry, versions, &subject->error),
              tier_ops(subject)->versions ? "versions" : "each");
}

/* Of every ten keys one has the version 0, and two are tombstones. */
static uint64_t version_of(int i)
{
    return i % 10 ? VERSION + (uint64_t)i : 0;
}

static void *filled(struct subject *subject)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "v%d", i);
        if (i % 2)
            put_version(subject, self, key, i, 1); /* an older one, which is not given */
        if (i % 10 == 3 || i % 10 == 4)
            put_tombstone(subject, self, key, version_of(i));
        else
            put_version(subject, self, key, i, version_of(i));
    }
    return self;
}

static void versions_gives_all(struct subject *subject)
{
    struct versions all = {0}, some = {.stop_after = 5};
    void *self = filled(subject);
    list_versions(subject, self, 0, &all);
    for (int i = 0; i < KEYS; i++) {
        expect(all.seen[i] == 1, "versions gives %s %u times", i % 10 == 3 || i % 10 == 4 ? "a tombstone" : "an entry",
               all.seen[i]);
        expect(all.version[i] == version_of(i), "versions gives %llu, the version is %llu",
               (unsigned long long)all.version[i], (unsigned long long)version_of(i));
    }
    list_versions(subject, self, 0, &some);
    expect(some.calls == 5, "versions goes on after its function returned false");
    tier_close(subject, self);
}

static void versions_gives_those_above(struct subject *subject)
{
    struct versions above = {0};
    void *self = filled(subject);
    list_versions(subject, self, VERSION + 25, &above);
    for (int i = 0; i < KEYS; i++) {
        bool wanted = i > 25 || !version_of(i);
        expect(above.seen[i] == wanted,
               !version_of(i) ? "a version that is not known, 0, is given %u times"
               : wanted       ? "a version above that asked for is given %u times"
                              : "a version that is not above that asked for is given %u times",
               above.seen[i]);
    }
    tier_close(subject, self);
}

struct told {
    unsigned count, tombstones, others;
};

static void note_expired(void *arg, const struct pxt_key *key)
{
    struct told *told = arg;
    told->count += !strncmp(key->text, "x", 1);
    told->tombstones += !strncmp(key->text, "t", 1);
    told->others += !strchr("xt", key->text[0]);
}

/* Ten entries that have expired and, in a durable tier, ten tombstones, with versions in turn; and one that is live. */
static void *filled_with_dead(struct subject *subject, bool tombstones)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "x%d", i);
        expect_ok(subject, put_and_release(subject, self, entry_of(subject, key, i, TIME, VERSION + 2 * (uint64_t)i)),
                  "put");
        snprintf(key, sizeof key, "t%d", i);
        if (tombstones)
            put_tombstone(subject, self, key, VERSION + 2 * (uint64_t)i + 1);
    }
    put_version(subject, self, "live", 1, VERSION);
    return self;
}

static uint64_t expire_up_to(struct subject *subject, void *self, uint64_t up_to, size_t limit, struct told *told)
{
    uint64_t removed = 0;
    calling("expire");
    expect_ok(subject,
              tier_ops(subject)->expire(self, TIME + 1, up_to, limit, note_expired, told, &removed, &subject->error),
              "expire");
    return removed;
}

static void expire_stops_at_a_version(struct subject *subject)
{
    struct told told = {0};
    bool tombstones = tier_ops(subject)->flags & PXT_TIER_DURABLE;
    void *self = filled_with_dead(subject, tombstones);
    uint64_t removed = expire_up_to(subject, self, VERSION - 1, 100, &told);
    expect(!removed && !told.count, "no dead version is as old as asked, %llu are removed",
           (unsigned long long)removed);
    removed = expire_up_to(subject, self, VERSION + 9, 100, &told);
    expect(told.count == 5, "5 of 10 expired entries have a version up to that given, %u are reported", told.count);
    expect(!told.tombstones, "expire reports tombstones");
    expect(removed == (tombstones ? 10 : 5), "%d dead versions are up to that given, %llu are removed",
           tombstones ? 10 : 5, (unsigned long long)removed);
    expect(look(subject, self, "x5").there, "an expired entry of a version above that given is removed");
    expect(!look(subject, self, "x4").there, "an expired entry of the version given stays");
    if (tombstones) {
        expect_tombstone(subject, self, "t5", VERSION + 11, "after an expire up to an older version");
        expect(!look(subject, self, "t4").there, "a tombstone of the version given stays");
    }
    removed = expire_up_to(subject, self, UINT64_MAX, 3, &told);
    expect(removed == 3, "with a limit of 3, %llu are removed", (unsigned long long)removed);
    while (expire_up_to(subject, self, UINT64_MAX, 3, &told) == 3) {
    }
    expect(told.count == 10 && !told.others, "10 entries have expired, %u are reported", told.count + told.others);
    expect(!look(subject, self, "t9").there, "expire says that no dead version is left, but a tombstone is");
    expect_entry(subject, self, "live", 1, VERSION, "after expire, of an entry that has time left,");
    tier_close(subject, self);
}

/* ---- PXT_TIER_VERSIONS ------------------------------------------------------------------------------------------ */

static void expect_stale(pxt_status status, const char *what)
{
    expect(status == PXT_ESTALE, "%s gives %s, it should give PXT_ESTALE", what, pxt_status_name(status));
}

static void refuses_older_versions(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "k", 2, VERSION + 2);
    expect_stale(put_and_release(subject, self, entry_of(subject, "k", 1, LATER, VERSION + 1)),
                 "put of an older version");
    expect_stale(put_and_release(subject, self, tombstone_of(subject, "k", VERSION)),
                 "put of a tombstone that is older than the entry");
    expect_entry(subject, self, "k", 2, VERSION + 2, "after puts of older versions");
    put_tombstone(subject, self, "k", VERSION + 3);
    expect_stale(put_and_release(subject, self, entry_of(subject, "k", 1, LATER, VERSION + 2)),
                 "put of an entry that is older than the tombstone");
    expect_tombstone(subject, self, "k", VERSION + 3, "after a put of an older entry");
    expect(count_of(subject, self) == 0, "puts of older versions are counted");
    expect(delete_named(subject, self, "k") == PXT_NOT_FOUND, "del of a tombstone is not PXT_NOT_FOUND");
    put_version(subject, self, "k", 1, VERSION);
    expect_entry(subject, self, "k", 1, VERSION, "after del, of an older version than before,");
    tier_close(subject, self);
}

static void takes_the_same_version_again(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "k", 1, VERSION);
    put_version(subject, self, "k", 2, VERSION);
    expect_entry(subject, self, "k", 2, VERSION, "after a put of the version that is there");
    put_version(subject, self, "unknown", 1, 0);
    put_version(subject, self, "unknown", 2, 0);
    expect_entry(subject, self, "unknown", 2, 0, "after a second put of the version 0");
    put_tombstone(subject, self, "k", VERSION + 1);
    put_tombstone(subject, self, "k", VERSION + 1);
    expect_tombstone(subject, self, "k", VERSION + 1, "put twice,");
    tier_close(subject, self);
}

static void takes_an_unknown_version(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "k", 1, VERSION);
    put_version(subject, self, "k", 2, 0);
    expect_entry(subject, self, "k", 2, 0, "after a put of the version 0 over another one");
    put_version(subject, self, "k", 3, VERSION);
    expect_entry(subject, self, "k", 3, VERSION, "after a put of a version over the version 0");
    put_tombstone(subject, self, "k", VERSION + 1);
    put_version(subject, self, "k", 4, 0);
    expect_entry(subject, self, "k", 4, 0, "after a put of the version 0 over a tombstone");
    tier_close(subject, self);
}

static void put_many_is_all_or_none(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    pxt_entry *entries[3];
    put_version(subject, self, "b", 5, VERSION + 5);
    for (int older = 1; older >= 0; older--) {
        entries[0] = entry_of(subject, "a", 1, LATER, VERSION + 1);
        entries[1] = entry_of(subject, "b", 6, LATER, VERSION + (older ? 4 : 6));
        entries[2] = tombstone_of(subject, "c", VERSION + 7);
        calling("put_many");
        pxt_status status = tier_ops(subject)->put_many(self, entries, 3, &subject->error);
        for (int i = 0; i < 3; i++)
            let_go(entries[i]);
        if (!older) {
            expect_ok(subject, status, "put_many");
            break;
        }
        expect_stale(status, "put_many with one older version");
        expect_entry(subject, self, "b", 5, VERSION + 5, "after put_many with an older version");
        expect(!look(subject, self, "a").there && !look(subject, self, "c").there,
               "put_many with one older version stores the others");
    }
    expect_entry(subject, self, "a", 1, VERSION + 1, "after put_many");
    expect_entry(subject, self, "b", 6, VERSION + 6, "after put_many");
    expect_tombstone(subject, self, "c", VERSION + 7, "after put_many");
    tier_close(subject, self);
}

/* One process puts the even versions of a key, another the odd ones; whatever the order, the greatest stays. */
enum { RACE = 200 };

static void put_every_other(struct subject *subject, void *self, int first)
{
    for (int i = first; i <= RACE; i += 2) {
        pxt_status status = put_and_release(subject, self, entry_of(subject, "k", i, LATER, VERSION + (uint64_t)i));
        expect(status == PXT_OK || status == PXT_ESTALE, "put beside another process gives %s: %s",
               pxt_status_name(status), subject->error.message);
    }
}

static void put_even_ones(struct subject *subject, void *self)
{
    put_every_other(subject, self, 2);
}

static void put_newer_ones(struct subject *subject, void *self)
{
    put_version(subject, self, "entry", 2, VERSION + 2);
    put_tombstone(subject, self, "removed", VERSION + 2);
}

static void compares_with_another_process(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "entry", 1, VERSION);
    put_version(subject, self, "removed", 1, VERSION);
    wait_for(in_another_process(subject, put_newer_ones));
    expect_stale(put_and_release(subject, self, entry_of(subject, "entry", 1, LATER, VERSION + 1)),
                 "put of an older version than another process put");
    expect_stale(put_and_release(subject, self, entry_of(subject, "removed", 1, LATER, VERSION + 1)),
                 "put of an older version than the tombstone of another process");
    expect_tombstone(subject, self, "removed", VERSION + 2, "put by another process,");
    expect(count_of(subject, self) == 1, "after a tombstone of another process count is %llu, not 1",
           (unsigned long long)count_of(subject, self));
    pid_t child = in_another_process(subject, put_even_ones);
    put_every_other(subject, self, 1);
    wait_for(child);
    expect_entry(subject, self, "k", RACE, VERSION + RACE, "after puts of two processes");
    tier_close(subject, self);
}

/* ---- what applies ----------------------------------------------------------------------------------------------- */

static const char *without_versions(const struct subject *subject)
{
    return tier_ops(subject)->versions ? NULL : "it leaves versions to the core";
}

static const char *without_expire_of_versions(const struct subject *subject)
{
    if (without_expire(subject))
        return without_expire(subject);
    return tier_ops(subject)->flags & PXT_TIER_DURABLE ? without_tombstones(subject) : NULL;
}

static const char *without_comparison(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_VERSIONS ? NULL : "it does not compare versions";
}

static const char *without_sharing(const struct subject *subject)
{
    const char *why = private_tier(subject);
    return why ? why : without_comparison(subject);
}

static const char *without_batches_of_versions(const struct subject *subject)
{
    return tier_ops(subject)->put_many ? without_comparison(subject) : without_put_many(subject);
}

const struct check tier_version_checks[] = {
    {"gives the version of each entry and tombstone once", versions_gives_all, without_tombstones},
    {"versions gives those above a version, and all that are not known", versions_gives_those_above, without_versions},
    {"expire leaves versions above that given, and reports no tombstones", expire_stops_at_a_version,
     without_expire_of_versions},
    {"refuses older versions, and changes nothing then", refuses_older_versions, without_comparison},
    {"takes the version that it has again", takes_the_same_version_again, without_comparison},
    {"takes the version 0, which is not known, in place of any", takes_an_unknown_version, without_comparison},
    {"put_many stores nothing where one version is older", put_many_is_all_or_none, without_batches_of_versions},
    {"compares with versions of another process", compares_with_another_process, without_sharing},
    {NULL, NULL, NULL}};
