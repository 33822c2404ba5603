/* SPDX-License-Identifier: MIT
 *
 * redis.h: a tier in a Redis server, or another that speaks its protocol, for pools of several hosts.
 *
 * connection.c    one connection: a request ends at the deadline of its call
 * far_pool.h      connections that threads take and give back, and how many may wait for one
 * request.c       what one call sends, and its replies
 * watch.c         a thread that hears what other hosts change, and finds out that the server is gone or is back
 * server.c        what is asked of a server before it is trusted: who it is, and what it keeps
 * scripts.c       what the server does in one step, in its own language
 * order.c         who leaves a full tier, by an order that the server keeps
 * write.c read.c walk.c select.c lease.c     the operations
 *
 * Locks, in order: pool->lock (a leaf). No lock is held over a request.
 */
#ifndef REDIS_TIER_H
#define REDIS_TIER_H

#include "far_pool.h"
#include <hiredis/hiredis.h>
#include <locale.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

/* The layout; see proxtier-redis(7). */
#define REDIS_LAYOUT "1"
#define REDIS_LAYOUT_CANDIDATE "1-rc" /* has the same keys */

enum redis_script {
    SCRIPT_WRITE,
    SCRIPT_DEL,
    SCRIPT_TOUCH,
    SCRIPT_EXPIRE,
    SCRIPT_CLEAR,
    SCRIPT_LEASE,
    SCRIPT_RING,
    SCRIPT_ORDER,
    SCRIPT_RANK,
    SCRIPT_VICTIM,
    SCRIPT_COUNT
};

/* Where the server is, and as whom we are there. */
struct redis_address {
    const char *host, *socket; /* `socket`: a path; NULL: host and port */
    int port, database;
    const char *user;
    const char *password; /* of the settings: in locked memory; NULL: none */
    char name[280];       /* for messages */
};

struct redis_connection {
    struct far_connection far; /* first */
    redisContext *context;
    char *out; /* commands that are yet to be sent: the library's way of sending may raise SIGPIPE */
    size_t out_length, out_size;
};

/* What a server says of itself. */
struct redis_server {
    char run_id[64];
    bool durable; /* what it acknowledged survives its restart */
    bool synced;  /* ... and loss of power */
    bool replica; /* it takes no writes */
    const char *why_not;
};

struct redis_watch {
    pthread_t thread;
    struct redis_connection *connection; /* the first one */
    bool runs;
    atomic_int socket; /* of the connection that is there now; -1: none. A child of a fork closes it */
    int wake[2];       /* a pipe: a byte says that something is to be done */
    atomic_bool ends;
};

struct redis {
    const struct pxt_host *host;
    struct redis_address address;
    char prefix[200];     /* of all keys of this pool */
    char channel[220];    /* of the notices */
    char identity[33];    /* of this instance, in notices: its own are passed over */
    int64_t patience;     /* microseconds, of a request whose call has no deadline */
    bool durable, synced; /* as the server was when it was found first: the core asks once */
    const char *order;    /* the set in whose order entries leave; NULL: none */
    bool unordered;       /* the policy has an order that no set has: the core applies the policy */
    struct pxt_tier_ops ops;
    struct far_pool pool;
    struct redis_watch watch;
    locale_t numbers; /* "C", whatever the program has set: a comma in place of the point would be another number */
    char sha[SCRIPT_COUNT][41]; /* stored before there is a second thread, and the same for each server */
    _Atomic uint64_t damaged;
};

/* ---- connection.c ---- */

/* The time at which the current call gives up. */
int64_t redis_deadline(const struct redis *redis);
/* Connects, says who we are and chooses the database. NULL with an error. */
struct redis_connection *redis_connect(struct redis *redis, int64_t deadline, struct pxt_error *error);
void redis_disconnect(struct redis_connection *connection);
/* Appends a command to what is sent next; false: out of memory. */
bool redis_append(struct redis_connection *connection, size_t n, const char *const *words, const size_t *lengths);
bool redis_append_format(struct redis_connection *connection, const char *format, ...);
bool redis_append_list(struct redis_connection *connection, const char *format, va_list arguments);
/* Sends what was appended. */
pxt_status redis_send(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                      struct pxt_error *error);
/* Receives one reply, for freeReplyObject(). An error reply is an error here too; the connection stays usable then, and
 * `*broken` (may be NULL) says whether it is not. */
pxt_status redis_receive(struct redis *redis, struct redis_connection *connection, int64_t deadline, redisReply **reply,
                         bool *broken, struct pxt_error *error);
/* Whether an error reply says that the script is not known. */
bool redis_is_unknown_script(const struct pxt_error *error);

/* ---- request.c ---- */

/* A request: what one call sends, and its replies. */
struct redis_request {
    struct redis *redis;
    struct redis_connection *connection;
    int64_t deadline;
    unsigned pending; /* replies that are yet to be received */
    bool broken;
};
/* Takes a connection. PXT_EUNAVAILABLE: the server is gone; PXT_EBUSY: too many calls wait already, or it took too long. */
pxt_status redis_begin(struct redis *redis, struct redis_request *request, struct pxt_error *error);
/* Appends a command. */
pxt_status redis_add(struct redis_request *request, size_t n, const char *const *words, const size_t *lengths,
                     struct pxt_error *error);
pxt_status redis_add_format(struct redis_request *request, struct pxt_error *error, const char *format, ...);
/* Sends what was appended; the next replies are its. */
pxt_status redis_flush(struct redis_request *request, struct pxt_error *error);
/* The next reply: to be freed. */
pxt_status redis_reply(struct redis_request *request, redisReply **reply, struct pxt_error *error);
/* Gives the connection back. One with replies that were not received is closed. */
void redis_end(struct redis_request *request);
/* One command and its reply. */
pxt_status redis_ask(struct redis *redis, redisReply **reply, struct pxt_error *error, const char *format, ...);

/* ---- scripts.c ---- */

extern const char *const redis_script[SCRIPT_COUNT];
/* Hands the scripts to the server, on a connection of its own. */
pxt_status redis_scripts_load(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                              struct pxt_error *error);
/* The arguments of a script, of which the texts are borrowed or kept here. */
struct redis_arguments {
    enum redis_script script;
    const char **word;
    size_t *length;
    size_t count, size;
    char **owned;
    size_t owned_count, owned_size;
    bool failed; /* out of memory */
};
void redis_argument(struct redis_arguments *arguments, const char *text, size_t length);
void redis_argument_text(struct redis_arguments *arguments, const char *text);
void redis_argument_format(struct redis_arguments *arguments, const char *format, ...) PXT_PRINTF(2, 3);
/* A number of at least so many digits, and in hexadecimal ones. */
void redis_argument_number(struct redis_arguments *arguments, uint64_t number, unsigned digits);
void redis_argument_hex(struct redis_arguments *arguments, uint64_t number, unsigned digits);
/* Writes a number as text of at least so many digits; returns its length. printf() takes ten times as long. */
enum { REDIS_DIGITS_MAX = 20 };
size_t redis_digits(char text[REDIS_DIGITS_MAX + 1], uint64_t number, unsigned base, unsigned digits);
/* One that is kept: allocated with malloc(). */
void redis_argument_owned(struct redis_arguments *arguments, char *text, size_t length);
void redis_arguments_free(struct redis_arguments *arguments);
/* Begins the arguments of a script: they follow. */
void redis_script_begin(struct redis *redis, enum redis_script script, struct redis_arguments *arguments);
/* Appends it to a request. */
pxt_status redis_script_add(struct redis_request *request, struct redis_arguments *arguments, struct pxt_error *error);
/* Runs it in a request of its own. */
pxt_status redis_script_run(struct redis *redis, struct redis_arguments *arguments, redisReply **reply,
                            struct pxt_error *error);

/* ---- server.c ---- */

pxt_status redis_server_look(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                             struct redis_server *server, struct pxt_error *error);

/* ---- watch.c ---- */

/* Finds the server for the first time, and starts to listen. */
pxt_status redis_watch_start(struct redis *redis, struct pxt_error *error);
void redis_watch_stop(struct redis *redis);
/* A connection of that generation broke: the thread is to look for the server. */
void redis_watch_lost(struct redis *redis, uint64_t generation);

/* ---- order.c ---- */

/* The set that has the order of a policy; NULL: none. */
const char *redis_order_of(const struct pxt_eviction_ops *policy);
/* Sees to it that the server keeps the order. A pool that has not kept it yet is gone through once. */
pxt_status redis_order_keep(struct redis *redis, struct pxt_error *error);
pxt_status redis_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error);

/* ---- operations ---- */

/* Makes an entry of the reply to HMGET of REDIS_ENTRY_FIELDS. PXT_NOT_FOUND: nothing is stored, or what cannot be read, which is
 * removed and counted. */
#define REDIS_ENTRY_FIELDS "version", "json", "count", "last", "evicted"
enum { REDIS_ENTRY_FIELD_COUNT = 5 };
pxt_status redis_entry_of(struct redis *redis, const struct pxt_key *key, const redisReply *reply, pxt_entry **out,
                          struct pxt_error *error);
extern const char *const redis_health_name[PXT_HEALTH_COUNT]; /* as in the names of sets */
pxt_status redis_malformed(struct redis *redis, struct pxt_error *error);

pxt_status redis_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error);
pxt_status redis_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                          struct pxt_error *error);
pxt_status redis_put(void *self, pxt_entry *entry, struct pxt_error *error);
pxt_status redis_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status redis_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error);
pxt_status redis_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                             pxt_status *results, struct pxt_error *error);
pxt_status redis_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error);
pxt_status redis_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                        struct pxt_error *error);
pxt_status redis_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error);
pxt_status redis_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status redis_count(void *self, uint64_t *out, struct pxt_error *error);
pxt_status redis_tombstones(void *self, uint64_t *out, struct pxt_error *error);
pxt_status redis_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error);
pxt_status redis_clear(void *self, uint64_t *removed, struct pxt_error *error);
pxt_status redis_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                        uint64_t *removed, struct pxt_error *error);
pxt_status redis_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);
pxt_status redis_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status redis_record_put(void *self, const char *text, struct pxt_error *error);
pxt_status redis_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error);
pxt_status redis_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                            struct pxt_error *error);
pxt_status redis_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                        struct pxt_error *error);
pxt_status redis_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error);
pxt_status redis_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status redis_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status redis_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                            struct pxt_error *error);

#endif
