/* SPDX-License-Identifier: MIT
 *
 * tier_crash.c: what a durable tier has after its process was killed, and after its writes failed.
 */
#include "tier_kit.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process of its own puts without end, and tells of each put once it is acknowledged. */
static pid_t start_writer(struct subject *subject, int round, int told)
{
    pid_t child = fork();
    if (child)
        return child;
    struct subject other = {.name = subject->name, .options = subject->options};
    char key[30];
    calling("load");
    subject_open(&other);
    void *self = tier_open(&other, NULL, NULL, 0);
    for (int i = 0;; i++) {
        snprintf(key, sizeof key, "k%d-%d", round, i % 20);
        put_named(&other, self, key, i);
        if (write(told, &i, sizeof i) != sizeof i)
            _exit(0);
    }
}

/* The last put that was acknowledged before the writer was killed. */
static int kill_writer(struct subject *subject, int round)
{
    int channel[2], last = -1, i, most = (int)rounds((unsigned)(10 + 37 * round), 10, 5);
    expect(!pipe(channel), "no pipe");
    pid_t child = start_writer(subject, round, channel[1]);
    expect(child > 0, "a process cannot be started");
    close(channel[1]);
    for (int n = 0; n < most && read(channel[0], &i, sizeof i) == sizeof i; n++)
        last = i;
    kill(child, SIGKILL);
    while (read(channel[0], &i, sizeof i) == sizeof i)
        last = i;
    close(channel[0]);
    expect(waitpid(child, NULL, 0) == child, "a process is lost");
    return last;
}

static void survives_kill(struct subject *subject)
{
    char key[30];
    for (int round = 0; round < 5; round++) {
        int last = kill_writer(subject, round);
        expect(last >= 0, "nothing was acknowledged");
        void *self = tier_open(subject, NULL, NULL, 0);
        for (int i = last; i >= 0 && i > last - 20; i--) {
            snprintf(key, sizeof key, "k%d-%d", round, i % 20);
            int64_t version = version_named(subject, self, key);
            expect(version == i || version == i + 20, "put %d was acknowledged, then kill -9: version %lld is found", i,
                   (long long)version);
        }
        tier_close(subject, self);
    }
}

static void limit_files(rlim_t size)
{
    struct rlimit limits;
    expect(!getrlimit(RLIMIT_FSIZE, &limits), "the limit of files is unknown");
    limits.rlim_cur = size;
    expect(!setrlimit(RLIMIT_FSIZE, &limits), "the limit of files cannot be set");
}

enum { FULL_KEYS = 50 };

/* Puts version 1000 + i of each key, and says how each went. */
static void put_while_no_file_grows(struct subject *subject, void *self, pxt_status *status)
{
    struct rlimit limits;
    char key[20];
    signal(SIGXFSZ, SIG_IGN);
    expect(!getrlimit(RLIMIT_FSIZE, &limits), "the limit of files is unknown");
    limit_files(0); /* from here on every write to a file fails, with EFBIG */
    for (int i = 0; i < FULL_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        pxt_entry *entry = entry_named(subject, key, 1000 + i, TIME + 3600 * PXT_SECOND);
        calling("put, while no file can grow");
        subject->error.message[0] = '\0';
        status[i] = tier_ops(subject)->put(self, entry, &subject->error);
        expect(status[i] != PXT_NOT_FOUND, "put gives PXT_NOT_FOUND");
        expect(status[i] == PXT_OK || subject->error.message[0], "put fails with %s, and does not say why",
               pxt_status_name(status[i]));
        let_go(entry);
    }
    limit_files(limits.rlim_cur);
}

static void *filled(struct subject *subject)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < FULL_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put_named(subject, self, key, i);
    }
    return self;
}

static void expect_old_or_new(struct subject *subject, void *self, const pxt_status *status)
{
    char key[20];
    for (int i = 0; i < FULL_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        int64_t version = version_named(subject, self, key);
        expect(version == 1000 + i || (status[i] && version == i),
               "put said %s while no file could grow; opened again, version %lld is there, after %d and %d",
               pxt_status_name(status[i]), (long long)version, i, 1000 + i);
    }
}

/* A tier that writes to no file of this process does not feel the limit. */
static void expect_one_failed(const pxt_status *status)
{
    for (int i = 0; i < FULL_KEYS; i++)
        if (status[i])
            return;
    skip_check("no write failed while no file could grow: it does not write to files, or not with each put");
}

static void failed_writes_are_said(struct subject *subject)
{
    pxt_status status[FULL_KEYS];
    int channel[2];
    expect(!pipe(channel), "no pipe");
    pid_t child = fork();
    if (!child) { /* it ends without close: what it could not write is nowhere else */
        struct subject other = {.name = subject->name, .options = subject->options};
        subject_open(&other);
        put_while_no_file_grows(&other, filled(&other), status);
        _exit(write(channel[1], status, sizeof status) != sizeof status);
    }
    close(channel[1]);
    expect(read(channel[0], status, sizeof status) == sizeof status && waitpid(child, NULL, 0) == child,
           "the process that puts fails");
    close(channel[0]);
    void *self = tier_open(subject, NULL, NULL, 0);
    expect_old_or_new(subject, self, status);
    tier_close(subject, self);
    expect_one_failed(status);
}

static void goes_on_after_failed_writes(struct subject *subject)
{
    pxt_status status[FULL_KEYS];
    void *self = filled(subject);
    put_while_no_file_grows(subject, self, status);
    put_named(subject, self, "afterwards", 1);
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect(version_named(subject, self, "afterwards") == 1, "an entry that is put after failed writes is lost");
    expect_old_or_new(subject, self, status);
    tier_close(subject, self);
    expect_one_failed(status);
}

/* ---- put_many --------------------------------------------------------------------------------------------------- */

/* A batch that fails in the middle, where some files can grow a little; returns what put_many said. */
static pxt_status put_batch(struct subject *subject, void *self, rlim_t size)
{
    pxt_entry *entries[FULL_KEYS];
    struct rlimit limits;
    char key[20];
    for (int i = 0; i < FULL_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        entries[i] = entry_named(subject, key, 1000 + i, LATER);
    }
    expect(!getrlimit(RLIMIT_FSIZE, &limits), "the limit of files is unknown");
    limit_files(size);
    calling("put_many, while no file can grow further");
    pxt_status status = tier_ops(subject)->put_many(self, entries, FULL_KEYS, &subject->error);
    limit_files(limits.rlim_cur);
    for (int i = 0; i < FULL_KEYS; i++)
        let_go(entries[i]);
    return status;
}

static void expect_none(struct subject *subject, void *self, const char *when)
{
    char key[20];
    for (int i = 0; i < FULL_KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        expect(version_named(subject, self, key) == i,
               "%sput_many of %d entries failed, and yet one of them is stored: it stores all or none", when,
               FULL_KEYS);
    }
}

static void largest(const char *path, const struct stat *file, void *size)
{
    (void)path;
    if (file->st_size > *(off_t *)size)
        *(off_t *)size = file->st_size;
}

static void a_batch_that_fails_stores_nothing(struct subject *subject)
{
    off_t size = 0;
    unsigned failed = 0;
    signal(SIGXFSZ, SIG_IGN);
    void *self = filled(subject);
    each_file(largest, &size);
    for (int step = 0; step < 12; step++) { /* all room that a batch may need, from none on */
        pxt_status status = put_batch(subject, self, (rlim_t)(step ? size + size * (step - 1) / 11 : 0));
        if (status) {
            failed++;
            expect_none(subject, self, "");
            continue;
        }
        put_numbered(subject, self, "k", FULL_KEYS);
        size = 0;
        each_file(largest, &size);
    }
    tier_close(subject, self);
    if (!failed)
        skip_check("no put_many failed while no file could grow");
}

static const char *without_durable_put_many(const struct subject *subject)
{
    const char *why = volatile_tier(subject);
    return why ? why : without_put_many(subject);
}

const struct check tier_crash_checks[] = {
    {"keeps acknowledged entries when the process is killed", survives_kill, volatile_tier},
    {"says that a write failed, and loses nothing", failed_writes_are_said, volatile_tier},
    {"goes on when its writes no longer fail", goes_on_after_failed_writes, volatile_tier},
    {"put_many that fails stores nothing", a_batch_that_fails_stores_nothing, without_durable_put_many},
    {NULL, NULL, NULL}};
