/* SPDX-License-Identifier: MIT
 *
 * cutting_proxy.h: a proxy before a server on a Unix socket, which cuts connections in the middle of replies.
 */
#ifndef CUTTING_PROXY_H
#define CUTTING_PROXY_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static atomic_int cut_after = -1; /* bytes of replies that are still let through; -1: all */
static atomic_int replied;        /* bytes of replies that were let through */
static int proxy_socket = -1;
static char behind_proxy[108]; /* the socket of the server */

/* A connection to a Unix socket; -1: there is none. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Passes on what came. False: the connection is at its end. */
static bool pass(int from, int to, bool is_reply)
{
    char bytes[16384];
    ssize_t length = read(from, bytes, sizeof bytes);
    int left = atomic_load(&cut_after);
    bool cuts = is_reply && left >= 0 && length > left;
    if (length > 0 && is_reply && left >= 0)
        atomic_store(&cut_after, cuts ? 0 : left - (int)length);
    size_t some = cuts ? (size_t)left : (size_t)(length > 0 ? length : 0);
    if (length <= 0 || send(to, bytes, some, MSG_NOSIGNAL) != (ssize_t)some)
        return false;
    atomic_fetch_add(&replied, is_reply ? (int)some : 0);
    return !cuts;
}

static void *pass_on(void *arg)
{
    int client = (int)(intptr_t)arg, there = connect_to(behind_proxy);
    struct pollfd wait[] = {{.fd = client, .events = POLLIN}, {.fd = there, .events = POLLIN}};
    bool goes_on = there >= 0;
    while (goes_on && poll(wait, 2, -1) > 0)
        goes_on = (!wait[0].revents || pass(client, there, false)) && (!wait[1].revents || pass(there, client, true));
    if (there >= 0)
        close(there);
    close(client);
    return NULL;
}

static void *accept_all(void *arg)
{
    int client;
    while ((client = accept(proxy_socket, NULL, NULL)) >= 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, pass_on, (void *)(intptr_t)client))
            close(client);
        else
            pthread_detach(thread);
    }
    return arg;
}

/* Listens on the socket `path`, and connects to the socket `server` for each connection there. */
static void start_proxy(const char *path, const char *server_socket)
{
    pthread_t thread;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    snprintf(behind_proxy, sizeof behind_proxy, "%.100s", server_socket);
    proxy_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (proxy_socket < 0 || bind(proxy_socket, (const struct sockaddr *)&address, sizeof address) ||
        listen(proxy_socket, 100) || pthread_create(&thread, NULL, accept_all, NULL)) {
        printf("Bail out! no proxy\n");
        exit(1);
    }
    pthread_detach(thread);
}

/* Accepts no more connections. */
static __attribute__((unused)) void stop_proxy(void)
{
    if (proxy_socket < 0)
        return;
    shutdown(proxy_socket, SHUT_RDWR);
    close(proxy_socket);
    proxy_socket = -1;
}

#endif
