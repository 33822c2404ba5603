/* SPDX-License-Identifier: MIT
 *
 * server.h: a PostgreSQL server of the test, by server.sh: with a socket in a folder of its own, and no port.
 */
#ifndef POSTGRESQL_SERVER_H
#define POSTGRESQL_SERVER_H

#include "../chain/hosts.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static pid_t server = -1;
static char cluster[] = "/tmp/proxtier-pgsql-XXXXXX"; /* beside `folder`, which each test empties */

/* Runs server.sh, or another command of the shell, and says whether it succeeded. */
static bool control(const char *format, const char *more)
{
    char command[600], script[300];
    const char *source = getenv("abs_top_srcdir");
    snprintf(script, sizeof script, "%s/t/postgresql/server.sh", source ? source : ".");
    snprintf(command, sizeof command, format, script, more);
    return system(command) == 0;
}

static bool sql(const char *text)
{
    char command[900];
    snprintf(command, sizeof command, "psql -h %s/s -U proxtier -d postgres -qAtc \"%s\" >/dev/null 2>&1", cluster,
             text);
    return system(command) == 0;
}

/* Begins a process that becomes the server. */
static void fork_server(const char *option)
{
    char script[300], path[200];
    const char *source = getenv("abs_top_srcdir");
    snprintf(script, sizeof script, "%s/t/postgresql/server.sh", source ? source : ".");
    snprintf(path, sizeof path, "%s/s", cluster);
    fflush(stdout);
    server = fork();
    if (!server) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl("/bin/sh", "sh", script, "run", path, option ? "-c" : (char *)NULL, option, (char *)NULL);
        _exit(127);
    }
}

/* Starts the server with one more option, or NULL. It refuses to start while processes of one that was killed are still there. */
static void start_server(const char *option)
{
    for (int64_t end = now_ms() + 60000; now_ms() < end; sleep_ms(50)) {
        if (server < 0)
            fork_server(option);
        if (sql("SELECT 1"))
            return;
        if (waitpid(server, NULL, WNOHANG) == server)
            server = -1;
    }
    printf("Bail out! the server does not start\n");
    exit(1);
}

/* Ends the server without a word, and all processes of it: they notice. */
static void kill_server(int signal)
{
    if (server > 0) {
        kill(server, signal);
        while (waitpid(server, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    server = -1;
}

/* Begins a program of tests with an empty database cluster; or skips it, if there is no server. */
static void begin_with_server(void)
{
    if (!control("sh %s check%s", "")) {
        skip("the server of PostgreSQL is not installed");
        exit(tap_done());
    }
    if (!mkdtemp(folder) || !mkdtemp(cluster) || chmod(cluster, 0755) || !control("sh %s make %s/s", cluster))
        exit(1);
}

/* Ends it: returns `status`, or another failure. */
static int end_with_server(int status)
{
    char command[200];
    kill_server(SIGQUIT);
    snprintf(command, sizeof command, "rm -rf %s %s", folder, cluster);
    return system(command) | status;
}

/* The tier in YAML. */
static const char *postgresql_tier(void)
{
    static char text[400];
    snprintf(text, sizeof text,
             "plugin: postgresql, conninfo: 'host=%s/s user=proxtier dbname=postgres', max_staleness: 1h", cluster);
    return text;
}

#endif
