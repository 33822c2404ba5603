/* SPDX-License-Identifier: MIT
 *
 * walk.c: what concerns all keys: page by page, so that neither the server nor memory is held by a large store.
 */
#include "postgresql.h"
#include <stdio.h>
#include <string.h>

enum { PAGE = 256, KEYS_PAGE = 1000 };

/* A copy of the key that a page ended with. */
static void keep_place(char place[PXT_KEY_MAX + 1], const PGresult *result, int row, int column)
{
    snprintf(place, PXT_KEY_MAX + 1, "%s", PQgetvalue(result, row, column));
}

pxt_status pgsql_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    char place[PXT_KEY_MAX + 1] = "";
    pxt_status status = PXT_OK;
    for (bool more = true; more && !status;) {
        struct pgsql_values values = {.count = 0};
        PGresult *result = NULL;
        pgsql_string(&values, pgsql->name_space);
        pgsql_string(&values, place);
        pgsql_number(&values, PAGE);
        status = pgsql_ask(pgsql, STATEMENT_EACH, &values, &result, error);
        int n = status ? 0 : PQntuples(result);
        for (int row = 0; more && !status && row < n; row++) {
            pxt_entry *entry = NULL;
            status = pgsql_row_entry(pgsql, result, row, 0, &entry, error);
            if (!status) {
                more = fn(arg, entry);
                pgsql->host->entry_release(entry);
            }
            status = status == PXT_NOT_FOUND ? PXT_OK : status;
        }
        if (n)
            keep_place(place, result, n - 1, PXT_FIELD_KEY);
        more = more && n == PAGE;
        PQclear(result);
    }
    return status;
}

/* Calls `fn` for the versions from `from` to `to`. */
static pxt_status versions_in(struct pgsql *pgsql, int64_t from, int64_t to, pxt_version_fn *fn, void *arg, bool *more,
                              struct pxt_error *error)
{
    char place[PXT_KEY_MAX + 1] = "";
    pxt_status status = PXT_OK;
    for (bool any = true; any && *more && !status;) {
        struct pgsql_values values = {.count = 0};
        PGresult *result = NULL;
        pgsql_string(&values, pgsql->name_space);
        pgsql_number(&values, from);
        pgsql_string(&values, place);
        pgsql_number(&values, to);
        pgsql_number(&values, KEYS_PAGE);
        status = pgsql_ask(pgsql, STATEMENT_VERSIONS, &values, &result, error);
        int n = status ? 0 : PQntuples(result);
        for (int row = 0; *more && row < n; row++) {
            struct pxt_key key;
            pgsql->host->key_init(&key, PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1));
            *more = fn(arg, &key, (uint64_t)pgsql_get_number(result, row, 0));
        }
        if (n) {
            keep_place(place, result, n - 1, 1);
            from = pgsql_get_number(result, n - 1, 0);
        }
        any = n == KEYS_PAGE;
        PQclear(result);
    }
    return status;
}

pxt_status pgsql_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    bool more = true;
    if (!above)
        return versions_in(self, 0, INT64_MAX, fn, arg, &more, error);
    pxt_status status = versions_in(self, 0, 0, fn, arg, &more, error);
    return status || above >= INT64_MAX ? status
                                        : versions_in(self, (int64_t)above + 1, INT64_MAX, fn, arg, &more, error);
}

static pxt_status number_of(struct pgsql *pgsql, enum pgsql_statement statement, uint64_t *out, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pxt_status status = pgsql_ask(pgsql, statement, &values, &result, error);
    if (!status)
        *out = (uint64_t)pgsql_get_number(result, 0, 0);
    PQclear(result);
    return status;
}

pxt_status pgsql_count(void *self, uint64_t *out, struct pxt_error *error)
{
    return number_of(self, STATEMENT_COUNT, out, error);
}

pxt_status pgsql_tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    return number_of(self, STATEMENT_TOMBSTONES, out, error);
}

/* What stays as a tombstone until its time, so that the proxy is known as dead. */
static const int64_t removed_as_dead = 1 + (int64_t)PXT_REMOVE_HEALTH;

pxt_status pgsql_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pgsql_number(&values, removed_as_dead);
    pgsql_time(&values, now);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_KNOWN_DEAD, &values, &result, error);
    if (!status)
        *out = (uint64_t)pgsql_get_number(result, 0, 0);
    PQclear(result);
    return status;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

/* A statement of which only the first number of its result matters, and then the notice that anything may have changed. */
static pxt_status remove_and_tell_all(struct pgsql *pgsql, enum pgsql_statement statement,
                                      const struct pgsql_values *values, PGresult **result, struct pxt_error *error)
{
    struct pgsql_values notice = {.count = 0};
    PGresult *results[2];
    pgsql_notice_all(pgsql, &notice);
    const struct pgsql_step steps[] = {{statement, values, true}, {STATEMENT_NOTIFY, &notice, true}};
    pxt_status status = pgsql_run(pgsql, steps, 2, results, error);
    PQclear(results[1]);
    *result = results[0];
    pgsql_values_free(&notice);
    return status;
}

pxt_status pgsql_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    char place[PXT_KEY_MAX + 1] = "";
    pxt_status status = PXT_OK;
    *removed = 0;
    /* What was changed meanwhile is passed over: until a round finds nothing. */
    for (bool more = true, any = false; more && !status;) {
        struct pgsql_values values = {.count = 0};
        PGresult *result = NULL;
        pgsql_string(&values, pgsql->name_space);
        pgsql_string(&values, place);
        pgsql_number(&values, KEYS_PAGE);
        status = remove_and_tell_all(pgsql, STATEMENT_CLEAR, &values, &result, error);
        if (!status) {
            bool some = pgsql_get_number(result, 0, 0) > 0;
            more = some || any;
            any = some;
            *removed += (uint64_t)pgsql_get_number(result, 0, 1);
            keep_place(place, result, 0, 2);
        }
        PQclear(result);
        pgsql_values_free(&values);
    }
    return status;
}

/* A page of entries. `*n`: how many were removed. */
static pxt_status expire_entries(struct pgsql *pgsql, pxt_time now, int64_t up_to, size_t limit, pxt_key_fn *fn,
                                 void *arg, size_t *n, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0}, notices = {.count = 0};
    struct pxt_key key[PAGE];
    const struct pxt_key *keys[PAGE];
    PGresult *result = NULL, *told = NULL;
    pgsql_string(&values, pgsql->name_space);
    pgsql_time(&values, now);
    pgsql_number(&values, up_to);
    pgsql_number(&values, (int64_t)limit);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_EXPIRE, &values, &result, error);
    *n = status ? 0 : (size_t)PQntuples(result);
    *n = *n < PAGE ? *n : PAGE;
    for (size_t i = 0; i < *n; i++) {
        keys[i] = &key[i];
        pgsql->host->key_init(&key[i], PQgetvalue(result, (int)i, 0), (size_t)PQgetlength(result, (int)i, 0));
    }
    if (*n) {
        pgsql_notices(pgsql, keys, *n, &notices);
        pgsql_ask(pgsql, STATEMENT_NOTIFY, &notices, &told, NULL); /* elsewhere they have expired too */
        PQclear(told);
    }
    for (size_t i = 0; i < *n; i++)
        fn(arg, &key[i]);
    PQclear(result);
    return status;
}

static pxt_status expire_dead(struct pgsql *pgsql, pxt_time now, int64_t up_to, size_t limit, size_t *n,
                              struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pgsql_number(&values, up_to);
    pgsql_number(&values, (int64_t)limit);
    pgsql_number(&values, removed_as_dead);
    pgsql_time(&values, now);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_EXPIRE_DEAD, &values, &result, error);
    *n = status ? 0 : (size_t)pgsql_get_number(result, 0, 0);
    PQclear(result);
    return status;
}

pxt_status pgsql_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                        uint64_t *removed, struct pxt_error *error)
{
    const int64_t most = up_to < INT64_MAX ? (int64_t)up_to : INT64_MAX;
    pxt_status status = PXT_OK;
    bool dead = false;
    *removed = 0;
    while (!status && *removed < limit) {
        size_t some = limit - *removed < PAGE ? limit - *removed : PAGE, n = 0;
        status = dead ? expire_dead(self, now, most, some, &n, error)
                      : expire_entries(self, now, most, some, fn, arg, &n, error);
        *removed += n;
        if (n == some)
            continue;
        if (dead)
            break;
        dead = true;
    }
    return status;
}
