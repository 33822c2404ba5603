/* SPDX-License-Identifier: MIT
 *
 * The file of the page: when it is kept, made anew or refused; and programs before this format, which are locked out.
 */
#include "../lib/tap.h"
#include "page_kit.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char aside[120], older[120];
enum { STRIPE = 7, HASH = 12345 };

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

/* ---- several at once ---- */

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

static int hold_setup(void)
{
    int fd = open(file, O_RDWR | O_CLOEXEC);
    ok(fd >= 0 && !pxt_page_lock_bytes(fd, F_WRLCK, PXT_LOCK_SETUP, 1, 0), "a process is setting up the page");
    return fd;
}

static void an_opening_waits_for_one_that_sets_up(void)
{
    struct pxt_page page;
    struct pxt_error error;
    make_page();
    int fd = hold_setup();
    is_int(try_open(&page, &error), PXT_EBUSY, "another one is not opened: %s", error.message);
    close(fd);
    is_int(try_open(&page, &error), PXT_OK, "when it has ended, it is");
    ok(is_kept(&page), "and the page is the same");
    pxt_page_close(&page);
}

static void an_opening_does_not_take_a_file_that_was_removed_meanwhile(void)
{
    int how = 1;
    make_page();
    int fd = hold_setup();
    pid_t child = fork();
    if (!child) {
        struct pxt_page page;
        struct pxt_error error;
        close(fd);
        bool good = !pxt_page_open(&page, store, 5000, &system_clock, &error);
        _exit(!good || !pxt_page_is_current(&page, true));
    }
    usleep(100000); /* until it waits; if that takes longer, it finds the new file at once */
    unlink(file);
    close(fd);
    ok(waitpid(child, &how, 0) == child && !how, "a process that waited for it has the new file");
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
    make_folder();
    snprintf(aside, sizeof aside, "%s.aside", store);
    snprintf(older, sizeof older, "%s.coherence", store);
    a_good_page_is_kept();
    other_pages_are_made_anew();
    a_copy_is_not_the_page();
    a_page_of_others_is_refused_while_they_use_it();
    an_unsafe_file_is_refused();
    processes_that_start_at_once_share_one_page();
    an_opening_waits_for_one_that_sets_up();
    an_opening_does_not_take_a_file_that_was_removed_meanwhile();
    an_older_program_is_locked_out();
    without_an_older_file_nothing_is_made_of_it();
    unlink(file);
    unlink(aside);
    rmdir(folder);
    return tap_done();
}
