/* SPDX-License-Identifier: MIT
 *
 * tcp_store: entries in a server, tcp_server.c, which several processes share. What a tier over a network has to add to one
 * over files: each call ends within `timeout`, a connection that broke is made again, and the server compares versions, so that
 * a write which arrives late does not replace a newer one.
 *
 *   cc -shared -fPIC $(pkg-config --cflags proxtier-plugin) -o tcp_store.so tcp_store.c
 *   and in proxtier.yaml:  tiers: [{plugin: l1_memory}, {plugin: tcp_store, port: 7077}]
 *
 * The protocol is in tcp_server.c. It is not encrypted: keep it on the loopback address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <proxtier/tier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_HEADER = 43, REPLY_HEADER = 31, REPLY_MAX = 1 << 20 };

struct tcp {
    const struct pxt_host *host;
    struct sockaddr_in address;
    char name[32], path[4096]; /* `name`: of the server, for messages */
    int64_t timeout;           /* in microseconds */
    int fd;                    /* -1: not connected */
    uint64_t damaged;
    char reply[REPLY_MAX + 1]; /* the value of the last reply */
    size_t length;
    unsigned long long version;
};

static const struct pxt_option options[] = {
    {"address", PXT_OPTION_TEXT, "127.0.0.1", 0, 0, NULL, "the IPv4 address of the server"},
    {"port", PXT_OPTION_INTEGER, "7077", 1, 65535, NULL, "its port"},
    {"timeout", PXT_OPTION_DURATION, "1s", 1000, 60000000, NULL, "the longest time of one call"},
    {"dir", PXT_OPTION_PATH, "${state}/tcp_store", 0, 0, NULL, "where processes of this machine agree with each other"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

/* ---- the connection: each step ends at a deadline of the monotonic clock; errno says what went wrong ------------- */

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = events};
    for (;;) {
        int64_t left = deadline - now();
        int ready = left > 0 ? poll(&wait, 1, (int)(left / 1000) + 1) : 0;
        if (ready > 0)
            return true;
        if (ready < 0 && errno == EINTR)
            continue;
        if (!ready)
            errno = ETIMEDOUT;
        return false;
    }
}

static bool connect_to(struct tcp *tcp, int64_t deadline)
{
    int yes = 1, problem = 0;
    socklen_t size = sizeof problem;
    tcp->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tcp->fd < 0)
        return false;
    setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &yes,
               sizeof yes); /* without it calls are slower, and no less right */
    if (!connect(tcp->fd, (const struct sockaddr *)&tcp->address, sizeof tcp->address))
        return true;
    if (errno != EINPROGRESS || !wait_for(tcp->fd, POLLOUT, deadline) ||
        getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &problem, &size))
        return false;
    errno = problem;
    return !problem;
}

static bool transmit(struct tcp *tcp, const char *bytes, size_t length, int64_t deadline)
{
    while (length) {
        ssize_t n = send(tcp->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n < 0 && !wait_for(tcp->fd, POLLOUT, deadline))
            return false;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool receive(struct tcp *tcp, char *bytes, size_t length, int64_t deadline)
{
    while (length) {
        ssize_t n = recv(tcp->fd, bytes, length, 0);
        if (!n)
            errno = ECONNRESET;
        if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (n < 0 && !wait_for(tcp->fd, POLLIN, deadline))
            return false;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

struct request {
    const char *operation, *key, *value;
    size_t length; /* of the value */
    unsigned long long version;
    bool counts;
};

/* Sends the request and reads the status of the reply; its value is in `tcp`. */
static bool exchange(struct tcp *tcp, const struct request *request, char status[5], int64_t deadline)
{
    char header[64], answer[REPLY_HEADER + 1] = "";
    size_t key_length = strlen(request->key);
    snprintf(header, sizeof header, "%-5s %8zu %8zu %016llx %c\n", request->operation, key_length, request->length,
             request->version, request->counts ? '1' : '0');
    if (!transmit(tcp, header, REQUEST_HEADER, deadline) || !transmit(tcp, request->key, key_length, deadline) ||
        !transmit(tcp, request->value, request->length, deadline) || !receive(tcp, answer, REPLY_HEADER, deadline))
        return false;
    if (sscanf(answer, "%4s %zu %llx", status, &tcp->length, &tcp->version) != 3 || tcp->length > REPLY_MAX) {
        errno = EPROTO;
        return false;
    }
    if (!receive(tcp, tcp->reply, tcp->length, deadline))
        return false;
    tcp->reply[tcp->length] = '\0';
    return true;
}

static void hang_up(struct tcp *tcp)
{
    if (tcp->fd >= 0)
        close(tcp->fd);
    tcp->fd = -1;
}

/*
 * PXT_OK, PXT_NOT_FOUND or PXT_ESTALE, as the server says. A connection of an earlier call may have ended since, as when the
 * server was started anew: then it is made again, once. A request may so be done twice, which changes nothing: a put has its
 * version, and a del of what is gone is PXT_NOT_FOUND. After an error it is not known whether the server has done it. The core
 * compares the tiers then.
 */
static pxt_status call(struct tcp *tcp, const struct request *request, struct pxt_error *error)
{
    char status[5] = "";
    int64_t deadline = now() + tcp->timeout;
    bool again = tcp->fd >= 0, good = again && exchange(tcp, request, status, deadline);
    if (!good && (!again || errno != ETIMEDOUT)) {
        hang_up(tcp);
        good = connect_to(tcp, deadline) && exchange(tcp, request, status, deadline);
    }
    if (!good) {
        int code = errno;
        hang_up(tcp); /* what comes late is not taken for the next reply */
        return tcp->host->fail(tcp->host, error, PXT_EIO, code, "cannot %s in the server %s: is it running?",
                               request->operation, tcp->name);
    }
    if (!strcmp(status, "ok"))
        return PXT_OK;
    if (!strcmp(status, "none"))
        return PXT_NOT_FOUND;
    return tcp->host->fail(tcp->host, error, PXT_ESTALE, 0, "the server %s has a newer version of %s", tcp->name,
                           request->key);
}

/* ---- the tier --------------------------------------------------------------------------------------------------- */

static pxt_status tcp_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                           struct pxt_error *error)
{
    const char *address = host->setting_text(setup->settings, "address");
    const char *folder = host->setting_text(setup->settings, "dir");
    unsigned port = (unsigned)host->setting_number(setup->settings, "port");
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for a connection");
    tcp->host = host;
    tcp->fd = -1; /* the first call connects: the server may be started later */
    tcp->timeout = host->setting_number(setup->settings, "timeout");
    tcp->address.sin_family = AF_INET;
    tcp->address.sin_port = htons((uint16_t)port);
    snprintf(tcp->name, sizeof tcp->name, "%s:%u", address, port);
    pxt_status status = PXT_OK;
    if (inet_pton(AF_INET, address, &tcp->address.sin_addr) != 1)
        status = host->fail(host, error, PXT_ECONFIG, 0, "address: %s is not an IPv4 address", address);
    else if ((size_t)snprintf(tcp->path, sizeof tcp->path, "%s/%s", folder, tcp->name) >= sizeof tcp->path)
        status = host->fail(host, error, PXT_ECONFIG, 0, "dir: the path is too long");
    else
        status = host->prepare_folder(host, folder, error);
    if (status)
        free(tcp);
    else
        *self = tcp;
    return status;
}

static void tcp_close(void *self)
{
    hang_up(self);
    free(self);
}

/* Makes the entry of a value. What is none is removed, unless it has changed meanwhile, and counted: PXT_NOT_FOUND. */
static pxt_status entry_of(struct tcp *tcp, const char *key, char *text, size_t length, pxt_entry **out,
                           struct pxt_error *error)
{
    pxt_status status = tcp->host->json_read(tcp->host, text, length, out, error);
    if (status != PXT_EINVAL)
        return status;
    struct request removal = {.operation = "del", .key = key, .version = tcp->version};
    tcp->damaged++;
    tcp->host->log(tcp->host, PXT_LOG_WARNING, "the entry %s in the server %s is damaged: it is removed", key,
                   tcp->name);
    status = call(tcp, &removal, error);
    return status == PXT_OK || status == PXT_ESTALE ? PXT_NOT_FOUND : status;
}

static pxt_status tcp_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                          struct pxt_error *error)
{
    struct tcp *tcp = self;
    struct request request = {.operation = "get", .key = key->text};
    (void)flags; /* the core counts hits, and hands them to touch */
    pxt_status status = call(tcp, &request, error);
    return status ? status : entry_of(tcp, key->text, tcp->reply, tcp->length, out, error);
}

static pxt_status tcp_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct tcp *tcp = self;
    const struct pxt_host *host = tcp->host;
    struct pxt_key key;
    host->entry_key(entry, &key);
    /* Of an entry that is in use the line may grow meanwhile, for hits are counted. */
    char *line = NULL;
    size_t room = 0, length = host->json_write(entry, NULL, 0);
    while (length > room) {
        free(line);
        room = length;
        line = malloc(room);
        if (!line)
            return host->fail(host, error, PXT_ENOMEM, 0, "no memory for the entry %s", key.text);
        length = host->json_write(entry, line, room);
    }
    struct request request = {.operation = "put",
                              .key = key.text,
                              .value = line,
                              .length = length,
                              .version = (unsigned long long)host->entry_number(entry, PXT_FIELD_VERSION),
                              .counts = !host->entry_number(entry, PXT_FIELD_REMOVED)};
    pxt_status status = length < REPLY_MAX
                            ? call(tcp, &request, error)
                            : host->fail(host, error, PXT_EINVAL, 0, "the entry %s is too long", key.text);
    free(line);
    return status;
}

static pxt_status tcp_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct request request = {.operation = "del", .key = key->text};
    (void)why;
    return call(self, &request, error);
}

/* Calls `fn` for the entries of a reply to "next", and leaves in `last` the key after which to go on. What is damaged is passed
 * over: the next get of its key removes it. */
static pxt_status each_of_reply(struct tcp *tcp, char last[PXT_KEY_MAX + 1], pxt_entry_fn *fn, void *arg, bool *more,
                                struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    size_t key_length, length;
    char *at = tcp->reply, *end = at + tcp->length;
    for (; *more && !status && at < end; at += length) {
        pxt_entry *entry = NULL;
        if (sscanf(at, "%3zu %8zu", &key_length, &length) != 2 || key_length > PXT_KEY_MAX ||
            key_length + length + 13 > (size_t)(end - at))
            return tcp->host->fail(tcp->host, error, PXT_EIO, 0, "the server %s sends a malformed list", tcp->name);
        memcpy(last, at + 13, key_length);
        last[key_length] = '\0';
        at += 13 + key_length;
        char next = at[length];
        at[length] = '\0';
        status = tcp->host->json_read(tcp->host, at, length, &entry, error);
        at[length] = next;
        *more = status || fn(arg, entry);
        if (status == PXT_EINVAL)
            status = PXT_OK;
        tcp->host->entry_release(entry);
    }
    return status;
}

static pxt_status tcp_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct tcp *tcp = self;
    char last[PXT_KEY_MAX + 1] = "";
    bool more = true;
    pxt_status status = PXT_OK;
    while (more && !status) {
        struct request request = {.operation = "next", .key = last};
        status = call(tcp, &request, error);
        if (!status)
            status = each_of_reply(tcp, last, fn, arg, &more, error);
    }
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

static pxt_status ask_number(struct tcp *tcp, const char *operation, uint64_t *out, struct pxt_error *error)
{
    struct request request = {.operation = operation, .key = ""};
    pxt_status status = call(tcp, &request, error);
    if (!status)
        *out = strtoull(tcp->reply, NULL, 10);
    return status;
}

static pxt_status tcp_count(void *self, uint64_t *out, struct pxt_error *error)
{
    return ask_number(self, "count", out, error);
}

static pxt_status tcp_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    return ask_number(self, "clear", removed, error);
}

static const char *tcp_shared_path(void *self)
{
    return ((struct tcp *)self)->path;
}

static uint64_t tcp_corruptions(void *self)
{
    return ((struct tcp *)self)->damaged;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_VERSIONS,
                                        .open = tcp_open,
                                        .close = tcp_close,
                                        .get = tcp_get,
                                        .put = tcp_put,
                                        .del = tcp_del,
                                        .each = tcp_each,
                                        .count = tcp_count,
                                        .clear = tcp_clear,
                                        .shared_path = tcp_shared_path,
                                        .corruptions = tcp_corruptions};

PXT_PLUGIN(PXT_KIND_TIER, "tcp_store", "1.0", "MIT", "entries in a small server on this machine", options, &ops);
