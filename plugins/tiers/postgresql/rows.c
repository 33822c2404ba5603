/* SPDX-License-Identifier: MIT
 *
 * rows.c: entries to parameters: a value for each column, or an array of those of several entries; and rows to entries.
 */
#include "postgresql.h"
#include <stdlib.h>
#include <string.h>

const char *const pgsql_health_name[PXT_HEALTH_COUNT] = {
#define X(id, text) [PXT_HEALTH_##id] = text,
    PXT_HEALTHS(X)
#undef X
};

/* ---- to parameters ---- */

static void add_field(struct pgsql_values *values, const struct pxt_field *field, const struct pxt_value *value)
{
    int64_t number = value->set ? value->as.number : field->default_number;
    switch (field->type) {
    case PXT_TYPE_TEXT:
    case PXT_TYPE_SECRET:
        if (value->set)
            pgsql_text(values, value->as.text, value->length);
        else
            pgsql_null(values);
        break;
    case PXT_TYPE_TIME:
        pgsql_time(values, value->set ? value->as.number : PXT_TIME_NONE);
        break;
    case PXT_TYPE_BOOL:
        pgsql_bool(values, number != 0);
        break;
    case PXT_TYPE_HEALTH: {
        const char *name =
            pgsql_health_name[number >= 0 && number < PXT_HEALTH_COUNT ? number : (int64_t)PXT_HEALTH_UNKNOWN];
        pgsql_text(values, name, strlen(name));
        break;
    }
    case PXT_TYPE_COUNT:
    case PXT_TYPE_VERSION:
        if (!value->set && field->flags & PXT_FIELD_OPTIONAL)
            pgsql_null(values);
        else
            pgsql_number(values, number);
        break;
    }
}

static enum pgsql_oid oid_of(enum pxt_field_type type)
{
    return type == PXT_TYPE_TEXT || type == PXT_TYPE_HEALTH ? OID_TEXT
           : type == PXT_TYPE_SECRET                        ? OID_BYTEA
           : type == PXT_TYPE_TIME                          ? OID_TIMESTAMPTZ
           : type == PXT_TYPE_BOOL                          ? OID_BOOL
                                                            : OID_INT8;
}

/* The part of a URL before "://"; 0: none. */
static size_t scheme_length(const struct pxt_value *url)
{
    for (size_t i = 0; url->set && i + 2 < url->length; i++)
        if (url->as.text[i] == ':')
            return i;
    return 0;
}

static void add_scheme(struct pgsql_values *values, const struct pxt_value *url)
{
    size_t length = scheme_length(url);
    if (length)
        pgsql_text(values, url->as.text, length);
    else
        pgsql_null(values);
}

static void add_ring(struct pgsql *pgsql, struct pgsql_values *values, pxt_entry *entry)
{
    struct pxt_key key;
    pgsql->host->entry_key(entry, &key);
    pgsql_number(values, PXT_RING(key.hash));
}

pxt_status pgsql_row_add(struct pgsql *pgsql, pxt_entry *entry, struct pgsql_values *values, struct pxt_error *error)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pgsql->host->entry_read(entry, &draft);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        add_field(values, pgsql->host->fields[id], &draft.value[id]);
    add_ring(pgsql, values, entry);
    add_scheme(values, &draft.value[PXT_FIELD_PROXY_URL]);
    return values->failed ? pgsql_no_memory(pgsql, error) : PXT_OK;
}

/* Whether the fields that a proxy gets by use have their defaults. */
static bool is_fresh(const struct pgsql *pgsql, const struct pxt_draft *draft)
{
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        const struct pxt_field *field = pgsql->host->fields[id];
        const struct pxt_value *value = &draft->value[id];
        bool number = field->type == PXT_TYPE_COUNT || field->type == PXT_TYPE_VERSION || field->type == PXT_TYPE_BOOL;
        if (!pgsql_is_fresh(id) && value->set && (!number || value->as.number || field->flags & PXT_FIELD_OPTIONAL))
            return false;
    }
    return true;
}

pxt_status pgsql_rows_add(struct pgsql *pgsql, pxt_entry *const *entries, size_t n, bool *fresh,
                          struct pgsql_values *values, struct pxt_error *error)
{
    const struct pxt_host *host = pgsql->host;
    struct pxt_draft *drafts = calloc(n ? n : 1, sizeof *drafts);
    if (!drafts)
        return pgsql_no_memory(pgsql, error);
    for (size_t i = 0; i < n; i++) {
        pxt_draft_init(&drafts[i]);
        host->entry_read(entries[i], &drafts[i]);
        *fresh = *fresh && is_fresh(pgsql, &drafts[i]);
    }
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        if (*fresh && !pgsql_is_fresh(id))
            continue;
        pgsql_array(values, oid_of(host->fields[id]->type));
        for (size_t i = 0; i < n; i++)
            add_field(values, host->fields[id], &drafts[i].value[id]);
        pgsql_array_end(values);
    }
    pgsql_array(values, OID_INT8);
    for (size_t i = 0; i < n; i++)
        add_ring(pgsql, values, entries[i]);
    pgsql_array_end(values);
    pgsql_array(values, OID_TEXT);
    for (size_t i = 0; i < n; i++)
        add_scheme(values, &drafts[i].value[PXT_FIELD_PROXY_URL]);
    pgsql_array_end(values);
    free(drafts);
    return values->failed ? pgsql_no_memory(pgsql, error) : PXT_OK;
}

/* ---- from rows ---- */

static int64_t health_of(const char *name)
{
    for (int i = 0; i < PXT_HEALTH_COUNT; i++)
        if (!strcmp(pgsql_health_name[i], name))
            return i;
    return -1;
}

static void read_field(const PGresult *result, int row, int column, const struct pxt_field *field,
                       struct pxt_draft *draft, enum pxt_field_id id)
{
    const char *text = PQgetvalue(result, row, column);
    size_t length = (size_t)PQgetlength(result, row, column);
    if (PQgetisnull(result, row, column))
        return;
    switch (field->type) {
    case PXT_TYPE_TEXT:
        pxt_draft_set_text(draft, id, text, length);
        break;
    case PXT_TYPE_SECRET:
        if (length)
            pxt_draft_set_token(draft, id, text, length);
        break;
    case PXT_TYPE_TIME:
        pxt_draft_set_number(draft, id, pgsql_get_time(result, row, column));
        break;
    case PXT_TYPE_BOOL:
        pxt_draft_set_number(draft, id, text[0] != 0);
        break;
    case PXT_TYPE_HEALTH:
        pxt_draft_set_number(draft, id, health_of(text));
        break;
    case PXT_TYPE_COUNT:
    case PXT_TYPE_VERSION:
        pxt_draft_set_number(draft, id, pgsql_get_number(result, row, column));
        break;
    }
}

static pxt_status read_tombstone(struct pgsql *pgsql, const struct pxt_draft *draft, pxt_entry **out,
                                 struct pxt_error *error)
{
    const struct pxt_value *text = &draft->value[PXT_FIELD_KEY], *at = &draft->value[PXT_FIELD_FETCH_TIME];
    int64_t version = draft->value[PXT_FIELD_VERSION].as.number, removed = draft->value[PXT_FIELD_REMOVED].as.number;
    struct pxt_key key;
    pgsql->host->key_init(&key, text->as.text, text->length);
    return pgsql->host->tombstone_new(pgsql->host, &key, version > 0 ? (uint64_t)version : 0,
                                      removed > 0 ? (unsigned)(removed - 1) : 0, at->set ? at->as.number : 0, out,
                                      error);
}

pxt_status pgsql_row_read(struct pgsql *pgsql, const PGresult *result, int row, int first, pxt_entry **out,
                          struct pxt_error *error)
{
    const struct pxt_host *host = pgsql->host;
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    if (PQnfields(result) < first + PXT_FIELD_COUNT)
        return host->fail(host, error, PXT_EINVAL, 0, "a row of the server %s lacks columns", pgsql->address.name);
    for (unsigned id = 0; id < PXT_FIELD_COUNT; id++)
        read_field(result, row, first + (int)id, host->fields[id], &draft, (enum pxt_field_id)id);
    if (draft.value[PXT_FIELD_REMOVED].as.number)
        return read_tombstone(pgsql, &draft, out, error);
    pxt_draft_unset(&draft, PXT_FIELD_REMOVED);
    return host->entry_new(host, &draft, out, error);
}

pxt_status pgsql_row_entry(struct pgsql *pgsql, const PGresult *result, int row, int first, pxt_entry **out,
                           struct pxt_error *error)
{
    pxt_status status = pgsql_row_read(pgsql, result, row, first, out, error);
    if (status != PXT_EINVAL)
        return status;
    struct pxt_key key;
    pgsql->host->key_init(&key, PQgetvalue(result, row, first + PXT_FIELD_KEY),
                          (size_t)PQgetlength(result, row, first + PXT_FIELD_KEY));
    atomic_fetch_add(&pgsql->damaged, 1);
    pgsql->host->log(pgsql->host, PXT_LOG_WARNING, "the entry %s in the server %s is damaged: it is removed", key.text,
                     pgsql->address.name);
    int64_t version = pgsql_get_number(result, row, first + PXT_FIELD_VERSION);
    status = pgsql_del_if(pgsql, &key, (uint64_t)version, PXT_REMOVE_CORRUPTION, error);
    return status == PXT_OK || status == PXT_ESTALE ? PXT_NOT_FOUND : status;
}
