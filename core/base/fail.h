/* SPDX-License-Identifier: MIT
 *
 * fail.h: the one place where errors are made and memory is asked for.
 */
#ifndef PXT_FAIL_H
#define PXT_FAIL_H

#include <proxtier/error.h>
#include <stdarg.h>

/* Fills `error` (NULL is allowed) and returns `status`; system_errno != 0 appends ": strerror". */
pxt_status pxt_fail(struct pxt_error *error, pxt_status status, int system_errno, const char *format, ...)
    PXT_PRINTF(4, 5);
pxt_status pxt_vfail(struct pxt_error *error, pxt_status status, int system_errno, const char *format, va_list args)
    PXT_PRINTF(4, 0);
/* PXT_ENOSPC for ENOSPC and EDQUOT, PXT_EACCES for EACCES EPERM EROFS, PXT_ENOMEM, PXT_EBUSY for EAGAIN EBUSY, else
 * PXT_EIO. */
pxt_status pxt_status_of_errno(int system_errno);
/* Fills `error` with PXT_ENOMEM and returns it; `what` is what memory was wanted for. */
pxt_status pxt_fail_memory(struct pxt_error *error, const char *what);
/* Prefixes the message of a filled error ("prefix: message"). */
void pxt_error_prefix(struct pxt_error *error, const char *format, ...) PXT_PRINTF(2, 3);

/* malloc family: every allocation of the core goes through these, so that failure is handled and tested in one way. */
void *pxt_alloc(size_t size);                 /* zeroed */
void *pxt_alloc_array(size_t n, size_t size); /* zeroed, overflow-checked */
void *pxt_alloc_line(size_t size);            /* zeroed, at the start of a cache line */
void *pxt_realloc(void *old, size_t size);
char *pxt_strdup(const char *text);
char *pxt_strndup(const char *text, size_t length);
char *pxt_asprintf(const char *format, ...) PXT_PRINTF(1, 2);
void pxt_free(void *memory);

#endif
