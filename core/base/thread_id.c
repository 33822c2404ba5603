/* SPDX-License-Identifier: MIT
 *
 * thread_id.c: numbers the running threads.
 *
 * Lock: `lock` protects the numbers in use. It is a leaf.
 */
#include "base/thread_id.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool used[PXT_THREAD_MAX];    /* under `lock`; its address is what a thread's end is told by */
static _Atomic unsigned numbers_end; /* numbers ever given out are below */
static void (*at_exit)(unsigned number);
static pthread_key_t exit_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

_Thread_local unsigned pxt_thread_number;

static void set_used(unsigned number, bool in_use)
{
    pthread_mutex_lock(&lock);
    used[number] = in_use;
    pthread_mutex_unlock(&lock);
}

static void thread_ended(void *arg)
{
    unsigned number = (unsigned)((bool *)arg - used);
    if (at_exit)
        at_exit(number);
    set_used(number, false);
    pxt_thread_number = 0;
}

static void start(void)
{
    pthread_key_create(&exit_key, thread_ended);
}

/* Returns the lowest free number, now in use, or PXT_THREAD_MAX. */
static unsigned take_free(void)
{
    pthread_mutex_lock(&lock);
    unsigned end = atomic_load(&numbers_end), number = 0;
    while (number < end && used[number])
        number++;
    if (number < PXT_THREAD_MAX)
        used[number] = true;
    if (number == end && end < PXT_THREAD_MAX)
        atomic_store(&numbers_end, end + 1);
    pthread_mutex_unlock(&lock);
    return number;
}

unsigned pxt_thread_take_number(void)
{
    pthread_once(&once, start);
    unsigned number = take_free();
    if (number == PXT_THREAD_MAX)
        return number;
    if (pthread_setspecific(exit_key, &used[number])) {
        set_used(number, false); /* its end would go unnoticed: this thread does without a number */
        return PXT_THREAD_MAX;
    }
    pxt_thread_number = number + 1;
    return number;
}

unsigned pxt_thread_index(void)
{
    return pxt_thread_self();
}

unsigned pxt_thread_numbers_end(void)
{
    return atomic_load(&numbers_end);
}

void pxt_thread_at_exit(void (*fn)(unsigned number))
{
    at_exit = fn;
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* In a child the numbers of threads that it does not have stay in use: their memory may hold what they held. */
__attribute__((constructor)) static void library_loaded(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}
