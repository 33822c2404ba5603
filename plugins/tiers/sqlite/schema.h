/* SPDX-License-Identifier: MIT
 *
 * schema.h: ProxyWhirl's two table layouts, and the SQL that follows from them and the field table.
 */
#ifndef SQLITE_SCHEMA_H
#define SQLITE_SCHEMA_H

#include <proxtier/tier.h>
#include <sqlite3.h>

struct sqlite_column {
    const char *name, *declaration;
};
/* The tables of ProxyWhirl for one tier. */
struct sqlite_layout {
    const char *table;
    const struct sqlite_column *columns; /* in the reference's order, up to a NULL name */
    const char *extra;                   /* a table of our own, for fields without a column */
    bool stamps;                         /* ProxyWhirl has created_at and updated_at */
    bool history;                        /* has health_history */
    const char *const *indexes;          /* "name ON table(columns)", up to NULL */
    const char *history_table;           /* SQL, NULL: none */
};
extern const struct sqlite_layout sqlite_layout_l2, sqlite_layout_l3;

/* Where the fields stand. */
enum sqlite_form {
    FORM_PACKED, /* fields that no statement asks for are packed in one column */
    FORM_COLUMNS, /* as formats before 2: ProxyWhirl's columns, and columns for the internal fields behind them; health in L2 is in
                   * `extra` */
    FORM_SHARED, /* with ProxyWhirl, which reads `SELECT *` and insists on the number of columns: a field without a column
                   * there is in `extra` */
    FORMS
};
enum sqlite_place { PLACE_NONE, PLACE_MAIN, PLACE_EXTRA, PLACE_PACKED };

/* A growing text; `failed` once memory ran out. */
struct sqlite_text {
    char *data;
    size_t length, size;
    bool failed;
};

/* Statements kept by each connection. Parameters of PUT and PUT_EXTRA: field id + 1; then the time now, the place in the
 * ring, and the packed fields. A PUT that would replace a greater version changes nothing. */
enum sqlite_statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_GET,      /* ?1 key; the columns of sqlite_schema.column, rowid, packed fields or what the row is */
    SQL_ROW,      /* ?1 rowid; the same columns of a row */
    SQL_PAGE,     /* ?1 rowid before the page, ?2 how many */
    SQL_VICTIM,   /* by the policy's order */
    SQL_CONTAINS, /* ?1 key */
    SQL_COUNT,
    SQL_VERSION, /* changes when another connection has written */
    SQL_PUT,
    SQL_PUT_EXTRA,
    SQL_DEL_EXTRA, /* ?1 key */
    SQL_DEL,       /* ?1 key */
    SQL_DEL_OLD,   /* ?1 key, ?2 version: unless the row has a greater one; 0: in any case */
    SQL_CLEAR,
    SQL_TOUCH,       /* ?1 key, ?2 hits, ?3 last access or NULL, ?4 evicted, ?5 now */
    SQL_EXPIRE,      /* ?1 now, ?2 how many, ?3 up to which version; returns keys */
    SQL_QUARANTINE,  /* ?1 rowid, ?2 now, ?3 reason */
    SQL_REMOVE_ROW,  /* ?1 rowid */
    SQL_CHECK_ADD,   /* ?1 key, ?2 time, ?3 status, ?4 response time, ?5 error, ?6 url */
    SQL_CHECK_PRUNE, /* ?1 key, ?2 how many stay */
    SQL_CHECK_EACH,  /* ?1 key */
    SQL_VERSIONS,    /* ?1 rowid before the page, ?2 how many; rowid, key, version */
    SQL_TOMBSTONE_ANY,
    SQL_TOMBSTONE_GET,    /* ?1 key; version */
    SQL_TOMBSTONE_PUT,    /* ?1 key, ?2 version, ?3 why, ?4 time */
    SQL_TOMBSTONE_DEL,    /* ?1 key */
    SQL_TOMBSTONE_PAGE,   /* ?1 key before the page, ?2 how many; key, version */
    SQL_TOMBSTONE_EXPIRE, /* ?1 up to which version, ?2 how many, ?3 now */
    SQL_TOMBSTONE_CLEAR,
    SQL_TOMBSTONE_COUNT,
    SQL_KNOWN_DEAD, /* ?1 now */
    SQL_RECORD_GET,
    SQL_RECORD_PUT,  /* ?1 text */
    SQL_LEASE_ROOM,  /* ?1 key, ?2 now, ?3 how many leases of the key may be held; whether fewer are */
    SQL_LEASE_PRUNE, /* ?1 now */
    SQL_LEASE_ADD,   /* ?1 key, ?2 id, ?3 holder, ?4 how many may be held, ?5 until */
    SQL_LEASE_RENEW, /* ?1 key, ?2 id, ?3 now, ?4 until */
    SQL_LEASE_END,   /* ?1 key, ?2 id, ?3 now */
    SQL_LEASE_EACH,  /* ?1 now, ?2 key, or NULL for all; key, id, holder, how many, until */
    SQL_STATEMENTS
};

/* What a row is: the number behind the rowid. An entry has its packed fields there, where there are such. */
enum {
    ROW_ENTRY,
    ROW_WITHOUT_EXTRA, /* the table of our own has no row for it */
    ROW_TOMBSTONE      /* and the reason of the removal is added */
};

struct sqlite_schema {
    const struct sqlite_layout *layout;
    enum sqlite_form form;
    size_t field_count;
    bool shared; /* with ProxyWhirl */
    bool stamps; /* keeps ProxyWhirl's created_at and updated_at */
    enum sqlite_place place[PXT_FIELD_COUNT];
    bool packed[PXT_FIELD_COUNT]; /* whether the place is PLACE_PACKED */
    bool any_extra;
    uint8_t column[PXT_FIELD_COUNT]; /* fields that a statement reads from columns of their own, the key first */
    int column_count;
    char *sql[SQL_STATEMENTS]; /* NULL: the layout or the policy does not use it */
    char *quarantine_table;
    char *order_index; /* NULL: none needed */
};

/* Makes all SQL. `order` as in eviction.h; NULL: no victims. PXT_ENOMEM. */
pxt_status sqlite_schema_make(struct sqlite_schema *schema, const struct sqlite_layout *layout, enum sqlite_form form,
                              const struct pxt_host *host, const enum pxt_field_id *order, struct pxt_error *error);
void sqlite_schema_free(struct sqlite_schema *schema);
/* The columns of SQL_ROW with another end. Columns of what the file does not have, or is not to be read, are NULL. For free();
 * NULL: out of memory. */
enum {
    WITHOUT_EXTRA = 1, /* the table of our own */
    WITHOUT_ADDED = 2  /* columns of the main table that ProxyWhirl does not have */
};
char *sqlite_schema_select(const struct sqlite_schema *schema, const struct pxt_host *host, unsigned without,
                           const char *rest);
/* The columns of the main table of a form, up to a NULL name; of FORM_COLUMNS, those of ProxyWhirl. */
const struct sqlite_column *sqlite_schema_columns(const struct sqlite_layout *layout, enum sqlite_form form);
/* The version of a row of the main table, which stands in the statement under its own name. */
void sqlite_schema_add_version(struct sqlite_text *text, const struct sqlite_schema *schema);

/* format.c: the format of a file; all 0 in one that has none. */
#define SQLITE_FORMAT_APPLICATION 0x70787431 /* "pxt1" */
#define SQLITE_FORMAT_NUMBER 2               /* 1: FORM_COLUMNS */
struct sqlite_format {
    int64_t application, number;
};
/* Returns an SQLite code. */
int sqlite_format_read(sqlite3 *db, struct sqlite_format *format);
/* Adds the SQL that gives a file our format. */
void sqlite_format_add(struct sqlite_text *sql);
/* PXT_ECONFIG: this program cannot use the file: it is of a newer format, or is to be shared with ProxyWhirl and cannot. */
pxt_status sqlite_format_check(const struct sqlite_schema *schema, const struct pxt_host *host, const char *path,
                               const struct sqlite_format *format, struct pxt_error *error);

/* tables.c: makes the tables, columns and indexes that the file lacks, and gives rows of before
 * their versions. Returns an SQLite code; SQLITE_MISMATCH if a table of that name is of another kind, with the missing column in `*column`. */
int sqlite_tables_make(const struct sqlite_schema *schema, const struct pxt_host *host, sqlite3 *db,
                       const char **column);

/* The text of the main table as sqlite_schema keeps it; for free(). NULL: out of memory. */
char *sqlite_tables_text(const struct sqlite_layout *layout, enum sqlite_form form);

/* repair_schema.c: returns whether the text in a column is `wanted` but for a few damaged bytes. */
bool sqlite_schema_text_is_close(sqlite3_stmt *row, int column, const char *wanted);
/* Makes the main table of a damaged database readable, in a transaction that must be rolled back. The connection has
 * writable_schema on. Returns an SQLite code. */
int sqlite_repair_schema(const struct sqlite_schema *schema, sqlite3 *db);

/* "username" -> "username_encrypted". `out` has room for SQLITE_COLUMN_MAX bytes. */
#define SQLITE_COLUMN_MAX 96
void sqlite_column_of(const struct pxt_field *field, char *out);

void sqlite_text_add(struct sqlite_text *text, const char *format, ...) PXT_PRINTF(2, 3);
/* The text, for free(). NULL: out of memory. */
char *sqlite_text_take(struct sqlite_text *text);

#endif
