/* SPDX-License-Identifier: MIT
 *
 * schema.c: the statements, made from the layouts of tables by walking the field table. Each field has a place. In a file
 * that is shared with ProxyWhirl that is its column there, or a table of our own beside it, which is joined when reading. In
 * a file of our own it is a column if a statement asks for the field: a criterion of select(), an order of victims, what a hit
 * changes. All other fields are packed in one column.
 */
#include "schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hands the text over. NULL, with the text freed, if memory ran out. */
static char *take(struct sqlite_text *text)
{
    char *data = text->failed ? NULL : text->data;
    if (text->failed)
        free(text->data);
    *text = (struct sqlite_text){0};
    return data;
}

void sqlite_column_of(const struct pxt_field *field, char *out)
{
    snprintf(out, SQLITE_COLUMN_MAX, "%s%s", field->name, field->type == PXT_TYPE_SECRET ? "_encrypted" : "");
}

static bool has_column(const struct sqlite_column *columns, const char *name)
{
    for (const struct sqlite_column *column = columns; column->name; column++)
        if (!strcmp(column->name, name))
            return true;
    return false;
}

static bool is_left_out(const struct sqlite_schema *schema, const char *column, enum sqlite_place place,
                        unsigned without)
{
    return place == PLACE_EXTRA ? without & WITHOUT_EXTRA
                                : (without & WITHOUT_ADDED) && !has_column(schema->layout->columns, column);
}

/* Fields in columns, then rowid, and the packed fields, or whether the table of our own has no row. A row in that table is of
 * the entry as proxtier wrote it: it does not count once ProxyWhirl has replaced the entry, which changes its rowid. */
char *sqlite_schema_select(const struct sqlite_schema *schema, const struct pxt_host *host, unsigned without,
                           const char *rest)
{
    struct sqlite_text text = {0};
    char column[SQLITE_COLUMN_MAX];
    const bool extra = schema->any_extra && !(without & WITHOUT_EXTRA);
    sqlite_text_add(&text, "SELECT ");
    for (int i = 0; i < schema->column_count; i++) {
        const enum sqlite_place place = schema->place[schema->column[i]];
        sqlite_column_of(host->fields[schema->column[i]], column);
        if (is_left_out(schema, column, place, without))
            sqlite_text_add(&text, "NULL,");
        else
            sqlite_text_add(&text, "%s.%s,", place == PLACE_EXTRA ? "x" : "m", column);
    }
    sqlite_text_add(&text, "m.rowid,%s FROM %s m",
                    schema->form == FORM_PACKED ? "m.packed"
                    : extra                     ? "x.key IS NULL"
                    : schema->any_extra         ? "1"
                                                : "0",
                    schema->layout->table);
    if (extra)
        sqlite_text_add(&text, " LEFT JOIN %s x ON x.key=m.key AND coalesce(x.entry_rowid,m.rowid)=m.rowid",
                        schema->layout->extra);
    sqlite_text_add(&text, " %s", rest);
    return take(&text);
}

void sqlite_schema_add_version(struct sqlite_text *text, const struct sqlite_schema *schema)
{
    const char *table = schema->layout->table, *extra = schema->layout->extra;
    if (schema->place[PXT_FIELD_VERSION] == PLACE_MAIN)
        sqlite_text_add(text, "coalesce(%s.version,0)", table);
    else
        sqlite_text_add(text,
                        "coalesce((SELECT x.version FROM %s x WHERE x.key=%s.key AND "
                        "coalesce(x.entry_rowid,%s.rowid)=%s.rowid),0)",
                        extra, table, table, table);
}

/* INSERT of the fields that stand in one of the two tables; an existing row is updated, never replaced, so that its
 * created_at and its history stay. */
static char *put_sql(const struct sqlite_schema *schema, const struct pxt_host *host, bool extra)
{
    struct sqlite_text names = {0}, values = {0}, updates = {0}, text = {0};
    char column[SQLITE_COLUMN_MAX];
    for (size_t id = 0; id < schema->field_count; id++) {
        if (schema->place[id] != (extra ? PLACE_EXTRA : PLACE_MAIN) && id != PXT_FIELD_KEY)
            continue;
        sqlite_column_of(host->fields[id], column);
        sqlite_text_add(&names, "%s%s", names.length ? "," : "", column);
        sqlite_text_add(&values, "%s?%zu", values.length ? "," : "", id + 1);
        if (id != PXT_FIELD_KEY)
            sqlite_text_add(&updates, "%s%s=excluded.%s", updates.length ? "," : "", column, column);
    }
    if (!extra && schema->stamps) {
        sqlite_text_add(&names, ",created_at,updated_at");
        sqlite_text_add(&values, ",?%zu,?%zu", schema->field_count + 1, schema->field_count + 1);
        sqlite_text_add(&updates, ",updated_at=excluded.updated_at");
    }
    if (!extra && !schema->shared) {
        sqlite_text_add(&names, ",ring");
        sqlite_text_add(&values, ",?%zu", schema->field_count + 2);
        sqlite_text_add(&updates, ",ring=excluded.ring");
    }
    if (!extra && schema->form == FORM_PACKED) {
        sqlite_text_add(&names, ",packed");
        sqlite_text_add(&values, ",?%zu", schema->field_count + 3);
        sqlite_text_add(&updates, ",packed=excluded.packed");
    }
    if (extra) {
        sqlite_text_add(&names, ",entry_rowid");
        sqlite_text_add(&values, ",(SELECT rowid FROM %s WHERE key=?1)", schema->layout->table);
        sqlite_text_add(&updates, ",entry_rowid=excluded.entry_rowid");
    }
    if (names.failed || values.failed || updates.failed)
        text.failed = true;
    else
        sqlite_text_add(&text, "INSERT INTO %s(%s) VALUES(%s) ON CONFLICT(key) DO UPDATE SET %s",
                        extra ? schema->layout->extra : schema->layout->table, names.data, values.data, updates.data);
    if (!extra) {
        sqlite_text_add(&text, " WHERE ?%d>=", PXT_FIELD_VERSION + 1);
        sqlite_schema_add_version(&text, schema);
        sqlite_text_add(&text, " OR coalesce(?%d,0)=0", PXT_FIELD_VERSION + 1);
    }
    free(names.data);
    free(values.data);
    free(updates.data);
    return take(&text);
}

/* A packed field is computed for each row. */
static void add_order_field(struct sqlite_text *text, const struct sqlite_schema *schema, const struct pxt_host *host,
                            enum pxt_field_id id)
{
    char column[SQLITE_COLUMN_MAX];
    sqlite_column_of(host->fields[id], column);
    if (schema->place[id] == PLACE_PACKED)
        sqlite_text_add(text, "proxtier_field(m.packed,%d)", (int)id);
    else
        sqlite_text_add(text, "%s.%s", schema->place[id] == PLACE_EXTRA ? "x" : "m", column);
}

/* "last_accessed": the policy's fields joined by `separator`; `*indexable`: all are columns of the main table. */
static void add_order_columns(struct sqlite_text *text, const struct sqlite_schema *schema, const struct pxt_host *host,
                              const enum pxt_field_id *order, const char *separator, bool *indexable)
{
    char column[SQLITE_COLUMN_MAX];
    for (size_t i = 0; order[i] < schema->field_count; i++) {
        sqlite_column_of(host->fields[order[i]], column);
        sqlite_text_add(text, "%s%s", i ? separator : "", column);
        *indexable &= schema->place[order[i]] == PLACE_MAIN;
    }
}

static bool indexed_already(const struct sqlite_schema *schema)
{
    const char *wanted = strchr(schema->order_index, ' ');
    for (const char *const *index = schema->layout->indexes; *index; index++)
        if (!strcmp(strchr(*index, ' '), wanted))
            return true;
    return false;
}

static void make_order(struct sqlite_schema *schema, const struct pxt_host *host, const enum pxt_field_id *order,
                       bool *failed)
{
    struct sqlite_text rest = {0}, index = {0};
    bool indexable = true;
    /* Another program's longer keys are no entries that proxtier could demote. */
    sqlite_text_add(&rest, "WHERE length(CAST(m.key AS BLOB)) BETWEEN 1 AND %d ORDER BY ", PXT_KEY_MAX);
    for (size_t i = 0; order[i] < schema->field_count; i++) {
        add_order_field(&rest, schema, host, order[i]);
        sqlite_text_add(&rest, ",");
    }
    sqlite_text_add(&rest, "m.rowid LIMIT 1");
    schema->sql[SQL_VICTIM] = rest.failed ? NULL : sqlite_schema_select(schema, host, 0, rest.data);
    free(rest.data);
    sqlite_text_add(&index, "proxtier_order_");
    add_order_columns(&index, schema, host, order, "_", &indexable);
    sqlite_text_add(&index, " ON %s(", schema->layout->table);
    add_order_columns(&index, schema, host, order, ",", &indexable);
    sqlite_text_add(&index, ")");
    schema->order_index = take(&index);
    *failed |= !schema->sql[SQL_VICTIM] || !schema->order_index;
    /* An index has columns of one table: a policy over others sorts. And one index on the same columns is enough. */
    if (!*failed && (!indexable || indexed_already(schema))) {
        free(schema->order_index);
        schema->order_index = NULL;
    }
}

static char *quarantine_table_sql(const struct sqlite_schema *schema)
{
    struct sqlite_text text = {0};
    const struct sqlite_column *columns = sqlite_schema_columns(schema->layout, schema->form);
    sqlite_text_add(&text, "CREATE TABLE IF NOT EXISTS proxtier_quarantine(quarantined_at REAL,reason TEXT");
    for (const struct sqlite_column *column = columns; column->name; column++)
        sqlite_text_add(&text, ",%s", column->name);
    sqlite_text_add(&text, ")");
    return take(&text);
}

static char *quarantine_sql(const struct sqlite_schema *schema)
{
    struct sqlite_text names = {0}, text = {0};
    const struct sqlite_column *columns = sqlite_schema_columns(schema->layout, schema->form);
    for (const struct sqlite_column *column = columns; column->name; column++)
        sqlite_text_add(&names, ",%s", column->name);
    text.failed = names.failed;
    if (!text.failed)
        sqlite_text_add(
            &text, "INSERT INTO proxtier_quarantine(quarantined_at,reason%s) SELECT ?2,?3%s FROM %s WHERE rowid=?1",
            names.data, names.data, schema->layout->table);
    free(names.data);
    return take(&text);
}

/* Text around the table's name; without `after`, all of the text. */
static char *around(const struct sqlite_schema *schema, const char *before, const char *after)
{
    struct sqlite_text text = {0};
    sqlite_text_add(&text, "%s%s%s", before, after ? schema->layout->table : "", after ? after : "");
    return take(&text);
}

/* Of a tombstone: until its time the proxy, which failed too often, is known as dead. 3: PXT_REMOVE_HEALTH. */
#define KNOWN_DEAD(now) "(why=3 AND coalesce(at,0)>" now ")"

static void make_simple(struct sqlite_schema *schema, bool *failed)
{
    _Static_assert(PXT_REMOVE_HEALTH == 3, "KNOWN_DEAD has the number");
    static const struct {
        enum sqlite_statement which;
        const char *before, *after;
    } simple[] = {
        {SQL_BEGIN, "BEGIN IMMEDIATE", NULL},
        {SQL_COMMIT, "COMMIT", NULL},
        {SQL_ROLLBACK, "ROLLBACK", NULL},
        {SQL_VERSION, "PRAGMA data_version", NULL},
        {SQL_CONTAINS, "SELECT 1 FROM ", " WHERE key=?1"},
        {SQL_COUNT, "SELECT count(*) FROM ", ""},
        {SQL_DEL, "DELETE FROM ", " WHERE key=?1"},
        {SQL_CLEAR, "DELETE FROM ", ""},
        {SQL_REMOVE_ROW, "DELETE FROM ", " WHERE rowid=?1"},
        {SQL_TOMBSTONE_ANY, "SELECT 1 FROM proxtier_tombstones LIMIT 1", NULL},
        {SQL_TOMBSTONE_GET, "SELECT version FROM proxtier_tombstones WHERE key=?1", NULL},
        {SQL_TOMBSTONE_PUT,
         "INSERT INTO proxtier_tombstones(key,version,why,at) VALUES(?1,?2,?3,?4) ON CONFLICT(key) DO UPDATE SET "
         "version=excluded.version,why=excluded.why,at=excluded.at",
         NULL},
        {SQL_TOMBSTONE_DEL, "DELETE FROM proxtier_tombstones WHERE key=?1", NULL},
        {SQL_TOMBSTONE_PAGE, "SELECT key,version FROM proxtier_tombstones WHERE key>?1 ORDER BY key LIMIT ?2", NULL},
        {SQL_TOMBSTONE_EXPIRE,
         "DELETE FROM proxtier_tombstones WHERE key IN (SELECT key FROM proxtier_tombstones WHERE version<=?1 AND "
         "NOT " KNOWN_DEAD("?3") " LIMIT ?2)",
         NULL},
        {SQL_TOMBSTONE_CLEAR, "DELETE FROM proxtier_tombstones", NULL},
        {SQL_TOMBSTONE_COUNT, "SELECT count(*) FROM proxtier_tombstones", NULL},
        {SQL_KNOWN_DEAD, "SELECT count(*) FROM proxtier_tombstones WHERE " KNOWN_DEAD("?1"), NULL},
        {SQL_RECORD_GET, "SELECT text FROM proxtier_record WHERE id=1", NULL},
        {SQL_RECORD_PUT, "INSERT OR REPLACE INTO proxtier_record(id,text) VALUES(1,?1)", NULL},
        {SQL_LEASE_ROOM,
         "SELECT count(*)<min(?3,coalesce(min(most),?3)) FROM proxtier_leases WHERE key=?1 AND until>?2", NULL},
        {SQL_LEASE_PRUNE, "DELETE FROM proxtier_leases WHERE until<=?1", NULL},
        {SQL_LEASE_ADD, "INSERT INTO proxtier_leases(key,id,holder,most,until) VALUES(?1,?2,?3,?4,?5)", NULL},
        {SQL_LEASE_RENEW, "UPDATE proxtier_leases SET until=?4 WHERE key=?1 AND id=?2 AND until>?3", NULL},
        {SQL_LEASE_END, "DELETE FROM proxtier_leases WHERE key=?1 AND id=?2 AND until>?3", NULL},
        {SQL_LEASE_EACH,
         "SELECT key,id,holder,most,until FROM proxtier_leases WHERE until>?1 AND (?2 IS NULL OR key=?2) ORDER BY "
         "key,id",
         NULL},
    };
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        schema->sql[simple[i].which] = around(schema, simple[i].before, simple[i].after);
        *failed |= !schema->sql[simple[i].which];
    }
}

/* Those that change or read many rows, or compare versions. */
static void make_sweeps(struct sqlite_schema *schema, bool *failed)
{
    const char *table = schema->layout->table;
    struct sqlite_text text = {0};
    sqlite_text_add(&text, "DELETE FROM %s WHERE rowid IN (SELECT rowid FROM %s WHERE expires_at<=?1 AND ", table,
                    table);
    sqlite_schema_add_version(&text, schema);
    sqlite_text_add(&text, "<=?3 ORDER BY expires_at LIMIT ?2) RETURNING key");
    schema->sql[SQL_EXPIRE] = take(&text);
    sqlite_text_add(&text, "DELETE FROM %s WHERE key=?1 AND (?2=0 OR ", table);
    sqlite_schema_add_version(&text, schema);
    sqlite_text_add(&text, "<=?2)");
    schema->sql[SQL_DEL_OLD] = take(&text);
    sqlite_text_add(&text, "SELECT rowid,key,");
    sqlite_schema_add_version(&text, schema);
    sqlite_text_add(&text, " FROM %s WHERE rowid>?1 ORDER BY rowid LIMIT ?2", table);
    schema->sql[SQL_VERSIONS] = take(&text);
    sqlite_text_add(&text,
                    "UPDATE %s SET access_count=min(coalesce(access_count,0)+?2,%lld),"
                    "last_accessed=max(last_accessed,coalesce(?3,last_accessed)),"
                    "evicted_from_l1=max(coalesce(evicted_from_l1,0),?4)%s WHERE key=?1",
                    table, (long long)PXT_COUNT_MAX, schema->stamps ? ",updated_at=?5" : "");
    schema->sql[SQL_TOUCH] = take(&text);
    *failed |=
        !schema->sql[SQL_EXPIRE] || !schema->sql[SQL_DEL_OLD] || !schema->sql[SQL_VERSIONS] || !schema->sql[SQL_TOUCH];
}

static void make_history(struct sqlite_schema *schema, bool *failed)
{
    static const char *const sql[] = {
        "INSERT INTO health_history(proxy_key,check_time,status,response_time_ms,error_message,check_url) "
        "SELECT ?1,?2,?3,?4,?5,?6 WHERE EXISTS(SELECT 1 FROM cache_entries WHERE key=?1)",
        /* `+` keeps the index on check_time, which spans all keys, out of it. */
        "DELETE FROM health_history WHERE id IN (SELECT id FROM health_history WHERE proxy_key=?1 "
        "ORDER BY +check_time DESC,id DESC LIMIT -1 OFFSET ?2)",
        "SELECT check_time,status,response_time_ms,error_message,check_url FROM health_history WHERE proxy_key=?1 "
        "ORDER BY +check_time DESC,id DESC"};
    for (size_t i = 0; i < 3; i++) {
        schema->sql[SQL_CHECK_ADD + i] = strdup(sql[i]);
        *failed |= !schema->sql[SQL_CHECK_ADD + i];
    }
}

static void make_own(struct sqlite_schema *schema, const struct pxt_host *host, bool *failed)
{
    struct sqlite_text text = {0};
    if (!schema->any_extra)
        return;
    sqlite_text_add(&text, "DELETE FROM %s WHERE key=?1", schema->layout->extra);
    schema->sql[SQL_DEL_EXTRA] = take(&text);
    schema->sql[SQL_PUT_EXTRA] = put_sql(schema, host, true);
    *failed |= !schema->sql[SQL_DEL_EXTRA] || !schema->sql[SQL_PUT_EXTRA];
}

/* What is removed is not in these tables. The columns of formats before 2 that ProxyWhirl does not have are of fields behind
 * the password, which is its last. */
static enum sqlite_place place_of(const struct sqlite_schema *schema, const struct pxt_host *host, size_t id)
{
    char column[SQLITE_COLUMN_MAX];
    if (id == PXT_FIELD_REMOVED)
        return PLACE_NONE;
    sqlite_column_of(host->fields[id], column);
    if (has_column(sqlite_schema_columns(schema->layout, schema->form), column))
        return PLACE_MAIN;
    if (schema->form == FORM_PACKED)
        return PLACE_PACKED;
    return schema->form == FORM_COLUMNS && id > PXT_FIELD_PASSWORD ? PLACE_MAIN : PLACE_EXTRA;
}

static void find_places(struct sqlite_schema *schema, const struct pxt_host *host)
{
    schema->field_count = PXT_FIELD_COUNT;
    for (size_t id = 0; id < schema->field_count; id++) {
        schema->place[id] = place_of(schema, host, id);
        schema->any_extra |= schema->place[id] == PLACE_EXTRA;
        schema->packed[id] = schema->place[id] == PLACE_PACKED;
        if (schema->place[id] == PLACE_MAIN || schema->place[id] == PLACE_EXTRA)
            schema->column[schema->column_count++] = (uint8_t)id;
    }
}

/* The row of a key, or its tombstone: one statement, so that no change can come between the two. */
static char *get_sql(const struct sqlite_schema *schema, const struct pxt_host *host)
{
    struct sqlite_text rest = {0};
    sqlite_text_add(&rest, "WHERE m.key=?1 UNION ALL SELECT ");
    for (int i = 0; i < schema->column_count; i++)
        sqlite_text_add(&rest, "%s,",
                        schema->column[i] == PXT_FIELD_KEY          ? "key"
                        : schema->column[i] == PXT_FIELD_VERSION    ? "version"
                        : schema->column[i] == PXT_FIELD_FETCH_TIME ? "at"
                                                                    : "NULL");
    sqlite_text_add(&rest, "0,%d+max(why,0) FROM proxtier_tombstones WHERE key=?1 LIMIT 1", ROW_TOMBSTONE);
    char *text = rest.failed ? NULL : sqlite_schema_select(schema, host, 0, rest.data);
    free(rest.data);
    return text;
}

pxt_status sqlite_schema_make(struct sqlite_schema *schema, const struct sqlite_layout *layout, enum sqlite_form form,
                              const struct pxt_host *host, const enum pxt_field_id *order, struct pxt_error *error)
{
    bool failed = false;
    schema->layout = layout;
    schema->form = form;
    schema->shared = form == FORM_SHARED;
    schema->stamps = layout->stamps && form != FORM_PACKED;
    find_places(schema, host);
    schema->sql[SQL_GET] = get_sql(schema, host);
    schema->sql[SQL_ROW] = sqlite_schema_select(schema, host, 0, "WHERE m.rowid=?1");
    schema->sql[SQL_PAGE] = sqlite_schema_select(schema, host, 0, "WHERE m.rowid>?1 ORDER BY m.rowid LIMIT ?2");
    failed |= !schema->sql[SQL_GET] || !schema->sql[SQL_ROW] || !schema->sql[SQL_PAGE];
    schema->sql[SQL_PUT] = put_sql(schema, host, false);
    schema->sql[SQL_QUARANTINE] = quarantine_sql(schema);
    schema->quarantine_table = quarantine_table_sql(schema);
    failed |= !schema->sql[SQL_PUT] || !schema->sql[SQL_QUARANTINE] || !schema->quarantine_table;
    make_simple(schema, &failed);
    make_sweeps(schema, &failed);
    make_own(schema, host, &failed);
    if (layout->history)
        make_history(schema, &failed);
    if (order)
        make_order(schema, host, order, &failed);
    if (!failed)
        return PXT_OK;
    sqlite_schema_free(schema);
    return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the statements of table %s", layout->table);
}

void sqlite_schema_free(struct sqlite_schema *schema)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++)
        free(schema->sql[i]);
    free(schema->quarantine_table);
    free(schema->order_index);
    *schema = (struct sqlite_schema){0};
}
