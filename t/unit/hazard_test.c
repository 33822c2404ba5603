/* SPDX-License-Identifier: MIT
 *
 * An entry stays valid while it is held, by however many threads and in whatever way, and is freed afterwards (address
 * sanitizer and valgrind are the judges).
 */
#include "../lib/tap.h"
#include "base/key.h"
#include "entry/entry.h"
#include "entry/hazard.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pxt_entry *new_named(const char *key, int64_t count)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
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

static pxt_entry *new_entry(int64_t count)
{
    return new_named("k", count);
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

static int64_t replace_under_readers(void)
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
    return wrong;
}

static void readers_never_see_freed_memory(void)
{
    is_int(replace_under_readers(), 0, "8 threads read while an entry is replaced %d times", ROUNDS);
}

/* From now on membarrier() fails in all threads. */
static bool refuse_membarrier(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
    return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
           !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
}

/* In a child, for a filter cannot be taken away. */
static void membarrier_is_refused_later(void)
{
    int state = 1;
    pid_t child = fork();
    if (!child)
        _exit(!refuse_membarrier() ? 77 : replace_under_readers() != 0);
    waitpid(child, &state, 0);
    if (WIFEXITED(state) && WEXITSTATUS(state) == 77)
        skip("no seccomp here");
    else
        is_int(state, 0, "a filter refuses membarrier while the program runs: readers are safe all the same");
}

static void *hold_and_hand_over(void *arg)
{
    for (int i = 0; i < 100; i++)
        pxt_entry_release(pxt_entry_acquire(&shared));
    return arg;
}

/* A table's hold is released last, by a thread that has a hold in a slot. */
static void hand_overs_leave_no_hold_behind(void)
{
    pthread_t thread;
    pxt_entry *held[20];
    shared = new_entry(3);
    for (int i = 0; i < 20; i++)
        held[i] = pxt_entry_acquire(&shared);
    for (int i = 0; i < 20; i++) {
        pthread_create(&thread, NULL, release_it, held[i]);
        pthread_join(thread, NULL);
    }
    pxt_hazard_reclaim();
    pthread_create(&thread, NULL, hold_and_hand_over, NULL);
    pthread_join(thread, NULL);
    held[0] = pxt_entry_acquire(&shared);
    pxt_hazard_reclaim();
    is_int(pxt_entry_number(held[0], PXT_FIELD_ACCESS_COUNT), 3, "20 hand-overs consume no hold of the table's");
    pxt_entry *old = shared;
    __atomic_store_n(&shared, NULL, __ATOMIC_SEQ_CST);
    pxt_entry_release(old);
    pxt_hazard_reclaim();
    is_int(pxt_entry_number(held[0], PXT_FIELD_ACCESS_COUNT), 3, "... and the one who holds it still does");
    pxt_entry_release(held[0]);
    pxt_hazard_reclaim();
}

/* ---- entries that change hands while the table has them ---------------------------------------------------------- */

enum { HOT = 7, RING = 3, IDLE = 200 }; /* a ring holds less than a thread has slots, so that holds stay in slots */

/* What one thread hands to another. */
struct ring {
    _Atomic(pxt_entry *) entry[RING];
    _Atomic unsigned put, taken;
    atomic_bool closed; /* its reader has ended */
};
struct hand_over {
    struct ring *out, *in;
    unsigned rounds, seed;
};
static pxt_entry *hot[HOT + 1]; /* the table; the last one is replaced all the time */
static struct pxt_key hot_key[HOT];
static struct ring ring[2];
static _Atomic unsigned missing;
static sem_t has_number, may_go;

static void take_number_and_wait(void)
{
    pxt_thread_index();
    sem_post(&has_number);
    sem_wait(&may_go);
}

static void *idle(void *arg)
{
    take_number_and_wait();
    return arg;
}

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    pthread_create(thread, NULL, run, arg);
    sem_wait(&has_number);
}

static bool ring_put(struct ring *to, pxt_entry *entry)
{
    unsigned at = atomic_load(&to->put);
    if (at - atomic_load(&to->taken) == RING)
        return false;
    atomic_store(&to->entry[at % RING], entry);
    atomic_store(&to->put, at + 1);
    return true;
}

static pxt_entry *ring_take(struct ring *from)
{
    unsigned at = atomic_load(&from->taken);
    if (at == atomic_load(&from->put))
        return NULL;
    pxt_entry *entry = atomic_load(&from->entry[at % RING]);
    atomic_store(&from->taken, at + 1);
    return entry;
}

/* Gets hot entries, hands each to the other thread, releases what that hands over. */
static void *hand_over(void *arg)
{
    const struct hand_over *mine = arg;
    take_number_and_wait();
    unsigned seed = mine->seed;
    for (unsigned i = 0; i < mine->rounds; i++) {
        unsigned which = (unsigned)rand_r(&seed) % HOT;
        pxt_entry *entry = pxt_entry_acquire_key(&hot[which], &hot_key[which]);
        if (!entry)
            atomic_fetch_add(&missing, 1);
        while (entry && !ring_put(mine->out, entry)) {
            if (atomic_load(&mine->out->closed)) {
                pxt_entry_release(entry);
                break;
            }
            pxt_entry_release(ring_take(mine->in));
            sched_yield();
        }
        pxt_entry_release(ring_take(mine->in));
    }
    atomic_store(&mine->in->closed, true);
    return NULL;
}

static void *replace_another(void *arg)
{
    (void)arg;
    for (int64_t i = 0; !atomic_load(&stop); i++) {
        pxt_entry *old = hot[HOT];
        __atomic_store_n(&hot[HOT], new_named("other", i), __ATOMIC_SEQ_CST);
        pxt_entry_release(old);
        if (i % 16 == 0)
            sched_yield();
    }
    return NULL;
}

/* 1: the first processor that this process may use; 0: all of them. */
static void pin(bool to_one)
{
    static cpu_set_t all;
    cpu_set_t one;
    if (!CPU_COUNT(&all))
        sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET((size_t)i, &all))
            CPU_SET((size_t)i, &one);
    sched_setaffinity(0, sizeof one, to_one ? &one : &all);
}

static void make_hot(void)
{
    static char name[HOT][8];
    for (unsigned i = 0; i <= HOT; i++) {
        if (i < HOT) {
            snprintf(name[i], sizeof name[i], "hot%u", i);
            pxt_key_init(&hot_key[i], name[i], strlen(name[i]));
        }
        hot[i] = new_named(i < HOT ? name[i] : "other", 1);
    }
}

static void drop_hot(void)
{
    for (unsigned i = 0; i <= HOT; i++) {
        pxt_entry *old = hot[i];
        __atomic_store_n(&hot[i], NULL, __ATOMIC_SEQ_CST);
        pxt_entry_release(old);
    }
    for (pxt_entry *entry; (entry = ring_take(&ring[0])) || (entry = ring_take(&ring[1]));)
        pxt_entry_release(entry);
    pxt_hazard_reclaim();
}

static void what_the_table_has_stays_whoever_releases(bool one_processor)
{
    unsigned rounds = (unsigned)tap_amount(30000);
    struct hand_over hands[2] = {{&ring[0], &ring[1], rounds, 1}, {&ring[1], &ring[0], rounds, 2}};
    pthread_t between[IDLE], first, second, third;
    pin(one_processor);
    make_hot();
    atomic_store(&stop, false);
    atomic_store(&missing, 0);
    atomic_store(&ring[0].closed, false);
    atomic_store(&ring[1].closed, false);
    sem_init(&has_number, 0, 0);
    sem_init(&may_go, 0, 0);
    start(&first, hand_over, &hands[0]);
    for (int i = 0; i < IDLE; i++) /* so that looking at all slots takes long, and holds move meanwhile */
        start(&between[i], idle, NULL);
    start(&second, hand_over, &hands[1]);
    for (int i = 0; i < IDLE + 2; i++)
        sem_post(&may_go);
    pthread_create(&third, NULL, replace_another, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    atomic_store(&stop, true);
    pthread_join(third, NULL);
    for (int i = 0; i < IDLE; i++)
        pthread_join(between[i], NULL);
    is_int(missing, 0, "%u entries change hands %s: no key that nobody removed is missing", 2 * rounds,
           one_processor ? "on one processor" : "on all processors");
    drop_hot();
    pin(false);
}

int main(void)
{
    more_holds_than_a_thread_has_slots();
    a_hold_outlives_its_thread_and_changes_hands();
    readers_never_see_freed_memory();
    membarrier_is_refused_later();
    hand_overs_leave_no_hold_behind();
    what_the_table_has_stays_whoever_releases(true);
    what_the_table_has_stays_whoever_releases(false);
    return tap_done();
}
