/* SPDX-License-Identifier: MIT
 *
 * exec.c: proxtier exec -- PROGRAM [ARGUMENT...]
 *
 * The program finds the proxy in its environment, where other users cannot see the credentials. If the lease is lost
 * meanwhile, the program goes on: to end it in the middle of its work may do more harm than a proxy with two users.
 */
#include "child.h"
#include "secret_variables.h"
#include "selection.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "ftp_proxy",  "FTP_PROXY",  "all_proxy",   "ALL_PROXY"};
enum { VARIABLES = sizeof variables / sizeof *variables };

struct run {
    const struct invocation *invocation;
    pxt_cache *cache;
    char id[PXT_LEASE_ID_MAX + 1]; /* "": no lease, or it was lost */
    int64_t ttl;                   /* seconds */
    bool warned;                   /* that it cannot be renewed */
    bool started;
    char *environment[VARIABLES]; /* what the program gets, each for free_secret_text() */
    struct secret_variables secrets;
};

/* ---- the environment -------------------------------------------------------------------------------------------- */

static bool is_ours(const char *setting)
{
    size_t length = strcspn(setting, "=");
    for (size_t i = 0; i < VARIABLES; i++)
        if (strlen(variables[i]) == length && !strncmp(variables[i], setting, length))
            return true;
    return false;
}

/* Makes the environment of the program: this one, with the variables of the proxy, and without those that have keys and
 * passwords of proxtier. NULL: out of memory. */
static char **make_environment(struct run *run, const char *url)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **all = calloc(count + VARIABLES + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        if (!is_ours(environ[i]) && !is_secret_variable(&run->secrets, environ[i]))
            all[kept++] = environ[i];
    for (size_t i = 0; all && i < VARIABLES; i++) {
        size_t size = strlen(variables[i]) + strlen(url) + 2;
        char *setting = malloc(size);
        if (!setting) {
            free(all);
            return NULL;
        }
        snprintf(setting, size, "%s=%s", variables[i], url);
        run->environment[i] = all[kept++] = setting;
    }
    return all;
}

static void free_settings(struct run *run)
{
    for (size_t i = 0; i < VARIABLES; i++)
        if (run->environment[i])
            free_secret_text(run->environment[i], strlen(run->environment[i]));
}

/* ---- the report ------------------------------------------------------------------------------------------------- */

static const char curl_statuses[] = "5,7,28,35,52,55,56,97";

/* Whether the list is numbers of exit statuses with commas between. `*has`: `status` is among them. */
static bool read_statuses(const char *list, int status, bool *has)
{
    *has = false;
    for (const char *at = list;; at++) {
        char *end;
        unsigned long number = strtoul(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end && *end != ',') || !number || number >= EXIT_NOT_RUNNABLE)
            return false;
        *has |= number == (unsigned long)status;
        if (!*end)
            return true;
        at = end;
    }
}

static const char *failures(const struct invocation *invocation)
{
    const char *list = option(invocation, "fail-on");
    return list && !strcmp(list, "curl") ? curl_statuses : list;
}

static bool check_report(const struct invocation *invocation, int *code)
{
    bool has;
    const char *list = failures(invocation);
    if (list && !read_statuses(list, 0, &has))
        *code = usage(invocation, "--fail-on %s is neither curl nor a list of exit statuses from 1 to 125", list);
    else if (list && !option(invocation, "report"))
        *code = usage(invocation, "--fail-on needs --report");
    else
        return true;
    return false;
}

/* Whether the exit status says something of the proxy: from 126 on are those of programs that were not run, or that a signal
 * ended. */
static bool make_report(const struct run *run, int code, char text[40], struct pxt_report *report)
{
    const char *list = failures(run->invocation);
    bool failed = code != 0;
    if (!run->started || !option(run->invocation, "report") || code >= EXIT_NOT_RUNNABLE)
        return false;
    if (list && code && (!read_statuses(list, code, &failed) || !failed))
        return false;
    snprintf(text, 40, "exec: exit status %d", code);
    *report =
        (struct pxt_report){.size = sizeof *report, .ok = !failed, .latency_ms = -1, .reason = failed ? text : NULL};
    return true;
}

/* ---- the lease -------------------------------------------------------------------------------------------------- */

static void warn(const struct run *run, const char *what, const char *message)
{
    if (!run->invocation->quiet)
        fprintf(stderr, "proxtier: %s%s; the program goes on\n", what, message);
}

/* A child_due_fn: renews after a third of the time to live, and after a tenth where that has failed. */
static int64_t renew(void *arg)
{
    struct run *run = arg;
    struct pxt_error error;
    if (!*run->id)
        return 3600 * 1000;
    pxt_status status = pxt_cache_renew(run->cache, run->id, run->ttl, &error);
    if (!status) {
        run->warned = false;
        return run->ttl * 1000 / 3;
    }
    if (status == PXT_NOT_FOUND) {
        warn(run, "the lease was lost: another worker may have the proxy", "");
        *run->id = '\0';
    } else if (!run->warned) {
        warn(run, "the lease cannot be renewed yet: ", error.message);
        run->warned = true;
    }
    return run->ttl * 1000 / 10;
}

/* Ends the lease, and records how the proxy worked. `key` is that of the proxy. */
static void finish(struct run *run, const char *key, int code)
{
    struct pxt_error error;
    struct pxt_report report;
    char text[40];
    bool with_report = make_report(run, code, text, &report);
    pxt_status status = PXT_OK;
    if (*run->id)
        status = pxt_cache_release(run->cache, run->id, with_report ? &report : NULL, NULL, NULL, &error);
    else if (with_report)
        status = pxt_cache_report(run->cache, key, &report, NULL, NULL, &error);
    if (status == PXT_NOT_FOUND && *run->id)
        fputs("proxtier: the lease was lost before the program ended: another worker may have had the proxy\n", stderr);
    else if (status && status != PXT_NOT_FOUND)
        fail(&error);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int run_program(struct run *run, pxt_entry *entry)
{
    struct pxt_error error;
    struct child child;
    char *url;
    size_t length;
    if (secret_variables_read(run->invocation, &run->secrets, &error) ||
        make_url(run->cache, entry, true, &url, &length, &error))
        return fail(&error);
    char **environment = make_environment(run, url);
    free_secret_text(url, length);
    int code = environment ? child_start(&child, run->invocation->arguments, environment) : EXIT_INTERNAL;
    run->started = !code;
    free(environment);
    free_settings(run);
    return code ? code : child_exit_code(child_wait(&child, run->ttl * 1000 / 3, renew, run));
}

static pxt_status choose(struct run *run, const struct pxt_selection *selection,
                         const struct pxt_select_options *choice, const struct pxt_lease_options *options,
                         pxt_entry **entry, struct pxt_error *error)
{
    size_t found;
    if (option(run->invocation, "no-lease"))
        return pxt_cache_select(run->cache, selection, choice, 1, entry, &found, error);
    return pxt_cache_lease(run->cache, selection, choice, options, entry, run->id, error);
}

int run_exec(struct invocation *invocation)
{
    struct pxt_error error;
    struct pxt_selection selection;
    struct pxt_select_options choice;
    struct pxt_lease_options options;
    struct run run = {.invocation = invocation};
    pxt_entry *entry = NULL;
    int code;
    if (!read_lease_options(invocation, &options, &code) || !read_selection(invocation, &selection, &choice, &code) ||
        !check_report(invocation, &code))
        return code;
    run.ttl = options.ttl ? options.ttl : 60;
    if (open_cache(invocation, &run.cache, &error))
        return fail(&error);
    pxt_status status = choose(&run, &selection, &choice, &options, &entry, &error);
    if (!status) {
        code = run_program(&run, entry);
        finish(&run, pxt_entry_key(entry), code);
        pxt_entry_release(entry);
        secret_variables_free(&run.secrets);
    } else {
        code = status == PXT_NOT_FOUND ? nothing_matches(invocation) : fail(&error);
        if (status == PXT_ENOTSUP)
            fputs("proxtier: --no-lease runs the program without one\n", stderr);
    }
    pxt_cache_close(run.cache);
    return code;
}
