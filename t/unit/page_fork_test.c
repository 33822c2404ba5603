/* SPDX-License-Identifier: MIT
 *
 * A child that is forked has locks of its own: it does not hold those of its parent, and does not keep them when the parent
 * dies.
 */
#include "page_kit.h"
#include <sys/wait.h>

/* Returns what the child exits with. */
static int outcome(pid_t child)
{
    int state = -1;
    return waitpid(child, &state, 0) == child && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void a_child_does_not_hold_the_locks_of_its_parent(void)
{
    struct pxt_error error;
    struct pxt_page *page = open_page();
    is_int(pxt_page_lock(page, 3, 1, &error), PXT_OK, "a process locks a stripe");
    pid_t child = fork();
    if (!child)
        _exit((int)pxt_page_lock(page, 3, 1, &error));
    is_int(outcome(child), PXT_EBUSY, "its child does not get the lock");
    child = fork();
    if (!child) {
        pxt_page_unlock(page, 3, 1);
        _exit((int)pxt_page_lock(page, 4, 1, &error));
    }
    is_int(outcome(child), PXT_OK, "a child gets another one, and unlocks what it does not hold");
    struct pxt_page *other = open_page();
    is_int(pxt_page_lock(other, 3, 1, &error), PXT_EBUSY, "the parent holds its lock");
    is_int(pxt_page_lock(other, 4, 1, &error), PXT_OK, "what the child held is free");
    close_page(other);
    close_page(page);
}

static void the_locks_of_a_dead_parent_are_free(void)
{
    struct pxt_error error;
    int live[2], told[2];
    char byte;
    if (pipe(live) || pipe(told))
        exit(1);
    pid_t parent = fork();
    if (!parent) {
        struct pxt_page *page = open_page();
        bool locked = pxt_page_lock(page, 3, 1, &error) == PXT_OK;
        pid_t child = fork();
        if (!child) { /* lives until the test closes the pipe */
            close(live[1]);
            bool good = write(told[1], "x", 1) == 1;
            _exit(read(live[0], &byte, 1) == 1 || !good);
        }
        _exit(!locked || child < 0);
    }
    is_int(outcome(parent), 0, "a process locks a stripe, forks, and ends");
    is_int(read(told[0], &byte, 1), 1, "its child lives");
    struct pxt_page *page = open_page();
    is_int(pxt_page_lock(page, 3, 1, &error), PXT_OK, "the lock is free");
    close_page(page);
    close(live[1]);
    close(live[0]);
    close(told[0]);
    close(told[1]);
}

int main(void)
{
    make_folder();
    make_page();
    a_child_does_not_hold_the_locks_of_its_parent();
    the_locks_of_a_dead_parent_are_free();
    unlink(file);
    rmdir(folder);
    return tap_done();
}
