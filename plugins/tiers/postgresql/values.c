/* SPDX-License-Identifier: MIT
 *
 * values.c: parameters and results in the binary format of the protocol: numbers in network order; times in microseconds
 * since 2000; an array as its dimensions, and each item after its length.
 */
#include "postgresql.h"
#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH INT64_C(946684800000000)        /* 2000-01-01, in microseconds since 1970 */
#define EARLIEST INT64_C(-211813488000000000) /* 4714-11-24 BC, since 2000: what the server can have */

static void add_bytes(struct pgsql_values *values, const void *bytes, size_t length)
{
    size_t need = values->used + length;
    if (values->failed || length > INT_MAX)
        return (void)(values->failed = true);
    if (need > values->size) {
        size_t size = 2 * need > 256 ? 2 * need : 256;
        char *grown = realloc(values->bytes, size);
        if (!grown)
            return (void)(values->failed = true);
        values->bytes = grown;
        values->size = size;
    }
    if (length)
        memcpy(values->bytes + values->used, bytes, length);
    values->used = need;
}

static void add_word(struct pgsql_values *values, uint32_t word)
{
    uint32_t bits = htobe32(word);
    add_bytes(values, &bits, sizeof bits);
}

/* Counts one more item in the header of the array. */
static void count_item(struct pgsql_values *values)
{
    enum { ITEMS = 12 };
    uint32_t n;
    if (values->failed)
        return;
    memcpy(&n, values->bytes + values->array + ITEMS, sizeof n);
    n = htobe32(be32toh(n) + 1);
    memcpy(values->bytes + values->array + ITEMS, &n, sizeof n);
}

/* Adds an item of the array, or else a parameter. `length` -1: NULL. */
static void add_value(struct pgsql_values *values, const void *bytes, int length)
{
    if (values->in_array) {
        add_word(values, (uint32_t)length);
        count_item(values);
    } else if (values->count == PGSQL_VALUES_MAX) {
        values->failed = true;
        return;
    } else {
        values->value[values->count].at = values->used;
        values->value[values->count++].length = length;
    }
    if (length > 0)
        add_bytes(values, bytes, (size_t)length);
}

static uint64_t time_bits(pxt_time time)
{
    int64_t since = (time < -PXT_TIME_MAX ? -PXT_TIME_MAX : time) - EPOCH;
    return htobe64((uint64_t)(since < EARLIEST ? EARLIEST : since));
}

void pgsql_null(struct pgsql_values *values)
{
    add_value(values, NULL, -1);
}

void pgsql_text(struct pgsql_values *values, const char *text, size_t length)
{
    add_value(values, text, length > INT_MAX ? INT_MAX : (int)length);
}

void pgsql_string(struct pgsql_values *values, const char *text)
{
    if (text)
        pgsql_text(values, text, strlen(text));
    else
        pgsql_null(values);
}

void pgsql_number(struct pgsql_values *values, int64_t number)
{
    uint64_t bits = htobe64((uint64_t)number);
    add_value(values, &bits, sizeof bits);
}

void pgsql_real(struct pgsql_values *values, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    pgsql_number(values, (int64_t)bits);
}

void pgsql_time(struct pgsql_values *values, pxt_time time)
{
    uint64_t bits = time_bits(time);
    if (time == PXT_TIME_NONE)
        pgsql_null(values);
    else
        add_value(values, &bits, sizeof bits);
}

void pgsql_bool(struct pgsql_values *values, bool value)
{
    add_value(values, value ? "\1" : "", 1);
}

/* ---- arrays ---- */

void pgsql_array(struct pgsql_values *values, enum pgsql_oid type)
{
    add_value(values, NULL, 0);
    values->in_array = true;
    values->array = values->used;
    add_word(values, 1); /* dimensions */
    add_word(values, 1); /* it may have NULLs */
    add_word(values, type);
    add_word(values, 0); /* items: counted on the way */
    add_word(values, 1); /* the index of the first */
}

void pgsql_array_end(struct pgsql_values *values)
{
    size_t length = values->used - values->array;
    values->in_array = false;
    if (values->failed || length > INT_MAX)
        values->failed = true;
    else
        values->value[values->count - 1].length = (int)length;
}

void pgsql_values_free(struct pgsql_values *values)
{
    free(values->bytes);
    *values = (struct pgsql_values){.count = 0};
}

/* ---- results ---- */

int64_t pgsql_get_number(const PGresult *result, int row, int column)
{
    uint64_t bits = 0;
    if (PQgetlength(result, row, column) == sizeof bits)
        memcpy(&bits, PQgetvalue(result, row, column), sizeof bits);
    return (int64_t)be64toh(bits);
}

double pgsql_get_real(const PGresult *result, int row, int column)
{
    int64_t bits = pgsql_get_number(result, row, column);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

pxt_time pgsql_get_time(const PGresult *result, int row, int column)
{
    int64_t time;
    if (PQgetisnull(result, row, column))
        return PXT_TIME_NONE;
    /* Infinity, by another program, is the end of our times. */
    return __builtin_add_overflow(pgsql_get_number(result, row, column), EPOCH, &time) ? PXT_TIME_MAX : time;
}
