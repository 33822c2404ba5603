/* SPDX-License-Identifier: MIT
 *
 * format.c: the number of the format in the header of the file: PRAGMA user_version, beside an application_id of our own. A
 * file that is shared with ProxyWhirl, or that was made before versions, has neither.
 */
#include "schema.h"

static int read_number(sqlite3 *db, const char *text, int64_t *out)
{
    sqlite3_stmt *query = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &query, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(query)) == SQLITE_ROW)
        *out = sqlite3_column_int64(query, 0);
    int end = sqlite3_finalize(query);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? end : rc;
}

int sqlite_format_read(sqlite3 *db, struct sqlite_format *format)
{
    *format = (struct sqlite_format){0};
    int rc = read_number(db, "PRAGMA application_id", &format->application);
    return rc == SQLITE_OK ? read_number(db, "PRAGMA user_version", &format->number) : rc;
}

void sqlite_format_add(struct sqlite_text *sql)
{
    sqlite_text_add(sql, "PRAGMA application_id=%d;PRAGMA user_version=%d;", SQLITE_FORMAT_APPLICATION,
                    SQLITE_FORMAT_NUMBER);
}

pxt_status sqlite_format_check(const struct sqlite_schema *schema, const struct pxt_host *host, const char *path,
                               const struct sqlite_format *format, struct pxt_error *error)
{
    bool ours = format->application == SQLITE_FORMAT_APPLICATION;
    if (format->number > SQLITE_FORMAT_NUMBER && (ours || !schema->shared))
        return host->fail(host, error, PXT_ECONFIG, 0,
                          "%s has format %lld, and this program knows formats up to %d; it was left as it is: upgrade "
                          "proxtier, or open it with the version that made it",
                          path, (long long)format->number, SQLITE_FORMAT_NUMBER);
    if (ours && schema->shared)
        return host->fail(host, error, PXT_ECONFIG, 0,
                          "%s has columns that ProxyWhirl would fail on, for it was used without `compatible: "
                          "proxywhirl`; it was left as it is: remove that option, or export the entries and import "
                          "them into a new file",
                          path);
    return PXT_OK;
}
