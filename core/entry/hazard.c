/* SPDX-License-Identifier: MIT
 *
 * hazard.c: says which entries are held, and frees the others.
 *
 * A hit must not write to memory that other threads read, so a hold is not a counter in the entry: it is the entry's
 * address in a slot of the holding thread (M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free
 * Objects", IEEE TPDS 15(6), 2004). Holds of other kinds (a tier's own, one more than a thread has slots, those of a
 * thread that ended) are counted in the entry.
 *
 * A hold may be released in another thread, and that thread cannot know whether it was in a slot or counted. So a
 * release clears a slot of its own thread if one names the entry, and lowers the count otherwise. A count of 0 or less
 * therefore proves nothing: the table's hold may be what a slot stands for. What is exact is the sum:
 *
 *     holds of an entry = its count + the slots that name it
 *
 * A table has a hold of each entry that it has, so the sum of such an entry is at least 1, whoever releases. An entry
 * whose count sinks to 0 is listed, and it is freed when the sum is 0. To read the sum while holds move among slots:
 *
 *  1. `readers_fence` is set, and membarrier(2) makes that known: from now on a reader passes a full barrier between its
 *     slot and its second look at the place, and then looks at `frozen`.
 *  2. The listed entries are frozen: a reader that finds one frozen counts its hold and clears its slot. So from here
 *     on no slot comes to stand for a hold of such an entry; slots only cease to.
 *  3. All slots are read, then the count. What ceased meanwhile makes the sum too large, never too small.
 *  4. A sum of 0 is then final: no one holds the entry, no table has it, no one can get it. A reader that looked at the
 *     place just before the entry left it may still touch `frozen`: its slot or its count shows when slots and count are
 *     read once more. If the sum is 0 again the entry is freed, and slots that still name it are cleared.
 *
 * A thread whose slots are all taken counts what they stand for and has its slots back (spill()).
 *
 * The slots are the only state of the library that is the process's and not a cache's: an entry may be held from
 * several caches' threads, and beyond the life of its cache. A forked child has the slots of threads that it does not
 * have: what they name is never freed there.
 *
 * Lock: `lock` protects the list, spilling, and acquiring without a slot. It is a leaf: nothing else is locked under it.
 */
#include "entry/hazard.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "entry/entry.h"
#include "entry/entry_layout.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define CAN_MEMBARRIER false /* thread sanitizer does not know it */
#else
#define CAN_MEMBARRIER true
#endif

/* Where hazard_steps_test.c, which compiles this file, stops a thread. */
#ifndef HAZARD_STEP
#define HAZARD_STEP(step) ((void)0)
#endif

/* `holds` of an entry: twice the count, and whether the entry is listed. */
enum { HOLD = PXT_ENTRY_ONE_HOLD, LISTED = 1 };
enum { SLOTS = 8, BATCH = 64, GRACE_MS = 1000 };

struct pxt_thread {
    _Alignas(64) _Atomic(pxt_entry *) slot[SLOTS];
};
static struct pxt_thread threads[PXT_THREAD_MAX]; /* pages of threads that never ran are never touched */

/* Read on every hit, written twice a reclaim: on a cache line of its own. */
static struct {
    _Alignas(64) _Atomic bool readers_fence;
} mode = {true};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All under `lock`. */
static bool membarrier_works; /* otherwise readers_fence stays set */
static int64_t fenced_since;  /* when membarrier was refused, in ms; 0: readers always passed barriers */
static pxt_entry *listed;
static unsigned listed_new, listed_kept; /* since the last reclaim; by the last reclaim */
static const pxt_entry *named[PXT_THREAD_MAX * SLOTS];
static unsigned named_count;

/* ---- acquiring -------------------------------------------------------------------------------------------------- */

static void count_hold(pxt_entry *entry)
{
    atomic_fetch_add(&entry->holds, HOLD);
}

/* Counts what the thread's slots stand for, and clears them. The caller has the lock, and is the thread or its end. */
static void spill(struct pxt_thread *thread)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        pxt_entry *entry = atomic_load_explicit(&thread->slot[i], memory_order_relaxed);
        if (!entry)
            continue;
        count_hold(entry);
        atomic_store(&thread->slot[i], NULL);
    }
}

__attribute__((cold, noinline)) static _Atomic(pxt_entry *) *slot_after_spill(struct pxt_thread *thread)
{
    pthread_mutex_lock(&lock);
    spill(thread);
    pthread_mutex_unlock(&lock);
    return &thread->slot[0];
}

static void thread_ended(unsigned number)
{
    slot_after_spill(&threads[number]);
}

/* For a thread without slots: under the lock no entry is freed, so one that is in its place can be counted. */
__attribute__((cold, noinline)) static pxt_entry *acquire_counted(pxt_entry *const *place)
{
    pthread_mutex_lock(&lock);
    pxt_entry *entry = __atomic_load_n(place, __ATOMIC_SEQ_CST);
    if (entry)
        count_hold(entry);
    pthread_mutex_unlock(&lock);
    return entry;
}

/* acquire_in() with a barrier of the reader's own. */
__attribute__((cold, noinline)) static pxt_entry *acquire_fenced(_Atomic(pxt_entry *) *slot, pxt_entry *const *place)
{
    for (;;) {
        pxt_entry *entry = __atomic_load_n(place, __ATOMIC_ACQUIRE);
        atomic_exchange(slot, entry);
        if (!entry)
            return NULL;
        if (__atomic_load_n(place, __ATOMIC_SEQ_CST) != entry)
            continue;
        HAZARD_STEP(LOOKED_TWICE);
        if (!atomic_load(&entry->frozen))
            return entry;
        count_hold(entry); /* before the slot is cleared: one of the two is always seen */
        atomic_store(slot, NULL);
        return entry;
    }
}

/* Names what is in `*place` in this thread's slot, until it stays there. The hold that is returned may be counted
 * instead. */
static inline pxt_entry *acquire_in(_Atomic(pxt_entry *) *slot, pxt_entry *const *place)
{
    pxt_entry *entry = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    while (entry) {
        atomic_store_explicit(slot, entry, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* a full barrier whenever the reclaimer calls membarrier */
        if (__builtin_expect(atomic_load_explicit(&mode.readers_fence, memory_order_relaxed), 0))
            return acquire_fenced(slot, place);
        pxt_entry *again = __atomic_load_n(place, __ATOMIC_SEQ_CST);
        if (again == entry)
            return entry;
        entry = again;
    }
    atomic_store_explicit(slot, NULL, memory_order_release);
    return NULL;
}

/* Returns NULL if the thread has no number. */
static inline _Atomic(pxt_entry *) *free_slot(void)
{
    unsigned number = pxt_thread_self();
    if (__builtin_expect(number == PXT_THREAD_MAX, 0))
        return NULL;
    _Atomic(pxt_entry *) *slot = threads[number].slot;
    for (unsigned i = 0; i < SLOTS; i++)
        if (!atomic_load_explicit(&slot[i], memory_order_relaxed))
            return &slot[i];
    return slot_after_spill(&threads[number]);
}

static inline pxt_entry *acquire(pxt_entry *const *place)
{
    _Atomic(pxt_entry *) *slot = free_slot();
    return slot ? acquire_in(slot, place) : acquire_counted(place);
}

pxt_entry *pxt_entry_acquire(pxt_entry *const *place)
{
    return acquire(place);
}

pxt_entry *pxt_entry_acquire_key(pxt_entry *const *place, const struct pxt_key *key)
{
    pxt_entry *entry = acquire(place);
    if (!entry || pxt_entry_has_key(entry, key))
        return entry;
    pxt_entry_release(entry);
    return NULL;
}

pxt_entry *pxt_entry_hold(pxt_entry *entry)
{
    atomic_fetch_add_explicit(&entry->holds, HOLD, memory_order_relaxed);
    return entry;
}

/* ---- reclaiming: under the lock --------------------------------------------------------------------------------- */

/* Makes all readers pass barriers. Returns false if a reader may still be on its way that does not. */
static bool fence_readers(void)
{
    atomic_store(&mode.readers_fence, true);
    if (membarrier_works && !syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
        return true;
    int64_t now = pxt_clock_monotonic_ms();
    if (membarrier_works) { /* refused from now on: by a seccomp filter, say */
        membarrier_works = false;
        fenced_since = now;
    }
    /* A store that a processor has begun is seen by the others within nanoseconds, and a thread that is taken off its
     * processor has passed a barrier in the kernel. */
    return !fenced_since || now - fenced_since >= GRACE_MS;
}

static void read_slots(void)
{
    unsigned end = pxt_thread_numbers_end();
    named_count = 0;
    for (unsigned i = 0; i < end; i++)
        for (unsigned j = 0; j < SLOTS; j++) {
            const pxt_entry *entry = atomic_load(&threads[i].slot[j]);
            if (entry)
                named[named_count++] = entry;
        }
}

/* Returns the number of holds, or a larger one: the slots as read_slots() read them, and the count as it is now. */
static int holds_of(pxt_entry *entry, int *slots)
{
    *slots = 0;
    for (unsigned i = 0; i < named_count; i++)
        *slots += named[i] == entry;
    return (atomic_load(&entry->holds) >> 1) + *slots;
}

/* Takes out of `*list` the entries of which a hold is seen. */
static pxt_entry *take_held(pxt_entry **list)
{
    pxt_entry *held = NULL;
    read_slots();
    HAZARD_STEP(SLOTS_ARE_READ);
    for (pxt_entry **place = list; *place;) {
        pxt_entry *entry = *place;
        int slots;
        if (holds_of(entry, &slots) <= 0) {
            place = &entry->next_listed;
            continue;
        }
        *place = entry->next_listed;
        entry->next_listed = held;
        held = entry;
    }
    return held;
}

/* Frees an entry that nothing holds. Slots name it if its holds were released in other threads. */
static void destroy(pxt_entry *entry)
{
    unsigned end = atomic_load(&entry->holds) < 0 ? pxt_thread_numbers_end() : 0;
    for (unsigned i = 0; i < end; i++)
        for (unsigned j = 0; j < SLOTS; j++) {
            pxt_entry *expected = entry;
            atomic_compare_exchange_strong(&threads[i].slot[j], &expected, NULL);
        }
    explicit_bzero(entry, entry->size); /* tokens of the plain encryptor are credentials */
    pxt_free(entry);
}

/* Puts a held entry back, unless its count is above 0: then a release will list it. */
static void keep(pxt_entry *entry)
{
    int32_t holds = atomic_load(&entry->holds);
    atomic_store(&entry->frozen, 0);
    while (holds >= HOLD)
        if (atomic_compare_exchange_weak(&entry->holds, &holds, holds & ~LISTED))
            return;
    entry->next_listed = listed;
    listed = entry;
    listed_kept++;
}

static void keep_all(pxt_entry *list)
{
    for (pxt_entry *entry = list, *next; entry; entry = next) {
        next = entry->next_listed;
        keep(entry);
    }
}

static void reclaim_locked(void)
{
    pxt_entry *list = listed, *entry;
    listed_new = 0;
    if (!list || !fence_readers())
        return;
    listed = NULL;
    listed_kept = 0;
    for (entry = list; entry; entry = entry->next_listed)
        atomic_store(&entry->frozen, 1);
    keep_all(take_held(&list));
    if (list)
        keep_all(take_held(&list)); /* of what had no hold: what a reader is about to leave alone */
    for (entry = list; entry; entry = list) {
        list = entry->next_listed;
        destroy(entry);
    }
    atomic_store(&mode.readers_fence, !membarrier_works);
}

void pxt_hazard_reclaim(void)
{
    pthread_mutex_lock(&lock);
    reclaim_locked();
    pthread_mutex_unlock(&lock);
}

/* ---- releasing -------------------------------------------------------------------------------------------------- */

/* Lists an entry. The caller has just set LISTED: until the entry is on the list nothing frees it. */
__attribute__((noinline)) static void list_entry(pxt_entry *entry)
{
    pthread_mutex_lock(&lock);
    entry->next_listed = listed;
    listed = entry;
    /* Entries that stay held may not make every release a look at all of them. */
    if (++listed_new >= BATCH + listed_kept)
        reclaim_locked();
    pthread_mutex_unlock(&lock);
}

static void release_counted(pxt_entry *entry)
{
    int32_t old = atomic_load_explicit(&entry->holds, memory_order_relaxed), holds;
    do {
        holds = old - HOLD;
        if (holds < HOLD)
            holds |= LISTED;
    } while (!atomic_compare_exchange_weak(&entry->holds, &old, holds));
    if ((holds & LISTED) && !(old & LISTED))
        list_entry(entry);
}

void pxt_entry_release(pxt_entry *entry)
{
    if (!entry)
        return;
    unsigned number = pxt_thread_self();
    _Atomic(pxt_entry *) *slot = threads[number % PXT_THREAD_MAX].slot;
    for (unsigned i = 0; number < PXT_THREAD_MAX && i < SLOTS; i++)
        if (atomic_load_explicit(&slot[i], memory_order_relaxed) == entry) {
            atomic_store_explicit(&slot[i], NULL, memory_order_release);
            return;
        }
    release_counted(entry);
}

/* ---- the process ------------------------------------------------------------------------------------------------ */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void library_loaded(void)
{
    pxt_thread_at_exit(thread_ended);
    pthread_atfork(before_fork, after_fork, after_fork);
    membarrier_works = CAN_MEMBARRIER && !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    atomic_store(&mode.readers_fence, !membarrier_works);
}

/* What is still listed when the library is unloaded is freed, so that leak checkers see only leaks. */
__attribute__((destructor)) static void library_unloaded(void)
{
    pxt_hazard_reclaim();
}
