/* SPDX-License-Identifier: MIT
 *
 * journal.c: see journal.h.
 */
#include "journal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 4000000 };
static const size_t mapped = sizeof(struct journal) + EVENTS_MAX * sizeof(struct event);

const char *const call_name[CALL_COUNT] = {"put", "delete", "report", "get", "lease", "renew", "release"};

int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct journal *journal_make(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    struct journal *journal = NULL;
    if (!ftruncate(fd, (off_t)mapped))
        journal = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return journal == MAP_FAILED ? NULL : journal;
}

void journal_free(struct journal *journal)
{
    munmap(journal, mapped);
}

void journal_note(struct journal *journal, const struct event *event)
{
    if (journal->count == EVENTS_MAX) {
        fprintf(stderr, "# a journal is full\n");
        _exit(4);
    }
    journal->events[journal->count++] = *event;
}

struct event *journal_gather(struct journal *const *journals, size_t n, size_t *count)
{
    size_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += journals[i]->count;
    struct event *events = malloc((all + 1) * sizeof *events);
    if (!events)
        abort();
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(events + *count, journals[i]->events, journals[i]->count * sizeof *events);
        *count += journals[i]->count;
    }
    return events;
}
