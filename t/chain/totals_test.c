/* SPDX-License-Identifier: MIT
 *
 * Statistics of a pool: counters outlive processes, those of several processes add up exactly, and no trouble with their file
 * makes a call fail.
 */
#include "../lib/tap.h"
#include "shared/totals.h"
#include <fcntl.h>
#include <proxtier/proxtier.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4, HITS = 500, MISSES = 30 };
static char folder[] = "/tmp/proxtier-totals-XXXXXX", file[100];
static struct pxt_error error;
static unsigned notices;

static void note(void *arg, enum pxt_message_level level, const char *component, const char *message)
{
    (void)arg, (void)level, (void)component;
    notices += strstr(message, "statistics") != NULL;
}

static pxt_cache *open_tiers(const char *tiers)
{
    char text[600];
    pxt_cache *cache = NULL;
    snprintf(text, sizeof text, "lock_timeout: 60s\ntiers: [%s]", tiers);
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = text,
                                        .log = note,
                                        .log_level = PXT_MESSAGE_INFO};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static pxt_cache *open_pool(void)
{
    char tiers[300];
    snprintf(tiers, sizeof tiers,
             "{plugin: l1_memory, max_entries: 100}, {plugin: l3_sqlite, busy_timeout: 60s, path: %s/l3.db}", folder);
    return open_tiers(tiers);
}

static void get(pxt_cache *cache, const char *key, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        pxt_entry *entry = NULL;
        pxt_cache_get(cache, key, &entry, NULL);
        pxt_entry_release(entry);
    }
}

static void put(pxt_cache *cache)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "a put");
}

static struct pxt_stats total(pxt_cache *cache)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    is_int(pxt_cache_stats_total(cache, &stats, &error), PXT_OK, "statistics of the pool");
    return stats;
}

/* What a process sees that has counted nothing. */
static struct pxt_stats look(void)
{
    pxt_cache *cache = open_pool();
    struct pxt_stats stats = total(cache);
    pxt_cache_close(cache);
    return stats;
}

static void start_anew(void)
{
    unlink(file);
    notices = 0;
}

static void processes_add_up_exactly(void)
{
    start_anew();
    int good = 0;
    for (int i = 0; i < PROCESSES; i++)
        if (!fork()) {
            pxt_cache *cache = open_pool();
            get(cache, "k", HITS);
            pxt_cache_tick(cache, NULL, NULL);
            get(cache, "k", HITS);
            get(cache, "no", MISSES);
            pxt_cache_close(cache);
            _exit(0);
        }
    for (int i = 0, state; i < PROCESSES; i++)
        good += wait(&state) > 0 && WIFEXITED(state) && !WEXITSTATUS(state);
    is_int(good, PROCESSES, "%d processes count hits and misses", PROCESSES);
    struct pxt_stats stats = look();
    is_int(stats.hits, 2 * PROCESSES * HITS, "all hits are there");
    is_int(stats.misses, PROCESSES * MISSES, "all misses");
    is_int(stats.gets, stats.hits + stats.misses, "and gets are their sum");
    is_int(stats.tier[0].hits + stats.tier[1].hits, stats.hits, "the tiers' hits add up");
    is_int(stats.tier[1].misses, PROCESSES * MISSES, "each miss asked the slowest tier");
    is_int(stats.tier[0].promotions, PROCESSES, "each process has promoted the entry once");
}

static void counters_never_go_back(void)
{
    struct pxt_stats before = look();
    pxt_cache *a = open_pool(), *b = open_pool();
    get(a, "k", 3);
    get(b, "k", 4);
    is_int(total(a).hits, before.hits + 3, "a cache sees its own hits at once");
    is_int(total(a).hits, before.hits + 3, "and counts them once");
    is_int(total(b).hits, before.hits + 7, "the other cache sees both");
    struct pxt_stats own;
    pxt_stats_init(&own);
    is_int(pxt_cache_stats(a, &own, &error), PXT_OK, "statistics of a cache");
    is_int(own.hits, 3, "are its own");
    ok(own.since > before.since, "since it was opened");
    pxt_cache_close(a);
    pxt_cache_close(b);
    struct pxt_stats after = look();
    is_int(after.hits, before.hits + 7, "nothing is added twice by the closes");
    ok(after.since == before.since && after.since, "all are counted since the file was made");
}

static void a_kill_loses_one_interval(void)
{
    uint64_t before = look().hits;
    int state = 0;
    if (!fork()) {
        pxt_cache *cache = open_pool();
        get(cache, "k", 50);
        pxt_cache_tick(cache, NULL, NULL);
        get(cache, "k", 30);
        raise(SIGKILL);
    }
    ok(wait(&state) > 0 && WIFSIGNALED(state), "a process is killed");
    is_int(look().hits, before + 50, "what it counted up to its last tick is there");
}

static void a_forked_child_counts_nothing_again(void)
{
    pxt_cache *cache = open_pool();
    uint64_t before = total(cache).hits;
    get(cache, "k", 5);
    if (!fork()) {
        pxt_cache_tick(cache, NULL, NULL);
        _exit(0);
    }
    wait(NULL);
    pxt_cache_close(cache);
    is_int(look().hits, before + 5, "the hits of a process that forks are counted once");
}

/* Overwrites the start of each copy. */
static void damage(const char *with, size_t length, off_t at)
{
    int fd = open(file, O_WRONLY);
    ok(fd >= 0 && pwrite(fd, with, length, at) == (ssize_t)length &&
           pwrite(fd, with, length, 8192 + at) == (ssize_t)length,
       "the file is written to");
    close(fd);
}

static void a_damaged_file_begins_anew(void)
{
    struct pxt_stats before = look();
    damage("garbage", 7, 100);
    notices = 0;
    struct pxt_stats after = look();
    is_int(after.hits, 0, "after damage the counters begin anew");
    ok(after.since > before.since, "which their time of creation tells");
    is_int(notices, 1, "and one notice");
    notices = 0;
    look();
    is_int(notices, 0, "the new file is whole");
}

static void one_damaged_copy_costs_little(void)
{
    start_anew();
    pxt_cache *cache = open_pool();
    for (unsigned i = 1; i <= 2; i++) {
        get(cache, "k", 10);
        total(cache);
    }
    ok(truncate(file, 8192 + 100) == 0, "the second copy is torn");
    uint64_t hits = total(cache).hits;
    ok(hits == 10 || hits == 20, "the other copy has what was counted before the last write, or all of it");
    pxt_cache_close(cache);
    is_int(notices, 0, "no notice");
}

static void another_format_is_left_alone(void)
{
    damage("\x63", 1, 8);
    notices = 0;
    pxt_cache *cache = open_pool();
    get(cache, "k", 2);
    is_int(total(cache).hits, 2, "beside a file of another format a process counts for itself");
    is_int(total(cache).hits, 2, "again");
    pxt_cache_close(cache);
    is_int(notices, 1, "and says so once");
    int fd = open(file, O_RDONLY);
    char format = 0;
    ok(fd >= 0 && pread(fd, &format, 1, 8) == 1 && format == 0x63, "the file stays as it is");
    close(fd);
}

static void no_call_fails_for_want_of_the_file(void)
{
    start_anew();
    mkdir(file, 0700);
    pxt_cache *cache = open_pool();
    get(cache, "k", 2);
    is_int(pxt_cache_tick(cache, NULL, &error), PXT_OK, "a tick");
    is_int(total(cache).hits, 2, "the process counts for itself");
    rmdir(file);
    is_int(total(cache).hits, 2, "and adds all of it when the file can be made");
    pxt_cache_close(cache);
    is_int(look().hits, 2, "where others see it");
    is_int(notices, 1, "it was told once");
}

static void a_full_disk_leaves_what_was_there(void)
{
    char place[100];
    struct pxt_totals more = {0}, sum;
    bool damaged;
    snprintf(place, sizeof place, "%s/full", folder);
    pxt_totals_row(&more, "l1")->counter[0] = 5;
    is_int(pxt_totals_add(place, &more, 1, &sum, &damaged, &error), PXT_OK, "five are counted");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, low;
    getrlimit(RLIMIT_FSIZE, &before);
    low = (struct rlimit){100, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &low);
    is_int(pxt_totals_add(place, &more, 2, &sum, &damaged, &error), PXT_ENOSPC, "no room for five more");
    setrlimit(RLIMIT_FSIZE, &before);
    is_int(pxt_totals_add(place, &more, 3, &sum, &damaged, &error), PXT_OK, "they are counted when there is");
    is_int(pxt_totals_row(&sum, "l1")->counter[0], 10, "once");
    is_int(damaged, 0, "nothing was damaged");
    for (unsigned i = 0; i < PXT_TOTALS_ROWS; i++) {
        struct pxt_totals other = {0};
        char name[20];
        snprintf(name, sizeof name, "t%u", i);
        pxt_totals_row(&other, name)->counter[1] = 1;
        pxt_totals_add(place, &other, 4, &sum, &damaged, &error);
    }
    is_int(sum.rows, PXT_TOTALS_ROWS, "rows end where their room ends");
    is_int(pxt_totals_row(&sum, "l1")->counter[0], 10, "and the first ones stay");
}

static void a_private_chain_counts_for_itself(void)
{
    pxt_cache *cache = open_tiers("{plugin: l1_memory, max_entries: 100}");
    put(cache);
    get(cache, "k", 3);
    struct pxt_stats stats = total(cache);
    is_int(stats.hits, 3, "a chain that shares nothing counts for itself");
    ok(stats.since > 0, "since it was opened");
    pxt_cache_close(cache);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(file, sizeof file, "%s/l3.db.stats", folder);
    pxt_cache *cache = open_pool();
    put(cache);
    pxt_cache_close(cache);
    struct stat made;
    look();
    ok(!stat(file, &made) && (made.st_mode & 07777) == 0600, "the file is private");
    processes_add_up_exactly();
    counters_never_go_back();
    a_kill_loses_one_interval();
    a_forked_child_counts_nothing_again();
    a_damaged_file_begins_anew();
    one_damaged_copy_costs_little();
    another_format_is_left_alone();
    no_call_fails_for_want_of_the_file();
    a_full_disk_leaves_what_was_there();
    a_private_chain_counts_for_itself();
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
