/* SPDX-License-Identifier: MIT
 *
 * sqlite_tables.c: makes what is missing in a database file: the reference's tables and indexes, columns that files of
 * older versions lack, and the tables of our own. Where nothing is missing it only reads, so that opening needs no
 * lock.
 */
#include "sqlite_schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQL collected before anything is changed, then run in one transaction. */
struct plan {
    sqlite3 *db;
    const struct sqlite_layout *layout;
    struct sqlite_text sql;
    int rc;
};

/* Whether an object of that name is in the schema. `name` ends at the first space. */
static bool exists(struct plan *plan, const char *name)
{
    sqlite3_stmt *find = NULL;
    bool found = false;
    if (plan->rc != SQLITE_OK)
        return false;
    plan->rc = sqlite3_prepare_v2(plan->db, "SELECT 1 FROM sqlite_schema WHERE name=?1", -1, &find, NULL);
    if (plan->rc == SQLITE_OK) {
        sqlite3_bind_text(find, 1, name, (int)strcspn(name, " "), SQLITE_STATIC);
        found = sqlite3_step(find) == SQLITE_ROW;
        plan->rc = sqlite3_finalize(find);
    }
    return found;
}

static bool column_exists(struct plan *plan, const char *table, const char *column)
{
    sqlite3_stmt *find = NULL;
    bool found = false;
    if (plan->rc != SQLITE_OK)
        return false;
    plan->rc = sqlite3_prepare_v2(plan->db, "SELECT 1 FROM pragma_table_info(?1) WHERE name=?2", -1, &find, NULL);
    if (plan->rc == SQLITE_OK) {
        sqlite3_bind_text(find, 1, table, -1, SQLITE_STATIC);
        sqlite3_bind_text(find, 2, column, -1, SQLITE_STATIC);
        found = sqlite3_step(find) == SQLITE_ROW;
        plan->rc = sqlite3_finalize(find);
    }
    return found;
}

static void plan_main_table(struct plan *plan, const char **missing)
{
    const char *table = plan->layout->table;
    bool made = exists(plan, table);
    if (!made)
        sqlite_text_add(&plan->sql, "CREATE TABLE IF NOT EXISTS %s (\n", table);
    for (const struct sqlite_column *column = plan->layout->columns; column->name; column++) {
        if (!made) {
            sqlite_text_add(&plan->sql, "    %s %s%s\n", column->name, column->declaration, column[1].name ? "," : "");
        } else if (!column_exists(plan, table, column->name) && plan->rc == SQLITE_OK) {
            if (strstr(column->declaration, "NOT NULL") || strstr(column->declaration, "PRIMARY KEY")) {
                *missing = column->name;
                plan->rc = SQLITE_MISMATCH;
                return;
            }
            sqlite_text_add(&plan->sql, "ALTER TABLE %s ADD COLUMN %s %s;", table, column->name, column->declaration);
        }
    }
    if (!made)
        sqlite_text_add(&plan->sql, ");");
}

static const char *declaration_of(enum pxt_field_type type)
{
    switch (type) {
    case PXT_TYPE_TIME:
        return "REAL";
    case PXT_TYPE_COUNT:
    case PXT_TYPE_BOOL:
        return "INTEGER";
    case PXT_TYPE_SECRET:
        return "BLOB";
    default:
        return "TEXT";
    }
}

/* The table for fields that the reference's has no column for; a trigger empties it whoever deletes an entry. */
static void plan_extra_table(struct plan *plan, const struct sqlite_schema *schema, const struct pxt_host *host)
{
    const char *extra = plan->layout->extra;
    char column[SQLITE_COLUMN_MAX], trigger[SQLITE_COLUMN_MAX];
    if (!schema->any_extra)
        return;
    bool made = exists(plan, extra);
    if (!made)
        sqlite_text_add(&plan->sql, "CREATE TABLE IF NOT EXISTS %s (key TEXT PRIMARY KEY", extra);
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
    return plan.rc;
}
