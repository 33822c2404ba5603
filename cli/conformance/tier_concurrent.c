/* SPDX-License-Identifier: MIT
 *
 * tier_concurrent.c: what a tier promises to several threads, processes and instances, and beyond its end, be it a crash.
 */
#include "tier_kit.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void own_keys(struct subject *subject, unsigned number, void *self)
{
    char key[30];
    for (int i = 0; i < 400; i++) {
        snprintf(key, sizeof key, "t%u-%d", number, i % 20);
        put_named(subject, self, key, i);
        expect(version_named(subject, self, key) == i, "a thread does not get the entry that it put");
        if (i % 5 == 4) {
            expect_ok(subject, delete_named(subject, self, key), "del by one of many threads");
            expect(version_named(subject, self, key) == -1, "a thread gets an entry that it deleted");
        }
    }
}

static void works_for_sixteen_threads(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    unsigned threads = in_many_threads(subject, own_keys, self);
    expect(count_of(subject, self) == threads * 16, "%u threads leave %u entries, %llu are counted", threads,
           threads * 16, (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static void works_for_two_processes(struct subject *subject)
{
    char key[30];
    int state = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "before", 1);
    pid_t child = fork();
    if (!child) {
        struct subject other = {.name = subject->name, .options = subject->options};
        subject_open(&other);
        void *mine = tier_open(&other, NULL, NULL, 0);
        expect(version_named(&other, mine, "before") == 1, "a second process does not see an entry");
        for (int i = 0; i < 200; i++) {
            snprintf(key, sizeof key, "c%d", i);
            put_named(&other, mine, key, i);
        }
        expect_ok(&other, delete_named(&other, mine, "before"), "del by another process");
        tier_close(&other, mine);
        _exit(0);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "p%d", i);
        put_named(subject, self, key, i);
    }
    expect(waitpid(child, &state, 0) == child && state == 0, "the second process fails");
    expect(version_named(subject, self, "before") == -1, "an entry that another process deleted is found");
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "c%d", i);
        expect(version_named(subject, self, key) == i, "an entry that another process put is not found");
        snprintf(key, sizeof key, "p%d", i);
        expect(version_named(subject, self, key) == i,
               "an entry that this process put is lost beside those of another process");
    }
    tier_close(subject, self);
}

static void instances_are_their_own(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0), *other = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "k", 1);
    expect(version_named(subject, other, "k") == -1, "one instance gives an entry that was put into another");
    tier_close(subject, self);
    put_named(subject, other, "k", 2);
    expect(version_named(subject, other, "k") == 2, "closing one instance breaks another");
    tier_close(subject, other);
}

static void keeps_entries_when_closed(struct subject *subject)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "r%d", i);
        put_named(subject, self, key, i);
    }
    expect_ok(subject, delete_named(subject, self, "r7"), "del");
    put_named(subject, self, "r8", 1000);
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect(count_of(subject, self) == 49, "49 entries were there, %llu are after opening it again",
           (unsigned long long)count_of(subject, self));
    expect(version_named(subject, self, "r7") == -1, "a deleted entry is back after opening it again");
    expect(version_named(subject, self, "r8") == 1000, "a replaced entry is back after opening it again");
    expect(version_named(subject, self, "r49") == 49, "an entry is gone after opening it again");
    tier_close(subject, self);
}

/* A process of its own puts without end, and tells of each put once it is acknowledged. */
static pid_t start_writer(struct subject *subject, int round, int told)
{
    pid_t child = fork();
    if (child)
        return child;
    struct subject other = {.name = subject->name, .options = subject->options};
    char key[30];
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
    int channel[2], last = -1, i;
    expect(!pipe(channel), "no pipe");
    pid_t child = start_writer(subject, round, channel[1]);
    expect(child > 0, "a process cannot be started");
    close(channel[1]);
    for (int n = 0; n < 10 + 37 * round && read(channel[0], &i, sizeof i) == sizeof i; n++)
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
}

const struct check tier_concurrent_checks[] = {
    {"works for sixteen threads", works_for_sixteen_threads, serialised},
    {"works for two processes", works_for_two_processes, private_tier},
    {"instances are their own", instances_are_their_own, shares_by_options},
    {"keeps entries when it is closed", keeps_entries_when_closed, volatile_tier},
    {"keeps acknowledged entries when the process is killed", survives_kill, volatile_tier},
    {"says that a write failed, and loses nothing", failed_writes_are_said, volatile_tier},
    {"goes on when its writes no longer fail", goes_on_after_failed_writes, volatile_tier},
    {NULL, NULL, NULL}};
