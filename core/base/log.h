/* SPDX-License-Identifier: MIT
 *
 * log.h: where log lines go. A logger belongs to a cache and is not global.
 */
#ifndef PXT_LOG_H
#define PXT_LOG_H

#include "base/clock.h"
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

#endif
