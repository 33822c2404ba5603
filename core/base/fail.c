/* SPDX-License-Identifier: MIT
 *
 * fail.c: fills every error of the core.
 */
#include "base/fail.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *pxt_status_text(pxt_status status)
{
    switch (status) {
#define X(name, number, exit_code, text)                                                                               \
    case PXT_##name:                                                                                                   \
        return text;
        PXT_STATUSES(X)
#undef X
    }
    return "unknown status";
}

const char *pxt_status_name(pxt_status status)
{
    switch (status) {
#define X(name, number, exit_code, text)                                                                               \
    case PXT_##name:                                                                                                   \
        return "PXT_" #name;
        PXT_STATUSES(X)
#undef X
    }
    return "PXT_?";
}

int pxt_status_exit_code(pxt_status status)
{
    switch (status) {
#define X(name, number, exit_code, text)                                                                               \
    case PXT_##name:                                                                                                   \
        return exit_code;
        PXT_STATUSES(X)
#undef X
    }
    return 70;
}

/* strerror_r comes in two kinds: GNU's returns its text, that of POSIX (musl) a status. */
static const char *errno_text(int number, char *buffer, size_t size)
{
#ifdef STRERROR_R_CHAR_P
    return strerror_r(number, buffer, size);
#else
    return strerror_r(number, buffer, size) ? "an unknown system error" : buffer;
#endif
}

pxt_status pxt_vfail(struct pxt_error *error, pxt_status status, int system_errno, const char *format, va_list args)
{
    if (!error)
        return status;
    error->status = status;
    error->system_errno = system_errno;
    int used = vsnprintf(error->message, sizeof error->message, format, args);
    if (used >= 0 && system_errno && (size_t)used < sizeof error->message) {
        char buffer[128];
        snprintf(error->message + used, sizeof error->message - (size_t)used, ": %s",
                 errno_text(system_errno, buffer, sizeof buffer));
    }
    return status;
}

pxt_status pxt_fail(struct pxt_error *error, pxt_status status, int system_errno, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pxt_vfail(error, status, system_errno, format, args);
    va_end(args);
    return status;
}

pxt_status pxt_fail_memory(struct pxt_error *error, const char *what)
{
    return pxt_fail(error, PXT_ENOMEM, 0, "out of memory for %s", what);
}

pxt_status pxt_status_of_errno(int system_errno)
{
    switch (system_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PXT_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
        return PXT_EACCES;
    case ENOMEM:
        return PXT_ENOMEM;
    case EAGAIN:
    case EBUSY:
        return PXT_EBUSY;
    default:
        return PXT_EIO;
    }
}

void pxt_error_prefix(struct pxt_error *error, const char *format, ...)
{
    if (!error)
        return;
    char old[sizeof error->message];
    memcpy(old, error->message, sizeof old);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof error->message)
        snprintf(error->message + used, sizeof error->message - (size_t)used, ": %.*s",
                 (int)(sizeof old - (size_t)used - 3), old);
}
