/* SPDX-License-Identifier: MIT
 *
 * Tiers that fail for real reasons: a full disk, a locked database, permissions, garbage, a torn file. The chain goes on
 * with the others, and a tier that comes back never serves what was replaced or deleted meanwhile: not in this process, nor
 * in another, nor after a restart.
 */
#include "../lib/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <proxtier/proxtier.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TTL = 100000 };
static char folder[] = "/tmp/proxtier-degrade-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;

static pxt_cache *open_yaml(const char *tiers)
{
    char yaml[2000];
    pxt_cache *opened = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\nlock_timeout: 300ms\n"
             "degrade: {threshold: 3, backoff: 100ms, backoff_max: 400ms}\ntiers: [%s]",
             tiers);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &opened, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return opened;
}

/* Memory, one JSONL log, a database. */
static const char *three(void)
{
    static char tiers[600];
    snprintf(tiers, sizeof tiers,
             "{plugin: l1_memory, max_entries: 4}, {plugin: l2_jsonl, shards: 1, lock_timeout: 50ms, dir: %s/l2}, "
             "{plugin: l3_sqlite, busy_timeout: 50ms, path: %s/l3.db}",
             folder, folder);
    return tiers;
}

/* The third tier without the others: what it holds by itself. */
static const char *only_third(void)
{
    static char tiers[300];
    snprintf(tiers, sizeof tiers, "{plugin: l3_sqlite, path: %s/l3.db}", folder);
    return tiers;
}
static const char *only_second(void)
{
    static char tiers[300];
    snprintf(tiers, sizeof tiers, "{plugin: l2_jsonl, shards: 1, dir: %s/l2}", folder);
    return tiers;
}

static void clean(void)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s/* && mkdir -p %s", folder, folder);
    if (system(command))
        diag("cannot clean up");
}

static pxt_status put(pxt_cache *into, const char *key, int64_t version)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, TTL + version); /* a put takes it over */
    return pxt_cache_put(into, &draft, NULL, &error);
}

/* The version, or the status with its sign changed. */
static int64_t version_in(pxt_cache *from, const char *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(from, key, &entry, &error);
    if (status)
        return -(int64_t)status;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return version;
}

static struct pxt_tier_stats tier(unsigned i)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return stats.tier[i];
}

static void name_key(char text[20], const char *prefix, int i)
{
    snprintf(text, 20, "%s%d", prefix, i);
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Back-offs are short here: within this time a tier whose cause is gone is on again. */
static bool comes_back(unsigned i)
{
    for (int n = 0; n < 100 && tier(i).state != PXT_TIER_ON; n++) {
        wait_ms(20);
        pxt_cache_tick(cache, NULL, NULL);
    }
    pxt_cache_tick(cache, NULL, NULL);
    return tier(i).state == PXT_TIER_ON;
}

/* While tier `i` fails: entries are replaced, deleted and added; it is turned off with a reason, others serve. */
static void live_without(unsigned i, const char *cause, const char *reason)
{
    char key[20];
    int failed = 0, wrong = 0;
    for (int n = 0; n < 8; n++) {
        name_key(key, "replaced", n);
        failed += put(cache, key, 2) != PXT_OK;
    }
    failed += pxt_cache_delete(cache, "deleted", &error) != PXT_OK;
    is_int(failed, 0, "%s: writes go on", cause);
    struct pxt_tier_stats stats = tier(i);
    is_int(stats.state, PXT_TIER_OFF, "%s: the tier is turned off", cause);
    ok(strstr(stats.reason, reason), "%s: its reason is told: %s", cause, stats.reason);
    ok(stats.failures >= 3 && stats.skipped > 0, "%s: failures and skipped calls are counted", cause);
    for (int n = 0; n < 8; n++) {
        name_key(key, "replaced", n);
        wrong += version_in(cache, key) != 2;
    }
    wrong += version_in(cache, "deleted") != -PXT_NOT_FOUND;
    wrong += version_in(cache, "untouched") != 1;
    is_int(wrong, 0, "%s: the others serve what was written last", cause);
}

static void prepare(void)
{
    char key[20];
    clean();
    cache = open_yaml(three());
    for (int n = 0; n < 8; n++) {
        name_key(key, "replaced", n);
        put(cache, key, 1);
    }
    put(cache, "deleted", 1);
    put(cache, "untouched", 1);
}

/* What a tier holds by itself, after it caught up. */
static void it_has_caught_up(const char *tiers, const char *cause)
{
    char key[20];
    int wrong = 0;
    pxt_cache *alone = open_yaml(tiers);
    for (int n = 0; n < 8; n++) {
        name_key(key, "replaced", n);
        wrong += version_in(alone, key) != 2;
    }
    wrong += version_in(alone, "deleted") != -PXT_NOT_FOUND;
    wrong += version_in(alone, "untouched") != 1;
    pxt_cache_close(alone);
    is_int(wrong, 0, "%s: afterwards the tier has what it missed, and not what was deleted", cause);
}

static void a_full_disk(void)
{
    struct rlimit limit, small;
    char key[20];
    clean();
    cache = open_yaml(three());
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    for (int n = 0; n < 8; n++) {
        name_key(key, "replaced", n);
        put(cache, key, 1);
    }
    put(cache, "deleted", 1);
    put(cache, "untouched", 1);
    for (int n = 0; n < 400; n++) { /* the log beyond the limit, the database's own log small again */
        name_key(key, "filler", n);
        put(cache, key, 1);
    }
    pxt_cache_close(cache);
    char path[100];
    struct stat file;
    snprintf(path, sizeof path, "%s/l2/shard_00.jsonl", folder);
    cache = open_yaml(three());
    small = limit;
    small.rlim_cur = !stat(path, &file) ? (rlim_t)file.st_size + 100 : 0;
    /* The limit concerns each file: the database is kept under it. */
    setrlimit(RLIMIT_FSIZE, &small);
    live_without(1, "full disk", "No space left");
    setrlimit(RLIMIT_FSIZE, &limit);
    ok(comes_back(1), "full disk: with space again the tier is on again");
    pxt_cache_close(cache);
    it_has_caught_up(only_second(), "full disk");
}

static void a_locked_database(void)
{
    char path[100];
    sqlite3 *db = NULL;
    prepare();
    snprintf(path, sizeof path, "%s/l3.db", folder);
    ok(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK,
       "someone holds the database");
    live_without(2, "locked database", "lock");
    pxt_cache *other = open_yaml(three()); /* another process, which has not failed yet */
    is_int(version_in(other, "replaced3"), 2, "locked database: a new process serves what was written last");
    is_int(version_in(other, "deleted"), -PXT_NOT_FOUND, "locked database: and not what was deleted");
    pxt_cache_close(other);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    ok(comes_back(2), "locked database: when it is let go the tier is on again");
    pxt_cache_close(cache);
    it_has_caught_up(only_third(), "locked database");
}

static void a_locked_log_and_another_process(void)
{
    char path[100];
    prepare();
    pxt_cache *other = open_yaml(three());
    version_in(other, "replaced1");
    snprintf(path, sizeof path, "%s/l2/shard_00.lock", folder);
    int fd = open(path, O_RDWR);
    ok(fd >= 0 && !flock(fd, LOCK_EX), "someone holds the log's lock");
    live_without(1, "locked log", "lock");
    flock(fd, LOCK_UN); /* the log works again: the other process never saw it fail */
    close(fd);
    is_int(version_in(other, "replaced1"), 2, "a process that did not see the tier fail does not serve the old entry");
    is_int(version_in(other, "replaced5"), 2, "nor one that it never read");
    is_int(version_in(other, "deleted"), -PXT_NOT_FOUND, "nor a deleted one");
    pxt_cache_close(other);
    pxt_cache_close(cache); /* without having caught up */
    cache = open_yaml(three());
    is_int(version_in(cache, "replaced2"), 2, "after a restart the old entry is not served either");
    is_int(version_in(cache, "deleted"), -PXT_NOT_FOUND, "nor a deleted one");
    pxt_cache_close(cache);
    it_has_caught_up(only_second(), "locked log");
}

static void permission_removed(void)
{
    char path[100], saved[100];
    prepare();
    pxt_cache_close(cache);
    cache = open_yaml(three()); /* the log is not open yet */
    snprintf(path, sizeof path, "%s/l2/shard_00.jsonl", folder);
    snprintf(saved, sizeof saved, "%s/l2/saved", folder);
    /* Root is not kept out by a mode; but a log that others can write is refused to anyone. */
    ok(!chmod(path, 0666), "the log's mode is not safe any more");
    live_without(1, "permission", "can be written by others");
    chmod(path, 0600);
    ok(comes_back(1), "permission: when it is mended the tier is on again");
    pxt_cache_close(cache);
    it_has_caught_up(only_second(), "permission");
}

static void garbage_for_a_database(void)
{
    char command[300];
    prepare();
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -f %s/l3.db-*; head -c 20480 /dev/urandom > %s/l3.db", folder, folder);
    is_int(system(command), 0, "the database is replaced by garbage");
    cache = open_yaml(three());
    is_int(version_in(cache, "untouched"), 1, "garbage: the others serve");
    pxt_cache_tick(cache, NULL, &error);
    ok(tier(2).evictions_corruption > 0, "garbage: it is counted");
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "ls %s/l3.db.bad-* >/dev/null", folder);
    is_int(system(command), 0, "garbage: it is put aside");
    pxt_cache *alone = open_yaml(only_third());
    is_int(version_in(alone, "untouched"), 1, "garbage: the new database is filled from the other tiers");
    pxt_cache_close(alone);
}

static void a_log_cut_in_the_middle_of_a_line(void)
{
    char path[100], key[20];
    struct stat file;
    int wrong = 0;
    prepare();
    snprintf(path, sizeof path, "%s/l2/shard_00.jsonl", folder);
    ok(!stat(path, &file) && !truncate(path, file.st_size - 700), "the log is cut in the middle of a line");
    put(cache, "after", 1);
    for (int n = 0; n < 8; n++) {
        name_key(key, "replaced", n);
        wrong += version_in(cache, key) != 1;
    }
    wrong += version_in(cache, "deleted") != 1;
    wrong += version_in(cache, "after") != 1;
    is_int(wrong, 0, "cut log: nothing is lost, the database has it");
    pxt_cache_close(cache);
    cache = open_yaml(three());
    is_int(version_in(cache, "after"), 1, "cut log: what was put after it is whole");
    pxt_cache_close(cache);
}

static void a_tier_that_misses_many_changes_lacks_none_afterwards(void)
{
    char path[100], key[20];
    int wrong = 0;
    clean();
    cache = open_yaml(three());
    for (int n = 0; n < 60; n++) {
        name_key(key, "k", n);
        put(cache, key, 1);
    }
    snprintf(path, sizeof path, "%s/l3.db", folder);
    sqlite3 *db = NULL;
    ok(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK,
       "someone holds the database");
    for (int n = 0; n < 40; n++) {
        name_key(key, "k", n);
        if (n % 4)
            put(cache, key, 2);
        else
            pxt_cache_delete(cache, key, NULL);
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    ok(comes_back(2), "the tier is on again");
    pxt_cache_close(cache);
    pxt_cache *alone = open_yaml(only_third());
    for (int n = 0; n < 60; n++) {
        name_key(key, "k", n);
        int64_t want = n >= 40 ? 1 : n % 4 ? 2 : -PXT_NOT_FOUND, got = version_in(alone, key);
        if (got != want)
            diag("%s: %lld, expected %lld", key, (long long)got, (long long)want);
        wrong += got != want;
    }
    pxt_cache_close(alone);
    is_int(wrong, 0, "it has all that it missed, nothing deleted came back, nothing untouched is lost");
}

static const char *behind(void)
{
    static char tiers[600];
    snprintf(tiers, sizeof tiers,
             "{plugin: l1_memory, max_entries: 4}, {plugin: l2_jsonl, shards: 1, max_entries: 50, eviction: fifo, dir: "
             "%s/l2}, "
             "{plugin: l3_sqlite, path: %s/l3.db, write_behind: true}",
             folder, folder);
    return tiers;
}

static void a_tier_that_is_written_behind(void)
{
    char key[20];
    int wrong = 0;
    clean();
    cache = open_yaml(behind());
    for (int n = 0; n < 40; n++) {
        name_key(key, "b", n);
        wrong += put(cache, key, n) != PXT_OK;
    }
    ok(tier(2).size < 40, "write behind: the database has not all at first");
    ok(pxt_cache_delete(cache, "b7", NULL) == PXT_OK && version_in(cache, "b7") == -PXT_NOT_FOUND,
       "write behind: what is deleted is gone");
    for (int n = 40; n < 120; n++) { /* the log evicts: the database is given what leaves */
        name_key(key, "b", n);
        wrong += put(cache, key, n) != PXT_OK;
    }
    for (int n = 0; n < 120; n++) {
        name_key(key, "b", n);
        wrong += version_in(cache, key) != (n == 7 ? -PXT_NOT_FOUND : n);
    }
    is_int(wrong, 0, "write behind: every get gives what was put");
    pxt_cache_tick(cache, NULL, NULL);
    is_int(tier(2).size, 119, "write behind: a tick writes what has gathered");
    put(cache, "b3", 1000);
    pxt_cache_close(cache);
    pxt_cache *alone = open_yaml(only_third());
    is_int(version_in(alone, "b3"), 1000, "write behind: and so does close");
    pxt_cache_close(alone);
}

/* The puts of a process that is killed are in the log; the next process gives them to the database. */
static void killed_while_writing_behind(void)
{
    int lost = 0, rounds = tap_amount(5), last = -1;
    for (int round = 0; round < rounds; round++) {
        int ack[2], number;
        char key[20];
        clean();
        if (pipe(ack))
            return;
        pid_t child = fork();
        if (!child) {
            pxt_cache *mine = open_yaml(behind());
            for (int n = 0; n < 100000; n++) {
                name_key(key, "w", n);
                if (put(mine, key, n) || write(ack[1], &n, sizeof n) != sizeof n)
                    _exit(1);
            }
            _exit(0);
        }
        close(ack[1]);
        last = -1;
        while (last < 100 + 300 * round && read(ack[0], &number, sizeof number) == sizeof number)
            last = number;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ack[0], &number, sizeof number) == sizeof number)
            last = number;
        close(ack[0]);
        cache = open_yaml(behind());
        for (int n = 0; n <= last; n++) {
            name_key(key, "w", n);
            lost += version_in(cache, key) != n;
        }
        pxt_cache_close(cache);
        cache = open_yaml(only_third());
        for (int n = 0; n <= last; n++) {
            name_key(key, "w", n);
            lost += version_in(cache, key) != n;
        }
        pxt_cache_close(cache);
    }
    is_int(lost, 0, "write behind: killed at any instant, nothing acknowledged is lost");
}

/* By an administrator, or a script that tidies up. */
static void the_page_that_is_removed_lets_no_old_entry_be_served(void)
{
    char path[200];
    snprintf(path, sizeof path, "%s/l3.db.page", folder);
    clean();
    cache = open_yaml(three());
    put(cache, "k", 1);
    is_int(version_in(cache, "k"), 1, "an entry is in the memory of a process");
    unlink(path);
    pxt_cache *other = open_yaml(three());
    is_int(put(other, "k", 2), PXT_OK, "the page is removed, and a process that starts later puts anew");
    is_int(version_in(cache, "absent"), -PXT_NOT_FOUND, "the first process asks for some key");
    is_int(version_in(cache, "k"), 2, "and then gives the new entry");
    unlink(path);
    pxt_cache *third = open_yaml(three());
    is_int(put(third, "k", 3), PXT_OK, "the page is removed again, and a third process puts anew");
    pxt_cache_tick(cache, NULL, &error);
    pxt_cache_tick(other, NULL, &error);
    is_int(version_in(cache, "k"), 3, "after maintenance the first process gives that");
    is_int(version_in(other, "k"), 3, "and so does the second");
    is_int(put(cache, "k", 4), PXT_OK, "the first process puts anew");
    is_int(version_in(third, "k"), 4, "and the third gives that at once");
    pxt_cache_close(third);
    pxt_cache_close(other);
    pxt_cache_close(cache);
}

static int64_t put_and_ask_version(const char *key)
{
    pxt_entry *entry = NULL;
    put(cache, key, 1);
    if (pxt_cache_get(cache, key, &entry, &error))
        return -1;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_VERSION);
    pxt_entry_release(entry);
    return version;
}

/* As after new starts of the machine. The first version of a page is ahead of the clock: so are those of the next. */
static void a_new_page_gives_greater_versions_than_all_before(void)
{
    char path[200], key[20];
    int64_t last = 0;
    int not_greater = 0;
    snprintf(path, sizeof path, "%s/l3.db.page", folder);
    clean();
    for (int start = 0; start < 4; start++) {
        unlink(path);
        cache = open_yaml(three());
        for (int n = 0; n < 5; n++) {
            name_key(key, "k", start * 5 + n);
            int64_t version = put_and_ask_version(key);
            not_greater += version <= last;
            last = version;
        }
        pxt_cache_close(cache);
    }
    is_int(not_greater, 0, "with each new page versions go on above all before");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    a_full_disk();
    a_locked_database();
    a_locked_log_and_another_process();
    permission_removed();
    garbage_for_a_database();
    a_log_cut_in_the_middle_of_a_line();
    a_tier_that_misses_many_changes_lacks_none_afterwards();
    a_tier_that_is_written_behind();
    killed_while_writing_behind();
    the_page_that_is_removed_lets_no_old_entry_be_served();
    a_new_page_gives_greater_versions_than_all_before();
    clean();
    rmdir(folder);
    return tap_done();
}
