/* SPDX-License-Identifier: MIT
 *
 * layout.c: the columns of the main tables: those of ProxyWhirl, to the column, and those of a file of our own.
 */
#include "schema.h"

static const struct sqlite_column l2_columns[] = {{"key", "TEXT PRIMARY KEY"},
                                                  {"proxy_url", "TEXT NOT NULL"},
                                                  {"username_encrypted", "BLOB"},
                                                  {"password_encrypted", "BLOB"},
                                                  {"source", "TEXT NOT NULL"},
                                                  {"fetch_time", "REAL NOT NULL"},
                                                  {"last_accessed", "REAL NOT NULL"},
                                                  {"access_count", "INTEGER DEFAULT 0"},
                                                  {"ttl_seconds", "INTEGER NOT NULL"},
                                                  {"expires_at", "REAL NOT NULL"},
                                                  {"health_status", "TEXT DEFAULT 'unknown'"},
                                                  {"failure_count", "INTEGER DEFAULT 0"},
                                                  {"evicted_from_l1", "INTEGER DEFAULT 0"},
                                                  {NULL, NULL}};
static const struct sqlite_column l3_columns[] = {{"key", "TEXT PRIMARY KEY"},
                                                  {"proxy_url", "TEXT NOT NULL"},
                                                  {"username_encrypted", "BLOB"},
                                                  {"password_encrypted", "BLOB"},
                                                  {"source", "TEXT NOT NULL"},
                                                  {"fetch_time", "REAL NOT NULL"},
                                                  {"last_accessed", "REAL NOT NULL"},
                                                  {"access_count", "INTEGER DEFAULT 0"},
                                                  {"ttl_seconds", "INTEGER NOT NULL"},
                                                  {"expires_at", "REAL NOT NULL"},
                                                  {"health_status", "TEXT DEFAULT 'unknown'"},
                                                  {"failure_count", "INTEGER DEFAULT 0"},
                                                  {"created_at", "REAL NOT NULL"},
                                                  {"updated_at", "REAL NOT NULL"},
                                                  {"last_health_check", "REAL"},
                                                  {"consecutive_health_failures", "INTEGER DEFAULT 0"},
                                                  {"consecutive_health_successes", "INTEGER DEFAULT 0"},
                                                  {"recovery_attempt", "INTEGER DEFAULT 0"},
                                                  {"next_check_time", "REAL"},
                                                  {"last_health_error", "TEXT"},
                                                  {"total_health_checks", "INTEGER DEFAULT 0"},
                                                  {"total_health_check_failures", "INTEGER DEFAULT 0"},
                                                  {"evicted_from_l1", "INTEGER DEFAULT 0"},
                                                  {NULL, NULL}};
/* A file of our own has these columns in both tiers. `ring` is no field: the place of the key in the order of select(), NULL in
 * a row that another program wrote. */
static const struct sqlite_column packed_columns[] = {{"key", "TEXT PRIMARY KEY"},
                                                      {"proxy_url", "TEXT NOT NULL"},
                                                      {"source", "TEXT NOT NULL"},
                                                      {"fetch_time", "REAL NOT NULL"},
                                                      {"last_accessed", "REAL NOT NULL"},
                                                      {"access_count", "INTEGER DEFAULT 0"},
                                                      {"expires_at", "REAL NOT NULL"},
                                                      {"health_status", "TEXT DEFAULT 'unknown'"},
                                                      {"failure_count", "INTEGER DEFAULT 0"},
                                                      {"evicted_from_l1", "INTEGER DEFAULT 0"},
                                                      {"version", "INTEGER"},
                                                      {"country", "TEXT"},
                                                      {"tags", "TEXT"},
                                                      {"latency_us", "INTEGER"},
                                                      {"ring", "INTEGER"},
                                                      {"packed", "BLOB"},
                                                      {NULL, NULL}};
static const char *const l2_indexes[] = {"idx_l2_expires_at ON l2_cache(expires_at)",
                                         "idx_l2_source ON l2_cache(source)", NULL};
static const char *const l3_indexes[] = {"idx_expires_at ON cache_entries(expires_at)",
                                         "idx_source ON cache_entries(source)",
                                         "idx_health_status ON cache_entries(health_status)",
                                         "idx_last_accessed ON cache_entries(last_accessed)",
                                         "idx_health_history_proxy ON health_history(proxy_key)",
                                         "idx_health_history_time ON health_history(check_time)",
                                         NULL};

const struct sqlite_layout sqlite_layout_l2 = {
    .table = "l2_cache", .columns = l2_columns, .extra = "proxtier_l2_health", .indexes = l2_indexes};
const struct sqlite_layout sqlite_layout_l3 = {
    .table = "cache_entries",
    .columns = l3_columns,
    .extra = "proxtier_l3_extra",
    .stamps = true,
    .history = true,
    .indexes = l3_indexes,
    .history_table = "CREATE TABLE IF NOT EXISTS health_history (\n"
                     "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                     "    proxy_key TEXT NOT NULL,\n"
                     "    check_time REAL NOT NULL,\n"
                     "    status TEXT NOT NULL,\n"
                     "    response_time_ms REAL,\n"
                     "    error_message TEXT,\n"
                     "    check_url TEXT NOT NULL,\n"
                     "    FOREIGN KEY (proxy_key) REFERENCES cache_entries(key) ON DELETE CASCADE\n"
                     ")"};

const struct sqlite_column *sqlite_schema_columns(const struct sqlite_layout *layout, enum sqlite_form form)
{
    return form == FORM_PACKED ? packed_columns : layout->columns;
}
