/* SPDX-License-Identifier: MIT
 *
 * process.c: a plugin is a guest: what belongs to the whole process stays as it was.
 */
#include "suite.h"
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGNALS = 32 };

static mode_t umask_now(void)
{
    mode_t mask = umask(022);
    umask(mask);
    return mask;
}

/* A copy of the environment, to compare. */
static char *environment_now(void)
{
    extern char **environ;
    size_t size = 1;
    for (char **variable = environ; *variable; variable++)
        size += strlen(*variable) + 1;
    char *all = malloc(size), *end = all;
    expect(all != NULL, "out of memory");
    *all = '\0';
    for (char **variable = environ; *variable; variable++)
        end = stpcpy(stpcpy(end, *variable), "\n");
    return all;
}

void expect_process_unchanged(check_fn *use, struct subject *subject)
{
    struct sigaction handler[SIGNALS], now;
    sigset_t blocked, blocked_now;
    char folder[1000], folder_now[1000], locale[200];
    for (int i = 1; i < SIGNALS; i++)
        sigaction(i, NULL, &handler[i]);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    snprintf(locale, sizeof locale, "%s", setlocale(LC_ALL, NULL));
    expect(getcwd(folder, sizeof folder) != NULL, "the working directory is unknown");
    mode_t mask = umask_now();
    char *environment = environment_now();
    use(subject);
    char *environment_after = environment_now();
    expect(!strcmp(environment, environment_after), "it changes the environment");
    free(environment);
    free(environment_after);
    sigprocmask(SIG_SETMASK, NULL, &blocked_now);
    for (int i = 1; i < SIGNALS; i++) {
        sigaction(i, NULL, &now);
        expect(now.sa_handler == handler[i].sa_handler, "it changes the handler of signal %d", i);
        expect(sigismember(&blocked, i) == sigismember(&blocked_now, i), "it leaves signal %d blocked or unblocked", i);
    }
    expect(!strcmp(locale, setlocale(LC_ALL, NULL)), "it changes the locale");
    expect(getcwd(folder_now, sizeof folder_now) && !strcmp(folder, folder_now), "it changes the working directory");
    expect(mask == umask_now(), "it changes the umask");
}

/* ---- what stays behind ------------------------------------------------------------------------------------------ */

enum { DESCRIPTORS = 1024 };

/* Calls `fn` for each number that names a file in the folder. */
static void each_number(const char *folder, void (*fn)(int number, void *arg), void *arg)
{
    DIR *files = opendir(folder);
    expect(files != NULL, "%s cannot be read", folder);
    for (struct dirent *file; (file = readdir(files));) {
        char *end;
        long number = strtol(file->d_name, &end, 10);
        if (end != file->d_name && !*end && number != dirfd(files))
            fn((int)number, arg);
    }
    closedir(files);
}

static void note_descriptor(int number, void *open)
{
    if (number < DESCRIPTORS)
        ((bool *)open)[number] = true;
}

static void count_one(int number, void *count)
{
    (void)number;
    ++*(unsigned *)count;
}

static unsigned threads_now(void)
{
    unsigned count = 0;
    each_number("/proc/self/task", count_one, &count);
    return count;
}

static bool was_open[DESCRIPTORS], watched;

void expect_close_on_exec(void)
{
    bool open[DESCRIPTORS] = {false};
    if (!watched)
        return;
    each_number("/proc/self/fd", note_descriptor, open);
    for (int i = 0; i < DESCRIPTORS; i++)
        expect(!open[i] || was_open[i] || fcntl(i, F_GETFD) & FD_CLOEXEC,
               "it has opened the descriptor %d without O_CLOEXEC", i);
}

void expect_nothing_left(check_fn *use, struct subject *subject)
{
    bool open[DESCRIPTORS] = {false};
    each_number("/proc/self/fd", note_descriptor, was_open);
    unsigned threads = threads_now();
    watched = true;
    use(subject);
    watched = false;
    each_number("/proc/self/fd", note_descriptor, open);
    for (int i = 0; i < DESCRIPTORS; i++)
        expect(!open[i] || was_open[i], "after close the descriptor %d, which it opened, is still open", i);
    /* A thread that was joined may be seen for a moment. */
    for (int i = 0; i < 100 && threads_now() > threads; i++)
        usleep(10000);
    expect(threads_now() <= threads, "after close a thread that it started still runs");
}
