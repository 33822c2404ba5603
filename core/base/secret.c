/* SPDX-License-Identifier: MIT
 *
 * secret.c: memory for credentials: pages of their own, locked into memory, left out of core dumps and of children, and
 * wiped when they are given back. Secrets of the usual length share one arena of slots, which is mapped once in a process,
 * for locking a page takes longer than opening a credential; longer ones have pages to themselves.
 */
#include "base/secret.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct pxt_secret {
    size_t mapped; /* 0: a slot of the arena */
    size_t length;
    char text[];
};

enum { SLOT = 512, WORDS = 2, SLOTS = 64 * WORDS };
static char *arena; /* NULL: none could be had */
static _Atomic uint64_t taken[WORDS];

static void *map_private(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    /* Where the limit of locked memory is reached the secret is still wiped, and still in no core dump. */
    int locked = mlock(pages, size);
    (void)locked;
    madvise(pages, size, MADV_DONTDUMP);
    madvise(pages, size, MADV_WIPEONFORK);
    return pages;
}

static void map_arena(void)
{
    arena = map_private((size_t)SLOTS * SLOT);
}

/* A free slot, or NULL. Without a lock: a child that was forked while another thread held one could never take it. */
static pxt_secret *take_slot(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, map_arena);
    for (size_t i = 0; arena && i < WORDS; i++) {
        uint64_t seen = atomic_load_explicit(&taken[i], memory_order_relaxed);
        while (~seen) {
            unsigned bit = (unsigned)__builtin_ctzll(~seen);
            if (atomic_compare_exchange_weak_explicit(&taken[i], &seen, seen | UINT64_C(1) << bit, memory_order_acquire,
                                                      memory_order_relaxed))
                return (pxt_secret *)(void *)(arena + (i * 64 + bit) * SLOT);
        }
    }
    return NULL;
}

static bool in_arena(const pxt_secret *secret)
{
    uintptr_t at = (uintptr_t)secret, start = (uintptr_t)arena;
    return arena && at >= start && at < start + (size_t)SLOTS * SLOT;
}

pxt_secret *pxt_secret_room(size_t size)
{
    pxt_secret *secret = size < SLOT - sizeof(pxt_secret) ? take_slot() : NULL;
    if (secret)
        return secret;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t wanted = (sizeof(pxt_secret) + size + 1 + page - 1) / page * page;
    if (wanted < size)
        return NULL;
    secret = map_private(wanted);
    if (secret)
        secret->mapped = wanted;
    return secret;
}

char *pxt_secret_bytes(pxt_secret *secret)
{
    return secret->text;
}

void pxt_secret_set_length(pxt_secret *secret, size_t length)
{
    secret->length = length;
    secret->text[length] = '\0';
}

pxt_secret *pxt_secret_new(const char *text, size_t length)
{
    pxt_secret *secret = length <= PXT_SECRET_MAX ? pxt_secret_room(length) : NULL;
    if (!secret)
        return NULL;
    if (length)
        memcpy(secret->text, text, length);
    pxt_secret_set_length(secret, length);
    return secret;
}

const char *pxt_secret_text(const pxt_secret *secret, size_t *length)
{
    if (length)
        *length = secret->length;
    return secret->text;
}

void pxt_secret_free(pxt_secret *secret)
{
    if (!secret)
        return;
    if (in_arena(secret)) {
        size_t slot = (size_t)((char *)secret - arena) / SLOT;
        explicit_bzero(secret, SLOT);
        atomic_fetch_and_explicit(&taken[slot / 64], ~(UINT64_C(1) << slot % 64), memory_order_release);
        return;
    }
    size_t mapped = secret->mapped;
    explicit_bzero(secret, mapped);
    munmap(secret, mapped);
}
