/* SPDX-License-Identifier: MIT
 *
 * A tier on another machine falters: gets go on without it after its soft_timeout, more than max_waiting calls are turned away,
 * one call at a time finds out whether it is back, and threads that miss one key send one of them. Its calls are held at a
 * gate, not for a time: the tier `fault` delays each of them; the nanosleep() of this program, which it calls, is the gate.
 */
#include "hosts.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { GATE_SECONDS = 900, THREADS = 8 };
enum { GET = 1, GET_MANY, COUNT };

/* ---- the gate --------------------------------------------------------------------------------------------------- */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool closed;
static int closed_for, inside, calls;

/* A delay of GATE_SECONDS and more is the number of an operation; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < GATE_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    int operation = (int)(time->tv_sec - GATE_SECONDS);
    pthread_mutex_lock(&gate_lock);
    calls += operation == closed_for;
    bool stops = closed && operation == closed_for;
    inside += stops;
    pthread_cond_broadcast(&gate_moved);
    while (stops && closed)
        pthread_cond_wait(&gate_moved, &gate_lock);
    inside -= stops;
    pthread_mutex_unlock(&gate_lock);
    return 0;
}

static void set_gate(bool close, int operation)
{
    pthread_mutex_lock(&gate_lock);
    closed = close;
    if (close) {
        closed_for = operation;
        calls = 0;
    }
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

static int calls_so_far(void)
{
    pthread_mutex_lock(&gate_lock);
    int n = calls;
    pthread_mutex_unlock(&gate_lock);
    return n;
}

/* Waits until `n` calls stand at the gate. False after 20 seconds. */
static bool wait_for_calls(int n)
{
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&gate_lock);
    while (inside < n && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&gate_moved, &gate_lock, &until);
    bool came = inside >= n;
    pthread_mutex_unlock(&gate_lock);
    return came;
}

/* ---- the cache -------------------------------------------------------------------------------------------------- */

static pxt_cache *cache;
static char name[THREADS][4] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};

static void open_cache(bool l2, const char *far, const char *core)
{
    static char text[500];
    snprintf(
        text, sizeof text,
        "plugin: fault, tier: faraway, tier_options: 'path=%s/far,host=a', faults: 'get all delay %ds; get_many all "
        "delay %ds; count all delay %ds', max_staleness: 1h",
        folder, GATE_SECONDS + GET, GATE_SECONDS + GET_MANY, GATE_SECONDS + COUNT);
    far_tier = text;
    cache = open_host(&(struct host){"a", l2, false, far, core});
}

/* A fresh pool with the keys k0 to k7, of which memory has none. */
static void begin(bool l2, const char *far, const char *core)
{
    char key[10];
    empty_folder();
    open_cache(l2, far, core);
    for (int i = 0; i < THREADS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(cache, key, i);
    }
    pxt_cache_close(cache);
    open_cache(l2, far, core);
}

static struct pxt_tier_stats far_stats(uint64_t *joined)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    if (joined)
        *joined = stats.joined;
    return stats.tier[stats.tier_count - 1];
}

/* Whether so many entries come to memory within some seconds. */
static bool memory_gets(uint64_t n)
{
    struct pxt_stats stats = {.size = 0};
    for (int64_t end = now_ms() + 10000; now_ms() < end; sleep_ms(2)) {
        pxt_stats_init(&stats);
        if (pxt_cache_stats(cache, &stats, NULL) == PXT_OK && stats.tier[0].promotions >= n)
            return true;
    }
    return false;
}

static int count_threads(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    for (const struct dirent *item; dir && (item = readdir(dir));)
        n += item->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

/* Whether memory has a key within some seconds. */
static bool comes_to_memory(const char *key, int64_t value)
{
    for (int64_t end = now_ms() + 10000; now_ms() < end; sleep_ms(2)) {
        unsigned tier = 9;
        if (get_from(cache, key, &tier) == value && tier == 0)
            return true;
    }
    return false;
}

static void *get_in_thread(void *arg)
{
    static _Thread_local struct pxt_error own;
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(cache, arg, &entry, &own);
    pxt_entry_release(entry);
    return status ? arg : NULL;
}

/* ---- soft_timeout ----------------------------------------------------------------------------------------------- */

static void a_get_goes_on_with_another_tier(void)
{
    unsigned tier = 9;
    begin(true, ", soft_timeout: 20ms", NULL);
    set_gate(true, GET);
    is_int(get_from(cache, "k1", &tier), 1, "soft_timeout: the server hangs, and a get ends");
    is_int(tier, 1, "with what the files have");
    is_int((int64_t)far_stats(NULL).slow, 1, "that is counted");
    is_int((int64_t)far_stats(NULL).failures, 0, "and is no failure");
    set_gate(false, 0);
    pxt_entry *out[2];
    pxt_status status[2];
    const char *keys[] = {"k2", "k3"};
    set_gate(true, GET_MANY);
    is_int(pxt_cache_get_many(cache, keys, 2, out, status, NULL, &error), PXT_OK, "so does a batch");
    ok(out[0] && out[1], "with what the files have");
    pxt_entry_release(out[0]);
    pxt_entry_release(out[1]);
    is_int((int64_t)far_stats(NULL).slow, 3, "which counts for each key");
    set_gate(false, 0);
    pxt_cache_close(cache);
}

static void the_answer_fills_memory_all_the_same(void)
{
    begin(false, ", soft_timeout: 20ms", NULL);
    set_gate(true, GET);
    is_int(get(cache, "k1"), -PXT_EBUSY, "no other tier: the get fails: %s", error.message);
    is_int(calls_so_far(), 1, "the server was asked once");
    set_gate(false, 0);
    ok(memory_gets(1), "what the server answers later is copied");
    unsigned tier = 9;
    is_int(get_from(cache, "k1", &tier), 1, "a get finds it");
    is_int(tier, 0, "in memory");
    is_int(calls_so_far(), 1, "without another call");
    set_gate(true, GET);
    is_int(get(cache, "k2"), -PXT_EBUSY, "another key is late");
    set_gate(false, 0);
    put(cache, "k2", 22);
    for (int i = 0; i < 50; i++) {
        if (get(cache, "k2") != 22)
            diag("%lld", (long long)get(cache, "k2"));
        sleep_ms(1);
    }
    is_int(get(cache, "k2"), 22, "an answer that came before a put does not replace it");
    pxt_cache_close(cache);
}

static void an_old_copy_is_served_meanwhile(void)
{
    pxt_entry *entry = NULL;
    begin(false, ", soft_timeout: 20ms", "fail_safe: true\n");
    is_int(get(cache, "k1"), 1, "fail_safe: an entry comes to memory");
    pxt_cache *other = open_host(&(struct host){"a", false, false, ", soft_timeout: 20ms", "fail_safe: true\n"});
    report(other, "k1", true); /* which makes it old here */
    pxt_cache_close(other);
    set_gate(true, GET);
    is_int(pxt_cache_get(cache, "k1", &entry, &error), PXT_OK, "the server hangs: the old copy is served");
    ok(entry && pxt_entry_is_stale(entry), "and marked");
    pxt_entry_release(entry);
    set_gate(false, 0);
    ok(comes_to_memory("k1", 1), "the answer of the server takes its place");
    pxt_cache_close(cache);
}

static void a_key_in_doubt_waits_once(void)
{
    begin(true, ", soft_timeout: 20ms", NULL);
    const char *own = far_tier;
    far_tier = NULL;
    pxt_cache *other = open_host(&(struct host){"b", false, false, NULL, NULL});
    far_tier = own;
    put(other, "k1", 10);
    for (int64_t end = now_ms() + 10000; !far_stats(NULL).notices && now_ms() < end; sleep_ms(2))
        ;
    set_gate(true, GET);
    is_int(get(cache, "k1"), -PXT_EUNAVAILABLE, "the files are in doubt: a get fails: %s", error.message);
    is_int(calls_so_far(), 1, "and waits for the server once");
    set_gate(false, 0);
    pxt_cache_close(other);
    pxt_cache_close(cache);
}

static void *open_gate_later(void *arg)
{
    sleep_ms(300);
    set_gate(false, 0);
    return arg;
}

static void close_waits_for_the_call(void)
{
    pthread_t opener;
    begin(false, ", soft_timeout: 20ms", NULL);
    set_gate(true, GET);
    get(cache, "k1");
    get(cache, "k2");
    ok(wait_for_calls(2), "two calls go on in the background");
    pthread_create(&opener, NULL, open_gate_later, NULL);
    pxt_cache_close(cache);
    ok(inside == 0, "a close waits for them");
    pthread_join(opener, NULL);
}

static void threads_are_started_for_the_option_only(void)
{
    int before, state = -1;
    begin(false, NULL, NULL);
    before = count_threads();
    get(cache, "k1");
    is_int(count_threads(), before, "no thread without the option");
    pxt_cache_close(cache);
    begin(false, ", soft_timeout: 10s", NULL);
    before = count_threads();
    is_int(get(cache, "k1"), 1, "with it a get ends with the answer");
    is_int(count_threads(), before + 1, "which a thread has fetched");
    get(cache, "k2");
    is_int(count_threads(), before + 1, "and which fetches the next one");
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        alarm(60);
        pxt_entry *entry = NULL;
        pxt_cache *own = open_host(&(struct host){"a", false, false, ", soft_timeout: 10s", NULL});
        _exit(pxt_cache_get(own, "k3", &entry, NULL) != PXT_OK);
    }
    waitpid(child, &state, 0);
#else
    state = 0;
#endif
    is_int(state, 0, "a child that was forked has threads of its own");
    pxt_cache_close(cache);
    is_int(count_threads(), before - 1, "a close ends them"); /* and that of the tier */
    struct host host = {"a", false, false, NULL, NULL};
    static char database[100];
    snprintf(database, sizeof database, "plugin: l3_sqlite, path: %s/x.db, soft_timeout: 1s", folder);
    far_tier = database;
    is_int(try_open(&host, &cache), PXT_ECONFIG, "it is for tiers on other machines: %s", error.message);
}

/* ---- max_waiting ------------------------------------------------------------------------------------------------ */

static void more_calls_are_turned_away(void)
{
    pthread_t thread[2];
    unsigned tier = 9;
    begin(true, ", max_waiting: 2", NULL);
    set_gate(true, GET);
    pthread_create(&thread[0], NULL, get_in_thread, name[0]);
    pthread_create(&thread[1], NULL, get_in_thread, name[1]);
    ok(wait_for_calls(2), "max_waiting: two calls are in the tier");
    is_int(get_from(cache, "k2", &tier), 2, "another get ends at once");
    is_int(tier, 1, "with what the files have");
    is_int(calls_so_far(), 2, "the server was not asked");
    ok(far_stats(NULL).turned_away > 0, "that is counted");
    is_int((int64_t)far_stats(NULL).failures, 0, "and is no failure");
    is_int(far_stats(NULL).state, PXT_TIER_ON, "the tier stays on");
    set_gate(false, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    unsigned long long before = far_stats(NULL).turned_away;
    get(cache, "k4");
    is_int((int64_t)far_stats(NULL).turned_away, (int64_t)before, "afterwards calls are let in again");
    pxt_cache_close(cache);
}

/* ---- a tier that comes back ------------------------------------------------------------------------------------- */

static void one_call_finds_out_whether_it_is_back(void)
{
    pthread_t thread[THREADS];
    begin(true, NULL, "degrade: {threshold: 1, backoff: 1ms, backoff_max: 1ms}\n");
    set_down(true);
    get(cache, "k0");
    is_int(far_stats(NULL).state, PXT_TIER_OFF, "a tier is off");
    uint64_t probes = far_stats(NULL).probes;
    set_down(false);
    sleep_ms(20);
    set_gate(true, COUNT);
    for (int i = 1; i < THREADS; i++)
        pthread_create(&thread[i], NULL, get_in_thread, name[i]);
    ok(wait_for_calls(1), "when its back-off is over, a get tries it");
    sleep_ms(50);
    is_int(calls_so_far(), 1, "one of %d gets", THREADS - 1);
    is_int((int64_t)(far_stats(NULL).probes - probes), 1, "which is counted");
    is_int(far_stats(NULL).state, PXT_TIER_PROBING, "the others go on without it");
    set_gate(false, 0);
    for (int i = 1; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    is_int(far_stats(NULL).state, PXT_TIER_ON, "it is on again");
    pxt_cache_close(cache);
}

/* ---- single flight ---------------------------------------------------------------------------------------------- */

/* Waits until so many gets wait for one of another thread. */
static bool wait_for_joined(uint64_t n)
{
    uint64_t joined = 0;
    for (int64_t end = now_ms() + 20000; joined < n && now_ms() < end; sleep_ms(2))
        far_stats(&joined);
    return joined >= n;
}

static void *get_batch(void *arg)
{
    static _Thread_local struct pxt_error own;
    pxt_entry *out[THREADS];
    pxt_status status[THREADS];
    const char *keys[THREADS];
    int found = 0;
    for (int i = 0; i < THREADS; i++)
        keys[i] = name[i];
    pxt_cache_get_many(cache, keys, THREADS, out, status, NULL, &own);
    for (int i = 0; i < THREADS; i++) {
        found += out[i] && pxt_entry_number(out[i], PXT_FIELD_TTL_SECONDS) == TTL + i;
        pxt_entry_release(out[i]);
    }
    return found == THREADS ? NULL : arg;
}

static void one_thread_asks_for_all(void)
{
    pthread_t thread[THREADS];
    void *failed = NULL, *any = NULL;
    uint64_t joined = 0;
    begin(false, NULL, NULL);
    set_gate(true, GET);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, get_in_thread, name[0]);
    ok(wait_for_calls(1), "%d threads get one key", THREADS);
    sleep_ms(100);
    set_gate(false, 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], &failed);
        any = failed ? failed : any;
    }
    ok(!any, "all find it");
    is_int(calls_so_far(), 1, "the server was asked once");
    far_stats(&joined);
    ok(joined > 0 && joined < THREADS, "those that waited are counted: %llu", (unsigned long long)joined);
    pxt_cache_close(cache);

    begin(false, NULL, NULL);
    set_gate(true, GET_MANY);
    pthread_create(&thread[0], NULL, get_batch, name[0]);
    ok(wait_for_calls(1), "a batch is on its way");
    for (int i = 1; i < THREADS; i++)
        pthread_create(&thread[i], NULL, i % 2 ? get_batch : get_in_thread, name[7]);
    sleep_ms(100);
    set_gate(false, 0);
    any = NULL;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], &failed);
        any = failed ? failed : any;
    }
    ok(!any, "other batches and gets of its keys find them");
    is_int(calls_so_far(), 1, "the server was asked once");
    ok(wait_for_joined(1), "they waited");
    pxt_cache_close(cache);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    alarm(300); /* a get that waits for ever ends the test */
    a_get_goes_on_with_another_tier();
    the_answer_fills_memory_all_the_same();
    an_old_copy_is_served_meanwhile();
    a_key_in_doubt_waits_once();
    close_waits_for_the_call();
    threads_are_started_for_the_option_only();
    more_calls_are_turned_away();
    one_call_finds_out_whether_it_is_back();
    one_thread_asks_for_all();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
