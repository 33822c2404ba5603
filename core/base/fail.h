/* SPDX-License-Identifier: MIT
 *
 * fail.h: the one place where errors are made.
 */
#ifndef PXT_FAIL_H
#define PXT_FAIL_H

#include "base/alloc.h"
#include <proxtier/error.h>
#include <stdarg.h>

/* Fills `error` (NULL is allowed) and returns `status`; system_errno != 0 appends ": strerror". */
pxt_status pxt_fail(struct pxt_error *error, pxt_status status, int system_errno, const char *format, ...)
    PXT_PRINTF(4, 5);
pxt_status pxt_vfail(struct pxt_error *error, pxt_status status, int system_errno, const char *format, va_list args)
    PXT_PRINTF(4, 0);
/* Returns the status for an errno: see pxt_host.status_of_errno. */
pxt_status pxt_status_of_errno(int system_errno);
/* Fills `error` with PXT_ENOMEM and returns it; `what` is what memory was wanted for. */
pxt_status pxt_fail_memory(struct pxt_error *error, const char *what);
/* Prefixes the message of a filled error ("prefix: message"). */
void pxt_error_prefix(struct pxt_error *error, const char *format, ...) PXT_PRINTF(2, 3);

#endif
