/* SPDX-License-Identifier: MIT
 *
 * gcrypt_start.c: starts libgcrypt without the risk that it ends the process. Its first call opens a file below /proc
 * and makes a dozen small numbers, and calls abort() where it can have no descriptor or memory for them. No handler can
 * be set before that. So the same things are asked for here first and given back: a small block that a thread has freed
 * is kept by glibc for the next request of that thread. A shortage that begins in between, in another thread, can still
 * end the process.
 */
#include "base/gcrypt_start.h"
#include "base/alloc.h"
#include "base/fail.h"
#include <errno.h>
#include <gcrypt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

/* The numbers are six constants of libgcrypt's mpi_init(), each a head of 24 bytes and a limb of 8. */
enum { NUMBERS = 12, NUMBER_SIZE = 24, RESERVE = 4096 };

static bool ask_for_memory(void)
{
    void *volatile number[NUMBERS]; /* volatile: the compiler must not leave out a block that is not used */
    void *volatile reserve = pxt_alloc(RESERVE);
    bool good = reserve;
    for (int i = 0; i < NUMBERS; i++) {
        number[i] = pxt_alloc(NUMBER_SIZE);
        good = good && number[i];
    }
    for (int i = 0; i < NUMBERS; i++)
        pxt_free(number[i]);
    pxt_free(reserve);
    return good;
}

/* Opens a file as libgcrypt does; returns 0 or the errno that would make it end the process. */
static int ask_for_file(void)
{
    FILE *file = fopen("/proc/version", "re");
    if (!file)
        return errno == ENOENT || errno == EACCES ? 0 : errno;
    fgetc(file); /* has stdio allocate its buffer */
    fclose(file);
    return 0;
}

static void start_once(void)
{
    if (gcry_control(GCRYCTL_ANY_INITIALIZATION_P))
        return;
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

pxt_status pxt_gcrypt_start(struct pxt_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static atomic_bool started;
    if (atomic_load_explicit(&started, memory_order_acquire))
        return PXT_OK;
    if (!gcry_control(GCRYCTL_ANY_INITIALIZATION_P)) {
        int problem = ask_for_file();
        if (problem)
            return pxt_fail(error, pxt_status_of_errno(problem), problem, "libgcrypt cannot be started");
        if (!ask_for_memory())
            return pxt_fail_memory(error, "the start of libgcrypt");
    }
    pthread_once(&once, start_once);
    atomic_store_explicit(&started, true, memory_order_release);
    return PXT_OK;
}
