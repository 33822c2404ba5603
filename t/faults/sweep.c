/* SPDX-License-Identifier: MIT
 *
 * sweep.c: one kind of failing call at many places of the session, with failing_calls.c preloaded.
 *   sweep FIRST STRIDE WORK YAML READER TIER...
 * FAULT_CALL, FAULT_HOW and FAULT_REPEAT say the kind. The calls FIRST, FIRST + STRIDE, ... fail, each in a run of its own.
 * The chain of YAML is in WORK/d; READER is the program reader, TIER as for it. Prints "N: LINE" for each line that is wrong with the run in
 * which the N-th call failed, and at the end "total CALLS runs RUNS wrong WRONG same SAME killed KILLED"; once a minute, to stderr, how
 * fast it is.
 *
 * A run is the same as that of the programs: session script, session rest, reader. What is judged:
 *   - the session ends, not by a signal, within TIMEOUT seconds, and prints nothing but one remark of libgcrypt; if
 *     libgcrypt ends it, which no program can prevent, that is as if it had been killed;
 *   - session_rest() has no failure: the chain opens, comes to rest, and all can be read;
 *   - the program reader finds no difference.
 * A session that ends with the same files and the same log, byte for byte, as one that was right is right too: it is counted
 * as SAME, and not judged again. Most failing allocations of one operation end so.
 * Three processes:
 *   - The session goes through its calls once, and none fails. At each place it forks a twin (twin.h), in which the call
 *     fails, and which goes on to the end. The session waits meanwhile; it goes on when its files are put back (snapshot.h).
 *     So a twin is what a session of its own would be, but the part before the place is not run again for each place.
 *   - The judge forks a clean process and a reader for each run. It has opened the chain before, so that they find the
 *     libraries in place; no failing call counts there.
 *   - The main process starts both, and waits.
 */
#include "session.h"
#include "snapshot.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT = 60, PROGRESS = 60, TEXT = 64 << 10, OUTCOMES = 1 << 17 };

static struct {
    unsigned long first, stride;
    char folder[PATH_MAX], kept[PATH_MAX], log[PATH_MAX], wrong_path[PATH_MAX];
    const char *yaml;
    char **reader; /* its arguments */
    int wrong;     /* what is wrong with the run that is judged: a file that is appended to */
    int socket[2]; /* of the session, of the judge */
    struct twin_files *files;
} sweep;

/* From the session to the judge, which answers whether the run is right. A number of 0: the session has ended. */
struct question {
    unsigned long number, total;
    bool same;   /* it is right, for one with the same outcome was */
    bool killed; /* libgcrypt has ended it */
};

static void need(bool good, const char *what)
{
    if (good)
        return;
    dprintf(STDERR_FILENO, "sweep: %s: %s\n", what, strerror(errno));
    _exit(70);
}

static void say_ended(const char *what, int status)
{
    if (WIFSIGNALED(status))
        dprintf(sweep.wrong, "%s: ended with signal %d (%s%s)\n", what, WTERMSIG(status), strsignal(WTERMSIG(status)),
                WTERMSIG(status) == SIGALRM ? ": it took too long" : "");
    else if (WEXITSTATUS(status))
        dprintf(sweep.wrong, "%s: ended with %d\n", what, WEXITSTATUS(status));
}

static void see_files_as(twin_place_fn *place)
{
    void *found = dlsym(RTLD_DEFAULT, "faults_twin");
    twin_fn *function;
    memcpy(&function, &found, sizeof function);
    need(found, "failing_calls.so is not preloaded");
    function(sweep.files, place);
}

/* ---- the session ---- */

static struct operations operations;

static bool ask(const struct question *question)
{
    bool right;
    need(write(sweep.socket[0], question, sizeof *question) == sizeof *question &&
             read(sweep.socket[0], &right, sizeof right) == sizeof right,
         "the judge is gone");
    return right;
}

/* The place in a hash table of outcomes that were right. */
static struct outcome *place_of(const struct outcome *outcome)
{
    static struct outcome right[OUTCOMES];
    static const struct outcome none;
    size_t i = outcome->half[0] % OUTCOMES;
    while (memcmp(&right[i], &none, sizeof none) != 0 && memcmp(&right[i], outcome, sizeof none) != 0)
        i = (i + 1) % OUTCOMES;
    return &right[i];
}

/* Has a run judged whose session has ended without a complaint. */
static void judge_outcome(struct question *question)
{
    static unsigned count;
    struct outcome outcome = snapshot_outcome(sweep.folder, sweep.log), *place = place_of(&outcome);
    question->same = !memcmp(place, &outcome, sizeof outcome);
    if (ask(question) && !question->same && count < OUTCOMES / 2) {
        *place = outcome;
        count++;
    }
}

/* Without handlers of fork(): the twin is to have all that the session has. */
static pid_t fork_twin(void)
{
    pid_t twin = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    need(twin >= 0, "cannot fork");
    return twin;
}

/* Whether libgcrypt has ended a session that could have no memory. Its first call does so, and nothing can keep it from that:
 * see core/base/gcrypt_start.c. */
static bool ended_by_libgcrypt(int status)
{
    static char text[TEXT];
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
        return false;
    ssize_t n = pread(sweep.wrong, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, "\nFatal error: Cannot allocate memory\n") ||
           strstr(text, " in libgcrypt: Cannot allocate memory\n");
}

/* Whether all that was said is libgcrypt's remark that it had no memory for its test of AES, which no program can silence without
 * taking the remarks of the whole process. From then on it refuses AES: see fernet.c. What the session does then is judged. */
static bool is_remark_of_libgcrypt(void)
{
    static const char remark[] = "failed to allocate memory\n";
    char text[sizeof remark];
    return pread(sweep.wrong, text, sizeof text, 0) == sizeof remark - 1 && !memcmp(text, remark, sizeof remark - 1);
}

static bool at_place(unsigned long number)
{
    struct question question = {.number = number};
    int status = 0;
    if (number < sweep.first || (number - sweep.first) % sweep.stride)
        return false;
    off_t logged = lseek(operations.log, 0, SEEK_END), said = lseek(sweep.wrong, 0, SEEK_END);
    fflush(stdout);
    snapshot_take(sweep.folder, sweep.kept, sweep.files);
    pid_t twin = fork_twin();
    if (!twin) {
        alarm(TIMEOUT);
        return true;
    }
    need(waitpid(twin, &status, 0) == twin, "cannot wait for the twin");
    if (ended_by_libgcrypt(status)) /* as a process that is killed: what it leaves is judged */
        need(!ftruncate(sweep.wrong, said) && dprintf(operations.log, "K s-\n") > 0 && (question.killed = true),
             "the log");
    else
        say_ended("crash: the session", status);
    if (is_remark_of_libgcrypt())
        need(!ftruncate(sweep.wrong, said), "what is wrong");
    if (lseek(sweep.wrong, 0, SEEK_END))
        ask(&question);
    else
        judge_outcome(&question);
    snapshot_put_back(sweep.folder, sweep.kept, sweep.files);
    need(!ftruncate(operations.log, logged) && !ftruncate(sweep.wrong, said), "cannot truncate the log");
    return false;
}

static unsigned long count_calls(void)
{
    void *found = dlsym(RTLD_DEFAULT, "faults_count");
    unsigned long (*function)(void);
    memcpy(&function, &found, sizeof function);
    return found ? function() : 0;
}

static int run_session(void)
{
    close(sweep.socket[1]);
    need(dup2(sweep.wrong, STDOUT_FILENO) >= 0 && dup2(sweep.wrong, STDERR_FILENO) >= 0, "dup2");
    if (!session_log(&operations, sweep.log, 's'))
        return 66;
    see_files_as(at_place);
    pid_t self = (pid_t)syscall(SYS_getpid);
    int status = session_script(&operations, sweep.yaml);
    if ((pid_t)syscall(SYS_getpid) == self) {
        struct question question = {.total = count_calls()};
        ask(&question);
    }
    return status;
}

/* ---- the judge ---- */

static int run_rest(void)
{
    static struct operations caller;
    return session_log(&caller, sweep.log, 'r') ? session_rest(&caller, sweep.yaml, sweep.log, false) : 66;
}

static int run_reader(void)
{
    unsetenv("LD_PRELOAD");
    execv(sweep.reader[0], sweep.reader);
    perror(sweep.reader[0]);
    return 127;
}

/* Runs a function in a process of its own. */
static void in_child(const char *name, int (*fn)(void))
{
    int status = 0;
    pid_t child = fork();
    need(child >= 0, "cannot fork");
    if (!child) {
        alarm(TIMEOUT);
        need(dup2(sweep.wrong, STDOUT_FILENO) >= 0 && dup2(sweep.wrong, STDERR_FILENO) >= 0, "dup2");
        exit(fn());
    }
    need(waitpid(child, &status, 0) == child, "cannot wait");
    say_ended(name, status);
}

/* Prints what is wrong with a run; false if there is nothing. */
static bool tell(unsigned long number)
{
    static char text[TEXT];
    ssize_t n = pread(sweep.wrong, text, sizeof text - 1, 0);
    need(n >= 0, "cannot read what is wrong");
    text[n] = '\0';
    for (char *rest = text, *line; (line = strtok_r(rest, "\n", &rest));)
        printf("%lu: %s\n", number, line);
    return n > 0;
}

static void tell_speed(unsigned long runs, unsigned long number)
{
    static time_t start, last;
    time_t now = time(NULL);
    start = start ? start : now;
    last = last ? last : now;
    if (now - last < PROGRESS)
        return;
    last = now;
    fprintf(stderr, "# %s-%s-%s: at call %lu, %.1f runs a second\n", getenv("FAULT_CALL"), getenv("FAULT_HOW"),
            getenv("FAULT_REPEAT"), number, (double)runs / (double)(now - start));
}

/* Opens the chain once. */
static void warm_up(void)
{
    struct operations warm = {.log = -1};
    need(operations_open(&warm, sweep.yaml, NULL) == PXT_OK, "cannot open the chain");
    pxt_cache_close(warm.cache);
    snapshot_empty(sweep.folder);
}

static bool judge(unsigned long number)
{
    in_child("rest", run_rest);
    in_child("reader", run_reader);
    return !tell(number);
}

static void answer(bool right)
{
    need(write(sweep.socket[1], &right, sizeof right) == sizeof right, "the session is gone");
}

static int run_judge(void)
{
    struct question question;
    unsigned long runs = 0, wrong = 0, same = 0, killed = 0;
    close(sweep.socket[0]);
    see_files_as(NULL);
    warm_up();
    answer(true);
    while (read(sweep.socket[1], &question, sizeof question) == sizeof question) {
        bool right = question.same || !question.number || judge(question.number);
        if (question.number)
            tell_speed(++runs, question.number);
        else
            printf("total %lu runs %lu wrong %lu same %lu killed %lu\n", question.total, runs, wrong, same, killed);
        same += question.same;
        killed += question.killed;
        wrong += !right;
        fflush(stdout);
        answer(right);
    }
    return 0;
}

/* ---- */

static void prepare(char **argv)
{
    const char *work = argv[3];
    sweep.first = strtoul(argv[1], NULL, 10);
    sweep.stride = strtoul(argv[2], NULL, 10);
    sweep.yaml = argv[4];
    sweep.reader = argv + 4; /* READER LOG TIER... */
    argv[4] = argv[5];
    argv[5] = sweep.log;
    need(sweep.stride && strlen(work) < PATH_MAX - 10, "not a stride, or too long a path");
    snprintf(sweep.folder, PATH_MAX, "%.4000s/d", work);
    snprintf(sweep.kept, PATH_MAX, "%.4000s/kept", work);
    snprintf(sweep.log, PATH_MAX, "%.4000s/log", work);
    snprintf(sweep.wrong_path, PATH_MAX, "%.4000s/wrong", work);
    need(!mkdir(sweep.folder, 0700) || errno == EEXIST, sweep.folder);
    need(!mkdir(sweep.kept, 0700) || errno == EEXIST, sweep.kept);
    snapshot_empty(sweep.folder);
    snapshot_empty(sweep.kept);
    unlink(sweep.log);
    sweep.wrong = open(sweep.wrong_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    need(sweep.wrong >= 0, sweep.wrong_path);
    need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sweep.socket), "socketpair");
    sweep.files = mmap(NULL, sizeof *sweep.files, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(sweep.files != MAP_FAILED, "mmap");
    need(!setenv("FAULT_FOLDER", sweep.folder, 1) && !unsetenv("FAULT_NUMBER") && !unsetenv("FAULT_COUNT"), "setenv");
}

int main(int argc, char **argv)
{
    bool ready;
    int status = 0;
    if (argc < 7) {
        fprintf(stderr, "usage: sweep FIRST STRIDE WORK YAML READER TIER...\n");
        return 64;
    }
    prepare(argv);
    pid_t judge = fork();
    need(judge >= 0, "cannot fork");
    if (!judge)
        return run_judge();
    need(read(sweep.socket[0], &ready, sizeof ready) == sizeof ready, "the judge did not begin");
    pid_t session = fork();
    need(session >= 0, "cannot fork");
    if (!session)
        return run_session();
    close(sweep.socket[0]);
    close(sweep.socket[1]);
    need(waitpid(session, &status, 0) == session, "cannot wait for the session");
    if (status) {
        fprintf(stderr, "sweep: the session without a fault has failed, with status %x\n", (unsigned)status);
        tell(0);
    }
    waitpid(judge, NULL, 0);
    return status ? 70 : 0;
}
