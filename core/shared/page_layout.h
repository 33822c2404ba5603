/* SPDX-License-Identifier: MIT
 *
 * page_layout.h: the file PATH.page: a head, the words, and bytes that are only ever locked. For the files page*.c alone.
 */
#ifndef PXT_PAGE_LAYOUT_H
#define PXT_PAGE_LAYOUT_H

#include "shared/page.h"
#include <sys/types.h>

enum { PXT_PAGE_FORMAT = 4, PXT_BOOT_ID = 40, PXT_MEMBER_NAME = 64 };

/* Greater than every version. */
#define PXT_REMOVED_UNKNOWN UINT64_MAX

/* What stays as it was made. `magic` and `format` lie here in every format. */
struct pxt_page_fixed {
    char magic[8]; /* "PXTPAGE" */
    uint32_t format;
    uint32_t writer; /* random; the lower 11 bits are in versions */
    char boot[PXT_BOOT_ID];
    uint64_t inode; /* a copy of a page is none: nobody knows what happened since */
    uint64_t sum;   /* of all above; written last */
};

/* Text that one process may read while another writes it. */
struct pxt_page_member {
    _Atomic char id[PXT_MEMBER_ID + 1];
    _Atomic char name[PXT_MEMBER_NAME];
};

struct pxt_page_file {
    struct pxt_page_fixed fixed;
    _Alignas(64) _Atomic uint64_t last; /* the greatest version */
    _Atomic uint64_t far;               /* the greatest that is too far ahead of the clock */
    _Alignas(64) _Atomic uint64_t checkpoint;
    _Atomic uint64_t dropped;
    _Atomic uint32_t members; /* a bit for each slot */
    _Atomic uint32_t epoch;   /* raised when a member comes or goes */
    struct pxt_page_member member[PXT_CHAIN_MAX];
    _Atomic uint64_t removed_before; /* see removals.c; PXT_REMOVED_UNKNOWN until the members have joined */
    _Alignas(64) _Atomic uint64_t words[PXT_WORDS];
    _Atomic uint64_t removed[PXT_WORDS]; /* see removals.c */
};

/* Bytes that are locked. The first two lie at the same place in every format. */
enum {
    PXT_LOCK_SETUP = 0,                           /* for the time that the file is examined or made */
    PXT_LOCK_IN_USE = 1,                          /* shared by all that have the page open */
    PXT_LOCK_WORDS = sizeof(struct pxt_page_file) /* one byte for each word */
};

/* Locks, or with F_UNLCK unlocks, `n` bytes from `first` (open file description locks). Polls, as waiting in the kernel
 * has no timeout. Returns 0, ETIMEDOUT after `patience_ms`, or an errno. */
int pxt_page_lock_bytes(int fd, short type, off_t first, off_t n, int64_t patience_ms);
/* PXT_EBUSY for ETIMEDOUT, with advice; else a failure of locking `path`. */
pxt_status pxt_page_lock_failed(int code, const char *path, int64_t timeout_ms, struct pxt_error *error);
/* Tells whether the open page is the one that other processes use. Without `by_path` it is asked only whether the file
 * was removed, or another one renamed over it, which takes a third of the time. */
bool pxt_page_is_current(const struct pxt_page *page, bool by_path);
/* Opens the file again if it is not current. */
pxt_status pxt_page_reopen(struct pxt_page *page, bool by_path, struct pxt_error *error);
/* A child that is forked gets descriptors of its own for the pages that are noted. */
void pxt_page_note_open(struct pxt_page *page);
void pxt_page_note_closed(struct pxt_page *page);
/* PXT_EACCES if an open file is not a regular one of this user or root which others cannot write. In a group's folder the file
 * may be any member's, and one of this user gets the mode 0660. */
pxt_status pxt_page_check_file(const char *path, int fd, struct pxt_error *error);
/* Keeps programs before this format from the store: replaces their file PATH.coherence, if there is one, by a folder,
 * which they cannot open, while none of them writes. PXT_EBUSY: one held its locks for longer than the timeout. */
pxt_status pxt_page_lock_out_older(const char *shared_path, int64_t timeout_ms, struct pxt_error *error);

#endif
