/* SPDX-License-Identifier: MIT
 *
 * requests.c: reads standard input by lines into a buffer of its own, which no library keeps a copy of.
 */
#include "worker.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int requests_read(struct requests *requests)
{
    size_t rest = requests->used - requests->at;
    memmove(requests->buffer, requests->buffer + requests->at, rest);
    explicit_bzero(requests->buffer + rest, requests->used - rest);
    requests->used = rest;
    requests->at = 0;
    if (rest == sizeof requests->buffer) {
        fprintf(stderr, "proxtier-check: a line of standard input is longer than %d bytes\n", LINE_MAX_BYTES);
        return 65;
    }
    ssize_t got = read(STDIN_FILENO, requests->buffer + rest, sizeof requests->buffer - rest);
    if (got < 0 && errno != EINTR && errno != EAGAIN) {
        perror("proxtier-check: cannot read standard input");
        return 74;
    }
    requests->ended = !got;
    requests->used += got > 0 ? (size_t)got : 0;
    return 0;
}

bool requests_next(struct requests *requests, const char **id, const char **proxy)
{
    char *line = requests->buffer + requests->at;
    char *end = memchr(line, '\n', requests->used - requests->at);
    if (!end)
        return false;
    *end = '\0';
    requests->at = (size_t)(end + 1 - requests->buffer);
    char *space = strchr(line, ' ');
    if (space)
        *space = '\0';
    *id = line;
    *proxy = space ? space + 1 : end;
    return true;
}

void requests_wipe(struct requests *requests)
{
    explicit_bzero(requests->buffer, sizeof requests->buffer);
}
