/* SPDX-License-Identifier: MIT
 *
 * tcp_server: a small key-value store, for the tier tcp_store.c. It keeps what it is sent in memory, sorted by key, and listens
 * on the loopback address only: it knows neither passwords nor encryption.
 *
 *   cc -o tcp_server tcp_server.c
 *   ./tcp_server PORT          serves; PORT 0 chooses one. The port is printed.
 *   ./tcp_server --clear PORT  empties the store of that server
 *
 * A request is a header of 43 bytes, the key and the value:
 *   "%-5s %8zu %8zu %016llx %c\n"   operation, length of key, length of value, version, '1' where the value counts
 * A reply is a header of 31 bytes and a value:
 *   "%-4s %8zu %016llx\n"           status, length of value, version
 *
 *   get    the value of the key, with its version
 *   put    stores it, unless a greater version is stored: "old"; the version 0, which is not known, replaces any
 *   del    removes the key; with a version other than 0 only if that is stored
 *   next   the keys that come after this one with their values, as many as fit: "%3zu %8zu " of their lengths, both
 *   count  the number of values that count, as a value
 *   clear  removes all; replies as count did before
 * Statuses: "ok", "none" where the key is not there, "old".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_HEADER = 43, REPLY_HEADER = 31, KEY_MAX = 255, VALUE_MAX = 1 << 20, CONNECTIONS = 64 };

struct item {
    char *key, *value;
    size_t length; /* of the value */
    unsigned long long version;
    bool counts;
};
struct request {
    char operation[6], key[KEY_MAX + 1], counts;
    char *value;
    size_t key_length, length;
    unsigned long long version;
};

static struct item *item;
static size_t items, room, counted;
static char reply[REPLY_HEADER + VALUE_MAX + 1];

/* ---- the store -------------------------------------------------------------------------------------------------- */

/* Where the key is, or would be. */
static size_t place_of(const char *key)
{
    size_t low = 0, high = items;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(item[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(size_t at)
{
    counted -= item[at].counts;
    free(item[at].key);
    free(item[at].value);
    memmove(item + at, item + at + 1, (--items - at) * sizeof *item);
}

static void *must(void *memory)
{
    if (memory)
        return memory;
    fputs("out of memory\n", stderr);
    exit(1);
}

/* Takes the value over. */
static void put_in(size_t at, bool replaces, struct request *request)
{
    if (replaces) {
        take_out(at);
    } else if (items == room) {
        room = room ? 2 * room : 64;
        item = must(realloc(item, room * sizeof *item));
    }
    memmove(item + at + 1, item + at, (items++ - at) * sizeof *item);
    item[at] = (struct item){.key = must(strdup(request->key)),
                             .value = request->value,
                             .length = request->length,
                             .version = request->version,
                             .counts = request->counts == '1'};
    counted += item[at].counts;
    request->value = NULL;
}

/* ---- replies: the length of each is returned -------------------------------------------------------------------- */

static size_t say(const char *status, size_t length, unsigned long long version)
{
    char header[64];
    snprintf(header, sizeof header, "%-4s %8zu %016llx\n", status, length, version);
    memcpy(reply, header, REPLY_HEADER);
    return REPLY_HEADER + length;
}

static size_t say_number(size_t number)
{
    return say("ok", (size_t)snprintf(reply + REPLY_HEADER, 21, "%zu", number), 0);
}

static size_t say_next(size_t at)
{
    size_t length = 0;
    for (; at < items && length + 13 + KEY_MAX + item[at].length <= VALUE_MAX; at++) {
        char *to = reply + REPLY_HEADER + length;
        size_t key_length = strlen(item[at].key);
        length += (size_t)sprintf(to, "%3zu %8zu %s", key_length, item[at].length, item[at].key);
        memcpy(reply + REPLY_HEADER + length, item[at].value, item[at].length);
        length += item[at].length;
    }
    return say(length ? "ok" : "none", length, 0);
}

static size_t answer(struct request *request)
{
    size_t at = place_of(request->key), before = counted;
    bool there = at < items && !strcmp(item[at].key, request->key);
    if (!strcmp(request->operation, "count"))
        return say_number(counted);
    if (!strcmp(request->operation, "next"))
        return say_next(at + there);
    if (!strcmp(request->operation, "clear")) {
        while (items)
            take_out(items - 1);
        return say_number(before);
    }
    if (!strcmp(request->operation, "put")) {
        if (there && request->version && item[at].version > request->version)
            return say("old", 0, item[at].version);
        put_in(at, there, request);
        return say("ok", 0, 0);
    }
    if (!there)
        return say("none", 0, 0);
    if (!strcmp(request->operation, "del")) {
        if (request->version && item[at].version != request->version)
            return say("old", 0, item[at].version);
        bool counts = item[at].counts;
        take_out(at);
        return say(counts ? "ok" : "none", 0, 0);
    }
    memcpy(reply + REPLY_HEADER, item[at].value, item[at].length);
    return say("ok", item[at].length, item[at].version);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static bool receive(int fd, char *bytes, size_t length)
{
    for (ssize_t n; length; bytes += n, length -= (size_t)n)
        if ((n = recv(fd, bytes, length, 0)) <= 0)
            return false;
    return true;
}

static bool transmit(int fd, const char *bytes, size_t length)
{
    for (ssize_t n; length; bytes += n, length -= (size_t)n)
        if ((n = send(fd, bytes, length, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

/* Reads a request and answers it; false where the connection has ended, or the request is malformed. */
static bool serve(int fd)
{
    char header[REQUEST_HEADER + 1] = "";
    struct request request = {0};
    if (!receive(fd, header, REQUEST_HEADER) ||
        sscanf(header, "%5s %zu %zu %llx %c", request.operation, &request.key_length, &request.length, &request.version,
               &request.counts) != 5 ||
        request.key_length > KEY_MAX || request.length > VALUE_MAX)
        return false;
    request.value = must(malloc(request.length + 1));
    bool good = receive(fd, request.key, request.key_length) && receive(fd, request.value, request.length);
    if (good)
        good = transmit(fd, reply, answer(&request));
    free(request.value);
    return good;
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(port)),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static int clear(const char *port)
{
    char header[64];
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    snprintf(header, sizeof header, "%-5s %8zu %8zu %016llx %c\n", "clear", (size_t)0, (size_t)0, 0ULL, '0');
    bool good = fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof address) &&
                transmit(fd, header, REQUEST_HEADER) && receive(fd, reply, REPLY_HEADER);
    if (!good)
        perror("clear");
    return !good;
}

int main(int count, char **arguments)
{
    struct pollfd fds[1 + CONNECTIONS];
    nfds_t n = 1;
    socklen_t size = sizeof(struct sockaddr_in);
    int yes = 1;
    if (count == 3 && !strcmp(arguments[1], "--clear"))
        return clear(arguments[2]);
    if (count != 2)
        return fprintf(stderr, "usage: tcp_server [--clear] PORT\n"), 2;
    struct sockaddr_in address = loopback(arguments[1]);
    fds[0] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN};
    if (fds[0].fd < 0 || setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        bind(fds[0].fd, (struct sockaddr *)&address, size) || listen(fds[0].fd, CONNECTIONS) ||
        getsockname(fds[0].fd, (struct sockaddr *)&address, &size))
        return perror("tcp_server"), 1;
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        fds[0].events = n <= CONNECTIONS ? POLLIN : 0;
        if (poll(fds, n, -1) < 0)
            return perror("poll"), 1;
        for (nfds_t i = n; i-- > 1;)
            if (fds[i].revents && !serve(fds[i].fd)) {
                close(fds[i].fd);
                fds[i] = fds[--n];
            }
        int fd = fds[0].revents ? accept(fds[0].fd, NULL, NULL) : -1;
        if (fd >= 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}
