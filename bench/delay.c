/* SPDX-License-Identifier: MIT
 *
 * delay.c: a relay that holds back what goes each way. One thread serves all connections: what has arrived stands in a queue
 * for each way, with the time at which it is to be passed on.
 */
#include "delay.h"
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_MAX = 128, CHUNK = 65536, QUEUED_MAX = 64 * 1024 * 1024 };

struct chunk {
    struct chunk *next;
    int64_t due;
    size_t length, sent; /* length 0: the other end sends no more */
    char bytes[];
};

/* One way of a connection. */
struct way {
    int from, to;
    struct chunk *first, *last;
    size_t queued;
    bool ended; /* nothing more arrives */
    bool done;  /* nor is anything to be passed on */
};

struct pair {
    bool used;
    struct way way[2];
};

struct bench_delay {
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)], server[sizeof(((struct sockaddr_un *)0)->sun_path)];
    _Atomic int64_t half; /* nanoseconds */
    int socket, wake[2];
    pthread_t thread;
    struct pair pair[PAIRS_MAX];
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/* ---- a way ---- */

static void drop_first(struct way *way)
{
    struct chunk *chunk = way->first;
    way->first = chunk->next;
    way->last = way->first ? way->last : NULL;
    way->queued -= chunk->length;
    free(chunk);
}

/* Takes what has arrived. False: the connection broke. */
static bool take(struct way *way, int64_t half)
{
    static char bytes[CHUNK]; /* of the one thread */
    ssize_t length = read(way->from, bytes, sizeof bytes);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR;
    struct chunk *chunk = malloc(sizeof *chunk + (size_t)length);
    if (!chunk)
        return false;
    *chunk = (struct chunk){.due = now() + half, .length = (size_t)length};
    memcpy(chunk->bytes, bytes, (size_t)length);
    *(way->last ? &way->last->next : &way->first) = chunk;
    way->last = chunk;
    way->queued += chunk->length;
    way->ended = !length;
    return true;
}

/* Passes on what is due. False: the connection broke. */
static bool pass_on(struct way *way, int64_t time)
{
    while (way->first && way->first->due <= time) {
        struct chunk *chunk = way->first;
        if (!chunk->length) {
            shutdown(way->to, SHUT_WR);
            way->done = true;
        }
        ssize_t sent = chunk->length ? send(way->to, chunk->bytes + chunk->sent, chunk->length - chunk->sent,
                                            MSG_NOSIGNAL | MSG_DONTWAIT)
                                     : 0;
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        chunk->sent += (size_t)sent;
        if (chunk->sent == chunk->length)
            drop_first(way);
    }
    return true;
}

/* ---- connections ---- */

static void cut(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        while (pair->way[i].first)
            drop_first(&pair->way[i]);
        close(pair->way[i].from);
    }
    pair->used = false;
}

static void accept_one(struct bench_delay *delay)
{
    struct sockaddr_un address = address_of(delay->server);
    struct pair *pair = delay->pair;
    int client = accept(delay->socket, NULL, NULL);
    if (client < 0)
        return;
    while (pair < delay->pair + PAIRS_MAX && pair->used)
        pair++;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair == delay->pair + PAIRS_MAX || server < 0 ||
        connect(server, (const struct sockaddr *)&address, sizeof address) || fcntl(client, F_SETFL, O_NONBLOCK) ||
        fcntl(server, F_SETFL, O_NONBLOCK)) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    *pair = (struct pair){.used = true, .way = {{.from = client, .to = server}, {.from = server, .to = client}}};
}

/* Sets what is waited for; returns the time at which something is due. */
static int64_t prepare(const struct bench_delay *delay, struct pollfd *wait)
{
    const int64_t time = now();
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < PAIRS_MAX; i++)
        for (int j = 0; j < 2; j++) {
            const struct pair *pair = &delay->pair[i];
            const struct way *in = &pair->way[j], *out = &pair->way[!j]; /* what goes out by the same descriptor */
            bool stuck = out->first && out->first->due <= time;
            wait[2 * i + (size_t)j] = (struct pollfd){
                .fd = pair->used ? in->from : -1,
                .events = (short)((in->ended || in->queued >= QUEUED_MAX ? 0 : POLLIN) | (stuck ? POLLOUT : 0))};
            if (pair->used && !wait[2 * i + (size_t)j].events)
                wait[2 * i + (size_t)j].fd = -1;
            if (pair->used && out->first && !stuck && out->first->due < first)
                first = out->first->due;
        }
    return first;
}

static void serve(struct bench_delay *delay, const struct pollfd *wait)
{
    const int64_t half = atomic_load(&delay->half);
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &delay->pair[i];
        bool goes_on = pair->used;
        for (size_t j = 0; goes_on && j < 2; j++)
            if (!pair->way[j].ended && wait[2 * i + j].revents & ~POLLOUT)
                goes_on = take(&pair->way[j], half);
        for (size_t j = 0; goes_on && j < 2; j++)
            goes_on = pass_on(&pair->way[j], now());
        if (pair->used && (!goes_on || (pair->way[0].done && pair->way[1].done)))
            cut(pair);
    }
}

static void *relay(void *arg)
{
    struct bench_delay *delay = arg;
    struct pollfd wait[2 * PAIRS_MAX + 2];
    prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
    for (;;) {
        const int64_t due = prepare(delay, wait), time = now();
        const int64_t left = due > time ? due - time : 0;
        const struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
        wait[2 * PAIRS_MAX] = (struct pollfd){.fd = delay->socket, .events = POLLIN};
        wait[2 * PAIRS_MAX + 1] = (struct pollfd){.fd = delay->wake[0], .events = POLLIN};
        if (ppoll(wait, sizeof wait / sizeof *wait, due < INT64_MAX ? &timeout : NULL, NULL) < 0)
            continue;
        if (wait[2 * PAIRS_MAX + 1].revents)
            return NULL;
        serve(delay, wait);
        if (wait[2 * PAIRS_MAX].revents)
            accept_one(delay);
    }
}

/* ---- start and stop ---- */

struct bench_delay *bench_delay_start(const char *path, const char *server, int64_t latency_us)
{
    struct sockaddr_un address = address_of(path);
    struct bench_delay *delay = calloc(1, sizeof *delay);
    if (!delay)
        bench_die(path, "no memory");
    snprintf(delay->path, sizeof delay->path, "%s", path);
    snprintf(delay->server, sizeof delay->server, "%s", server);
    bench_delay_set(delay, latency_us);
    delay->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (delay->socket < 0 || bind(delay->socket, (const struct sockaddr *)&address, sizeof address) ||
        listen(delay->socket, PAIRS_MAX) || pipe(delay->wake) || pthread_create(&delay->thread, NULL, relay, delay))
        bench_die(path, "cannot be listened on");
    return delay;
}

void bench_delay_set(struct bench_delay *delay, int64_t latency_us)
{
    atomic_store(&delay->half, latency_us * 500);
}

void bench_delay_stop(struct bench_delay *delay)
{
    if (write(delay->wake[1], "", 1) == 1)
        pthread_join(delay->thread, NULL);
    for (size_t i = 0; i < PAIRS_MAX; i++)
        if (delay->pair[i].used)
            cut(&delay->pair[i]);
    close(delay->socket);
    close(delay->wake[0]);
    close(delay->wake[1]);
    unlink(delay->path);
    free(delay);
}
