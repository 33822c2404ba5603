/* SPDX-License-Identifier: MIT
 *
 * journal.h: what the processes of a soak note of their calls: a mapped file for each process, with a record for each call, so
 * that a note costs no system call and outlives the process. The times of all processes are of one monotonic clock.
 */
#ifndef SOAK_JOURNAL_H
#define SOAK_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call { CALL_PUT, CALL_DELETE, CALL_REPORT, CALL_GET, CALL_LEASE, CALL_RENEW, CALL_RELEASE, CALL_COUNT };
extern const char *const call_name[CALL_COUNT];

enum { HOSTS = 2, PROCESSES = 4, WORKERS = HOSTS * PROCESSES, NOTHING = -1 };
enum { WRITERS = WORKERS + 1 }; /* with the process that fills the pool */
/* The numbers of processes that look at the pool while nothing else happens: by a get of the host; into its files; into the server. */
enum { AT_REST = PROCESSES, IN_FILES, IN_SERVER };

struct event {
    int64_t begin, end;        /* nanoseconds */
    int64_t version, supplied; /* of what was got */
    int32_t key;               /* its number */
    int32_t value;             /* what was put, or got; NOTHING. Of a lease: its number among those of the process */
    int32_t checks;            /* of what was got */
    uint8_t call, status, host, process;
};

struct journal {
    uint64_t count;
    struct event events[];
};

int64_t monotonic_ns(void);
/* Maps a new file, which is as long as it is written. NULL after an error. */
struct journal *journal_make(const char *path);
void journal_free(struct journal *journal);
/* Ends the process if the journal is full. */
void journal_note(struct journal *journal, const struct event *event);

/* All events of several journals, to be freed. Aborts without memory. */
struct event *journal_gather(struct journal *const *journals, size_t n, size_t *count);

#endif
