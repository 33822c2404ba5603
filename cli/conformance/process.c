/* SPDX-License-Identifier: MIT
 *
 * process.c: a plugin is a guest: what belongs to the whole process stays as it was.
 */
#include "suite.h"
#include <locale.h>
#include <signal.h>
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
    use(subject);
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
