/* SPDX-License-Identifier: MIT
 *
 * child.c: the process of one check: its limits, and how it says what went wrong.
 */
#include "progress_page.h"
#include <fcntl.h>
#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CPU_SECONDS = 60 };
#define CHECK_SECONDS 3.0 /* what repetitions of one check may take */
#define FILE_BYTES ((rlim_t)1 << 30)
#define ADDRESS_BYTES ((rlim_t)16 << 30) /* each of sixteen threads reserves an arena */

static int report_fd = -1;

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

void skip_check(const char *why)
{
    tell(SKIPPED);
    tell(why);
    _exit(0);
}

/* ---- time ------------------------------------------------------------------------------------------------------- */

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void calling(const char *name)
{
    progress_page->operation = name;
    progress_page->since = seconds_now();
    alarm(progress_page->seconds);
}

static void hung(int signal_number)
{
    (void)signal_number;
    const char *name = progress_page->operation;
    ssize_t ignored = write(report_fd, HANGS, sizeof HANGS - 1);
    ignored = write(report_fd, name, strlen(name));
    (void)ignored;
    _exit(1);
}

unsigned rounds(unsigned wanted, unsigned least, unsigned calls)
{
    double possible = CHECK_SECONDS / (progress_page->call_seconds * calls + 1e-9);
    unsigned n = possible < wanted ? (unsigned)possible : wanted;
    n = n < least ? least : n;
    if (n < wanted) {
        progress_page->wanted = wanted;
        progress_page->rounds = n;
    }
    return n;
}

#ifdef HAVE_MALLINFO2
enum { ALLOCATED_NOISE = 0 };
static size_t allocated(void)
{
    return mallinfo2().uordblks;
}
#else
/* The pages that are in memory: coarse, but a leak of many rounds shows. */
enum { ALLOCATED_NOISE = 1 << 20 };
static size_t allocated(void)
{
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    bool read = file && fscanf(file, "%*u %lu", &resident) == 1;
    if (file)
        fclose(file);
    expect(read, "/proc/self/statm cannot be read");
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
#endif

void expect_no_growth(check_fn *again, struct subject *subject, size_t little, const char *what)
{
    enum { FIRST = 10, MOST = 200000 };
    unsigned first = rounds(FIRST, 2, 200);
    for (unsigned i = 0; i < first; i++)
        again(subject);
    size_t before = allocated(), n = 0;
    for (double start = seconds_now(); n < MOST && (n < first || seconds_now() - start < 0.2); n++)
        again(subject);
    size_t after = allocated();
    expect(
        after<before + little + ALLOCATED_NOISE, "with each %s about %zu bytes more stay allocated", what, after> before
            ? (after - before) / n
            : 0);
}

/* ---- the plugin ------------------------------------------------------------------------------------------------- */

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

/* ---- the process ------------------------------------------------------------------------------------------------ */

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
void run_child(const struct check *check, struct subject *subject, const char *folder, int report)
{
    char path[300];
    report_fd = report;
    snprintf(path, sizeof path, "%s/output", folder);
    int output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(3);
    snprintf(path, sizeof path, "%s/home", folder);
    if (setenv("HOME", path, 1) || unsetenv("XDG_CACHE_HOME") || unsetenv("XDG_STATE_HOME") ||
        unsetenv("XDG_CONFIG_HOME") || unsetenv("XDG_DATA_HOME"))
        _exit(3);
    umask(022); /* the usual one: what is to be private has to be made so */
    set_limits();
    signal(SIGALRM, hung);
    calling("load");
    subject_open(subject);
    const char *why = check->not_offered ? check->not_offered(subject) : NULL;
    if (why)
        skip_check(why);
    check->run(subject);
    fflush(NULL);
    _exit(0);
}
