/* SPDX-License-Identifier: MIT
 *
 * sqlite_faults_test: what the SQLite tiers do when things go wrong: locks of others, damage, foreign hands, kill -9,
 * files that are gone or open to others; and many threads at once.
 */
#include "../lib/sqlite_kit.h"

/* The bytes, the mode and the time of change of a file, as one text. */
static const char *state_of(const char *path)
{
    static char state[2][400];
    static int which;
    struct stat file = {0};
    unsigned long long sum = 14695981039346656037ull;
    int byte;
    FILE *in = fopen(path, "rb");
    while (in && (byte = getc(in)) != EOF)
        sum = (sum ^ (unsigned)byte) * 1099511628211ull;
    if (in)
        fclose(in);
    which = !which;
    if (stat(path, &file))
        return "absent";
    snprintf(state[which], sizeof *state, "mode %o, %lld bytes, sum %llx, changed %lld.%09ld", (unsigned)file.st_mode,
             (long long)file.st_size, sum, (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
    return state[which];
}

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "wb");
    if (out) {
        fputs(text, out);
        fclose(out);
    }
}

/* Opens the tier on a file of another kind. */
static void is_refused(const char *place, const char *path, const char *what)
{
    struct tier tier;
    char before[400];
    struct pxt_error error = {.message = ""};
    snprintf(before, sizeof before, "%s", state_of(path));
    is_int(open_tier(&tier, true, place, NULL, &error), PXT_ECONFIG, "%s is refused", what);
    ok(strstr(error.message, path) && strstr(error.message, "another path"), "%s: the path and a remedy are named (%s)",
       what, error.message);
    is_str(state_of(path), before, "%s is left as it is", what);
    is_int(found("%s.*", path) + found("%s-*", path), 0, "%s: no other file appears beside it", what);
    close_tier(&tier);
}

static void files_of_others_are_left_alone(void)
{
    char path[400];
    make_place("foreign");
    snprintf(path, sizeof path, "%s/foreign/px.db", root);
    write_text(path, "my notes\n");
    chmod(path, 0644);
    is_refused("foreign", path, "a text file");
    write_text(path, "BEGIN TRANSACTION;\nCREATE TABLE cache_entries (\n    key TEXT PRIMARY KEY\n);\nCOMMIT;\n");
    is_refused("foreign", path, "a dump of a cache");
    unlink(path);
    sql(path, "CREATE TABLE cache_entries(id INTEGER, body TEXT)");
    chmod(path, 0644);
    is_refused("foreign", path, "a database with another table of that name");
    unlink(path);
    sql(path, "CREATE TABLE l2_cache(a);CREATE TABLE proxtier_quarantine(x)");
    is_refused("foreign", path, "a database with other tables of our names");
    unlink(path);
    sql(path, "CREATE TABLE bookmarks(id INTEGER, body TEXT);INSERT INTO bookmarks VALUES(1,'x')");
    is_refused("foreign", path, "a database without our tables");
    unlink(path);
    write_text(path, "SQLite format 3");
    is_refused("foreign", path, "the start of a header");
    unlink(path);
    write_text(path, "");
    chmod(path, 0600);
    struct tier tier = opened(true, "foreign", NULL);
    ok(put(&tier, simple("k")) == PXT_OK, "an empty file has nothing to lose: it is used");
    close_tier(&tier);
}

/* The core's mark stays when a user puts another file in the place of the cache. */
static void marked_text_is_left_alone(void)
{
    char path[400], marker[440];
    struct tier tier;
    struct pxt_error error = {.message = ""};
    make_place("marked");
    snprintf(path, sizeof path, "%s/marked/px.db", root);
    snprintf(marker, sizeof marker, "%s.coherence", path);
    write_text(path, "my notes\n");
    chmod(path, 0600);
    write_text(marker, "");
    is_int(open_tier(&tier, true, "marked", NULL, &error), PXT_ECONFIG,
           "a text file beside the core's mark is refused");
    is_int(found("%s.bad-*", path), 0, "and stays where it is");
    close_tier(&tier);
}

static void lock_of_another_process_times_out(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, &(struct how){.busy = "100ms"});
    struct pxt_error error = {.message = ""};
    sqlite3 *other = open_db(tier.path);
    sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    pxt_entry *entry = simple("k"), *out;
    is_int(tier.ops->put(tier.self, entry, &error), PXT_EBUSY, "%s: a lock held for longer than the timeout", name);
    ok(strstr(error.message, tier.path) && strstr(error.message, "busy_timeout"), "%s: file and remedy are named",
       name);
    is_int(get(&tier, "k", &out), PXT_NOT_FOUND, "%s: readers do not wait for it", name);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    is_int(tier.ops->put(tier.self, entry, NULL), PXT_OK, "%s: afterwards all is well", name);
    host.host.entry_release(entry);
    close_tier(&tier);
}

static void write_garbage(const char *path, long at, size_t n)
{
    int fd = open(path, O_WRONLY);
    if (lseek(fd, at, SEEK_SET) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (write(fd, &"garbage!"[i % 8], 1) != 1)
            break;
    close(fd);
}

static void garbage_is_moved_aside(bool l3, const char *name)
{
    char path[440];
    pxt_entry *out;
    struct tier tier = opened(l3, name, NULL);
    put(&tier, simple("k"));
    close_tier(&tier);
    snprintf(path, sizeof path, "%s.coherence", tier.path);
    write_text(path, "");
    write_garbage(tier.path, 0, 4096);
    tier = opened(l3, name, NULL);
    is_int(found("%s.bad-2026????T??????Z", tier.path), 1, "%s: a file that is none is moved aside", name);
    is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: and counted", name);
    is_int(put(&tier, simple("k")), PXT_OK, "%s: a new one takes its place", name);
    is_int(get(&tier, "k", &out), PXT_OK, "%s: and works", name);
    host.host.entry_release(out);
    close_tier(&tier);
}

static void damage_found_at_work_is_mended(bool l3, const char *name)
{
    char keys[20];
    pxt_status status = PXT_OK;
    pxt_entry *out;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < 400; i++) {
        snprintf(keys, sizeof keys, "key%03d", i);
        put(&tier, complete(keys));
    }
    close_tier(&tier);
    tier = opened(l3, name, NULL);
    struct stat file;
    stat(tier.path, &file);
    write_garbage(tier.path, 8192, (size_t)file.st_size / 2 - 8192);
    for (int i = 0; i < 400 && status <= PXT_NOT_FOUND; i++) {
        snprintf(keys, sizeof keys, "key%03d", i);
        status = get(&tier, keys, &out);
        host.host.entry_release(out);
    }
    ok(status <= PXT_NOT_FOUND, "%s: damage under way is repaired within the call", name);
    is_int(put(&tier, simple("fresh")), PXT_OK, "%s: a put goes to the new file", name);
    is_int(found("%s.bad-2026????T??????Z", tier.path), 1, "%s: with the damaged file aside", name);
    is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: counted once", name);
    ok(count(&tier) > 1 && count(&tier) < 402, "%s: what could be read was kept (%lld)", name, count(&tier));
    is_str(ask(tier.path, "PRAGMA integrity_check"), "ok", "%s: the new file is sound", name);
    close_tier(&tier);
}

static void unreadable_rows_are_quarantined(bool l3, const char *name)
{
    char text[600];
    unsigned seen = 0;
    pxt_entry *out;
    struct tier tier = opened(l3, name, NULL);
    for (const char *key = "abcdefg"; *key; key++)
        put(&tier, simple((char[]){*key, '\0'}));
    is_int(count(&tier), 7, "%s: seven rows", name);
    snprintf(text, sizeof text,
             "UPDATE %1$s SET fetch_time='yesterday' WHERE key='a';UPDATE %1$s SET health_status='sick' WHERE key='b';"
             "UPDATE %1$s SET packed=x'0c01' WHERE key='c';UPDATE %1$s SET proxy_url=x'ff00' WHERE key='d';"
             "UPDATE %1$s SET key=NULL WHERE key='e';UPDATE %1$s SET expires_at=9e999 WHERE key='f'",
             tier.table);
    is_int(sql(tier.path, text), 0, "%s: six of them spoilt by a foreign hand", name);
    is_int(get(&tier, "a", &out), PXT_NOT_FOUND, "%s: an unreadable row is none", name);
    is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: and is counted", name);
    is_int(tier.ops->each(tier.self, count_entries, &seen, NULL), PXT_OK, "%s: a walk goes on over the others", name);
    is_int(seen, 1, "%s: and finds the good one", name);
    is_int((long long)tier.ops->corruptions(tier.self), 6, "%s: all six are counted", name);
    is_int(count(&tier), 1, "%s: one is left", name);
    is_str(ask(tier.path, "SELECT count(*) FROM proxtier_quarantine WHERE reason<>''"), "6",
           "%s: the others are kept aside", name);
    close_tier(&tier);
}

/* Rows that no entry can be made of are none; the others are given, also beside them. */
static void get_many_passes_over_unreadable_rows(bool l3, const char *name)
{
    enum { N = 6 };
    static const char *const texts[N] = {"a", "b", "missing", "c", "a", "d"};
    struct tier tier = opened(l3, name, NULL);
    struct pxt_key key[N];
    const struct pxt_key *keys[N];
    pxt_entry *out[N];
    struct pxt_error error = {.message = ""};
    char text[300];
    for (const char *each = "abcd"; *each; each++)
        put(&tier, simple((char[]){*each, '\0'}));
    snprintf(text, sizeof text,
             "UPDATE %1$s SET fetch_time='yesterday' WHERE key='b';UPDATE %1$s SET proxy_url=x'ff00' WHERE key='c'",
             tier.table);
    is_int(sql(tier.path, text), 0, "%s: of four rows a foreign hand has spoilt two", name);
    for (int i = 0; i < N; i++) {
        key[i] = key_of(texts[i]);
        keys[i] = &key[i];
    }
    for (int round = 0; round < 2; round++) {
        is_int(tier.ops->get_many(tier.self, keys, N, PXT_GET_PEEK, out, &error), PXT_OK, "%s: get_many goes on", name);
        ok(out[0] && out[4] && out[5] && !out[1] && !out[2] && !out[3], "%s: and gives the good ones, one twice", name);
        for (int i = 0; i < N; i++)
            host.host.entry_release(out[i]);
        is_int((long long)tier.ops->corruptions(tier.self), 2, "%s: each unreadable row is counted once", name);
    }
    is_str(ask(tier.path, "SELECT count(*) FROM proxtier_quarantine WHERE reason<>''"), "2", "%s: and kept aside",
           name);
    close_tier(&tier);
}

static void put_many_is_all_or_none(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    char text[200];
    struct pxt_error error = {.message = ""};
    pxt_entry *entries[] = {simple("a"), simple("b"), simple("c")};
    snprintf(text, sizeof text,
             "CREATE TRIGGER no BEFORE INSERT ON %s WHEN new.key='c' BEGIN SELECT RAISE(ABORT,'no'); END", tier.table);
    sql(tier.path, text);
    ok(tier.ops->put_many(tier.self, entries, 3, &error) > PXT_NOT_FOUND, "%s: put_many where the last one fails",
       name);
    is_int(count(&tier), 0, "%s: stores none", name);
    ok(!has(&tier, "a") && !has(&tier, "b"), "%s: really", name);
    sql(tier.path, "DROP TRIGGER no");
    is_int(tier.ops->put_many(tier.self, entries, 3, &error), PXT_OK, "%s: and all of them otherwise", name);
    is_int(count(&tier), 3, "%s: three", name);
    for (int i = 0; i < 3; i++)
        host.host.entry_release(entries[i]);
    close_tier(&tier);
}

static void killed_writers_lose_nothing_acknowledged(bool l3, const char *name)
{
    struct tier tier;
    int lost = 0, acknowledged = 0, unreadable = 0;
    for (int round = 0; round < 12; round++) {
        int pipe_fd[2], last = -1, value;
        if (pipe(pipe_fd))
            return;
        pid_t child = fork();
        if (!child) {
            char key[40];
            close(pipe_fd[0]);
            tier = opened(l3, name, NULL);
            for (int i = 0;; i++) {
                snprintf(key, sizeof key, "r%d-%d", round, i);
                if (put(&tier, i % 2 ? complete(key) : simple(key)) || write(pipe_fd[1], &i, sizeof i) != sizeof i)
                    _exit(1);
            }
        }
        close(pipe_fd[1]);
        for (int i = 0; i < 10 + 37 * round && read(pipe_fd[0], &value, sizeof value) == sizeof value; i++)
            last = value;
        kill(child, SIGKILL);
        while (read(pipe_fd[0], &value, sizeof value) == sizeof value)
            last = value;
        close(pipe_fd[0]);
        waitpid(child, NULL, 0);
        tier = opened(l3, name, NULL);
        unreadable += tier.ops->corruptions(tier.self) != 0;
        for (int i = 0; i <= last; i++, acknowledged++) {
            char key[40];
            snprintf(key, sizeof key, "r%d-%d", round, i);
            lost += !has(&tier, key);
        }
        close_tier(&tier);
    }
    ok(acknowledged > 1000 && !lost && !unreadable, "%s: of %d acknowledged entries %d were lost by kill -9", name,
       acknowledged, lost);
}

static void files_are_private(bool l3, const char *name)
{
    static const char *const suffix[] = {"", "-wal", "-shm"};
    struct tier tier;
    struct pxt_error error = {.message = ""};
    char path[430];
    umask(0);
    tier = opened(l3, name, NULL);
    put(&tier, simple("k"));
    for (int i = 0; i < 3; i++) {
        struct stat file = {0};
        snprintf(path, sizeof path, "%s%s", tier.path, suffix[i]);
        is_int(stat(path, &file) ? -1 : (long long)(file.st_mode & 07777), 0600, "%s: %s has mode 0600", name,
               i ? suffix[i] : "the file");
    }
    umask(0022);
    close_tier(&tier);
    chmod(tier.path, 0644);
    tier = opened(l3, name, NULL);
    struct stat file;
    stat(tier.path, &file);
    is_int(file.st_mode & 0777, 0600, "%s: a file of ProxyWhirl's that others could read is closed to them", name);
    close_tier(&tier);
    chmod(tier.path, 0660);
    is_int(open_tier(&tier, l3, name, NULL, &error), PXT_EACCES, "%s: a file that others could write is refused", name);
    ok(strstr(error.message, "chmod go-w"), "%s: with the remedy", name);
    close_tier(&tier);
    umask(0777);
    snprintf(path, sizeof path, "%s-u", name);
    is_int(open_tier(&tier, l3, path, NULL, &error), PXT_OK, "%s: a umask of 0777 does no harm", name);
    umask(0022);
    close_tier(&tier);
}

static void removed_files_are_made_anew(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    char path[430];
    pxt_entry *out;
    put(&tier, simple("k"));
    unlink(tier.path);
    snprintf(path, sizeof path, "%s-wal", tier.path);
    unlink(path);
    snprintf(path, sizeof path, "%s-shm", tier.path);
    unlink(path);
    is_int(put(&tier, simple("new")), PXT_OK, "%s: put after somebody removed the file", name);
    close_tier(&tier);
    tier = opened(l3, name, NULL);
    is_int(get(&tier, "new", &out), PXT_OK, "%s: went to a new file, not into nowhere", name);
    host.host.entry_release(out);
    close_tier(&tier);
}

struct job {
    struct tier *tier;
    int number;
    unsigned failures;
};

static void *work(void *arg)
{
    struct job *job = arg;
    char text[40];
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "t%d-%d", job->number, i % 50);
        struct pxt_key key = key_of(text);
        pxt_entry *entry = complete(text), *out = NULL;
        uint64_t n;
        job->failures += job->tier->ops->put(job->tier->self, entry, NULL) != PXT_OK;
        job->failures += job->tier->ops->get(job->tier->self, &key, 0, &out, NULL) != PXT_OK || !same(entry, out);
        job->failures += job->tier->ops->count(job->tier->self, &n, NULL) != PXT_OK;
        host.host.entry_release(out);
        host.host.entry_release(entry);
        if (i % 5 == 4)
            job->failures += job->tier->ops->del(job->tier->self, &key, PXT_REMOVE_DELETED, NULL) != PXT_OK;
        if (i % 100 == 50) {
            unsigned seen = 0;
            job->failures += job->tier->ops->each(job->tier->self, count_entries, &seen, NULL) != PXT_OK;
            job->failures += job->tier->ops->maintain(job->tier->self, NULL) != PXT_OK;
            job->failures += job->tier->ops->sync(job->tier->self, NULL) != PXT_OK;
        }
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(bool l3, const char *name)
{
    enum { THREADS = 6 };
    struct tier tier = opened(l3, name, &(struct how){.sync = "none"});
    struct job job[THREADS];
    pthread_t thread[THREADS];
    unsigned failures = 0;
    for (int i = 0; i < THREADS; i++) {
        job[i] = (struct job){.tier = &tier, .number = i};
        pthread_create(&thread[i], NULL, work, &job[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        failures += job[i].failures;
    }
    is_int(failures, 0, "%s: six threads, each reads what it wrote", name);
    char text[100];
    snprintf(text, sizeof text, "SELECT count(*) FROM %s", tier.table);
    is_int(count(&tier), atoi(ask(tier.path, text)), "%s: and the count is exact", name);
    close_tier(&tier);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(lock_of_another_process_times_out, "locked");
        TEST(garbage_is_moved_aside, "garbage");
        TEST(damage_found_at_work_is_mended, "damage");
        TEST(unreadable_rows_are_quarantined, "rows");
        TEST(get_many_passes_over_unreadable_rows, "many-rows");
        TEST(put_many_is_all_or_none, "many");
        TEST(killed_writers_lose_nothing_acknowledged, "kill");
        TEST(files_are_private, "private");
        TEST(removed_files_are_made_anew, "removed");
        TEST(threads_do_not_disturb_each_other, "threads");
    }
    files_of_others_are_left_alone();
    marked_text_is_left_alone();
    return finish();
}
