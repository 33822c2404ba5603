/* SPDX-License-Identifier: MIT
 *
 * soak.c: see soak.h.
 */
#include "soak.h"
#include "../lib/tap.h"
#include "rest.h"
#include "verdict.h"
#include "worker.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CALLS = 1000000, /* with PXT_LONG */
    ROUND = 50000,   /* calls until the hosts come to rest, and all is judged */
    CALLS_A_KILL = 6000,
    KILLS_MIN = 3, /* on the average, of each pair of chains */
    DOWN_US = 500000,
    STUCK_S = 120, /* without an answer to any worker */
    REST_S = 600   /* at most, until the hosts are at rest */
};

static const struct chains {
    const char *name;
    enum files files[HOSTS];
} all_chains[] = {
    {"l2_jsonl on one host, l3_sqlite on the other", {JSONL, SQLITE}},
    {"memory alone on one host, l3_sqlite on the other", {NO_FILES, SQLITE}},
    {"memory alone on both hosts", {NO_FILES, NO_FILES}},
};
enum { CHAINS = sizeof all_chains / sizeof *all_chains };

struct soak {
    const struct engine *engine;
    char folder[100], host_folder[HOSTS][120];
    struct host host[HOSTS];
    struct journal
        *journal[WORKERS + 1]; /* the last one: of the process that fills the pool, and looks at it at rest */
    atomic_long *done;
    int32_t *last; /* numbers given, by each writer */
    uint64_t random;
    long calls_a_kill;
    unsigned kills;
};

static long below(struct soak *soak, long bound)
{
    soak->random = soak->random * 6364136223846793005u + 1442695040888963407u;
    return (long)((soak->random >> 33) % (uint64_t)bound);
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

static pid_t start_worker(struct soak *soak, unsigned number, long enough)
{
    unsigned host = number / PROCESSES;
    struct worker worker = {.host = soak->host[host],
                            .host_number = host,
                            .process = number % PROCESSES,
                            .seed = soak->random + number * 7919,
                            .journal = soak->journal[number],
                            .done = soak->done,
                            .enough = enough,
                            .last = &soak->last[number]};
    fflush(stdout);
    pid_t child = fork();
    if (!child)
        _exit(work(&worker));
    return child;
}

/* Puts each key once, and looks at all. */
static bool fill(struct soak *soak)
{
    struct pxt_error error;
    pxt_cache *cache;
    pxt_status status = pool_open(&soak->host[0], &cache, &error);
    for (int key = 0; key < KEYS && !status; key++) {
        struct event event = {.key = key, .process = AT_REST, .value = soak->last[WORKERS] += WRITERS};
        status = pool_put(cache, &event, &error);
        journal_note(soak->journal[WORKERS], &event);
    }
    if (status)
        printf("# the pool cannot be filled: %s\n", error.message);
    pxt_cache_close(cache);
    return !status;
}

/* Runs a function of the library in a process of its own, as a process that forks later must not have opened a cache. */
static bool in_a_process(struct soak *soak, bool fills)
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        alarm(REST_S);
        bool good = fills ? fill(soak) : look_at_rest(soak->host, soak->folder, soak->journal[WORKERS]);
        fflush(stdout);
        _exit(!good);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0;
}

/* Collects workers that have ended, whose process number becomes 0. Whether all of them ended well. */
static bool collect(pid_t *pid, unsigned *left)
{
    bool good = true;
    int status;
    for (unsigned i = 0; i < WORKERS; i++)
        if (pid[i] > 0 && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
            pid[i] = 0;
            --*left;
            good = good && status == 0;
        }
    return good;
}

/* ---- a round ---------------------------------------------------------------------------------------------------- */

static void kill_and_start_server(struct soak *soak)
{
    soak->engine->kill();
    int64_t from = monotonic_ns();
    usleep((useconds_t)below(soak, DOWN_US));
    soak->engine->start();
    soak->kills++;
    if (getenv("PXT_SOAK_FOLDER"))
        diag("killed at %lld us, up after %lld us", (long long)(from / 1000),
             (long long)((monotonic_ns() - from) / 1000));
}

/* Kills the server at random until all workers have ended. */
static bool work_and_kill(struct soak *soak, long enough)
{
    pid_t pid[WORKERS];
    unsigned left = WORKERS;
    bool good = true;
    long next = atomic_load(soak->done) + soak->calls_a_kill / 4 + below(soak, soak->calls_a_kill), seen = 0;
    int64_t since = monotonic_ns();
    for (unsigned i = 0; i < WORKERS; i++)
        pid[i] = start_worker(soak, i, enough);
    for (; left && good; usleep(2000)) {
        long done = atomic_load(soak->done);
        if (done >= next) {
            kill_and_start_server(soak);
            next = atomic_load(soak->done) + soak->calls_a_kill / 2 + below(soak, soak->calls_a_kill);
        }
        if (done != seen)
            since = monotonic_ns();
        seen = done;
        good = collect(pid, &left);
        if (monotonic_ns() - since > STUCK_S * INT64_C(1000000000)) {
            diag("no worker gets an answer");
            good = false;
        }
    }
    for (unsigned i = 0; i < WORKERS; i++)
        if (pid[i] > 0) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
        }
    return good;
}

/* What was seen last at rest is the same everywhere. */
static void compare_at_rest(const struct journal *journal, uint64_t from, struct findings *findings)
{
    const struct event *first[KEYS] = {NULL};
    for (uint64_t i = from; i < journal->count; i++) {
        const struct event *event = &journal->events[i], *other = first[event->key];
        if (!other)
            first[event->key] = event;
        else if (event->status != other->status || event->value != other->value || event->version != other->version ||
                 event->checks != other->checks)
            found(findings, FAULT_UNEQUAL,
                  "key%d: status %u, value %d, version %lld, checks %d; at %u.%u: %u, %d, %lld, %d", event->key,
                  other->status, other->value, (long long)other->version, other->checks, event->host, event->process,
                  event->status, event->value, (long long)event->version, event->checks);
    }
}

static void judge_all(struct soak *soak, uint64_t rest_from, struct findings *findings)
{
    char path[200];
    size_t count;
    struct event *events = journal_gather(soak->journal, WORKERS + 1, &count);
    snprintf(path, sizeof path, "%s/leases", soak->folder);
    compare_at_rest(soak->journal[WORKERS], rest_from, findings);
    judge_leases(events, count, path, findings);
    judge_keys(events, count, findings);
    free(events);
}

static size_t tell_findings(const struct findings *findings)
{
    size_t all = 0;
    for (int i = 0; i < FAULT_COUNT; i++) {
        all += findings->faults[i];
        if (findings->faults[i])
            diag("%zu times: %s: %s", findings->faults[i], fault_text[i], findings->first[i]);
    }
    return all;
}

static void tell_answers(struct soak *soak)
{
    size_t count, answers[CALL_COUNT][20] = {{0}};
    struct event *events = journal_gather(soak->journal, WORKERS, &count);
    for (size_t i = 0; i < count; i++)
        answers[events[i].call][events[i].status % 20]++;
    for (int call = 0; call < CALL_COUNT; call++) {
        printf("# %-8s", call_name[call]);
        for (int status = 0; status < 20; status++)
            if (answers[call][status])
                printf("  %s: %zu", pxt_status_name((pxt_status)status), answers[call][status]);
        printf("\n");
    }
    free(events);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static void prepare(struct soak *soak, const struct engine *engine, const struct chains *chains)
{
    char path[200];
    const char *base = getenv("PXT_SOAK_FOLDER");
    *soak = (struct soak){.engine = engine, .random = (uint64_t)monotonic_ns()};
    snprintf(soak->folder, sizeof soak->folder, "%s/proxtier-soak-XXXXXX",
             base                       ? base
             : access("/dev/shm", W_OK) ? "/tmp"
                                        : "/dev/shm");
    if (!mkdtemp(soak->folder)) {
        printf("Bail out! no folder\n");
        exit(1);
    }
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    soak->done = shared;
    soak->last = (int32_t *)shared + 64;
    bool good = shared != MAP_FAILED;
    for (unsigned i = 0; i <= WORKERS && good; i++) {
        soak->last[i] = (int32_t)i;
        snprintf(path, sizeof path, "%s/journal%u", soak->folder, i);
        good = (soak->journal[i] = journal_make(path)) != NULL;
    }
    if (!good) {
        printf("Bail out! no journals\n");
        exit(1);
    }
    for (unsigned h = 0; h < HOSTS; h++) {
        snprintf(soak->host_folder[h], sizeof soak->host_folder[h], "%s/%c", soak->folder, (char)('a' + h));
        soak->host[h] = (struct host){soak->host_folder[h], chains->files[h], engine->tier(), true};
    }
}

static void clean_up(struct soak *soak, bool good)
{
    char command[200];
    soak->engine->kill();
    for (unsigned i = 0; i <= WORKERS; i++)
        journal_free(soak->journal[i]);
    snprintf(command, sizeof command, "rm -rf %s", soak->folder);
    if (!good)
        diag("the journals and files are in %s", soak->folder);
    else if (system(command))
        diag("cannot remove %s", soak->folder);
    munmap(soak->done, 4096);
}

static void soak_chains(const struct engine *engine, const struct chains *chains, long calls)
{
    struct soak soak;
    struct findings findings = {.faults = {0}};
    prepare(&soak, engine, chains);
    soak.calls_a_kill = calls / KILLS_MIN < CALLS_A_KILL ? calls / KILLS_MIN : CALLS_A_KILL;
    engine->empty();
    int64_t from = monotonic_ns();
    bool good = in_a_process(&soak, true);
    size_t faults = 0;
    while (good && !faults && atomic_load(soak.done) < calls) {
        long enough = atomic_load(soak.done) + ROUND;
        uint64_t rest_from = soak.journal[WORKERS]->count;
        good = work_and_kill(&soak, enough < calls ? enough : calls) && in_a_process(&soak, false);
        findings = (struct findings){.faults = {0}};
        judge_all(&soak, rest_from, &findings);
        faults = tell_findings(&findings);
        diag("%s: %ld answers, %u kills, %.1f s", engine->name, atomic_load(soak.done), soak.kills,
             (double)(monotonic_ns() - from) / 1e9);
        fflush(stdout);
    }
    tell_answers(&soak);
    ok(good && soak.kills, "%s, %s: the workers end well after %ld answers and %u kills of the server", engine->name,
       chains->name, atomic_load(soak.done), soak.kills);
    for (int i = 0; i < FAULT_COUNT; i++)
        is_int(findings.faults[i], 0, "never: %s", fault_text[i]);
    clean_up(&soak, good && !faults);
}

int soak(const struct engine *engine)
{
    const char *given = getenv("PXT_SOAK_CALLS"), *only = getenv("PXT_SOAK_CHAINS");
    long calls = given ? strtol(given, NULL, 10) : getenv("PXT_LONG") ? CALLS : tap_amount(engine->calls);
    for (int i = 0; i < CHAINS; i++)
        if (!only || strtol(only, NULL, 10) == i)
            soak_chains(engine, &all_chains[i], calls / (only ? 1 : CHAINS));
    return tap_done();
}
