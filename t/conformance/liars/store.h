/* SPDX-License-Identifier: MIT
 *
 * store.h: the store of the tier: entries as JSON in a file that all its processes lock, and map into memory. What is in the
 * mapping is there after kill -9. Beside it is a journal, which grows with each put, so that a put fails where no
 * file can grow.
 */
#ifndef STORE_H
#define STORE_H

#include <proxtier/tier.h>
#include <pthread.h>

enum { SLOTS = 3000, CHECKS = 500, LEASES = 64, JSON_MAX = 60000 };

struct slot {
    bool used, cleared; /* `cleared`: of the lie that clear leaves the order */
    char key[PXT_KEY_MAX + 1];
    uint64_t hash;
    int64_t version, removed, expires, came; /* `came`: in which order */
    size_t length;                           /* of its JSON, in store->json */
};
struct kept_check {
    bool used, has_message;
    char key[PXT_KEY_MAX + 1], message[300], url[300];
    int64_t came;
    pxt_time time;
    enum pxt_health status;
    double response_time_ms;
};
struct kept_lease {
    bool used;
    char key[PXT_KEY_MAX + 1], id[100], holder[100];
    pxt_time until;
};
struct store {
    bool has_record;
    int64_t came;
    char record[PXT_RECORD_MAX + 1];
    struct kept_check check[CHECKS];
    struct kept_lease lease[LEASES];
    struct slot slot[SLOTS];
    char json[SLOTS][JSON_MAX];
};

/* Maps the store of a folder, which it makes; NULL where that fails. `*file` is for the lock. */
struct store *store_open(const char *folder, int *file);
void store_close(struct store *store, int file);
/* Writes to the journal what `entries` need; false where it cannot grow. */
bool store_journal(const char *folder, size_t entries);

#endif
