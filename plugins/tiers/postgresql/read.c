/* SPDX-License-Identifier: MIT
 *
 * read.c: gets, and the record of the core.
 */
#include "postgresql.h"
#include <stdlib.h>
#include <string.h>

pxt_status pgsql_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    (void)flags; /* the core counts hits, and hands them to touch */
    pgsql_string(&values, pgsql->name_space);
    pgsql_text(&values, key->text, key->length);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_GET, &values, &result, error);
    if (!status)
        status = PQntuples(result) ? pgsql_row_entry(pgsql, result, 0, 0, out, error) : PXT_NOT_FOUND;
    PQclear(result);
    return status;
}

/* ---- many: the server gives each row as often as its key is asked for, in any order -------------------------------- */

struct wanted {
    const struct pxt_key *key;
    size_t place;
};

static int by_key(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    return strcmp(x->key->text, y->key->text);
}

/* Hands an entry to the places that its key has. */
static void give(struct pgsql *pgsql, const struct wanted *wanted, size_t n, pxt_entry *entry, pxt_entry **out)
{
    struct pxt_key key;
    pgsql->host->entry_key(entry, &key);
    const struct wanted this = {.key = &key};
    const struct wanted *found = bsearch(&this, wanted, n, sizeof *wanted, by_key);
    while (found && found > wanted && !by_key(found - 1, &this))
        found--;
    for (; found && found < wanted + n && !by_key(found, &this); found++)
        if (!out[found->place])
            out[found->place] = pgsql->host->entry_hold(entry);
    pgsql->host->entry_release(entry);
}

static pxt_status ask_many(struct pgsql *pgsql, const struct wanted *wanted, size_t n, PGresult **result,
                           struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    pgsql_string(&values, pgsql->name_space);
    pgsql_array(&values, OID_TEXT);
    for (size_t i = 0; i < n; i++)
        if (!i || by_key(&wanted[i - 1], &wanted[i]))
            pgsql_text(&values, wanted[i].key->text, wanted[i].key->length);
    pgsql_array_end(&values);
    return pgsql_ask(pgsql, STATEMENT_GET_MANY, &values, result, error);
}

pxt_status pgsql_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                          struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    PGresult *result = NULL;
    (void)flags;
    memset(out, 0, n * sizeof(pxt_entry *));
    struct wanted *wanted = calloc(n ? n : 1, sizeof *wanted);
    if (!wanted)
        return pgsql_no_memory(pgsql, error);
    for (size_t i = 0; i < n; i++)
        wanted[i] = (struct wanted){keys[i], i};
    qsort(wanted, n, sizeof *wanted, by_key);
    pxt_status status = ask_many(pgsql, wanted, n, &result, error);
    for (int row = 0; !status && row < PQntuples(result); row++) {
        pxt_entry *entry = NULL;
        status = pgsql_row_entry(pgsql, result, row, 0, &entry, error);
        if (!status)
            give(pgsql, wanted, n, entry, out);
        status = status == PXT_NOT_FOUND ? PXT_OK : status;
    }
    for (size_t i = 0; status && i < n; i++) {
        if (out[i])
            pgsql->host->entry_release(out[i]);
        out[i] = NULL;
    }
    PQclear(result);
    free(wanted);
    return status;
}

/* ---- the record ---------------------------------------------------------------------------------------------------- */

pxt_status pgsql_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_RECORD_GET, &values, &result, error);
    if (!status && !PQntuples(result))
        status = PXT_NOT_FOUND;
    else if (!status && PQgetlength(result, 0, 0) > PXT_RECORD_MAX)
        status = pgsql->host->fail(pgsql->host, error, PXT_EIO, 0,
                                   "the record of the pool in the server %s is too long", pgsql->address.name);
    if (!status)
        memcpy(text, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0) + 1);
    PQclear(result);
    return status;
}

pxt_status pgsql_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pgsql_string(&values, text);
    pxt_status status = pgsql_ask(pgsql, STATEMENT_RECORD_PUT, &values, &result, error);
    PQclear(result);
    return status;
}
