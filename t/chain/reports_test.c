/* SPDX-License-Identifier: MIT
 *
 * Reports add up exactly: four processes of two threads report on ten keys, while lists of the same keys are loaded again
 * and again. Also where the slowest tier is written behind, and where it fails now and then.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 10, PROCESSES = 4, THREADS = 2, LISTS = 20 };
static char folder[] = "/tmp/proxtier-reports-XXXXXX";
static const char *tiers;
static int reports; /* of each thread */

static pxt_cache *open_chain(void)
{
    char text[2000], chain[1000];
    struct pxt_error error;
    pxt_cache *cache = NULL;
    snprintf(chain, sizeof chain, tiers, folder, folder);
    snprintf(text, sizeof text,
             "lock_timeout: 60s\nhealth: {invalidate: false}\ndegrade: {threshold: 1000000}\n"
             "tiers: [{plugin: l1_memory, max_entries: 100}, %s]",
             chain);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

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
    return pxt_cache_put_many(cache, drafts, KEYS, NULL, NULL, NULL);
}

struct reporter {
    pxt_cache *cache;
    int first, refused, failures;
};

static void *report_all(void *arg)
{
    struct reporter *reporter = arg;
    char key[20];
    for (int i = 0; i < reports; i++) {
        struct pxt_report report = {.size = sizeof report, .ok = i % 3 != 0, .latency_ms = 10};
        name_key((reporter->first + i) % KEYS, key);
        if (pxt_cache_report(reporter->cache, key, &report, NULL, NULL, NULL) != PXT_OK)
            reporter->refused++;
        else
            reporter->failures += !report.ok;
    }
    return NULL;
}

/* Tells through a pipe how many reports were accepted, and how many of these were failures. */
static void report_in_process(int me, int to)
{
    pxt_cache *cache = open_chain();
    pthread_t thread[THREADS];
    struct reporter reporter[THREADS];
    int told[2] = {0, 0};
    for (int i = 0; i < THREADS; i++) {
        reporter[i] = (struct reporter){cache, me * THREADS + i, 0, 0};
        pthread_create(&thread[i], NULL, report_all, &reporter[i]);
    }
    for (int i = 0; i < LISTS && me == 0; i++)
        load_list(cache);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        told[0] += reports - reporter[i].refused;
        told[1] += reporter[i].failures;
    }
    pxt_cache_close(cache);
    _exit(write(to, told, sizeof told) != (ssize_t)sizeof told);
}

static void they_add_up(const char *what, const char *chain)
{
    int ends[2], told[2], accepted = 0, failures = 0;
    int64_t checks = 0, failed = 0;
    char command[100], key[20];
    tiers = chain;
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command) || pipe(ends))
        return;
    pxt_cache *cache = open_chain();
    is_int(load_list(cache), PXT_OK, "%s: a list is loaded", what);
    pxt_cache_close(cache);
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++)
        if (!fork())
            report_in_process(i, ends[1]);
    for (int i = 0; i < PROCESSES && read(ends[0], told, sizeof told) == (ssize_t)sizeof told; i++) {
        accepted += told[0];
        failures += told[1];
    }
    while (wait(NULL) > 0) {
    }
    close(ends[0]);
    close(ends[1]);
    cache = open_chain();
    pxt_cache_tick(cache, NULL, NULL);
    for (int n = 0; n < KEYS; n++) {
        pxt_entry *entry = NULL;
        name_key(n, key);
        if (pxt_cache_get(cache, key, &entry, NULL) != PXT_OK)
            continue;
        checks += pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS);
        failed += pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES);
        pxt_entry_release(entry);
    }
    pxt_cache_close(cache);
    is_int(accepted, PROCESSES * THREADS * reports, "%s: all reports are accepted", what);
    is_int(checks, accepted, "%s: each counts once", what);
    is_int(failed, failures, "%s: and so does each failure", what);
}

static int checks_of(pxt_cache *cache)
{
    pxt_entry *entry = NULL;
    if (pxt_cache_peek(cache, "k", &entry, NULL))
        return -1;
    int checks = (int)pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS);
    pxt_entry_release(entry);
    return checks;
}

static void report_times(pxt_cache *cache, int n)
{
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = 1};
    while (n--)
        is_int(pxt_cache_report(cache, "k", &report, NULL, NULL, NULL), PXT_OK, "a report");
}

static void put_k(pxt_cache *cache, const char *key)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, NULL), PXT_OK, "a put of %s", key);
}

/* The log has no room for the key, and so nothing to say of it, while the database that has it is off. */
static void a_put_that_does_not_see_the_old_entry(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        return;
    tiers = "{plugin: l2_jsonl, shards: 1, max_entries: 1, eviction: fifo, dir: %s/l2}, "
            "{name: far, plugin: l3_sqlite, path: %s/l3.db}";
    pxt_cache *cache = open_chain();
    put_k(cache, "k");
    report_times(cache, 5);
    put_k(cache, "another"); /* evicts k from the log */
    pxt_cache_tick(cache, NULL, NULL);
    pxt_cache_close(cache);
    tiers = "{plugin: l2_jsonl, shards: 1, max_entries: 1, eviction: fifo, dir: %s/l2}, "
            "{name: far, plugin: l3_sqlite, required: false, enabled: false, path: %s/l3.db}";
    cache = open_chain();
    is_int(checks_of(cache), -1, "the database is away, and the log does not have the entry");
    put_k(cache, "k");
    report_times(cache, 2);
    put_k(cache, "k");
    report_times(cache, 1);
    is_int(checks_of(cache), 3, "what is counted meanwhile");
    pxt_cache_close(cache);
    tiers = "{plugin: l2_jsonl, shards: 1, max_entries: 1, eviction: fifo, dir: %s/l2}, "
            "{name: far, plugin: l3_sqlite, path: %s/l3.db}";
    cache = open_chain();
    is_int(checks_of(cache), 8, "the database is back: reports before and after the put add up");
    pxt_cache_tick(cache, NULL, NULL);
    is_int(checks_of(cache), 8, "also after the repair");
    report_times(cache, 1);
    is_int(checks_of(cache), 9, "and with one more");
    pxt_cache_close(cache);
}

static void report_and_die(void)
{
    pxt_cache *cache = open_chain();
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = 1};
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_cache_put(cache, &draft, NULL, NULL);
    for (int i = 0; i < 5; i++)
        pxt_cache_report(cache, "k", &report, NULL, NULL, NULL);
    kill(getpid(), SIGKILL);
}

/* Puts k anew, in one of the ways that there are. */
static void put_anew(pxt_cache *cache, bool batch, const char *when)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.2:80", 19);
    is_int(batch ? pxt_cache_put_many(cache, &draft, 1, NULL, NULL, NULL) : pxt_cache_put(cache, &draft, NULL, NULL),
           PXT_OK, "a %s %s", batch ? "batch" : "put", when);
}

/* The files have the reports, and the database does not yet; reads of the files fail, and a write would succeed. `later`
 * changes follow, of the entry as memory has it. */
static void a_put_while_the_old_entry_cannot_be_read(bool batch, bool later)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        return;
    static const char sound[] = "{name: l2, plugin: l2_jsonl, dir: %s/l2}, "
                                "{plugin: l3_sqlite, path: %s/l3.db, write_behind: true}";
    static const char failing[] = "{name: l2, plugin: fault, tier: l2_jsonl, tier_options: 'dir=%s/l2', faults: 'get "
                                  "1- fail EIO; get_many 1- fail EIO'}, "
                                  "{plugin: l3_sqlite, path: %s/l3.db, write_behind: true}";
    tiers = sound;
    pid_t child = fork();
    if (!child) /* it is killed before the database has anything */
        report_and_die();
    waitpid(child, NULL, 0);
    tiers = failing;
    pxt_cache *cache = open_chain();
    put_anew(cache, batch, "while the files cannot be read");
    if (later) {
        report_times(cache, 1);
        put_anew(cache, batch, "of what is in memory");
    }
    pxt_cache_close(cache);
    tiers = sound;
    cache = open_chain();
    pxt_cache_tick(cache, NULL, NULL);
    is_int(checks_of(cache), later ? 6 : 5, "the reports that only the files had are not overwritten");
    pxt_cache_close(cache);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    a_put_that_does_not_see_the_old_entry();
    for (int later = 0; later < 2; later++) {
        a_put_while_the_old_entry_cannot_be_read(false, later);
        a_put_while_the_old_entry_cannot_be_read(true, later);
    }
    reports = (int)tap_amount(10000) / PROCESSES / THREADS;
    they_add_up(
        "files and a database",
        "{plugin: l2_jsonl, dir: %s/l2, max_entries: 8, lock_timeout: 60s}, {plugin: l3_sqlite, path: %s/l3.db, "
        "busy_timeout: 60s}");
    reports = (int)tap_amount(2000) / PROCESSES / THREADS;
    they_add_up("a database written behind",
                "{plugin: l2_jsonl, dir: %s/l2, lock_timeout: 60s}, {plugin: l3_sqlite, path: %s/l3.db, "
                "busy_timeout: 60s, write_behind: true}");
    they_add_up("a database that fails now and then",
                "{plugin: l2_jsonl, dir: %s/l2, lock_timeout: 60s}, {plugin: fault, tier: l3_sqlite, tier_options: "
                "'path=%s/l3.db,busy_timeout=60s', faults: 'put 5 fail EIO; put 20 fail ENOSPC; put 60 fail EIO'}");
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
