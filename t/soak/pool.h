/* SPDX-License-Identifier: MIT
 *
 * pool.h: the pool of a soak: which keys it has, and how a host opens it.
 */
#ifndef SOAK_POOL_H
#define SOAK_POOL_H

#include "journal.h"
#include <proxtier/proxtier.h>

/* Keys that are put, deleted and got; that are put and reported, and never deleted; that are leased, by one worker or by two. */
enum { REGISTERS = 40, COUNTERS = 16, SINGLE = 6, SHARED = 3 };
enum {
    FIRST_COUNTER = REGISTERS,
    FIRST_LEASED = FIRST_COUNTER + COUNTERS,
    FIRST_SHARED = FIRST_LEASED + SINGLE,
    KEYS = FIRST_SHARED + SHARED
};
static inline bool is_never_deleted(int key)
{
    return key >= FIRST_COUNTER;
}
static inline unsigned lease_limit(int key)
{
    return key < FIRST_SHARED ? 1 : 2;
}
enum { LEASE_TTL = 2 /* seconds */ };

#define KEY_TEXT 16
void key_text(int key, char text[KEY_TEXT]);
int key_number(const char *text);
extern const char *const lease_source[2]; /* of keys that one worker leases, or two */

extern const char server_name[]; /* of the tier */

/* The durable tier of a host before the server. */
enum files { NO_FILES, JSONL, SQLITE };
enum { JSONL_CAPACITY = 45 }; /* fewer than KEYS: some leave */

struct host {
    const char *folder;
    enum files files;
    const char *server; /* the tier of the server in YAML; NULL: the files alone */
    bool janitor;
};
pxt_status pool_open(const struct host *host, pxt_cache **cache, struct pxt_error *error);

/* One put or get, and its event; the caller says which process makes the call. */
pxt_status pool_put(pxt_cache *cache, struct event *event, struct pxt_error *error);
pxt_status pool_get(pxt_cache *cache, struct event *event, struct pxt_error *error);

#endif
