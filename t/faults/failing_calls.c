/* SPDX-License-Identifier: MIT
 *
 * failing_calls.c: a library for LD_PRELOAD that lets the n-th call of one class fail, as the environment says:
 *   FAULT_CALL    alloc, write, sync, open, rename, lock, mmap, truncate or read
 *   FAULT_NUMBER  which call of the class, from 1; 0: none
 *   FAULT_REPEAT  how many calls in a row fail; on: each call from then on; otherwise one
 *   FAULT_HOW     EIO, ENOSPC; of writes also short (half of the bytes, then ENOSPC) or torn (half of the bytes, and EIO)
 *   FAULT_FOLDER  only calls on files below this folder count (not of alloc); an absolute path without symbolic links
 *   FAULT_COUNT   a file that receives the number of calls of the class
 * Calls count between faults_begin() and faults_end() of the program, which finds both with dlsym(). Between them the
 * monotonic clock moves with each look at it and with each sleep, which returns at once: so that a session with a fault
 * is the same each time, and short. With faults_twin() each call of the class fails in a process of its own: see twin.h.
 */
#include "twin.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL
#define SEEN __attribute__((visibility("default")))

enum class { ALLOC, WRITE, SYNC, OPEN, RENAME, LOCK, MMAP, TRUNCATE, READ, CLASSES };
static const char *const class_name[CLASSES] = {"alloc", "write", "sync",     "open", "rename",
                                                "lock",  "mmap",  "truncate", "read"};
enum half { WHOLE, SHORT, TORN };

static struct {
    atomic_bool on;
    enum class class;
    unsigned long number;
    unsigned long repeat; /* so many fail */
    int code;
    enum half half;
    char folder[512];
    size_t folder_length;
    const char *count_path;
    atomic_ulong count;
    atomic_llong monotonic;   /* nanoseconds */
    atomic_bool short_before; /* a short write was made: the next one fails */
} fault = {.class = CLASSES};

/* ---- the program's side ---- */

SEEN void faults_begin(void);
SEEN void faults_end(void);
SEEN unsigned long faults_count(void);

static const char *text_of(const char *name)
{
    const char *text = getenv(name);
    return text ? text : "";
}

void faults_begin(void)
{
    const char *how = text_of("FAULT_HOW");
    for (unsigned i = 0; i < CLASSES; i++)
        if (!strcmp(text_of("FAULT_CALL"), class_name[i]))
            fault.class = (enum class)i;
    fault.number = strtoul(text_of("FAULT_NUMBER"), NULL, 10);
    fault.repeat = strtoul(text_of("FAULT_REPEAT"), NULL, 10);
    fault.repeat = !strcmp(text_of("FAULT_REPEAT"), "on") ? ULONG_MAX : fault.repeat ? fault.repeat : 1;
    fault.half = !strcmp(how, "short") ? SHORT : !strcmp(how, "torn") ? TORN : WHOLE;
    fault.code = !strcmp(how, "ENOSPC") || fault.half == SHORT ? ENOSPC : EIO;
    fault.folder_length = (size_t)snprintf(fault.folder, sizeof fault.folder, "%s", text_of("FAULT_FOLDER"));
    fault.count_path = getenv("FAULT_COUNT");
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store(&fault.monotonic, now.tv_sec * NANOSECONDS + now.tv_nsec);
    atomic_store(&fault.on, true);
}

unsigned long faults_count(void)
{
    return atomic_load(&fault.count);
}

void faults_end(void)
{
    atomic_store(&fault.on, false);
    FILE *out = fault.count_path ? fopen(fault.count_path, "w") : NULL;
    if (out) {
        fprintf(out, "%lu\n", faults_count());
        fclose(out);
    }
}

/* ---- whether a call fails ---- */

/* Asks whether this process is the twin in which a call fails; what is done meanwhile does not count. */
static bool is_twin(unsigned long number)
{
    int code = errno;
    atomic_store(&fault.on, false);
    bool twin = twin_fails(number);
    atomic_store(&fault.on, true);
    errno = code;
    return twin;
}

/* Counts a call. */
static bool fails(enum class class)
{
    if (!atomic_load(&fault.on) || class != fault.class)
        return false;
    unsigned long number = atomic_fetch_add(&fault.count, 1) + 1;
    if (!fault.number && is_twin(number))
        fault.number = number;
    if (!fault.number || number < fault.number || number - fault.number >= fault.repeat)
        return false;
    errno = fault.code;
    return true;
}

/* Whether a path is the folder or below it. */
static bool below(const char *path)
{
    size_t n = fault.folder_length;
    return n && !strncmp(path, fault.folder, n) && (path[n] == '/' || !path[n]);
}

static bool counts(int fd, enum class class)
{
    char link[40], path[1024];
    if (!atomic_load(&fault.on) || class != fault.class)
        return false;
    int code = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    errno = code;
    return below(path);
}

static bool fails_on(int fd, enum class class)
{
    return counts(fd, class) && fails(class);
}

static bool fails_at(int folder, const char *path, enum class class)
{
    if (!atomic_load(&fault.on) || class != fault.class || !path)
        return false;
    return (path[0] == '/' ? below(path) : folder != AT_FDCWD && counts(folder, class)) && fails(class);
}

/* The calls themselves, without the C library's own functions, which are these. */
#define call(number, ...) syscall(SYS_##number, __VA_ARGS__)

/* ---- memory ---- */

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

SEEN void *malloc(size_t size)
{
    return fails(ALLOC) ? (errno = ENOMEM, NULL) : __libc_malloc(size);
}
SEEN void *calloc(size_t n, size_t size)
{
    return fails(ALLOC) ? (errno = ENOMEM, NULL) : __libc_calloc(n, size);
}
SEEN void *realloc(void *old, size_t size)
{
    return fails(ALLOC) ? (errno = ENOMEM, NULL) : __libc_realloc(old, size);
}
SEEN void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(ALLOC) ? (errno = ENOMEM, NULL) : __libc_memalign(alignment, size);
}
SEEN int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = aligned_alloc(alignment, size);
    if (!memory)
        return ENOMEM;
    *out = memory;
    return 0;
}
#endif

/* ---- writing ---- */

/* How many bytes of `length` the n-th write is to take, and then whether it fails all the same. */
static bool write_fails(int fd, size_t length, size_t *taken)
{
    *taken = length;
    if (!counts(fd, WRITE))
        return false;
    bool follows = atomic_exchange(&fault.short_before, false);
    if (!fails(WRITE) && !follows)
        return false;
    *taken = fault.half == WHOLE || follows ? 0 : length / 2;
    if (fault.half == SHORT && *taken) {
        atomic_store(&fault.short_before, true);
        return false;
    }
    return true;
}

SEEN ssize_t write(int fd, const void *bytes, size_t length)
{
    size_t taken;
    bool failed = write_fails(fd, length, &taken);
    ssize_t n = taken || !failed ? (ssize_t)call(write, fd, bytes, taken) : 0;
    return failed ? (errno = fault.code, -1) : n;
}
SEEN ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    size_t taken;
    bool failed = write_fails(fd, length, &taken);
    ssize_t n = taken || !failed ? (ssize_t)call(pwrite64, fd, bytes, taken, offset) : 0;
    return failed ? (errno = fault.code, -1) : n;
}
SEEN ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    return pwrite(fd, bytes, length, offset);
}
/* Half of a vector: its first part. */
SEEN ssize_t writev(int fd, const struct iovec *parts, int n)
{
    size_t taken, length = 0;
    for (int i = 0; i < n; i++)
        length += parts[i].iov_len;
    bool failed = write_fails(fd, length, &taken);
    ssize_t written = taken == length ? (ssize_t)call(writev, fd, parts, n)
                      : taken && n    ? (ssize_t)call(write, fd, parts[0].iov_base, parts[0].iov_len)
                                      : 0;
    return failed ? (errno = fault.code, -1) : written;
}
SEEN int ftruncate(int fd, off_t length)
{
    return fails_on(fd, TRUNCATE) ? -1 : (int)call(ftruncate, fd, length);
}
SEEN int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}
SEEN int fsync(int fd)
{
    return fails_on(fd, SYNC) ? -1 : (int)call(fsync, fd);
}
SEEN int fdatasync(int fd)
{
    return fails_on(fd, SYNC) ? -1 : (int)call(fdatasync, fd);
}

/* ---- reading ---- */

SEEN ssize_t read(int fd, void *bytes, size_t length)
{
    return fails_on(fd, READ) ? -1 : (ssize_t)call(read, fd, bytes, length);
}
SEEN ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
    return fails_on(fd, READ) ? -1 : (ssize_t)call(pread64, fd, bytes, length, offset);
}
SEEN ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset)
{
    return pread(fd, bytes, length, offset);
}

/* ---- opening, renaming ---- */

static mode_t mode_of(int flags, va_list *args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(*args, mode_t) : 0;
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    return fails_at(folder, path, OPEN) ? -1 : (int)call(openat, folder, path, flags, mode);
}

SEEN int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, &args);
    va_end(args);
    return open_at(AT_FDCWD, path, flags, mode);
}
SEEN int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, &args);
    va_end(args);
    return open_at(AT_FDCWD, path, flags, mode);
}
SEEN int openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, &args);
    va_end(args);
    return open_at(folder, path, flags, mode);
}
SEEN int openat64(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, &args);
    va_end(args);
    return open_at(folder, path, flags, mode);
}
SEEN int rename(const char *from, const char *to)
{
    return fails_at(AT_FDCWD, to, RENAME) ? -1 : (int)call(renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
SEEN int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return fails_at(to_folder, to, RENAME) ? -1 : (int)call(renameat2, from_folder, from, to_folder, to, 0);
}

/* ---- locks, maps ---- */

SEEN int flock(int fd, int operation)
{
    if (!(operation & LOCK_UN) && fails_on(fd, LOCK))
        return -1;
    return twin_has_locks() ? twin_flock(fd, operation) : (int)call(flock, fd, operation);
}

static bool is_of_locks(int command)
{
    switch (command) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return true;
    default:
        return false;
    }
}

static bool locks(int command, void *arg)
{
    return is_of_locks(command) && command != F_GETLK && command != F_OFD_GETLK &&
           ((struct flock *)arg)->l_type != F_UNLCK;
}

/* On 64 bits every argument of fcntl() is of the size of a pointer. */
SEEN int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *arg = va_arg(args, void *);
    va_end(args);
    if (locks(command, arg) && fails_on(fd, LOCK))
        return -1;
    return twin_has_locks() && is_of_locks(command) ? twin_fcntl_lock(fd, command, arg)
                                                    : (int)call(fcntl, fd, command, arg);
}
SEEN int fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *arg = va_arg(args, void *);
    va_end(args);
    return fcntl(fd, command, arg);
}
SEEN void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && fails_on(fd, MMAP))
        return MAP_FAILED;
    return (void *)call(mmap, at, length, protection, flags, fd, offset);
}
SEEN void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, length, protection, flags, fd, offset);
}

/* ---- time ---- */

SEEN int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_MONOTONIC || !atomic_load(&fault.on))
        return (int)call(clock_gettime, clock, out);
    long long now = atomic_fetch_add(&fault.monotonic, 100000) + 100000;
    *out = (struct timespec){.tv_sec = now / NANOSECONDS, .tv_nsec = now % NANOSECONDS};
    return 0;
}
SEEN int nanosleep(const struct timespec *wanted, struct timespec *rest)
{
    if (!atomic_load(&fault.on))
        return (int)call(nanosleep, wanted, rest);
    atomic_fetch_add(&fault.monotonic, wanted->tv_sec * NANOSECONDS + wanted->tv_nsec);
    return 0;
}
SEEN int usleep(useconds_t microseconds)
{
    return nanosleep(&(struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000L}, NULL);
}
