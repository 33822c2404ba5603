/* SPDX-License-Identifier: MIT
 *
 * check_worker.h: runs proxtier-check, which makes requests through proxies; cli/checker/worker.h has its lines.
 */
#ifndef CLI_CHECK_WORKER_H
#define CLI_CHECK_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct check_job {
    const char *url;
    const char *expect; /* a status, a regular expression, or "" */
    long timeout_seconds;
    size_t jobs;
    bool tunnel;
};
/* What became of a proxy. The reason is valid during the call. */
struct check_result {
    size_t id;
    bool known; /* false: this machine is at fault */
    bool ok;
    double latency_ms;
    const char *reason; /* NULL where it is good */
};
typedef void check_result_fn(void *arg, const struct check_result *result);

struct check_worker {
    pid_t pid;
    int socket; /* its standard input and output; -1: it is not running */
    check_result_fn *result;
    void *arg;
    size_t used;
    char buffer[4096]; /* of a result, the beginning */
};
/* Starts the program; `result` is called for each proxy. Returns 0, or an exit code with a message. */
int check_worker_start(struct check_worker *worker, const struct check_job *job, check_result_fn *result, void *arg);
/* Sends a proxy: its URL, with credentials. Takes results meanwhile. Returns 0, or an exit code with a message; 0 too after
 * a signal of interrupts.h. */
int check_worker_send(struct check_worker *worker, size_t id, const char *url);
/* Takes the results that are there, and waits for one, up to a second. Likewise. */
int check_worker_take(struct check_worker *worker);
/* Ends the program at once. */
void check_worker_stop(struct check_worker *worker);

#endif
