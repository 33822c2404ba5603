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
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STUCK_RETRY_MS = 1000, STUCK_PATIENCE_MS = 20 };
enum { PAGE_BYTES = (PXT_GENERATIONS + PXT_WORDS) * (int)sizeof(uint32_t) };

static pxt_status map_page(struct pxt_coherence *coherence, struct pxt_error *error)
{
    struct stat file;
    if (fstat(coherence->fd, &file))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", coherence->path);
    if (!S_ISREG(file.st_mode) || (file.st_uid != geteuid() && file.st_uid != 0) || (file.st_mode & 022))
        return pxt_fail(error, PXT_EACCES, 0, "%s can be written by others: remove it and let it be made anew",
                        coherence->path);
    /* Never shrinks the file: another process may have mapped it. */
    if (file.st_size < PAGE_BYTES) {
        int code = posix_fallocate(coherence->fd, 0, PAGE_BYTES);
        if (code)
            return pxt_fail(error, pxt_status_of_errno(code), code, "cannot allocate %s", coherence->path);
    }
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, coherence->fd, 0);
    if (page == MAP_FAILED)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot map %s", coherence->path);
    coherence->page = page;
    coherence->mask = PXT_GENERATIONS - 1;
    return PXT_OK;
}

pxt_status pxt_coherence_open(struct pxt_coherence *coherence, const char *shared_path, int64_t timeout_ms,
                              struct pxt_error *error)
{
    coherence->fd = -1;
    coherence->timeout_ms = timeout_ms;
    coherence->page = &coherence->none;
    coherence->mask = 0;
    if (!shared_path)
        return PXT_OK;
    coherence->path = pxt_asprintf("%s.coherence", shared_path);
    if (!coherence->path)
        return pxt_fail_memory(error, "a path");
    coherence->fd = open(coherence->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (coherence->fd < 0)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", coherence->path);
    return map_page(coherence, error);
}

void pxt_coherence_close(struct pxt_coherence *coherence)
{
    if (coherence->mask)
        munmap((void *)coherence->page, PAGE_BYTES);
    if (coherence->fd >= 0)
        close(coherence->fd);
    pxt_free(coherence->path);
}

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

/* Polls, because waiting in the kernel has no timeout: at first after 50 us, later every 10 ms. */
pxt_status pxt_coherence_lock(struct pxt_coherence *coherence, unsigned first, unsigned n, struct pxt_error *error)
{
    if (coherence->fd < 0)
        return PXT_OK;
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
        nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
    }
    if (patience == coherence->timeout_ms)
        atomic_store_explicit(&coherence->stuck_until_ms[first], deadline + STUCK_RETRY_MS, memory_order_relaxed);
    return pxt_fail(error, PXT_EBUSY, 0,
                    "another process holds a lock on %s for longer than %lld ms: look for a stopped process, or raise "
                    "lock_timeout",
                    coherence->path, (long long)coherence->timeout_ms);
}

void pxt_coherence_unlock(struct pxt_coherence *coherence, unsigned first, unsigned n)
{
    if (coherence->fd >= 0)
        set_lock(coherence, F_UNLCK, first, n);
}
