/* SPDX-License-Identifier: MIT
 *
 * selection.h: the options that say which entries, and which of them: one table for all commands that have them.
 */
#ifndef CLI_SELECTION_H
#define CLI_SELECTION_H

#include "command.h"

/* Rows of commands.c. */
#define SELECT_ROWS                                                                                                    \
    {"health", 0, "STATE,...", "only of these: unknown, healthy, degraded, unhealthy, dead"},                          \
        {"healthy", 0, NULL, "the same as --health healthy: the last check was good"},                                 \
        {"source", 0, "NAME", "only of this source"},                                                                  \
        {"scheme", 0, "SCHEME", "only http, https, socks4, socks4a, socks5 or socks5h"},                               \
        {"host", 0, "PATTERN", "only on such hosts; * is any text, ? any character: '192.0.2.*'"},                     \
        {"country", 0, "CODE", "only where the list says so, in any case"}, {"tag", 0, "WORD", "only with this tag"},  \
        {"min-ttl", 0, "TIME", "only what does not expire before: 90s, 15m, 1h"},                                      \
        {"max-failures", 0, "N", "only with so many failures in a row at most"},                                       \
    {                                                                                                                  \
        "max-latency", 0, "MS", "only what is known to be so fast, on average"                                         \
    }
#define CHOOSE_ROWS                                                                                                    \
    {"choose", 0, "WAY", "how to choose, one of these; default: random"},                                              \
    {                                                                                                                  \
        "session", 0, "NAME", "the same as --choose sticky, for this session"                                          \
    }

/* Reads the options of SELECT_ROWS. False with a message if one is wrong. */
bool read_filter(const struct invocation *invocation, struct pxt_selection *selection, int *exit_code);
/* Whether any of them is given. */
bool filter_is_given(const struct invocation *invocation);
/* Reads also those of CHOOSE_ROWS. If no health is asked for, only entries are chosen that are neither unhealthy nor dead. */
bool read_selection(const struct invocation *invocation, struct pxt_selection *selection,
                    struct pxt_select_options *choice, int *exit_code);

#endif
