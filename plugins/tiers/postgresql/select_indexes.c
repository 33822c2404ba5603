/* SPDX-License-Identifier: MIT
 *
 * select_indexes.c: indexes for selections. Each costs something with every put, and few pools are searched in all ways: so an index
 * is made when a selection needs it first. A thread with a connection of its own makes it beside puts (CREATE INDEX CONCURRENTLY).
 * The first calls wait for it as long as they have time. Until it is there, and where the role may not make it, the core looks at all
 * entries.
 */
#include "select.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UNKNOWN, WANTED, THERE, REFUSED };
enum { SLICE = 100 * 1000, TRY_AGAIN = 60 * PXT_SECOND };

struct making {
    struct pgsql *pgsql;
    struct pgsql_connection *connection;
    char name[64];
    struct pgsql_text definition;
};

static bool ends(struct pgsql *pgsql)
{
    pthread_mutex_lock(&pgsql->select.lock);
    bool yes = pgsql->select.ends;
    pthread_mutex_unlock(&pgsql->select.lock);
    return yes;
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

/* Runs a statement, however long it takes. */
static pxt_status run(const struct making *making, const char *pattern, PGresult **result, struct pxt_error *error)
{
    struct pgsql *pgsql = making->pgsql;
    PGconn *link = making->connection->link;
    PGresult *next = NULL;
    char *sql = pgsql_expand(pgsql, pattern);
    pxt_status first = sql ? PXT_OK : pgsql_no_memory(pgsql, error);
    if (sql && !PQsendQuery(link, sql))
        first = pgsql->host->fail(pgsql->host, error, PXT_EIO, 0, "the connection broke");
    for (pxt_status status = first; !status;) {
        status = pgsql_next(pgsql, making->connection, pgsql->host->monotonic(pgsql->host) + SLICE, &next, error);
        if (status == PXT_EBUSY && !ends(pgsql)) {
            status = PXT_OK;
            continue;
        }
        first = first ? first : status;
        if (status || !next)
            break;
        bool lost = false, again;
        if (PQresultStatus(next) == PGRES_FATAL_ERROR)
            first = pgsql_failed(pgsql, next, &lost, &again, error);
        if (result && !first) {
            PQclear(*result);
            *result = next;
        } else {
            PQclear(next);
        }
    }
    free(sql);
    return first;
}

/* The only value of the answer is true. */
static bool says_yes(const struct making *making, pxt_status *status, struct pxt_error *error, const char *format)
{
    char sql[300];
    PGresult *result = NULL;
    snprintf(sql, sizeof sql, format, making->name);
    *status = run(making, sql, &result, error);
    bool yes = !*status && PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    return yes;
}

static bool is_there(const struct making *making, pxt_status *status, struct pxt_error *error)
{
    return says_yes(making, status, error, "SELECT indisvalid FROM pg_index WHERE indexrelid=to_regclass('{s}%s')");
}

/* Only one process makes indexes. A statement that waited for it would be waited for by CREATE INDEX: so it tries. */
static pxt_status take_turn(const struct making *making, struct pxt_error *error)
{
    static const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    pxt_status status = PXT_OK;
    while (!says_yes(making, &status, error,
                     "SELECT pg_try_advisory_lock(hashtextextended('proxtier indexes {S} %.0s',0))")) {
        if (status || ends(making->pgsql))
            return status ? status : PXT_EBUSY;
        nanosleep(&pause, NULL);
    }
    return PXT_OK;
}

/* An index whose making was interrupted stands there, and is of no use. */
static pxt_status make_it(const struct making *making, struct pxt_error *error)
{
    char drop[120];
    struct pgsql_text create = {.data = NULL};
    pxt_status status = run(making, "SET statement_timeout=0", NULL, error);
    if (!status)
        status = take_turn(making, error);
    if (status || is_there(making, &status, error) || status)
        return status;
    snprintf(drop, sizeof drop, "DROP INDEX CONCURRENTLY IF EXISTS {s}%s", making->name);
    pgsql_text_add(&create, "CREATE INDEX CONCURRENTLY %s", making->definition.data);
    status = create.failed ? pgsql_no_memory(making->pgsql, error) : run(making, drop, NULL, error);
    if (!status)
        status = run(making, create.data, NULL, error);
    free(create.data);
    if (!status && !is_there(making, &status, error) && !status)
        status = PXT_EIO;
    return status;
}

static void tell(struct making *making, const struct pxt_error *error)
{
    struct pgsql *pgsql = making->pgsql;
    char *definition = pgsql_expand(pgsql, making->definition.data);
    if (definition && !pgsql->select.told && !ends(pgsql))
        pgsql->host->log(pgsql->host, PXT_LOG_INFO,
                         "%s: selections look at all entries until the owner of the tables runs: CREATE INDEX %s",
                         error->message, definition);
    pgsql->select.told = true;
    free(definition);
}

/* Makes an index, or finds that it is there. */
static bool make(struct pgsql *pgsql, unsigned number)
{
    struct making making = {.pgsql = pgsql};
    struct pgsql_server server;
    struct pxt_error error = {.status = PXT_OK};
    unsigned candidate = far_pool_now(&pgsql->pool).place;
    pgsql_select_index_name(making.name, number);
    pgsql_select_index(&making.definition, number);
    making.connection =
        pgsql_connect(pgsql, candidate, pgsql->host->monotonic(pgsql->host) + pgsql->patience, &server, &error);
    bool made = making.connection && !making.definition.failed && !make_it(&making, &error);
    if (!made && !making.definition.failed)
        tell(&making, &error);
    pgsql_disconnect(pgsql, making.connection);
    free(making.definition.data);
    return made;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void *make_all(void *arg)
{
    struct pgsql *pgsql = arg;
    struct pgsql_select_state *state = &pgsql->select;
    pthread_mutex_lock(&state->lock);
    while (!state->ends) {
        unsigned i = 0;
        while (i < PGSQL_SELECTS && state->index[i] != WANTED)
            i++;
        if (i == PGSQL_SELECTS) {
            pthread_cond_wait(&state->changed, &state->lock);
            continue;
        }
        pthread_mutex_unlock(&state->lock);
        bool made = make(pgsql, i);
        int64_t now = pgsql->host->monotonic(pgsql->host);
        pthread_mutex_lock(&state->lock);
        if (!made)
            state->refused_until = now + TRY_AGAIN;
        state->index[i] = made ? THERE : REFUSED;
        pthread_cond_broadcast(&state->changed);
    }
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

/* Starts the thread, with the lock, if it does not run. */
static bool start(struct pgsql *pgsql)
{
    sigset_t all, before;
    if (pgsql->select.runs)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pgsql->select.runs = !pthread_create(&pgsql->select.thread, NULL, make_all, pgsql);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pgsql->select.runs;
}

pxt_status pgsql_select_init(struct pgsql *pgsql)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes))
        return PXT_ENOMEM;
    bool made = !pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) &&
                !pthread_cond_init(&pgsql->select.changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (made && !pthread_mutex_init(&pgsql->select.lock, NULL))
        return PXT_OK;
    if (made)
        pthread_cond_destroy(&pgsql->select.changed);
    return PXT_ENOMEM;
}

void pgsql_select_stop(struct pgsql *pgsql)
{
    struct pgsql_select_state *state = &pgsql->select;
    pthread_mutex_lock(&state->lock);
    state->ends = true;
    bool runs = state->runs;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
    if (runs)
        pthread_join(state->thread, NULL);
    pthread_cond_destroy(&state->changed);
    pthread_mutex_destroy(&state->lock);
}

/* ---- waiting for one --------------------------------------------------------------------------------------------- */

static void note_name(struct pgsql *pgsql, const char *found)
{
    char name[64];
    for (unsigned i = 0; i < PGSQL_SELECTS; i++) {
        pgsql_select_index_name(name, i);
        if (!strcmp(name, found))
            pgsql->select.index[i] = THERE;
    }
}

/* Asks the server which indexes there are: once, and again after it was lost. */
static pxt_status look(struct pgsql *pgsql, struct pxt_error *error)
{
    struct pgsql_select_state *state = &pgsql->select;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    uint64_t generation = far_pool_now(&pgsql->pool).generation;
    pthread_mutex_lock(&state->lock);
    bool known = state->generation == generation;
    pthread_mutex_unlock(&state->lock);
    if (known)
        return PXT_OK;
    pxt_status status = pgsql_ask(pgsql, STATEMENT_SELECT_INDEXES, &values, &result, error);
    if (status)
        return status;
    pthread_mutex_lock(&state->lock);
    for (unsigned i = 0; i < PGSQL_SELECTS; i++)
        if (state->index[i] != WANTED)
            state->index[i] = UNKNOWN;
    for (int row = 0; row < PQntuples(result); row++)
        note_name(pgsql, PQgetvalue(result, row, 0));
    state->generation = generation;
    pthread_mutex_unlock(&state->lock);
    PQclear(result);
    return PXT_OK;
}

static void wait_for(struct pgsql_select_state *state, unsigned i, int64_t left)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left / 1000000);
    until.tv_nsec += (long)(left % 1000000 * 1000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (state->index[i] == WANTED && !pthread_cond_timedwait(&state->changed, &state->lock, &until))
        ;
}

pxt_status pgsql_select_needs(struct pgsql *pgsql, const struct select_way *way, struct pxt_error *error)
{
    struct pgsql_select_state *state = &pgsql->select;
    const unsigned i = pgsql_select_number(way);
    if (way->set == SET_TAG || way->set == SET_TTL)
        return PXT_OK;
    pxt_status status = look(pgsql, error);
    if (status)
        return status;
    int64_t now = pgsql->host->monotonic(pgsql->host), left = pgsql_deadline(pgsql) - now;
    pthread_mutex_lock(&state->lock);
    if (state->index[i] == UNKNOWN || (state->index[i] == REFUSED && now >= state->refused_until)) {
        state->index[i] = start(pgsql) ? WANTED : REFUSED;
        pthread_cond_broadcast(&state->changed);
    }
    if (state->index[i] == WANTED && left > 0 && now >= state->refused_until) {
        wait_for(state, i, left / 2);  /* the other half is for the search */
        if (state->index[i] == WANTED) /* it takes long: the next calls do not wait for it */
            state->refused_until = pgsql->host->monotonic(pgsql->host) + TRY_AGAIN;
    }
    bool there = state->index[i] == THERE;
    pthread_mutex_unlock(&state->lock);
    return there ? PXT_OK
                 : pgsql->host->fail(pgsql->host, error, PXT_ENOTSUP, 0,
                                     "the server %s has no index for this selection", pgsql->address.name);
}
