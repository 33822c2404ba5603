/* SPDX-License-Identifier: MIT
 *
 * child.c: runs another program as a child, passes signals on to it, and waits for it.
 *
 * There is no handler of signals: they stay blocked, and sigtimedwait() takes them between two renewals of a lease.
 */
#include "child.h"
#include "command.h"
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A parent may have set SIGCHLD to be ignored: then there would be nothing to wait for. `*before` receives the mask. */
static void block_signals(struct child *child, sigset_t *before)
{
    sigemptyset(&child->waited_for);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(&child->waited_for, passed_on[i]);
    sigaddset(&child->waited_for, SIGCHLD);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &child->waited_for, before);
}

/* Returns an errno. */
static int spawn(struct child *child, const sigset_t *mask, char *const *arguments, char *const *environment)
{
    posix_spawnattr_t attributes;
    int problem = posix_spawnattr_init(&attributes);
    if (problem)
        return problem;
    problem = posix_spawnattr_setsigmask(&attributes, mask);
    if (!problem)
        problem = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (!problem) {
        soften();
        problem = posix_spawnp(&child->pid, arguments[0], NULL, &attributes, arguments, environment);
        harden();
    }
    posix_spawnattr_destroy(&attributes);
    return problem;
}

int child_start(struct child *child, char *const *arguments, char *const *environment)
{
    sigset_t before;
    block_signals(child, &before);
    int problem = spawn(child, &before, arguments, environment);
    if (!problem)
        return 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    fprintf(stderr, "proxtier: cannot run %s: %s\n", arguments[0], strerror(problem));
    return problem == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
}

/* What the terminal sends to its foreground processes, the kernel has sent to the program too. */
static void pass_on(const struct child *child, const siginfo_t *signal)
{
    if (signal->si_signo != SIGCHLD && signal->si_code <= 0)
        kill(child->pid, signal->si_signo);
}

int child_wait(const struct child *child, int64_t first_ms, child_due_fn *due, void *arg)
{
    int status = 0;
    int64_t due_at = monotonic_ms() + first_ms;
    for (;;) {
        pid_t ended = waitpid(child->pid, &status, WNOHANG);
        if (ended == child->pid || (ended < 0 && errno != EINTR))
            return status;
        int64_t now = monotonic_ms();
        if (now >= due_at) {
            due_at = now + due(arg);
            continue;
        }
        siginfo_t signal;
        struct timespec wait = {.tv_sec = (time_t)((due_at - now) / 1000),
                                .tv_nsec = (long)((due_at - now) % 1000) * 1000000};
        if (sigtimedwait(&child->waited_for, &signal, &wait) >= 0)
            pass_on(child, &signal);
    }
}

int child_exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
