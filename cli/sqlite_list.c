/* SPDX-License-Identifier: MIT
 *
 * sqlite_list.c: a database of ProxyWhirl as a list. Columns become members of the same name, so that the reader of lists
 * takes them as it takes an export.
 */
#include "sqlite_list.h"
#include "command.h"
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct rows {
    sqlite3 *db;
    sqlite3_stmt *row;
    char *line; /* of the last row */
    size_t at, end;
};

/* ProxyWhirl's tables, the fullest first: the cache's third and second tier, its storage, that of its first versions. */
static const struct {
    const char *table, *select;
} tables[] = {
    {"cache_entries", "SELECT * FROM cache_entries"},
    {"l2_cache", "SELECT * FROM l2_cache"},
    {"proxy_identities", "SELECT * FROM proxy_identities i LEFT JOIN proxy_statuses s ON s.proxy_url=i.url"},
    {"proxies", "SELECT * FROM proxies"},
};

/* ---- one row ----------------------------------------------------------------------------------------------------- */

static bool is_time(const char *name)
{
    size_t count;
    const struct pxt_field *const *fields = pxt_fields(&count);
    for (size_t i = 0; i < count; i++)
        if (fields[i]->type == PXT_TYPE_TIME && !strcmp(fields[i]->name, name))
            return true;
    return false;
}

static void print_hex(FILE *out, const unsigned char *bytes, size_t length)
{
    fputc('"', out);
    for (size_t i = 0; i < length; i++)
        fprintf(out, "%02x", bytes[i]);
    fputc('"', out);
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The storage has credentials as `encrypted:` and the token in base64; the list has tokens in hexadecimal. */
static void print_token(FILE *out, const char *text)
{
    unsigned bits = 0, group = 0;
    fputc('"', out);
    for (; base64_digit(*text) >= 0; text++) {
        group = (group << 6 | (unsigned)base64_digit(*text)) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            fprintf(out, "%02x", group >> bits & 0xff);
        }
    }
    fputc('"', out);
}

/* Seconds as ISO 8601; what is no time of this era is none. */
static void print_seconds(FILE *out, double seconds)
{
    bool good = seconds > -1e11 && seconds < 1e11;
    fputs(good ? "\"" : "null", out);
    if (!good)
        return;
    print_time(out, (int64_t)(seconds * 1e6 + 0.5));
    fputc('"', out);
}

static void print_column(FILE *out, sqlite3_stmt *row, int column, bool first)
{
    static const char sealed[] = "encrypted:";
    const char *name = sqlite3_column_name(row, column), *text;
    int type = sqlite3_column_type(row, column);
    bool credential = name && (!strcmp(name, "username") || !strcmp(name, "password"));
    if (type == SQLITE_NULL || !name)
        return;
    text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(row, column) : NULL;
    bool token = credential && text && !strncmp(text, sealed, sizeof sealed - 1);
    fputs(first ? "{" : ", ", out);
    fprintf(out, "\"%s%s\": ", name, token ? "_encrypted" : "");
    if (token)
        print_token(out, text + sizeof sealed - 1);
    else if (type == SQLITE_BLOB)
        print_hex(out, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    else if (text)
        print_json_text(out, text);
    else if (is_time(name))
        print_seconds(out, sqlite3_column_double(row, column));
    else
        fputs((const char *)sqlite3_column_text(row, column), out);
}

/* Makes the line of the current row. False when out of memory. */
static bool make_line(struct rows *rows)
{
    FILE *out = open_memstream(&rows->line, &rows->end);
    if (!out)
        return false;
    int columns = sqlite3_column_count(rows->row);
    long before = 0;
    for (int i = 0; i < columns; i++) {
        print_column(out, rows->row, i, before == 0);
        before = ftell(out);
    }
    fputs(before ? "}\n" : "{}\n", out);
    rows->at = 0;
    return !fclose(out);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static void forget_line(struct rows *rows)
{
    if (rows->line)
        explicit_bzero(rows->line, rows->end);
    free(rows->line);
    rows->line = NULL;
    rows->at = rows->end = 0;
}

static ssize_t read_rows(void *cookie, char *out, size_t size)
{
    struct rows *rows = cookie;
    if (rows->at == rows->end) {
        forget_line(rows);
        int rc = sqlite3_step(rows->row);
        if (rc == SQLITE_DONE)
            return 0;
        if (rc != SQLITE_ROW || !make_line(rows)) {
            errno = rc == SQLITE_ROW ? ENOMEM : EIO;
            return -1;
        }
    }
    size_t n = rows->end - rows->at < size ? rows->end - rows->at : size;
    memcpy(out, rows->line + rows->at, n);
    rows->at += n;
    return (ssize_t)n;
}

static int close_rows(void *cookie)
{
    struct rows *rows = cookie;
    forget_line(rows);
    sqlite3_finalize(rows->row);
    sqlite3_close(rows->db);
    free(rows);
    return 0;
}

/* ---- the database ------------------------------------------------------------------------------------------------ */

/* `*at_rest`: it has a write-ahead log, and nobody has it open. */
static bool is_database(const char *path, bool *at_rest)
{
    unsigned char head[20];
    struct stat other;
    char *log = NULL;
    if (!strcmp(path, "-") || stat(path, &other) || !S_ISREG(other.st_mode))
        return false;
    FILE *file = fopen(path, "re");
    bool is = file && fread(head, 1, sizeof head, file) == sizeof head && !memcmp(head, "SQLite format 3", 16);
    if (file)
        fclose(file);
    *at_rest = is && head[18] == 2 && asprintf(&log, "%s-wal", path) >= 0 && stat(log, &other);
    free(log);
    return is;
}

/* The path as a URI of SQLite. A reader of a file at rest would make a log beside it, which it may not remove: so SQLite is
 * told that the file does not change. */
static char *uri_of(const char *path, bool at_rest)
{
    static const char start[] = "file:", end[] = "?immutable=1";
    char *uri = malloc(sizeof start + 3 * strlen(path) + sizeof end), *out = uri;
    if (!uri)
        return NULL;
    out = stpcpy(out, start);
    for (; *path; path++)
        out += sprintf(out, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    strcpy(out, at_rest ? end : "");
    return uri;
}

static pxt_status fail_with(struct pxt_error *error, pxt_status status, const char *path, const char *problem)
{
    error->status = status;
    error->system_errno = 0;
    snprintf(error->message, sizeof error->message, "cannot read database %s: %s", path, problem);
    return status;
}

/* A file of proxtier alone has fields that no column shows. */
static bool is_packed(sqlite3 *db, const char *table)
{
    return sqlite3_table_column_metadata(db, NULL, table, "packed", NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

static pxt_status open_rows(struct rows *rows, const char *path, bool at_rest, struct pxt_error *error)
{
    char *uri = uri_of(path, at_rest);
    int opened =
        uri ? sqlite3_open_v2(uri, &rows->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL)
            : SQLITE_NOMEM;
    free(uri);
    if (opened != SQLITE_OK)
        return fail_with(error, PXT_ENOINPUT, path, rows->db ? sqlite3_errmsg(rows->db) : "out of memory");
    sqlite3_busy_timeout(rows->db, 5000);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        sqlite3_stmt *found = NULL;
        int rc = sqlite3_prepare_v2(rows->db, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1", -1, &found,
                                    NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_bind_text(found, 1, tables[i].table, -1, SQLITE_STATIC);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(found);
        sqlite3_finalize(found);
        if (rc == SQLITE_ROW && is_packed(rows->db, tables[i].table))
            return fail_with(
                error, PXT_EINVAL, path,
                "it is a tier of proxtier, not a database of ProxyWhirl: give a configuration that has this tier "
                "to `proxtier migrate --from`, or use `proxtier export`");
        if (rc == SQLITE_ROW)
            rc = sqlite3_prepare_v2(rows->db, tables[i].select, -1, &rows->row, NULL);
        else if (rc == SQLITE_DONE)
            continue;
        return rc == SQLITE_OK ? PXT_OK : fail_with(error, PXT_EINVAL, path, sqlite3_errmsg(rows->db));
    }
    return fail_with(error, PXT_EINVAL, path,
                     "it has none of the tables cache_entries, l2_cache, proxy_identities and proxies");
}

pxt_status sqlite_list_open(void *arg, const char *path, void **stream, struct pxt_error *error)
{
    (void)arg;
    bool at_rest;
    if (!is_database(path, &at_rest))
        return PXT_OK;
    struct rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return fail_with(error, PXT_ENOMEM, path, "out of memory");
    pxt_status status = open_rows(rows, path, at_rest, error);
    if (!status) {
        *stream = fopencookie(rows, "r", (cookie_io_functions_t){.read = read_rows, .close = close_rows});
        status = *stream ? PXT_OK : fail_with(error, PXT_ENOMEM, path, "out of memory");
    }
    if (status)
        close_rows(rows);
    return status;
}
