/* SPDX-License-Identifier: MIT
 *
 * Processes that share a store agree by its coherence file also after the file was removed or replaced under them. Two
 * openings of the file in one process stand for two processes: their locks exclude each other.
 */
#include "../lib/tap.h"
#include "shared/coherence.h"
#include <proxtier/error.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-coherence-XXXXXX";
static char store[100], file[120], aside[120];
enum { STRIPE = 7, HASH = 12345 };

static struct pxt_coherence *open_coherence(void)
{
    struct pxt_coherence *opened = calloc(1, sizeof *opened);
    struct pxt_error error;
    if (!opened || pxt_coherence_open(opened, store, 50, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return opened;
}

static void close_coherence(struct pxt_coherence *opened)
{
    pxt_coherence_close(opened);
    free(opened);
}

/* `old` was opened before the file was lost, `fresh` afterwards: they must exclude each other, and count alike. `before` is
 * the counter before the loss. */
static void they_agree(struct pxt_coherence *old, uint32_t before, const char *what)
{
    struct pxt_coherence *fresh = open_coherence();
    is_int(pxt_coherence_lock(fresh, STRIPE, 1, NULL), PXT_OK, "%s: a process that comes later takes a lock", what);
    is_int(pxt_coherence_lock(old, STRIPE, 1, NULL), PXT_EBUSY, "... and keeps the earlier process out");
    pxt_coherence_unlock(fresh, STRIPE, 1);
    is_int(pxt_coherence_lock(old, STRIPE, 1, NULL), PXT_OK, "... until it lets go");
    is_int(pxt_coherence_lock(fresh, STRIPE, 1, NULL), PXT_EBUSY, "the earlier process keeps the later one out");
    pxt_coherence_unlock(old, STRIPE, 1);
    uint32_t after = pxt_generation(old, HASH);
    ok(after != before, "what the earlier process has in memory is doubted");
    unsigned believed = 0;
    for (int i = 0; i < 100; i++) {
        pxt_generation_bump(fresh, HASH);
        believed += pxt_generation(old, HASH) == before;
    }
    is_int(believed, 0, "and stays doubted after more writes");
    ok(pxt_generation(old, HASH) != after, "it sees the writes of the later process");
    close_coherence(fresh);
}

static void a_file_that_was_removed_is_noticed(void)
{
    struct pxt_coherence *old = open_coherence();
    uint32_t before = pxt_generation(old, HASH);
    unlink(file);
    they_agree(old, before, "removed");
    before = pxt_generation(old, HASH);
    unlink(file);
    they_agree(old, before, "removed once more");
    close_coherence(old);
}

static void a_file_that_was_replaced_is_noticed(void)
{
    struct pxt_coherence *old = open_coherence();
    uint32_t before = pxt_generation(old, HASH);
    char command[600];
    snprintf(command, sizeof command, "cp -p %s %s && mv %s %s", file, aside, aside, file);
    ok(system(command) == 0, "the file is replaced by a copy");
    they_agree(old, before, "replaced");
    close_coherence(old);
}

static void a_file_that_was_moved_away_is_noticed_by_maintenance(void)
{
    struct pxt_coherence *old = open_coherence();
    uint32_t before = pxt_generation(old, HASH);
    rename(file, aside);
    is_int(pxt_coherence_check(old, NULL), PXT_OK, "maintenance makes the file anew");
    is_int(access(file, F_OK), 0, "it stands there again");
    they_agree(old, before, "moved away");
    close_coherence(old);
}

static void a_file_that_was_cut_is_grown_again(void)
{
    struct pxt_coherence *old = open_coherence();
    uint32_t before = pxt_generation(old, HASH);
    ok(truncate(file, 0) == 0, "the file is cut to 0");
    is_int(pxt_coherence_check(old, NULL), PXT_OK, "maintenance grows it");
    ok(pxt_generation(old, HASH) != before, "what is in memory is doubted");
    close_coherence(old);
}

static void a_file_that_cannot_be_made_anew_is_an_error(void)
{
    struct pxt_coherence *old = open_coherence();
    struct pxt_error error = {.message = ""};
    char away[120];
    snprintf(away, sizeof away, "%s.away", folder);
    unlink(file);
    rename(folder, away);
    ok(pxt_coherence_lock(old, STRIPE, 1, &error) != PXT_OK, "without its folder no lock is given: %s", error.message);
    ok(strstr(error.message, file) != NULL, "the message names the file");
    rename(away, folder);
    is_int(pxt_coherence_lock(old, STRIPE, 1, &error), PXT_OK, "when the folder is back, it is");
    close_coherence(old);
}

static struct pxt_coherence *used_by_threads;
static _Atomic bool stop;
static _Atomic unsigned failed_locks;

/* Each thread has a stripe of its own, as the mutexes of the chain make sure. */
static void *lock_and_read(void *stripe)
{
    unsigned n = (unsigned)(uintptr_t)stripe;
    while (!stop) {
        failed_locks += pxt_coherence_lock(used_by_threads, n, 1, NULL) != PXT_OK;
        pxt_generation_bump(used_by_threads, n);
        pxt_coherence_unlock(used_by_threads, n, 1);
        for (unsigned i = 0; i < 100; i++)
            pxt_generation(used_by_threads, i);
    }
    return NULL;
}

static void a_file_can_be_removed_while_threads_use_it(void)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    used_by_threads = open_coherence();
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, lock_and_read, (void *)i);
    for (int i = tap_amount(50); i > 0; i--) {
        unlink(file);
        while (access(file, F_OK)) /* until a thread has noticed */
            sched_yield();
    }
    stop = true;
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    is_int(failed_locks, 0, "each lock is given while the file is removed again and again");
    uint32_t before = pxt_generation(used_by_threads, HASH);
    unlink(file);
    they_agree(used_by_threads, before, "removed after that");
    close_coherence(used_by_threads);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(file, sizeof file, "%s.coherence", store);
    snprintf(aside, sizeof aside, "%s.aside", store);
    a_file_that_was_removed_is_noticed();
    a_file_that_was_replaced_is_noticed();
    a_file_that_was_moved_away_is_noticed_by_maintenance();
    a_file_that_was_cut_is_grown_again();
    a_file_that_cannot_be_made_anew_is_an_error();
    a_file_can_be_removed_while_threads_use_it();
    unlink(file);
    unlink(aside);
    rmdir(folder);
    return tap_done();
}
