/* SPDX-License-Identifier: MIT
 *
 * pool.c: takes a connection of the pool, or makes one. See far_pool.h.
 */
#include "postgresql.h"

/* The watch has a connection of its own, and notices by itself that the server is gone. A server that refuses this one may be
 * at its limit. */
static pxt_status make_one(struct pgsql *pgsql, int64_t deadline, uint64_t generation, unsigned candidate,
                           struct pgsql_connection **connection, struct pxt_error *error)
{
    struct pgsql_server server;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    struct pgsql_connection *made = pgsql_connect(pgsql, candidate, deadline, &server, told);
    if (!made)
        return told->status;
    if (server.read_only || !far_pool_is(&pgsql->pool, server.identity)) {
        pgsql_disconnect(pgsql, made);
        pgsql_watch_lost(pgsql, generation);
        return pgsql->host->fail(pgsql->host, error, PXT_EUNAVAILABLE, 0, "the server %s was started anew",
                                 pgsql->address.name);
    }
    made->far.generation = generation;
    if (!PQenterPipelineMode(made->link)) {
        pgsql_disconnect(pgsql, made);
        return pgsql_no_memory(pgsql, error);
    }
    *connection = made;
    return PXT_OK;
}

pxt_status pgsql_take(struct pgsql *pgsql, int64_t deadline, struct pgsql_connection **connection,
                      struct pxt_error *error)
{
    struct far_connection *idle;
    struct far_right right;
    bool again = false;
    pxt_status status;
    do {
        status = far_pool_take(&pgsql->pool, deadline, &idle, &right, error);
        *connection = (struct pgsql_connection *)idle;
        if (status || idle)
            return status;
        status = make_one(pgsql, deadline, right.generation, right.place, connection, error);
        bool refused = status == PXT_EUNAVAILABLE && !again;
        again = status && far_pool_give_up(&pgsql->pool, refused) && refused;
    } while (again);
    return status;
}

void pgsql_give_back(struct pgsql *pgsql, struct pgsql_connection *connection, bool usable)
{
    const bool lost = connection->far.lost || PQstatus(connection->link) == CONNECTION_BAD;
    const uint64_t generation = connection->far.generation;
    far_pool_give_back(&pgsql->pool, &connection->far, usable && !lost);
    /* A connection that the other end closed: all are suspect. After a call that took too long, only this one. */
    if (lost)
        pgsql_watch_lost(pgsql, generation);
}

void pgsql_pool_close(struct pgsql *pgsql)
{
    for (struct far_connection *connection = pgsql->pool.idle; connection; connection = connection->next)
        pgsql_receive_unread(pgsql, (struct pgsql_connection *)connection);
    far_pool_close(&pgsql->pool);
}
