/* SPDX-License-Identifier: MIT
 *
 * No get waits for a tier that it does not need. The calls of the slowest tier are held at a gate, not for a time: a get is
 * right if it ends while the gate is closed. The tier `fault` delays each of its calls; the nanosleep() of this program,
 * which it calls, is the gate.
 */
#include "../lib/tap.h"
#include "base/key.h"
#include "shared/page.h"
#include <errno.h>
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 400, IN_MEMORY = 100, BATCH = 8, GETS = 1000, THREADS = 16, GATE_SECONDS = 900, TTL = 100000 };
enum { ALL_CALLS = 0, GET = 1, PUT_MANY, EXPIRE, MAINTAIN, SYNC, VERSIONS, COUNT };
static char folder[] = "/tmp/proxtier-slow-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;

/* ---- the gate --------------------------------------------------------------------------------------------------- */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool closed;
static int closed_for; /* which calls, or ALL_CALLS */
static int inside, calls;

/* A delay of GATE_SECONDS and more is the number of an operation; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < GATE_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    int operation = (int)(time->tv_sec - GATE_SECONDS);
    pthread_mutex_lock(&gate_lock);
    calls += operation == GET;
    bool stops = closed && (closed_for == operation || closed_for == ALL_CALLS);
    inside += stops;
    pthread_cond_broadcast(&gate_moved);
    while (stops && closed)
        pthread_cond_wait(&gate_moved, &gate_lock);
    inside -= stops;
    pthread_mutex_unlock(&gate_lock);
    return 0;
}

static void close_gate(int operation)
{
    pthread_mutex_lock(&gate_lock);
    closed = true;
    closed_for = operation;
    calls = 0;
    pthread_mutex_unlock(&gate_lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    closed = false;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
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

static void open_text(const char *yaml, unsigned flags)
{
    struct pxt_cache_options options = {.size = sizeof options, .flags = flags, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

/* The slowest tier is on another machine, for which the plugin faraway stands in. */
static void open_remote_chain(const char *faults)
{
    char yaml[1500], path[100];
    snprintf(path, sizeof path, "%s/far", folder);
    mkdir(path, 0700);
    snprintf(
        yaml, sizeof yaml,
        "encryptor: {plugin: plain}\n"
        "plugin_dirs: [%s]\n"
        "lock_timeout: 20s\n"
        "tiers:\n"
        "  - {plugin: l1_memory, max_entries: %d}\n"
        "  - {plugin: l2_jsonl, dir: %s/l2, max_entries: 5000}\n"
        "  - {plugin: fault, name: far, tier: faraway, tier_options: 'path=%s', faults: '%s', max_staleness: 1h}\n",
        getenv("PROXTIER_REFUSED_PLUGINS"), IN_MEMORY, folder, path, faults);
    open_text(yaml, PXT_OPEN_NO_JANITOR);
}

static void open_chain_with(const char *faults, unsigned flags)
{
    char yaml[1500];
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\n"
             "lock_timeout: 20s\n"
             "degrade: {threshold: 1, backoff: 1ms}\n"
             "tiers:\n"
             "  - {plugin: l1_memory, max_entries: %d}\n"
             "  - {plugin: l2_jsonl, dir: %s/l2, max_entries: 5000}\n"
             "  - {plugin: fault, name: l3, tier: l3_sqlite, tier_options: 'path=%s/l3.db', faults: '%s'}\n",
             IN_MEMORY, folder, folder, faults);
    open_text(yaml, flags);
}

static void open_chain(const char *faults)
{
    open_chain_with(faults, PXT_OPEN_NO_JANITOR);
}

static void close_chain(void)
{
    char command[100];
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static void draft_of(struct pxt_draft *draft, const char *key)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, TTL);
}

static pxt_status put(const char *key)
{
    struct pxt_draft draft;
    draft_of(&draft, key);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

static pxt_status put_batch(const char *prefix, int n)
{
    static struct pxt_draft drafts[KEYS];
    static char keys[KEYS][20];
    for (int i = 0; i < n; i++) {
        snprintf(keys[i], sizeof keys[i], "%s%d", prefix, i);
        draft_of(&drafts[i], keys[i]);
    }
    return pxt_cache_put_many(cache, drafts, (size_t)n, NULL, NULL, &error);
}

static unsigned word_of(const char *key)
{
    return (unsigned)(pxt_key_hash(key, strlen(key)) % PXT_WORDS);
}

/* Whether a key shares a word with one of the batch: that word is in doubt while the batch goes on. */
static bool is_near_the_batch(const char *key)
{
    for (int i = 0; i < BATCH; i++) {
        char other[20];
        snprintf(other, sizeof other, "batch%d", i);
        if (word_of(key) == word_of(other))
            return true;
    }
    return false;
}

/* Gets keys of memory and of the files in turn; returns how many gets found their entry. */
static int get_others(void)
{
    int found = 0;
    for (int i = 0; i < GETS; i++) {
        char key[20];
        pxt_entry *entry = NULL;
        snprintf(key, sizeof key, "k%d", i % 2 ? i % KEYS : i % 20);
        found += is_near_the_batch(key) || pxt_cache_get(cache, key, &entry, NULL) == PXT_OK;
        pxt_entry_release(entry);
    }
    return found;
}

static void *get_in_thread(void *arg)
{
    *(int *)arg = get_others();
    return NULL;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

/* Has one thread do `work`, which comes to the closed gate, and another one get. */
static void gets_go_on(const char *what, int operation, void *(*work)(void *))
{
    pthread_t slow, getter;
    struct timespec until;
    int found = -1;
    close_gate(operation);
    if (pthread_create(&slow, NULL, work, NULL))
        exit(1);
    ok(wait_for_calls(1), "%s: the slowest tier is called, and does not return", what);
    if (pthread_create(&getter, NULL, get_in_thread, &found))
        exit(1);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    bool joined = !pthread_timedjoin_np(getter, NULL, &until);
    ok(joined, "%s: gets from memory and from files end meanwhile", what);
    ok(wait_for_calls(1), "%s: the call still does not return", what);
    open_gate();
    if (!joined)
        pthread_join(getter, NULL);
    pthread_join(slow, NULL);
    is_int(found, GETS, "%s: they find their entries", what);
}

static void *do_batch(void *arg)
{
    if (put_batch("batch", BATCH))
        diag("batch: %s", error.message);
    return arg;
}

static void *do_tick(void *arg)
{
    pxt_cache_tick(cache, NULL, NULL);
    return arg;
}

static void *do_sync(void *arg)
{
    pxt_cache_sync(cache, NULL);
    return arg;
}

static const char rules[] = "get all delay 901s; get_many all delay 901s; put_many all delay 902s; expire all delay "
                            "903s; maintain all delay 904s; "
                            "sync all delay 905s; versions all delay 906s";

static void gets_do_not_wait_for_the_slowest_tier(void)
{
    open_chain(rules);
    put_batch("k", KEYS);
    gets_go_on("a batch that reads", GET, do_batch);
    gets_go_on("a batch that writes", PUT_MANY, do_batch);
    gets_go_on("an expiry", EXPIRE, do_tick);
    gets_go_on("a maintenance", MAINTAIN, do_tick);
    gets_go_on("a sync", SYNC, do_sync);
    close_chain();
}

static void gets_do_not_wait_for_a_repair(void)
{
    char with_failures[400];
    snprintf(with_failures, sizeof with_failures, "%s; put 1-2 fail EIO", rules);
    for (int operation = GET; operation <= VERSIONS; operation += VERSIONS - GET) {
        open_chain(with_failures);
        put_batch("k", KEYS);
        is_int(put("batch0") || put("batch1"), PXT_OK, "the slowest tier misses two writes");
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* its back-off of some milliseconds ends */
        gets_go_on(operation == GET ? "a repair that compares" : "a repair that lists", operation, do_tick);
        close_chain();
    }
}

/* Gets until the tier that is off is probed. */
static void *get_until_probed(void *arg)
{
    while (!atomic_load((atomic_bool *)arg)) {
        get_others();
        pthread_mutex_lock(&gate_lock);
        atomic_store((atomic_bool *)arg, inside > 0);
        pthread_mutex_unlock(&gate_lock);
    }
    return NULL;
}

static void gets_do_not_wait_for_a_probe(void)
{
    pthread_t getter;
    struct timespec until;
    atomic_bool probed = false;
    open_chain_with("count all delay 907s; put 1 fail EIO", 0);
    put_batch("k", KEYS);
    is_int(put("batch0"), PXT_OK, "the slowest tier fails, and is off");
    close_gate(COUNT);
    if (pthread_create(&getter, NULL, get_until_probed, &probed))
        exit(1);
    ok(wait_for_calls(1), "after a while it is probed");
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    bool joined = !pthread_timedjoin_np(getter, NULL, &until);
    ok(joined && probed, "a get that finds a probe due does not wait for it");
    open_gate();
    if (!joined)
        pthread_join(getter, NULL);
    close_chain();
}

static void *get_missing(void *arg)
{
    char key[20];
    pxt_entry *entry = NULL;
    snprintf(key, sizeof key, "miss%u", (unsigned)(uintptr_t)arg);
    pxt_cache_get(cache, key, &entry, NULL);
    pxt_entry_release(entry);
    return NULL;
}

static void misses_of_different_keys_do_not_wait_for_each_other(void)
{
    pthread_t thread[THREADS];
    open_chain("get all delay 901s");
    close_gate(GET);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, get_missing, (void *)i);
    ok(wait_for_calls(THREADS), "%d threads ask the slowest tier for %d keys at once", THREADS, THREADS);
    open_gate();
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    close_chain();
}

static void *get_popular(void *arg)
{
    pxt_entry *entry = NULL;
    if (pxt_cache_get(cache, "popular", &entry, NULL) == PXT_OK)
        atomic_fetch_add((atomic_int *)arg, 1);
    pxt_entry_release(entry);
    return NULL;
}

static void misses_of_one_key_cost_one_call(void)
{
    pthread_t thread[THREADS];
    atomic_int found = 0;
    open_chain("get all delay 901s");
    put("popular");
    pxt_cache_close(cache); /* memory loses it */
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/l2", folder); /* and so do the files */
    ok(system(command) == 0, "only the slowest tier has an entry");
    open_chain("get all delay 901s");
    close_gate(GET);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, get_popular, &found);
    ok(wait_for_calls(1), "%d threads get it", THREADS);
    usleep(100000);
    open_gate();
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    is_int(found, THREADS, "all find it");
    is_int(calls, 1, "the slowest tier was asked once");
    close_chain();
}

static unsigned lock_of(const char *key)
{
    return pxt_lock_number(pxt_key_hash(key, strlen(key)));
}

static void *get_by_name(void *arg)
{
    pxt_entry *entry = NULL;
    pxt_cache_get(cache, arg, &entry, NULL);
    pxt_entry_release(entry);
    return NULL;
}

static void *report_popular(void *arg)
{
    struct pxt_report outcome = {.size = sizeof outcome, .ok = true, .latency_ms = 10};
    *(pxt_status *)arg = pxt_cache_report(cache, "popular", &outcome, NULL, NULL, NULL);
    return NULL;
}

/* Whether a get of the popular key ends while the gate is closed. */
static bool popular_is_found(const char *what)
{
    pthread_t getter;
    struct timespec until;
    atomic_int found = 0;
    if (pthread_create(&getter, NULL, get_popular, &found))
        exit(1);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    bool joined = !pthread_timedjoin_np(getter, NULL, &until);
    ok(joined, "%s", what);
    if (!joined) {
        open_gate();
        pthread_join(getter, NULL);
    }
    return found;
}

/* Keys that share their lock, in the page and in the process. */
static void gets_from_another_machine_hold_no_lock(void)
{
    enum { NEAR = 4 };
    pthread_t thread[NEAR];
    static char near[NEAR][20];
    pxt_status reported = PXT_EIO;
    open_remote_chain("get all delay 901s; get_many all delay 901s");
    put("popular");
    get_by_name((char[]){"popular"}); /* into memory */
    for (int i = 0, n = 0; n < NEAR; i++) {
        snprintf(near[n], sizeof near[n], "near%d", i);
        n += lock_of(near[n]) == lock_of("popular");
    }
    close_gate(GET);
    for (int i = 0; i < NEAR; i++)
        pthread_create(&thread[i], NULL, get_by_name, near[i]);
    ok(wait_for_calls(NEAR), "remote: gets of keys with one lock ask the server at once");
    ok(popular_is_found("remote: a key of the same lock is got from memory meanwhile"), "it is found");
    open_gate();
    for (int i = 0; i < NEAR; i++)
        pthread_join(thread[i], NULL);
    close_gate(GET);
    pthread_create(&thread[0], NULL, report_popular, &reported);
    ok(wait_for_calls(1), "remote: a report reads its entry from the server");
    ok(popular_is_found("remote: the same key is got from memory meanwhile"), "it is found");
    open_gate();
    pthread_join(thread[0], NULL);
    is_int(reported, PXT_OK, "the report ends");
    close_chain();
}

/* The other process: opens the cache, and gets when it is told to. */
static void be_another_process(int from, int to)
{
    char byte;
    int32_t found = -1;
    alarm(100);
    if (read(from, &byte, 1) != 1)
        _exit(1);
    open_chain("");
    if (write(to, "o", 1) != 1 || read(from, &byte, 1) != 1)
        _exit(1);
    found = get_others();
    if (write(to, &found, sizeof found) != sizeof found || read(from, &byte, 1) != 1)
        _exit(1);
    pxt_cache_close(cache);
    _exit(0);
}

static void gets_of_another_process_do_not_wait(int to, int from, pid_t child)
{
    pthread_t slow;
    char byte;
    int32_t found = -1;
    open_chain(rules);
    put_batch("k", KEYS);
    if (write(to, "g", 1) != 1 || read(from, &byte, 1) != 1)
        exit(1);
    close_gate(PUT_MANY);
    if (pthread_create(&slow, NULL, do_batch, NULL))
        exit(1);
    ok(wait_for_calls(1), "a process waits for its batch");
    ok(write(to, "g", 1) == 1 && read(from, &found, sizeof found) == sizeof found, "gets of another process end");
    is_int(found, GETS, "and find their entries");
    ok(wait_for_calls(1), "while the batch still waits");
    open_gate();
    pthread_join(slow, NULL);
    ok(write(to, "g", 1) == 1 && waitpid(child, NULL, 0) == child, "the other process goes");
    close_chain();
}

int main(void)
{
    int there[2], back[2];
    if (!mkdtemp(folder) || pipe(there) || pipe(back))
        return 1;
    alarm(200); /* a get that waits for ever ends the test */
    pid_t child = fork();
    if (!child)
        be_another_process(there[0], back[1]);
    gets_of_another_process_do_not_wait(there[1], back[0], child);
    gets_do_not_wait_for_the_slowest_tier();
    gets_do_not_wait_for_a_repair();
    gets_do_not_wait_for_a_probe();
    misses_of_different_keys_do_not_wait_for_each_other();
    misses_of_one_key_cost_one_call();
    gets_from_another_machine_hold_no_lock();
    rmdir(folder);
    return tap_done();
}
