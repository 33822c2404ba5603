/* SPDX-License-Identifier: MIT
 *
 * worker.h: what the files of proxtier-check share.
 *
 *     proxtier-check URL EXPECT TIMEOUT JOBS TUNNEL
 *
 * asks for URL through proxies. EXPECT is a status, an extended regular expression for the body, or "": any status from 200
 * to 299. TIMEOUT is in seconds, TUNNEL 1 or 0. Standard input has a line for each proxy:
 *
 *     ID URL-OF-THE-PROXY            credentials in it are percent-encoded
 *
 * and standard output, in the order in which the answers come:
 *
 *     ID ok MICROSECONDS
 *     ID fail MICROSECONDS REASON
 *     ID error 0 REASON              this machine is at fault: nothing is known of the proxy
 *
 * No line has credentials but those of standard input, and no reason has any text of the proxy.
 */
#ifndef CHECKER_WORKER_H
#define CHECKER_WORKER_H

#include <curl/curl.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

enum { BODY_MAX = 65536, READ_MAX = 1 << 20, LINE_MAX_BYTES = 65536, ID_MAX = 20, REASON_MAX = 200 };

struct job {
    const char *url;
    long status; /* that is expected; 0: none in particular */
    bool has_pattern;
    regex_t pattern; /* that the body has to match */
    long timeout_seconds;
    size_t jobs; /* at the same time, at most */
    bool tunnel;
};

/* What a proxy answered so far. */
struct answer {
    char *body; /* the first BODY_MAX bytes, where there is a pattern */
    size_t length;
    size_t read; /* of the whole body */
};
/* answer.c: a CURLOPT_WRITEFUNCTION for an answer. Ends the transfer after READ_MAX bytes: no more is needed. */
size_t answer_write(char *data, size_t size, size_t count, void *answer);
enum outcome { OUTCOME_OK, OUTCOME_FAIL, OUTCOME_ERROR };
/* Judges a transfer that has ended. `reason` receives why it is not good. */
enum outcome answer_judge(const struct job *job, struct answer *answer, CURL *easy, CURLcode code,
                          char reason[REASON_MAX]);

/* requests.c: the lines of standard input. */
struct requests {
    size_t used, at;
    bool ended;
    char buffer[LINE_MAX_BYTES];
};
/* Reads once; waits only if nothing is there. Returns 0, or an exit status with a message. */
int requests_read(struct requests *requests);
/* Takes the next whole line: `*id` and `*proxy` point into the buffer until the next call. */
bool requests_next(struct requests *requests, const char **id, const char **proxy);
/* Wipes the credentials that are still there. */
void requests_wipe(struct requests *requests);

/* transfers.c: makes all requests of standard input. Returns an exit status. */
int transfers_run(const struct job *job);

#endif
