/* SPDX-License-Identifier: MIT
 *
 * The example lmdb within one process: two caches on one store share an environment, which LMDB does not open twice; a child of a
 * fork has one of its own; and threads write on while the map grows under them.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-lmdb-XXXXXX";
static struct pxt_error error;

static pxt_status open_pool(const char *more, pxt_cache **cache)
{
    char yaml[1000];
    snprintf(yaml, sizeof yaml,
             "plugin_dirs: [%s/t/plugins/lmdb/.libs]\nencryptor: {plugin: plain}\n"
             "tiers: [{plugin: lmdb, dir: %s/store%s}]",
             getenv("abs_top_builddir"), folder, more);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    return pxt_cache_open(&options, cache, &error);
}

static pxt_cache *must_open(void)
{
    pxt_cache *cache = NULL;
    if (open_pool("", &cache)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static pxt_status put(pxt_cache *into, const char *key)
{
    struct pxt_draft draft;
    struct pxt_error problem;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    return pxt_cache_put(into, &draft, NULL, &problem);
}

static pxt_status get(pxt_cache *from, const char *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(from, key, &entry, &error);
    pxt_entry_release(entry);
    return status;
}

static void two_caches_share_an_environment(void)
{
    pxt_cache *one = must_open(), *two = must_open(), *other = NULL;
    put(one, "a");
    is_int(get(two, "a"), PXT_OK, "two caches on one store: one sees what the other puts");
    is_int(open_pool(", sync: full", &other), PXT_ECONFIG, "... and a third with another sync is refused");
    ok(strstr(error.message, "sync") != NULL, "... with the reason: %s", error.message);
    pxt_cache_close(one);
    is_int(put(two, "b"), PXT_OK, "... when one is closed, the other writes on");
    is_int(get(two, "a"), PXT_OK, "... and reads");
    pxt_cache_close(two);
    two = must_open();
    is_int(get(two, "b"), PXT_OK, "... and all is there when both were closed");
    pxt_cache_close(two);
}

static void a_child_has_an_environment_of_its_own(void)
{
    pxt_cache *cache = must_open();
    put(cache, "parent");
    pid_t child = fork();
    if (!child) {
        pxt_cache *own = NULL; /* another sync would be refused in the environment of the parent */
        bool good = !open_pool(", sync: full", &own) && !get(own, "parent") && !put(own, "child");
        pxt_cache_close(own);
        _exit(good ? 0 : 1);
    }
    int state = -1;
    waitpid(child, &state, 0);
    is_int(state, 0, "the child of a fork opens the store, reads and writes");
    is_int(get(cache, "child"), PXT_OK, "... which the parent sees");
    is_int(put(cache, "again"), PXT_OK, "... and the parent writes on");
    pxt_cache_close(cache);
}

enum { THREADS = 8 };
static pxt_cache *shared;
static int amount;

static void *write_many(void *arg)
{
    uintptr_t failed = 0;
    for (int i = 0; i < amount; i++) {
        char key[40];
        snprintf(key, sizeof key, "thread-%d-%d", *(int *)arg, i);
        failed += put(shared, key) != PXT_OK || get(shared, key) != PXT_OK;
    }
    return (void *)failed;
}

static bool count_one(void *arg, pxt_entry *entry)
{
    *(int *)arg += !strncmp(pxt_entry_key(entry), "thread-", 7);
    return true;
}

static void threads_write_while_the_map_grows(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], seen = 0;
    uintptr_t failed = 0;
    shared = must_open();
    amount = tap_amount(250);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, write_many, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        failed += (uintptr_t)result;
    }
    is_int((int)failed, 0, "threads put and get while the map grows");
    pxt_cache_each(shared, count_one, &seen, &error);
    is_int(seen, THREADS * amount, "... and all of it is there");
    pxt_cache_close(shared);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    two_caches_share_an_environment();
    a_child_has_an_environment_of_its_own();
    threads_write_while_the_map_grows();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        diag("%s remains", folder);
    return tap_done();
}
