/* SPDX-License-Identifier: MIT
 *
 * rows.c: entries to rows and back, by the field table.
 */
#include "packed.h"
#include "store.h"
#include <string.h>

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
            if (store->schema.place[id] == PLACE_EXTRA && can_be_elsewhere(fields[id]) && !draft->value[id].elsewhere)
                return true;
    for (size_t id = 0; id < store->schema.field_count; id++) {
        const struct pxt_value *value = &draft->value[id];
        if (store->schema.place[id] != PLACE_EXTRA || !value->set)
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

/* Packs the fields of an entry, and binds them; the bytes must live until the statement has run. */
static pxt_status bind_packed(const struct store *store, sqlite3_stmt *statement, const struct pxt_draft *draft,
                              struct sqlite_packed *packed, struct pxt_error *error)
{
    const struct sqlite_schema *schema = &store->schema;
    for (size_t id = 0; id < schema->field_count; id++)
        if (schema->packed[id])
            sqlite_packed_add(packed, store->host->fields[id], (enum pxt_field_id)id, &draft->value[id]);
    if (packed->failed)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory to store an entry");
    sqlite3_bind_blob(statement, (int)schema->field_count + 3, packed->data, (int)packed->length, SQLITE_STATIC);
    return PXT_OK;
}

static void bind_main(const struct store *store, sqlite3_stmt *statement, const struct pxt_draft *draft)
{
    const struct sqlite_schema *schema = &store->schema;
    for (int i = 0; i < schema->column_count; i++) {
        const size_t id = schema->column[i];
        if (schema->place[id] == PLACE_MAIN && !is_unknown(id, &draft->value[id]))
            bind_value(statement, (int)id + 1, store->host->fields[id]->type, &draft->value[id]);
    }
    sqlite3_bind_int64(statement, PXT_FIELD_VERSION + 1, draft->value[PXT_FIELD_VERSION].as.number);
    if (schema->stamps)
        sqlite3_bind_double(statement, (int)schema->field_count + 1, sqlite_seconds_of(store->host->now(store->host)));
    bind_ring(store, statement, draft->value[PXT_FIELD_KEY].as.text, draft->value[PXT_FIELD_KEY].length);
}

static void bind_extra(const struct store *store, sqlite3_stmt *statement, const struct pxt_draft *draft)
{
    const struct sqlite_schema *schema = &store->schema;
    bind_value(statement, PXT_FIELD_KEY + 1, PXT_TYPE_TEXT, &draft->value[PXT_FIELD_KEY]);
    for (size_t id = 0; id < schema->field_count; id++)
        if (schema->place[id] == PLACE_EXTRA && !draft->value[id].elsewhere && !is_unknown(id, &draft->value[id]))
            bind_value(statement, (int)id + 1, store->host->fields[id]->type, &draft->value[id]);
}

static pxt_status put_table(struct store *store, struct connection *connection, enum sqlite_statement which,
                            const struct pxt_draft *draft, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    struct sqlite_packed packed;
    pxt_status status = sqlite_statement_get(store, connection, which, &statement, error);
    if (status)
        return status;
    sqlite_packed_begin(&packed);
    if (which == SQL_PUT_EXTRA)
        bind_extra(store, statement, draft);
    else
        bind_main(store, statement, draft);
    if (which == SQL_PUT && store->schema.form == FORM_PACKED)
        status = bind_packed(store, statement, draft, &packed, error);
    if (!status)
        status = sqlite_statement_run(store, connection, statement, error, "store an entry");
    sqlite3_clear_bindings(statement);
    sqlite_packed_free(&packed);
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

/* Packs columns of a row, or takes over what is packed there. */
static pxt_status copy_packed(const struct store *store, sqlite3_stmt *statement, const struct sqlite_schema *schema,
                              sqlite3_stmt *row, struct sqlite_packed *packed, struct pxt_error *error)
{
    const int at = (int)store->schema.field_count + 3;
    if (schema->form == FORM_PACKED) {
        sqlite3_bind_value(statement, at, sqlite3_column_value(row, schema->column_count + 1));
        return PXT_OK;
    }
    for (int i = 0; i < schema->column_count; i++) {
        const enum pxt_field_id id = (enum pxt_field_id)schema->column[i];
        if (store->schema.packed[id])
            sqlite_packed_add_column(packed, store->host->fields[id], id, sqlite3_column_value(row, i));
    }
    if (packed->failed)
        return store->host->fail(store->host, error, PXT_ENOMEM, 0, "out of memory to copy an entry");
    sqlite3_bind_blob(statement, at, packed->data, (int)packed->length, SQLITE_STATIC);
    return PXT_OK;
}

static pxt_status run_copy(struct store *store, struct connection *connection, sqlite3_stmt *statement,
                           struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    sqlite3_set_last_insert_rowid(connection->db, 0);
    int rc = sqlite3_step(statement);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        status = PXT_EINVAL;
    else if (rc != SQLITE_DONE)
        status = sqlite_fail(store, connection->db, rc, error, "copy an entry");
    sqlite3_reset(statement);
    store->count_change += !status && sqlite3_last_insert_rowid(connection->db) != 0;
    return status;
}

pxt_status sqlite_rows_copy(struct store *store, struct connection *connection, const struct sqlite_schema *schema,
                            sqlite3_stmt *row, struct pxt_error *error)
{
    sqlite3_stmt *statement;
    struct sqlite_packed packed;
    pxt_status status = sqlite_statement_get(store, connection, SQL_PUT, &statement, error);
    if (status)
        return status;
    sqlite_packed_begin(&packed);
    for (int i = 0; i < schema->column_count; i++)
        if (store->schema.place[schema->column[i]] == PLACE_MAIN)
            sqlite3_bind_value(statement, schema->column[i] + 1, sqlite3_column_value(row, i));
    if (store->schema.stamps)
        sqlite3_bind_double(statement, (int)store->schema.field_count + 1,
                            sqlite_seconds_of(store->host->now(store->host)));
    if (store->schema.form == FORM_PACKED)
        status = copy_packed(store, statement, schema, row, &packed, error);
    if (!status)
        status = run_copy(store, connection, statement, error);
    sqlite3_clear_bindings(statement);
    sqlite_packed_free(&packed);
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
static enum column read_column(sqlite3_stmt *statement, int at, enum pxt_field_id id, const struct pxt_field *field,
                               struct pxt_draft *draft)
{
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

/* Reads what stands behind the rowid: packed fields, or `*what` the row is. A row of the main table has an URL, and is no
 * tombstone, whatever damage has made of its packed fields. */
static enum column read_rest(const struct store *store, const struct sqlite_schema *schema, sqlite3_stmt *statement,
                             struct pxt_draft *draft, int *what)
{
    sqlite3_value *value = sqlite3_column_value(statement, schema->column_count + 1);
    const int type = sqlite3_value_type(value);
    *what = ROW_ENTRY;
    if (type == SQLITE_INTEGER)
        *what = sqlite3_value_int(value);
    if (schema->form != FORM_PACKED || type == SQLITE_NULL || !draft->value[PXT_FIELD_PROXY_URL].set)
        return COLUMN_READ;
    const unsigned char *bytes = type == SQLITE_BLOB ? sqlite3_value_blob(value) : NULL;
    const size_t length = bytes ? (size_t)sqlite3_value_bytes(value) : 0;
    return type == SQLITE_BLOB && sqlite_packed_read(bytes, length, store->host->fields, schema->packed, draft)
               ? COLUMN_READ
               : COLUMN_WRONG;
}

/* Whether the table of our own has nothing for a row but its version: there it has no row, or no counts. */
static bool is_elsewhere(const struct store *store, const struct sqlite_schema *schema, sqlite3_stmt *statement,
                         int what)
{
    bool elsewhere = what == ROW_WITHOUT_EXTRA;
    for (int i = 0; i < schema->column_count && !elsewhere; i++)
        elsewhere = schema->place[schema->column[i]] == PLACE_EXTRA &&
                    store->host->fields[schema->column[i]]->type == PXT_TYPE_COUNT &&
                    sqlite3_column_type(statement, i) == SQLITE_NULL;
    return elsewhere;
}

static pxt_status read_tombstone(struct store *store, const struct pxt_draft *draft, int what, pxt_entry **out,
                                 struct pxt_error *error)
{
    const struct pxt_value *text = &draft->value[PXT_FIELD_KEY], *at = &draft->value[PXT_FIELD_FETCH_TIME];
    int64_t version = draft->value[PXT_FIELD_VERSION].as.number;
    struct pxt_key key;
    store->host->key_init(&key, text->as.text, text->length);
    return store->host->tombstone_new(store->host, &key, version > 0 ? (uint64_t)version : 0,
                                      (unsigned)(what - ROW_TOMBSTONE), at->set ? at->as.number : 0, out, error);
}

/* Fills the draft. `*wrong`: the name of what is. */
static enum column read_fields(const struct store *store, const struct sqlite_schema *schema, sqlite3_stmt *statement,
                               struct pxt_draft *draft, int *what, const char **wrong)
{
    const struct pxt_field *const *fields = store->host->fields;
    for (int i = 0; i < schema->column_count; i++) {
        enum pxt_field_id id = (enum pxt_field_id)schema->column[i];
        enum column column = read_column(statement, i, id, fields[id], draft);
        if (column != COLUMN_READ) {
            *wrong = fields[id]->name;
            return column;
        }
    }
    *wrong = "packed";
    return read_rest(store, schema, statement, draft, what);
}

pxt_status sqlite_row_read(struct store *store, const struct sqlite_schema *schema, sqlite3_stmt *statement,
                           pxt_entry **out, struct pxt_error *error)
{
    const struct pxt_host *host = store->host;
    const char *wrong;
    int what;
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    enum column column = read_fields(store, schema, statement, &draft, &what, &wrong);
    if (column == COLUMN_NO_MEMORY)
        return host->fail(host, error, PXT_ENOMEM, 0, "%s: out of memory to read a row", store->path);
    if (column == COLUMN_WRONG)
        return host->fail(host, error, PXT_EINVAL, 0, "%s has a value of the wrong type", wrong);
    if (what >= ROW_TOMBSTONE && !draft.value[PXT_FIELD_PROXY_URL].set)
        return read_tombstone(store, &draft, what, out, error);
    if (store->compatible && is_elsewhere(store, schema, statement, what))
        for (size_t id = 0; id < schema->field_count; id++)
            draft.value[id].elsewhere = schema->place[id] == PLACE_EXTRA && can_be_elsewhere(host->fields[id]);
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
    *rowid = sqlite3_column_int64(statement, store->schema.column_count);
    return sqlite_row_read(store, &store->schema, statement, out, error);
}
