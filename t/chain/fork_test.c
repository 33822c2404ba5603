/* SPDX-License-Identifier: MIT
 *
 * A child that is forked while threads use caches can open and use a cache of its own.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 4 };
static atomic_bool stop;
static char config[] = "/tmp/proxtier-fork-XXXXXX";

/* Returns whether a cache opens, takes an entry, and gives it back. */
static bool use_a_cache(void)
{
    struct pxt_cache_options options = {.size = sizeof options, .config_file = config};
    struct pxt_draft draft;
    pxt_cache *cache = NULL;
    pxt_entry *entry = NULL;
    char key[17];
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    if (pxt_cache_open(&options, &cache, NULL))
        return false;
    bool good = !pxt_key_of_url("http://192.0.2.1:80", NULL, key, NULL) && !pxt_cache_put(cache, &draft, NULL, NULL);
    for (int i = 0; good && i < 200; i++) {
        good = pxt_cache_get(cache, key, &entry, NULL) == PXT_OK && pxt_cache_put(cache, &draft, NULL, NULL) == PXT_OK;
        pxt_entry_release(entry);
    }
    pxt_cache_close(cache);
    return good;
}

static void *work(void *arg)
{
    while (!atomic_load(&stop))
        if (!use_a_cache())
            return config;
    return arg;
}

static void *nothing(void *arg)
{
    use_a_cache();
    return arg;
}

/* A child that hangs is ended by its alarm. */
static int run_child(void)
{
    int state = -1;
    pid_t child = fork();
    if (!child) {
        pthread_t thread;
        alarm(60);
        bool good = use_a_cache() && !pthread_create(&thread, NULL, nothing, NULL) && !pthread_join(thread, NULL);
        _exit(!good);
    }
    waitpid(child, &state, 0);
    return state;
}

int main(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    /* The child of a process with threads may find the sanitizer's own locks taken for ever. */
    printf("1..0 # SKIP a sanitizer's runtime does not survive a fork beside threads\n");
    return 0;
#endif
    int fd = mkstemp(config), bad = 0;
    static const char text[] = "tiers:\n  - {name: l1, plugin: l1_memory}\n";
    if (fd < 0 || write(fd, text, sizeof text - 1) < 0)
        return 1;
    pthread_t worker[WORKERS];
    void *failed[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&worker[i], NULL, work, NULL);
    for (int i = 0; i < 50; i++)
        bad += run_child() != 0;
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(worker[i], &failed[i]);
    is_int(bad, 0, "50 children, forked while 4 threads open, use and close caches, use one of their own");
    for (int i = 0; i < WORKERS; i++)
        ok(!failed[i], "thread %d went on meanwhile", i);
    close(fd);
    unlink(config);
    return tap_done();
}
