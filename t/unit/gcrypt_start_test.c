/* SPDX-License-Identifier: MIT
 *
 * Where memory or descriptors are short, the start of libgcrypt fails and ends nothing, and works once there is enough. A
 * program that sets libgcrypt up itself is left alone. Each case is a process: libgcrypt starts once in one.
 */
#include "../lib/tap.h"
#include "base/gcrypt_start.h"
#include <fcntl.h>
#include <gcrypt.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { WORKED, FAILED, ANOTHER_STATUS, NO_RECOVERY, ENDED };

/* Runs a case in a child that writes nothing; returns what it returned, or ENDED if a signal ended it. */
static int in_child(int (*body)(size_t), size_t argument)
{
    int state = 0;
    pid_t child = fork();
    if (!child) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        _exit(body(argument));
    }
    waitpid(child, &state, 0);
    return WIFEXITED(state) ? WEXITSTATUS(state) : ENDED;
}

static int no_descriptors(size_t argument)
{
    struct pxt_error error;
    struct rlimit limit, none;
    (void)argument;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){0, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    pxt_status status = pxt_gcrypt_start(&error);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (status != PXT_EIO)
        return status ? ANOTHER_STATUS : WORKED;
    return pxt_gcrypt_start(&error) ? NO_RECOVERY : FAILED;
}

/* Takes all the memory that malloc() gives, in blocks from `size` down to `least`; returns the last of the chain. */
static void **take_all(size_t size, size_t least)
{
    void **last = NULL;
    for (; size >= least; size /= 2)
        for (void **block; (block = malloc(size)); last = block)
            *block = last;
    return last;
}

static void give_back(void **taken, size_t count)
{
    while (taken && count--) {
        void **next = *taken;
        free(taken);
        taken = next;
    }
}

/* All memory is taken but `amount` / 8 blocks that can grow together and `amount` % 8 * 3 that cannot. */
static int no_memory(size_t amount)
{
    struct pxt_error error;
    struct rlimit limit, little;
    /* volatile: the compiler must not leave out a block that is not used */
    void *volatile room = malloc(32768), *volatile small_room = malloc(1600), *volatile between = malloc(16);
    getrlimit(RLIMIT_AS, &limit);
    little = (struct rlimit){1, limit.rlim_max}; /* what there is stays, nothing is added */
    setrlimit(RLIMIT_AS, &little);
    take_all(1 << 20, 16);
    free(small_room);
    void **small = take_all(16, 16);
    free(room);
    void **large = take_all(144, 144);
    take_all(72, 16);
    give_back(large, amount / 8);
    give_back(small, amount % 8 * 3);
    pxt_status status = pxt_gcrypt_start(&error);
    setrlimit(RLIMIT_AS, &limit);
    free(between);
    if (status != PXT_ENOMEM)
        return status ? ANOTHER_STATUS : WORKED;
    return pxt_gcrypt_start(&error) ? NO_RECOVERY : FAILED;
}

static int own_secure_memory(size_t argument)
{
    struct pxt_error error;
    (void)argument;
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_INIT_SECMEM, 16384, 0);
    if (pxt_gcrypt_start(&error))
        return FAILED;
    void *secret = gcry_malloc_secure(16);
    return secret && gcry_is_secure(secret) ? WORKED : ANOTHER_STATUS;
}

static void test_memory(void)
{
    unsigned seen[ENDED + 1] = {0};
    if (SANITIZED || getenv("PXT_SLOW")) {
        skip("sanitizers and valgrind cannot do without memory", 2);
        return;
    }
    for (size_t amount = 0; amount < 500; amount++)
        seen[in_child(no_memory, amount)]++;
    diag("%u worked, %u failed", seen[WORKED], seen[FAILED]);
    ok(seen[WORKED] && seen[FAILED], "with some memory libgcrypt starts, with less it does not");
    ok(!seen[ENDED] && !seen[ANOTHER_STATUS] && !seen[NO_RECOVERY],
       "no shortage of memory ends the process; the next try works (%u ended, %u other, %u for good)", seen[ENDED],
       seen[ANOTHER_STATUS], seen[NO_RECOVERY]);
}

int main(void)
{
    is_int(in_child(no_descriptors, 0), FAILED, "without descriptors the start fails, and works when there are some");
    test_memory();
    is_int(in_child(own_secure_memory, 0), WORKED,
           "a program that has begun to set libgcrypt up keeps its secure memory");
    return tap_done();
}
