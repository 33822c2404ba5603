/* SPDX-License-Identifier: MIT
 *
 * An entry stays valid while it is held, by however many threads and in whatever way, and is freed afterwards (address
 * sanitizer and valgrind are the judges).
 */
#include "entry/entry.h"
#include "entry/hazard.h"
#include "../lib/tap.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

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

static void more_holds_than_a_thread_has_slots(void)
{
    pxt_entry *place = new_entry(7), *held[40];
    for (int i = 0; i < 40; i++)
        held[i] = pxt_entry_acquire(&place);
    pxt_entry *taken = place;
    place = NULL;
    pxt_entry_release(taken);
    pxt_hazard_reclaim();
    is_int(pxt_entry_number(held[39], PXT_FIELD_ACCESS_COUNT), 7, "held 40 times by one thread, removed, still there");
    for (int i = 0; i < 39; i++)
        pxt_entry_release(held[i]);
    pxt_hazard_reclaim();
    is_int(pxt_entry_number(held[39], PXT_FIELD_ACCESS_COUNT), 7, "the last hold keeps it");
    pxt_entry_release(held[39]);
    pxt_hazard_reclaim();
}

static pxt_entry *handed;

static void *take_and_end(void *arg)
{
    handed = pxt_entry_acquire(arg);
    return NULL;
}

static void *release_it(void *arg)
{
    pxt_entry_release(arg);
    return NULL;
}

static void a_hold_outlives_its_thread_and_changes_hands(void)
{
    pthread_t thread;
    pxt_entry *place = new_entry(8);
    pthread_create(&thread, NULL, take_and_end, &place);
    pthread_join(thread, NULL);
    pxt_entry_release(place);
    pxt_hazard_reclaim();
    is_int(pxt_entry_number(handed, PXT_FIELD_ACCESS_COUNT), 8, "held by a thread that ended");
    pxt_entry_release(handed);
    pxt_entry *other = new_entry(9), *mine = pxt_entry_acquire(&other);
    pxt_entry_release(other);
    pthread_create(&thread, NULL, release_it, mine); /* taken here, let go there */
    pthread_join(thread, NULL);
    pxt_hazard_reclaim();
    ok(1, "a hold taken by one thread is let go by another");
}

enum { READERS = 8, ROUNDS = 20000 };
static pxt_entry *shared;
static atomic_bool stop;
static _Atomic int64_t wrong;

static void *read_all(void *arg)
{
    (void)arg;
    int64_t last = 0;
    while (!atomic_load(&stop)) {
        pxt_entry *entry = pxt_entry_acquire(&shared);
        if (!entry)
            continue;
        int64_t now = pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
        if (now < last || now > ROUNDS)
            atomic_fetch_add(&wrong, 1); /* older than one seen before, or freed memory */
        last = now;
        pxt_entry_release(entry);
    }
    return NULL;
}

static void readers_never_see_freed_memory(void)
{
    pthread_t thread[READERS];
    __atomic_store_n(&shared, new_entry(0), __ATOMIC_SEQ_CST);
    for (int i = 0; i < READERS; i++)
        pthread_create(&thread[i], NULL, read_all, NULL);
    for (int64_t i = 1; i <= ROUNDS; i++) {
        pxt_entry *old = shared;
        __atomic_store_n(&shared, new_entry(i), __ATOMIC_SEQ_CST);
        pxt_entry_release(old);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(thread[i], NULL);
    pxt_entry_release(shared);
    pxt_hazard_reclaim();
    is_int(wrong, 0, "8 threads read while an entry is replaced %d times", ROUNDS);
}

int main(void)
{
    more_holds_than_a_thread_has_slots();
    a_hold_outlives_its_thread_and_changes_hands();
    readers_never_see_freed_memory();
    return tap_done();
}
