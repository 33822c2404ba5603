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

static void add_main_table(struct sqlite_text *sql, const struct sqlite_layout *layout, const char *condition)
{
    sqlite_text_add(sql, "CREATE TABLE %s%s (\n", condition, layout->table);
    for (const struct sqlite_column *column = layout->columns; column->name; column++)
        sqlite_text_add(sql, "    %s %s%s\n", column->name, column->declaration, column[1].name ? "," : "");
    sqlite_text_add(sql, ")");
}

char *sqlite_tables_text(const struct sqlite_layout *layout)
{
    struct sqlite_text text = {0};
    add_main_table(&text, layout, "");
    if (!text.failed)
        return text.data;
    free(text.data);
    return NULL;
}

static void plan_main_table(struct plan *plan, const char **missing)
{
    const char *table = plan->layout->table;
    if (!exists(plan, table)) {
        add_main_table(&plan->sql, plan->layout, "IF NOT EXISTS ");
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
        sqlite_column_of(&host->fields[id], column);
        if (!made)
            sqlite_text_add(&plan->sql, ", %s %s", column, declaration_of(host->fields[id].type));
        else if (!column_exists(plan, extra, column))
            sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", extra, column,
                            declaration_of(host->fields[id].type));
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

static void make_plan(struct plan *plan, const struct sqlite_schema *schema, const struct pxt_host *host,
                      const char **missing)
{
    read_schema(plan);
    if (plan->rc != SQLITE_OK)
        return;
    plan_main_table(plan, missing);
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
    struct plan plan = {.db = db, .layout = schema->layout};
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
