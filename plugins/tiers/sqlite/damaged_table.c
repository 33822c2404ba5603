/* SPDX-License-Identifier: MIT
 *
 * damaged_table.c: walks a table of a damaged database by rowid. Behind an unreadable page it looks for the next row
 * that can be read; an index of the table, as far as it is readable, tells how far to look and how many rows are lost.
 */
#include "salvage.h"
#include <stdlib.h>

enum { BLIND_STEPS = 4096, STEPS_BEHIND = 64, BACK_SHARE = 16, BACK_MIN = 64 };

static bool add_rowid(struct damaged_rowids *rowids, int64_t rowid)
{
    if (rowids->count == rowids->size) {
        size_t size = 2 * rowids->size + 256;
        int64_t *grown = realloc(rowids->at, size * sizeof *grown);
        if (!grown)
            return false;
        rowids->at = grown;
        rowids->size = size;
    }
    rowids->at[rowids->count++] = rowid;
    return true;
}

static int by_rowid(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static pxt_status fail_memory(const struct damaged_table *table, struct pxt_error *error)
{
    return table->store->host->fail(table->store->host, error, PXT_ENOMEM, 0,
                                    "out of memory for the rows of a damaged file");
}

/* ---- which rows there should be ---- */

/* Collects rowids from the index. Returns an SQLite code. */
static int read_index(struct damaged_table *table, const char *direction)
{
    sqlite3_stmt *list = NULL;
    char *text = sqlite3_mprintf("SELECT rowid FROM %s INDEXED BY %s ORDER BY %s %s", table->name, table->index,
                                 table->index_column, direction);
    int rc = text ? sqlite3_prepare_v2(table->db, text, -1, &list, NULL) : SQLITE_NOMEM;
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW)
        rc = add_rowid(&table->indexed, sqlite3_column_int64(list, 0)) ? SQLITE_OK : SQLITE_NOMEM;
    sqlite3_finalize(list);
    sqlite3_free(text);
    return rc;
}

static pxt_status list_indexed(struct damaged_table *table, struct pxt_error *error)
{
    struct damaged_rowids *indexed = &table->indexed;
    int rc = read_index(table, "ASC");
    table->index_whole = rc == SQLITE_DONE;
    if (damaged_here(rc))
        rc = read_index(table, "DESC");
    if ((rc & 0xff) == SQLITE_NOMEM)
        return fail_memory(table, error);
    if (indexed->count) {
        size_t different = 0;
        qsort(indexed->at, indexed->count, sizeof *indexed->at, by_rowid);
        for (size_t i = 0; i < indexed->count; i++)
            if (!i || indexed->at[i] != indexed->at[i - 1])
                indexed->at[different++] = indexed->at[i];
        indexed->count = different;
    }
    table->copied = calloc(indexed->count + 1, sizeof *table->copied);
    return table->copied ? PXT_OK : fail_memory(table, error);
}

/* Returns the place of the first indexed rowid that is not below `rowid`. */
static size_t indexed_from(const struct damaged_rowids *indexed, int64_t rowid)
{
    size_t low = 0, high = indexed->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (indexed->at[middle] < rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Returns the mark of an indexed rowid: whether its row was copied. NULL: the index does not have the rowid. */
static bool *mark_of(const struct damaged_table *table, int64_t rowid)
{
    size_t i = indexed_from(&table->indexed, rowid);
    return i < table->indexed.count && table->indexed.at[i] == rowid ? &table->copied[i] : NULL;
}

/* A copied row that is not in the index has a damaged rowid: one that the index has is missing in its place. */
uint64_t sqlite_damaged_table_lost(const struct damaged_table *table)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < table->indexed.count; i++)
        missing += !table->copied[i];
    return missing > table->misplaced ? missing - table->misplaced : 0;
}

/* ---- the rows ---- */

struct walk {
    struct damaged_table *table;
    damaged_row_fn *fn;
    void *arg;
    int64_t next;         /* the rowid to look for */
    int64_t steps, width; /* since the last readable row */
    uint64_t back;        /* rows that came again or not in order */
};

/* The rowid after which to try again, when the page that `next` would be on is unreadable: one after the other while
 * rows are expected, then in growing steps. False: there are no more. */
static bool step_over(struct walk *walk)
{
    const struct damaged_rowids *indexed = &walk->table->indexed;
    int64_t last = indexed->count ? indexed->at[indexed->count - 1] : 0;
    last = last > INT64_MAX - STEPS_BEHIND ? INT64_MAX : last + (last ? STEPS_BEHIND : 0);
    if (walk->next < 1) {
        walk->next = 1; /* SQLite gives rowids from 1 */
        return true;
    }
    walk->steps++;
    if (walk->next > last && walk->steps > (last ? STEPS_BEHIND : BLIND_STEPS))
        walk->width = walk->width > INT64_MAX / 2 ? INT64_MAX : 2 * walk->width;
    if (walk->next > INT64_MAX - walk->width)
        return false;
    walk->next += walk->width;
    if (walk->next <= last && walk->steps > BLIND_STEPS) {
        size_t i = indexed_from(indexed, walk->next);
        if (i < indexed->count)
            walk->next = indexed->at[i];
    }
    return true;
}

/* Hands over the row that the walk stands on. */
static pxt_status hand_over(struct walk *walk, int64_t rowid, struct pxt_error *error)
{
    struct damaged_table *table = walk->table;
    bool *mark = mark_of(table, rowid), again = mark && *mark;
    enum damaged_row row = DAMAGED_ROW_UNREADABLE;
    pxt_status status = walk->fn(walk->arg, table->walk, rowid, again, &row, error);
    walk->back += again;
    if (status || row == DAMAGED_ROW_UNREADABLE)
        return status;
    if (mark)
        *mark = true;
    table->kept += row == DAMAGED_ROW_COPIED;
    table->misplaced += row == DAMAGED_ROW_COPIED && (!mark || again);
    return PXT_OK;
}

/* Damaged pointers may lead back again and again. */
static bool goes_in_circles(const struct walk *walk)
{
    return walk->back / BACK_SHARE > walk->table->indexed.count + BACK_MIN;
}

/* Hands over the rows from `next` on, up to the next unreadable page. `*rc`: why they end. A rowid below the one before
 * is a damaged one, or the one before is: the cursor goes on to the next row, which a search would not find. */
static pxt_status walk_run(struct walk *walk, int *rc, struct pxt_error *error)
{
    struct damaged_table *table = walk->table;
    pxt_status status = PXT_OK;
    int64_t before = walk->next;
    bool any = false;
    sqlite3_bind_int64(table->walk, 1, walk->next);
    while (!status && (*rc = sqlite3_step(table->walk)) == SQLITE_ROW && !goes_in_circles(walk)) {
        int64_t rowid = sqlite3_column_int64(table->walk, table->rowid_column);
        walk->back += rowid < before;
        status = hand_over(walk, rowid, error);
        before = rowid < INT64_MAX ? rowid + 1 : rowid;
        any = true;
    }
    sqlite3_reset(table->walk);
    if (any && before > walk->next) {
        walk->next = before;
        walk->steps = 0;
        walk->width = 1;
    }
    return status;
}

/* Searches the rows that the index has and that the walk did not come to. */
static pxt_status search_missing(struct walk *walk, struct pxt_error *error)
{
    struct damaged_table *table = walk->table;
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < table->indexed.count && !status; i++) {
        if (table->copied[i])
            continue;
        sqlite3_bind_int64(table->walk, 1, table->indexed.at[i]);
        int rc = sqlite3_step(table->walk);
        if (rc == SQLITE_ROW) {
            if (sqlite3_column_int64(table->walk, table->rowid_column) == table->indexed.at[i])
                status = hand_over(walk, table->indexed.at[i], error);
        } else if (rc != SQLITE_DONE && !damaged_here(rc)) {
            status = sqlite_fail(table->store, table->db, rc, error, "read its rows");
        }
        sqlite3_reset(table->walk);
    }
    return status;
}

pxt_status sqlite_damaged_table_walk(struct damaged_table *table, damaged_row_fn *fn, void *arg,
                                     struct pxt_error *error)
{
    struct walk walk = {.table = table, .fn = fn, .arg = arg, .next = INT64_MIN, .width = 1};
    int rc = SQLITE_DONE;
    pxt_status status = list_indexed(table, error);
    while (!status) {
        status = walk_run(&walk, &rc, error);
        if (!status && rc != SQLITE_DONE && rc != SQLITE_ROW && !damaged_here(rc))
            status = sqlite_fail(table->store, table->db, rc, error, "read its rows");
        if (rc == SQLITE_DONE || rc == SQLITE_ROW || !step_over(&walk))
            break;
    }
    return status ? status : search_missing(&walk, error);
}

void sqlite_damaged_table_free(struct damaged_table *table)
{
    sqlite3_finalize(table->walk);
    free(table->copied);
    free(table->indexed.at);
}
