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

/* The internal fields, which ProxyWhirl's tables do not have. */
static const struct sqlite_column added_columns[] = {{"version", "INTEGER"},
                                                     {"supplied_version", "INTEGER"},
                                                     {"learnt_version", "INTEGER"},
                                                     {"tallies", "TEXT"},
                                                     {NULL, NULL}};
/* Columns that came later, so that a file may lack them. `ring` is no field: the place of the key in the order of
 * select(), NULL in a row that a program without select() wrote. */
static const struct sqlite_column later_columns[] = {{"country", "TEXT"},       {"metadata", "TEXT"}, {"tags", "TEXT"},
                                                     {"latency_us", "INTEGER"}, {"ring", "INTEGER"},  {NULL, NULL}};

/* The text is the one that ALTER TABLE ADD COLUMN makes, so that there is one for new and for old files. */
static void add_main_table(struct sqlite_text *sql, const struct sqlite_layout *layout, bool added,
                           const char *condition)
{
    sqlite_text_add(sql, "CREATE TABLE %s%s (\n", condition, layout->table);
    for (const struct sqlite_column *column = layout->columns; column->name; column++)
        sqlite_text_add(sql, "    %s %s%s\n", column->name, column->declaration, column[1].name ? "," : "");
    for (const struct sqlite_column *column = added_columns; added && column->name; column++)
        sqlite_text_add(sql, ", %s %s", column->name, column->declaration);
    for (const struct sqlite_column *column = later_columns; added && column->name; column++)
        sqlite_text_add(sql, ", %s %s", column->name, column->declaration);
    sqlite_text_add(sql, ")");
}

char *sqlite_tables_text(const struct sqlite_layout *layout, bool added)
{
    struct sqlite_text text = {0};
    add_main_table(&text, layout, added, "");
    if (!text.failed)
        return text.data;
    free(text.data);
    return NULL;
}

/* Gives the rows of a file without versions those that they have in the table of our own, where the file was shared with
 * ProxyWhirl; a row that ProxyWhirl wrote stays without. In a file of before versions they follow from the time, so that
 * every tier gives a copy the same. */
static void plan_versions(struct plan *plan)
{
    static const char by_time[] = "CASE WHEN fetch_time BETWEEN 0 AND 4503599627 THEN "
                                  "CAST(round(fetch_time*1000000) AS INTEGER)<<11 ELSE 0 END";
    const char *table = plan->layout->table, *extra = plan->layout->extra;
    if (column_exists(plan, extra, "version"))
        sqlite_text_add(&plan->sql,
                        "UPDATE %s AS m SET (version,supplied_version,learnt_version,tallies)=(SELECT x.version,"
                        "x.supplied_version,x.learnt_version,x.tallies FROM %s x WHERE x.key=m.key AND "
                        "coalesce(x.entry_rowid,m.rowid)=m.rowid);",
                        table, extra);
    else
        sqlite_text_add(&plan->sql, "UPDATE %s SET version=%s,supplied_version=%s,learnt_version=%s;", table, by_time,
                        by_time, by_time);
    for (const struct sqlite_column *column = later_columns; column->name; column++)
        if (column_exists(plan, extra, column->name))
            sqlite_text_add(&plan->sql,
                            "UPDATE %s AS m SET %s=(SELECT x.%s FROM %s x WHERE x.key=m.key AND "
                            "coalesce(x.entry_rowid,m.rowid)=m.rowid);",
                            table, column->name, column->name, extra);
    if (!plan->schema->any_extra)
        sqlite_text_add(&plan->sql, "DROP TRIGGER IF EXISTS %s_gone;DROP TABLE IF EXISTS %s;", extra, extra);
}

static void plan_later_columns(struct plan *plan)
{
    const char *table = plan->layout->table;
    for (const struct sqlite_column *column = later_columns; column->name; column++)
        if (!column_exists(plan, table, column->name))
            sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", table, column->name, column->declaration);
}

/* A table that has one of the columns has all, and their values, for they are added in one transaction: else its schema is
 * damaged. */
static void plan_added_columns(struct plan *plan, const char **missing)
{
    const char *table = plan->layout->table;
    bool any = false;
    if (plan->schema->shared || plan->rc != SQLITE_OK)
        return;
    for (const struct sqlite_column *column = added_columns; column->name; column++)
        if (column_exists(plan, table, column->name))
            any = true;
        else
            *missing = column->name;
    if (any && *missing)
        plan->rc = SQLITE_MISMATCH;
    else if (any)
        plan_later_columns(plan);
    if (any)
        return;
    *missing = NULL;
    for (const struct sqlite_column *column = added_columns; column->name; column++)
        sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", table, column->name, column->declaration);
    plan_later_columns(plan);
    plan_versions(plan);
}

static void plan_main_table(struct plan *plan, const char **missing)
{
    const char *table = plan->layout->table;
    if (!exists(plan, table)) {
        add_main_table(&plan->sql, plan->layout, !plan->schema->shared, "IF NOT EXISTS ");
        sqlite_text_add(&plan->sql, ";");
        return;
    }
    for (const struct sqlite_column *column = plan->layout->columns; column->name; column++) {
        if (!column_exists(plan, table, column->name) && plan->rc == SQLITE_OK) {
            if (strstr(column->declaration, "NOT NULL") || strstr(column->declaration, "PRIMARY KEY")) {
                *missing = column->name;
                plan->rc = SQLITE_MISMATCH;
                return;
            }
            sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", table, column->name, column->declaration);
        }
    }
    plan_added_columns(plan, missing);
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
        if (!schema->extra[id])
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
    else if (!plan->schema->shared && exists(plan, trigger))
        sqlite_text_add(&plan->sql, "DROP TRIGGER IF EXISTS %s;", trigger);
    if (plan->rc == SQLITE_OK && !plan->schema->shared)
        plan->rc = sqlite_format_read(plan->db, &format);
    if (!plan->schema->shared && format.application != SQLITE_FORMAT_APPLICATION)
        sqlite_format_add(&plan->sql);
}

static void make_plan(struct plan *plan, const struct sqlite_schema *schema, const struct pxt_host *host,
                      const char **missing)
{
    read_schema(plan);
    if (plan->rc != SQLITE_OK)
        return;
    plan_main_table(plan, missing);
    plan_own_tables(plan);
    plan_leases(plan);
    if (plan->layout->history_table && !exists(plan, "health_history"))
        sqlite_text_add(&plan->sql, "%s;", plan->layout->history_table);
    plan_extra_table(plan, schema, host);
    for (const char *const *index = plan->layout->indexes; *index; index++)
        if (!exists(plan, *index))
            sqlite_text_add(&plan->sql, "CREATE INDEX IF NOT EXISTS %s;", *index);
    if (schema->order_index && !exists(plan, schema->order_index))
        sqlite_text_add(&plan->sql, "CREATE INDEX IF NOT EXISTS %s;", schema->order_index);
    if (plan->rc == SQLITE_OK && plan->sql.failed)
        plan->rc = SQLITE_NOMEM;
}

int sqlite_tables_make(const struct sqlite_schema *schema, const struct pxt_host *host, sqlite3 *db,
                       const char **column)
{
    struct plan plan = {.db = db, .layout = schema->layout, .schema = schema};
    make_plan(&plan, schema, host, column);
    if (plan.rc == SQLITE_OK && plan.sql.length) {
        /* Made again under the lock: another process may have made a part of it meanwhile. */
        plan.sql.length = 0;
        plan.rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (plan.rc == SQLITE_OK)
            make_plan(&plan, schema, host, column);
        if (plan.rc == SQLITE_OK && plan.sql.length)
            plan.rc = sqlite3_exec(db, plan.sql.data, NULL, NULL, NULL);
        if (plan.rc == SQLITE_OK)
            plan.rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        if (!sqlite3_get_autocommit(db)) {
            int kept = plan.rc; /* the first error is the one to tell */
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            plan.rc = kept;
        }
    }
    free(plan.sql.data);
    free(plan.known.data);
    return plan.rc;
}
