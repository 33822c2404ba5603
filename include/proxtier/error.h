/* SPDX-License-Identifier: MIT
 *
 * error.h: status codes, and the error object that every call which can fail fills.
 */
#ifndef PROXTIER_ERROR_H
#define PROXTIER_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what libproxtier exports. Plugins export only `pxt_plugin` (see plugin.h). */
#define PXT_API __attribute__((visibility("default")))
#define PXT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Every status: X(name, number, exit code of the command, meaning).
 * Numbers never change; new ones are added at the end. Exit codes are those of sysexits(3); 1 is grep's.
 */
#define PXT_STATUSES(X)                                                                                                \
    X(OK, 0, 0, "success")                                                                                             \
    X(NOT_FOUND, 1, 1, "no such entry: an answer, not a failure")                                                      \
    X(EINVAL, 2, 65, "a value is malformed or out of bounds")                                                          \
    X(ENOMEM, 3, 70, "out of memory")                                                                                  \
    X(EIO, 4, 74, "reading or writing failed")                                                                         \
    X(ENOSPC, 5, 74, "no space left")                                                                                  \
    X(EBUSY, 6, 75, "locked by another process for longer than the timeout")                                           \
    X(EACCES, 7, 77, "permission denied, or permissions too wide to be safe")                                          \
    X(ECORRUPT, 8, 65, "stored data is damaged")                                                                       \
    X(EDECRYPT, 9, 77, "a credential cannot be opened: wrong key or damaged token")                                    \
    X(ECONFIG, 10, 78, "the configuration is wrong")                                                                   \
    X(EPLUGIN, 11, 69, "a plugin is missing, not a plugin, or of another ABI")                                         \
    X(EUNAVAILABLE, 12, 69, "no tier could serve the call")                                                            \
    X(ENOTSUP, 13, 69, "not offered by this plugin")                                                                   \
    X(ENOINPUT, 14, 66, "an input file cannot be opened")                                                              \
    X(EINTERNAL, 15, 70, "a bug: please report it")                                                                    \
    X(ESTALE, 16, 75, "what is stored is newer than what was to be written")

typedef enum pxt_status {
#define X(name, number, exit_code, text) PXT_##name = number,
    PXT_STATUSES(X)
#undef X
} pxt_status;

/*
 * What failed, on what, and what to do about it, as one line of text without a final newline. The caller owns it,
 * usually on the stack; it needs no initialising and no freeing. Wherever a `struct pxt_error *` is taken, NULL is
 * allowed. It means something only after a call that returned neither PXT_OK nor PXT_NOT_FOUND. It never contains a
 * secret. It is complete, and does not grow.
 */
struct pxt_error {
    pxt_status status;
    int system_errno; /* errno where a system call failed, else 0 */
    char message[1000];
};

/* Static text of a status ("no space left"); of an unknown number, "unknown status". */
PXT_API const char *pxt_status_text(pxt_status status);
/* Its name ("PXT_ENOSPC"); of an unknown number, "PXT_?". */
PXT_API const char *pxt_status_name(pxt_status status);
/* The exit code that the command gives for it; of an unknown number, 70. */
PXT_API int pxt_status_exit_code(pxt_status status);

#ifdef __cplusplus
}
#endif
#endif
