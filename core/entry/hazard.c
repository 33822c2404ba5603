/* SPDX-License-Identifier: MIT
 *
 * hazard.c: who holds which entry.
 *
 * A hit must not write to memory that other threads read, so a hold is not a counter in the entry: it is the entry's
 * address in a slot of the holding thread (M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free
 * Objects", IEEE TPDS 15(6), 2004). Holds that cannot be so kept (a tier's own, more than a thread has slots, those of
 * a thread that ended) are counted in the entry. Which of the two a hold is does not matter to whoever lets go of it:
 * each release takes away one, and an entry is freed when its count is zero and no slot names it.
 *
 * Publishing in a slot and looking at the place again needs a full barrier between the two. It is the reclaimer that
 * pays for it, once a batch, with membarrier(2); where that is missing, and under thread sanitizer, the reader does.
 *
 * The slots are the only state of the library that is the process's and not a cache's: an entry may be held from
 * several caches' threads, and beyond the life of its cache.
 *
 * Lock: `lock` protects the list of retired entries, and counted acquiring. It is a
 * leaf: nothing else is locked under it.
 */
#include "entry/hazard.h"
#include "base/fail.h"
#include "entry/entry.h"
#include "entry/entry_layout.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define READER_FENCES 1
#else
#define READER_FENCES 0
#endif

enum { SLOTS = 8, BATCH = 64 };

struct pxt_thread {
    _Alignas(64) _Atomic(pxt_entry *) slot[SLOTS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pxt_thread threads[PXT_THREAD_MAX]; /* pages of threads that never ran are never touched */
static bool asymmetric;                           /* membarrier works; set before any thread has a number */
static pxt_entry *retired;
static unsigned retired_count;

static void release_counted(pxt_entry *entry);

/* A thread ends: what it still holds is counted from now on. */
static void thread_ended(unsigned number)
{
    struct pxt_thread *thread = &threads[number];
    for (unsigned i = 0; i < SLOTS; i++) {
        pxt_entry *entry = atomic_load_explicit(&thread->slot[i], memory_order_relaxed);
        if (!entry)
            continue;
        atomic_fetch_add(&entry->count, 1);
        pxt_entry *expected = entry;
        if (!atomic_compare_exchange_strong(&thread->slot[i], &expected, NULL))
            release_counted(entry); /* another thread let go of it just now, on behalf of this one */
    }
}

__attribute__((constructor)) static void library_loaded(void)
{
    pxt_thread_at_exit(thread_ended);
#if !READER_FENCES
    asymmetric = !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
#endif
}

/* Without a free slot: under the lock no entry is freed, so one that is in its place can be counted. */
__attribute__((cold, noinline)) static pxt_entry *acquire_counted(pxt_entry *const *place)
{
    pthread_mutex_lock(&lock);
    pxt_entry *entry = __atomic_load_n(place, __ATOMIC_SEQ_CST);
    if (entry)
        atomic_fetch_add(&entry->count, 1);
    pthread_mutex_unlock(&lock);
    return entry;
}

/* Names what is in `*place` in this thread's slot, until it stays there. */
static inline pxt_entry *acquire_in(_Atomic(pxt_entry *) *slot, pxt_entry *const *place)
{
    pxt_entry *entry = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    while (entry) {
        if (__builtin_expect(asymmetric, 1)) {
            atomic_store_explicit(slot, entry, memory_order_relaxed);
            atomic_signal_fence(memory_order_seq_cst);
        } else {
            atomic_exchange(slot, entry); /* a full barrier that thread sanitizer understands */
        }
        pxt_entry *again = __atomic_load_n(place, __ATOMIC_SEQ_CST);
        if (again == entry)
            return entry;
        entry = again;
    }
    atomic_store_explicit(slot, NULL, memory_order_release);
    return NULL;
}

/* NULL where all are taken. */
static inline _Atomic(pxt_entry *) *free_slot(void)
{
    unsigned number = pxt_thread_self();
    if (__builtin_expect(number == PXT_THREAD_MAX, 0))
        return NULL;
    _Atomic(pxt_entry *) *slot = threads[number].slot;
    for (unsigned i = 0; i < SLOTS; i++)
        if (!atomic_load_explicit(&slot[i], memory_order_relaxed))
            return &slot[i];
    return NULL;
}

pxt_entry *pxt_entry_acquire(pxt_entry *const *place)
{
    _Atomic(pxt_entry *) *slot = free_slot();
    return slot ? acquire_in(slot, place) : acquire_counted(place);
}

pxt_entry *pxt_entry_acquire_key(pxt_entry *const *place, const struct pxt_key *key)
{
    _Atomic(pxt_entry *) *slot = free_slot();
    pxt_entry *entry = slot ? acquire_in(slot, place) : acquire_counted(place);
    if (!entry || pxt_entry_has_key(entry, key))
        return entry;
    if (slot)
        atomic_store_explicit(slot, NULL, memory_order_release);
    else
        pxt_entry_release(entry);
    return NULL;
}

pxt_entry *pxt_entry_hold(pxt_entry *entry)
{
    atomic_fetch_add_explicit(&entry->count, 1, memory_order_relaxed);
    return entry;
}

static bool named_by_a_slot(const pxt_entry *entry)
{
    unsigned end = pxt_thread_numbers_end();
    for (unsigned i = 0; i < end; i++)
        for (unsigned j = 0; j < SLOTS; j++)
            if (atomic_load(&threads[i].slot[j]) == entry)
                return true;
    return false;
}

static void destroy(pxt_entry *entry)
{
    explicit_bzero(entry, entry->size); /* tokens of the plain encryptor are credentials */
    pxt_free(entry);
}

/* Slots are read before the count: who moves a hold from slot to count raises the count first. */
static void reclaim_locked(void)
{
    if (asymmetric)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    pxt_entry *entry = retired, *kept = NULL;
    retired = NULL;
    retired_count = 0;
    while (entry) {
        pxt_entry *next = entry->next_retired;
        bool named = named_by_a_slot(entry);
        if (atomic_load(&entry->count)) {
            entry->retired = 0; /* held again, by counting: its last release brings it back */
        } else if (named) {
            entry->next_retired = kept;
            kept = entry;
            retired_count++;
        } else {
            destroy(entry);
        }
        entry = next;
    }
    retired = kept;
}

void pxt_hazard_reclaim(void)
{
    pthread_mutex_lock(&lock);
    reclaim_locked();
    pthread_mutex_unlock(&lock);
}

/* A hold taken by another thread in its slot, and handed over. */
__attribute__((cold, noinline)) static void release_of_other_thread(pxt_entry *entry)
{
    unsigned end = pxt_thread_numbers_end();
    for (unsigned i = 0; i < end; i++)
        for (unsigned j = 0; j < SLOTS; j++) {
            pxt_entry *expected = entry;
            if (atomic_compare_exchange_strong(&threads[i].slot[j], &expected, NULL))
                return;
        }
}

/* Takes away what may be the last counted hold: under the lock, so that no one else can retire and free it between. */
static void release_last(pxt_entry *entry)
{
    pthread_mutex_lock(&lock);
    bool counted = atomic_load(&entry->count) != 0;
    if (counted && atomic_fetch_sub(&entry->count, 1) == 1 && !entry->retired) {
        entry->retired = 1;
        entry->next_retired = retired;
        retired = entry;
        /* Entries that stay held may not make every release a scan: the next one comes BATCH further on. */
        if (++retired_count % BATCH == 0)
            reclaim_locked();
    }
    pthread_mutex_unlock(&lock);
    if (!counted)
        release_of_other_thread(entry);
}

static void release_counted(pxt_entry *entry)
{
    uint32_t count = atomic_load_explicit(&entry->count, memory_order_relaxed);
    while (count > 1)
        if (atomic_compare_exchange_weak_explicit(&entry->count, &count, count - 1, memory_order_acq_rel,
                                                  memory_order_relaxed))
            return;
    if (count)
        release_last(entry);
    else
        release_of_other_thread(entry);
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

/* What is still retired when the library is unloaded is freed, so that leak checkers see only leaks. */
__attribute__((destructor)) static void library_unloaded(void)
{
    pxt_hazard_reclaim();
}
