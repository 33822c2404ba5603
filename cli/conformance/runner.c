/* SPDX-License-Identifier: MIT
 *
 * runner.c: runs checks, each in a child with limits and a folder of its own, and prints TAP.
 */
#include "suite.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CPU_SECONDS = 60 };
#define FILE_BYTES ((rlim_t)1 << 30)
#define ADDRESS_BYTES ((rlim_t)16 << 30) /* each of sixteen threads reserves an arena */
static unsigned check_seconds;
#define HANGS "it hangs in "
#define SKIPPED "\1" /* before the reason, when that is what a child says */

/* Shared with the parent through the pipe: what went wrong, or is going on. */
static int report_fd = -1;
static const char *_Atomic operation = "open";

static void tell(const char *text)
{
    size_t length = strlen(text);
    if (write(report_fd, text, length) != (ssize_t)length)
        _exit(3);
}

void expect(bool pass, const char *format, ...)
{
    char text[600];
    va_list args;
    if (pass)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(text);
    _exit(1);
}

void expect_ok(struct subject *subject, pxt_status status, const char *call)
{
    expect(status == PXT_OK, "%s gives %s: %s", call, pxt_status_name(status),
           status == PXT_NOT_FOUND ? "" : subject->error.message);
}

void calling(const char *name)
{
    operation = name;
}

static void hung(int signal_number)
{
    (void)signal_number;
    ssize_t ignored = write(report_fd, HANGS, sizeof HANGS - 1);
    const char *name = operation;
    ignored = write(report_fd, name, strlen(name));
    (void)ignored;
    _exit(1);
}

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void expect_no_growth(check_fn *again, struct subject *subject, size_t little, const char *what)
{
    enum { FIRST = 10, MOST = 200000 };
    for (int i = 0; i < FIRST; i++)
        again(subject);
    size_t before = mallinfo2().uordblks, rounds = 0;
    for (double start = seconds_now(); rounds < MOST && (rounds < FIRST || seconds_now() - start < 0.2); rounds++)
        again(subject);
    size_t after = mallinfo2().uordblks;
    expect(after<before + little, "with each %s about %zu bytes more stay allocated", what, after> before
               ? (after - before) / rounds
               : 0);
}

void subject_open(struct subject *subject)
{
    struct pxt_cache_options silent = {.size = sizeof silent};
    expect_ok(subject, pxt_trial_open(&silent, subject->name, subject->options, &subject->trial, &subject->error),
              "loading it");
    subject->plugin = pxt_trial_plugin(subject->trial);
    subject->host = counting_host(pxt_trial_host(subject->trial));
    if (subject->plugin->kind == PXT_KIND_TIER)
        tier_find_ops(subject);
}

void subject_close(struct subject *subject)
{
    pxt_trial_close(subject->trial);
    subject->trial = NULL;
}

/* ---- the child -------------------------------------------------------------------------------------------------- */

static void lower(struct rlimit *limits, rlim_t value)
{
    if (limits->rlim_max == RLIM_INFINITY || limits->rlim_max > value)
        limits->rlim_cur = limits->rlim_max = value;
}

/* No function: the type of a resource is the C library's own. */
#define LIMIT(resource, value)                                                                                         \
    do {                                                                                                               \
        struct rlimit limits_;                                                                                         \
        if (!getrlimit(resource, &limits_)) {                                                                          \
            lower(&limits_, value);                                                                                    \
            setrlimit(resource, &limits_);                                                                             \
        }                                                                                                              \
    } while (0)

/* One that runs away ends itself, not the machine. Sanitizers take terabytes of addresses. */
static void set_limits(void)
{
    LIMIT(RLIMIT_CPU, CPU_SECONDS);
    LIMIT(RLIMIT_CORE, 0);
    LIMIT(RLIMIT_FSIZE, FILE_BYTES);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    LIMIT(RLIMIT_AS, ADDRESS_BYTES);
#endif
}

/* Whatever it prints lands in a file that the parent looks at. */
static void run_child(const struct check *check, struct subject *subject, const char *folder)
{
    char path[300];
    snprintf(path, sizeof path, "%s/output", folder);
    int output = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (output < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(3);
    if (setenv("HOME", folder, 1) || unsetenv("XDG_CACHE_HOME") || unsetenv("XDG_STATE_HOME") ||
        unsetenv("XDG_CONFIG_HOME") || unsetenv("XDG_DATA_HOME"))
        _exit(3);
    set_limits();
    signal(SIGALRM, hung);
    alarm(check_seconds);
    subject_open(subject);
    const char *why = check->not_offered ? check->not_offered(subject) : NULL;
    if (why) {
        tell(SKIPPED);
        tell(why);
    } else {
        check->run(subject);
    }
    fflush(NULL);
    _exit(0);
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *place)
{
    (void)file, (void)kind, (void)place;
    return remove(path);
}

/* What the child says, up to its end. */
static void collect(int fd, pid_t child, char *text, size_t size)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t length = 0;
    for (;;) {
        int ready = poll(&wait, 1, (int)(check_seconds + 10) * 1000);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) { /* it does not even end by itself */
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
        snprintf(text + length, size - length, "%sit ends the process by signal %d (%s)", length ? "; " : "",
                 WTERMSIG(state), strsignal(WTERMSIG(state)));
    else if (WEXITSTATUS(state) && !length)
        snprintf(text, size, "it ends the process with status %d", WEXITSTATUS(state));
}

/* Nothing may be printed; what a sanitizer or the C library says of a crash helps to find it. */
static void look_at_output(const char *folder, char *text, size_t size)
{
    char path[300], line[200] = "";
    snprintf(path, sizeof path, "%s/output", folder);
    FILE *file = fopen(path, "r");
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

/* True where it passed; else `text` says why not. */
static bool run_check(const struct check *check, const struct subject *like, char *text, size_t size)
{
    char folder[] = "/tmp/proxtier-plugin-test-XXXXXX";
    int channel[2], state = 0;
    struct subject subject = {.name = like->name, .options = like->options};
    if (!mkdtemp(folder) || pipe(channel)) {
        snprintf(text, size, "the test cannot be set up: %s", strerror(errno));
        return false;
    }
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        close(channel[0]);
        report_fd = channel[1];
        run_child(check, &subject, folder);
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

/* ---- all -------------------------------------------------------------------------------------------------------- */

static unsigned run_all(const struct check *checks, const struct subject *subject, unsigned *number)
{
    static bool hangs; /* once is enough to wait for */
    unsigned failed = 0;
    for (; checks->name && !hangs; checks++) {
        char text[800] = "";
        ++*number;
        if (run_check(checks, subject, text, sizeof text)) {
            printf("ok %u - %s\n", *number, checks->name);
        } else if (text[0] == SKIPPED[0]) {
            printf("ok %u - %s # SKIP %s\n", *number, checks->name, text + 1);
        } else {
            failed++;
            printf("not ok %u - %s\n# %s\n", *number, checks->name, text);
            hangs = !strncmp(text, HANGS, sizeof HANGS - 1);
            if (hangs)
                printf("# the rest is not tried\n");
        }
        fflush(stdout);
    }
    return failed;
}

static void loads(struct subject *subject)
{
    subject_close(subject); /* run_child has opened it */
}

int conformance_test(const char *name, const char *settings, unsigned seconds)
{
    static const struct check load_checks[] = {{"it can be loaded", loads, NULL}, {NULL, NULL, NULL}};
    struct subject subject = {.name = name, .options = settings};
    unsigned number = 0, failed = 0;
    check_seconds = seconds;
    if (run_all(load_checks, &subject, &number)) { /* in a child first: its constructors run there */
        printf("1..%u\n", number);
        return 1;
    }
    if (pxt_trial_open(NULL, name, settings, &subject.trial, &subject.error)) {
        printf("not ok %u - it can be loaded again\n# %s\n1..%u\n", number + 1, subject.error.message, number + 1);
        return 1;
    }
    subject.plugin = pxt_trial_plugin(subject.trial);
    printf("# %s %s, ABI %u.%u%s\n", subject.plugin->name, subject.plugin->version, subject.plugin->abi_major,
           subject.plugin->abi_minor, subject.plugin->candidate ? "-rc" : "");
    if (subject.plugin->kind == PXT_KIND_TIER) {
        failed += run_all(tier_checks, &subject, &number);
        failed += run_all(tier_optional_checks, &subject, &number);
        failed += run_all(tier_tombstone_checks, &subject, &number);
        failed += run_all(tier_version_checks, &subject, &number);
        failed += run_all(tier_concurrent_checks, &subject, &number);
    } else if (subject.plugin->kind == PXT_KIND_EVICTION) {
        failed += run_all(eviction_checks, &subject, &number);
    } else {
        failed += run_all(encryptor_checks, &subject, &number);
    }
    printf("1..%u\n", number);
    pxt_trial_close(subject.trial);
    return failed ? 1 : 0;
}
