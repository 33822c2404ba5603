/* SPDX-License-Identifier: MIT
 *
 * runner.c: runs checks, each in a process and with a folder of its own, and prints TAP.
 */
#include "progress_page.h"
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct progress_page *progress_page;

struct run {
    struct subject subject; /* name and options, and the plugin once it is known */
    const char *reset, *only;
    unsigned number, failed;
    bool over; /* it is of no use to go on */
};

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *place)
{
    (void)file, (void)kind, (void)place;
    return remove(path);
}

/* Whether the check's process should have ended itself by now; it cannot if the plugin blocks signals. */
static bool is_overdue(void)
{
    enum { GRACE = 10 };
    return seconds_now() - progress_page->since > progress_page->seconds + GRACE;
}

/* What the child says, up to its end. */
static void collect(int fd, pid_t child, char *text, size_t size)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t length = 0;
    for (;;) {
        int ready = poll(&wait, 1, 1000);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready <= 0 && !is_overdue())
            continue;
        if (ready <= 0) {
            kill(child, SIGKILL);
            break;
        }
        ssize_t n = read(fd, text + length, size - 1 - length);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    text[length] = '\0';
}

static void describe_end(int state, char *text, size_t size)
{
    size_t length = strlen(text);
    if (WIFSIGNALED(state))
        snprintf(text + length, size - length, "%sit ends the process by signal %d (%s) in %s", length ? "; " : "",
                 WTERMSIG(state), strsignal(WTERMSIG(state)), progress_page->operation);
    else if (WEXITSTATUS(state) && !length)
        snprintf(text, size, "it ends the process with status %d in %s", WEXITSTATUS(state), progress_page->operation);
}

/* Nothing may be printed; what a sanitizer or the C library says of a crash helps to find it. */
static void look_at_output(const char *folder, char *text, size_t size)
{
    char path[300], line[200] = "";
    snprintf(path, sizeof path, "%s/output", folder);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file) && line[strspn(line, "=\n")] == '\0') {
    }
    line[strcspn(line, "\n")] = '\0';
    size_t length = strlen(text);
    if (*line && length)
        snprintf(text + length, size - length, ", and prints \"%s\"", line);
    else if (*line)
        snprintf(text, size, "it prints to standard output or error: \"%s\"", line);
    if (file)
        fclose(file);
}

/* True where the check passed; else `text` says why not. */
static bool run_check(const struct run *run, const struct check *check, char *text, size_t size)
{
    char folder[] = "/tmp/proxtier-plugin-test-XXXXXX", home[300];
    int channel[2], state = 0;
    struct subject subject = run->subject;
    subject.trial = NULL;
    if (!mkdtemp(folder) || pipe(channel)) {
        snprintf(text, size, "the test cannot be set up: %s", strerror(errno));
        return false;
    }
    snprintf(home, sizeof home, "%s/home", folder);
    progress_page->since = seconds_now();
    progress_page->wanted = progress_page->rounds = 0;
    fflush(NULL);
    pid_t child = mkdir(home, 0700) ? -1 : fork();
    if (!child) {
        close(channel[0]);
        run_child(check, &subject, folder, channel[1]);
    }
    close(channel[1]);
    collect(channel[0], child, text, size);
    close(channel[0]);
    if (child < 0 || waitpid(child, &state, 0) != child)
        snprintf(text, size, "the test cannot be started: %s", strerror(errno));
    else
        describe_end(state, text, size);
    look_at_output(folder, text, size);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return !*text && state == 0;
}

/* ---- the store that is not in the check's folder ---------------------------------------------------------------- */

/* Empties it by the user's command, whose output goes to standard error, for ours is TAP. */
static bool empty_store(const char *command, char *text, size_t size)
{
    extern char **environ;
    char shell[] = "/bin/sh", flag[] = "-c";
    char *arguments[] = {shell, flag, (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    int state = -1;
    pid_t child;
    if (posix_spawn_file_actions_init(&actions)) {
        snprintf(text, size, "no memory for the command of --reset");
        return false;
    }
    int problem = posix_spawn_file_actions_adddup2(&actions, 2, 1);
    problem = problem ? problem : posix_spawn(&child, shell, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (problem || waitpid(child, &state, 0) != child)
        snprintf(text, size, "the command of --reset cannot be started: %s", strerror(problem ? problem : errno));
    else if (WIFSIGNALED(state))
        snprintf(text, size, "the command of --reset ends by signal %d", WTERMSIG(state));
    else if (state)
        snprintf(text, size, "the command of --reset ends with status %d", WEXITSTATUS(state));
    return state == 0;
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

static void print_result(struct run *run, const char *name, bool passed, const char *text)
{
    run->number++;
    if (passed) {
        printf("ok %u - %s\n", run->number, name);
    } else if (text[0] == SKIPPED[0]) {
        printf("ok %u - %s # SKIP %s\n", run->number, name, text + 1);
    } else {
        run->failed++;
        printf("not ok %u - %s\n# %s\n", run->number, name, text);
        run->over = run->over || !strncmp(text, HANGS, sizeof HANGS - 1); /* once is enough to wait for */
        if (run->over)
            printf("# the rest is not tried\n");
    }
    if (progress_page->rounds < progress_page->wanted)
        printf("# a call takes %.1f ms: this was done %u times, not %u\n", progress_page->call_seconds * 1e3,
               progress_page->rounds, progress_page->wanted);
    fflush(stdout);
}

/* Of a store that keeps what earlier checks put, nearly all checks fail: one line says why, and the run ends. */
static void look_at_store(struct run *run)
{
    char text[800] = "";
    if (run->over || run->reset || !run->subject.plugin || run->subject.plugin->kind != PXT_KIND_TIER)
        return;
    run->over = !run_check(run, &tier_is_empty, text, sizeof text) && strstr(text, "--reset");
    if (run->over)
        print_result(run, tier_is_empty.name, false, text);
}

static void run_all(struct run *run, const struct check *checks)
{
    for (; checks->name && !run->over; checks++) {
        char text[800] = "";
        if (run->only && !strstr(checks->name, run->only))
            continue;
        bool passed = !run->reset || empty_store(run->reset, text, sizeof text);
        if (passed)
            passed = run_check(run, checks, text, sizeof text);
        else
            run->over = true;
        print_result(run, checks->name, passed, text);
        if (!passed && text[0] != SKIPPED[0])
            look_at_store(run);
    }
}

static const struct check *const *checks_of(uint32_t kind)
{
    static const struct check *const tier[] = {tier_checks,
                                               tier_argument_checks,
                                               tier_optional_checks,
                                               tier_touch_checks,
                                               tier_history_checks,
                                               tier_expire_checks,
                                               tier_victim_checks,
                                               tier_tombstone_checks,
                                               tier_version_checks,
                                               tier_record_checks,
                                               tier_concurrent_checks,
                                               tier_crash_checks,
                                               tier_store_checks,
                                               tier_remote_checks,
                                               tier_lease_checks,
                                               tier_select_checks,
                                               tier_secret_checks,
                                               NULL};
    static const struct check *const eviction[] = {eviction_checks, eviction_load_checks, eviction_admission_checks,
                                                   NULL};
    static const struct check *const encryptor[] = {encryptor_checks, encryptor_secret_checks, NULL};
    return kind == PXT_KIND_TIER ? tier : kind == PXT_KIND_EVICTION ? eviction : encryptor;
}

static void loads(struct subject *subject)
{
    subject_close(subject); /* run_child has opened it */
}

/* The plugin in this process, for its name and kind. */
static bool look_at_plugin(struct run *run)
{
    struct subject *subject = &run->subject;
    if (pxt_trial_open(NULL, subject->name, subject->options, &subject->trial, &subject->error)) {
        print_result(run, "it can be loaded again", false, subject->error.message);
        return false;
    }
    subject->plugin = pxt_trial_plugin(subject->trial);
    printf("# %s %s, ABI %u.%u%s\n", subject->plugin->name, subject->plugin->version, subject->plugin->abi_major,
           subject->plugin->abi_minor, subject->plugin->candidate ? "-rc" : "");
    return true;
}

int conformance_test(const char *name, const struct conformance_options *options)
{
    static const struct check load_checks[] = {{"it can be loaded", loads, NULL}, {NULL, NULL, NULL}};
    struct run run = {.subject = {.name = name, .options = options->settings, .second = options->second},
                      .reset = options->reset};
    progress_page = mmap(NULL, sizeof *progress_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress_page == MAP_FAILED) {
        printf("Bail out! no memory\n");
        return 1;
    }
    progress_page->seconds = options->seconds;
    run_all(&run, load_checks); /* in a child first: its constructors run there */
    run.only = options->only;
    if (!run.failed && look_at_plugin(&run))
        for (const struct check *const *checks = checks_of(run.subject.plugin->kind); *checks; checks++)
            run_all(&run, *checks);
    if (run.only && !run.failed && run.number == 1) {
        printf("not ok 2 - a check whose name has \"%s\"\n# there is none\n", run.only);
        run.number = run.failed = 2;
    }
    printf("1..%u\n", run.number);
    pxt_trial_close(run.subject.trial);
    munmap(progress_page, sizeof *progress_page);
    return run.failed ? 1 : 0;
}
