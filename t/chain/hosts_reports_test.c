/* SPDX-License-Identifier: MIT
 *
 * Reports of two hosts add up exactly: each host has four processes of two threads, which report on ten keys of one server,
 * while lists of the same keys are loaded again and again. Also where the line to the server is cut now and then.
 */
#include "hosts.h"
#include <pthread.h>
#include <sys/wait.h>

enum { KEYS = 10, HOSTS = 2, PROCESSES = 4, THREADS = 2, LISTS = 20 };
static int reports; /* of each thread */

static const char *const names[HOSTS] = {"a", "b"};

static void name_key(int n, char text[20])
{
    snprintf(text, 20, "proxy%d", n);
}

static pxt_status load_list(pxt_cache *cache)
{
    struct pxt_draft drafts[KEYS];
    char key[KEYS][20];
    for (int n = 0; n < KEYS; n++) {
        name_key(n, key[n]);
        pxt_draft_init(&drafts[n]);
        pxt_draft_set_text(&drafts[n], PXT_FIELD_KEY, key[n], strlen(key[n]));
        pxt_draft_set_text(&drafts[n], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    }
    return pxt_cache_put_many(cache, drafts, KEYS, NULL, NULL, &error);
}

struct told {
    int accepted, failures, refused, conflicts;
};

struct reporter {
    pxt_cache *cache;
    int first;
    struct told told;
};

static void *report_all(void *arg)
{
    struct reporter *reporter = arg;
    char key[20];
    for (int i = 0; i < reports; i++) {
        bool good = i % 3 != 0;
        name_key((reporter->first + i) % KEYS, key);
        struct pxt_report outcome = {.size = sizeof outcome, .ok = good, .latency_ms = 10};
        struct pxt_error why;
        if (pxt_cache_report(reporter->cache, key, &outcome, NULL, NULL, &why) == PXT_OK) {
            reporter->told.accepted++;
            reporter->told.failures += !good;
        } else if (!reporter->told.refused++) {
            diag("refused: %s", why.message);
            fflush(stdout);
        }
    }
    return NULL;
}

/* Opening calls the server too: where a call fails, the tier is opened again with the next calls. */
static void wait_for_server(pxt_cache *cache)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    for (int i = 0; i < 2000; i++) {
        if (pxt_cache_stats(cache, &stats, NULL) || stats.tier[2].state == PXT_TIER_ON)
            return;
        pxt_cache_tick(cache, NULL, NULL);
        usleep(5000);
    }
}

static void report_in_process(const struct host *host, int me, int to)
{
    pxt_cache *cache = open_host(host);
    pthread_t thread[THREADS];
    struct reporter reporter[THREADS];
    struct told told = {0, 0, 0, 0};
    wait_for_server(cache);
    for (int i = 0; i < THREADS; i++) {
        reporter[i] = (struct reporter){cache, me * THREADS + i, {0, 0, 0, 0}};
        pthread_create(&thread[i], NULL, report_all, &reporter[i]);
    }
    for (int i = 0; i < LISTS && me == 0; i++)
        load_list(cache);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        told.accepted += reporter[i].told.accepted;
        told.failures += reporter[i].told.failures;
        told.refused += reporter[i].told.refused;
    }
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    if (pxt_cache_stats(cache, &stats, NULL) == PXT_OK)
        told.conflicts = (int)stats.tier[2].conflicts;
    pxt_cache_tick(cache, NULL, NULL);
    pxt_cache_close(cache);
    _exit(write(to, &told, sizeof told) != (ssize_t)sizeof told);
}

static struct told run_all(const struct host *hosts)
{
    int ends[2];
    struct told told, sum = {0, 0, 0, 0};
    if (pipe(ends))
        exit(1);
    fflush(stdout);
    for (int h = 0; h < HOSTS; h++)
        for (int i = 0; i < PROCESSES; i++)
            if (!fork())
                report_in_process(&hosts[h], i, ends[1]);
    for (int i = 0; i < HOSTS * PROCESSES && read(ends[0], &told, sizeof told) == (ssize_t)sizeof told; i++) {
        sum.accepted += told.accepted;
        sum.failures += told.failures;
        sum.refused += told.refused;
        sum.conflicts += told.conflicts;
    }
    while (wait(NULL) > 0) {
    }
    close(ends[0]);
    close(ends[1]);
    return sum;
}

/* Whether a host sees all reports. */
static void check_sums(const struct host *host, const char *what, struct told told)
{
    int64_t checks = 0, failed = 0;
    char key[20];
    pxt_cache *cache = open_host(host);
    for (int n = 0; n < KEYS; n++) {
        name_key(n, key);
        checks += number_of(cache, key, PXT_FIELD_TOTAL_HEALTH_CHECKS);
        failed += number_of(cache, key, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES);
    }
    is_int(checks, told.accepted, "%s: each report counts once for host %s", what, host->name);
    is_int(failed, told.failures, "%s: and so does each failure", what);
    pxt_cache_close(cache);
}

/* While the server is taken for gone, a host refuses a report of which the other host has made a later one. */
static void they_add_up(const char *what, int amount, const char *far, const char *core, bool may_refuse)
{
    struct host hosts[HOSTS];
    reports = (int)tap_amount(amount) / HOSTS / PROCESSES / THREADS;
    empty_folder();
    for (int h = 0; h < HOSTS; h++)
        hosts[h] = (struct host){names[h], true, false, far, core};
    struct host sound = hosts[0];
    sound.far = NULL;
    pxt_cache *cache = open_host(&sound);
    is_int(load_list(cache), PXT_OK, "%s: a list is loaded", what);
    pxt_cache_close(cache);
    struct told told = run_all(hosts);
    is_int(told.accepted + told.refused, HOSTS * PROCESSES * THREADS * reports, "%s: all reports were made", what);
    ok(may_refuse ? told.accepted > 0 : !told.refused, "%s: they were accepted; %d were refused", what, told.refused);
    diag("%d writes were made again", told.conflicts);
    for (int round = 0; round < 2; round++)
        for (int h = 0; h < HOSTS; h++) { /* each gives the server what it missed */
            hosts[h].far = NULL;
            cache = open_host(&hosts[h]);
            pxt_cache_tick(cache, NULL, NULL);
            pxt_cache_close(cache);
        }
    for (int h = 0; h < HOSTS; h++)
        check_sums(&hosts[h], what, told);
}

int main(void)
{
    begin_tests();
    far_tier = getenv("PXT_FAR_TIER"); /* t/redis starts this with a server of its own */
    they_add_up("a server", 10000, NULL, NULL, false);
    if (far_tier)
        return tap_done();
    they_add_up("a line that is cut now and then", 2000, ", fail: 20",
                "degrade: {threshold: 1000000, backoff: 10ms, backoff_max: 20ms}\n", false);
    they_add_up("a server that is taken for gone", 2000, ", fail: 20",
                "degrade: {threshold: 2, backoff: 10ms, backoff_max: 20ms}\n", true);
    return end_tests();
}
