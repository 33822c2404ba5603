/* SPDX-License-Identifier: MIT
 *
 * delay.c: a socket before a server, which hands on what it gets a while later, in each direction: as a server that is far away.
 * What follows at once is delayed by as much and no more, so that pipelines flow.
 */
#include "delay.h"
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, CHUNK = 65536 };

struct chunk {
    double due; /* microseconds */
    size_t length, sent;
    struct chunk *next;
    char bytes[];
};
struct stream {
    int from, to;
    bool full; /* the other end takes no more at the moment */
    struct chunk *first, **last;
};
/* There and back. */
struct pair {
    struct stream way[2];
};

static struct pair pairs[PAIRS_MAX];
static size_t pair_count;

/* Ends the child, which leaves the folder to its parent. */
static void give_up(const char *what)
{
    perror(what);
    _exit(1);
}

/* -1: it cannot be had. */
static int open_socket(const char *path, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *where = (const struct sockaddr *)&address;
    if (fd >= 0 &&
        (listens ? !bind(fd, where, sizeof address) && !listen(fd, PAIRS_MAX) : !connect(fd, where, sizeof address)))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void accept_one(int listener, const char *to)
{
    int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int far = open_socket(to, false);
    if (near < 0 || far < 0 || pair_count == PAIRS_MAX || fcntl(far, F_SETFL, O_NONBLOCK))
        give_up(to);
    struct pair *pair = &pairs[pair_count++];
    pair->way[0] = (struct stream){.from = near, .to = far, .last = &pair->way[0].first};
    pair->way[1] = (struct stream){.from = far, .to = near, .last = &pair->way[1].first};
}

/* False: the other end has closed. */
static bool take(struct stream *stream, double delay)
{
    static char bytes[CHUNK];
    ssize_t n = read(stream->from, bytes, sizeof bytes);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    struct chunk *chunk = malloc(sizeof *chunk + (size_t)n);
    if (!chunk)
        give_up("the delayed socket");
    *chunk = (struct chunk){.due = bench_now_us() + delay, .length = (size_t)n};
    memcpy(chunk->bytes, bytes, (size_t)n);
    *stream->last = chunk;
    stream->last = &chunk->next;
    return true;
}

/* Hands on what is due. False: the other end has closed. */
static bool hand_on(struct stream *stream)
{
    stream->full = false;
    while (stream->first && stream->first->due <= bench_now_us()) {
        struct chunk *chunk = stream->first;
        ssize_t n = send(stream->to, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL);
        stream->full = n < 0 && errno == EAGAIN;
        if (n < 0)
            return stream->full || errno == EINTR;
        chunk->sent += (size_t)n;
        if (chunk->sent < chunk->length)
            continue;
        stream->first = chunk->next;
        stream->last = stream->first ? stream->last : &stream->first;
        free(chunk);
    }
    return true;
}

static void end_pair(size_t i)
{
    for (int way = 0; way < 2; way++)
        for (struct chunk *chunk = pairs[i].way[way].first, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    close(pairs[i].way[0].from);
    close(pairs[i].way[0].to);
    pairs[i] = pairs[--pair_count];
    for (int way = 0; i < pair_count && way < 2; way++) /* an empty queue ends in the struct itself */
        if (!pairs[i].way[way].first)
            pairs[i].way[way].last = &pairs[i].way[way].first;
}

/* Waits until something arrives, can be sent or is due. */
static void wait_for_work(struct pollfd *fd, int listener)
{
    double next = bench_now_us() + 1e6;
    fd[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (size_t i = 0; i < pair_count; i++)
        for (size_t way = 0; way < 2; way++) {
            const struct stream *stream = &pairs[i].way[way];
            bool room = pairs[i].way[1 - way].full; /* is waited for: the same socket is the end of the other way */
            fd[1 + 2 * i + way] =
                (struct pollfd){.fd = stream->from, .events = (short)(room ? POLLIN | POLLOUT : POLLIN)};
            if (stream->first && !stream->full && stream->first->due < next)
                next = stream->first->due;
        }
    double left = next - bench_now_us();
    const struct timespec timeout = {.tv_nsec = left > 0 ? (left < 999999 ? (long)(left * 1000) : 999999000) : 0};
    ppoll(fd, 1 + 2 * pair_count, &timeout, NULL);
}

static void serve(int listener, const char *to, double delay)
{
    struct pollfd fd[1 + 2 * PAIRS_MAX];
    for (;;) {
        wait_for_work(fd, listener);
        for (size_t i = pair_count; i-- > 0;) {
            bool open = true;
            for (size_t way = 0; way < 2; way++)
                open = open &&
                       (!(fd[1 + 2 * i + way].revents & (POLLIN | POLLHUP | POLLERR)) ||
                        take(&pairs[i].way[way], delay)) &&
                       hand_on(&pairs[i].way[way]);
            if (!open)
                end_pair(i);
        }
        if (fd[0].revents)
            accept_one(listener, to);
    }
}

pid_t bench_delay_start(const char *path, const char *to, double milliseconds)
{
    int listener = open_socket(path, true);
    pid_t parent = getpid(), child = listener < 0 ? -1 : fork();
    if (child < 0)
        bench_die(path, strerror(errno));
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_TIMERSLACK, 1UL);
        if (getppid() == parent)
            serve(listener, to, milliseconds * 500);
        _exit(1);
    }
    close(listener);
    return child;
}
