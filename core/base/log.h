/* SPDX-License-Identifier: MIT
 *
 * log.h: where log lines go, and the clock: both belong to a cache, neither is global.
 */
#ifndef PXT_LOG_H
#define PXT_LOG_H

#include <proxtier/cache.h>
#include <proxtier/plugin.h>
#include <stdarg.h>

struct pxt_logger {
    pxt_log_fn *fn; /* NULL: silent */
    void *arg;
    enum pxt_message_level level;
};
void pxt_log(const struct pxt_logger *logger, enum pxt_message_level level, const char *component, const char *format,
             ...) PXT_PRINTF(4, 5);
void pxt_vlog(const struct pxt_logger *logger, enum pxt_message_level level, const char *component, const char *format,
              va_list args) PXT_PRINTF(4, 0);

struct pxt_clock {
    pxt_clock_fn *fn; /* NULL: the system's */
    void *arg;
};
/* Microseconds since the epoch. */
pxt_time pxt_clock_now(const struct pxt_clock *clock);
/* True where `time` is surely not reached, at a tenth of the cost of pxt_clock_now(): by the second, and only with the
 * system's clock. */
bool pxt_clock_surely_before(const struct pxt_clock *clock, pxt_time time);
/* Milliseconds of a clock that is never set: for timeouts and back-offs. */
int64_t pxt_clock_monotonic_ms(void);

#endif
