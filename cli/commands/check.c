/* SPDX-License-Identifier: MIT
 *
 * check.c: proxtier check
 *
 * This process chooses and reports, proxtier-check makes the requests. What is in flight is all that is kept: the pool is
 * walked only as fast as requests end.
 */
#include "check_worker.h"
#include "command.h"
#include "interrupts.h"
#include "progress.h"
#include "selection.h"
#include <inttypes.h>
#include <poll.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOBS = 500, JOBS_MAX = 65536, TIMEOUT = 10, TIMEOUT_MAX = 3600, FAULTS_SHOWN = 3, LOOK_SECONDS = 60 };
#define DEFAULT_URL "http://example.com/"

struct counts {
    uint64_t good, failed, evicted, unknown, waiting;
};
struct check {
    const struct invocation *invocation;
    pxt_cache *cache;
    struct pxt_selection selection;
    struct check_job job;
    struct check_worker worker;
    struct progress progress;
    struct counts counts;
    char (*key)[PXT_KEY_MAX + 1]; /* of what is in flight, by id */
    size_t *free, free_count;     /* ids */
    pxt_time earliest;            /* of the next checks that are known */
    int code;                     /* 0: go on */
};

/* ---- the options ------------------------------------------------------------------------------------------------- */

/* A URL with credentials would show them to other users, and in the history. */
static bool is_target(const char *url)
{
    const char *host = strstr(url, "://");
    bool known = !strncmp(url, "http://", 7) || !strncmp(url, "https://", 8);
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    return known && host[3] && !memchr(host + 3, '@', strcspn(host + 3, "/?#"));
}

static bool is_expectation(const char *text)
{
    regex_t pattern;
    if (strlen(text) == 3 && strspn(text, "0123456789") == 3)
        return strcmp(text, "100") >= 0 && strcmp(text, "599") <= 0;
    if (!*text || regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB))
        return false;
    regfree(&pattern);
    return true;
}

static bool read_jobs(const char *text, size_t *out)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *out = number;
    return *text >= '0' && *text <= '9' && !*end && number && number <= JOBS_MAX;
}

static bool read_options(struct check *check, int *code)
{
    const struct invocation *invocation = check->invocation;
    const char *url = option(invocation, "url"), *expect = option(invocation, "expect");
    const char *jobs = option(invocation, "jobs"), *timeout = option(invocation, "timeout");
    int64_t seconds = TIMEOUT;
    if (!read_filter(invocation, &check->selection, code))
        return false;
    check->job = (struct check_job){.url = url ? url : DEFAULT_URL,
                                    .expect = expect ? expect : "",
                                    .jobs = JOBS,
                                    .tunnel = option(invocation, "tunnel") != NULL};
    if (!is_target(check->job.url))
        *code = usage(invocation, "--url is not a URL of http or https without credentials");
    else if (expect && !is_expectation(expect))
        *code = usage(invocation, "--expect %s is neither a status nor an extended regular expression", expect);
    else if (jobs && !read_jobs(jobs, &check->job.jobs))
        *code = usage(invocation, "--jobs %s is not a number from 1 to %d", jobs, JOBS_MAX);
    else if (timeout && (!read_seconds(timeout, &seconds) || seconds < 1 || seconds > TIMEOUT_MAX))
        *code = usage(invocation, "--timeout %s is not a time from 1s to 1h", timeout);
    else {
        check->job.timeout_seconds = (long)seconds;
        return true;
    }
    return false;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static pxt_time now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (pxt_time)time.tv_sec * PXT_SECOND + time.tv_nsec / 1000;
}

static void note_next_check(struct check *check, pxt_time time)
{
    if (time != PXT_TIME_NONE && time < check->earliest)
        check->earliest = time;
}

static void note_after_report(struct check *check, const char *key)
{
    pxt_entry *entry;
    if (!option(check->invocation, "watch") || pxt_cache_peek(check->cache, key, &entry, NULL))
        return;
    note_next_check(check, pxt_entry_number(entry, PXT_FIELD_NEXT_CHECK_TIME));
    pxt_entry_release(entry);
}

static void tell_fault(struct check *check, const char *key, const char *reason)
{
    if (check->counts.unknown++ >= FAULTS_SHOWN)
        return;
    progress_end(&check->progress);
    fprintf(stderr, "proxtier: %s was not checked: %s\n", key, reason ? reason : "unknown");
}

static void report(struct check *check, const char *key, const struct check_result *result)
{
    struct pxt_error error;
    struct pxt_report outcome = {.size = sizeof outcome,
                                 .ok = result->ok,
                                 .latency_ms = result->ok ? result->latency_ms : -1,
                                 .reason = result->ok ? NULL : result->reason,
                                 .url = check->job.url};
    enum pxt_health health;
    bool evicted;
    pxt_status status = pxt_cache_report(check->cache, key, &outcome, &health, &evicted, &error);
    if (status && status != PXT_NOT_FOUND) {
        progress_end(&check->progress);
        check->code = fail(&error);
    }
    if (status) /* PXT_NOT_FOUND: it was deleted or has expired meanwhile */
        return;
    check->counts.good += result->ok;
    check->counts.failed += !result->ok;
    check->counts.evicted += evicted;
    note_after_report(check, key);
    if (option(check->invocation, "json"))
        print_result("check", (struct result_value[]){{.text = key},
                                                      {.number = result->ok},
                                                      {.null = !result->ok, .real = result->latency_ms},
                                                      {.text = outcome.reason},
                                                      {.text = pxt_health_name(health)},
                                                      {.number = evicted}});
}

/* A check_result_fn. */
static void take_result(void *arg, const struct check_result *result)
{
    struct check *check = arg;
    if (result->id >= check->job.jobs || !*check->key[result->id] || check->code)
        return;
    char *key = check->key[result->id];
    if (result->known)
        report(check, key, result);
    else
        tell_fault(check, key, result->reason);
    *key = '\0';
    check->free[check->free_count++] = result->id;
    progress_checked(&check->progress, check->counts.good, check->counts.failed, check->job.jobs - check->free_count);
}

/* ---- a pass over the pool ---------------------------------------------------------------------------------------- */

static bool goes_on(const struct check *check)
{
    return !check->code && !interrupts_caught() && !ferror(stdout);
}

static void send_entry(struct check *check, pxt_entry *entry)
{
    struct pxt_error error;
    char *url;
    size_t length;
    if (make_url(check->cache, entry, true, &url, &length, &error)) {
        check->code = fail(&error);
        return;
    }
    size_t id = check->free[--check->free_count];
    snprintf(check->key[id], sizeof *check->key, "%s", pxt_entry_key(entry));
    check->code = check_worker_send(&check->worker, id, url);
    free_secret_text(url, length);
}

/* A pxt_cache_each_fn. */
static bool consider(void *arg, pxt_entry *entry)
{
    struct check *check = arg;
    pxt_time due = pxt_entry_number(entry, PXT_FIELD_NEXT_CHECK_TIME);
    if (due != PXT_TIME_NONE && due > now() && !option(check->invocation, "all")) {
        check->counts.waiting++;
        note_next_check(check, due);
        return goes_on(check);
    }
    while (!check->free_count && goes_on(check)) {
        int code = check_worker_take(&check->worker);
        check->code = check->code ? check->code : code;
    }
    if (goes_on(check))
        send_entry(check, entry);
    return goes_on(check);
}

static void tell(const struct check *check, double seconds)
{
    const struct counts *counts = &check->counts;
    FILE *out = option(check->invocation, "json") ? stderr : stdout;
    if (out == stderr && check->invocation->quiet)
        return;
    fprintf(out,
            "good %" PRIu64 ", failed %" PRIu64 " (evicted %" PRIu64 "), not due %" PRIu64 ", not checked %" PRIu64
            " in %.2f s\n",
            counts->good, counts->failed, counts->evicted, counts->waiting, counts->unknown, seconds);
}

/* Checks what is due. Returns whether any entry was selected. */
static bool pass(struct check *check)
{
    struct pxt_error error;
    struct counts *counts = &check->counts;
    *counts = (struct counts){0};
    check->earliest = PXT_TIME_MAX;
    progress_start(&check->progress, !check->invocation->quiet);
    pxt_status status = pxt_cache_each_selected(check->cache, &check->selection, consider, check, &error);
    while (check->free_count < check->job.jobs && goes_on(check)) {
        int code = check_worker_take(&check->worker);
        check->code = check->code ? check->code : code;
    }
    progress_end(&check->progress);
    if (status && !check->code)
        check->code = fail(&error);
    bool made = counts->good || counts->failed || counts->unknown;
    if (made || !option(check->invocation, "watch"))
        tell(check, progress_seconds() - check->progress.started);
    if (counts->unknown && !check->code && !option(check->invocation, "watch"))
        check->code = EXIT_LACKING;
    return made || counts->waiting;
}

/* Until the next check, and not longer than a minute, for other processes put entries too. */
static void sleep_until_due(const struct check *check)
{
    double end = progress_seconds() + LOOK_SECONDS, due = (double)(check->earliest - now()) / PXT_SECOND;
    if (due < LOOK_SECONDS)
        end = progress_seconds() + (due > 1 ? due : 1);
    for (double left; (left = end - progress_seconds()) > 0 && !interrupts_caught();)
        poll(NULL, 0, left < 1 ? (int)(left * 1000) + 1 : 1000);
}

static void run(struct check *check)
{
    bool watch = option(check->invocation, "watch") != NULL, any = pass(check);
    while (watch && goes_on(check) && !fflush(stdout)) {
        sleep_until_due(check);
        if (goes_on(check))
            pass(check);
    }
    if (!any && !watch && goes_on(check))
        check->code = nothing_matches(check->invocation);
}

static bool make_room(struct check *check)
{
    check->key = calloc(check->job.jobs, sizeof *check->key);
    check->free = calloc(check->job.jobs, sizeof *check->free);
    for (size_t i = 0; check->free && i < check->job.jobs; i++)
        check->free[check->free_count++] = check->job.jobs - 1 - i;
    return check->key && check->free;
}

int run_check(struct invocation *invocation)
{
    struct pxt_error error;
    struct check check = {.invocation = invocation, .worker = {.socket = -1}};
    if (!read_options(&check, &check.code))
        return check.code;
    if (!make_room(&check))
        check.code = EXIT_INTERNAL;
    if (!check.code)
        check.code = check_worker_start(&check.worker, &check.job, take_result, &check);
    if (!check.code && open_cache(invocation, &check.cache, &error))
        check.code = fail(&error);
    if (!check.code) {
        interrupts_catch();
        run(&check);
    }
    check_worker_stop(&check.worker);
    pxt_cache_close(check.cache);
    free(check.key);
    free(check.free);
    return interrupts_caught() ? interrupts_end() : finish_output(check.code);
}
