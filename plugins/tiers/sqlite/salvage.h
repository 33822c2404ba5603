/* SPDX-License-Identifier: MIT
 *
 * salvage.h: a table of a damaged database, of which the readable rows are copied.
 */
#ifndef SQLITE_SALVAGE_H
#define SQLITE_SALVAGE_H

#include "store.h"

struct damaged_rowids {
    int64_t *at;
    size_t count, size;
};

struct damaged_table {
    struct store *store;
    sqlite3 *db;
    const char *name, *index, *index_column; /* the index tells which rows there should be */
    sqlite3_stmt *walk;                      /* ?1 the first rowid; in the order of rowids */
    int rowid_column;                        /* of the walk */
    struct damaged_rowids indexed;           /* each once, in order */
    bool *copied;                            /* which of them */
    uint64_t kept, misplaced;                /* rows; of them those whose rowid is damaged */
    bool index_whole;                        /* the index was readable */
};

enum damaged_row {
    DAMAGED_ROW_UNREADABLE,
    DAMAGED_ROW_COPIED,
    DAMAGED_ROW_UPDATED /* the new file had the row already */
};

/* Copies the row that the walk stands on. `again`: a row of that rowid was copied before: it is the same row, or the
 * rowid of one of them is damaged. Returns errors other than of the row. */
typedef pxt_status damaged_row_fn(void *arg, sqlite3_stmt *walk, int64_t rowid, bool again, enum damaged_row *row,
                                  struct pxt_error *error);

/* Returns whether an SQLite code says that a place of the file is unreadable. */
static inline bool damaged_here(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_ERROR;
}

/* damaged_table.c: hands each readable row to `fn`; a page that cannot be read costs its own rows and no more. An error
 * of `fn`, and an error of reading for another reason than damage, ends the walk. */
pxt_status sqlite_damaged_table_walk(struct damaged_table *table, damaged_row_fn *fn, void *arg,
                                     struct pxt_error *error);
/* Counts rows that there should be and that were not kept. */
uint64_t sqlite_damaged_table_lost(const struct damaged_table *table);
void sqlite_damaged_table_free(struct damaged_table *table);

#endif
