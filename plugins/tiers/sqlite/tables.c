/* SPDX-License-Identifier: MIT
 *
 * tables.c: makes the tables, indexes and columns that a database file lacks: those of the reference, and the tables of
 * our own. If the file lacks nothing it is only read, so that opening needs no lock.
 */
#include "schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQL collected before anything is changed, then run in one transaction. */
struct plan {
    sqlite3 *db;
    const struct sqlite_layout *layout;
    const struct sqlite_schema *schema;
    struct sqlite_text sql, known;
    bool packing; /* the main table is made anew */
    int rc;
};

/* Reads what there is into `known`: a line for each column of a table ("name TAB column"), and one for each object
 * without. One statement for all, for this runs whenever a file is opened. */
static void read_schema(struct plan *plan)
{
    sqlite3_stmt *list = NULL;
    plan->known.length = 0;
    sqlite_text_add(&plan->known, "\n");
    plan->rc = sqlite3_prepare_v2(plan->db,
                                  "SELECT o.name, c.name FROM sqlite_schema o LEFT JOIN pragma_table_info(o.name) c "
                                  "ON o.type = 'table'",
                                  -1, &list, NULL);
    while (plan->rc == SQLITE_OK && (plan->rc = sqlite3_step(list)) == SQLITE_ROW) {
        const unsigned char *object = sqlite3_column_text(list, 0), *column = sqlite3_column_text(list, 1);
        sqlite_text_add(&plan->known, "%s\t%s\n", object ? (const char *)object : "",
                        column ? (const char *)column : "");
        plan->rc = SQLITE_OK;
    }
    int rc = sqlite3_finalize(list);
    plan->rc = plan->rc == SQLITE_DONE ? rc : plan->rc;
    if (plan->rc == SQLITE_OK && plan->known.failed)
        plan->rc = SQLITE_NOMEM;
}

static bool knows(const struct plan *plan, const char *name, int length, const char *column)
{
    char line[2 * SQLITE_COLUMN_MAX + 4];
    if (plan->rc != SQLITE_OK)
        return false;
    snprintf(line, sizeof line, column ? "\n%.*s\t%s\n" : "\n%.*s\t%s", length, name, column ? column : "");
    return strstr(plan->known.data, line) != NULL;
}

/* Whether an object of that name is in the schema. `name` ends at the first space. */
static bool exists(const struct plan *plan, const char *name)
{
    return knows(plan, name, (int)strcspn(name, " "), NULL);
}

static bool column_exists(const struct plan *plan, const char *table, const char *column)
{
    return knows(plan, table, (int)strlen(table), column);
}

/* The columns of formats before 2 that ProxyWhirl's tables do not have. */
static const struct sqlite_column added_columns[] = {{"version", "INTEGER"},
                                                     {"supplied_version", "INTEGER"},
                                                     {"learnt_version", "INTEGER"},
                                                     {"tallies", "TEXT"},
                                                     {"country", "TEXT"},
                                                     {"metadata", "TEXT"},
                                                     {"tags", "TEXT"},
                                                     {"latency_us", "INTEGER"},
                                                     {"ring", "INTEGER"},
                                                     {NULL, NULL}};

/* Columns behind those of ProxyWhirl stand in the text as ALTER TABLE ADD COLUMN makes it. */
static void add_main_table(struct sqlite_text *sql, const struct sqlite_layout *layout, enum sqlite_form form,
                           const char *condition)
{
    sqlite_text_add(sql, "CREATE TABLE %s%s (\n", condition, layout->table);
    for (const struct sqlite_column *column = sqlite_schema_columns(layout, form); column->name; column++)
        sqlite_text_add(sql, "    %s %s%s\n", column->name, column->declaration, column[1].name ? "," : "");
    for (const struct sqlite_column *column = added_columns; form == FORM_COLUMNS && column->name; column++)
        sqlite_text_add(sql, ", %s %s", column->name, column->declaration);
    sqlite_text_add(sql, ")");
}

char *sqlite_tables_text(const struct sqlite_layout *layout, enum sqlite_form form)
{
    struct sqlite_text text = {0};
    add_main_table(&text, layout, form, "");
    return sqlite_text_take(&text);
}

/* ---- from the tables of ProxyWhirl, or of a format before 2, to packed fields ---- */

/* Where a field stands in the old tables, of which `m` is the main one and `x` the one of our own. A row that ProxyWhirl wrote
 * into a file of ours stays without versions. In a file of before versions they follow from the time, so that every tier gives
 * a copy the same. */
static void add_source(struct plan *plan, const char *column)
{
    static const char by_time[] = "CASE WHEN m.fetch_time BETWEEN 0 AND 4503599627 THEN "
                                  "CAST(round(m.fetch_time*1000000) AS INTEGER)<<11 ELSE 0 END";
    const char *table = plan->layout->table, *extra = plan->layout->extra;
    if (column_exists(plan, table, column))
        sqlite_text_add(&plan->sql, "m.%s", column);
    else if (column_exists(plan, extra, column))
        sqlite_text_add(&plan->sql, "x.%s", column);
    else if (strstr(column, "version") && !column_exists(plan, table, "version") &&
             !column_exists(plan, extra, "version"))
        sqlite_text_add(&plan->sql, "%s", by_time);
    else
        sqlite_text_add(&plan->sql, "NULL");
}

static void add_packed_source(struct plan *plan, const struct pxt_host *host)
{
    char column[SQLITE_COLUMN_MAX];
    const char *separator = "";
    sqlite_text_add(&plan->sql, "proxtier_pack(");
    for (size_t id = 0; id < plan->schema->field_count; id++) {
        if (plan->schema->place[id] != PLACE_PACKED)
            continue;
        sqlite_column_of(host->fields[id], column);
        sqlite_text_add(&plan->sql, "%s%zu,", separator, id);
        add_source(plan, column);
        separator = ",";
    }
    sqlite_text_add(&plan->sql, ")");
}

/* The new table is filled under its own name, so that its text is the one of a new file. Entries keep their rowids. The indexes
 * and triggers of the old table go with it. */
static void plan_packing(struct plan *plan, const struct pxt_host *host)
{
    const char *table = plan->layout->table, *extra = plan->layout->extra;
    const struct sqlite_column *columns = sqlite_schema_columns(plan->layout, FORM_PACKED);
    sqlite_text_add(&plan->sql, "DROP TABLE IF EXISTS proxtier_before;ALTER TABLE %s RENAME TO proxtier_before;",
                    table);
    add_main_table(&plan->sql, plan->layout, FORM_PACKED, "");
    sqlite_text_add(&plan->sql, ";INSERT INTO %s(rowid", table);
    for (const struct sqlite_column *column = columns; column->name; column++)
        sqlite_text_add(&plan->sql, ",%s", column->name);
    sqlite_text_add(&plan->sql, ") SELECT m.rowid");
    for (const struct sqlite_column *column = columns; column->name; column++) {
        sqlite_text_add(&plan->sql, ",");
        if (column[1].name)
            add_source(plan, column->name);
        else
            add_packed_source(plan, host);
    }
    sqlite_text_add(&plan->sql, " FROM proxtier_before m");
    if (exists(plan, extra))
        sqlite_text_add(&plan->sql, " LEFT JOIN %s x ON x.key=m.key%s", extra,
                        column_exists(plan, extra, "entry_rowid") ? " AND coalesce(x.entry_rowid,m.rowid)=m.rowid"
                                                                  : "");
    sqlite_text_add(&plan->sql, " ORDER BY m.rowid;DROP TABLE proxtier_before;DROP TABLE IF EXISTS %s;", extra);
    plan->packing = true;
}

/* A file that lacks a column without which it would be no cache of proxies: `*missing`. */
static void require_columns(struct plan *plan, const struct sqlite_column *columns, const char **missing)
{
    for (const struct sqlite_column *column = columns; column->name && plan->rc == SQLITE_OK; column++) {
        if (column_exists(plan, plan->layout->table, column->name))
            continue;
        if (strstr(column->declaration, "NOT NULL") || strstr(column->declaration, "PRIMARY KEY")) {
            *missing = column->name;
            plan->rc = plan->rc == SQLITE_OK ? SQLITE_MISMATCH : plan->rc;
        }
    }
}

/* A table that has one of the columns of a format before 2 has the first four, and their values, for they were added in one
 * transaction: else its schema is damaged. */
static void require_added_columns(struct plan *plan, const char **missing)
{
    bool any = false;
    const char *lacks = NULL;
    for (int i = 0; i < 4; i++)
        if (column_exists(plan, plan->layout->table, added_columns[i].name))
            any = true;
        else
            lacks = added_columns[i].name;
    if (any && lacks && plan->rc == SQLITE_OK) {
        *missing = lacks;
        plan->rc = SQLITE_MISMATCH;
    }
}

/* Adds columns that a later program needs, or that another one dropped; to the table of rows that are no entries, too, which
 * older programs made. */
static void add_columns(struct plan *plan, const char *table, const struct sqlite_column *columns, bool declared)
{
    for (const struct sqlite_column *column = columns; column->name; column++)
        if (!column_exists(plan, table, column->name))
            sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", table, column->name,
                            declared ? column->declaration : "");
}

static void plan_main_table(struct plan *plan, const struct pxt_host *host, const char **missing)
{
    const char *table = plan->layout->table;
    const enum sqlite_form form = plan->schema->form;
    const struct sqlite_column *columns = sqlite_schema_columns(plan->layout, form);
    if (!exists(plan, table)) {
        add_main_table(&plan->sql, plan->layout, form, "IF NOT EXISTS ");
        sqlite_text_add(&plan->sql, ";");
        return;
    }
    if (form != FORM_PACKED || column_exists(plan, table, "packed")) {
        require_columns(plan, columns, missing);
        add_columns(plan, table, columns, true);
    } else {
        require_columns(plan, plan->layout->columns, missing);
        require_added_columns(plan, missing);
        if (plan->rc == SQLITE_OK)
            plan_packing(plan, host);
    }
    if (form == FORM_PACKED && exists(plan, "proxtier_quarantine"))
        add_columns(plan, "proxtier_quarantine", columns, false);
}

static const char *declaration_of(enum pxt_field_type type)
{
    switch (type) {
    case PXT_TYPE_TIME:
        return "REAL";
    case PXT_TYPE_COUNT:
    case PXT_TYPE_BOOL:
    case PXT_TYPE_VERSION:
        return "INTEGER";
    case PXT_TYPE_SECRET:
        return "BLOB";
    default:
        return "TEXT";
    }
}

/* Plans the table for fields that the reference's table has no column for. A trigger removes the row with its entry,
 * whichever program deletes that. */
static void plan_extra_table(struct plan *plan, const struct sqlite_schema *schema, const struct pxt_host *host)
{
    const char *extra = plan->layout->extra;
    char column[SQLITE_COLUMN_MAX], trigger[SQLITE_COLUMN_MAX];
    if (!schema->any_extra)
        return;
    bool made = exists(plan, extra);
    if (!made)
        sqlite_text_add(&plan->sql, "CREATE TABLE IF NOT EXISTS %s (key TEXT PRIMARY KEY, entry_rowid INTEGER", extra);
    else if (!column_exists(plan, extra, "entry_rowid"))
        sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN entry_rowid INTEGER;", extra);
    for (size_t id = 0; id < schema->field_count; id++) {
        if (schema->place[id] != PLACE_EXTRA)
            continue;
        sqlite_column_of(host->fields[id], column);
        if (!made)
            sqlite_text_add(&plan->sql, ", %s %s", column, declaration_of(host->fields[id]->type));
        else if (!column_exists(plan, extra, column))
            sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", extra, column,
                            declaration_of(host->fields[id]->type));
    }
    if (!made)
        sqlite_text_add(&plan->sql, ") WITHOUT ROWID;");
    snprintf(trigger, sizeof trigger, "%s_gone", extra);
    if (!exists(plan, trigger))
        sqlite_text_add(
            &plan->sql,
            "CREATE TRIGGER IF NOT EXISTS %s AFTER DELETE ON %s BEGIN DELETE FROM %s WHERE key=old.key; END;", trigger,
            plan->layout->table, extra);
}

/* A file that is shared with ProxyWhirl keeps no leases: ProxyWhirl would not respect them. */
static void plan_leases(struct plan *plan)
{
    if (plan->schema->shared)
        return;
    if (!exists(plan, "proxtier_leases"))
        sqlite_text_add(&plan->sql,
                        "CREATE TABLE IF NOT EXISTS proxtier_leases (key TEXT NOT NULL, id TEXT NOT NULL, holder TEXT "
                        "NOT NULL, most INTEGER NOT NULL, until REAL NOT NULL, PRIMARY KEY(key, id)) WITHOUT ROWID;");
    if (!exists(plan, "proxtier_leases_until"))
        sqlite_text_add(&plan->sql, "CREATE INDEX IF NOT EXISTS proxtier_leases_until ON proxtier_leases(until);");
}

/* Where ProxyWhirl puts an entry again it knows of no tombstone: a trigger removes that. */
static void plan_own_tables(struct plan *plan)
{
    struct sqlite_format format = {0};
    const char *table = plan->layout->table;
    char trigger[SQLITE_COLUMN_MAX];
    if (!exists(plan, "proxtier_tombstones"))
        sqlite_text_add(&plan->sql,
                        "CREATE TABLE IF NOT EXISTS proxtier_tombstones (key TEXT PRIMARY KEY, version INTEGER "
                        "NOT NULL, why INTEGER NOT NULL, at REAL) WITHOUT ROWID;");
    if (!exists(plan, "proxtier_record"))
        sqlite_text_add(&plan->sql,
                        "CREATE TABLE IF NOT EXISTS proxtier_record (id INTEGER PRIMARY KEY CHECK(id=1), text "
                        "TEXT NOT NULL);");
    snprintf(trigger, sizeof trigger, "%s_back", plan->layout->extra);
    if (plan->schema->shared && !exists(plan, trigger))
        sqlite_text_add(
            &plan->sql,
            "CREATE TRIGGER IF NOT EXISTS %s AFTER INSERT ON %s BEGIN DELETE FROM proxtier_tombstones WHERE "
            "key=new.key; END;",
            trigger, table);
    else if (!plan->schema->shared && exists(plan, trigger) && !plan->packing)
        sqlite_text_add(&plan->sql, "DROP TRIGGER IF EXISTS %s;", trigger);
    if (plan->rc == SQLITE_OK && !plan->schema->shared)
        plan->rc = sqlite_format_read(plan->db, &format);
    if (!plan->schema->shared &&
        (format.application != SQLITE_FORMAT_APPLICATION || format.number != SQLITE_FORMAT_NUMBER))
        sqlite_format_add(&plan->sql);
}

static void make_plan(struct plan *plan, const struct sqlite_schema *schema, const struct pxt_host *host,
                      const char **missing)
{
    read_schema(plan);
    if (plan->rc != SQLITE_OK)
        return;
    plan_main_table(plan, host, missing);
    plan_own_tables(plan);
    plan_leases(plan);
    if (plan->layout->history_table && !exists(plan, "health_history"))
        sqlite_text_add(&plan->sql, "%s;", plan->layout->history_table);
    plan_extra_table(plan, schema, host);
    for (const char *const *index = plan->layout->indexes; *index; index++)
        if (plan->packing || !exists(plan, *index))
            sqlite_text_add(&plan->sql, "CREATE INDEX IF NOT EXISTS %s;", *index);
    if (schema->order_index && (plan->packing || !exists(plan, schema->order_index)))
        sqlite_text_add(&plan->sql, "CREATE INDEX IF NOT EXISTS %s;", schema->order_index);
    if (plan->rc == SQLITE_OK && plan->sql.failed)
        plan->rc = SQLITE_NOMEM;
}

/* A table is filled anew: with constraints and triggers, and the texts of other tables, left alone; and with room for many pages
 * of its index, which rows come to in no order. Settings of a transaction are made before it. */
static void prepare_packing(sqlite3 *db, bool packing)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, !packing, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, packing, NULL);
    sqlite3_exec(db, packing ? "PRAGMA cache_size=-65536" : "PRAGMA cache_size=-2000;PRAGMA shrink_memory", NULL, NULL,
                 NULL);
}

/* Plans again under the lock, for another process may have made a part of it meanwhile, and runs the plan. */
static void run_plan(struct plan *plan, const struct sqlite_schema *schema, const struct pxt_host *host,
                     const char **column)
{
    const bool packing = plan->packing;
    if (packing)
        prepare_packing(plan->db, true);
    plan->sql.length = 0;
    plan->packing = false;
    plan->rc = sqlite3_exec(plan->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (plan->rc == SQLITE_OK)
        make_plan(plan, schema, host, column);
    if (plan->rc == SQLITE_OK && plan->packing && !packing)
        plan->rc = SQLITE_BUSY; /* another process put an old table there a moment ago */
    if (plan->rc == SQLITE_OK && plan->sql.length)
        plan->rc = sqlite3_exec(plan->db, plan->sql.data, NULL, NULL, NULL);
    if ((plan->rc & 0xff) == SQLITE_CONSTRAINT)
        plan->rc = SQLITE_CORRUPT; /* two rows of one key, or a row without: the salvage keeps what can be kept */
    if (plan->rc == SQLITE_OK)
        plan->rc = sqlite3_exec(plan->db, "COMMIT", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(plan->db)) {
        int kept = plan->rc; /* the first error is the one to tell */
        sqlite3_exec(plan->db, "ROLLBACK", NULL, NULL, NULL);
        plan->rc = kept;
    }
    if (packing)
        prepare_packing(plan->db, false);
}

int sqlite_tables_make(const struct sqlite_schema *schema, const struct pxt_host *host, sqlite3 *db,
                       const char **column)
{
    struct plan plan = {.db = db, .layout = schema->layout, .schema = schema};
    make_plan(&plan, schema, host, column);
    if (plan.rc == SQLITE_OK && plan.sql.length)
        run_plan(&plan, schema, host, column);
    free(plan.sql.data);
    free(plan.known.data);
    return plan.rc;
}
