/* SPDX-License-Identifier: MIT
 *
 * A clear while a report takes a copy from a server that only exchanges copies: the key does not come back. Calls of tiers are held
 * at gates, not for a time: the tier `fault` delays them; the nanosleep() of this program, which it calls, is the gate.
 */
#include "hosts.h"
#include <errno.h>
#include <pthread.h>

/* The gates: calls of that many seconds above GATE_SECONDS. */
enum gate { CLEAR_OF_SERVER, GET_OF_FILES, GATES };
enum { GATE_SECONDS = 900 };
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool closed[GATES];
static int inside[GATES];

/* A delay of GATE_SECONDS and more is the number of a gate; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < GATE_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    int gate = (int)(time->tv_sec - GATE_SECONDS);
    pthread_mutex_lock(&gate_lock);
    inside[gate] += closed[gate];
    pthread_cond_broadcast(&gate_moved);
    bool stops = closed[gate];
    while (closed[gate])
        pthread_cond_wait(&gate_moved, &gate_lock);
    inside[gate] -= stops;
    pthread_mutex_unlock(&gate_lock);
    return 0;
}

static void set_gate(enum gate gate, bool is_closed)
{
    pthread_mutex_lock(&gate_lock);
    closed[gate] = is_closed;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

/* Waits until a call stands at the gate. False after 20 seconds. */
static bool wait_at(enum gate gate)
{
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&gate_lock);
    while (!inside[gate] && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&gate_moved, &gate_lock, &until);
    bool came = inside[gate];
    pthread_mutex_unlock(&gate_lock);
    return came;
}

static pxt_cache *a;

static pxt_cache *open_gated(void)
{
    static char far[300];
    snprintf(far, sizeof far,
             "plugin: fault, tier: faraway, tier_options: 'path=%s/far,host=a,durable=false', faults: 'clear all delay "
             "900s', max_staleness: 1h",
             folder);
    far_tier = far;
    files_tier = "plugin: fault, tier: l2_jsonl, tier_options: 'dir=${state}/l2', faults: 'get all delay 901s'";
    pxt_cache *cache = open_host(&(struct host){"a", true, false, NULL, NULL});
    far_tier = files_tier = NULL;
    return cache;
}

static void *report_it(void *result)
{
    struct pxt_report outcome = {.size = sizeof outcome, .ok = true, .latency_ms = 10};
    *(pxt_status *)result = pxt_cache_report(a, "k", &outcome, NULL, NULL, NULL);
    return NULL;
}

static void *clear_it(void *result)
{
    *(pxt_status *)result = pxt_cache_clear(a, NULL, NULL);
    return NULL;
}

/* The report has the copy of the server, and asks the files, when the clear empties both. `begun`: the clear had begun before the
 * report asked the server. */
static void a_clear_leaves_nothing(bool begun)
{
    const char *when = begun ? "a report begins during the clear" : "a clear comes during a report";
    pxt_status reported = PXT_OK, cleared = PXT_OK;
    pthread_t reporter, clearer;
    empty_folder();
    pxt_cache *b = open_host(&(struct host){"b", true, false, ", durable: false", NULL});
    put(b, "k", 1);
    a = open_gated();
    if (begun) {
        set_gate(CLEAR_OF_SERVER, true);
        pthread_create(&clearer, NULL, clear_it, &cleared);
        ok(wait_at(CLEAR_OF_SERVER), "%s: the clear is about to empty the server", when);
    }
    set_gate(GET_OF_FILES, true);
    pthread_create(&reporter, NULL, report_it, &reported);
    ok(wait_at(GET_OF_FILES), "%s: the report has asked the server, and asks the files", when);
    if (begun)
        set_gate(CLEAR_OF_SERVER, false);
    else
        pthread_create(&clearer, NULL, clear_it, &cleared);
    pthread_join(clearer, NULL);
    is_int(cleared, PXT_OK, "the clear ends");
    set_gate(GET_OF_FILES, false);
    pthread_join(reporter, NULL);
    is_int(reported, PXT_NOT_FOUND, "the report finds nothing to report on");
    is_int(get(a, "k"), -PXT_NOT_FOUND, "the key is gone");
    close_hosts(a, b);
}

int main(void)
{
    begin_tests();
    a_clear_leaves_nothing(false);
    a_clear_leaves_nothing(true);
    return end_tests();
}
