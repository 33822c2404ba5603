/* SPDX-License-Identifier: MIT
 *
 * Many keys at once in a store that several hosts use: a few calls, and what another host changes meanwhile is not lost. The
 * tier faraway delays each call; the nanosleep() of this program, which it calls, counts them.
 */
#include "hosts.h"
#include <pthread.h>
#include <stdatomic.h>

enum { MANY = 10000, SHARED = 300, COUNTED_SECONDS = 59, ROUNDS = 6 };
static const char counted[] = ", delay: 59s";
static _Atomic unsigned calls;

/* A delay of COUNTED_SECONDS is counted; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < COUNTED_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    atomic_fetch_add(&calls, 1);
    return 0;
}

static void write_list(const char *path, int count)
{
    FILE *list = fopen(path, "w");
    for (int i = 0; list && i < count; i++)
        fprintf(list, "http://10.1.%d.%d:8080\n", i / 250, i % 250 + 1);
    if (!list || fclose(list))
        exit(1);
}

static void a_warm_and_its_deletes_take_few_calls(void)
{
    static char key[MANY][17];
    static const char *keys[MANY];
    char path[100], url[40];
    pxt_status *results = calloc(MANY, sizeof *results);
    struct pxt_warm_counts counts = {.size = sizeof counts};
    empty_folder();
    snprintf(path, sizeof path, "%s/list.txt", folder);
    write_list(path, MANY);
    pxt_cache *a = open_host(&(struct host){"a", true, false, counted, NULL});
    calls = 0;
    is_int(pxt_cache_warm(a, path, NULL, &counts, &error), PXT_OK, "a list is loaded");
    is_int((int64_t)counts.loaded, MANY, "all of it");
    ok(calls <= 10, "%d entries take %u calls of the server", MANY, (unsigned)calls);
    is_int(pxt_cache_warm(a, path, NULL, &counts, &error), PXT_OK, "once more");
    is_int((int64_t)counts.updated, MANY, "all were there");
    pxt_cache *b = open_host(&(struct host){"b", true, false, counted, NULL});
    for (int i = 0; i < MANY; i++) {
        snprintf(url, sizeof url, "http://10.1.%d.%d:8080", i / 250, i % 250 + 1);
        if (pxt_key_of_url(url, NULL, key[i], &error))
            exit(1);
        keys[i] = key[i];
    }
    ok(get(b, keys[0]) != -PXT_NOT_FOUND && get(b, keys[MANY - 1]) != -PXT_NOT_FOUND, "another host has them");
    calls = 0;
    is_int(pxt_cache_delete_many(a, keys, MANY, results, &error), PXT_OK, "all are deleted");
    ok(calls <= 30, "by %u calls", (unsigned)calls);
    int deleted = 0;
    for (int i = 0; i < MANY; i++)
        deleted += results[i] == PXT_OK;
    is_int(deleted, MANY, "each key has its result");
    calls = 0;
    is_int(get(b, keys[7]), -PXT_NOT_FOUND, "the other host does not have them any longer");
    pxt_cache_close(a);
    pxt_cache_close(b);
    free(results);
}

/* A host that puts and deletes the shared keys in batches. */
struct worker {
    pxt_cache *cache;
    int64_t value;
    int failed;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    static const char *const keys[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"};
    for (int round = 0; round < ROUNDS; round++) {
        struct pxt_draft drafts[SHARED];
        char key[SHARED][20];
        for (int i = 0; i < SHARED; i++) {
            snprintf(key[i], sizeof key[i], "s%d", i);
            pxt_draft_init(&drafts[i]);
            pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, key[i], strlen(key[i]));
            pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
            pxt_draft_set_number(&drafts[i], PXT_FIELD_TTL_SECONDS, TTL + worker->value);
        }
        worker->failed += pxt_cache_put_many(worker->cache, drafts, SHARED, NULL, NULL, &error) != PXT_OK;
        for (int i = 0; i < 10; i++)
            worker->failed += report(worker->cache, keys[i], true) != PXT_OK;
        worker->value += 2;
    }
    return NULL;
}

static void two_hosts_at_once_lose_nothing(void)
{
    pthread_t thread[2];
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", true, false, NULL, NULL});
    pxt_cache *b = open_host(&(struct host){"b", true, false, NULL, NULL});
    struct worker worker[2] = {{a, 0, 0}, {b, 1, 0}};
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread[i], NULL, work, &worker[i]))
            exit(1);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    is_int(worker[0].failed + worker[1].failed, 0, "two hosts put the same keys in batches, and report");
    sleep_ms(100); /* the last notices arrive */
    int other = 0, old = 0;
    for (int i = 0; i < SHARED; i++) {
        char key[20];
        snprintf(key, sizeof key, "s%d", i);
        int64_t at_a = get(a, key), at_b = get(b, key);
        other += at_a != at_b;
        old += at_a < 2 * (ROUNDS - 1);
    }
    is_int(other, 0, "both have the same");
    is_int(old, 0, "which is the last of one of them");
    int64_t checks = 0;
    for (int i = 0; i < 10; i++) {
        char key[20];
        snprintf(key, sizeof key, "s%d", i);
        checks += number_of(a, key, PXT_FIELD_TOTAL_HEALTH_CHECKS);
    }
    is_int(checks, 10 * 2 * ROUNDS, "all reports count");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void a_batch_without_the_server_follows(void)
{
    static const char *const keys[] = {"x", "y", "z"};
    pxt_status results[3];
    empty_folder();
    const char quick[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";
    pxt_cache *a = open_host(&(struct host){"a", true, false, NULL, quick});
    pxt_cache *b = open_host(&(struct host){"b", true, false, NULL, quick});
    for (int i = 0; i < 3; i++)
        put(a, keys[i], i);
    set_down(true);
    is_int(pxt_cache_delete_many(a, keys, 3, results, &error), PXT_OK, "without the server the files take deletes");
    set_down(false);
    sleep_ms(30);
    for (int i = 0; i < 3; i++) {
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    is_int(get(b, "y"), -PXT_NOT_FOUND, "when it is back, the other host hears of them");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void a_repair_takes_few_calls(void)
{
    enum { SOME = 2000 };
    char path[100], url[40], key[17];
    struct pxt_warm_counts counts = {.size = sizeof counts};
    const char quick[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";
    empty_folder();
    snprintf(path, sizeof path, "%s/list.txt", folder);
    write_list(path, SOME);
    pxt_cache *a = open_host(&(struct host){"a", true, false, counted, quick});
    put(a, "stays", 1);
    set_down(true);
    is_int(pxt_cache_warm(a, path, NULL, &counts, &error), PXT_OK, "without the server a list is loaded");
    is_int((int64_t)counts.loaded, SOME, "into the files");
    put(a, "stays", 2);
    set_down(false);
    sleep_ms(30);
    calls = 0;
    for (int i = 0; i < 3; i++)
        pxt_cache_tick(a, NULL, NULL);
    ok(calls <= 200, "when it is back, it gets %d entries in %u calls", SOME, (unsigned)calls);
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(a, &stats, &error);
    is_int((int64_t)(stats.tier[1].doubted + stats.tier[2].doubted), 0, "nothing is in doubt");
    pxt_cache *b = open_host(&(struct host){"b", false, false, NULL, NULL});
    int missing = 0;
    for (int i = 0; i < SOME; i++) {
        snprintf(url, sizeof url, "http://10.1.%d.%d:8080", i / 250, i % 250 + 1);
        if (pxt_key_of_url(url, NULL, key, &error))
            exit(1);
        missing += get(b, key) == -PXT_NOT_FOUND;
    }
    is_int(missing, 0, "another host has them all");
    is_int(get(b, "stays"), 2, "and what was changed");
    close_hosts(a, b);
}

/* One host repairs while another changes the same keys: what the repair has read is old by then. */
static void a_repair_meets_changes(void)
{
    const char quick[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";
    pthread_t thread;
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", true, false, NULL, quick});
    pxt_cache *b = open_host(&(struct host){"b", true, false, NULL, quick});
    struct worker worker = {b, 0, 0};
    char key[20];
    set_down(true);
    for (int i = 0; i < SHARED; i++) {
        snprintf(key, sizeof key, "s%d", i);
        put(a, key, -1);
    }
    set_down(false);
    sleep_ms(30);
    pxt_cache_tick(b, NULL, NULL);
    if (pthread_create(&thread, NULL, work, &worker))
        exit(1);
    for (int i = 0; i < 10; i++) {
        pxt_cache_tick(a, NULL, NULL);
        sleep_ms(20);
    }
    pthread_join(thread, NULL);
    is_int(worker.failed, 0, "a host changes keys while another gives the server its own");
    for (int i = 0; i < 5; i++) {
        sleep_ms(20);
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    int old = 0;
    for (int i = 0; i < SHARED; i++) {
        snprintf(key, sizeof key, "s%d", i);
        old += get(a, key) != 2 * (ROUNDS - 1) || get(b, key) != 2 * (ROUNDS - 1);
    }
    is_int(old, 0, "at the end both have what was put last");
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(a, &stats, &error);
    diag("%lld writes were made again", (long long)stats.tier[2].conflicts);
    close_hosts(a, b);
}

int main(void)
{
    begin_tests();
    a_warm_and_its_deletes_take_few_calls();
    two_hosts_at_once_lose_nothing();
    a_batch_without_the_server_follows();
    a_repair_takes_few_calls();
    a_repair_meets_changes();
    return end_tests();
}
