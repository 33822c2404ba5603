/* SPDX-License-Identifier: MIT
 *
 * tier_expire.c: what a tier promises of expire.
 */
#include "tier_kit.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct told {
    unsigned count;
    const char *others; /* what is wrong with a key that does not begin with x */
};

static void count_key(void *arg, const struct pxt_key *key)
{
    struct told *told = arg;
    told->count++;
    expect(key->text[0] == 'x', "expire removes \"%s\", %s", key->text, told->others);
}

static void put_expiring(struct subject *subject, void *self, const char *key, int64_t version, pxt_time expires)
{
    expect_ok(subject, put_and_release(subject, self, entry_named(subject, key, version, expires)), "put");
}

/* `*removed` is the tier's to set, whatever stands there. */
static uint64_t expire(struct subject *subject, void *self, pxt_time now, size_t limit, pxt_key_fn *fn, void *arg)
{
    uint64_t removed = 77;
    calling("expire");
    expect_ok(subject, tier_ops(subject)->expire(self, now, UINT64_MAX, limit, fn, arg, &removed, &subject->error),
              "expire");
    return removed;
}

static void expire_removes_what_expired(struct subject *subject)
{
    struct told told = {.others = "which has not expired, be it by a microsecond"};
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 10); /* these live an hour */
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "x%d", i);
        put_expiring(subject, self, key, i, TIME + i);
    }
    put_expiring(subject, self, "next", 1, TIME + 10);
    unsigned long long removed = expire(subject, self, TIME + 9, 4, count_key, &told);
    expect(removed == 4 && told.count == 4, "with a limit of 4, %llu entries are removed and %u reported", removed,
           told.count);
    removed = expire(subject, self, TIME + 9, 100, count_key, &told);
    expect(removed == 6 && told.count == 10,
           "10 entries have expired, the last at that very time: %llu are removed and %u reported", removed + 4,
           told.count);
    removed = expire(subject, self, TIME + 9, 100, count_key, &told);
    expect(removed == 0 && told.count == 10, "no entry has expired, %llu are removed", removed);
    expect(version_named(subject, self, "next") == 1, "expire removes an entry a microsecond before its time");
    expect(count_of(subject, self) == 11, "11 entries have not expired, %llu are counted",
           (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

/* The time that counts is that of the entry which is stored. */
static void a_replaced_entry_has_its_own_time(struct subject *subject)
{
    struct told told = {.others = "which took the place of one that has expired, and has time left"};
    void *self = tier_open(subject, NULL, NULL, 0);
    put_expiring(subject, self, "longer", 1, TIME);
    put_expiring(subject, self, "longer", 2, LATER);
    put_expiring(subject, self, "x", 1, LATER);
    put_expiring(subject, self, "x", 2, TIME);
    put_expiring(subject, self, "deleted", 1, TIME);
    expect_ok(subject, delete_named(subject, self, "deleted"), "del");
    put_expiring(subject, self, "deleted", 2, LATER);
    unsigned long long removed = expire(subject, self, TIME + 1, 100, count_key, &told);
    expect(version_named(subject, self, "longer") == 2 && version_named(subject, self, "deleted") == 2,
           "an entry that took the place of another is removed at the time of that one");
    expect(removed == 1 && version_named(subject, self, "x") == -1,
           "an entry that took the place of one that lives longer is not removed at its own time");
    tier_close(subject, self);
}

/* ---- told once it is done --------------------------------------------------------------------------------------- */

static void tell_and_end(void *arg, const struct pxt_key *key)
{
    ssize_t n = write(*(int *)arg, key->text, strlen(key->text));
    _exit(n < 0); /* as if it were killed */
}

static void tells_after_the_removal(struct subject *subject)
{
    char key[20], told[20] = "";
    int channel[2], state = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "x%d", i);
        put_expiring(subject, self, key, i, TIME + i);
    }
    tier_close(subject, self);
    expect(!pipe(channel), "no pipe");
    pid_t child = fork();
    if (!child) {
        struct subject other = *subject;
        subject_open(&other);
        self = tier_open(&other, NULL, NULL, 0);
        expire(&other, self, LATER, 100, tell_and_end, &channel[1]);
        _exit(0);
    }
    close(channel[1]);
    ssize_t length = read(channel[0], told, sizeof told - 1);
    expect(child > 0 && waitpid(child, &state, 0) == child && state == 0, "the process that expires fails");
    expect(length > 0, "10 entries have expired, expire reports none");
    self = tier_open(subject, NULL, NULL, 0);
    expect(version_named(subject, self, told) == -1,
           "expire reports \"%s\" before it is removed: the process is killed then, and the entry is back", told);
    tier_close(subject, self);
}

static const char *without_durable_expire(const struct subject *subject)
{
    const char *why = without_expire(subject);
    return why ? why : volatile_tier(subject);
}

const struct check tier_expire_checks[] = {
    {"expire removes expired entries, up to a limit, and reports each", expire_removes_what_expired, without_expire},
    {"an entry that took the place of another expires at its own time", a_replaced_entry_has_its_own_time,
     without_expire},
    {"expire reports what is removed for certain", tells_after_the_removal, without_durable_expire},
    {NULL, NULL, NULL}};
