/* SPDX-License-Identifier: MIT
 *
 * tap.h: TAP from C, in the few words that the tests need. End main() with `return tap_done();`.
 */
#ifndef PXT_TAP_H
#define PXT_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned tap_run_, tap_failed_;

__attribute__((unused, format(printf, 4, 5))) static int tap_ok_(int pass, const char *file, int line,
                                                                 const char *format, ...)
{
    va_list args;
    printf("%sok %u - ", pass ? "" : "not ", ++tap_run_);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    if (!pass) {
        tap_failed_++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return pass;
}
#define ok(pass, ...) tap_ok_(!!(pass), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                                                         \
    do {                                                                                                               \
        long long got_ = (long long)(got), want_ = (long long)(want);                                                  \
        if (!ok(got_ == want_, __VA_ARGS__))                                                                           \
            printf("#      got %lld\n# expected %lld\n", got_, want_);                                                 \
    } while (0)
#define is_str(got, want, ...)                                                                                         \
    do {                                                                                                               \
        const char *got_ = (got), *want_ = (want);                                                                     \
        if (!ok(got_ && want_ ? !strcmp(got_, want_) : got_ == want_, __VA_ARGS__))                                    \
            printf("#      got %s\n# expected %s\n", got_ ? got_ : "NULL", want_ ? want_ : "NULL");                    \
    } while (0)
#define skip(why, ...) (printf("ok %u - # SKIP %s\n", ++tap_run_, why), fflush(stdout))
#define diag(...) (printf("# "), printf(__VA_ARGS__), printf("\n"))

/* How much to do of something that is more convincing in quantity: a tenth where PXT_SLOW is set (valgrind), a hundred
 * times as much where PXT_LONG is. */
__attribute__((unused)) static int tap_amount(int usual)
{
    if (getenv("PXT_LONG"))
        return usual * 100;
    return getenv("PXT_SLOW") ? (usual + 9) / 10 : usual;
}

__attribute__((unused)) static int tap_done(void)
{
    printf("1..%u\n", tap_run_);
    return tap_failed_ != 0;
}
#endif
