/* SPDX-License-Identifier: MIT
 *
 * suite.h: `proxtier plugin test`: does a plugin keep the promises of its header? Each check runs in a child of its own,
 * with limits, on an instance of its own, so that a check that crashes or hangs is one line of TAP.
 */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include <proxtier/admin.h>
#include <proxtier/encryptor.h>
#include <proxtier/tier.h>
#include <stdio.h>

/* The plugin under test, as a check uses it. */
struct subject {
    pxt_trial *trial;
    const struct pxt_plugin *plugin;
    const struct pxt_host *host; /* counts what the plugin holds: see counting_host.c */
    struct pxt_tier_ops tier;    /* of an instance, where it is a tier */
    const char *name, *options;
    struct pxt_error error;
};
typedef void check_fn(struct subject *subject);
struct check {
    const char *name; /* the promise; NULL ends the table */
    check_fn *run;
    const char *(*not_offered)(const struct subject *subject); /* NULL, or why the check does not apply */
};
extern const struct check tier_checks[], tier_optional_checks[], tier_concurrent_checks[], eviction_checks[],
    tier_tombstone_checks[], tier_version_checks[], encryptor_checks[];

/* In a check: where `pass` is false, says what went wrong and ends it. */
void expect(bool pass, const char *format, ...) PXT_PRINTF(2, 3);
/* The same for a call that should have been PXT_OK. */
void expect_ok(struct subject *subject, pxt_status status, const char *call);
/* What is under test now, for the message when it hangs; static text. */
void calling(const char *operation);

/* By the monotonic clock. */
double seconds_now(void);

/* Repeats something for a fifth of a second, and expects that no more than `little` bytes more are allocated afterwards: the
 * allocator's own caches, and entries that wait to be freed, come and go. */
void expect_no_growth(check_fn *again, struct subject *subject, size_t little, const char *what);

/* Opens the plugin for a check; ends it where that fails. */
void subject_open(struct subject *subject);
void subject_close(struct subject *subject);

/* tier_kit.c: fills in `subject->tier`. */
void tier_find_ops(struct subject *subject);

/* process.c: expects that `use` changes no signal handler or mask, locale, working directory or umask. */
void expect_process_unchanged(check_fn *use, struct subject *subject);

/* threads.c: `work` in many threads at once, each with a subject of its own; returns how many. */
typedef void work_fn(struct subject *subject, unsigned number, void *arg);
unsigned in_many_threads(const struct subject *subject, work_fn *work, void *arg);

/* counting_host.c: the trial's host, which counts the plugin's references to entries. */
const struct pxt_host *counting_host(const struct pxt_host *real);
/* Whether calls of the host give the processor to another thread now and then. */
void host_yields(bool yes);
/* References that the plugin has taken and not released. A reference that it hands to its caller is the caller's. */
long holds_of_plugin(void);
/* Releases an entry that the plugin handed out. */
void let_go(pxt_entry *entry);
/* An entry that the plugin handed out is ours now. */
void handed_out(void);

/* Runs all checks of the plugin's kind, each for so many seconds at most; exit code 0 where all passed. */
int conformance_test(const char *name, const char *settings, unsigned seconds);

#endif
