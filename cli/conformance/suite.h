/* SPDX-License-Identifier: MIT
 *
 * suite.h: `proxtier plugin test`: does a plugin keep the promises of its header? Each check runs in a child of its own,
 * with limits, on an instance of its own, so that a check that crashes or hangs is one line of TAP. No call of the plugin
 * may take longer than the time limit; a check may.
 */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include <proxtier/admin.h>
#include <proxtier/encryptor.h>
#include <proxtier/tier.h>
#include <stdio.h>
#include <sys/stat.h>

/* The plugin under test, as a check uses it. */
struct subject {
    pxt_trial *trial;
    const struct pxt_plugin *plugin;
    const struct pxt_host *host; /* counts what the plugin holds: see counting_host.c */
    struct pxt_tier_ops tier;    /* of an instance, where it is a tier */
    const char *name, *options;
    const char *second; /* options of another store; NULL: not given */
    struct pxt_error error;
};
typedef void check_fn(struct subject *subject);
struct check {
    const char *name; /* the promise; NULL ends the table */
    check_fn *run;
    const char *(*not_offered)(const struct subject *subject); /* NULL, or why the check does not apply */
};
extern const struct check tier_checks[], tier_argument_checks[], tier_optional_checks[], tier_touch_checks[],
    tier_history_checks[], tier_expire_checks[], tier_victim_checks[], tier_tombstone_checks[], tier_version_checks[],
    tier_record_checks[], tier_concurrent_checks[], tier_crash_checks[], tier_store_checks[], tier_remote_checks[],
    tier_lease_checks[], tier_select_checks[], tier_secret_checks[], eviction_checks[], eviction_load_checks[],
    eviction_admission_checks[], encryptor_checks[], encryptor_secret_checks[];

/* Not a promise, but what each check of a tier begins with. */
extern const struct check tier_is_empty;

/* In a check: where `pass` is false, says what went wrong and ends it. */
void expect(bool pass, const char *format, ...) PXT_PRINTF(2, 3);
/* The same for a call that should have been PXT_OK. */
void expect_ok(struct subject *subject, pxt_status status, const char *call);
/* In a check: ends it, for it does not apply. */
void skip_check(const char *why);
/* What is called next, for the message if it hangs or crashes; static text. The time limit begins anew. */
void calling(const char *operation);

/* By the monotonic clock; and how much of the processor this thread has used. */
double seconds_now(void);
double processor_seconds(void);

/* How often a check does something that calls the plugin `calls` times: `wanted`, or less where one call takes so long that
 * the check would last longer than a few seconds, but `least`. The runner tells the user. */
unsigned rounds(unsigned wanted, unsigned least, unsigned calls);

/* Repeats something for a fifth of a second, and expects that no more than `little` bytes more are allocated afterwards: the
 * allocator's own caches, and entries that wait to be freed, come and go. */
void expect_no_growth(check_fn *again, struct subject *subject, size_t little, const char *what);

/* Opens the plugin for a check; ends it where that fails. */
void subject_open(struct subject *subject);
void subject_close(struct subject *subject);

/* tier_kit.c: fills in `subject->tier`. */
void tier_find_ops(struct subject *subject);

/* process.c: expects that `use` changes no signal handler or mask, locale, environment, working directory or umask. */
void expect_process_unchanged(check_fn *use, struct subject *subject);
/* ... that all descriptors are closed by execve() while the plugin is open, and that none, and no thread, stays behind. */
void expect_nothing_left(check_fn *use, struct subject *subject);
/* What `use` calls for it while the plugin is open; nothing if it is used for another purpose. */
void expect_close_on_exec(void);
/* files.c: calls `fn` with the path of each regular file below the check's home, which is the plugin's. */
typedef void file_fn(const char *path, const struct stat *file, void *arg);
void each_file(file_fn *fn, void *arg);

/* threads.c: `work` in many threads at once, each with a subject of its own; returns how many. */
typedef void work_fn(struct subject *subject, unsigned number, void *arg);
unsigned in_many_threads(const struct subject *subject, work_fn *work, void *arg);

/* counting_host.c: the trial's host, which counts the plugin's references to entries, and keeps what it says. */
const struct pxt_host *counting_host(const struct pxt_host *real);
/* Whether calls of the host give the processor to another thread now and then. */
void host_yields(bool yes);
/* Steps the clock that host->now() tells; and has calls come with a deadline that is over. */
void host_steps_clock(pxt_time by);
void host_has_deadline(bool yes);
/* From here on all keys have one hash: different keys may. */
void host_gives_one_hash(void);
/* What the plugin has logged, and said in errors, a line each. */
const char *said_by_plugin(void);
/* References that the plugin has taken and not released. A reference that it hands to its caller is the caller's. */
long holds_of_plugin(void);
/* Releases an entry that the plugin handed out. */
void let_go(pxt_entry *entry);
/* An entry that the plugin handed out is ours now. */
void handed_out(void);

struct conformance_options {
    const char *settings; /* of the plugin, NULL: none */
    const char *second;   /* settings of another store */
    const char *reset;    /* a command that empties both stores */
    const char *only;     /* a part of the names of the checks to run; NULL: all */
    unsigned seconds;     /* the longest time of one call */
};
/* Runs all checks of the plugin's kind; exit code 0 where all passed. */
int conformance_test(const char *name, const struct conformance_options *options);

#endif
