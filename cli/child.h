/* SPDX-License-Identifier: MIT
 *
 * child.h: runs another program as a child, passes signals on to it, and waits for it.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

/* As env(1) and the shell have them. */
enum { EXIT_NOT_RUNNABLE = 126, EXIT_NOT_FOUND = 127 };

struct child {
    pid_t pid;
    sigset_t waited_for; /* signals that this process takes with sigtimedwait(): those to pass on, and SIGCHLD */
};
/* Blocks the signals. Starts the program, which is looked for in PATH, with the signal mask, umask and limits that this process
 * had. Returns 0, or an exit code with a message. */
int child_start(struct child *child, char *const *arguments, char *const *environment);
/* Does what is due, and returns after how many milliseconds it is to be called again. */
typedef int64_t child_due_fn(void *arg);
/* Waits for the end of the program, and passes signals on meanwhile. Calls `due` after `first_ms`
 * milliseconds, and when it asks for it. Returns the status of waitpid(). */
int child_wait(const struct child *child, int64_t first_ms, child_due_fn *due, void *arg);
/* The exit status that a shell would give for it: 128 and the number of the signal that ended the program. */
int child_exit_code(int status);

#endif
