/* SPDX-License-Identifier: MIT
 *
 * log.c: the one place where log lines leave the library, and the one place where it asks for the time.
 */
#include "base/log.h"
#include <stdio.h>
#include <time.h>

void pxt_vlog(const struct pxt_logger *logger, enum pxt_message_level level, const char *component, const char *format,
              va_list args)
{
    if (!logger || !logger->fn || level > logger->level)
        return;
    char line[1200];
    vsnprintf(line, sizeof line, format, args);
    logger->fn(logger->arg, level, component, line);
}

void pxt_log(const struct pxt_logger *logger, enum pxt_message_level level, const char *component, const char *format,
             ...)
{
    va_list args;
    va_start(args, format);
    pxt_vlog(logger, level, component, format, args);
    va_end(args);
}

pxt_time pxt_clock_now(const struct pxt_clock *clock)
{
    if (clock && clock->fn)
        return clock->fn(clock->arg);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (pxt_time)now.tv_sec * PXT_SECOND + now.tv_nsec / 1000;
}

bool pxt_clock_surely_before(const struct pxt_clock *clock, pxt_time point)
{
    /* time() is behind clock_gettime() by up to a tick: two whole seconds are far enough. */
    return !clock->fn && ((pxt_time)time(NULL) + 2) * PXT_SECOND <= point;
}

int64_t pxt_clock_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
