/* SPDX-License-Identifier: MIT
 *
 * A server that exchanges copies tells of a change while a change or a pass of this host is under way: the members of this host are not
 * in doubt afterwards. Chosen calls of the slowest member wait at a gate: the nanosleep() of this program, which the tier fault calls.
 */
#include "hosts.h"
#include <pthread.h>

enum { PUT_SECONDS = 900, VERSIONS_SECONDS = 901 };
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static time_t closed_for; /* the delay that stops; 0: none */
static bool inside;

__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < PUT_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    pthread_mutex_lock(&gate_lock);
    inside = closed_for == time->tv_sec;
    pthread_cond_broadcast(&gate_moved);
    while (closed_for == time->tv_sec)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    return 0;
}

static void set_gate(time_t seconds)
{
    pthread_mutex_lock(&gate_lock);
    closed_for = seconds;
    inside = false;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

static void wait_for_a_call(void)
{
    pthread_mutex_lock(&gate_lock);
    while (!inside)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

/* The host b, with two members. */
static pxt_cache *open_b(void)
{
    char text[2000];
    pxt_cache *cache = NULL;
    snprintf(text, sizeof text, "%s/b", folder);
    mkdir(text, 0700);
    setenv("PROXTIER_STATE_DIR", text, 1);
    snprintf(text, sizeof text,
             "plugin_dirs: [%s]\nlock_timeout: 60s\ndegrade: {threshold: 5}\n"
             "tiers: [{name: l1, plugin: l1_memory, max_entries: 100}, {name: l2, plugin: l2_jsonl, dir: %s/b/l2}, "
             "{name: l3, plugin: fault, tier: l3_sqlite, tier_options: 'path=%s/b/l3.db', faults: 'put all delay 900s; "
             "versions all delay 901s; put 2 fail EIO'}, "
             "{name: far, plugin: faraway, path: %s/far, host: b, durable: false}]",
             getenv("PROXTIER_REFUSED_PLUGINS"), folder, folder, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static int64_t count(pxt_cache *cache, bool doubts)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return (int64_t)(doubts ? stats.tier[1].doubted + stats.tier[2].doubted : stats.tier[3].notices);
}

/* Has the host a change the key, and b hear of it. */
static void tell_b(pxt_cache *a, pxt_cache *b, int64_t value)
{
    int64_t heard = count(b, false);
    put(a, "k", value);
    for (int64_t end = now_ms() + 20000; count(b, false) == heard && now_ms() < end;)
        sleep_ms(1);
    ok(count(b, false) > heard, "the server tells of a change by another host meanwhile");
}

static void *do_put(void *cache)
{
    put(cache, "k", 2);
    return NULL;
}

static void *do_tick(void *cache)
{
    pxt_cache_tick(cache, NULL, NULL);
    return NULL;
}

static void goes_on_while_b_is_told(void *(*work)(void *), time_t stops, pxt_cache *a, pxt_cache *b, int64_t value)
{
    pthread_t thread;
    set_gate(stops);
    if (pthread_create(&thread, NULL, work, b))
        exit(1);
    wait_for_a_call();
    tell_b(a, b, value);
    set_gate(0);
    pthread_join(thread, NULL);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    alarm(100);
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", true, false, ", durable: false", NULL}), *b = open_b();
    is_int(count(b, true), 0, "at first nothing is in doubt");
    goes_on_while_b_is_told(do_put, PUT_SECONDS, a, b, 1);
    is_int(count(b, true), 0, "after a put nothing is in doubt");
    is_int(get(b, "k"), 1, "what the other host put last is got");
    is_int(put(b, "k", 3), PXT_OK, "the slowest member misses a write");
    is_int(count(b, true), 1, "it is in doubt");
    goes_on_while_b_is_told(do_tick, VERSIONS_SECONDS, a, b, 4);
    is_int(count(b, true), 0, "after a pass nothing is in doubt");
    is_int(get(b, "k"), 4, "again the last is got");
    pxt_cache_close(a);
    pxt_cache_close(b);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
