/* SPDX-License-Identifier: MIT
 *
 * tier_leases.c: what a tier promises of leases.
 */
#include "tier_kit.h"
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LONG (3600 * PXT_SECOND)

static struct pxt_lease lease_of(const struct subject *subject, const char *key, const char *id, uint32_t max,
                                 int64_t ttl)
{
    return (struct pxt_lease){.size = sizeof(struct pxt_lease),
                              .max = max,
                              .key = key_named(subject, key),
                              .id = id,
                              .holder = "worker",
                              .ttl = ttl};
}

static bool take(struct subject *subject, void *self, const char *key, const char *id, uint32_t max, int64_t ttl)
{
    bool taken = false;
    struct pxt_lease lease = lease_of(subject, key, id, max, ttl);
    calling("lease_take");
    expect_ok(subject, tier_ops(subject)->lease_take(self, &lease, &taken, &subject->error), "lease_take");
    return taken;
}

static pxt_status renew(struct subject *subject, void *self, const char *key, const char *id, int64_t ttl)
{
    struct pxt_lease lease = lease_of(subject, key, id, 0, ttl);
    calling("lease_renew");
    return tier_ops(subject)->lease_renew(self, &lease, &subject->error);
}

static pxt_status end(struct subject *subject, void *self, const char *key, const char *id)
{
    struct pxt_lease lease = lease_of(subject, key, id, 0, 0);
    calling("lease_end");
    return tier_ops(subject)->lease_end(self, &lease, &subject->error);
}

struct listed {
    unsigned count, named; /* `named`: with the id that is looked for */
    const char *id;
};

static bool note_lease(void *arg, const struct pxt_lease *lease)
{
    struct listed *listed = arg;
    listed->count++;
    if (listed->id && lease->id && !strcmp(lease->id, listed->id)) {
        listed->named++;
        expect(lease->holder && !strcmp(lease->holder, "worker"), "lease_each does not give the holder of a lease");
        expect(lease->until > 0, "lease_each does not say when a lease ends");
    }
    return true;
}

/* How many leases are held, of a key or of all. */
static struct listed list(struct subject *subject, void *self, const char *text, const char *id)
{
    struct listed listed = {.id = id};
    struct pxt_key key = key_named(subject, text ? text : "");
    calling("lease_each");
    expect_ok(subject, tier_ops(subject)->lease_each(self, text ? &key : NULL, note_lease, &listed, &subject->error),
              "lease_each");
    return listed;
}

static void offers_all_four(struct subject *subject)
{
    const struct pxt_tier_ops *ops = tier_ops(subject);
    expect(ops->lease_take && ops->lease_renew && ops->lease_end && ops->lease_each,
           "it offers one of the operations of leases, and not all four");
}

static void lets_no_more_hold_a_key(struct subject *subject)
{
    char id[20];
    unsigned taken = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(id, sizeof id, "id%u", i);
        taken += take(subject, self, "k", id, 3, LONG);
    }
    expect(taken == 3, "of a key that 3 may hold, %u leases are held at once", taken);
    expect(take(subject, self, "other", "id9", 1, LONG), "leases of one key keep another from being leased");
    expect(list(subject, self, "k", "id2").count == 3, "of 3 leases lease_each gives %u",
           list(subject, self, "k", NULL).count);
    expect(list(subject, self, "k", "id2").named == 1, "lease_each does not give a lease by its id");
    expect(list(subject, self, NULL, NULL).count == 4, "lease_each of all keys does not give all leases");
    expect_ok(subject, end(subject, self, "k", "id1"), "lease_end");
    expect(list(subject, self, "k", "id1").named == 0, "a lease that was ended is still held");
    expect(take(subject, self, "k", "id7", 3, LONG), "the end of a lease makes no room for another");
    expect(!take(subject, self, "k", "id8", 3, LONG), "the end of one lease makes room for two");
    tier_close(subject, self);
}

static void tells_that_a_lease_is_lost(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(renew(subject, self, "k", "id", LONG) == PXT_NOT_FOUND && end(subject, self, "k", "id") == PXT_NOT_FOUND,
           "a lease that nobody took is renewed, or ended");
    expect(take(subject, self, "k", "id", 1, LONG), "the only lease of a key is not taken");
    expect(renew(subject, self, "k", "another", LONG) == PXT_NOT_FOUND,
           "a lease is renewed by another id than its own");
    expect(end(subject, self, "k", "another") == PXT_NOT_FOUND, "a lease is ended by another id than its own");
    expect_ok(subject, renew(subject, self, "k", "id", LONG), "lease_renew");
    expect_ok(subject, end(subject, self, "k", "id"), "lease_end");
    expect(end(subject, self, "k", "id") == PXT_NOT_FOUND, "a lease is ended twice");
    expect(renew(subject, self, "k", "id", LONG) == PXT_NOT_FOUND, "a lease that has ended is renewed");
    tier_close(subject, self);
}

/* By a clock that goes on in a step, of the host that the tier is given. */
static void ends_by_itself(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(take(subject, self, "k", "id", 1, LONG), "the only lease of a key is not taken");
    expect(take(subject, self, "renewed", "id2", 1, LONG), "the only lease of a key is not taken");
    host_steps_clock(LONG - 60 * PXT_SECOND);
    expect(!take(subject, self, "k", "later", 1, LONG), "a lease ends a minute before its time");
    expect_ok(subject, renew(subject, self, "renewed", "id2", LONG), "lease_renew");
    host_steps_clock(120 * PXT_SECOND);
    expect(renew(subject, self, "k", "id", LONG) == PXT_NOT_FOUND, "a lease is renewed a minute after its end");
    expect(list(subject, self, "k", NULL).count == 0, "lease_each gives a lease that has ended");
    expect(take(subject, self, "k", "later", 1, LONG), "a lease is held a minute after its end");
    expect(list(subject, self, "renewed", "id2").named == 1, "a lease that was renewed ends at its old time");
    tier_close(subject, self);
}

static void ends_in_time(struct subject *subject)
{
    bool ended = false;
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(take(subject, self, "k", "id", 1, PXT_SECOND / 10), "the only lease of a key is not taken");
    for (double start = seconds_now(); !ended && seconds_now() - start < 5;) {
        usleep(50000);
        ended = take(subject, self, "k", "later", 1, LONG);
    }
    expect(ended, "a lease of a tenth of a second is held for five seconds");
    tier_close(subject, self);
}

struct race {
    void *self;
    atomic_uint taken;
};

static void take_one(struct subject *subject, unsigned number, void *arg)
{
    struct race *race = arg;
    char id[20];
    snprintf(id, sizeof id, "id%u", number);
    atomic_fetch_add(&race->taken, take(subject, race->self, "k", id, 4, LONG));
}

static void threads_take_no_more(struct subject *subject)
{
    struct race race = {.self = tier_open(subject, NULL, NULL, 0)};
    unsigned threads = in_many_threads(subject, take_one, &race);
    expect(race.taken == 4, "of a key that 4 may hold, %u threads take %u leases", threads, race.taken);
    tier_close(subject, race.self);
}

static void take_in_another_process(struct subject *subject, void *self)
{
    expect(!take(subject, self, "k", "other", 1, LONG), "another process takes a lease that is held");
    expect(take(subject, self, "k2", "other2", 1, LONG), "another process cannot take a lease");
}

static void processes_share_leases(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(take(subject, self, "k", "id", 1, LONG), "the only lease of a key is not taken");
    wait_for(in_another_process(subject, take_in_another_process));
    expect(!take(subject, self, "k2", "id2", 1, LONG), "a lease of a process that has gone ends before its time");
    tier_close(subject, self);
}

static const char *without_any(const struct subject *subject)
{
    const struct pxt_tier_ops *ops = tier_ops(subject);
    return ops->lease_take || ops->lease_renew || ops->lease_end || ops->lease_each ? NULL : "it keeps no leases";
}

static const char *without_leases(const struct subject *subject)
{
    return tier_ops(subject)->lease_take ? NULL : "it keeps no leases";
}

static const char *by_another_clock(const struct subject *subject)
{
    const char *why = without_leases(subject);
    return !why && (tier_ops(subject)->flags & PXT_TIER_REMOTE) ? "its leases end by the clock of its server" : why;
}

static const char *without_threads(const struct subject *subject)
{
    const char *why = without_leases(subject);
    return why ? why : serialised(subject);
}

static const char *without_processes(const struct subject *subject)
{
    const char *why = without_leases(subject);
    return why ? why : private_tier(subject);
}

const struct check tier_lease_checks[] = {
    {"offers all operations of leases, or none", offers_all_four, without_any},
    {"lets no more workers hold a key than may", lets_no_more_hold_a_key, without_leases},
    {"tells that a lease is not held, or has ended", tells_that_a_lease_is_lost, without_leases},
    {"a lease ends by itself, by the clock of the host", ends_by_itself, by_another_clock},
    {"a lease ends by itself, in time", ends_in_time, without_leases},
    {"sixteen threads hold no more leases than may", threads_take_no_more, without_threads},
    {"processes share leases", processes_share_leases, without_processes},
    {NULL, NULL, NULL}};
