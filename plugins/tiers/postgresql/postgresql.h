/* SPDX-License-Identifier: MIT
 *
 * postgresql.h: a tier in a PostgreSQL server, for pools of several hosts.
 *
 * hosts.c         the servers that the connection string names
 * connection.c    one connection: a request ends at the deadline of its call
 * server.c        what is asked of a server before it is trusted: which one it is, and what it keeps
 * schema.c        the tables: made, migrated, or refused
 * statements.c    the statements, made from the table of fields; each connection prepares what it uses
 * far_pool.h      connections that threads take and give back, and how many may wait for one
 * pool.c          takes one of them, or makes it
 * watch.c         a thread that hears what other hosts change, and finds out that the server is gone or is back
 * request.c       what one call sends, and its results
 * values.c        parameters and results in the binary format of the protocol
 * rows.c          entries to parameters, rows to entries
 * write.c touch.c read.c walk.c lease.c history.c     the operations
 * select.h        the operation select()
 *
 * Locks: pool->lock and select->lock, each a leaf. No lock is held over a request.
 */
#ifndef POSTGRESQL_TIER_H
#define POSTGRESQL_TIER_H

#include "far_pool.h"
#include <libpq-fe.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <stdatomic.h>

/* The number of the layout; see proxtier-postgresql(7). Raised by what an older program must not write to. */
#define PGSQL_LAYOUT 1

/* The sets that select.h has, and the orders of include/proxtier/tier.h. */
enum {
    PGSQL_SET_FAILURES = 5,
    PGSQL_SET_LATENCIES = 18,
    PGSQL_SETS = 6 + PGSQL_SET_FAILURES + PGSQL_SET_LATENCIES,
    PGSQL_ORDERS = PXT_ORDER_FASTEST + 1,
    PGSQL_SELECTS = PGSQL_SETS * PGSQL_ORDERS * 2, /* of any health, or of each */
    PGSQL_SELECTIONS = 64
};

enum pgsql_statement {
    STATEMENT_GET,
    STATEMENT_GET_MANY,
    STATEMENT_LOCK,
    STATEMENT_PUT,
    STATEMENT_PUT_NEW,
    STATEMENT_PUT_FRESH,
    STATEMENT_PUT_OVER,
    STATEMENT_PUT_ALL,
    STATEMENT_PUT_IF,
    STATEMENT_DEL,
    STATEMENT_TOUCH,
    STATEMENT_NOTIFY,
    STATEMENT_EACH,
    STATEMENT_VERSIONS,
    STATEMENT_COUNT,
    STATEMENT_TOMBSTONES,
    STATEMENT_KNOWN_DEAD,
    STATEMENT_CLEAR,
    STATEMENT_EXPIRE,
    STATEMENT_EXPIRE_DEAD,
    STATEMENT_RECORD_GET,
    STATEMENT_RECORD_PUT,
    STATEMENT_CHECK_ADD,
    STATEMENT_CHECK_PRUNE,
    STATEMENT_CHECK_EACH,
    STATEMENT_LEASE_LOCK,
    STATEMENT_LEASE_PRUNE,
    STATEMENT_LEASE_TAKE,
    STATEMENT_LEASE_RENEW,
    STATEMENT_LEASE_END,
    STATEMENT_LEASE_EACH,
    STATEMENT_LEASE_EACH_OF,
    STATEMENT_SELECT_INDEXES,
    STATEMENT_SELECT, /* and those behind it: of each set in each order; see select.h */
    STATEMENT_MAX = STATEMENT_SELECT + 2 * PGSQL_SELECTS /* with conditions beside, or none */
};

enum { PGSQL_HOSTS_MAX = 16, PGSQL_PART_MAX = 256 };

/* A server of the list in the connection string; empty parts are those of libpq. */
struct pgsql_candidate {
    char host[PGSQL_PART_MAX], hostaddr[PGSQL_PART_MAX], port[16];
};

/* Where the server is, and as whom we are there. */
struct pgsql_address {
    const char *conninfo; /* NULL: what libpq takes without one */
    const char *password; /* of the settings: in locked memory; NULL: none */
    struct pgsql_candidate candidate[PGSQL_HOSTS_MAX];
    unsigned candidates; /* 0: the connection string names no host */
    char name[300];      /* for messages */
};

struct pgsql_connection {
    struct far_connection far; /* first */
    PGconn *link;
    unsigned slot; /* of its descriptor in pgsql.descriptor */
    bool prepared[STATEMENT_MAX];
    bool unread, unread_prepares; /* the answer to the last notice; and before it, that its statement was prepared */
};

/* What a server says of itself. */
struct pgsql_server {
    char identity[80];
    bool durable;   /* what it acknowledged survives its restart, and loss of power */
    bool read_only; /* it takes no writes */
    const char *why_not;
};

struct pgsql_watch {
    pthread_t thread;
    struct pgsql_connection *connection; /* the first one */
    bool runs;
    int wake[2]; /* a pipe: a byte says that something is to be done */
    atomic_bool ends;
};

/* What is known of selections, and the thread that makes indexes for them. */
struct pgsql_select_state {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool runs, ends, told;
    uint64_t generation;          /* of the server that was asked for its indexes */
    uint8_t index[PGSQL_SELECTS]; /* of each set in each order: see select_indexes.c */
    int64_t refused_until;
    _Atomic uint64_t smallest[PGSQL_SELECTIONS], width[PGSQL_SELECTIONS]; /* by the hash of a selection */
};

struct pgsql {
    const struct pxt_host *host;
    struct pgsql_address address;
    const char *schema, *name_space;
    char channel[40];  /* of the notices */
    char identity[33]; /* of this instance, in notices: its own are passed over */
    int64_t patience;  /* microseconds, of a request whose call has no deadline */
    bool durable;      /* as the server was when it was found first: the core asks once */
    struct far_pool pool;
    struct pgsql_watch watch;
    struct pgsql_select_state select;
    _Atomic(char *) sql[STATEMENT_MAX]; /* NULL: not needed yet */
    /* The descriptors of all connections, for the child of a fork; -1: free. */
    _Atomic int *descriptor;
    unsigned descriptors;
    _Atomic uint64_t damaged;
};

/* ---- hosts.c ---- */

/* Takes the connection string apart, as far as the tier has to know it. PXT_ECONFIG. */
pxt_status pgsql_hosts_read(struct pgsql *pgsql, struct pxt_error *error);

/* ---- connection.c ---- */

/* The time at which the current call gives up. */
int64_t pgsql_deadline(const struct pgsql *pgsql);
/* Waits until the socket is ready. PXT_EBUSY: not by then. */
pxt_status pgsql_wait(struct pgsql *pgsql, PGconn *link, short events, int64_t deadline, struct pxt_error *error);
/* Connects to a candidate, makes the session ours, and asks which server it is. NULL with an error. */
struct pgsql_connection *pgsql_connect(struct pgsql *pgsql, unsigned candidate, int64_t deadline,
                                       struct pgsql_server *server, struct pxt_error *error);
void pgsql_disconnect(struct pgsql *pgsql, struct pgsql_connection *connection);
/* Waits for the next result of what was sent; `*result` may be NULL. PXT_EIO: the connection broke. */
pxt_status pgsql_next(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline, PGresult **result,
                      struct pxt_error *error);
/* Runs simple statements, outside of a pipeline. `*result` (may be NULL) receives the last result. */
pxt_status pgsql_simple(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline, const char *sql,
                        PGresult **result, struct pxt_error *error);

/* ---- server.c ---- */

/* Makes the session ours and asks the server about itself. */
pxt_status pgsql_server_look(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline,
                             struct pgsql_server *server, struct pxt_error *error);
/* The error of a result that failed. `*lost`: the server is to be looked for. `*again`: the same may be tried again. */
pxt_status pgsql_failed(struct pgsql *pgsql, const PGresult *result, bool *lost, bool *again, struct pxt_error *error);

/* ---- schema.c ---- */

/* Makes or migrates the tables, or checks them. PXT_ECONFIG: they are of a newer program. */
pxt_status pgsql_schema_check(struct pgsql *pgsql, struct pgsql_connection *connection, int64_t deadline,
                              struct pgsql_server *server, struct pxt_error *error);

/* ---- statements.c ---- */

struct pgsql_text {
    char *data;
    size_t length, size;
    bool failed;
};
void pgsql_text_add(struct pgsql_text *text, const char *format, ...) PXT_PRINTF(2, 3);
/* Replaces "{s}" by the schema, and other words in braces by lists of columns. NULL: out of memory. */
char *pgsql_expand(const struct pgsql *pgsql, const char *pattern);
/* The name of a field's column. */
enum { PGSQL_COLUMN_MAX = 64 };
void pgsql_column_of(const struct pxt_field *field, char out[PGSQL_COLUMN_MAX]);
const char *pgsql_type_of(const struct pxt_field *field);
/* Whether a proxy that was never used may have something in the field. */
bool pgsql_is_fresh(size_t field);
/* The text of a statement, made when it is needed first. NULL: out of memory. */
const char *pgsql_statement_text(struct pgsql *pgsql, enum pgsql_statement statement);
void pgsql_statements_free(struct pgsql *pgsql);

/* ---- pool.c ---- */

/* Receives what is left on its connections, and drops them. */
void pgsql_pool_close(struct pgsql *pgsql);
/* Takes a connection. PXT_EUNAVAILABLE: the server is gone; PXT_EBUSY: too many calls wait already, or it took too long. */
pxt_status pgsql_take(struct pgsql *pgsql, int64_t deadline, struct pgsql_connection **connection,
                      struct pxt_error *error);
/* Gives it back. `usable`: it has no results that were not received. */
void pgsql_give_back(struct pgsql *pgsql, struct pgsql_connection *connection, bool usable);

/* ---- values.c ---- */

enum { PGSQL_VALUES_MAX = 48 };
enum pgsql_oid { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };

/* The parameters of a statement. */
struct pgsql_values {
    char *bytes;
    size_t used, size;
    struct {
        size_t at;
        int length; /* -1: NULL */
    } value[PGSQL_VALUES_MAX];
    unsigned count;
    size_t array; /* where the array begins that items are added to */
    bool in_array;
    bool failed; /* out of memory */
};
void pgsql_null(struct pgsql_values *values);
void pgsql_text(struct pgsql_values *values, const char *text, size_t length);
void pgsql_string(struct pgsql_values *values, const char *text); /* NULL: NULL */
void pgsql_number(struct pgsql_values *values, int64_t number);
void pgsql_real(struct pgsql_values *values, double number);
void pgsql_time(struct pgsql_values *values, pxt_time time); /* PXT_TIME_NONE: NULL */
void pgsql_bool(struct pgsql_values *values, bool value);
/* Begins an array: what is added from then on to its end is an item of it. */
void pgsql_array(struct pgsql_values *values, enum pgsql_oid type);
void pgsql_array_end(struct pgsql_values *values);
void pgsql_values_free(struct pgsql_values *values);
/* Of a row of a result, whose column has the right type. */
int64_t pgsql_get_number(const PGresult *result, int row, int column);
double pgsql_get_real(const PGresult *result, int row, int column);
pxt_time pgsql_get_time(const PGresult *result, int row, int column);

/* ---- request.c ---- */

struct pgsql_step {
    enum pgsql_statement statement;
    const struct pgsql_values *values;
    bool ends; /* its transaction; the last step has it in any case */
};
/* Sends all steps in one go, and receives their results, for PQclear(). With an error there are none: it is that of the first
 * step that failed. What is rolled back for other transactions' sake is tried again. The answer to a notice at the end is not
 * waited for: its result is NULL. */
pxt_status pgsql_run(struct pgsql *pgsql, const struct pgsql_step *steps, unsigned n, PGresult **results,
                     struct pxt_error *error);
/* One step; the values are freed. */
pxt_status pgsql_ask(struct pgsql *pgsql, enum pgsql_statement statement, struct pgsql_values *values,
                     PGresult **result, struct pxt_error *error);
/* Receives the answer that a call has left, before the connection is closed: the server logs an answer that it cannot send. */
void pgsql_receive_unread(struct pgsql *pgsql, struct pgsql_connection *connection);
pxt_status pgsql_no_memory(struct pgsql *pgsql, struct pxt_error *error);

/* ---- watch.c ---- */

/* Finds the server for the first time, and starts to listen. */
pxt_status pgsql_watch_start(struct pgsql *pgsql, struct pxt_error *error);
void pgsql_watch_stop(struct pgsql *pgsql);
/* A connection of that generation broke: the thread is to look for the server. */
void pgsql_watch_lost(struct pgsql *pgsql, uint64_t generation);

/* ---- select_indexes.c ---- */

pxt_status pgsql_select_init(struct pgsql *pgsql);
/* Ends the thread; what it makes is finished by the server, or made anew by the next process. */
void pgsql_select_stop(struct pgsql *pgsql);

/* ---- rows.c ---- */

/* Adds the columns of an entry. */
pxt_status pgsql_row_add(struct pgsql *pgsql, pxt_entry *entry, struct pgsql_values *values, struct pxt_error *error);
/* Adds the columns of entries as arrays. `*fresh`: those of STATEMENT_PUT_FRESH only, if no entry has something in another; if one has, it is
 * false afterwards. */
pxt_status pgsql_rows_add(struct pgsql *pgsql, pxt_entry *const *entries, size_t n, bool *fresh,
                          struct pgsql_values *values, struct pxt_error *error);
/* Makes an entry of a row whose columns from `first` on are the fields. PXT_EINVAL: it is none. */
pxt_status pgsql_row_read(struct pgsql *pgsql, const PGresult *result, int row, int first, pxt_entry **out,
                          struct pxt_error *error);
/* pgsql_row_read(); what is damaged is removed and counted: PXT_NOT_FOUND. */
pxt_status pgsql_row_entry(struct pgsql *pgsql, const PGresult *result, int row, int first, pxt_entry **out,
                           struct pxt_error *error);
extern const char *const pgsql_health_name[PXT_HEALTH_COUNT];

/* ---- operations ---- */

/* Adds the notices of changed keys to `values`, of which none may be used before. */
void pgsql_notices(struct pgsql *pgsql, const struct pxt_key *const *keys, size_t n, struct pgsql_values *values);
void pgsql_notice_all(struct pgsql *pgsql, struct pgsql_values *values);

pxt_status pgsql_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error);
pxt_status pgsql_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                          struct pxt_error *error);
pxt_status pgsql_put(void *self, pxt_entry *entry, struct pxt_error *error);
pxt_status pgsql_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status pgsql_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error);
pxt_status pgsql_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                             pxt_status *results, struct pxt_error *error);
pxt_status pgsql_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error);
pxt_status pgsql_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                        struct pxt_error *error);
pxt_status pgsql_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error);
pxt_status pgsql_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status pgsql_count(void *self, uint64_t *out, struct pxt_error *error);
pxt_status pgsql_tombstones(void *self, uint64_t *out, struct pxt_error *error);
pxt_status pgsql_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error);
pxt_status pgsql_clear(void *self, uint64_t *removed, struct pxt_error *error);
pxt_status pgsql_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                        uint64_t *removed, struct pxt_error *error);
pxt_status pgsql_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);
pxt_status pgsql_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status pgsql_record_put(void *self, const char *text, struct pxt_error *error);
pxt_status pgsql_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error);
pxt_status pgsql_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                            struct pxt_error *error);
pxt_status pgsql_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                        struct pxt_error *error);
pxt_status pgsql_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error);
pxt_status pgsql_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status pgsql_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status pgsql_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                            struct pxt_error *error);

#endif
