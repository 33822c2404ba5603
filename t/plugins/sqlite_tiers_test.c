/* SPDX-License-Identifier: MIT
 *
 * sqlite_tiers_test: l2_sqlite and l3_sqlite through the ABI alone: entries, order, expiry, history, and files as
 * ProxyWhirl makes and reads them.
 */
#include "../lib/sqlite_kit.h"

static void all_fields_round_trip(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    pxt_entry *full = complete("full"), *plain = simple("plain"), *out;
    host.host.entry_hold(full);
    host.host.entry_hold(plain);
    is_int(put(&tier, full), PXT_OK, "%s: put of an entry with all fields", name);
    is_int(put(&tier, plain), PXT_OK, "%s: put of an entry with few", name);
    is_int(get(&tier, "full", &out), PXT_OK, "%s: get", name);
    ok(out && same(full, out), "%s: all fields come back as they were", name);
    host.host.entry_release(out);
    is_int(get(&tier, "plain", &out), PXT_OK, "%s: get", name);
    ok(out && same(plain, out), "%s: and so do defaults", name);
    host.host.entry_release(out);
    is_int(get(&tier, "none", &out), PXT_NOT_FOUND, "%s: no such key", name);
    ok(has(&tier, "full") && !has(&tier, "none"), "%s: contains", name);
    is_int(count(&tier), 2, "%s: count", name);
    close_tier(&tier);
    tier = opened(l3, name, NULL);
    get(&tier, "full", &out);
    ok(out && same(full, out), "%s: after closing and opening too", name);
    host.host.entry_release(out);
    /* The same key with defaults again: nothing of the old one may shine through. */
    put(&tier, simple("full"));
    get(&tier, "full", &out);
    is_int(out ? pxt_entry_number(out, PXT_FIELD_TOTAL_HEALTH_CHECKS) : -1, 0, "%s: put replaces all fields", name);
    ok(out && !pxt_entry_has(out, PXT_FIELD_LAST_HEALTH_ERROR), "%s: texts as well", name);
    host.host.entry_release(out);
    is_int(count(&tier), 2, "%s: and the count stays", name);
    close_tier(&tier);
    host.host.entry_release(full);
    host.host.entry_release(plain);
}

static void columns_are_the_reference_s(bool l3, const char *name)
{
    static const char ours[] = "key:TEXT:0:-:1,proxy_url:TEXT:1:-:0,source:TEXT:1:-:0,fetch_time:REAL:1:-:0,"
                               "last_accessed:REAL:1:-:0,access_count:INTEGER:0:0:0,expires_at:REAL:1:-:0,"
                               "health_status:TEXT:0:'unknown':0,failure_count:INTEGER:0:0:0,"
                               "evicted_from_l1:INTEGER:0:0:0,version:INTEGER:0:-:0,country:TEXT:0:-:0,tags:TEXT:0:-:0,"
                               "latency_us:INTEGER:0:-:0,ring:INTEGER:0:-:0,packed:BLOB:0:-:0";
    char place[100];
    const char *columns = "SELECT name||':'||type||':'||\"notnull\"||':'||coalesce(dflt_value,'-')||':'||pk "
                          "FROM pragma_table_info('%s')";
    static const char *const want[] = {
        "key:TEXT:0:-:1,proxy_url:TEXT:1:-:0,username_encrypted:BLOB:0:-:0,password_encrypted:BLOB:0:-:0,"
        "source:TEXT:1:-:0,fetch_time:REAL:1:-:0,last_accessed:REAL:1:-:0,access_count:INTEGER:0:0:0,"
        "ttl_seconds:INTEGER:1:-:0,expires_at:REAL:1:-:0,health_status:TEXT:0:'unknown':0,"
        "failure_count:INTEGER:0:0:0,evicted_from_l1:INTEGER:0:0:0",
        "key:TEXT:0:-:1,proxy_url:TEXT:1:-:0,username_encrypted:BLOB:0:-:0,password_encrypted:BLOB:0:-:0,"
        "source:TEXT:1:-:0,fetch_time:REAL:1:-:0,last_accessed:REAL:1:-:0,access_count:INTEGER:0:0:0,"
        "ttl_seconds:INTEGER:1:-:0,expires_at:REAL:1:-:0,health_status:TEXT:0:'unknown':0,"
        "failure_count:INTEGER:0:0:0,created_at:REAL:1:-:0,updated_at:REAL:1:-:0,last_health_check:REAL:0:-:0,"
        "consecutive_health_failures:INTEGER:0:0:0,consecutive_health_successes:INTEGER:0:0:0,"
        "recovery_attempt:INTEGER:0:0:0,next_check_time:REAL:0:-:0,last_health_error:TEXT:0:-:0,"
        "total_health_checks:INTEGER:0:0:0,total_health_check_failures:INTEGER:0:0:0,evicted_from_l1:INTEGER:0:0:0"};
    char text[300];
    snprintf(place, sizeof place, "%s-native", name);
    struct tier native = opened(l3, place, NULL);
    snprintf(text, sizeof text, columns, native.table);
    is_str(ask(native.path, text), ours, "%s: columns of a file of its own", name);
    is_str(ask(native.path, "PRAGMA journal_mode"), "wal", "%s: the file has a write-ahead log", name);
    close_tier(&native);
    struct tier tier = opened(l3, name, &(struct how){.compatible = "proxywhirl"});
    snprintf(text, sizeof text, columns, tier.table);
    is_str(ask(tier.path, text), want[l3], "%s: the columns of %s, to the letter, if shared with ProxyWhirl", name,
           tier.table);
    is_str(ask(tier.path, "SELECT name FROM sqlite_schema WHERE type='index' AND name LIKE 'idx%' ORDER BY 1"),
           l3 ? "idx_expires_at,idx_health_history_proxy,idx_health_history_time,idx_health_status,idx_last_accessed,"
                "idx_source"
              : "idx_l2_expires_at,idx_l2_source",
           "%s: the indexes", name);
    if (l3)
        is_str(ask(tier.path, "SELECT name||':'||type||':'||\"notnull\" FROM pragma_table_info('health_history')"),
               "id:INTEGER:0,proxy_key:TEXT:1,check_time:REAL:1,status:TEXT:1,response_time_ms:REAL:0,"
               "error_message:TEXT:0,check_url:TEXT:1",
               "%s: the columns of health_history", name);
    put(&tier, complete("k"));
    snprintf(text, sizeof text,
             "SELECT typeof(fetch_time)||typeof(username_encrypted)||typeof(access_count)||fetch_time "
             "FROM %s WHERE key='k'",
             tier.table);
    is_str(ask(tier.path, text), "realblobinteger1767323045.12346", "%s: times are REAL seconds, tokens BLOBs", name);
    is_str(ask(tier.path, "PRAGMA application_id"), "0", "%s: application_id is left alone", name);
    is_str(ask(tier.path, "PRAGMA user_version"), "0", "%s: and user_version", name);
    close_tier(&tier);
}

static void update_keeps_created_at_and_history(const char *name, const struct how *how)
{
    struct tier tier = opened(true, name, how);
    struct pxt_check check = {.size = sizeof check,
                              .key = key_of("k"),
                              .time = NOW,
                              .status = PXT_HEALTH_DEGRADED,
                              .response_time_ms = -1,
                              .error_message = "refused",
                              .check_url = "http://192.0.2.9/"};
    is_int(tier.ops->check_add(tier.self, &check, 3, NULL), PXT_NOT_FOUND, "%s: none without an entry", name);
    put(&tier, simple("k"));
    char before[100];
    if (how)
        snprintf(before, sizeof before, "%s", ask(tier.path, "SELECT created_at FROM cache_entries"));
    is_int(tier.ops->check_add(tier.self, &check, 3, NULL), PXT_OK, "%s: a check is added", name);
    clock_now += 10 * PXT_SECOND;
    put(&tier, complete("k"));
    if (how)
        is_str(ask(tier.path, "SELECT created_at FROM cache_entries"), before, "%s: created_at survives an update",
               name);
    if (how)
        is_str(ask(tier.path, "SELECT updated_at-created_at FROM cache_entries"), "10.0", "%s: updated_at moves", name);
    is_str(ask(tier.path, "SELECT count(*) FROM health_history"), "1", "%s: survives an update of its entry", name);
    clock_now = NOW;
    struct pxt_key key = key_of("k");
    tier.ops->del(tier.self, &key, PXT_REMOVE_DELETED, NULL);
    is_str(ask(tier.path, "SELECT count(*) FROM health_history"), "0", "%s: goes with its entry", name);
    close_tier(&tier);
}

static bool note_check(void *arg, const struct pxt_check *check)
{
    char *text = arg;
    sprintf(text + strlen(text), "%lld/%d/%g/%s/%s ", (long long)(check->time - NOW), (int)check->status,
            check->response_time_ms, check->error_message ? check->error_message : "-", check->check_url);
    return true;
}

static void history_keeps_the_newest(void)
{
    struct tier tier = opened(true, "newest", NULL);
    char seen[500] = "";
    struct pxt_key key = key_of("k");
    put(&tier, simple("k"));
    put(&tier, simple("other"));
    for (int i = 0; i < 5; i++) {
        struct pxt_check check = {.size = sizeof check,
                                  .key = key,
                                  .time = NOW + i,
                                  .status = i % 2 ? PXT_HEALTH_HEALTHY : PXT_HEALTH_DEAD,
                                  .response_time_ms = i % 2 ? i + 0.5 : -1,
                                  .error_message = i % 2 ? NULL : "no",
                                  .check_url = i % 2 ? "u" : ""};
        tier.ops->check_add(tier.self, &check, 3, NULL);
        check.key = key_of("other");
        tier.ops->check_add(tier.self, &check, 0, NULL);
    }
    is_int(tier.ops->check_each(tier.self, &key, note_check, seen, NULL), PXT_OK, "history: is read");
    is_str(seen, "4/4/-1/no/ 3/1/3.5/-/u 2/4/-1/no/ ", "history: newest first, no more than are kept");
    is_str(ask(tier.path, "SELECT count(*) FROM health_history WHERE proxy_key='other'"), "5", "history: 0 keeps all");
    close_tier(&tier);
}

static void old_l3_files_are_migrated(void)
{
    char path[400];
    pxt_entry *out;
    make_place("old");
    snprintf(path, sizeof path, "%s/old/px.db", root);
    umask(0077);
    sql(path, "CREATE TABLE cache_entries (key TEXT PRIMARY KEY, proxy_url TEXT NOT NULL, username_encrypted BLOB,"
              " password_encrypted BLOB, source TEXT NOT NULL, fetch_time REAL NOT NULL, last_accessed REAL NOT NULL,"
              " access_count INTEGER DEFAULT 0, ttl_seconds INTEGER NOT NULL, expires_at REAL NOT NULL,"
              " health_status TEXT DEFAULT 'unknown', failure_count INTEGER DEFAULT 0, created_at REAL NOT NULL,"
              " updated_at REAL NOT NULL);"
              "INSERT INTO cache_entries VALUES('k','http://192.0.2.1:1',NULL,x'6741',"
              "'s',1.5,2.000001,3,60,61.5,'healthy',1,1.5,1.5)");
    umask(0022);
    struct tier tier = opened(true, "old", NULL);
    is_str(ask(path, "SELECT count(*) FROM pragma_table_info('cache_entries')"), "16", "migration: fields are packed");
    is_int(get(&tier, "k", &out), PXT_OK, "migration: what was in the file can be read");
    is_int(out ? pxt_entry_number(out, PXT_FIELD_LAST_ACCESSED) : 0, 2000001, "migration: to the microsecond");
    host.host.entry_release(out);
    is_int(put(&tier, complete("k")), PXT_OK, "migration: and written");
    close_tier(&tier);
}

/* A file that lacks columns that a later program needs. */
static void later_columns_are_added(bool l3, const char *name)
{
    char text[300];
    pxt_entry *out;
    struct tier tier = opened(l3, name, NULL);
    is_int(put(&tier, complete("k")), PXT_OK, "%s: an entry", name);
    close_tier(&tier);
    snprintf(text, sizeof text, "ALTER TABLE %s DROP COLUMN country;ALTER TABLE %s DROP COLUMN tags", tier.table,
             tier.table);
    sql(tier.path, text);
    tier = opened(l3, name, NULL);
    is_int(get(&tier, "k", &out), PXT_OK, "%s: it can be read without them", name);
    ok(out && pxt_entry_number(out, PXT_FIELD_VERSION) > 0, "%s: with its version", name);
    host.host.entry_release(out);
    is_int(put(&tier, complete("full")), PXT_OK, "%s: one with all fields", name);
    snprintf(text, sizeof text, "SELECT country IS NOT NULL AND tags IS NOT NULL FROM %s WHERE key='full'", tier.table);
    is_str(ask(tier.path, text), "1", "%s: what lists publish has its columns", name);
    close_tier(&tier);
}

static void victims_follow_the_order(bool l3, const char *name)
{
    static const enum pxt_field_id lru[] = {PXT_FIELD_LAST_ACCESSED, PXT_FIELD_END},
                                   lfu[] = {PXT_FIELD_ACCESS_COUNT, PXT_FIELD_LAST_ACCESSED, PXT_FIELD_END},
                                   fifo[] = {PXT_FIELD_FETCH_TIME, PXT_FIELD_END},
                                   checks[] = {PXT_FIELD_TOTAL_HEALTH_CHECKS, PXT_FIELD_END};
    static const struct {
        const char *policy;
        const enum pxt_field_id *order;
        const char *want;
    } cases[] = {{"lru", lru, "cab"}, {"lfu", lfu, "bca"}, {"fifo", fifo, "acb"}, {"checks", checks, "bac"}};
    /* last access, accesses, fetched, checks */
    static const int64_t numbers[3][4] = {{20, 9, 1, 2}, {30, 1, 3, 1}, {10, 1, 2, 3}};
    char place[100];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char order[4] = "";
        snprintf(place, sizeof place, "%s-%s", name, cases[c].policy);
        struct tier tier = opened(l3, place, &(struct how){.capacity = 10, .order = cases[c].order});
        for (int i = 0; i < 3; i++) {
            struct pxt_draft draft;
            char key[] = {(char)('a' + i), '\0'};
            draft_of(&draft, key);
            pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, NOW + numbers[i][0]);
            pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, numbers[i][1]);
            pxt_draft_set_number(&draft, PXT_FIELD_FETCH_TIME, NOW + numbers[i][2]);
            pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, numbers[i][3]);
            put(&tier, entry_of(&draft));
        }
        /* b and c are equal in their count: a later access decides, which a touch brings. */
        if (cases[c].order == lfu) {
            const struct pxt_touch *touch =
                &(struct pxt_touch){.size = sizeof *touch, .key = key_of("c"), .hits = 0, .last_accessed = NOW + 40};
            tier.ops->touch(tier.self, &touch, 1, NULL);
        }
        for (int i = 0; i < 3; i++) {
            pxt_entry *victim = NULL;
            if (tier.ops->victim(tier.self, 0, &victim, NULL))
                break;
            struct pxt_key key;
            host.host.entry_key(victim, &key);
            order[i] = key.text[0];
            tier.ops->del(tier.self, &key, PXT_REMOVE_POLICY, NULL);
            host.host.entry_release(victim);
        }
        is_str(order, cases[c].want, "%s: %s", name, cases[c].policy);
        pxt_entry *none = NULL;
        is_int(tier.ops->victim(tier.self, 0, &none, NULL), PXT_NOT_FOUND, "%s: %s: nobody is left", name,
               cases[c].policy);
        if (cases[c].order == lfu)
            is_str(ask(tier.path, "SELECT name FROM sqlite_schema WHERE name LIKE 'proxtier_order%'"),
                   "proxtier_order_access_count_last_accessed", "%s: an index has that order", name);
        close_tier(&tier);
    }
}

static void touches_add_up(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    pxt_entry *out;
    const struct pxt_touch *touches[] = {
        &(struct pxt_touch){.size = sizeof(struct pxt_touch), .key = key_of("a"), .hits = 3, .last_accessed = NOW + 50},
        &(struct pxt_touch){.size = sizeof(struct pxt_touch),
                            .key = key_of("a"),
                            .hits = 2,
                            .last_accessed = NOW - 50,
                            .evicted_from_l1 = 1},
        &(struct pxt_touch){
            .size = sizeof(struct pxt_touch), .key = key_of("missing"), .hits = 1, .last_accessed = NOW},
        &(struct pxt_touch){
            .size = sizeof(struct pxt_touch), .key = key_of("b"), .hits = UINT64_MAX, .last_accessed = PXT_TIME_NONE}};
    put(&tier, simple("a"));
    put(&tier, simple("b"));
    is_int(tier.ops->touch(tier.self, touches, 4, NULL), PXT_OK, "%s: touch, with a key that is not stored", name);
    get(&tier, "a", &out);
    is_int(pxt_entry_number(out, PXT_FIELD_ACCESS_COUNT), 5, "%s: hits are added", name);
    is_int(pxt_entry_number(out, PXT_FIELD_LAST_ACCESSED), NOW + 50, "%s: the later access stays", name);
    is_int(pxt_entry_number(out, PXT_FIELD_EVICTED_FROM_L1), 1, "%s: evicted_from_l1 is set", name);
    host.host.entry_release(out);
    get(&tier, "b", &out);
    is_int(pxt_entry_number(out, PXT_FIELD_ACCESS_COUNT), PXT_COUNT_MAX, "%s: and never overflow", name);
    is_int(pxt_entry_number(out, PXT_FIELD_LAST_ACCESSED), NOW + 1, "%s: no time leaves the time", name);
    host.host.entry_release(out);
    is_int(count(&tier), 2, "%s: no row came of it", name);
    close_tier(&tier);
}

static void note_key(void *arg, const struct pxt_key *key)
{
    (void)key;
    ++*(unsigned *)arg;
}

static void expiry_goes_in_batches(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    uint64_t removed = 0;
    unsigned told = 0;
    for (int i = 0; i < 2300; i += 100) {
        pxt_entry *batch[100];
        for (int j = 0; j < 100; j++) {
            struct pxt_draft draft;
            char key[20];
            snprintf(key, sizeof key, "%05d", i + j);
            draft_of(&draft, key);
            pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, NOW + i + j);
            batch[j] = entry_of(&draft);
        }
        tier.ops->put_many(tier.self, batch, 100, NULL);
        for (int j = 0; j < 100; j++)
            host.host.entry_release(batch[j]);
    }
    is_int(count(&tier), 2300, "%s: 2300 entries", name);
    is_int(tier.ops->expire(tier.self, NOW + 2199, UINT64_MAX, 10, note_key, &told, &removed, NULL), PXT_OK,
           "%s: expire", name);
    ok(removed == 10 && told == 10, "%s: no more than asked for at a time", name);
    tier.ops->expire(tier.self, NOW + 2199, UINT64_MAX, 5000, note_key, &told, &removed, NULL);
    is_int((long long)removed, 2190, "%s: the rest, the one that expires this microsecond included", name);
    is_int(told, 2200, "%s: each key is reported", name);
    is_int(count(&tier), 100, "%s: those that have time left stay", name);
    is_int(tier.ops->clear(tier.self, &removed, NULL), PXT_OK, "%s: clear", name);
    ok(removed == 100 && count(&tier) == 0, "%s: says how many there were", name);
    close_tier(&tier);
}

static void two_handles_see_each_other(bool l3, const char *name)
{
    struct tier a = opened(l3, name, NULL), b = opened(l3, name, NULL);
    char text[200];
    put(&a, simple("k"));
    is_int(count(&a) + 10 * count(&b), 11, "%s: both count what one stored", name);
    ok(has(&b, "k"), "%s: and the other has it", name);
    struct pxt_key key = key_of("k");
    is_int(b.ops->del(b.self, &key, PXT_REMOVE_DELETED, NULL), PXT_OK, "%s: the other removes it", name);
    is_int(a.ops->del(a.self, &key, PXT_REMOVE_DELETED, NULL), PXT_NOT_FOUND, "%s: it is gone for both", name);
    is_int(count(&a) + count(&b), 0, "%s: both count again", name);
    snprintf(text, sizeof text,
             "INSERT OR REPLACE INTO %s(key,proxy_url,source,fetch_time,last_accessed,expires_at,packed) "
             "VALUES('w','http://192.0.2.2:3128','s',1,2,3,x'0c78')", /* field 6, ttl_seconds: 60 */
             a.table);
    sql(a.path, text);
    ok(count(&a) == 1 && has(&b, "w"), "%s: what another program writes counts as well", name);
    is_str(a.ops->shared_path(a.self), a.path, "%s: the shared path is the file", name);
    close_tier(&a);
    close_tier(&b);
}

static void deletes_by_others_take_our_columns_along(void)
{
    struct tier tier = opened(false, "orphans", &(struct how){.compatible = "proxywhirl"});
    pxt_entry *out;
    put(&tier, complete("k"));
    is_str(ask(tier.path, "SELECT count(*) FROM proxtier_l2_health"), "1", "l2: health monitoring has its own table");
    sql(tier.path, "DELETE FROM l2_cache WHERE key='k'");
    is_str(ask(tier.path, "SELECT count(*) FROM proxtier_l2_health"), "0", "l2: emptied whoever deletes the entry");
    put(&tier, simple("k"));
    get(&tier, "k", &out);
    is_int(out ? pxt_entry_number(out, PXT_FIELD_TOTAL_HEALTH_CHECKS) : -1, 0, "l2: a new entry starts anew");
    host.host.entry_release(out);
    close_tier(&tier);
}

struct changing {
    struct tier *tier;
    unsigned char seen[600];
    unsigned calls;
};

/* The ABI forbids calls of the tier from here; another handle stands for the other threads that make them. */
static bool change_while_walking(void *arg, pxt_entry *entry)
{
    struct changing *changing = arg;
    struct pxt_key key;
    host.host.entry_key(entry, &key);
    int number = atoi(key.text);
    changing->seen[number]++;
    if (changing->calls++ % 3 == 0) {
        char gone[20];
        snprintf(gone, sizeof gone, "%03d", 599 - number);
        struct pxt_key other = key_of(gone);
        if (number < 250)
            changing->tier->ops->del(changing->tier->self, &other, PXT_REMOVE_DELETED, NULL);
        put(changing->tier, simple(number % 2 ? "001" : "000"));
    }
    return true;
}

static void walks_bear_changes(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL), other = opened(l3, name, NULL);
    struct changing changing = {.tier = &other};
    char key[20];
    unsigned twice = 0, missing = 0;
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "%03d", i);
        put(&tier, simple(key));
    }
    is_int(tier.ops->each(tier.self, change_while_walking, &changing, NULL), PXT_OK, "%s: a walk during changes", name);
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "%03d", i);
        twice += changing.seen[i] > 1;
        missing += !changing.seen[i] && has(&tier, key);
    }
    ok(!twice && !missing, "%s: nobody is seen twice (%u), nobody who stayed is missed (%u)", name, twice, missing);
    close_tier(&tier);
    close_tier(&other);
}

static long log_of(const struct tier *tier)
{
    char path[440];
    struct stat file;
    snprintf(path, sizeof path, "%s-wal", tier->path);
    return stat(path, &file) ? -1 : (long)file.st_size;
}

/* Three times as many commits as the log takes; also where two take turns. */
static void the_log_begins_anew(bool l3, const char *name)
{
    enum { LIMIT = 6 << 20 }; /* 1000 pages, and what the last commits added */
    struct tier tier = opened(l3, name, NULL), other = opened(l3, name, NULL);
    char key[20];
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof key, "%d", i);
        put(i % 2 ? &tier : &other, simple(key));
    }
    ok(log_of(&tier) > 0 && log_of(&tier) < LIMIT, "%s: the log has begun anew: %ld bytes", name, log_of(&tier));
    is_int(count(&other), 1500, "%s: and nothing is missing", name);
    close_tier(&tier);
    close_tier(&other);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(all_fields_round_trip, "fields");
        TEST(columns_are_the_reference_s, "columns");
        TEST(later_columns_are_added, "later");
        TEST(victims_follow_the_order, "victims");
        TEST(touches_add_up, "touch");
        TEST(expiry_goes_in_batches, "expire");
        TEST(two_handles_see_each_other, "two");
        TEST(walks_bear_changes, "walk");
        TEST(the_log_begins_anew, "log");
    }
    deletes_by_others_take_our_columns_along();
    update_keeps_created_at_and_history("history", NULL);
    update_keeps_created_at_and_history("history-shared", &(struct how){.compatible = "proxywhirl"});
    history_keeps_the_newest();
    old_l3_files_are_migrated();
    return finish();
}
