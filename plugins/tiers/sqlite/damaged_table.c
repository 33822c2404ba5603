/* SPDX-License-Identifier: MIT
 *
 * damaged_table.c: walks a table of a damaged database by rowid. Behind an unreadable page it looks for the next row
 * that can be read; an index of the table, as far as it is readable, tells how far to look and how many rows are lost.
 */
#include "salvage.h"
#include <stdlib.h>

enum { BLIND_STEPS = 4096, STEPS_BEHIND = 64 };

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
    if (indexed->count)
        qsort(indexed->at, indexed->count, sizeof *indexed->at, by_rowid);
    return (rc & 0xff) == SQLITE_NOMEM ? fail_memory(table, error) : PXT_OK;
}

uint64_t sqlite_damaged_table_lost(const struct damaged_table *table)
{
    const struct damaged_rowids *kept = &table->kept, *indexed = &table->indexed;
    uint64_t lost = 0;
    size_t k = 0;
    for (size_t i = 0; i < indexed->count; i++) {
        if (i && indexed->at[i] == indexed->at[i - 1])
            continue;
        while (k < kept->count && kept->at[k] < indexed->at[i])
            k++;
        lost += k == kept->count || kept->at[k] != indexed->at[i];
    }
    return lost;
}

/* ---- the rows ---- */

/* The rowid after which to try again, when the page that `next` would be on is unreadable: one after the other while
 * rows are expected, then in growing steps. False: there are no more. */
static bool step_over(const struct damaged_table *table, int64_t *next, int64_t *steps, int64_t *width)
{
    const struct damaged_rowids *indexed = &table->indexed;
    int64_t last = indexed->count ? indexed->at[indexed->count - 1] : 0;
    last = last > INT64_MAX - STEPS_BEHIND ? INT64_MAX : last + (last ? STEPS_BEHIND : 0);
    if (*next < 1) {
        *next = 1; /* SQLite gives rowids from 1 */
        return true;
    }
    if (*next > last && ++*steps > (last ? STEPS_BEHIND : BLIND_STEPS))
        *width = *width > INT64_MAX / 2 ? INT64_MAX : 2 * *width;
    if (*next > INT64_MAX - *width)
        return false;
    *next += *width;
    return true;
}

/* Hands over the rows from `*next` on, up to the next unreadable page. `*rc`: why they end. */
static pxt_status walk_run(struct damaged_table *table, damaged_row_fn *fn, void *arg, int64_t *next, int *rc,
                           struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    sqlite3_bind_int64(table->walk, 1, *next);
    while (!status && (*rc = sqlite3_step(table->walk)) == SQLITE_ROW) {
        int64_t rowid = sqlite3_column_int64(table->walk, table->rowid_column);
        bool kept = false;
        if (rowid < *next) {
            *rc = SQLITE_CORRUPT; /* damaged pointers lead back */
            break;
        }
        status = fn(arg, table->walk, rowid, &kept, error);
        if (!status && kept && !add_rowid(&table->kept, rowid))
            status = fail_memory(table, error);
        *next = rowid < INT64_MAX ? rowid + 1 : rowid;
    }
    sqlite3_reset(table->walk);
    return status;
}

pxt_status sqlite_damaged_table_walk(struct damaged_table *table, damaged_row_fn *fn, void *arg,
                                     struct pxt_error *error)
{
    int64_t next = INT64_MIN, steps = 0, width = 1;
    int rc = SQLITE_DONE;
    pxt_status status = list_indexed(table, error);
    while (!status) {
        int64_t begin = next;
        status = walk_run(table, fn, arg, &next, &rc, error);
        if (next != begin)
            steps = 0, width = 1;
        if (!status && rc != SQLITE_DONE && !damaged_here(rc))
            status = sqlite_fail(table->store, table->db, rc, error, "read its rows");
        if (rc == SQLITE_DONE || !step_over(table, &next, &steps, &width))
            break;
    }
    return status;
}

void sqlite_damaged_table_free(struct damaged_table *table)
{
    sqlite3_finalize(table->walk);
    free(table->kept.at);
    free(table->indexed.at);
}
