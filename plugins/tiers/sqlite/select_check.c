/* SPDX-License-Identifier: MIT
 *
 * select_check.c: looks whether rows are found through an index of select(), as index_check.c does for the others. What
 * the index is made of is read from the schema: a row's values of that are looked for in the index.
 */
#include "select.h"
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 8 };

/* The definition of an index: "... ON table(PART,PART...) WHERE CONDITION". Texts point into the text of the schema. */
struct definition {
    const char *part[PARTS_MAX];
    int length[PARTS_MAX];
    unsigned parts;
    const char *list, *condition; /* "": none */
    int list_length;
};

/* The end of a part: a comma or bracket that is neither inside of brackets nor of a text. */
static const char *end_of_part(const char *at)
{
    int depth = 0;
    bool quoted = false;
    for (; *at; at++) {
        if (*at == '\'')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (!depth && (*at == ',' || *at == ')'))
            return at;
        else if (*at == '(' || *at == ')')
            depth += *at == '(' ? 1 : -1;
    }
    return NULL;
}

/* False: it is not as proxtier makes it. */
static bool read_definition(const char *sql, struct definition *definition)
{
    const char *at = sql ? strchr(sql, '(') : NULL;
    *definition = (struct definition){.list = at ? at + 1 : NULL};
    while (at && *at != ')' && definition->parts < PARTS_MAX) {
        const char *end = end_of_part(at + 1);
        if (!end)
            return false;
        definition->part[definition->parts] = at + 1;
        definition->length[definition->parts++] = (int)(end - at) - 1;
        at = end;
    }
    if (!at || *at != ')')
        return false;
    definition->list_length = (int)(at - definition->list);
    definition->condition = !strncmp(at, ") WHERE ", 8) ? at + 8 : "";
    return *definition->condition || !at[1];
}

static void add_condition(struct sqlite_text *text, const struct definition *definition)
{
    if (*definition->condition)
        sqlite_text_add(text, " AND (%s)", definition->condition);
}

/* The rows of the step that the index must have. */
static char *rows_text(const struct sqlite_schema *schema, const struct definition *definition)
{
    struct sqlite_text text = {0};
    sqlite_text_add(&text, "SELECT rowid,%.*s FROM %s NOT INDEXED WHERE rowid>?1 AND rowid<=?2",
                    definition->list_length, definition->list, schema->layout->table);
    add_condition(&text, definition);
    return sqlite_text_take(&text);
}

/* Whether the index has a row with a rowid, the first parameter, and these values. */
static char *lookup_text(const struct sqlite_schema *schema, const char *name, const struct definition *definition)
{
    struct sqlite_text text = {0};
    sqlite_text_add(&text, "SELECT 1 FROM %s INDEXED BY \"%s\" WHERE rowid=?1", schema->layout->table, name);
    for (unsigned i = 0; i < definition->parts; i++)
        sqlite_text_add(&text, " AND %.*s IS ?%u", definition->length[i], definition->part[i], i + 2);
    add_condition(&text, definition);
    return sqlite_text_take(&text);
}

/* SQLITE_ROW: a row of `rows` is not found by `lookup`. */
static int compare(sqlite3_stmt *rows, sqlite3_stmt *lookup)
{
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        for (int i = 0; i < sqlite3_column_count(rows) && rc == SQLITE_OK; i++)
            rc = sqlite3_bind_value(lookup, i + 1, sqlite3_column_value(rows, i));
        if (rc == SQLITE_OK)
            rc = sqlite3_step(lookup);
        sqlite3_reset(lookup);
        if (rc == SQLITE_DONE)
            return SQLITE_ROW;
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc;
    }
    return rc;
}

static int check_index(const struct store *store, sqlite3 *db, const char *name, const char *sql, int64_t from,
                       int64_t end)
{
    struct definition definition;
    sqlite3_stmt *rows = NULL, *lookup = NULL;
    if (!name || !read_definition(sql, &definition))
        return SQLITE_DONE;
    char *row_text = rows_text(&store->schema, &definition);
    char *text = lookup_text(&store->schema, name, &definition);
    int rc = row_text && text ? sqlite3_prepare_v2(db, row_text, -1, &rows, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, text, -1, &lookup, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(rows, 1, from);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(rows, 2, end);
    if (rc == SQLITE_OK)
        rc = compare(rows, lookup);
    sqlite3_finalize(rows);
    sqlite3_finalize(lookup);
    free(row_text);
    free(text);
    return rc == SQLITE_ERROR ? SQLITE_DONE : rc; /* the index has gone meanwhile */
}

int sqlite_select_check(struct store *store, sqlite3 *db, int64_t from, int64_t end)
{
    sqlite3_stmt *list = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT name,sql FROM sqlite_schema WHERE type='index' AND tbl_name=?1 "
                                "AND name GLOB 'proxtier_select_*' ORDER BY rowid LIMIT -1 OFFSET ?2",
                                -1, &list, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(list, 1, store->schema.layout->table, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(list, 2, atomic_fetch_add(&store->check_select, 1));
    if (rc == SQLITE_OK)
        rc = sqlite3_step(list);
    if (rc == SQLITE_DONE) { /* behind the last one: the next step takes the first */
        atomic_store(&store->check_select, 0);
        sqlite3_finalize(list);
        return SQLITE_DONE;
    }
    if (rc == SQLITE_ROW)
        rc = check_index(store, db, (const char *)sqlite3_column_text(list, 0),
                         (const char *)sqlite3_column_text(list, 1), from, end);
    sqlite3_finalize(list);
    return rc;
}
