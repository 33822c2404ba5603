/* SPDX-License-Identifier: MIT
 *
 * answer.c: whether a proxy answered as it should. Reasons are texts of this program and of libcurl: what the other side has
 * sent may be anything, and libcurl's messages on one transfer may name the proxy with its credentials.
 */
#include "worker.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t answer_write(char *data, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t length = size * count, room = BODY_MAX - answer->length;
    if (answer->body) {
        size_t taken = length < room ? length : room;
        memcpy(answer->body + answer->length, data, taken);
        answer->length += taken;
    }
    answer->read += length;
    return answer->read > READ_MAX ? 0 : length;
}

/* Whether a connection failed for lack of something on this machine. */
static bool lacks_something(CURL *easy)
{
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return number == EMFILE || number == ENFILE || number == EADDRNOTAVAIL || number == ENETUNREACH ||
           number == ENETDOWN || number == ENOBUFS || number == ENOMEM || number == EACCES || number == EPERM;
}

/* What a proxy sends may give any of these codes, but only after a connection: some proxies answer in no HTTP at all, which
 * is CURLE_UNSUPPORTED_PROTOCOL. */
static bool was_connected(CURL *easy)
{
    long count = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &count);
    return count > 0;
}

static bool is_own_fault(CURL *easy, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: /* of the page, for proxies that want an address */
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_INITFAILED:
        return true;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return !was_connected(easy);
    case CURLE_COULDNT_CONNECT:
        return lacks_something(easy);
    default:
        return false;
    }
}

static enum outcome judge_body(const struct job *job, struct answer *answer, char reason[REASON_MAX])
{
    answer->body[answer->length] = '\0';
    if (!regexec(&job->pattern, answer->body, 0, NULL, 0))
        return OUTCOME_OK;
    snprintf(reason, REASON_MAX, "the body does not match");
    return OUTCOME_FAIL;
}

enum outcome answer_judge(const struct job *job, struct answer *answer, CURL *easy, CURLcode code,
                          char reason[REASON_MAX])
{
    long status = 0, connect_status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (code && !(code == CURLE_WRITE_ERROR && answer->read > READ_MAX)) {
        if (connect_status >= 300)
            snprintf(reason, REASON_MAX, "status %ld to CONNECT", connect_status);
        else
            snprintf(reason, REASON_MAX, "%s", curl_easy_strerror(code));
        return is_own_fault(easy, code) ? OUTCOME_ERROR : OUTCOME_FAIL;
    }
    if (job->status ? status != job->status : status < 200 || status > 299) {
        snprintf(reason, REASON_MAX, "status %ld", status);
        return OUTCOME_FAIL;
    }
    return job->has_pattern ? judge_body(job, answer, reason) : OUTCOME_OK;
}
