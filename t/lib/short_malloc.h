/* SPDX-License-Identifier: MIT
 *
 * short_malloc.h: a malloc() for a test program, and for all libraries in it, that fails when told. For one source file of
 * a program. Where sanitizers or valgrind have a malloc() of their own, short_malloc_works() is false.
 */
#ifndef PXT_SHORT_MALLOC_H
#define PXT_SHORT_MALLOC_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Requests so far, the first that fails and the first after it that does not; blocks that are not freed. */
static atomic_ulong short_malloc_count_, short_malloc_from_, short_malloc_to_;
static atomic_long short_malloc_live_;

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SHORT_MALLOC_NONE
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHORT_MALLOC_NONE
#endif
#endif
#if !defined __GLIBC__
#define SHORT_MALLOC_NONE
#endif

#ifndef SHORT_MALLOC_NONE
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

#define SHORT_MALLOC_SEEN __attribute__((visibility("default"))) /* by the libraries */

static bool short_malloc_fails_(void)
{
    unsigned long number = atomic_fetch_add(&short_malloc_count_, 1);
    if (number < atomic_load(&short_malloc_from_) || number >= atomic_load(&short_malloc_to_))
        return false;
    errno = ENOMEM;
    return true;
}

static void *short_malloc_counted_(void *memory)
{
    if (memory)
        atomic_fetch_add(&short_malloc_live_, 1);
    return memory;
}

SHORT_MALLOC_SEEN void *malloc(size_t size)
{
    return short_malloc_fails_() ? NULL : short_malloc_counted_(__libc_malloc(size));
}

SHORT_MALLOC_SEEN void *calloc(size_t n, size_t size)
{
    return short_malloc_fails_() ? NULL : short_malloc_counted_(__libc_calloc(n, size));
}

SHORT_MALLOC_SEEN void *aligned_alloc(size_t alignment, size_t size)
{
    return short_malloc_fails_() ? NULL : short_malloc_counted_(__libc_memalign(alignment, size));
}

SHORT_MALLOC_SEEN int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = aligned_alloc(alignment, size);
    if (!memory)
        return ENOMEM;
    *out = memory;
    return 0;
}

SHORT_MALLOC_SEEN void *realloc(void *old, size_t size)
{
    if (short_malloc_fails_())
        return NULL;
    void *memory = __libc_realloc(old, size);
    if (!old)
        short_malloc_counted_(memory);
    else if (!size && !memory)
        atomic_fetch_sub(&short_malloc_live_, 1);
    return memory;
}

SHORT_MALLOC_SEEN void free(void *memory)
{
    if (memory)
        atomic_fetch_sub(&short_malloc_live_, 1);
    __libc_free(memory);
}
#endif

/* Lets requests `first` to `first + length - 1` from now on fail; a length of 0: none. */
static void short_malloc_set(unsigned long first, unsigned long length)
{
    atomic_store(&short_malloc_to_, 0);
    atomic_store(&short_malloc_count_, 0);
    atomic_store(&short_malloc_from_, first);
    atomic_store(&short_malloc_to_, length ? first + length : 0);
}

static unsigned long short_malloc_count(void)
{
    return atomic_load(&short_malloc_count_);
}

static long short_malloc_live(void)
{
    return atomic_load(&short_malloc_live_);
}

static bool short_malloc_works(void)
{
    short_malloc_set(0, 1);
    void *volatile memory = malloc(1);
    short_malloc_set(0, 0);
    free(memory);
    return !memory;
}
#endif
