/* SPDX-License-Identifier: MIT
 *
 * write.c: what changes entries. A statement compares versions and writes in one step. The notice for other hosts follows in
 * a transaction of its own, in the same round trip: transactions with notices are committed one after the other, and writes
 * should not be.
 */
#include "postgresql.h"
#include <stdlib.h>
#include <string.h>

/* ---- notices: the instance that made the change, then a newline and a key for each; or no key, for any ------------- */

enum { PAYLOAD_MAX = 7900, NOTICED_MAX = 256 };

void pgsql_notice_all(struct pgsql *pgsql, struct pgsql_values *values)
{
    pgsql_string(values, pgsql->channel);
    pgsql_array(values, OID_TEXT);
    pgsql_text(values, pgsql->identity, strlen(pgsql->identity));
    pgsql_array_end(values);
}

void pgsql_notices(struct pgsql *pgsql, const struct pxt_key *const *keys, size_t n, struct pgsql_values *values)
{
    char payload[PAYLOAD_MAX];
    size_t own = strlen(pgsql->identity), used = own;
    if (n > NOTICED_MAX)
        return pgsql_notice_all(pgsql, values);
    memcpy(payload, pgsql->identity, own);
    pgsql_string(values, pgsql->channel);
    pgsql_array(values, OID_TEXT);
    for (size_t i = 0; i < n; i++) {
        if (used + 1 + keys[i]->length > sizeof payload) {
            pgsql_text(values, payload, used);
            used = own;
        }
        payload[used++] = '\n';
        memcpy(payload + used, keys[i]->text, keys[i]->length);
        used += keys[i]->length;
    }
    if (used > own)
        pgsql_text(values, payload, used);
    pgsql_array_end(values);
}

/* The keys of rows that are to be locked, in their order. */
static void add_keys(struct pgsql *pgsql, const struct pxt_key *const *keys, size_t n, struct pgsql_values *values)
{
    pgsql_string(values, pgsql->name_space);
    pgsql_array(values, OID_TEXT);
    for (size_t i = 0; i < n; i++)
        pgsql_text(values, keys[i]->text, keys[i]->length);
    pgsql_array_end(values);
}

/* Runs a write and then its notices. `locks`: it locks the rows of the keys first. A write of one row sees by itself what was
 * committed while it waited for the row. */
static pxt_status write_and_tell(struct pgsql *pgsql, enum pgsql_statement statement, const struct pgsql_values *values,
                                 const struct pxt_key *const *keys, size_t n, bool locks, PGresult **result,
                                 struct pxt_error *error)
{
    struct pgsql_values locked = {.count = 0}, notices = {.count = 0};
    PGresult *results[3] = {NULL};
    if (locks)
        add_keys(pgsql, keys, n, &locked);
    pgsql_notices(pgsql, keys, n, &notices);
    const struct pgsql_step steps[] = {
        {STATEMENT_LOCK, &locked, false}, {statement, values, true}, {STATEMENT_NOTIFY, &notices, true}};
    pxt_status status = pgsql_run(pgsql, steps + !locks, locks ? 3 : 2, results + !locks, error);
    PQclear(results[0]);
    *result = results[1];
    PQclear(results[2]);
    pgsql_values_free(&locked);
    pgsql_values_free(&notices);
    return status;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

/* Entries in the order of their keys, in which all hosts lock rows: so no two wait for each other. */
struct batch {
    struct item {
        pxt_entry *entry;
        struct pxt_key key;
        uint64_t version;
        size_t place; /* in the caller's order */
    } * item;
    pxt_entry **entries;
    const struct pxt_key **keys;
    size_t n;
};

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = strcmp(x->key.text, y->key.text);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static void batch_free(struct batch *batch)
{
    free(batch->item);
    free(batch->entries);
    free(batch->keys);
}

/* Of a key that comes twice, the later entry. PXT_ESTALE: it is the older one. */
static pxt_status leave_out_twice(struct pgsql *pgsql, struct batch *batch, struct pxt_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < batch->n; i++) {
        bool again = kept && !strcmp(batch->item[kept - 1].key.text, batch->item[i].key.text);
        if (again && batch->item[i].version && batch->item[i].version < batch->item[kept - 1].version)
            return pgsql->host->fail(pgsql->host, error, PXT_ESTALE, 0, "a newer version comes earlier in the batch");
        kept -= again;
        batch->item[kept++] = batch->item[i];
    }
    batch->n = kept;
    return PXT_OK;
}

static pxt_status batch_of(struct pgsql *pgsql, pxt_entry *const *entries, size_t n, struct batch *batch,
                           struct pxt_error *error)
{
    *batch = (struct batch){.item = calloc(n, sizeof *batch->item),
                            .entries = calloc(n, sizeof *batch->entries),
                            .keys = calloc(n, sizeof *batch->keys),
                            .n = n};
    if (!batch->item || !batch->entries || !batch->keys)
        return pgsql_no_memory(pgsql, error);
    for (size_t i = 0; i < n; i++) {
        struct item *item = &batch->item[i];
        *item = (struct item){.entry = entries[i], .place = i};
        pgsql->host->entry_key(entries[i], &item->key);
        item->version = (uint64_t)pgsql->host->entry_number(entries[i], PXT_FIELD_VERSION);
    }
    qsort(batch->item, n, sizeof *batch->item, by_key);
    pxt_status status = leave_out_twice(pgsql, batch, error);
    for (size_t i = 0; !status && i < batch->n; i++) {
        batch->entries[i] = batch->item[i].entry;
        batch->keys[i] = &batch->item[i].key;
    }
    return status;
}

/* ---- put --------------------------------------------------------------------------------------------------------- */

static pxt_status is_stale(struct pgsql *pgsql, struct pxt_error *error)
{
    return pgsql->host->fail(pgsql->host, error, PXT_ESTALE, 0, "the server %s has another version",
                             pgsql->address.name);
}

/* Runs a statement that writes one row, or none: PXT_ESTALE. */
static pxt_status write_one(struct pgsql *pgsql, enum pgsql_statement statement, pxt_entry *entry,
                            const uint64_t *expected, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    struct pxt_key key;
    const struct pxt_key *keys[] = {&key};
    PGresult *result = NULL;
    pgsql->host->entry_key(entry, &key);
    pgsql_string(&values, pgsql->name_space);
    pxt_status status = pgsql_row_add(pgsql, entry, &values, error);
    if (expected)
        pgsql_number(&values, (int64_t)*expected);
    if (!status)
        status = write_and_tell(pgsql, statement, &values, keys, 1, false, &result, error);
    if (!status && strcmp(PQcmdTuples(result), "1"))
        status = is_stale(pgsql, error);
    PQclear(result);
    pgsql_values_free(&values);
    return status;
}

pxt_status pgsql_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    return write_one(self, STATEMENT_PUT, entry, NULL, error);
}

pxt_status pgsql_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0};
    struct batch batch;
    PGresult *result = NULL;
    if (n < 2)
        return n ? pgsql_put(self, *entries, error) : PXT_OK;
    bool fresh = false;
    pxt_status status = batch_of(pgsql, entries, n, &batch, error);
    pgsql_string(&values, pgsql->name_space);
    if (!status)
        status = pgsql_rows_add(pgsql, batch.entries, batch.n, &fresh, &values, error);
    if (!status)
        status = write_and_tell(pgsql, STATEMENT_PUT_ALL, &values, batch.keys, batch.n, true, &result, error);
    PQclear(result);
    pgsql_values_free(&values);
    batch_free(&batch);
    return status;
}

/* Notes which entries were written. */
static void read_written(const struct batch *batch, const PGresult *result, pxt_status *results)
{
    for (size_t i = 0; i < batch->n; i++)
        results[batch->item[i].place] = PXT_ESTALE;
    for (int row = 0; row < PQntuples(result); row++) {
        struct item wanted = {.key.text = PQgetvalue(result, row, 0)};
        for (size_t from = 0, to = batch->n; from < to;) {
            size_t middle = from + (to - from) / 2;
            int order = strcmp(wanted.key.text, batch->item[middle].key.text);
            if (!order)
                results[batch->item[middle].place] = PXT_OK;
            from = order > 0 ? middle + 1 : from;
            to = order > 0 ? to : order < 0 ? middle : from;
        }
    }
}

static pxt_status put_batch_if(struct pgsql *pgsql, const struct batch *batch, const uint64_t *expected,
                               pxt_status *results, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    bool fresh = false;
    pgsql_string(&values, pgsql->name_space);
    pxt_status status = pgsql_rows_add(pgsql, batch->entries, batch->n, &fresh, &values, error);
    pgsql_array(&values, OID_INT8);
    for (size_t i = 0; i < batch->n; i++)
        pgsql_number(&values, (int64_t)expected[batch->item[i].place]);
    pgsql_array_end(&values);
    if (!status)
        status = write_and_tell(pgsql, STATEMENT_PUT_IF, &values, batch->keys, batch->n, true, &result, error);
    if (!status)
        read_written(batch, result, results);
    PQclear(result);
    pgsql_values_free(&values);
    return status;
}

/* Writes a list of proxies that are new to the server and were never used. `*fresh`: it was one, and was written. */
static pxt_status put_fresh(struct pgsql *pgsql, const struct batch *batch, const uint64_t *expected,
                            pxt_status *results, bool *fresh, struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pxt_status status = PXT_OK;
    *fresh = true;
    for (size_t i = 0; i < batch->n; i++)
        *fresh &= !expected[batch->item[i].place];
    if (!*fresh)
        return PXT_OK;
    pgsql_string(&values, pgsql->name_space);
    status = pgsql_rows_add(pgsql, batch->entries, batch->n, fresh, &values, error);
    if (!status && *fresh)
        status = write_and_tell(pgsql, STATEMENT_PUT_FRESH, &values, batch->keys, batch->n, false, &result, error);
    *fresh &= status != PXT_ESTALE; /* another host was faster with one of them */
    for (size_t i = 0; *fresh && !status && i < batch->n; i++)
        results[batch->item[i].place] = PXT_OK;
    PQclear(result);
    pgsql_values_free(&values);
    return *fresh ? status : PXT_OK;
}

static pxt_status put_some_if(struct pgsql *pgsql, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                              pxt_status *results, struct pxt_error *error)
{
    struct batch batch;
    bool written = false;
    pxt_status status = batch_of(pgsql, entries, n, &batch, error);
    if (!status)
        status = put_fresh(pgsql, &batch, expected, results, &written, error);
    if (!status && !written)
        status = put_batch_if(pgsql, &batch, expected, results, error);
    batch_free(&batch);
    return status;
}

pxt_status pgsql_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                             pxt_status *results, struct pxt_error *error)
{
    enum { BATCH = 4000 };
    pxt_status status = PXT_OK;
    for (size_t i = 0; !status && i < n; i += BATCH)
        status = put_some_if(self, entries + i, expected + i, n - i < BATCH ? n - i : BATCH, results + i, error);
    return status;
}

pxt_status pgsql_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    return expected ? write_one(self, STATEMENT_PUT_OVER, entry, &expected, error)
                    : write_one(self, STATEMENT_PUT_NEW, entry, NULL, error);
}

/* ---- del --------------------------------------------------------------------------------------------------------- */

static pxt_status remove_key(struct pgsql *pgsql, const struct pxt_key *key, const uint64_t *expected,
                             struct pxt_error *error)
{
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, pgsql->name_space);
    pgsql_text(&values, key->text, key->length);
    if (expected)
        pgsql_number(&values, (int64_t)*expected);
    else
        pgsql_null(&values);
    pxt_status status = write_and_tell(pgsql, STATEMENT_DEL, &values, &key, 1, false, &result, error);
    if (!status && !pgsql_get_number(result, 0, 0))
        status = expected && pgsql_get_number(result, 0, 1) ? is_stale(pgsql, error) : PXT_NOT_FOUND;
    PQclear(result);
    pgsql_values_free(&values);
    return status;
}

pxt_status pgsql_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    (void)why;
    return remove_key(self, key, NULL, error);
}

pxt_status pgsql_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                        struct pxt_error *error)
{
    (void)why;
    return remove_key(self, key, &expected, error);
}
