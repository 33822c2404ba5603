/* SPDX-License-Identifier: MIT
 *
 * Two interleavings that chance does not bring about: hazard.c is compiled into this test, which stops its threads between
 * two steps, has a clock of its own, refuses membarrier, and sees what is freed.
 */
#include "../lib/tap.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "entry/entry.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int64_t now_ms = 1;
static bool refused;
static int freed;
static void take_step(const char *step);

static int64_t clock_of_the_test(void)
{
    return now_ms;
}

static long membarrier_or_not(long number, int command)
{
    return refused && command == MEMBARRIER_CMD_PRIVATE_EXPEDITED ? -1 : syscall(number, command, 0, 0);
}

/* Entries stay readable until the end, so that a fault fails a test, and does not crash it. */
static void *freed_entry[8];
static unsigned freed_entries;
static void count_freed(void *entry)
{
    if (freed_entries < sizeof freed_entry / sizeof *freed_entry)
        freed_entry[freed_entries++] = entry;
    freed++;
}

#define HAZARD_STEP(step) take_step(#step)
#define pxt_clock_monotonic_ms() clock_of_the_test()
#define syscall(number, command, flags, cpu) membarrier_or_not(number, command)
#define pxt_free(entry) count_freed(entry)
#define explicit_bzero(entry, size) ((void)0)
#include "entry/hazard.c"
#undef syscall
#undef pxt_free

static pxt_entry *new_entry(int64_t count)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "s", 1);
    pxt_draft_set_number(&draft, PXT_FIELD_FETCH_TIME, 1);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, 1);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, 1);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, 1);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, count);
    if (pxt_entry_new(&draft, &entry, NULL))
        abort();
    return entry;
}

static pxt_entry *place;

/* ---- a reader between its second look at the place and its look at `frozen` --------------------------------------- */

static _Thread_local bool late;
static bool armed;
static sem_t holds, reached, go_on, may_end;
static pthread_t reader;
static int64_t seen;

static void *hold_in_a_slot(void *arg)
{
    *(pxt_entry **)arg = pxt_entry_acquire(&place);
    sem_post(&holds);
    sem_wait(&may_end);
    return NULL;
}

static void *read_late(void *arg)
{
    late = true;
    pxt_entry *entry = pxt_entry_acquire(&place);
    seen = entry ? pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT) : -1;
    pxt_entry_release(entry);
    sem_wait(&may_end);
    return arg;
}

/* The slots are read, the count is not: a reader comes, and then the entry leaves its place. */
static void let_a_reader_in_and_remove(void)
{
    armed = false;
    pthread_create(&reader, NULL, read_late, NULL);
    sem_wait(&reached);
    pxt_entry *removed = place;
    __atomic_store_n(&place, NULL, __ATOMIC_SEQ_CST);
    pxt_entry_release(removed);
}

static void take_step(const char *step)
{
    if (armed && !strcmp(step, "SLOTS_ARE_READ")) {
        let_a_reader_in_and_remove();
    } else if (late && !strcmp(step, "LOOKED_TWICE")) {
        sem_post(&reached);
        sem_wait(&go_on);
    }
}

static void a_reader_that_comes_after_the_slots_were_read_is_seen(void)
{
    pthread_t holder;
    pxt_entry *held;
    freed = 0;
    place = new_entry(5);
    pthread_create(&holder, NULL, hold_in_a_slot, &held);
    sem_wait(&holds);
    pxt_entry_release(held); /* here, not in its thread: the slot stands for the hold of the table from now on */
    armed = true;
    pxt_hazard_reclaim();
    is_int(armed, false, "the entry was listed while the table had it");
    is_int(freed, 0, "a reader that got the entry after the slots were read keeps it");
    sem_post(&go_on);
    sem_post(&may_end);
    sem_post(&may_end);
    pthread_join(reader, NULL);
    pthread_join(holder, NULL);
    is_int(seen, 5, "... and reads it");
    pxt_hazard_reclaim();
    is_int(freed, 1, "afterwards the entry is freed");
}

/* ---- membarrier is refused while the program runs ----------------------------------------------------------------- */

static void remove_one(void)
{
    pxt_entry_release(new_entry(1));
    pxt_hazard_reclaim();
}

/* A reader that began before membarrier was refused may have passed no barrier: its slot may not be seen yet. */
static void nothing_is_freed_within_the_grace_period(void)
{
    if (!membarrier_works) {
        skip("no membarrier here");
        return;
    }
    freed = 0;
    refused = true;
    now_ms = 5000;
    remove_one();
    is_int(freed, 0, "membarrier is refused: nothing is freed at once");
    now_ms = 5000 + GRACE_MS - 1;
    remove_one();
    is_int(freed, 0, "... nor within the grace period");
    now_ms = 5000 + GRACE_MS;
    remove_one();
    is_int(freed, 3, "... and afterwards all that was removed");
    is_int(atomic_load(&mode.readers_fence), true, "from then on readers pass barriers of their own");
}

int main(void)
{
    sem_init(&holds, 0, 0);
    sem_init(&reached, 0, 0);
    sem_init(&go_on, 0, 0);
    sem_init(&may_end, 0, 0);
    a_reader_that_comes_after_the_slots_were_read_is_seen();
    nothing_is_freed_within_the_grace_period();
    for (unsigned i = 0; i < freed_entries; i++)
        pxt_free(freed_entry[i]);
    return tap_done();
}
