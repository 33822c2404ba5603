/* SPDX-License-Identifier: MIT
 *
 * A program may close the library with dlclose() while threads that used it still run.
 */
#include "../lib/tap.h"
#include <dlfcn.h>
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t used, closed;
static void *library;
static char config[] = "/tmp/proxtier-unload-XXXXXX";

static void *use_it(void *arg)
{
    pxt_status (*open_cache)(const struct pxt_cache_options *, pxt_cache **, struct pxt_error *);
    pxt_status (*get)(pxt_cache *, const char *, pxt_entry **, struct pxt_error *);
    void (*close_cache)(pxt_cache *);
    *(void **)&open_cache = dlsym(library, "pxt_cache_open");
    *(void **)&get = dlsym(library, "pxt_cache_get");
    *(void **)&close_cache = dlsym(library, "pxt_cache_close");
    struct pxt_cache_options options = {.size = sizeof options, .config_file = config};
    struct pxt_error error = {.message = ""};
    pxt_entry *entry;
    pxt_cache *cache = NULL;
    if (open_cache(&options, &cache, &error) || get(cache, "none", &entry, &error) != PXT_NOT_FOUND)
        printf("# %s\n", error.message), _exit(2);
    close_cache(cache);
    sem_post(&used);
    sem_wait(&closed);
    return arg;
}

static int unload_while_a_thread_runs(void)
{
    pthread_t thread;
    char path[4096];
    snprintf(path, sizeof path, "%s/.libs/libproxtier.so.0", getenv("abs_top_builddir"));
    library = dlopen(path, RTLD_NOW);
    if (!library)
        return 3;
    pthread_create(&thread, NULL, use_it, NULL);
    sem_wait(&used);
    dlclose(library);
    sem_post(&closed);
    pthread_join(thread, NULL);
    return 0;
}

int main(void)
{
    int fd = mkstemp(config), state = -1;
    static const char text[] = "tiers:\n  - {name: l1, plugin: l1_memory}\n";
    if (fd < 0 || write(fd, text, sizeof text - 1) < 0)
        return 1;
    sem_init(&used, 0, 0);
    sem_init(&closed, 0, 0);
    fflush(stdout);
    pid_t child = fork();
    if (!child)
        _exit(unload_while_a_thread_runs());
    waitpid(child, &state, 0);
    is_int(state, 0, "a thread that used the library ends after dlclose()");
    close(fd);
    unlink(config);
    return tap_done();
}
