/* SPDX-License-Identifier: MIT
 *
 * totals.c: the file PATH.stats. It has two copies of the totals. The older one is written, so that a process that is killed,
 * a full disk and loss of power leave the other one. The lock of the file makes one process wait for another.
 */
#include "shared/totals.h"
#include "base/fail.h"
#include "base/key.h"
#include "base/paths.h"
#include "shared/page_layout.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 1, COPY_SPACE = 8192, ATTEMPTS = 100, PATIENCE_MS = 1000 };
static const char magic[8] = "PXTSTAT";

/* `magic` and `format` lie here in every format. */
struct copy {
    char magic[8];
    uint64_t format;
    uint64_t number; /* of the write; the greater one is the newer */
    struct pxt_totals totals;
    uint64_t sum; /* of all above */
};
_Static_assert(sizeof(struct copy) <= COPY_SPACE, "a copy has room");

static uint64_t sum_of(const struct copy *copy)
{
    return pxt_key_hash((const char *)copy, offsetof(struct copy, sum));
}

struct pxt_totals_row *pxt_totals_row(struct pxt_totals *totals, const char *name)
{
    for (uint64_t i = 0; i < totals->rows; i++)
        if (!strncmp(totals->row[i].name, name, PXT_TOTALS_NAME))
            return &totals->row[i];
    if (totals->rows >= PXT_TOTALS_ROWS)
        return NULL;
    struct pxt_totals_row *row = &totals->row[totals->rows++];
    memset(row, 0, sizeof *row);
    memcpy(row->name, name, strnlen(name, PXT_TOTALS_NAME));
    return row;
}

/* Returns whether anything was added. */
static bool add(struct pxt_totals *to, const struct pxt_totals *more)
{
    bool any = false;
    for (uint64_t i = 0; i < more->rows; i++) {
        struct pxt_totals_row *row = pxt_totals_row(to, more->row[i].name);
        for (unsigned c = 0; row && c < PXT_TOTALS_COUNTERS; c++) {
            row->counter[c] += more->row[i].counter[c];
            any |= more->row[i].counter[c] != 0;
        }
    }
    return any;
}

enum verdict { GOOD, NONE, OTHER_FORMAT };

static enum verdict read_copy(int fd, unsigned place, struct copy *copy)
{
    ssize_t got = pread(fd, copy, sizeof *copy, (off_t)place * COPY_SPACE);
    if (got < (ssize_t)offsetof(struct copy, number) || memcmp(copy->magic, magic, sizeof magic))
        return NONE;
    if (copy->format != FORMAT)
        return OTHER_FORMAT;
    return got == sizeof *copy && copy->sum == sum_of(copy) && copy->totals.rows <= PXT_TOTALS_ROWS ? GOOD : NONE;
}

/* Reads the newer copy, `*place` being where it stands. */
static enum verdict read_newer(int fd, struct copy *newer, unsigned *place)
{
    struct copy second;
    enum verdict one = read_copy(fd, 0, newer), other = read_copy(fd, 1, &second);
    *place = 0;
    if (one == OTHER_FORMAT || other == OTHER_FORMAT)
        return OTHER_FORMAT;
    if (other != GOOD || (one == GOOD && newer->number > second.number))
        return one;
    *newer = second;
    *place = 1;
    return GOOD;
}

/* The file is locked. */
static pxt_status add_to_file(const char *path, int fd, const struct pxt_totals *more, pxt_time now,
                              struct pxt_totals *sum, bool *damaged, struct pxt_error *error)
{
    struct stat file;
    struct copy copy;
    unsigned place;
    enum verdict verdict = read_newer(fd, &copy, &place);
    if (verdict == OTHER_FORMAT)
        return pxt_fail(error, PXT_ECONFIG, 0, "%s was made by another version of proxtier", path);
    if (fstat(fd, &file))
        return pxt_fail(error, PXT_EIO, errno, "cannot examine %s", path);
    *damaged = verdict == NONE && file.st_size;
    if (verdict == NONE) {
        memset(&copy, 0, sizeof copy);
        memcpy(copy.magic, magic, sizeof magic);
        copy.format = FORMAT;
        copy.totals.since = now;
    }
    bool any = add(&copy.totals, more);
    *sum = copy.totals;
    if (!any && verdict == GOOD)
        return PXT_OK;
    copy.number++;
    copy.sum = sum_of(&copy);
    ssize_t put = pwrite(fd, &copy, sizeof copy, (off_t)(1 - place) * COPY_SPACE);
    int reason = put < 0 ? errno : ENOSPC;
    return put == sizeof copy
               ? PXT_OK
               : pxt_fail(error, pxt_status_of_errno(reason), reason, "cannot write statistics to %s", path);
}

static bool is_named(const char *path, int fd)
{
    struct stat file, named;
    return !fstat(fd, &file) && !lstat(path, &named) && named.st_dev == file.st_dev && named.st_ino == file.st_ino;
}

/* `*again`: the file was removed or replaced before it was locked. */
static pxt_status add_once(const char *path, const struct pxt_totals *more, pxt_time now, struct pxt_totals *sum,
                           bool *damaged, bool *again, struct pxt_error *error)
{
    *again = false;
    int fd = pxt_path_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", path);
    pxt_status status = pxt_page_check_file(path, fd, error);
    int code = status ? 0 : pxt_page_lock_bytes(fd, F_WRLCK, 0, 1, PATIENCE_MS);
    if (code)
        status = pxt_page_lock_failed(code, path, PATIENCE_MS, error);
    if (!status) {
        *again = !is_named(path, fd);
        status = *again ? PXT_OK : add_to_file(path, fd, more, now, sum, damaged, error);
    }
    if (!code) /* a child that was forked meanwhile has the description too, and with it the lock */
        pxt_page_lock_bytes(fd, F_UNLCK, 0, 1, 0);
    close(fd);
    return status;
}

pxt_status pxt_totals_add(const char *place, const struct pxt_totals *more, pxt_time now, struct pxt_totals *sum,
                          bool *damaged, struct pxt_error *error)
{
    bool again = true;
    *damaged = false;
    char *path = pxt_asprintf("%s.stats", place);
    pxt_status status = path ? PXT_OK : pxt_fail_memory(error, "a path");
    for (int i = 0; again && !status && i < ATTEMPTS; i++)
        status = add_once(path, more, now, sum, damaged, &again, error);
    if (again && !status)
        status = pxt_fail(error, PXT_EBUSY, 0, "%s is removed again and again by another program", path);
    pxt_free(path);
    return status;
}
