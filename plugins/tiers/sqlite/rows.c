/* SPDX-License-Identifier: MIT
 *
 * rows.c: entries to rows and back, by the field table.
 *
 * Times are REAL seconds, as ProxyWhirl has them: a double carries microseconds exactly until the year 2242 if both
 * directions round; truncation would lose one in two.
 */
#include "store.h"
#include <math.h>
#include <string.h>

pxt_time sqlite_time_of(double seconds)
{
    if (!(seconds > -sqlite_seconds_of(PXT_TIME_MAX) && seconds < 2 * sqlite_seconds_of(PXT_TIME_MAX)))
        return PXT_TIME_NONE; /* not a number, too */
    double whole = floor(seconds);
    return (pxt_time)whole * PXT_SECOND + llround((seconds - whole) * (double)PXT_SECOND);
}

/* ---- to rows ---- */

static void bind_value(sqlite3_stmt *statement, int at, enum pxt_field_type type, const struct pxt_value *value)
{
    if (!value->set) {
        sqlite3_bind_null(statement, at);
        return;
    }
    switch (type) {
    case PXT_TYPE_TEXT:
        sqlite3_bind_text(statement, at, value->as.text, (int)value->length, SQLITE_STATIC);
        return;
    case PXT_TYPE_SECRET:
        sqlite3_bind_blob(statement, at, value->as.text, (int)value->length, SQLITE_STATIC);
        return;
    case PXT_TYPE_TIME:
        sqlite3_bind_double(statement, at, sqlite_seconds_of(value->as.number));
        return;
    case PXT_TYPE_HEALTH: {
        static const char *const names[] = {
#define X(id, name) name,
            PXT_HEALTHS(X)
#undef X
        };
        bool known = value->as.number >= 0 && value->as.number < PXT_HEALTH_COUNT;
        sqlite3_bind_text(statement, at, names[known ? value->as.number : 0], -1, SQLITE_STATIC);
        return;
    }
    default:
        sqlite3_bind_int64(statement, at, value->as.number);
    }
}

/* No proxy answers in no time: the number of an entry without a latency. */
static bool is_unknown(size_t id, const struct pxt_value *value)
{
    return id == PXT_FIELD_LATENCY && value->set && value->as.number == 0;
}

/* A slower tier's value never counts for a version. */
static bool can_be_elsewhere(const struct pxt_field *field)
{
    return field->type != PXT_TYPE_VERSION;
}

/* Whether the fields without a column of the reference have anything to keep. In a file that is shared with ProxyWhirl the
 * defaults are kept, too: there an entry without them has been written by ProxyWhirl. */
static bool has_extra(const struct store *store, const struct pxt_draft *draft)
{
    const struct pxt_field *const *fields = store->host->fields;
    if (store->compatible)
        for (size_t id = 0; id < store->schema.field_count; id++)
            if (store->schema.extra[id] && can_be_elsewhere(fields[id]) && !draft->value[id].elsewhere)
                return true;
    for (size_t id = 0; id < store->schema.field_count; id++) {
        const struct pxt_value *value = &draft->value[id];
        if (!store->schema.extra[id] || !value->set)
            continue;
        if (fields[id]->type == PXT_TYPE_TEXT || fields[id]->type == PXT_TYPE_SECRET ||
            value->as.number != fields[id]->default_number)
            return true;
    }
    return false;
}

static void bind_ring(const struct store *store, sqlite3_stmt *statement, const char *key, size_t length)
{
    struct pxt_key made;
    if (store->schema.shared || length > PXT_KEY_MAX)
        return;
    store->host->key_init(&made, key, length);
    sqlite3_bind_int64(statement, (int)store->schema.field_count + 2, PXT_RING(made.hash));
}

static pxt_status put_table(struct store *store, struct connection *connection, enum sqlite_statement which,
                            const struct pxt_draft *draft, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    bool extra = which == SQL_PUT_EXTRA;
    pxt_status status = sqlite_statement_get(store, connection, which, &statement, error);
    if (status)
        return status;
    for (size_t id = 0; id < store->schema.field_count; id++)
        if (id == PXT_FIELD_REMOVED)
            continue;
        else if ((extra && draft->value[id].elsewhere) || is_unknown(id, &draft->value[id]))
            sqlite3_bind_null(statement, (int)id + 1);
        else if (store->schema.extra[id] == extra || id == PXT_FIELD_KEY || id == PXT_FIELD_VERSION)
            bind_value(statement, (int)id + 1, store->host->fields[id]->type, &draft->value[id]);
    if (!extra && store->schema.layout->stamps)
        sqlite3_bind_double(statement, (int)store->schema.field_count + 1,
                            sqlite_seconds_of(store->host->now(store->host)));
    if (!extra)
        bind_ring(store, statement, draft->value[PXT_FIELD_KEY].as.text, draft->value[PXT_FIELD_KEY].length);
    status = sqlite_statement_run(store, connection, statement, error, "store an entry");
    sqlite3_clear_bindings(statement);
    return status;
}

/* PXT_ESTALE: the row, or the tombstone in its place, is newer. */
static pxt_status put_row(struct store *store, struct connection *connection, pxt_entry *entry,
                          const struct pxt_draft *draft, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_status status = PXT_OK;
    if (!store->no_tombstones) {
        store->host->entry_key(entry, &key);
        status = sqlite_tombstone_replace(store, connection, &key, (uint64_t)draft->value[PXT_FIELD_VERSION].as.number,
                                          error);
    }
    if (!status)
        status = put_table(store, connection, SQL_PUT, draft, error);
    return status || sqlite3_changes(connection->db) ? status : sqlite_fail_stale(store, error);
}

pxt_status sqlite_rows_put(struct store *store, struct connection *connection, pxt_entry *entry,
                           struct pxt_error *error)
{
    struct pxt_draft draft;
    if (store->host->entry_number(entry, PXT_FIELD_REMOVED))
        return sqlite_tombstone_put(store, connection, entry, error);
    pxt_draft_init(&draft);
    store->host->entry_read(entry, &draft);
    /* An update leaves the last inserted rowid as it is: so it tells whether there is one row more. */
    sqlite3_set_last_insert_rowid(connection->db, 0);
    pxt_status status = put_row(store, connection, entry, &draft, error);
    if (status)
        return status;
    store->count_change += sqlite3_last_insert_rowid(connection->db) != 0;
    if (!store->schema.any_extra)
        return PXT_OK;
    if (has_extra(store, &draft))
        return put_table(store, connection, SQL_PUT_EXTRA, &draft, error);
    sqlite3_stmt *statement;
    status = sqlite_statement_get(store, connection, SQL_DEL_EXTRA, &statement, error);
    if (status)
        return status;
    bind_value(statement, 1, PXT_TYPE_TEXT, &draft.value[PXT_FIELD_KEY]);
    status = sqlite_statement_run(store, connection, statement, error, "store an entry");
    sqlite3_clear_bindings(statement);
    return status;
}

pxt_status sqlite_rows_copy(struct store *store, struct connection *connection, sqlite3_stmt *row,
                            struct pxt_error *error)
{
    sqlite3_stmt *statement;
    pxt_status status = sqlite_statement_get(store, connection, SQL_PUT, &statement, error);
    if (status)
        return status;
    for (size_t id = 0; id < store->schema.field_count; id++)
        if (!store->schema.extra[id] && id != PXT_FIELD_REMOVED)
            sqlite3_bind_value(statement, (int)id + 1, sqlite3_column_value(row, (int)id));
    if (store->schema.layout->stamps)
        sqlite3_bind_double(statement, (int)store->schema.field_count + 1,
                            sqlite_seconds_of(store->host->now(store->host)));
    sqlite3_set_last_insert_rowid(connection->db, 0);
    int rc = sqlite3_step(statement);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        status = PXT_EINVAL;
    else if (rc != SQLITE_DONE)
        status = sqlite_fail(store, connection->db, rc, error, "copy an entry");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    store->count_change += !status && sqlite3_last_insert_rowid(connection->db) != 0;
    return status;
}

/* ---- from rows ---- */

static int64_t health_of(const char *name, size_t length)
{
    static const char *const names[] = {
#define X(id, text) text,
        PXT_HEALTHS(X)
#undef X
    };
    for (int i = 0; i < PXT_HEALTH_COUNT; i++)
        if (strlen(names[i]) == length && !memcmp(names[i], name, length))
            return i;
    return -1;
}

enum column { COLUMN_READ, COLUMN_WRONG, COLUMN_NO_MEMORY };

static enum column read_bytes(sqlite3_value *value, enum pxt_field_id id, enum pxt_field_type type,
                              struct pxt_draft *draft)
{
    bool secret = type == PXT_TYPE_SECRET, is_text = sqlite3_value_type(value) == SQLITE_TEXT;
    const char *text = secret ? sqlite3_value_blob(value) : (const char *)sqlite3_value_text(value);
    size_t length = (size_t)sqlite3_value_bytes(value);
    if (!text && length)
        return COLUMN_NO_MEMORY;
    if (!length && secret)
        return COLUMN_READ;
    if (!secret && !is_text)
        return COLUMN_WRONG;
    if (type == PXT_TYPE_HEALTH)
        pxt_draft_set_number(draft, id, health_of(text ? text : "", length));
    else if (secret)
        pxt_draft_set_token(draft, id, text, length);
    else
        pxt_draft_set_text(draft, id, text ? text : "", length);
    return COLUMN_READ;
}

/* SQLite allows any type in any column: COLUMN_WRONG is a value of the wrong type. The value of a column is read as one that
 * is protected, which it is: one thread at a time uses a connection. To ask the statement for each part costs more. */
static enum column read_column(sqlite3_stmt *statement, int at, const struct pxt_field *field, struct pxt_draft *draft)
{
    enum pxt_field_id id = (enum pxt_field_id)at;
    sqlite3_value *value = sqlite3_column_value(statement, at);
    int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL)
        return COLUMN_READ;
    if (field->type == PXT_TYPE_TEXT || field->type == PXT_TYPE_SECRET || field->type == PXT_TYPE_HEALTH)
        return read_bytes(value, id, field->type, draft);
    if (field->type == PXT_TYPE_TIME) {
        bool number = type == SQLITE_FLOAT || type == SQLITE_INTEGER;
        pxt_time time = number ? sqlite_time_of(sqlite3_value_double(value)) : PXT_TIME_NONE;
        pxt_draft_set_number(draft, id, time == PXT_TIME_NONE ? -PXT_TIME_MAX - 1 : time);
        return COLUMN_READ;
    }
    pxt_draft_set_number(draft, id, sqlite3_value_int64(value));
    return type == SQLITE_INTEGER ? COLUMN_READ : COLUMN_WRONG;
}

/* Whether the table of our own has nothing for a row but its version: there it has no row, or no counts. */
static bool is_elsewhere(const struct store *store, sqlite3_stmt *statement)
{
    bool elsewhere = sqlite3_column_int(statement, (int)store->schema.field_count + 1) != 0;
    for (size_t id = 0; id < store->schema.field_count && !elsewhere; id++)
        elsewhere = store->schema.extra[id] && store->host->fields[id]->type == PXT_TYPE_COUNT &&
                    sqlite3_column_type(statement, (int)id) == SQLITE_NULL;
    return elsewhere;
}

static pxt_status read_tombstone(struct store *store, const struct pxt_draft *draft, pxt_entry **out,
                                 struct pxt_error *error)
{
    const struct pxt_value *text = &draft->value[PXT_FIELD_KEY], *at = &draft->value[PXT_FIELD_FETCH_TIME];
    int64_t version = draft->value[PXT_FIELD_VERSION].as.number, removed = draft->value[PXT_FIELD_REMOVED].as.number;
    struct pxt_key key;
    store->host->key_init(&key, text->as.text, text->length);
    return store->host->tombstone_new(store->host, &key, version > 0 ? (uint64_t)version : 0,
                                      removed > 0 ? (unsigned)(removed - 1) : 0, at->set ? at->as.number : 0, out,
                                      error);
}

pxt_status sqlite_row_read(struct store *store, sqlite3_stmt *statement, pxt_entry **out, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    for (size_t id = 0; id < store->schema.field_count; id++) {
        enum column column = read_column(statement, (int)id, host->fields[id], &draft);
        if (column == COLUMN_NO_MEMORY)
            return host->fail(host, error, PXT_ENOMEM, 0, "%s: out of memory to read a row", store->path);
        if (column == COLUMN_WRONG)
            return host->fail(host, error, PXT_EINVAL, 0, "%s has a value of the wrong type", host->fields[id]->name);
    }
    if (draft.value[PXT_FIELD_REMOVED].set)
        return read_tombstone(store, &draft, out, error);
    if (store->compatible && is_elsewhere(store, statement))
        for (size_t id = 0; id < store->schema.field_count; id++)
            draft.value[id].elsewhere = store->schema.extra[id] && can_be_elsewhere(host->fields[id]);
    return host->entry_new_foreign(host, &draft, out, error);
}

pxt_status sqlite_row_next(struct store *store, struct connection *connection, sqlite3_stmt *statement, pxt_entry **out,
                           int64_t *rowid, struct pxt_error *error)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_DONE)
        return PXT_NOT_FOUND;
    if (rc != SQLITE_ROW)
        return sqlite_fail(store, connection->db, rc, error, "read an entry");
    *rowid = sqlite3_column_int64(statement, (int)store->schema.field_count);
    return sqlite_row_read(store, statement, out, error);
}
