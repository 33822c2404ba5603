/* SPDX-License-Identifier: MIT
 *
 * log.c: the one place where log lines leave the library.
 */
#include "base/log.h"
#include <stdio.h>

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
