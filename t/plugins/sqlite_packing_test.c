/* SPDX-License-Identifier: MIT
 *
 * sqlite_packing_test.c: a file of a format before 2, or of ProxyWhirl, gets packed fields when it is opened: nothing is
 * lost, also where the process is killed meanwhile.
 */
#include "../lib/sqlite_kit.h"

enum { ROWS = 3000 };

/* The table as a program of format 1 made it, with its health in a table of its own in L2. */
static void make_old(struct tier *tier, bool l3, const char *name, bool versions)
{
    char text[3000];
    *tier = (struct tier){.l3 = l3, .table = l3 ? "cache_entries" : "l2_cache"};
    make_place(name);
    snprintf(tier->path, sizeof tier->path, "%s/%s/%s", root, name, l3 ? "px.db" : "l2_cache.db");
    umask(0077);
    snprintf(
        text, sizeof text,
        "PRAGMA journal_mode=WAL;"
        "CREATE TABLE %s (key TEXT PRIMARY KEY, proxy_url TEXT NOT NULL, username_encrypted BLOB, password_encrypted "
        "BLOB, source TEXT NOT NULL, fetch_time REAL NOT NULL, last_accessed REAL NOT NULL, access_count INTEGER "
        "DEFAULT "
        "0, ttl_seconds INTEGER NOT NULL, expires_at REAL NOT NULL, health_status TEXT DEFAULT 'unknown', "
        "failure_count "
        "INTEGER DEFAULT 0%s, evicted_from_l1 INTEGER DEFAULT 0%s);"
        "CREATE INDEX idx%s_source ON %s(source);%s",
        tier->table,
        l3 ? ", created_at REAL NOT NULL, updated_at REAL NOT NULL, total_health_checks INTEGER DEFAULT 0" : "",
        versions ? ", version INTEGER, supplied_version INTEGER, learnt_version INTEGER, tallies TEXT, metadata TEXT"
                 : "",
        l3 ? "" : "_l2", tier->table, versions ? "PRAGMA application_id=1886942257;PRAGMA user_version=1;" : "");
    sql(tier->path, text);
    if (l3)
        sql(tier->path,
            "CREATE TABLE health_history (id INTEGER PRIMARY KEY AUTOINCREMENT, proxy_key TEXT NOT NULL, "
            "check_time REAL NOT NULL, status TEXT NOT NULL, response_time_ms REAL, error_message TEXT, "
            "check_url TEXT NOT NULL, FOREIGN KEY (proxy_key) REFERENCES cache_entries(key) ON DELETE CASCADE);"
            "INSERT INTO health_history VALUES(7,'k10',5,'dead',NULL,'no','u')");
    else
        sql(tier->path,
            "CREATE TABLE proxtier_l2_health (key TEXT PRIMARY KEY, entry_rowid INTEGER, total_health_checks "
            "INTEGER) WITHOUT ROWID;CREATE TRIGGER proxtier_l2_health_gone AFTER DELETE ON l2_cache BEGIN "
            "DELETE FROM proxtier_l2_health WHERE key=old.key; END");
    snprintf(
        text, sizeof text,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d) INSERT INTO %s(rowid,key,proxy_url,"
        "username_encrypted,source,fetch_time,last_accessed,ttl_seconds,expires_at%s%s) SELECT 2*i,'k'||i,"
        "'http://192.0.2.1:'||i,CAST('gAAA'||i AS BLOB),'s',i+0.000001,i+0.5,i,9e9%s%s FROM n",
        ROWS, tier->table, versions ? ",version,supplied_version,learnt_version,tallies,metadata" : "",
        l3 ? ",created_at,updated_at,total_health_checks" : "",
        versions ? ",1000+i,500+i,1000+i,'ab:'||i||':0','{}'" : "", l3 ? ",1,1,3*i" : "");
    sql(tier->path, text);
    if (!l3)
        sql(tier->path, "INSERT INTO proxtier_l2_health SELECT key,rowid,3*substr(key,2) FROM l2_cache");
    umask(0022);
}

/* Whether entry i has what make_old() gave it. */
static bool is_entry(struct tier *tier, int i, bool versions)
{
    char key[20], token[20];
    pxt_entry *out;
    struct pxt_draft draft;
    snprintf(key, sizeof key, "k%d", i);
    snprintf(token, sizeof token, "gAAA%d", i);
    if (get(tier, key, &out))
        return false;
    pxt_draft_init(&draft);
    host.host.entry_read(out, &draft);
    const int64_t by_time = (i * PXT_SECOND + 1) << 11;
    const struct pxt_value *value = draft.value, *user = &value[PXT_FIELD_USERNAME];
    bool right = value[PXT_FIELD_FETCH_TIME].as.number == i * PXT_SECOND + 1 &&
                 value[PXT_FIELD_TTL_SECONDS].as.number == i &&
                 value[PXT_FIELD_TOTAL_HEALTH_CHECKS].as.number == 3 * i && user->set &&
                 user->length == strlen(token) && !memcmp(user->as.text, token, user->length) &&
                 value[PXT_FIELD_VERSION].as.number == (versions ? 1000 + i : by_time) &&
                 value[PXT_FIELD_SUPPLIED_VERSION].as.number == (versions ? 500 + i : by_time) &&
                 value[PXT_FIELD_METADATA].set == versions;
    host.host.entry_release(out);
    return right;
}

static void check_whole(struct tier *tier, const char *name, bool versions)
{
    char text[200];
    unsigned wrong = 0;
    for (int i = 1; i <= ROWS; i++)
        wrong += !is_entry(tier, i, versions);
    is_int(wrong, 0, "%s: all fields of all entries are there", name);
    snprintf(text, sizeof text, "SELECT count(*) FROM %s WHERE 'k'||(rowid/2)=key", tier->table);
    is_int(atoi(ask(tier->path, text)), ROWS, "%s: they keep their rowids", name);
    is_str(ask(tier->path, "PRAGMA integrity_check"), "ok", "%s: the file is sound", name);
    is_str(ask(tier->path, "PRAGMA foreign_key_check"), "", "%s: so are its references", name);
    is_str(ask(tier->path, "PRAGMA user_version"), "2", "%s: it has the format", name);
    is_str(ask(tier->path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'proxtier_l2_health%' OR name LIKE "
                           "'%before%' OR sql LIKE '%before%'"),
           "0", "%s: nothing of the old tables is left", name);
    snprintf(text, sizeof text,
             "SELECT count(*) FROM sqlite_schema WHERE type='index' AND tbl_name='%s' AND name LIKE 'idx%%'",
             tier->table);
    is_str(ask(tier->path, text), tier->l3 ? "4" : "2", "%s: it has its indexes", name);
}

static void old_files_are_packed(bool l3, const char *name)
{
    for (int versions = 0; versions < 2; versions++) {
        char place[120];
        struct tier tier;
        snprintf(place, sizeof place, "%s-%d", name, versions);
        make_old(&tier, l3, place, versions);
        tier = opened(l3, place, NULL);
        check_whole(&tier, place, versions);
        if (l3) {
            struct pxt_key key = key_of("k10");
            is_str(ask(tier.path, "SELECT id||error_message FROM health_history"), "7no", "%s: its history is there",
                   place);
            tier.ops->del(tier.self, &key, PXT_REMOVE_DELETED, NULL);
            is_str(ask(tier.path, "SELECT count(*) FROM health_history"), "0", "%s: and goes with its entry", place);
        }
        is_int(put(&tier, complete("k11")), PXT_OK, "%s: an entry can be replaced", place);
        close_tier(&tier);
    }
}

/* ---- a process that is killed meanwhile ---- */

static long long microseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

/* Opens the tier in a process that is killed after a time; 0: never. Returns how long that took. */
static long long open_and_kill(bool l3, const char *name, long long after)
{
    fflush(stdout);
    const long long begin_at = microseconds();
    const pid_t child = fork();
    if (!child) {
        struct tier tier;
        if (open_tier(&tier, l3, name, NULL, NULL))
            _exit(1);
        close_tier(&tier);
        _exit(0);
    }
    if (after) {
        nanosleep(&(struct timespec){.tv_sec = after / 1000000, .tv_nsec = after % 1000000 * 1000}, NULL);
        kill(child, SIGKILL);
    }
    waitpid(child, NULL, 0);
    return microseconds() - begin_at;
}

static void a_kill_leaves_the_old_file_or_the_new(bool l3, const char *name)
{
    enum { KILLS = 12 };
    char place[120];
    struct tier tier;
    unsigned wrong = 0, old = 0;
    snprintf(place, sizeof place, "%s-unkilled", name);
    make_old(&tier, l3, place, true);
    const long long whole = open_and_kill(l3, place, 0);
    for (int i = 0; i < KILLS; i++) {
        char text[200];
        snprintf(place, sizeof place, "%s-%d", name, i);
        make_old(&tier, l3, place, true);
        open_and_kill(l3, place, 1 + whole * i / KILLS);
        const bool is_old = atoi(ask(tier.path, "PRAGMA user_version")) == 1;
        snprintf(text, sizeof text, "SELECT count(*) FROM pragma_table_info('%s') WHERE name='%s'", tier.table,
                 is_old ? "ttl_seconds" : "packed");
        wrong += atoi(ask(tier.path, text)) != 1;
        snprintf(text, sizeof text, "SELECT count(*) FROM %s", tier.table);
        wrong += atoi(ask(tier.path, text)) != ROWS;
        old += is_old;
        tier = opened(l3, place, NULL);
        for (int row = 1; row <= ROWS; row += 7)
            wrong += !is_entry(&tier, row, true);
        close_tier(&tier);
    }
    is_int(wrong, 0, "%s: all is there after a kill, in the old form (%u times) or the new", name, old);
    ok(old > 0, "%s: a kill came before the end", name);
}

int main(int argc, char **argv)
{
    char name[100];
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        TEST(old_files_are_packed, "old");
        TEST(a_kill_leaves_the_old_file_or_the_new, "killed");
    }
    return finish();
}
