/* SPDX-License-Identifier: MIT
 *
 * The file of the page: when it is made anew, what locks do, and what happens to processes under which it is removed or
 * replaced. Two openings of the file in one process stand for two processes: their locks exclude each other.
 */
#include "../lib/tap.h"
#include "shared/page_layout.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-page-file-XXXXXX";
static char store[100], file[120], aside[120], older[120];
static const struct pxt_clock system_clock = {.fn = NULL};
enum { STRIPE = 7, HASH = 12345, TIMEOUT_MS = 50 };
static const char member[] = "0123456789abcdef0123456789abcdef";

static pxt_status try_open(struct pxt_page *page, struct pxt_error *error)
{
    *error = (struct pxt_error){.message = ""};
    return pxt_page_open(page, store, TIMEOUT_MS, &system_clock, error);
}

static struct pxt_page *open_page(void)
{
    struct pxt_page *page = calloc(1, sizeof *page);
    struct pxt_error error;
    if (!page || try_open(page, &error)) {
        printf("Bail out! %s\n", page ? error.message : "no memory");
        exit(1);
    }
    return page;
}

static void close_page(struct pxt_page *page)
{
    pxt_page_close(page);
    free(page);
}

static void join(struct pxt_page *page)
{
    bool joined;
    pxt_page_join(page, member, "l2", &joined);
}

/* Makes a page with a member, and closes it. */
static void make_page(void)
{
    unlink(file);
    struct pxt_page *page = open_page();
    join(page);
    pxt_page_set_checkpoint(page, 9, 8);
    close_page(page);
}

/* Returns whether the page is the one that make_page() made. */
static bool is_kept(const struct pxt_page *page)
{
    uint64_t checkpoint, dropped;
    pxt_page_checkpoint(page, &checkpoint, &dropped);
    return pxt_page_members(page) == 1 && checkpoint == 9 && pxt_words_doubted(page, 1, NULL) == 1;
}

static bool is_new(const struct pxt_page *page)
{
    uint64_t checkpoint, dropped;
    pxt_page_checkpoint(page, &checkpoint, &dropped);
    return !pxt_page_members(page) && !checkpoint && !dropped && !pxt_words_doubted(page, 0xff, NULL);
}

/* ---- when it is made anew --------------------------------------------------------------------------------------- */

static struct pxt_page_fixed read_fixed(void)
{
    struct pxt_page_fixed fixed = {.format = 0};
    int fd = open(file, O_RDONLY);
    if (fd < 0 || read(fd, &fixed, sizeof fixed) != (ssize_t)sizeof fixed)
        diag("the head cannot be read");
    close(fd);
    return fixed;
}

static void write_fixed(struct pxt_page_fixed fixed, bool with_sum)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; with_sum && i < offsetof(struct pxt_page_fixed, sum); i++)
        sum = (sum ^ ((unsigned char *)&fixed)[i]) * UINT64_C(0x100000001b3);
    if (with_sum)
        fixed.sum = sum;
    int fd = open(file, O_WRONLY);
    if (fd < 0 || write(fd, &fixed, sizeof fixed) != (ssize_t)sizeof fixed)
        diag("the head cannot be written");
    close(fd);
}

static void is_made_anew(const char *what)
{
    struct pxt_page *page = open_page(), *other = open_page();
    ok(is_new(page), "%s: the page is made anew", what);
    join(page);
    pxt_page_set_checkpoint(page, 9, 8);
    ok(is_kept(other), "... once");
    close_page(page);
    close_page(other);
}

static void a_good_page_is_kept(void)
{
    char one[9], other[9];
    make_page();
    struct pxt_page *page = open_page();
    ok(is_kept(page), "a page of this boot is kept");
    pxt_page_writer(page, one);
    close_page(page);
    write_fixed(read_fixed(), true);
    page = open_page();
    ok(is_kept(page), "also where its head was written again as it is");
    pxt_page_writer(page, other);
    is_str(other, one, "its writer stays");
    ok(strlen(one) == 8 && strspn(one, "0123456789abcdef") == 8, "which is 8 hexadecimal digits");
    close_page(page);
    make_page();
    page = open_page();
    pxt_page_writer(page, other);
    ok(strcmp(one, other) != 0, "a new page has another writer");
    close_page(page);
}

static void other_pages_are_made_anew(void)
{
    struct pxt_page_fixed fixed;
    make_page();
    fixed = read_fixed();
    fixed.boot[0] ^= 1;
    write_fixed(fixed, true);
    is_made_anew("another boot");
    fixed = read_fixed();
    fixed.format++;
    write_fixed(fixed, true);
    is_made_anew("another format that nothing uses");
    fixed = read_fixed();
    fixed.writer++;
    write_fixed(fixed, false);
    is_made_anew("a torn head");
    fixed = read_fixed();
    fixed.sum = 0;
    write_fixed(fixed, false);
    is_made_anew("a page that was not finished");
    write_fixed((struct pxt_page_fixed){.format = 0}, false);
    is_made_anew("a head of zeros");
    ok(!truncate(file, 0), "an empty file");
    is_made_anew("empty");
    ok(!truncate(file, 10), "a short file");
    is_made_anew("10 bytes");
    ok(!truncate(file, (off_t)sizeof(struct pxt_page_file) - 1), "a file without its end");
    is_made_anew("one byte short");
}

static void a_copy_is_not_the_page(void)
{
    char command[600];
    make_page();
    snprintf(command, sizeof command, "cp -p %s %s && mv %s %s", file, aside, aside, file);
    ok(system(command) == 0, "the file is replaced by a copy");
    is_made_anew("a copy");
}

static void a_page_of_others_is_refused_while_they_use_it(void)
{
    struct pxt_page page, *user;
    struct pxt_error error;
    make_page();
    user = open_page();
    struct pxt_page_fixed good = read_fixed(), other = good;
    other.format++;
    write_fixed(other, true);
    is_int(try_open(&page, &error), PXT_ECONFIG, "another format that is in use: %s", error.message);
    ok(strstr(error.message, file) != NULL, "the message names the file");
    other = good;
    other.boot[0] ^= 1;
    write_fixed(other, true);
    is_int(try_open(&page, &error), PXT_ECONFIG, "another host that uses it: %s", error.message);
    pxt_page_close(&page);
    write_fixed(good, true);
    is_int(try_open(&page, &error), PXT_OK, "the page itself can be opened");
    ok(is_kept(&page), "and was not touched");
    pxt_page_close(&page);
    other = good;
    other.writer++;
    write_fixed(other, false);
    is_int(try_open(&page, &error), PXT_OK, "a head that is damaged while it is in use is made anew");
    is_int(pxt_page_lock(&page, STRIPE, 1, NULL), PXT_OK, "a lock in the new page");
    is_int(pxt_page_lock(user, STRIPE, 1, NULL), PXT_EBUSY, "keeps out the process that had the old one");
    pxt_page_close(&page);
    close_page(user);
}

static void an_unsafe_file_is_refused(void)
{
    struct pxt_page page;
    struct pxt_error error;
    make_page();
    chmod(file, 0622);
    is_int(try_open(&page, &error), PXT_EACCES, "a page that others can write is refused: %s", error.message);
    unlink(file);
    ok(!symlink(aside, file), "a symbolic link");
    ok(try_open(&page, &error) != PXT_OK, "is not followed: %s", error.message);
    unlink(file);
    ok(!mkdir(file, 0700), "a folder");
    ok(try_open(&page, &error) != PXT_OK, "is no page: %s", error.message);
    rmdir(file);
}

/* ---- locks ------------------------------------------------------------------------------------------------------ */

static void a_lock_waits_and_gives_up(void)
{
    struct pxt_page *page = open_page(), *other = open_page();
    struct pxt_error error = {.message = ""};
    is_int(pxt_page_lock(page, 3, 2, NULL), PXT_OK, "two stripes are locked");
    is_int(pxt_page_lock(other, 2, 1, NULL), PXT_OK, "the one before them is free");
    is_int(pxt_page_lock(other, 5, 1, NULL), PXT_OK, "the one behind too");
    pxt_page_unlock(other, 2, 1);
    pxt_page_unlock(other, 5, 1);
    int64_t start = pxt_clock_monotonic_ms();
    is_int(pxt_page_lock(other, 4, 1, &error), PXT_EBUSY, "theirs is not: %s", error.message);
    int64_t first = pxt_clock_monotonic_ms() - start;
    ok(first >= TIMEOUT_MS, "the timeout is kept");
    ok(strstr(error.message, file) != NULL, "the message names the file");
    ok(pxt_page_lock(other, 0, PXT_STRIPES, NULL) == PXT_EBUSY, "nor are all");
    start = pxt_clock_monotonic_ms();
    is_int(pxt_page_lock(other, 4, 1, NULL), PXT_EBUSY, "the next attempt fails too");
    ok(pxt_clock_monotonic_ms() - start < first, "and sooner");
    pxt_page_unlock(page, 3, 2);
    is_int(pxt_page_lock(other, 0, PXT_STRIPES, NULL), PXT_OK, "after unlocking all can be locked");
    close_page(other);
    is_int(pxt_page_lock(page, 0, PXT_STRIPES, NULL), PXT_OK, "closing unlocks");
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

/* Processes that start at once must all get one page. */
static void processes_that_start_at_once_share_one_page(void)
{
    enum { PROCESSES = 6 };
    unsigned failed = 0;
    for (int round = tap_amount(20); round > 0; round--) {
        pid_t child[PROCESSES];
        struct pxt_page_fixed fixed = read_fixed();
        fixed.boot[0] ^= 1;
        write_fixed(fixed, true);
        for (int i = 0; i < PROCESSES; i++) {
            child[i] = fork();
            if (!child[i]) {
                struct pxt_page page;
                struct pxt_error error;
                bool good = !pxt_page_open(&page, store, 5000, &system_clock, &error);
                for (int n = 0; good && n < 10; n++)
                    pxt_word_begin(&page, HASH, 0, NULL);
                good = good && !pxt_page_lock(&page, 0, 1, &error) && !atomic_load(&page.reopened);
                _exit(!good);
            }
        }
        for (int i = 0; i < PROCESSES; i++) {
            int how = 1;
            waitpid(child[i], &how, 0);
            failed += how != 0;
        }
        struct pxt_page *page = open_page();
        uint64_t raised = (pxt_word(page, HASH) >> 8) - (pxt_word(page, HASH + 1) >> 8);
        failed += raised != 10 * PROCESSES;
        close_page(page);
    }
    is_int(failed, 0, "with a page of another boot all have one new page, and none loses it");
}

/* ---- programs before this format -------------------------------------------------------------------------------- */

enum { OLDER_BYTES = 131136, OLDER_HINTS = 32 };

static int open_older(void)
{
    int fd = open(older, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 && posix_fallocate(fd, 0, OLDER_BYTES) ? -1 : fd;
}

static bool lock_older(int fd, short type, int stripe)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = OLDER_BYTES + stripe, .l_len = 1};
    return !fcntl(fd, F_OFD_SETLK, &range);
}

static void an_older_program_is_locked_out(void)
{
    struct pxt_page page;
    struct pxt_error error;
    struct stat state;
    static const int stripes[] = {0, 17, 31, OLDER_HINTS};
    unlink(file);
    int fd = open_older();
    for (size_t i = 0; i < sizeof stripes / sizeof *stripes; i++) {
        ok(lock_older(fd, F_WRLCK, stripes[i]), "an older program holds stripe %d", stripes[i]);
        is_int(try_open(&page, &error), PXT_EBUSY, "the page is not opened: %s", error.message);
        ok(strstr(error.message, "an older proxtier uses") != NULL, "the message says why");
        lock_older(fd, F_UNLCK, stripes[i]);
    }
    ok(!stat(older, &state) && S_ISREG(state.st_mode) && access(file, F_OK),
       "its file is as it was, and no page is made");
    is_int(try_open(&page, &error), PXT_OK, "when it holds none, the page is opened");
    ok(!stat(older, &state) && S_ISDIR(state.st_mode) && (state.st_mode & 0777) == 0700, "its file is a folder now");
    ok(!fstat(fd, &state) && !state.st_nlink, "by which the older program notices");
    ok(open_older() < 0, "which it cannot open");
    pxt_page_close(&page);
    is_int(try_open(&page, &error), PXT_OK, "the page is opened again beside the folder");
    pxt_page_close(&page);
    close(fd);
    rmdir(older);
}

static void without_an_older_file_nothing_is_made_of_it(void)
{
    close_page(open_page());
    ok(access(older, F_OK) != 0, "where no older program was, no folder is made");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(file, sizeof file, "%s.page", store);
    snprintf(aside, sizeof aside, "%s.aside", store);
    snprintf(older, sizeof older, "%s.coherence", store);
    a_good_page_is_kept();
    other_pages_are_made_anew();
    a_copy_is_not_the_page();
    a_page_of_others_is_refused_while_they_use_it();
    an_unsafe_file_is_refused();
    a_lock_waits_and_gives_up();
    a_killed_holder_leaves_its_doubts_and_no_lock();
    a_forked_child_does_not_free_its_parents_locks();
    a_file_that_was_removed_or_replaced_is_noticed();
    a_change_that_was_open_is_in_doubt_in_the_new_page();
    a_file_that_was_cut_is_made_anew();
    a_file_that_cannot_be_made_anew_is_an_error();
    a_file_can_be_removed_while_threads_use_it();
    processes_that_start_at_once_share_one_page();
    an_older_program_is_locked_out();
    without_an_older_file_nothing_is_made_of_it();
    unlink(file);
    unlink(aside);
    rmdir(folder);
    return tap_done();
}
