/* SPDX-License-Identifier: MIT
 *
 * check_worker.c: runs proxtier-check, which makes requests through proxies.
 *
 * Credentials go to it by a socket pair, which no other process can read. It gets no variable of proxtier, for such a
 * variable may have the key of all credentials.
 */
#include "check_worker.h"
#include "command.h"
#include "interrupts.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char program[] = "proxtier-check";

/* ---- where it is ------------------------------------------------------------------------------------------------- */

static bool is_there(char path[PATH_MAX], const char *folder, size_t length, const char *below)
{
    int all = snprintf(path, PATH_MAX, "%.*s%s%s/%s", (int)length, folder, *below ? "/../" : "", below, program);
    return all > 0 && all < PATH_MAX && !access(path, X_OK);
}

/* A tree that was copied elsewhere has the program as far from the command as it was before. */
static bool find_program(char path[PATH_MAX])
{
    const char *own = secure_getenv("PROXTIER_LIBEXEC_DIR");
    char command[PATH_MAX];
    if (own && *own)
        return is_there(path, own, strlen(own), "");
    ssize_t length = readlink("/proc/self/exe", command, sizeof command - 1);
    if (*LIBEXEC_BELOW_PREFIX && length > 0) {
        command[length] = '\0';
        if (is_there(path, command, (size_t)(strrchr(command, '/') - command), LIBEXEC_BELOW_PREFIX))
            return true;
    }
    return is_there(path, LIBEXEC_DIR, strlen(LIBEXEC_DIR), "");
}

/* ---- start and end ----------------------------------------------------------------------------------------------- */

/* This environment without variables of proxtier and ProxyWhirl. NULL: out of memory. */
static char **make_environment(void)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **all = calloc(count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        if (strncmp(environ[i], "PROXTIER_", 9) && strncmp(environ[i], "PROXYWHIRL_", 11))
            all[kept++] = environ[i];
    return all;
}

/* Returns an errno. */
static int spawn(struct check_worker *worker, const char *path, int other, char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    char **environment = make_environment();
    int problem = environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;
    if (!problem) {
        problem = posix_spawn_file_actions_adddup2(&actions, other, STDIN_FILENO);
        if (!problem)
            problem = posix_spawn_file_actions_adddup2(&actions, other, STDOUT_FILENO);
        if (!problem)
            problem = posix_spawn(&worker->pid, path, &actions, NULL, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    free(environment);
    return problem;
}

int check_worker_start(struct check_worker *worker, const struct check_job *job, check_result_fn *result, void *arg)
{
    char path[PATH_MAX], timeout[24], jobs[24];
    int pair[2], problem;
    *worker = (struct check_worker){.socket = -1, .result = result, .arg = arg};
    if (!find_program(path)) {
        fprintf(stderr, "proxtier: %s is not installed: install the package %s, or build proxtier with libcurl\n",
                program, program);
        return EXIT_LACKING;
    }
    snprintf(timeout, sizeof timeout, "%ld", job->timeout_seconds);
    snprintf(jobs, sizeof jobs, "%zu", job->jobs);
    char *arguments[] = {(char *)(uintptr_t)program,
                         (char *)(uintptr_t)job->url,
                         (char *)(uintptr_t)job->expect,
                         timeout,
                         jobs,
                         job->tunnel ? "1" : "0",
                         NULL};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        problem = errno;
    } else {
        problem = spawn(worker, path, pair[1], arguments);
        close(pair[1]);
        if (problem)
            close(pair[0]);
        else
            worker->socket = pair[0];
    }
    if (problem)
        fprintf(stderr, "proxtier: cannot run %s: %s\n", path, strerror(problem));
    return problem ? EXIT_LACKING : 0;
}

void check_worker_stop(struct check_worker *worker)
{
    if (worker->socket < 0)
        return;
    close(worker->socket);
    worker->socket = -1;
    kill(worker->pid, SIGKILL);
    while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static int ended_early(void)
{
    if (interrupts_caught())
        return 0;
    fprintf(stderr, "proxtier: %s ended before all checks were made\n", program);
    return EXIT_LACKING;
}

/* "ID ok|fail|error MICROSECONDS[ REASON]" */
static bool read_result(char *line, struct check_result *result)
{
    char *at;
    result->id = strtoul(line, &at, 10);
    result->ok = !strncmp(at, " ok ", 4);
    result->known = strncmp(at, " error ", 7);
    if (at == line || (!result->ok && result->known && strncmp(at, " fail ", 6)))
        return false;
    at = strchr(at + 1, ' ');
    result->latency_ms = strtod(at, &at) / 1000;
    result->reason = *at ? at + 1 : NULL;
    return true;
}

static int take_lines(struct check_worker *worker)
{
    char *line = worker->buffer, *end;
    worker->buffer[worker->used] = '\0';
    for (; (end = strchr(line, '\n')); line = end + 1) {
        struct check_result result;
        *end = '\0';
        if (!read_result(line, &result)) {
            fprintf(stderr, "proxtier: %s wrote a line that is no result\n", program);
            return EXIT_INTERNAL;
        }
        worker->result(worker->arg, &result);
    }
    worker->used -= (size_t)(line - worker->buffer);
    memmove(worker->buffer, line, worker->used);
    return 0;
}

static int receive(struct check_worker *worker)
{
    ssize_t got =
        recv(worker->socket, worker->buffer + worker->used, sizeof worker->buffer - 1 - worker->used, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return ended_early();
    worker->used += (size_t)got;
    return take_lines(worker);
}

/* Waits until something can be received or, if wanted, sent. `*sendable` receives which. */
static int wait_for(struct check_worker *worker, bool *sendable)
{
    struct pollfd wait = {.fd = worker->socket, .events = (short)(POLLIN | (sendable ? POLLOUT : 0))};
    int count = poll(&wait, 1, 1000);
    if (sendable)
        *sendable = count > 0 && (wait.revents & POLLOUT);
    return count > 0 && (wait.revents & (POLLIN | POLLHUP | POLLERR)) ? receive(worker) : 0;
}

static int send_all(struct check_worker *worker, const char *data, size_t length)
{
    int code = 0;
    while (length && !code && !interrupts_caught()) {
        bool sendable;
        code = wait_for(worker, &sendable);
        if (code || !sendable)
            continue;
        ssize_t sent = send(worker->socket, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return ended_early();
        data += sent > 0 ? sent : 0;
        length -= sent > 0 ? (size_t)sent : 0;
    }
    return code;
}

int check_worker_send(struct check_worker *worker, size_t id, const char *url)
{
    char number[24];
    snprintf(number, sizeof number, "%zu ", id);
    int code = send_all(worker, number, strlen(number));
    if (!code)
        code = send_all(worker, url, strlen(url));
    return code ? code : send_all(worker, "\n", 1);
}

int check_worker_take(struct check_worker *worker)
{
    return wait_for(worker, NULL);
}
