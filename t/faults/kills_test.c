/* SPDX-License-Identifier: MIT
 *
 * Processes are killed while they change a cache: nothing that they acknowledged is lost, nothing that they deleted is
 * back, and the tiers are equal once a clean process has opened them.
 *
 * PXT_KILLS: how many a chain (40; 2000 with PXT_LONG). PXT_SEED repeats the operations of a failed run, not its timing.
 */
#include "../lib/tap.h"
#include "operations.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 4, THREADS = 2, OWN = 12, SHARED = 4, FOLDER_ROUNDS = 5, TTL = 100000000 };

struct chain {
    const char *name, *yaml, *tiers; /* @ is the folder */
};
#define MEMORY "{plugin: l1_memory, max_entries: 16}, "
#define JSONL "{plugin: l2_jsonl, lock_timeout: 60s, dir: @/l2"
#define L3 "{plugin: l3_sqlite, busy_timeout: 60s, path: @/l3.db"
static const struct chain chains[] = {
    {"JSONL and SQLite", MEMORY JSONL ", max_entries: 40, eviction: fifo}, " L3 "}", "~jsonl:@/l2 l3:@/l3.db"},
    {"SQLite twice",
     MEMORY "{plugin: l2_sqlite, busy_timeout: 60s, dir: @/l2, max_entries: 40, eviction: fifo}, " L3 "}",
     "~l2:@/l2/l2_cache.db l3:@/l3.db"},
    {"write-behind", MEMORY JSONL ", max_entries: 40, eviction: lru}, " L3 ", write_behind: true}",
     "~jsonl:@/l2 l3:@/l3.db"},
    {"JSONL alone", MEMORY JSONL "}", "jsonl:@/l2"},
};

static char work[40], folder[100], log_path[100], programs[400];
static uint64_t seed;
static unsigned long folders;

/* ---- numbers ---- */

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t number(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(number(state) % limit);
}

/* ---- texts ---- */

static void fill_in(const char *pattern, char *out, size_t size)
{
    size_t n = 0;
    for (; *pattern && n + 1 < size; pattern++) {
        if (*pattern == '@')
            n += (size_t)snprintf(out + n, size - n, "%s", folder);
        else
            out[n++] = *pattern;
    }
    out[n < size ? n : size - 1] = '\0';
}

static void yaml_of(const struct chain *chain, char out[2000])
{
    char tiers[1500];
    fill_in(chain->yaml, tiers, sizeof tiers);
    snprintf(out, 2000,
             "encryptor: {plugin: plain}\nhealth: {invalidate: false}\nlock_timeout: 60s\n"
             "degrade: {backoff: 1ms, backoff_max: 10ms}\ntiers: [%s]\n",
             tiers);
}

/* ---- a process that will be killed ---- */

struct worker {
    struct operations operations;
    unsigned process, thread;
    uint64_t random;
};

static void choose_key(struct worker *worker, char key[20])
{
    unsigned n = below(&worker->random, 100);
    if (n < 15)
        snprintf(key, 20, "s%u", below(&worker->random, SHARED));
    else
        snprintf(key, 20, "p%ut%uk%u", worker->process, worker->thread, below(&worker->random, OWN));
}

static void put_some(struct worker *worker)
{
    char text[OWN][20];
    const char *keys[OWN];
    unsigned from = below(&worker->random, OWN), n = 2 + below(&worker->random, OWN - 2);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "p%ut%uk%u", worker->process, worker->thread, (from + i) % OWN);
        keys[i] = text[i];
    }
    operations_put_many(&worker->operations, keys, n);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct operations *operations = &worker->operations;
    char key[20];
    for (;;) {
        unsigned what = below(&worker->random, 100);
        choose_key(worker, key);
        if (what < 35)
            operations_put(operations, key, TTL);
        else if (what < 55)
            operations_delete(operations, key);
        else if (what < 75)
            operations_get(operations, key);
        else if (what < 85)
            operations_report(operations, key, what % 2);
        else if (what < 94)
            put_some(worker);
        else if (what < 96)
            operations_put(operations, "e0", 1);
        else if (what < 97)
            operations_list(operations);
        else
            pxt_cache_tick(operations->cache, NULL, NULL);
    }
    return NULL;
}

static void work_until_killed(const struct chain *chain, unsigned round, unsigned process, int log)
{
    static struct worker worker[THREADS];
    char yaml[2000];
    pthread_t thread;
    yaml_of(chain, yaml);
    for (unsigned i = 0; i < THREADS; i++) {
        worker[i] = (struct worker){.operations.log = log, .process = process, .thread = i};
        snprintf(worker[i].operations.caller, sizeof worker[i].operations.caller, "c%u-p%u-t%u", round, process, i);
        worker[i].random = seed + (round * PROCESSES + process) * THREADS + i;
    }
    if (operations_open(&worker[0].operations, yaml, NULL)) {
        fprintf(stderr, "# open: %s\n", worker[0].operations.error.message);
        _exit(4);
    }
    worker[1].operations.cache = worker[0].operations.cache;
    if (!pthread_create(&thread, NULL, run, &worker[1]))
        run(&worker[0]);
    _exit(5);
}

/* ---- the killer ---- */

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Moves what is in the pipe now to the log; false if there was nothing. */
static bool move(int from, int to)
{
    static char bytes[1 << 16];
    int there = 0;
    bool moved = false;
    if (ioctl(from, FIONREAD, &there))
        return false;
    while (there > 0) {
        ssize_t n = read(from, bytes, (size_t)there < sizeof bytes ? (size_t)there : sizeof bytes);
        if (n <= 0 || write(to, bytes, (size_t)n) != n)
            return false;
        there -= (int)n;
        moved = true;
    }
    return moved;
}

struct victim {
    pid_t pid;
    int64_t at; /* by milliseconds() */
};

/* False if the process had ended by itself. */
static bool kill_one(struct victim *victim, unsigned round, unsigned process, int pipe_end, int log)
{
    char line[60];
    int state = 0;
    kill(victim->pid, SIGKILL);
    waitpid(victim->pid, &state, 0);
    victim->pid = 0;
    move(pipe_end, log);
    int n = snprintf(line, sizeof line, "K c%u-p%u-\n", round, process);
    bool killed = write(log, line, (size_t)n) == n && WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL;
    if (!killed)
        diag("round %u: process %u ended by itself (state 0x%x)", round, process, (unsigned)state);
    return killed;
}

/* Moves the log along until all are killed, each at its time. */
static bool kill_all(struct victim *victim, unsigned round, int pipe_end, int log)
{
    bool good = true;
    for (unsigned left = PROCESSES; left;) {
        struct pollfd wait = {.fd = pipe_end, .events = POLLIN};
        poll(&wait, 1, 1);
        move(pipe_end, log);
        for (unsigned i = 0; i < PROCESSES; i++) {
            if (!victim[i].pid || milliseconds() < victim[i].at)
                continue;
            good = kill_one(&victim[i], round, i, pipe_end, log) && good;
            left--;
        }
    }
    return good;
}

static bool kill_a_round(const struct chain *chain, unsigned round)
{
    struct victim victim[PROCESSES];
    int ends[2];
    uint64_t random = seed ^ ((uint64_t)round << 32);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || pipe(ends))
        return false;
    fflush(stdout);
    for (unsigned i = 0; i < PROCESSES; i++) {
        victim[i].pid = fork();
        if (!victim[i].pid) {
            close(ends[0]);
            work_until_killed(chain, round, i, ends[1]);
        }
        victim[i].at = milliseconds() + 15 + below(&random, 120);
    }
    close(ends[1]);
    bool good = kill_all(victim, round, ends[0], log);
    close(ends[0]);
    close(log);
    return good;
}

/* ---- afterwards ---- */

/* Runs a command; prints what it prints if it fails. */
static bool check(const char *command)
{
    static char text[1 << 16];
    FILE *in = popen(command, "r");
    if (!in)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, in);
    text[n] = '\0';
    int state = pclose(in);
    if (!state)
        return true;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        diag("  %s", line);
    return false;
}

static bool all_is_well(const struct chain *chain)
{
    char yaml[2000], tiers[600], command[4000];
    yaml_of(chain, yaml);
    fill_in(chain->tiers, tiers, sizeof tiers);
    snprintf(command, sizeof command, "%s/session rest-now '%s' %s 2>&1", programs, yaml, log_path);
    bool good = check(command);
    snprintf(command, sizeof command, "%s/reader %s %s 2>&1", programs, log_path, tiers);
    return check(command) && good;
}

static unsigned long acknowledged(void)
{
    char line[OPERATIONS_LINE];
    unsigned long n = 0;
    FILE *in = fopen(log_path, "r");
    while (in && fgets(line, sizeof line, in))
        n += line[0] == 'E';
    if (in)
        fclose(in);
    return n;
}

static void new_folder(void)
{
    snprintf(folder, sizeof folder, "%s/%lu", work, ++folders);
    snprintf(log_path, sizeof log_path, "%s/%lu.log", work, folders);
    mkdir(folder, 0700);
}

static void remove_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s %s", folder, log_path);
    if (system(command))
        diag("cannot remove %s", folder);
}

static bool try_chain(const struct chain *chain, unsigned rounds)
{
    unsigned long told = 0;
    unsigned round = 0;
    bool good = true;
    for (; good && round < rounds; round++) {
        if (round % FOLDER_ROUNDS == 0)
            new_folder();
        good = kill_a_round(chain, round);
        good = all_is_well(chain) && good;
        if (!good)
            diag("round %u of PXT_SEED=%llu; the files are in %s, the log is %s", round, (unsigned long long)seed,
                 folder, log_path);
        if (good && (round % FOLDER_ROUNDS == FOLDER_ROUNDS - 1 || round + 1 == rounds)) {
            told += acknowledged();
            remove_folder();
        }
    }
    ok(good, "%s: after %u kills of processes the tiers are equal, and as %lu answers said", chain->name,
       round * PROCESSES, told);
    return good;
}

int main(int argc, char **argv)
{
    const char *kills = getenv("PXT_KILLS"), *given = getenv("PXT_SEED");
    bool good = true;
    (void)argc;
    unsigned rounds = kills                ? (unsigned)strtoul(kills, NULL, 10) / PROCESSES
                      : getenv("PXT_LONG") ? 2000 / PROCESSES
                                           : (unsigned)tap_amount(40) / PROCESSES;
    snprintf(programs, sizeof programs, "%.*s", strrchr(argv[0], '/') ? (int)(strrchr(argv[0], '/') - argv[0]) : 1,
             strrchr(argv[0], '/') ? argv[0] : ".");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)milliseconds();
    diag("PXT_SEED=%llu", (unsigned long long)seed);
    /* In memory, if there is such a folder: more happens between two kills. */
    snprintf(work, sizeof work, "%s/proxtier-kills-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(work)) {
        printf("Bail out! no folder\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
        good = try_chain(&chains[i], rounds ? rounds : 1) && good;
    if (good)
        rmdir(work);
    return tap_done();
}
