/* SPDX-License-Identifier: MIT
 *
 * bug_report.c: proxtier bug-report: what a report of a fault needs, without what is secret or private.
 */
#include "command.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LEFT_OUT "(left out)"

/* Options whose names have one of these may hold a secret, or a command that holds one. */
static bool is_private(const char *name, size_t length)
{
    static const char *const words[] = {"key", "pass", "secret", "token", "auth", "cred", "command", "user", NULL};
    char lower[80];
    size_t n = 0;
    for (; n < length && n + 1 < sizeof lower; n++)
        lower[n] = (char)tolower((unsigned char)name[n]);
    lower[n] = '\0';
    for (const char *const *word = words; *word; word++)
        if (strstr(lower, *word))
            return true;
    return false;
}

/* Text with the home folder as ~, and without what stands between :// and @. */
static void print_text(const char *text, size_t length)
{
    const char *home = getenv("HOME"), *end = text + length;
    size_t home_length = home && home[0] == '/' && home[1] ? strlen(home) : 0;
    while (text < end) {
        if (home_length && (size_t)(end - text) >= home_length && !strncmp(text, home, home_length)) {
            putchar('~');
            text += home_length;
            continue;
        }
        if (end - text >= 3 && !strncmp(text, "://", 3)) {
            size_t authority = strcspn(text + 3, "/?#'\" \n");
            const char *at = memrchr(text + 3, '@', authority);
            if (at && at < end) {
                fputs("://" LEFT_OUT, stdout);
                text = at;
                continue;
            }
        }
        putchar(*text++);
    }
}

/* One line of `config show --origin`: "  name: value  # origin". */
static void print_line(const char *line, size_t length)
{
    const char *start = line, *end = line + length;
    while (start < end && (*start == ' ' || *start == '-'))
        start++;
    const char *colon = memchr(start, ':', (size_t)(end - start)), *origin = NULL;
    for (const char *at = start; at + 4 <= end; at++)
        if (!strncmp(at, "  # ", 4))
            origin = at;
    if (*start != '#' && colon && colon + 1 < end && is_private(start, (size_t)(colon - start))) {
        printf("%.*s: " LEFT_OUT, (int)(colon - line), line);
        if (origin)
            print_text(origin, (size_t)(end - origin));
    } else {
        print_text(line, length);
    }
    putchar('\n');
}

static void print_configuration(const struct invocation *invocation)
{
    struct pxt_error error;
    char *text = NULL;
    puts("\n## configuration");
    if (pxt_config_show(&invocation->open, true, &text, &error)) {
        printf("%s: ", pxt_status_name(error.status));
        print_text(error.message, strlen(error.message));
        putchar('\n');
        return;
    }
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        print_line(line, length);
        line += length + (line[length] == '\n');
    }
    free(text);
}

static bool print_plugin(void *arg, const struct pxt_plugin_info *info)
{
    (void)arg;
    if (info->plugin)
        printf("%s %s, ABI %u.%u, ", info->plugin->name, info->plugin->version, info->plugin->abi_major,
               info->plugin->abi_minor);
    print_text(info->path, strlen(info->path));
    if (info->problem) {
        fputs(": ", stdout);
        print_text(info->problem, strlen(info->problem));
    }
    putchar('\n');
    return true;
}

/* Names only: a value may be a key. */
static void print_environment(void)
{
    puts("\n## environment (names only)");
    for (char **variable = environ; variable && *variable; variable++)
        if (!strncmp(*variable, "PROXTIER_", 9) || !strncmp(*variable, "PROXYWHIRL_", 11) ||
            !strncmp(*variable, "XDG_", 4) || !strncmp(*variable, "HOME=", 5) ||
            !strncmp(*variable, "CREDENTIALS_DIRECTORY=", 22))
            printf("%.*s\n", (int)strcspn(*variable, "="), *variable);
}

int run_bug_report(struct invocation *invocation)
{
    struct pxt_error error;
    struct utsname machine;
    printf("proxtier %s, plugin ABI %d.%d\n", pxt_version(), PXT_ABI_MAJOR, PXT_ABI_MINOR);
    if (!uname(&machine))
        printf("%s %s %s, %zu bits\n", machine.sysname, machine.release, machine.machine, 8 * sizeof(void *));
    print_environment();
    print_configuration(invocation);
    puts("\n## plugins");
    if (pxt_plugin_each(&invocation->open, print_plugin, NULL, &error))
        printf("%s: %s\n", pxt_status_name(error.status), error.message);
    puts("\nLook through this before you send it. Add what you did, what happened and what you expected, the output of "
         "the "
         "command\nwith --log-level debug, and that of `proxtier status`.");
    return finish_output(0);
}
