/* SPDX-License-Identifier: MIT
 *
 * Locks of the page, and what happens to processes under which its file is removed or replaced. Two openings of the file in
 * one process stand for two processes: their locks exclude each other.
 */
#include "../lib/tap.h"
#include "page_kit.h"
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char aside[120];
enum { STRIPE = 7, HASH = 12345 };

/* ---- locks ------------------------------------------------------------------------------------------------------ */

static void a_lock_waits_and_gives_up(void)
{
    struct pxt_page *page = open_page(), *other = open_page();
    struct pxt_error error = {.message = ""};
    enum { WAIT_MS = 400 };
    other->timeout_ms = WAIT_MS;
    is_int(pxt_page_lock(page, 3, 2, NULL), PXT_OK, "two stripes are locked");
    is_int(pxt_page_lock(other, 2, 1, NULL), PXT_OK, "the one before them is free");
    is_int(pxt_page_lock(other, 5, 1, NULL), PXT_OK, "the one behind too");
    pxt_page_unlock(other, 2, 1);
    pxt_page_unlock(other, 5, 1);
    int64_t start = pxt_clock_monotonic_ms();
    is_int(pxt_page_lock(other, 4, 1, &error), PXT_EBUSY, "theirs is not: %s", error.message);
    ok(pxt_clock_monotonic_ms() - start >= WAIT_MS, "the timeout is kept");
    ok(strstr(error.message, file) != NULL, "the message names the file");
    start = pxt_clock_monotonic_ms();
    is_int(pxt_page_lock(other, 4, 1, NULL), PXT_EBUSY, "the next attempt fails too");
    ok(pxt_clock_monotonic_ms() - start < WAIT_MS, "and sooner");
    is_int(pxt_page_lock(other, 0, PXT_WORDS, NULL), PXT_EBUSY, "nor are all free");
    pxt_page_unlock(page, 3, 2);
    is_int(pxt_page_lock(other, 0, PXT_WORDS, NULL), PXT_OK, "after unlocking all can be locked");
    close_page(other);
    is_int(pxt_page_lock(page, 0, PXT_WORDS, NULL), PXT_OK, "closing unlocks");
    close_page(page);
}

/* Starts a process that begins a change under a lock, and waits until it has. */
static pid_t start_holder(void)
{
    int ready[2];
    char byte;
    if (pipe(ready))
        exit(1);
    pid_t child = fork();
    if (!child) {
        struct pxt_page *page = open_page();
        pxt_page_lock(page, STRIPE, 1, NULL);
        pxt_word_begin(page, HASH, 1, NULL);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    ok(read(ready[0], &byte, 1) == 1, "a process holds a lock and has begun a change");
    close(ready[0]);
    return child;
}

static void a_killed_holder_leaves_its_doubts_and_no_lock(void)
{
    make_page();
    struct pxt_page *page = open_page();
    pxt_word_end(page, HASH, pxt_word(page, HASH), 1);
    pid_t child = start_holder();
    is_int(pxt_page_lock(page, STRIPE, 1, NULL), PXT_EBUSY, "nobody else gets the lock");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    is_int(pxt_page_lock(page, STRIPE, 1, NULL), PXT_OK, "when it is killed, the lock is free");
    is_int(pxt_word_doubts(pxt_word(page, HASH)), 1, "the doubt of its change stays");
    close_page(page);
    page = open_page();
    ok(is_kept(page), "and so does the page");
    close_page(page);
}

static void a_forked_child_does_not_free_its_parents_locks(void)
{
    struct pxt_page *page = open_page(), *other = open_page();
    pxt_page_lock(page, STRIPE, 1, NULL);
    pid_t child = fork();
    if (!child) {
        pxt_page_close(page);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    is_int(pxt_page_lock(other, STRIPE, 1, NULL), PXT_EBUSY,
           "a child that closes the page frees no lock of its parent");
    pxt_page_unlock(page, STRIPE, 1);
    is_int(pxt_page_lock(other, STRIPE, 1, NULL), PXT_OK, "the parent does");
    close_page(page);
    close_page(other);
}

/* ---- a file that is removed or replaced ------------------------------------------------------------------------- */

/* `old` was opened before the file was lost, a fresh one afterwards: they must exclude each other, and have one page.
 * `before` is the generation before the loss. */
static void they_agree(struct pxt_page *old, uint32_t before, const char *what)
{
    unsigned reopened = atomic_load(&old->reopened);
    struct pxt_page *fresh = open_page();
    is_int(pxt_page_lock(fresh, STRIPE, 1, NULL), PXT_OK, "%s: a process that comes later takes a lock", what);
    is_int(pxt_page_lock(old, STRIPE, 1, NULL), PXT_EBUSY, "... and keeps the earlier process out");
    pxt_page_unlock(fresh, STRIPE, 1);
    is_int(pxt_page_lock(old, STRIPE, 1, NULL), PXT_OK, "... until it lets go");
    is_int(pxt_page_lock(fresh, STRIPE, 1, NULL), PXT_EBUSY, "the earlier process keeps the later one out");
    pxt_page_unlock(old, STRIPE, 1);
    ok(!(atomic_load(&old->reopened) & 1) && atomic_load(&old->reopened) >= reopened, "`reopened` is even again");
    uint32_t after = pxt_generation(old, HASH);
    ok(after != before, "what the earlier process has in memory is doubted");
    unsigned believed = 0;
    for (int i = 0; i < 100; i++) {
        pxt_word_begin(fresh, HASH, 0, NULL);
        believed += pxt_generation(old, HASH) == before;
    }
    is_int(believed, 0, "and stays doubted after more writes");
    ok(pxt_word(old, HASH) == pxt_word(fresh, HASH), "it sees the writes of the later process");
    close_page(fresh);
}

static void a_file_that_was_removed_or_replaced_is_noticed(void)
{
    char command[600];
    make_page();
    struct pxt_page *old = open_page();
    uint32_t before = pxt_generation(old, HASH);
    unlink(file);
    they_agree(old, before, "removed");
    is_int(atomic_load(&old->reopened), 2, "it was opened again once");
    ok(is_new(old), "the page is a new one, without members");
    join(old);
    before = pxt_generation(old, HASH);
    snprintf(command, sizeof command, "cp -p %s %s && mv %s %s", file, aside, aside, file);
    ok(system(command) == 0, "the file is replaced by a copy");
    they_agree(old, before, "replaced");
    before = pxt_generation(old, HASH);
    rename(file, aside);
    is_int(pxt_page_check(old, NULL), PXT_OK, "maintenance makes a file anew that was moved away");
    is_int(access(file, F_OK), 0, "it stands there again");
    they_agree(old, before, "moved away");
    close_page(old);
}

static void a_change_that_was_open_is_in_doubt_in_the_new_page(void)
{
    make_page();
    struct pxt_page *old = open_page();
    pxt_page_lock(old, STRIPE, 1, NULL);
    uint64_t begun = pxt_word_begin(old, HASH, 1, NULL);
    unlink(file);
    struct pxt_page *fresh = open_page();
    join(fresh);
    for (unsigned i = 0; i < PXT_WORDS; i++)
        pxt_word_end(fresh, i, pxt_word(fresh, i), 1);
    is_int(pxt_words_doubted(fresh, 1, NULL), 0, "a later process has made all tiers equal in the new page");
    is_int(pxt_page_lock(old, STRIPE + 1, 1, NULL), PXT_OK, "another thread of the earlier process notices");
    unsigned count = 0;
    pxt_words_doubted(fresh, 1, &count);
    is_int(count, PXT_WORDS, "all is in doubt");
    uint64_t word = pxt_word(fresh, HASH);
    pxt_word_end(fresh, HASH, word, 1);
    pxt_word_end(old, HASH, begun, 1);
    is_int(pxt_word_doubts(pxt_word(fresh, HASH)), 1, "the change that ends then leaves its key in doubt");
    close_page(old);
    close_page(fresh);
}

static void a_file_that_was_cut_is_made_anew(void)
{
    make_page();
    struct pxt_page *old = open_page(), *other = open_page();
    uint32_t before = pxt_generation(old, HASH);
    ok(truncate(file, 0) == 0, "the file is cut to 0");
    is_int(pxt_page_check(old, NULL), PXT_OK, "maintenance makes it anew");
    ok(pxt_generation(old, HASH) != before && is_new(old), "what is in memory is doubted");
    is_int(pxt_page_lock(old, STRIPE, 1, NULL), PXT_OK, "a lock in the new one");
    is_int(pxt_page_lock(other, STRIPE, 1, NULL), PXT_EBUSY, "keeps out another process that had the old one");
    pxt_page_unlock(old, STRIPE, 1);
    is_int(pxt_page_lock(other, STRIPE, 1, NULL), PXT_OK, "until it is free");
    is_int(atomic_load(&other->reopened), 2, "and that one knows that the page is another");
    close_page(old);
    close_page(other);
}

static void a_file_that_cannot_be_made_anew_is_an_error(void)
{
    struct pxt_page *old = open_page();
    struct pxt_error error = {.message = ""};
    char away[120];
    snprintf(away, sizeof away, "%s.away", folder);
    unlink(file);
    rename(folder, away);
    ok(pxt_page_lock(old, STRIPE, 1, &error) != PXT_OK, "without its folder no lock is given: %s", error.message);
    ok(strstr(error.message, file) != NULL, "the message names the file");
    rename(away, folder);
    is_int(pxt_page_lock(old, STRIPE, 1, &error), PXT_OK, "when the folder is back, it is");
    close_page(old);
}

static struct pxt_page *used_by_threads;
static _Atomic bool stop;
static _Atomic unsigned failed_locks;

/* Each thread has a stripe of its own, as the mutexes of the chain make sure. */
static void *lock_and_read(void *stripe)
{
    unsigned n = (unsigned)(uintptr_t)stripe;
    while (!stop) {
        failed_locks += pxt_page_lock(used_by_threads, n, 1, NULL) != PXT_OK;
        uint64_t begun = pxt_word_begin(used_by_threads, n, 1, NULL);
        pxt_version_next(used_by_threads, 0);
        pxt_word_end(used_by_threads, n, begun, 1);
        pxt_page_unlock(used_by_threads, n, 1);
        for (unsigned i = 0; i < 100; i++)
            pxt_generation(used_by_threads, i);
    }
    return NULL;
}

static void a_file_can_be_removed_while_threads_use_it(void)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    used_by_threads = open_page();
    used_by_threads->timeout_ms = 5000;
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
    used_by_threads->timeout_ms = TIMEOUT_MS;
    uint32_t before = pxt_generation(used_by_threads, HASH);
    unlink(file);
    they_agree(used_by_threads, before, "removed after that");
    close_page(used_by_threads);
}

int main(void)
{
    make_folder();
    snprintf(aside, sizeof aside, "%s.aside", store);
    a_lock_waits_and_gives_up();
    a_killed_holder_leaves_its_doubts_and_no_lock();
    a_forked_child_does_not_free_its_parents_locks();
    a_file_that_was_removed_or_replaced_is_noticed();
    a_change_that_was_open_is_in_doubt_in_the_new_page();
    a_file_that_was_cut_is_made_anew();
    a_file_that_cannot_be_made_anew_is_an_error();
    a_file_can_be_removed_while_threads_use_it();
    unlink(file);
    unlink(aside);
    rmdir(folder);
    return tap_done();
}
