/* SPDX-License-Identifier: MIT
 *
 * messages.c: messages on standard error, and the exit codes that go with them.
 */
#include "command.h"
#include <stdarg.h>
#include <string.h>

int fail(const struct pxt_error *error)
{
    fprintf(stderr, "proxtier: %s\n", error->message);
    return pxt_status_exit_code(error->status);
}

int usage(const struct invocation *invocation, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("proxtier: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    if (invocation && invocation->command)
        fprintf(stderr, "; try `proxtier %s --help`\n", invocation->command->name);
    else
        fputs("; try `proxtier --help`\n", stderr);
    return EXIT_USAGE;
}

int lease_lost(const char *id)
{
    fprintf(
        stderr,
        "proxtier: lease %s was lost: it ended before, and another worker may have the proxy; renew a lease before its "
        "--ttl is over\n",
        id);
    return EXIT_NO_MATCH;
}

int nothing_matches(const struct invocation *invocation)
{
    if (!invocation->quiet)
        fputs("proxtier: no proxy matches\n", stderr);
    return EXIT_NO_MATCH;
}

int not_found(const struct invocation *invocation, const char *text)
{
    const char *start = strstr(text, "://"), *at = start ? strrchr(start, '@') : NULL;
    if (invocation->quiet)
        return EXIT_NO_MATCH;
    if (at)
        fprintf(stderr, "proxtier: nothing is stored under %.*s***%s\n", (int)(start + 3 - text), text, at);
    else
        fprintf(stderr, "proxtier: nothing is stored under %s\n", text);
    return EXIT_NO_MATCH;
}

int finish_output(int status)
{
    if (fflush(stdout) || ferror(stdout)) {
        perror("proxtier: cannot write to standard output");
        return status ? status : EXIT_OUTPUT;
    }
    return status;
}

void print_log(void *arg, enum pxt_message_level level, const char *component, const char *message)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    (void)arg;
    fprintf(stderr, "proxtier: %s: %s: %s\n", names[level], component, message);
}
