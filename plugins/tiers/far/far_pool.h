/* SPDX-License-Identifier: MIT
 *
 * far_pool.h: connections that threads take and give back. All of them are made after the tier has found its server, and are dropped when
 * it is lost: so no answer comes from a server that the core has not heard of.
 */
#ifndef FAR_POOL_H
#define FAR_POOL_H

#include <proxtier/tier.h>
#include <pthread.h>

/* The first member of a tier's connection. */
struct far_connection {
    struct far_connection *next;
    uint64_t generation; /* of the server's, when it was made */
    bool lost;           /* a write failed, or the server takes no writes any more, or ends */
};

struct far_pool {
    const struct pxt_host *host;
    const char *server; /* its name in messages */
    void (*disconnect)(void *owner, struct far_connection *connection);
    void *owner;
    pthread_mutex_t lock; /* a leaf; protects the rest */
    pthread_cond_t given_back;
    struct far_connection *idle;
    unsigned open, max, waiting, waiting_max;
    /* The server gave no further connection: until then there are no more than `limit`. */
    unsigned limit;
    int64_t limited_until;
    /* Raised whenever the server was found: connections of before are not used any more. */
    uint64_t generation;
    bool up;
    char identity[80]; /* of the server that was found last */
    unsigned place;    /* where it was found, of several */
};

/* What a call that has no connection makes one with. */
struct far_right {
    uint64_t generation;
    unsigned place;
};

/* Sets up a pool of which host, server, disconnect and owner are set. PXT_ENOMEM. */
pxt_status far_pool_init(struct far_pool *pool, unsigned max, unsigned waiting_max);
/* Drops all connections. No call is in the tier. */
void far_pool_close(struct far_pool *pool);

/* The server is gone; true: it was there before. */
bool far_pool_lost(struct far_pool *pool);
void far_pool_found(struct far_pool *pool, const char *identity, unsigned place);
/* Whether the server that has the generation is still the one that is there. */
bool far_pool_has(struct far_pool *pool, uint64_t generation);
/* Whether that server has the identity. */
bool far_pool_is(struct far_pool *pool, const char *identity);
/* Where it is, and its generation. */
struct far_right far_pool_now(struct far_pool *pool);

/* Takes an idle connection, or the right to make one: then `*connection` is NULL. PXT_EUNAVAILABLE: the server is gone; PXT_EBUSY: too
 * many calls wait already, or it took too long. */
pxt_status far_pool_take(struct far_pool *pool, int64_t deadline, struct far_connection **connection,
                         struct far_right *right, struct pxt_error *error);
/* Gives up the right to have one. `refused`: by the server; true where there are others, which the call can wait for. */
bool far_pool_give_up(struct far_pool *pool, bool refused);
/* Gives back a connection, which is dropped if it is not `usable`. */
void far_pool_give_back(struct far_pool *pool, struct far_connection *connection, bool usable);

#endif
