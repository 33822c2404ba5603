/* SPDX-License-Identifier: MIT
 *
 * main.c: proxtier-check, the worker of `proxtier check`; worker.h tells its arguments and lines.
 */
#include "worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Credentials pass through this process, and what proxies send: no core file, no look into it, no new rights. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A request needs a socket, two while IPv4 and IPv6 are tried, and two more while a name is looked up. */
static size_t jobs_within_limit(size_t wanted)
{
    enum { EACH = 4, OTHERS = 32 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) && getrlimit(RLIMIT_NOFILE, &limit))
        return wanted;
    rlim_t possible = limit.rlim_cur > OTHERS + EACH ? (limit.rlim_cur - OTHERS) / EACH : 1;
    return possible < wanted ? (size_t)possible : wanted;
}

static bool read_expected(const char *text, struct job *job)
{
    if (strlen(text) == 3 && strspn(text, "0123456789") == 3)
        job->status = strtol(text, NULL, 10);
    else if (*text)
        job->has_pattern = !regcomp(&job->pattern, text, REG_EXTENDED | REG_NOSUB);
    return job->status || job->has_pattern || !*text;
}

int main(int argc, char **argv)
{
    struct job job = {.timeout_seconds = 0};
    harden();
    if (argc == 6 && read_expected(argv[2], &job)) {
        job.url = argv[1];
        job.timeout_seconds = strtol(argv[3], NULL, 10);
        job.jobs = jobs_within_limit(strtoul(argv[4], NULL, 10));
        job.tunnel = !strcmp(argv[5], "1");
    }
    if (job.timeout_seconds <= 0 || !job.jobs) {
        fputs("proxtier-check: this is the worker of `proxtier check`: call that\n", stderr);
        return 64;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        fputs("proxtier-check: libcurl cannot start\n", stderr);
        return 70;
    }
    int status = transfers_run(&job);
    curl_global_cleanup();
    if (job.has_pattern)
        regfree(&job.pattern);
    return status;
}
