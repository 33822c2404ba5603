/* SPDX-License-Identifier: MIT
 *
 * operations.h: calls of the public API, each of them noted in a log when it begins and when it ends: what a caller was
 * told. README.md has the format of the log.
 */
#ifndef FAULTS_OPERATIONS_H
#define FAULTS_OPERATIONS_H

#include <proxtier/proxtier.h>

enum { OPERATIONS_LINE = 400, OPERATIONS_ID = 60, OPERATIONS_BATCH = 30 };

/* One caller: a thread. */
struct operations {
    pxt_cache *cache;
    int log;         /* a pipe, or a file that is appended to: a line is one write */
    char caller[40]; /* distinct among all callers of a log; without blanks */
    unsigned long last;
    struct pxt_error error; /* of the last operation that failed */
};

/* Opens a cache; `clock` may be NULL. */
pxt_status operations_open(struct operations *operations, const char *yaml, pxt_clock_fn *clock);
/* The value that is stored is the id of the operation: as source, and in the URL. */
pxt_status operations_put(struct operations *operations, const char *key, int64_t ttl_seconds);
/* Up to OPERATIONS_BATCH keys. */
pxt_status operations_put_many(struct operations *operations, const char *const *keys, unsigned n);
pxt_status operations_get(struct operations *operations, const char *key);
pxt_status operations_delete(struct operations *operations, const char *key);
pxt_status operations_report(struct operations *operations, const char *key, bool ok);
pxt_status operations_list(struct operations *operations);
pxt_status operations_export(struct operations *operations);

#endif
