/* SPDX-License-Identifier: MIT
 *
 * sqlite_salvage_test: a salvage of an SQLite tier that ends in the middle, and beside writers of other processes.
 */
#include "../lib/sqlite_damage_kit.h"
#include <semaphore.h>

/* ---- ends in the middle ---- */

static struct {
    int at, seen; /* the rename or link that fails; 0: all succeed */
    bool kill;
} fault;

static bool fails_now(const char *path)
{
    if (strncmp(path, root, strlen(root)) || !fault.at || ++fault.seen != fault.at)
        return false;
    if (fault.kill)
        kill(getpid(), SIGKILL);
    errno = EIO;
    return true;
}

/* In the place of the functions of the C library, for the plugins too. */
__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    return fails_now(from) ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

__attribute__((visibility("default"))) int link(const char *from, const char *to)
{
    return fails_now(from) ? -1 : linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

enum { IN_LOG = 20, STEPS = 8 };

static const char *log_key(int number)
{
    static char key[20];
    snprintf(key, sizeof key, "log%02d", number);
    return key;
}

static void write_image(const char *path, const struct image *image)
{
    FILE *out = fopen(path, "wb");
    if (out) {
        fwrite(image->bytes, 1, image->size, out);
        fclose(out);
    }
    chmod(path, 0600);
}

/* Puts entries that stand in the log only, for their process ends without closing. */
static struct image filled_log(const struct tier *tier, bool l3, const char *name)
{
    char path[500];
    pid_t child = fork();
    if (!child) {
        struct tier writer = opened(l3, name, NULL);
        for (int i = 0; i < IN_LOG; i++)
            put(&writer, simple(log_key(i)));
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    snprintf(path, sizeof path, "%s-wal", tier->path);
    return read_image(path);
}

/* Meets the damage, and a fault at that step, while another process has the file open, so that no checkpoint empties the
 * log. */
static void meet(bool l3, const char *path, const char *name, int at, bool killed)
{
    struct tier tier;
    sqlite3 *other = open_db(path);
    sqlite3_db_config(other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_exec(other, "SELECT name FROM sqlite_schema", NULL, NULL, NULL);
    struct pxt_error error = {.message = ""};
    unsigned seen = 0;
    fault.seen = 0;
    fault.kill = killed;
    fault.at = at;
    if (!open_tier(&tier, l3, name, &fast, &error))
        tier.ops->each(tier.self, count_entries, &seen, &error);
    close_tier(&tier);
    sqlite3_close(other);
    fault.at = 0;
}

static int missing_from_log(struct tier *tier)
{
    int missing = 0;
    for (int i = 0; i < IN_LOG; i++)
        missing += !has(tier, log_key(i));
    return missing;
}

static void each_step_is_recovered(bool l3, const char *name)
{
    struct tier tier;
    char path[500];
    struct image image = filled(&tier, l3, name), log = filled_log(&tier, l3, name);
    snprintf(path, sizeof path, "%s-wal", tier.path);
    overwrite_page(&image, find_key(&image, 120, 13));
    for (int i = 0; i < 2 * STEPS; i++) {
        int at = 1 + i / 2;
        bool killed = i % 2;
        restore(tier.path, &image, image.size);
        write_image(path, &log);
        pid_t child = killed ? fork() : 0;
        if (!child)
            meet(l3, tier.path, name, at, killed);
        if (killed && !child)
            _exit(0);
        if (killed)
            waitpid(child, NULL, 0);
        tier = opened(l3, name, &fast);
        tier.ops->each(tier.self, count_entries, &(unsigned){0}, NULL);
        is_int(missing_from_log(&tier), 0, "%s: step %d %s: what stood in the log is kept", name, at,
               killed ? "is the last" : "fails");
        ok(count(&tier) > ENTRIES + IN_LOG - 60 && has(&tier, key_text(0)), "%s: and the other entries (%lld)", name,
           count(&tier));
        is_int(found("%s.salvage*", tier.path), 0, "%s: no intermediate file is left", name);
        is_int(found("%s.bad-????????T??????Z", tier.path), 1, "%s: the damaged file is kept", name);
        is_int(found("%s.bad-????????T??????Z-wal", tier.path), 1, "%s: with its log", name);
        close_tier(&tier);
    }
    free(image.bytes);
    free(log.bytes);
}

/* ---- a writer beside a salvage ---- */

static struct {
    struct tier other;
    pthread_t salvager, thread;
    bool wait, reading, met, acknowledged;
    sem_t begun;
} beside;

static void *write_beside(void *arg)
{
    (void)arg;
    beside.acknowledged = put(&beside.other, simple("beside")) == PXT_OK;
    return NULL;
}

/* When the salvage has read all rows another process writes: at once, or it waits for the lock until the end. */
static int see_statement(unsigned type, void *arg, void *statement, void *text)
{
    const char *sql_text = sqlite3_sql(statement);
    bool salvager = pthread_equal(pthread_self(), beside.salvager);
    (void)type;
    (void)arg;
    (void)text;
    if (salvager && strstr(sql_text, " m NOT INDEXED WHERE m.rowid>=?1")) {
        beside.reading = true;
    } else if (salvager && beside.reading && !beside.met && !strcmp(sql_text, "COMMIT")) {
        beside.met = true;
        if (!beside.wait)
            write_beside(NULL);
        else if (!pthread_create(&beside.thread, NULL, write_beside, NULL))
            sem_wait(&beside.begun);
    } else if (!salvager && !strcmp(sql_text, "BEGIN IMMEDIATE")) {
        sem_post(&beside.begun);
    }
    return 0;
}

static int watch_statements(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see_statement, NULL);
}

static void salvage_beside_a_writer(bool l3, const char *name, bool wait)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    overwrite_page(&image, find_key(&image, 120, 13));
    restore(tier.path, &image, image.size);
    beside.salvager = pthread_self();
    beside.wait = wait;
    beside.reading = beside.met = beside.acknowledged = false;
    sem_init(&beside.begun, 0, 0);
    sqlite3_auto_extension((void (*)(void))watch_statements);
    beside.other = opened(l3, name, &(struct how){.busy = wait ? "60s" : "1ms", .sync = "none"});
    tier = opened(l3, name, &fast);
    unsigned seen = 0;
    tier.ops->each(tier.self, count_entries, &seen, NULL);
    if (wait && beside.met)
        pthread_join(beside.thread, NULL);
    sqlite3_reset_auto_extension();
    ok(beside.met && found("%s.bad-????????T??????Z", tier.path) == 1, "%s: another process writes during a salvage",
       name);
    if (wait)
        ok(beside.acknowledged, "%s: a writer that waits for the end of the salvage can write", name);
    ok(!beside.acknowledged || has(&tier, "beside"), "%s: an acknowledged entry is in the new file", name);
    is_int(put(&beside.other, simple("after")), PXT_OK, "%s: afterwards it writes", name);
    ok(has(&tier, "after"), "%s: to the new file", name);
    close_tier(&beside.other);
    close_tier(&tier);
    sem_destroy(&beside.begun);
    free(image.bytes);
}

static void writes_during_a_salvage_are_kept(bool l3, const char *name)
{
    salvage_beside_a_writer(l3, name, false);
}

static void writes_that_wait_for_a_salvage_are_kept(bool l3, const char *name)
{
    salvage_beside_a_writer(l3, name, true);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(each_step_is_recovered, "steps");
        TEST(writes_during_a_salvage_are_kept, "during");
        TEST(writes_that_wait_for_a_salvage_are_kept, "wait");
    }
    return finish();
}
