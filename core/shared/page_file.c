/* SPDX-License-Identifier: MIT
 *
 * page_file.c: opens, examines and makes the file PATH.page. What is wrong with a file is never mended in place, where
 * another process may have mapped it: the file is removed, and a new one is made in an empty file. Processes that have the
 * old one notice that it was removed.
 */
#include "base/fail.h"
#include "base/paths.h"
#include "shared/page_layout.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS = 1000 };
static const char magic[8] = "PXTPAGE";

/* ---- locks of bytes --------------------------------------------------------------------------------------------- */

/* Sleeps; a thread that is cancelled meanwhile would keep the locks that it already has. */
static void sleep_us(long us)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    pthread_setcancelstate(cancel_state, NULL);
}

int pxt_page_lock_bytes(int fd, short type, off_t first, off_t n, int64_t patience_ms)
{
    int64_t deadline = 0;
    for (long wait_us = 50;; wait_us = wait_us * 2 > 10000 ? 10000 : wait_us * 2) {
        struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = n};
        if (!fcntl(fd, F_OFD_SETLK, &range))
            return 0;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return errno;
        int64_t now = pxt_clock_monotonic_ms();
        deadline = deadline ? deadline : now + patience_ms;
        if (now >= deadline)
            return ETIMEDOUT;
        sleep_us(wait_us);
    }
}

pxt_status pxt_page_lock_failed(int code, const char *path, int64_t timeout_ms, struct pxt_error *error)
{
    if (code != ETIMEDOUT)
        return pxt_fail(error, pxt_status_of_errno(code), code, "cannot lock %s", path);
    return pxt_fail(error, PXT_EBUSY, 0,
                    "another process holds a lock on %s for longer than %lld ms: look for a stopped process, or raise "
                    "lock_timeout",
                    path, (long long)timeout_ms);
}

/* Tells whether another opening of the file uses it. */
static bool is_in_use(int fd)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = PXT_LOCK_IN_USE, .l_len = 1};
    return fcntl(fd, F_OFD_GETLK, &range) || range.l_type != F_UNLCK;
}

/* ---- the head --------------------------------------------------------------------------------------------------- */

/* The id of the running system; "" if it has none, or does not tell. */
static void read_boot_id(char boot[PXT_BOOT_ID])
{
    memset(boot, 0, PXT_BOOT_ID);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, boot, PXT_BOOT_ID - 1);
    size_t length = got > 0 ? strcspn(boot, "\n") : 0;
    memset(boot + length, 0, PXT_BOOT_ID - length);
    if (fd >= 0)
        close(fd);
}

static uint64_t sum_of(const struct pxt_page_fixed *fixed)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < offsetof(struct pxt_page_fixed, sum); i++)
        sum = (sum ^ ((const unsigned char *)fixed)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

enum verdict { GOOD, EMPTY, UNUSABLE, REFUSED };

/* Judges an open file, with its setup lock. */
static enum verdict judge(const char *path, int fd, struct pxt_error *error)
{
    struct stat file;
    struct pxt_page_fixed fixed = {.format = 0};
    char boot[PXT_BOOT_ID];
    bool used = is_in_use(fd);
    if (fstat(fd, &file) || (file.st_size && pread(fd, &fixed, sizeof fixed, 0) != (ssize_t)sizeof fixed))
        return UNUSABLE;
    if (!file.st_size)
        return used ? UNUSABLE : EMPTY;
    if (memcmp(fixed.magic, magic, sizeof magic))
        return UNUSABLE;
    if (fixed.format != PXT_PAGE_FORMAT) {
        if (used)
            pxt_fail(error, PXT_ECONFIG, 0,
                     "%s is in use by another version of proxtier (format %u; this is %u): end those processes first",
                     path, fixed.format, (unsigned)PXT_PAGE_FORMAT);
        return used ? REFUSED : UNUSABLE;
    }
    if (file.st_size < (off_t)sizeof(struct pxt_page_file) || fixed.inode != file.st_ino || fixed.sum != sum_of(&fixed))
        return UNUSABLE;
    read_boot_id(boot);
    bool same = !memcmp(fixed.boot, boot, sizeof boot);
    if (same && (*boot || used))
        return GOOD;
    if (used)
        pxt_fail(error, PXT_ECONFIG, 0,
                 "%s is in use by a process of another host: a store can be shared by processes of one host", path);
    return used ? REFUSED : UNUSABLE;
}

static bool new_fixed(struct pxt_page_fixed *fixed, uint64_t inode)
{
    *fixed = (struct pxt_page_fixed){.format = PXT_PAGE_FORMAT, .inode = inode};
    memcpy(fixed->magic, magic, sizeof magic);
    read_boot_id(fixed->boot);
    if (getrandom(&fixed->writer, sizeof fixed->writer, 0) != (ssize_t)sizeof fixed->writer)
        return false;
    fixed->sum = sum_of(fixed);
    return true;
}

static pxt_status new_file(struct pxt_page_file *file, uint64_t inode, struct pxt_error *error)
{
    uint64_t start;
    if (!new_fixed(&file->fixed, inode) || getrandom(&start, sizeof start, 0) != (ssize_t)sizeof start)
        return pxt_fail(error, PXT_EIO, errno, "cannot get random bytes");
    /* So that a word of this page never equals one of a page before it. */
    for (unsigned i = 0; i < PXT_WORDS; i++)
        atomic_init(&file->words[i], start << 8);
    atomic_init(&file->removed_before, PXT_REMOVED_UNKNOWN);
    return PXT_OK;
}

/* Fills an empty file. The sum of the head comes last: a file without it is not used. */
static pxt_status fill(const char *path, int fd, struct pxt_error *error)
{
    struct stat named;
    if (fstat(fd, &named))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", path);
    struct pxt_page_file *file = pxt_alloc_line(sizeof *file);
    if (!file)
        return pxt_fail_memory(error, "a page");
    pxt_status status = new_file(file, named.st_ino, error);
    uint64_t sum = file->fixed.sum;
    file->fixed.sum = 0;
    /* Its blocks must be there: writing to a mapped hole of a full disk kills the process. */
    int code = status ? 0 : posix_fallocate(fd, 0, sizeof *file);
    if (!status && !code && pwrite(fd, file, sizeof *file, 0) != (ssize_t)sizeof *file)
        code = errno ? errno : EIO;
    if (!status && !code && pwrite(fd, &sum, sizeof sum, offsetof(struct pxt_page_fixed, sum)) != (ssize_t)sizeof sum)
        code = errno ? errno : EIO;
    pxt_free(file);
    return code ? pxt_fail(error, pxt_status_of_errno(code), code, "cannot write %s", path) : status;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static bool is_named(const char *path, int fd)
{
    struct stat file, named;
    return !fstat(fd, &file) && !lstat(path, &named) && named.st_dev == file.st_dev && named.st_ino == file.st_ino;
}

pxt_status pxt_page_check_file(const char *path, int fd, struct pxt_error *error)
{
    struct stat file;
    gid_t group;
    if (fstat(fd, &file))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", path);
    bool of_group = pxt_path_in_group_folder(path, &group) && file.st_gid == group;
    bool of_other = file.st_uid != geteuid() && file.st_uid != 0 && !of_group;
    if (!S_ISREG(file.st_mode) || of_other || (file.st_mode & (of_group ? 002 : 022)))
        return pxt_fail(error, PXT_EACCES, 0, "%s can be written by others: remove it and let it be made anew", path);
    if (of_group && file.st_uid == geteuid() && (file.st_mode & 0777) != 0660 && fchmod(fd, 0660))
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot give %s the rights of its group", path);
    return PXT_OK;
}

/* With the setup lock. `*again`: the file is not, or no longer, one to be used. */
static pxt_status set_up(const char *path, int fd, bool *again, struct pxt_error *error)
{
    *again = !is_named(path, fd);
    if (*again)
        return PXT_OK;
    struct pxt_error why = {.status = PXT_OK};
    enum verdict verdict = judge(path, fd, &why);
    if (verdict == REFUSED)
        return pxt_fail(error, why.status, 0, "%s", why.message);
    *again = verdict == UNUSABLE;
    if (*again && unlink(path) && errno != ENOENT)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot remove the damaged or old %s", path);
    pxt_status status = verdict == EMPTY ? fill(path, fd, error) : PXT_OK;
    int code = status || *again ? 0 : pxt_page_lock_bytes(fd, F_RDLCK, PXT_LOCK_IN_USE, 1, 0);
    return code ? pxt_fail(error, pxt_status_of_errno(code), code, "cannot lock %s", path) : status;
}

static pxt_status open_once(const char *path, int64_t timeout_ms, int *fd, bool *again, struct pxt_error *error)
{
    *again = false;
    *fd = pxt_path_open(path, O_RDWR | O_CREAT | O_NOFOLLOW);
    if (*fd < 0)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", path);
    pxt_status status = pxt_page_check_file(path, *fd, error);
    if (!status) {
        int code = pxt_page_lock_bytes(*fd, F_WRLCK, PXT_LOCK_SETUP, 1, timeout_ms);
        status = code ? pxt_page_lock_failed(code, path, timeout_ms, error) : set_up(path, *fd, again, error);
        if (!code)
            pxt_page_lock_bytes(*fd, F_UNLCK, PXT_LOCK_SETUP, 1, 0);
    }
    if (status || *again) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

static pxt_status open_file(const char *path, int64_t timeout_ms, int *fd, struct pxt_error *error)
{
    bool again = true;
    pxt_status status = PXT_OK;
    *fd = -1;
    for (int i = 0; again && !status && i < ATTEMPTS; i++)
        status = open_once(path, timeout_ms, fd, &again, error);
    if (again && !status)
        status = pxt_fail(error, PXT_EBUSY, 0, "%s is removed again and again by another program", path);
    return status;
}

/* Maps an open file; if one is mapped already, to its address, so that threads that read it meanwhile see the one or the
 * other. (mremap() and not MAP_FIXED, which a thread sanitizer takes for a write.) */
static pxt_status map_file(struct pxt_page *page, int fd, struct pxt_error *error)
{
    size_t size = sizeof *page->file;
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED && page->file) {
        void *moved = mremap(mapped, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)page->file);
        if (moved == MAP_FAILED)
            munmap(mapped, size);
        mapped = moved;
    }
    if (mapped == MAP_FAILED)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot map %s", page->path);
    if (!page->file)
        page->file = mapped;
    return PXT_OK;
}

static pxt_status open_shared(struct pxt_page *page, const char *shared_path, struct pxt_error *error)
{
    page->path = pxt_asprintf("%s.page", shared_path);
    if (!page->path)
        return pxt_fail_memory(error, "a path");
    pxt_status status = pxt_page_lock_out_older(shared_path, page->timeout_ms, error);
    if (!status)
        status = open_file(page->path, page->timeout_ms, &page->fd, error);
    if (!status)
        status = map_file(page, page->fd, error);
    if (!status)
        pxt_page_note_open(page);
    return status;
}

static pxt_status open_private(struct pxt_page *page, struct pxt_error *error)
{
    page->file = pxt_alloc_line(sizeof *page->file);
    return page->file ? new_file(page->file, 0, error) : pxt_fail_memory(error, "a page");
}

pxt_status pxt_page_open(struct pxt_page *page, const char *shared_path, int64_t timeout_ms,
                         const struct pxt_clock *clock, struct pxt_error *error)
{
    page->fd = -1;
    page->timeout_ms = timeout_ms;
    page->clock = clock;
    page->max_skew = INT64_MAX;
    page->file = NULL;
    page->words = NULL;
    page->path = NULL;
    atomic_init(&page->authority, 0);
    atomic_init(&page->base, 0);
    atomic_init(&page->reopened, 0);
    for (unsigned i = 0; i < PXT_STRIPES; i++)
        atomic_init(&page->stuck_until_ms[i], 0);
    pthread_mutex_init(&page->reopen_lock, NULL);
    pxt_status status = shared_path ? open_shared(page, shared_path, error) : open_private(page, error);
    page->words = page->file ? page->file->words : NULL;
    if (status)
        pxt_page_close(page);
    return status;
}

void pxt_page_close(struct pxt_page *page)
{
    if (page->file || page->path)
        pthread_mutex_destroy(&page->reopen_lock);
    if (page->file && page->path)
        munmap(page->file, sizeof *page->file);
    else
        pxt_free(page->file);
    if (page->path && page->fd >= 0) {
        pxt_page_note_closed(page);
        close(page->fd);
    }
    pxt_free(page->path);
    page->file = NULL;
    page->words = NULL;
    page->path = NULL;
    page->fd = -1;
}

/* ---- a file that was removed or replaced under running processes ------------------------------------------------ */

bool pxt_page_is_current(const struct pxt_page *page, bool by_path)
{
    struct stat file;
    if (fstat(page->fd, &file) || file.st_size < (off_t)sizeof *page->file)
        return false;
    return file.st_nlink && (!by_path || is_named(page->path, page->fd));
}

/* With reopen_lock. The mapping keeps its address and the descriptor its number, as other threads use both. */
static pxt_status take_file(struct pxt_page *page, int fd, struct pxt_error *error)
{
    /* The base first: a thread that compares meanwhile doubts, and does not believe. */
    atomic_fetch_add_explicit(&page->base, 0x9e3779b9u, memory_order_seq_cst);
    pxt_status status = map_file(page, fd, error);
    if (status)
        return status;
    atomic_fetch_add(&page->reopened, 1);
    if (dup3(fd, page->fd, O_CLOEXEC) < 0)
        status = pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", page->path);
    /* A change that this process began in the old file is not known in the new one. */
    pxt_words_doubt_all(page, pxt_page_members(page));
    atomic_fetch_add(&page->reopened, 1);
    return status;
}

pxt_status pxt_page_reopen(struct pxt_page *page, bool by_path, struct pxt_error *error)
{
    int fd = -1;
    pxt_status status = PXT_OK;
    pthread_mutex_lock(&page->reopen_lock);
    if (!pxt_page_is_current(page, by_path)) {
        status = open_file(page->path, page->timeout_ms, &fd, error);
        if (!status)
            status = take_file(page, fd, error);
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&page->reopen_lock);
    return status;
}
