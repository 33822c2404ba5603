/* SPDX-License-Identifier: MIT
 *
 * Eight processes lease a few proxies again and again, and some are killed while they hold one: no proxy ever has more workers
 * than it may, and what a killed worker held is free after its time to live. What happened is judged by the notes of the
 * workers (judge.h), not by the library. PXT_LONG: 100 000 leases.
 */
#include "../lib/tap.h"
#include "judge.h"
#include <fcntl.h>
#include <inttypes.h>
#include <proxtier/proxtier.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 8, TTL = 2 /* seconds */, PROXIES = 3 };
static char folder[] = "/tmp/proxtier-workers-XXXXXX", log_path[100];
static struct pxt_error error;
static int log_fd = -1;

static int64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* One write at the end of the file: lines of several processes do not mix. */
static void note(const char *format, ...) PXT_PRINTF(1, 2);
static void note(const char *format, ...)
{
    char line[200];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (write(log_fd, line, (size_t)length) != length)
        _exit(3);
}

static pxt_cache *open_chain(void)
{
    char text[500];
    pxt_cache *cache = NULL;
    snprintf(text, sizeof text,
             "lock_timeout: 60s\ntiers: [{plugin: l1_memory, max_entries: 100}, {plugin: l3_sqlite, busy_timeout: 60s, "
             "path: %s/l3.db}]",
             folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static uint32_t random_below(uint32_t *state, uint32_t bound)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % bound;
}

static pxt_status take(pxt_cache *cache, unsigned max, char *id)
{
    struct pxt_lease_options options = {.size = sizeof options, .max_concurrent = max, .ttl = TTL};
    pxt_entry *entry = NULL;
    int64_t asked = monotonic();
    pxt_status status = pxt_cache_lease(cache, NULL, NULL, &options, &entry, id, &error);
    if (!status)
        note("B %.32s %s %u %" PRId64 " %" PRId64 "\n", id, id + 33, max, asked, monotonic());
    pxt_entry_release(entry);
    return status;
}

/* Holds a lease for a moment, and renews it now and then. */
static bool use(pxt_cache *cache, const char *id, uint32_t *state)
{
    usleep(random_below(state, 300));
    if (!random_below(state, 5)) {
        int64_t asked = monotonic();
        pxt_status status = pxt_cache_renew(cache, id, TTL, &error);
        if (!status)
            note("R %.32s %" PRId64 "\n", id, asked);
        else if (status != PXT_NOT_FOUND) /* which is right if this process was stopped for long */
            return false;
    }
    note("E %.32s %" PRId64 "\n", id, monotonic());
    pxt_status status = pxt_cache_release(cache, id, NULL, NULL, NULL, &error);
    return !status || status == PXT_NOT_FOUND;
}

/* A process. Works until the log is `enough` bytes long, or until its lease number `last`, with which it is killed. Returns its
 * exit code: 0 or, if it never had to wait, 1. */
static int work(unsigned number, unsigned max, off_t enough, unsigned last)
{
    char id[PXT_LEASE_ID_MAX + 1];
    uint32_t state = number * 7919 + (uint32_t)monotonic();
    unsigned taken = 0;
    bool waited = false;
    pxt_cache *cache = open_chain();
    while (lseek(log_fd, 0, SEEK_END) < enough) {
        pxt_status status = take(cache, max, id);
        if (!status && ++taken == last)
            kill(getpid(), SIGKILL);
        if (status == PXT_EBUSY) {
            waited = true;
            usleep(1 + random_below(&state, 500));
        } else if (status || !use(cache, id, &state)) {
            fprintf(stderr, "# worker %u: %s\n", number, error.message);
            return 2;
        }
    }
    pxt_cache_close(cache);
    return waited ? 0 : 1;
}

static pid_t start(unsigned number, unsigned max, off_t enough, unsigned last)
{
    pid_t child = fork();
    if (!child)
        _exit(work(number, max, enough, last));
    return child;
}

static void put_proxies(void)
{
    pxt_cache *cache = open_chain();
    for (int i = 0; i < PROXIES; i++) {
        char url[60];
        struct pxt_draft draft;
        snprintf(url, sizeof url, "http://192.0.2.%d:8080", i + 1);
        pxt_draft_init(&draft);
        pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url, strlen(url));
        if (pxt_cache_put(cache, &draft, NULL, &error))
            printf("Bail out! %s\n", error.message);
    }
    pxt_cache_close(cache);
}

struct crew {
    pid_t pid[WORKERS];
    unsigned max, started, killed;
    off_t enough;
    bool failed, waited;
};

/* A worker ends by itself, or is killed: then another one takes its place. */
static void see_to(struct crew *crew, unsigned who, int how)
{
    int status;
    if (crew->pid[who] <= 0 || waitpid(crew->pid[who], &status, how) != crew->pid[who])
        return;
    crew->pid[who] = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        crew->killed++;
        crew->pid[who] = start(crew->started++, crew->max, crew->enough, 0);
    } else {
        crew->failed |= !WIFEXITED(status) || WEXITSTATUS(status) > 1;
        crew->waited |= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
}

/* Half of the first workers are killed with a lease in hand; then any worker now and then, wherever it is. */
static void run_crew(struct crew *crew, unsigned kills)
{
    uint32_t state = 12345;
    const off_t step = crew->enough / (kills + 1);
    off_t next = step;
    for (unsigned i = 0; i < WORKERS; i++)
        crew->pid[i] = start(crew->started++, crew->max, crew->enough, i % 2 ? 2 + i : 0);
    for (off_t size; (size = lseek(log_fd, 0, SEEK_END)) < crew->enough && !crew->failed; usleep(1000)) {
        for (unsigned i = 0; i < WORKERS; i++)
            see_to(crew, i, WNOHANG);
        if (size < next)
            continue;
        next += step;
        unsigned who = random_below(&state, WORKERS);
        if (crew->pid[who] > 0)
            kill(crew->pid[who], SIGKILL);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        while (crew->pid[i] > 0)
            see_to(crew, i, 0);
}

/* All that killed workers held comes back. */
static bool all_come_back(unsigned max)
{
    char id[PXT_LEASE_ID_MAX + 1];
    unsigned taken = 0;
    pxt_cache *cache = open_chain();
    int64_t until = monotonic() + 60 * INT64_C(1000000);
    struct pxt_lease_options options = {.size = sizeof options, .max_concurrent = max, .ttl = 3600};
    while (taken < PROXIES * max && monotonic() < until) {
        pxt_entry *entry = NULL;
        if (pxt_cache_lease(cache, NULL, NULL, &options, &entry, id, &error) == PXT_OK)
            taken++;
        else
            usleep(10000);
        pxt_entry_release(entry);
    }
    bool no_more = pxt_cache_lease(cache, NULL, NULL, &options, &(pxt_entry *){NULL}, id, &error) == PXT_EBUSY;
    pxt_cache_close(cache);
    return taken == PROXIES * max && no_more;
}

static void workers_share(unsigned max, unsigned leases, unsigned kills)
{
    const off_t bytes = 160; /* at most, of the notes of a lease */
    struct crew crew = {.max = max, .enough = (off_t)leases * bytes};
    struct verdict verdict;
    char command[200];
    log_fd = open(log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    put_proxies();
    int64_t before = monotonic();
    run_crew(&crew, kills);
    int64_t after = monotonic();
    ok(!crew.failed, "limit %u: no worker met an error", max);
    ok(crew.waited, "they had to wait for each other");
    judge(log_path, TTL * INT64_C(1000000), &verdict);
    ok(verdict.readable && verdict.leases >= leases, "%u leases or more were taken", leases);
    is_int(verdict.too_many, 0, "no proxy ever had more than %u workers", max);
    if (verdict.too_many)
        diag("%s", verdict.first);
    diag("%zu leases, %zu renewals, %u workers killed, %zu of them with a lease, %.1f s", verdict.leases,
         verdict.renewals, crew.killed, verdict.unended, (double)(after - before) / 1e6);
    ok(verdict.unended >= WORKERS / 2 && crew.killed >= verdict.unended, "workers were killed with a lease in hand");
    ok(all_come_back(max), "and what they held is free after its time to live");
    close(log_fd);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

/* A judge that finds nothing proves nothing. */
static void the_judge_sees_two_workers(void)
{
    static const char log[] = "B a k 1 1000 1100\nB b k 1 1200 1300\nE a 1400\nE b 1500\n" /* one too many */
                              "B c m 2 1000 1100\nB d m 2 1200 1300\nE c 1400\nE d 1500\n" /* allowed */
                              "B e n 1 1000 1100\nE e 1200\nB f n 1 1150 1200\nE f 1300\n" /* one after the other */
                              "B g o 1 1000 1100\nB h o 1 9000000 9000100\n"               /* g was killed */
                              "B i p 1 1000 1100\nB j p 1 1000000 1000100\n"               /* too early */
                              "B l q 1 1000 1100\nR l 1500000\nB q q 1 2100000 2100001\n"; /* renewed: too early */
    struct verdict verdict;
    FILE *file = fopen(log_path, "w");
    if (!file || fputs(log, file) == EOF || fclose(file))
        printf("Bail out! the log cannot be written\n");
    judge(log_path, 2000000, &verdict);
    ok(verdict.readable, "the judge can read a log");
    is_int(verdict.leases, 12, "with its leases");
    is_int(verdict.too_many, 3, "and sees what must not be");
    unlink(log_path);
}

int main(void)
{
    unsigned leases = getenv("PXT_LONG") ? 50000 : (unsigned)tap_amount(2500);
    if (!mkdtemp(folder))
        return 1;
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    the_judge_sees_two_workers();
    workers_share(1, leases, leases / 250);
    workers_share(2, leases, leases / 250);
    rmdir(folder);
    return tap_done();
}
