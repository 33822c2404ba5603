/* SPDX-License-Identifier: MIT
 *
 * packed.h: fields that no statement asks for, in one column.
 *
 * The column is a row of items, in the order of the numbers of their fields. A number is written in groups of seven bits,
 * the lowest first, with 128 added to each byte but the last, and in as few bytes as it needs.
 *
 *     item   = 2 * field            integer       (time in microseconds, count, yes or no, version)
 *            | 2 * field + 1        length bytes  (text; token of a credential)
 *     integer: n >= 0 is written as 2 * n, n < 0 as -2 * n - 1
 *
 * The number of a field is its place in PXT_FIELDS, counted from 0. A field that has no value, or that may be absent and has
 * its default, is left out. A number that this program does not know is passed over: a later program has more fields.
 */
#ifndef SQLITE_PACKED_H
#define SQLITE_PACKED_H

#include <proxtier/tier.h>
#include <sqlite3.h>

/* Packed bytes while they are made. Small ones need no memory. */
struct sqlite_packed {
    unsigned char *data;
    size_t length, size;
    bool failed; /* memory ran out */
    unsigned char room[400];
};
void sqlite_packed_begin(struct sqlite_packed *packed);
/* Fields come in the order of their ids. */
void sqlite_packed_add(struct sqlite_packed *packed, const struct pxt_field *field, enum pxt_field_id id,
                       const struct pxt_value *value);
/* A value of a column, as it stands: one of the wrong type stays wrong, so that reading finds it. */
void sqlite_packed_add_column(struct sqlite_packed *packed, const struct pxt_field *field, enum pxt_field_id id,
                              sqlite3_value *value);
void sqlite_packed_free(struct sqlite_packed *packed);

/* Reads all items into the draft; texts point into `data`. False: the bytes are no items, or an item is none of a field
 * that `is_packed` marks. */
bool sqlite_packed_read(const unsigned char *data, size_t length, const struct pxt_field *const *fields,
                        const bool is_packed[PXT_FIELD_COUNT], struct pxt_draft *draft);

/* The functions of SQL: proxtier_field(packed, field): its value, as a column would have it; NULL if the bytes are damaged.
 * proxtier_pack(field, value, field, value ...). Returns an SQLite code. The host must outlive the connection. */
int sqlite_packed_register(sqlite3 *db, const struct pxt_host *host);

#endif
