/* SPDX-License-Identifier: MIT
 *
 * transfers.c: many requests at the same time, each through its own proxy, by libcurl's multi interface. As many lines are read
 * as requests can be made: the rest waits in the pipe.
 */
#include "worker.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct transfer {
    struct transfer *next; /* of those that are free */
    CURL *easy;
    char id[ID_MAX + 1];
    struct answer answer;
};
struct transfers {
    const struct job *job;
    CURLM *multi;
    struct transfer *all, *free;
    size_t made, running; /* of `all`, from its beginning, that have been used */
    struct requests requests;
};

/* libcurl would ask without any proxy where the URL is empty, take an unknown scheme for a proxy that is not there, and cut
 * credentials at a NUL. */
static bool is_usable(const char *proxy)
{
    static const char *const schemes[] = {"http://", "https://", "socks4://", "socks4a://", "socks5://", "socks5h://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strncmp(proxy, schemes[i], strlen(schemes[i])))
            return !strstr(proxy, "%00");
    return false;
}

static bool put_options(const struct transfers *transfers, struct transfer *transfer, const char *proxy)
{
    const struct job *job = transfers->job;
    CURL *easy = transfer->easy;
    CURLcode code = CURLE_OK;
#define PUT(name, value) code = code ? code : curl_easy_setopt(easy, CURLOPT_##name, value)
    PUT(URL, job->url);
    PUT(PROTOCOLS_STR, "http,https");
    PUT(PROXY, proxy);
    PUT(NOPROXY, "");
    PUT(HTTPPROXYTUNNEL, job->tunnel ? 1L : 0L);
    PUT(PROXYAUTH, (long)CURLAUTH_BASIC);
    PUT(TIMEOUT, job->timeout_seconds);
    PUT(CONNECTTIMEOUT, job->timeout_seconds);
    PUT(NOSIGNAL, 1L);
    PUT(FRESH_CONNECT, 1L);
    PUT(FORBID_REUSE, 1L);
    PUT(USERAGENT, "proxtier-check");
    PUT(WRITEFUNCTION, answer_write);
    PUT(WRITEDATA, &transfer->answer);
    PUT(PRIVATE, transfer);
#undef PUT
    return !code;
}

static void tell(const char *id, const char *outcome, curl_off_t microseconds, const char *reason)
{
    printf("%s %s %" PRIdMAX "%s%s\n", id, outcome, (intmax_t)microseconds, *reason ? " " : "", reason);
}

static struct transfer *take_free(struct transfers *transfers)
{
    struct transfer *transfer = transfers->free;
    if (transfer)
        transfers->free = transfer->next;
    else
        transfer = &transfers->all[transfers->made++];
    return transfer;
}

static void give_back(struct transfers *transfers, struct transfer *transfer)
{
    if (transfer->easy)
        curl_easy_reset(transfer->easy);
    transfer->next = transfers->free;
    transfers->free = transfer;
}

/* Room for a body is made once for each transfer. */
static bool make_ready(const struct transfers *transfers, struct transfer *transfer, const char *proxy)
{
    if (!transfer->easy)
        transfer->easy = curl_easy_init();
    if (transfers->job->has_pattern && !transfer->answer.body)
        transfer->answer.body = malloc(BODY_MAX + 1);
    transfer->answer.length = transfer->answer.read = 0;
    return transfer->easy && (transfer->answer.body || !transfers->job->has_pattern) &&
           put_options(transfers, transfer, proxy) && !curl_multi_add_handle(transfers->multi, transfer->easy);
}

static void start(struct transfers *transfers, const char *id, const char *proxy)
{
    if (!is_usable(proxy)) {
        tell(id, "error", 0, "the scheme of the proxy, or a NUL in its credentials, is not supported");
        return;
    }
    struct transfer *transfer = take_free(transfers);
    snprintf(transfer->id, sizeof transfer->id, "%s", id);
    if (make_ready(transfers, transfer, proxy)) {
        transfers->running++;
        return;
    }
    tell(id, "error", 0, "the request cannot be made: out of memory, or libcurl cannot read the proxy's URL");
    give_back(transfers, transfer);
}

static void finish(struct transfers *transfers, CURL *easy, CURLcode code)
{
    static const char *const outcomes[] = {"ok", "fail", "error"};
    struct transfer *transfer = NULL;
    curl_off_t microseconds = 0;
    char reason[REASON_MAX] = "";
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &microseconds);
    enum outcome outcome = answer_judge(transfers->job, &transfer->answer, easy, code, reason);
    tell(transfer->id, outcomes[outcome], microseconds, reason);
    curl_multi_remove_handle(transfers->multi, easy);
    transfers->running--;
    give_back(transfers, transfer);
}

static void finish_all(struct transfers *transfers)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(transfers->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            finish(transfers, message->easy_handle, message->data.result);
}

/* poll() tells the end of a pipe too, which curl_multi_poll() does not. */
static bool can_read(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

/* Starts what standard input has, up to the number of jobs. Returns 0, or an exit status. */
static int start_some(struct transfers *transfers)
{
    const char *id, *proxy;
    int status = 0;
    for (;;) {
        while (transfers->running < transfers->job->jobs && requests_next(&transfers->requests, &id, &proxy))
            start(transfers, id, proxy);
        if (status || transfers->running >= transfers->job->jobs || transfers->requests.ended || !can_read())
            return status;
        status = requests_read(&transfers->requests);
    }
}

static int run(struct transfers *transfers)
{
    int running, status = 0;
    while (!status) {
        status = start_some(transfers);
        curl_multi_perform(transfers->multi, &running);
        finish_all(transfers);
        if (fflush(stdout)) {
            perror("proxtier-check: cannot write to standard output");
            status = 74;
        }
        if (transfers->requests.ended && !transfers->running)
            break;
        struct curl_waitfd input = {.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN};
        bool reads = transfers->running < transfers->job->jobs && !transfers->requests.ended;
        if (!status && curl_multi_poll(transfers->multi, &input, reads, 1000, NULL))
            status = 70;
    }
    return status;
}

int transfers_run(const struct job *job)
{
    struct transfers transfers = {.job = job, .multi = curl_multi_init()};
    transfers.all = calloc(job->jobs, sizeof *transfers.all);
    int status = 70;
    if (transfers.multi && transfers.all)
        status = run(&transfers);
    else
        fputs("proxtier-check: out of memory\n", stderr);
    for (size_t i = 0; i < transfers.made; i++) {
        if (transfers.all[i].easy)
            curl_multi_remove_handle(transfers.multi, transfers.all[i].easy);
        curl_easy_cleanup(transfers.all[i].easy);
        free(transfers.all[i].answer.body);
    }
    curl_multi_cleanup(transfers.multi);
    free(transfers.all);
    requests_wipe(&transfers.requests);
    return status;
}
