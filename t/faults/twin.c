/* SPDX-License-Identifier: MIT
 *
 * twin.c: the part of the library of failing_calls.c for twin.h: locks of a table, and what stat() shows.
 */
#include "twin.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))
#define call(number, ...) syscall(SYS_##number, __VA_ARGS__)

static const struct twin_files *files;
static twin_place_fn *place;
static pid_t process;

SEEN void faults_twin(const struct twin_files *shown, twin_place_fn *at_place);
SEEN void faults_twin(const struct twin_files *shown, twin_place_fn *at_place)
{
    process = getpid();
    files = shown;
    place = at_place;
}

bool twin_fails(unsigned long number)
{
    return place && place(number);
}

bool twin_has_locks(void)
{
    return place;
}

SEEN pid_t getpid(void)
{
    return place ? process : (pid_t)syscall(SYS_getpid);
}

/* Random bytes are the same for each twin: so that twins that differ in nothing else have the same outcome. */
SEEN ssize_t getrandom(void *out, size_t n, unsigned flags)
{
    static uint64_t state = 88172645463325252;
    if (!place)
        return (ssize_t)call(getrandom, out, n, flags);
    for (size_t i = 0; i < n; i++) { /* xorshift64 of Marsaglia */
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((unsigned char *)out)[i] = (unsigned char)(state >> 32);
    }
    return (ssize_t)n;
}

/* ---- locks ---- */

enum kind { WHOLE, RANGE }; /* of flock(); of an open file description. They do not see each other. */
struct lock {
    enum kind kind;
    ino_t inode;
    int fd;
    short type;
    off_t first, last;
};
enum { LOCKS = 1024 };
static struct lock lock[LOCKS];
static unsigned lock_count;

static bool overlap(const struct lock *a, const struct lock *b)
{
    return a->kind == b->kind && a->inode == b->inode && a->first <= b->last && b->first <= a->last;
}

static const struct lock *in_the_way(const struct lock *wanted)
{
    for (unsigned i = 0; i < lock_count; i++)
        if (lock[i].fd != wanted->fd && overlap(&lock[i], wanted) &&
            (lock[i].type == F_WRLCK || wanted->type == F_WRLCK))
            return &lock[i];
    return NULL;
}

static void add(struct lock new)
{
    if (lock_count == LOCKS)
        abort();
    lock[lock_count++] = new;
}

/* Takes a range out of the locks of a descriptor; what is left of them on its sides stays. */
static void take_out(const struct lock *range)
{
    for (unsigned i = lock_count; i-- > 0;) {
        struct lock old = lock[i];
        if (old.fd != range->fd || !overlap(&old, range))
            continue;
        lock[i] = lock[--lock_count];
        if (old.first < range->first) {
            struct lock left = old;
            left.last = range->first - 1;
            add(left);
        }
        if (old.last > range->last) {
            old.first = range->last + 1;
            add(old);
        }
    }
}

static int set(const struct lock *wanted, bool waits)
{
    if (wanted->type != F_UNLCK && in_the_way(wanted)) {
        while (waits) /* for itself: until it is killed */
            pause();
        return errno = EAGAIN, -1;
    }
    take_out(wanted);
    if (wanted->type != F_UNLCK)
        add(*wanted);
    return 0;
}

static bool lock_of(int fd, enum kind kind, struct lock *out)
{
    struct stat file;
    *out = (struct lock){.kind = kind, .fd = fd, .type = F_UNLCK, .last = LONG_MAX};
    if (call(newfstatat, fd, "", &file, AT_EMPTY_PATH))
        return false;
    out->inode = file.st_ino;
    return true;
}

int twin_flock(int fd, int operation)
{
    struct lock wanted;
    if (!lock_of(fd, WHOLE, &wanted))
        return -1;
    wanted.type = operation & LOCK_EX ? F_WRLCK : operation & LOCK_SH ? F_RDLCK : F_UNLCK;
    return set(&wanted, !(operation & LOCK_NB));
}

int twin_fcntl_lock(int fd, int command, void *arg)
{
    struct flock *range = arg;
    struct lock wanted;
    if (!lock_of(fd, RANGE, &wanted))
        return -1;
    wanted.type = range->l_type;
    wanted.first = range->l_start;
    if (range->l_len)
        wanted.last = range->l_start + range->l_len - 1;
    switch (command) {
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return set(&wanted, command == F_OFD_SETLKW);
    case F_OFD_GETLK:
        range->l_type = in_the_way(&wanted) ? in_the_way(&wanted)->type : F_UNLCK;
        return 0;
    case F_GETLK: /* locks of the process itself are in nobody's way */
        range->l_type = F_UNLCK;
        return 0;
    default:
        return 0;
    }
}

SEEN int close(int fd)
{
    for (unsigned i = lock_count; i-- > 0;)
        if (lock[i].fd == fd)
            lock[i] = lock[--lock_count];
    return (int)call(close, fd);
}

/* ---- what files show ---- */

static int shown(int result, struct stat *out)
{
    for (unsigned i = 0; !result && files && i < files->count; i++) {
        const struct twin_file *file = &files->file[i];
        if (file->inode != out->st_ino)
            continue;
        out->st_nlink -= file->more;
        if (file->changed.tv_sec == out->st_ctim.tv_sec && file->changed.tv_nsec == out->st_ctim.tv_nsec)
            out->st_ctim = file->before;
        break;
    }
    return result;
}

SEEN int fstatat(int folder, const char *restrict path, struct stat *restrict out, int flags)
{
    return shown((int)call(newfstatat, folder, path, out, flags), out);
}
SEEN int fstat(int fd, struct stat *out)
{
    return fstatat(fd, "", out, AT_EMPTY_PATH);
}
SEEN int stat(const char *restrict path, struct stat *restrict out)
{
    return fstatat(AT_FDCWD, path, out, 0);
}
SEEN int lstat(const char *restrict path, struct stat *restrict out)
{
    return fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

/* On 64 bits they are the same. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "two kinds of files");
SEEN int fstatat64(int folder, const char *restrict path, struct stat64 *restrict out, int flags)
{
    return fstatat(folder, path, (struct stat *)out, flags);
}
SEEN int fstat64(int fd, struct stat64 *out)
{
    return fstat(fd, (struct stat *)out);
}
SEEN int stat64(const char *restrict path, struct stat64 *restrict out)
{
    return stat(path, (struct stat *)out);
}
SEEN int lstat64(const char *restrict path, struct stat64 *restrict out)
{
    return lstat(path, (struct stat *)out);
}
