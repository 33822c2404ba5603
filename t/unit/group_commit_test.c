/* SPDX-License-Identifier: MIT
 *
 * A thread that is cancelled while it puts loses neither its own entry nor that of another thread. An entry that is older than
 * what is stored keeps no other thread's entry out.
 */
#include "../lib/tap.h"
#include "tier/group_commit.h"
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* A tier whose first put waits until the test says so. */
struct slow_tier {
    _Atomic bool may_go;
    _Atomic unsigned inside, stored;
};

/* An entry that is older than what the tier has. */
static char stale[1];

static pxt_status slow_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct slow_tier *tier = self;
    (void)error;
    atomic_fetch_add(&tier->inside, 1);
    while (!atomic_load(&tier->may_go))
        usleep(1000); /* a cancellation point, as a write to a file is */
    for (size_t i = 0; i < n; i++)
        if ((char *)entries[i] == stale)
            return PXT_ESTALE;
    atomic_fetch_add(&tier->stored, (unsigned)n);
    return PXT_OK;
}

static pxt_status slow_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    return slow_put_many(self, &entry, 1, error);
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_TRANSACTION | PXT_TIER_CONCURRENT,
                                        .put = slow_put,
                                        .put_many = slow_put_many};
static struct pxt_group_commit group;
static struct slow_tier tier;

static void *put(void *arg)
{
    return (void *)(uintptr_t)pxt_group_commit_put(&group, &ops, &tier, arg, NULL);
}

static const void *end_of_queue(void)
{
    pthread_mutex_lock(&group.lock);
    const void *end = group.end;
    pthread_mutex_unlock(&group.lock);
    return end;
}

/* Puts on a thread of its own, which waits for the leader in the tier when this returns. */
static void follow(pthread_t *follower, void *entry)
{
    const void *before = end_of_queue();
    pthread_create(follower, NULL, put, entry);
    while (end_of_queue() == before)
        sched_yield();
}

static void start(pthread_t *leader)
{
    tier = (struct slow_tier){0};
    pxt_group_commit_init(&group);
    pthread_create(leader, NULL, put, NULL);
    while (!atomic_load(&tier.inside))
        sched_yield();
}

static void a_follower_that_is_cancelled_is_still_written(void)
{
    pthread_t leader, follower;
    start(&leader);
    /* The leader takes its own item off the queue before it enters the tier. */
    follow(&follower, NULL);
    pthread_cancel(follower);
    atomic_store(&tier.may_go, true);
    pthread_join(leader, NULL);
    pthread_join(follower, NULL);
    is_int(tier.stored, 2, "the leader's entry is stored, and that of the follower that was cancelled while it waited");
    ok(!group.leading && !group.first, "no put waits for a thread that is gone");
    pxt_group_commit_destroy(&group);
}

static void a_leader_that_is_cancelled_hands_over(void)
{
    pthread_t leader;
    start(&leader);
    pthread_cancel(leader);
    atomic_store(&tier.may_go, true);
    pthread_join(leader, NULL);
    is_int(tier.stored, 1, "the entry of a leader that was cancelled inside the tier is stored");
    if (ok(!group.leading, "the next put does not wait for it"))
        pxt_group_commit_put(&group, &ops, &tier, NULL, NULL);
    pxt_group_commit_destroy(&group);
}

static void a_stale_entry_fails_alone(void)
{
    pthread_t leader, old, good;
    void *of_old = NULL, *of_good = NULL;
    start(&leader);
    follow(&old, stale);
    follow(&good, NULL);
    atomic_store(&tier.may_go, true);
    pthread_join(leader, NULL);
    pthread_join(old, &of_old);
    pthread_join(good, &of_good);
    is_int((int)(uintptr_t)of_old, PXT_ESTALE, "an entry that is older than what is stored is refused");
    is_int((int)(uintptr_t)of_good, PXT_OK, "... and one of another thread, in the same group, is stored");
    pxt_group_commit_destroy(&group);
}

int main(void)
{
    a_leader_that_is_cancelled_hands_over();
    a_follower_that_is_cancelled_is_still_written();
    a_stale_entry_fails_alone();
    return tap_done();
}
