/* SPDX-License-Identifier: MIT
 *
 * coherence.c: the file PATH.coherence beside a shared store. Its first bytes are a page of generation counters, mapped
 * by all processes: a write raises the counter of its key's stripe, a hit in memory compares it with what it was when
 * the entry was read. Behind the counters stand PXT_WORDS words, and behind the page PXT_STRIPES + 1 bytes that are only
 * ever locked (fcntl, open file description locks). A stripe's lock makes a change of a key one step for the other
 * processes; the last byte is the lock of the hint log. The kernel releases the locks of a process that dies.
 */
#include "shared/coherence.h"
#include "base/fail.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STUCK_RETRY_MS = 1000, STUCK_PATIENCE_MS = 20 };
enum { PAGE_BYTES = (PXT_GENERATIONS + PXT_WORDS) * (int)sizeof(uint32_t) };

/* Opens the file, made if need be, in its full length. */
static pxt_status open_file(const char *path, int *fd, struct pxt_error *error)
{
    struct stat file;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", path);
    if (fstat(*fd, &file))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", path);
    if (!S_ISREG(file.st_mode) || (file.st_uid != geteuid() && file.st_uid != 0) || (file.st_mode & 022))
        return pxt_fail(error, PXT_EACCES, 0, "%s can be written by others: remove it and let it be made anew", path);
    /* Never shrinks the file: another process may have mapped it. */
    int code = file.st_size < PAGE_BYTES ? posix_fallocate(*fd, 0, PAGE_BYTES) : 0;
    return code ? pxt_fail(error, pxt_status_of_errno(code), code, "cannot allocate %s", path) : PXT_OK;
}

/* Maps the page of an open file; if one is mapped already, to its address, so that threads that read it meanwhile see
 * the one or the other. (mremap() and not MAP_FIXED, which a thread sanitizer takes for a write.) */
static pxt_status map_page(struct pxt_coherence *coherence, int fd, struct pxt_error *error)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED && coherence->mask) {
        void *moved = mremap(page, PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)coherence->page);
        if (moved == MAP_FAILED)
            munmap(page, PAGE_BYTES);
        page = moved;
    }
    if (page == MAP_FAILED)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot map %s", coherence->path);
    if (!coherence->mask) {
        coherence->page = page;
        coherence->mask = PXT_GENERATIONS - 1;
    }
    return PXT_OK;
}

pxt_status pxt_coherence_open(struct pxt_coherence *coherence, const char *shared_path, int64_t timeout_ms,
                              struct pxt_error *error)
{
    coherence->fd = -1;
    coherence->timeout_ms = timeout_ms;
    coherence->page = &coherence->none;
    coherence->mask = 0;
    pthread_mutex_init(&coherence->reopen_lock, NULL);
    if (!shared_path)
        return PXT_OK;
    coherence->path = pxt_asprintf("%s.coherence", shared_path);
    if (!coherence->path)
        return pxt_fail_memory(error, "a path");
    pxt_status status = open_file(coherence->path, &coherence->fd, error);
    return status ? status : map_page(coherence, coherence->fd, error);
}

void pxt_coherence_close(struct pxt_coherence *coherence)
{
    if (coherence->mask)
        munmap((void *)coherence->page, PAGE_BYTES);
    if (coherence->fd >= 0)
        close(coherence->fd);
    if (coherence->page)
        pthread_mutex_destroy(&coherence->reopen_lock);
    pxt_free(coherence->path);
}

/* ---- a file that was removed or replaced under running processes ------------------------------------------------ */

/* Tells whether the open file is the one that other processes use. Without `by_path` it is asked only whether the file
 * was removed, or another one renamed over it, which takes a third of the time. */
static bool is_current(const struct pxt_coherence *coherence, bool by_path)
{
    struct stat file, named;
    if (fstat(coherence->fd, &file) || file.st_size < PAGE_BYTES)
        return false;
    if (file.st_nlink && !by_path)
        return true;
    return !lstat(coherence->path, &named) && named.st_dev == file.st_dev && named.st_ino == file.st_ino;
}

/* With reopen_lock. The mapping keeps its address and the descriptor its number, as other threads use both. */
static pxt_status take_file(struct pxt_coherence *coherence, int fd, struct pxt_error *error)
{
    /* The base first: a thread that compares meanwhile doubts, and does not believe. Counters of one file lie close
     * together, those of two bases far apart. */
    atomic_fetch_add_explicit(&coherence->base, 0x9e3779b9u, memory_order_seq_cst);
    pxt_status status = map_page(coherence, fd, error);
    if (status)
        return status;
    atomic_fetch_add(&coherence->reopened, 1);
    if (dup3(fd, coherence->fd, O_CLOEXEC) < 0)
        status = pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", coherence->path);
    atomic_fetch_add(&coherence->reopened, 1);
    return status;
}

static pxt_status reopen(struct pxt_coherence *coherence, bool by_path, struct pxt_error *error)
{
    int fd = -1;
    pxt_status status = PXT_OK;
    pthread_mutex_lock(&coherence->reopen_lock);
    if (!is_current(coherence, by_path)) {
        status = open_file(coherence->path, &fd, error);
        if (!status)
            status = take_file(coherence, fd, error);
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&coherence->reopen_lock);
    return status;
}

pxt_status pxt_coherence_check(struct pxt_coherence *coherence, struct pxt_error *error)
{
    if (coherence->fd < 0 || is_current(coherence, true))
        return PXT_OK;
    return reopen(coherence, true, error);
}

/* ---- counters and locks ----------------------------------------------------------------------------------------- */

void pxt_generation_bump_all(struct pxt_coherence *coherence)
{
    for (uint64_t i = 0; coherence->fd >= 0 && i < PXT_GENERATIONS; i++)
        pxt_generation_bump(coherence, i);
}

static int set_lock(struct pxt_coherence *coherence, short type, unsigned first, unsigned n)
{
    struct flock range = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = PAGE_BYTES + (off_t)first, .l_len = (off_t)n};
    return fcntl(coherence->fd, F_OFD_SETLK, &range);
}

/* Returns how long to wait for a stripe: not long if its lock timed out a moment ago. */
static int64_t patience_ms(const struct pxt_coherence *coherence, unsigned stripe, int64_t now)
{
    bool stuck = now < atomic_load_explicit(&coherence->stuck_until_ms[stripe], memory_order_relaxed);
    return stuck && coherence->timeout_ms > STUCK_PATIENCE_MS ? STUCK_PATIENCE_MS : coherence->timeout_ms;
}

/* Sleeps; a thread that is cancelled meanwhile would keep the locks that it already has. */
static void sleep_us(long us)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    pthread_setcancelstate(cancel_state, NULL);
}

/* Locks in the open file. Polls, because waiting in the kernel has no timeout: at first after 50 us, later every 10 ms. */
static pxt_status lock_in_file(struct pxt_coherence *coherence, unsigned first, unsigned n, struct pxt_error *error)
{
    int64_t deadline = 0, patience = 0;
    for (long wait_us = 50;; wait_us = wait_us * 2 > 10000 ? 10000 : wait_us * 2) {
        if (!set_lock(coherence, F_WRLCK, first, n))
            return PXT_OK;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot lock %s", coherence->path);
        int64_t now = pxt_clock_monotonic_ms();
        if (!deadline) {
            patience = patience_ms(coherence, first, now);
            deadline = now + patience;
        }
        if (now >= deadline)
            break;
        sleep_us(wait_us);
    }
    if (patience == coherence->timeout_ms)
        atomic_store_explicit(&coherence->stuck_until_ms[first], deadline + STUCK_RETRY_MS, memory_order_relaxed);
    return pxt_fail(error, PXT_EBUSY, 0,
                    "another process holds a lock on %s for longer than %lld ms: look for a stopped process, or raise "
                    "lock_timeout",
                    coherence->path, (long long)coherence->timeout_ms);
}

/* A lock counts only in the file that other processes use, which is asked when the lock is held. */
pxt_status pxt_coherence_lock(struct pxt_coherence *coherence, unsigned first, unsigned n, struct pxt_error *error)
{
    if (coherence->fd < 0)
        return PXT_OK;
    for (;;) {
        unsigned before = atomic_load(&coherence->reopened);
        pxt_status status = lock_in_file(coherence, first, n, error);
        if (status)
            return status;
        if (is_current(coherence, false) && !(before & 1) && atomic_load(&coherence->reopened) == before)
            return PXT_OK;
        pxt_coherence_unlock(coherence, first, n);
        status = reopen(coherence, false, error);
        if (status)
            return status;
    }
}

void pxt_coherence_unlock(struct pxt_coherence *coherence, unsigned first, unsigned n)
{
    if (coherence->fd >= 0)
        set_lock(coherence, F_UNLCK, first, n);
}
